package groupkit

import (
	"context"
	"io"
	"slices"
	"time"
)

// A pace makes long work give way to calls that change groups. While one is under way, the work rests: twice as long as it
// has worked since the last rest. So it takes at most three times as long as alone. Without the rests, a commit that comes back from the
// disk can wait ten milliseconds for the processor that the work holds: 64 writers on two processors lose a third of their rate.
type pace struct {
	eng   *Engine
	since time.Time // when the work went on, later by the time that is no work
}

const (
	workTime   = time.Millisecond // the least work between two rests
	restFactor = 2                // how long a rest is, compared with the work before it
)

func (e *Engine) newPace() *pace { return &pace{eng: e, since: time.Now()} }

// giveWay rests if it is time to. The work calls it often.
func (p *pace) giveWay(ctx context.Context) error {
	worked := time.Since(p.since)
	if worked < workTime {
		return nil
	}
	if p.eng.meters.updating.Load() > 0 {
		rest := time.NewTimer(restFactor * worked)
		defer rest.Stop()
		select {
		case <-rest.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	p.since = time.Now()
	return nil
}

// pause begins time that is no work, because somebody else works. It returns a function that ends it.
func (p *pace) pause() (end func()) {
	began := time.Now()
	return func() { p.since = p.since.Add(time.Since(began)) }
}

// writer returns w, whose time is no work.
func (p *pace) writer(w io.Writer) io.Writer {
	return writerFunc(func(b []byte) error {
		defer p.pause()()
		_, err := w.Write(b)
		return err
	})
}

// reader returns a reader of r, whose time is no work. Before each Read it gives way.
func (p *pace) reader(ctx context.Context, r io.Reader) io.Reader { return &pacedReader{p, ctx, r} }

// seekers are readers of all, which may have nil among them.
func (p *pace) seekers(ctx context.Context, all []io.ReadSeeker) []io.ReadSeeker {
	paced := slices.Clone(all)
	for i, r := range all {
		if !isNil(r) {
			paced[i] = struct {
				io.Reader
				io.Seeker
			}{p.reader(ctx, r), r}
		}
	}
	return paced
}

type pacedReader struct {
	pace *pace
	ctx  context.Context
	io.Reader
}

func (r *pacedReader) Read(b []byte) (int, error) {
	if err := r.pace.giveWay(r.ctx); err != nil {
		return 0, err
	}
	defer r.pace.pause()()
	return r.Reader.Read(b)
}
