package groupkit

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"groupkit/internal/key"
	"groupkit/internal/record"
	"groupkit/store"
)

// A hold keeps the contents that the database names, for a backup or a copy that reads its records first and the
// contents afterwards. On a shared store it is a record, otherwise the engine counts its holds. What must hold:
//
//   - The hold begins before the records are read. Whoever removes contents looks for holds after it has
//     committed that they go. So a content of which the backup has read cannot go: its removal was committed
//     after the backup had begun to read, and finds the hold.
//   - Contents that go while there is a hold keep the records that they are to go. Whoever ends a hold ends it
//     first, and then removes what is recorded as to go, unless there is another hold by then.
//
// The record is a reservation of an upload with an ID of its own. So one that was left behind ends as those
// do, when it has not moved for some time. Where this process has the store alone, what a crash leaves of a hold is
// contents to go, which the next opening removes. An engine that looks at the data of another process lets
// that one hold the contents.
type hold struct {
	eng  *Engine
	key  []byte // of the record
	stop func()
	done chan struct{} // closed when nobody moves the record any more

	elsewhere func() error // ends the hold of another process; nil: it is ours
}

var errHoldEnded = errors.New("the contents are not held any more: another engine has ended the hold")

// holdContents begins a hold. The context that it returns ends when the hold is lost, or when the engine closes.
func (e *Engine) holdContents(ctx context.Context) (context.Context, *hold, error) {
	if e.observed {
		return e.holdElsewhere(ctx)
	}
	id, err := uuid.NewRandom()
	if err != nil {
		return ctx, nil, err
	}
	h := &hold{eng: e, key: key.Hold(id), done: make(chan struct{})}
	e.contents.holds.Add(1)
	if e.shared {
		err = h.move(ctx, true)
	}
	held, lose := context.WithCancelCause(ctx)
	unwatch := context.AfterFunc(e.background, func() { lose(ErrClosed) })
	moving, stop := context.WithCancel(held)
	h.stop = func() {
		stop()
		<-h.done
		unwatch()
		lose(nil)
	}
	go h.keep(moving, lose)
	if err != nil {
		h.end(ctx)
	}
	return held, h, err
}

// holdElsewhere lets the process that has the contents hold them.
func (e *Engine) holdElsewhere(ctx context.Context) (context.Context, *hold, error) {
	elsewhere, release, err := store.Hold(ctx, e.blobs)
	if errors.Is(err, store.ErrNotSupported) {
		return ctx, nil, fmt.Errorf("%w: the contents of another process cannot be held", ErrReadOnly)
	}
	if err != nil {
		return ctx, nil, storage(err)
	}
	held, lose := context.WithCancelCause(ctx)
	unwatch := context.AfterFunc(e.background, func() { lose(ErrClosed) })
	unhear := context.AfterFunc(elsewhere, func() { lose(storage(context.Cause(elsewhere))) })
	e.contents.holds.Add(1)
	return held, &hold{eng: e, elsewhere: release, stop: func() {
		unwatch()
		unhear()
		lose(nil)
		_ = release() // check has looked
	}}, nil
}

// keep moves the record from time to time, so that engines that share the store see that the hold goes on.
func (h *hold) keep(ctx context.Context, lost context.CancelCauseFunc) {
	defer close(h.done)
	if !h.eng.shared {
		return
	}
	tick := time.NewTicker(keepEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			if err := h.move(ctx, false); errors.Is(err, errHoldEnded) {
				lost(err)
				return
			}
		case <-ctx.Done():
			return
		}
	}
}

// move writes the record. Unless create is set, it must be there.
func (h *hold) move(ctx context.Context, create bool) error {
	return h.eng.step(ctx, func(w store.Writer) error {
		now, err := h.eng.now()
		if err != nil {
			return err
		}
		u := record.Upload{Process: h.eng.id, At: now}
		value, ok, err := w.Get(h.key)
		switch {
		case err != nil:
			return storage(err)
		case !ok && !create:
			return fmt.Errorf("%w: %w", ErrStorage, errHoldEnded)
		case ok:
			if u, err = record.DecodeUpload(value); err != nil {
				return err
			}
			u.At = max(now, u.At+1)
		}
		return storage(w.Put(h.key, u.Encode()))
	})
}

// check makes sure that the hold was there all the time. It ends one of another process.
func (h *hold) check(ctx context.Context) error {
	switch {
	case h.elsewhere != nil:
		return storage(h.elsewhere())
	case !h.eng.shared:
		return nil
	}
	return h.move(ctx, false)
}

// end ends the hold, and removes what would have gone meanwhile. What fails is made up for by the
// background work on a shared store, and by the next opening.
func (h *hold) end(ctx context.Context) {
	h.stop()
	ctx = context.WithoutCancel(ctx)
	h.eng.contents.holds.Add(-1)
	if h.eng.opts.ReadOnly { // nothing can have been deleted
		return
	}
	var err error
	if h.eng.shared {
		err = h.eng.writeInParts(ctx, []store.Pair{{Key: h.key}})
	}
	if err == nil {
		err = h.eng.finishToGo(ctx)
	} else {
		h.eng.leaveUpload(string(h.key[1:]))
	}
	h.eng.failed(TaskContents, err)
}
