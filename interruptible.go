package groupkit

import (
	"context"
	"fmt"
	"io"
	"runtime"
)

// An interruptible reads from a reader of the application, which may block for ever. Its
// Read returns when the caller's context ends or the engine closes; the reader is then left
// to itself, and nobody waits for it. UploadFile reads through one.
type interruptible struct {
	ctx    context.Context // of the caller
	engine context.Context // ends when the engine closes
	r      io.Reader

	buf     []byte // what the reading goroutine fills: the caller's slice is not its own
	pending chan read
	ended   error // the interruption, which every later Read returns again
}

// A read is what one Read of the application's reader returned.
type read struct {
	n      int
	err    error
	panic  any
	exited bool // the reader ended its goroutine, as t.FailNow does
}

func newInterruptible(ctx, engine context.Context, r io.Reader) *interruptible {
	return &interruptible{ctx: ctx, engine: engine, r: r, pending: make(chan read, 1)}
}

// Read reads on a goroutine of its own. A panic of the reader is raised again here.
func (i *interruptible) Read(p []byte) (int, error) {
	if i.ended != nil {
		return 0, i.ended // the interrupted Read may still deliver what nobody asked for
	}
	if len(i.buf) < len(p) {
		i.buf = make([]byte, len(p))
	}
	go i.fill(i.buf[:len(p)])
	select {
	case got := <-i.pending:
		switch {
		case got.exited:
			runtime.Goexit()
		case got.panic != nil:
			panic(got.panic)
		case got.n < 0 || got.n > len(p):
			return 0, fmt.Errorf("reader returned %d bytes for a buffer of %d", got.n, len(p))
		}
		return copy(p, i.buf[:got.n]), got.err
	case <-i.ctx.Done():
		i.ended = i.ctx.Err()
	case <-i.engine.Done():
		i.ended = ErrClosed
	}
	return 0, i.ended
}

func (i *interruptible) fill(p []byte) {
	got := read{exited: true}
	defer func() {
		if p := recover(); p != nil {
			got = read{panic: p}
		}
		i.pending <- got
	}()
	n, err := i.r.Read(p)
	got = read{n: n, err: err}
}
