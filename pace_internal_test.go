package groupkit

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// paced returns how long work takes, of which each part is followed by giveWay.
func paced(t *testing.T, p *pace, parts ...time.Duration) time.Duration {
	began := time.Now()
	for _, part := range parts {
		time.Sleep(part)
		require.NoError(t, p.giveWay(t.Context()))
	}
	return time.Since(began)
}

func TestPace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const ms, us = time.Millisecond, time.Microsecond
		eng := new(Engine)
		p := eng.newPace()
		require.Equal(t, 8*ms, paced(t, p, 3*ms, 5*ms), "nobody waits")
		end := running(&eng.meters.updating)
		require.Equal(t, 24*ms, paced(t, p, 3*ms, 5*ms))
		require.Equal(t, 999*us, paced(t, p, 333*us, 333*us, 333*us), "it rests after a millisecond")
		require.Equal(t, 3*ms-999*us, paced(t, p, us))

		r := p.reader(t.Context(), readerFunc(func(b []byte) (int, error) { time.Sleep(7 * ms); return len(b), nil }))
		w := p.writer(writerFunc(func([]byte) error { time.Sleep(9 * ms); return nil }))
		began := time.Now()
		_, err := io.ReadFull(r, make([]byte, 10))
		require.NoError(t, err)
		_, err = w.Write(nil)
		require.NoError(t, err)
		require.NoError(t, p.giveWay(t.Context()))
		require.Equal(t, 16*ms, time.Since(began), "the time of others is no work")
		time.Sleep(4 * ms)
		_, err = io.ReadFull(r, make([]byte, 10))
		require.NoError(t, err)
		require.Equal(t, (16+4+2*4+7)*ms, time.Since(began), "a read gives way")

		ctx, cancel := context.WithCancelCause(t.Context())
		stopped := errors.New("stopped")
		time.AfterFunc(ms, func() { cancel(stopped) })
		time.Sleep(time.Hour)
		synctest.Wait()
		require.ErrorIs(t, p.giveWay(ctx), stopped, "a rest of two hours ends with the context")
		end()
		require.Equal(t, time.Hour, paced(t, eng.newPace(), time.Hour))
	})
}

type readerFunc func([]byte) (int, error)

func (r readerFunc) Read(b []byte) (int, error) { return r(b) }

// What reads earlier backups gives way too, and nil stays nil.
func TestPace_seekers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		eng := new(Engine)
		defer running(&eng.meters.updating)()
		p := eng.newPace()
		all := []io.ReadSeeker{nil, bytes.NewReader([]byte("read")), (*bytes.Reader)(nil)}
		before := all[1]
		seekers := p.seekers(t.Context(), all)
		require.Same(t, before, all[1], "the caller's slice is not changed")
		require.Nil(t, seekers[0])
		require.Nil(t, seekers[2])
		at, err := seekers[1].Seek(2, io.SeekStart)
		require.NoError(t, err)
		require.EqualValues(t, 2, at)
		began := time.Now()
		time.Sleep(time.Second)
		b, err := io.ReadAll(seekers[1])
		require.NoError(t, err)
		require.Equal(t, "ad", string(b))
		require.Equal(t, 3*time.Second, time.Since(began))
	})
}
