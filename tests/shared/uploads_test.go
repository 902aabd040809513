package shared_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
	"groupkit/internal/key"
	"groupkit/internal/sharedmem"
	"groupkit/store"
	"groupkit/store/memblob"
)

// A process that knows that its upload failed ends the reservation: at once, or when the store or the
// contents answer again. Only the reservation of a dead process waits for an hour.
func TestActor_UploadFile_failed(t *testing.T) {
	t.Parallel()
	broken := iotest.ErrReader(io.ErrUnexpectedEOF)
	for name, c := range map[string]struct {
		content io.Reader
		within  time.Duration // after the upload and after the disturbance
		files   int           // that are shared
		disturb func(f *faults, x *flaky) (calm func())
	}{
		"answer to the removal lost": {broken, 0, 0, func(f *faults, _ *flaky) func() {
			f.nth(2, sharedmem.UnknownLost)
			return func() {}
		}},
		"no answer to the removal": {broken, 3 * time.Minute, 0, func(f *faults, _ *flaky) func() {
			f.nth(2, sharedmem.UnknownLost)
			f.then(sharedmem.UnknownLost)
			return func() { f.always(sharedmem.Made) }
		}},
		"contents refuse the removal": {broken, 3 * time.Minute, 0, func(_ *faults, x *flaky) func() {
			x.keeps.Store(true)
			return func() { x.keeps.Store(false) }
		}},
		"no answer to the reservation": {strings.NewReader("x"), 3 * time.Minute, 0, func(f *faults, _ *flaky) func() {
			f.nth(1, sharedmem.UnknownMade)
			f.then(sharedmem.UnknownLost)
			return func() { f.always(sharedmem.Made) }
		}},
		"no answer, not shared": {strings.NewReader("x"), 3 * time.Minute, 0, func(f *faults, _ *flaky) func() {
			f.nth(2, sharedmem.UnknownLost)
			f.then(sharedmem.UnknownLost)
			return func() { f.always(sharedmem.Made) }
		}},
		"no answer, shared": {strings.NewReader("x"), 3 * time.Minute, 1, func(f *faults, x *flaky) func() {
			f.nth(2, sharedmem.UnknownMade)
			x.breaks.Store(true)
			return func() { x.down.Store(false) }
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f, x := new(faults), &flaky{Blobs: memblob.New()}
				w := &cluster{t, sharedmem.New(sharedmem.Options{Numbers: true, Fault: func(n int) sharedmem.Outcome {
					outcome := f.next(n)
					if outcome != sharedmem.Made && x.breaks.Load() {
						x.down.Store(true)
					}
					return outcome
				}}), x.Blobs}
				p := w.openOver(flakyStore{w.data.Open(), x}, grouptest.KeptBlobs{Blobs: x})
				defer p.Close()
				w.create(p, "g")
				require.NoError(t, grouptest.ErrorOf(p.System().UploadFile(t.Context(), "g", "first", strings.NewReader("x"))))
				calm := c.disturb(f, x)
				err := grouptest.ErrorOf(p.System().UploadFile(t.Context(), "g", "second", c.content))
				require.Error(t, err)
				time.Sleep(time.Minute) // the disturbance lasts
				calm()
				time.Sleep(c.within)
				synctest.Wait()
				require.Empty(t, w.keys(key.Uploads()))
				require.Empty(t, w.keys(key.AllToGo()))
				require.Len(t, grouptest.ContentIDs(t, w.blobs), 1+c.files)
				files, _, err := p.System().FilesFrom(t.Context(), "g", groupkit.From{})
				require.NoError(t, err)
				require.Len(t, files, 1+c.files)
				grouptest.RequireVerified(t, p.Engine)
			})
		})
	}
}

// A flaky process is one whose contents refuse to delete, and whose store is down, while it is told so.
type flaky struct {
	*memblob.Blobs
	keeps  atomic.Bool
	down   atomic.Bool
	breaks atomic.Bool // the store is down after a lost answer
}

func (x *flaky) Delete(ctx context.Context, id string) error {
	if x.keeps.Load() {
		return errors.New("not now")
	}
	return x.Blobs.Delete(ctx, id)
}

type flakyStore struct {
	*sharedmem.Store
	x *flaky
}

func (s flakyStore) Update(ctx context.Context, fn func(store.Writer) error) error {
	if s.x.down.Load() {
		return errors.New("the store is down")
	}
	return s.Store.Update(ctx, fn)
}
