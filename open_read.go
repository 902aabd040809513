package groupkit

import (
	"context"
	"fmt"

	"groupkit/internal/record"
	"groupkit/store"
)

// An engine with Options.ReadOnly writes nothing. Its opening reads what the others write, and it has no
// background work: what another engine has left half done stays, and is shown as readers see it while
// that is done. Engine.updateClosed, through which every transaction goes, returns ErrReadOnly; each
// call that can write returns it before it does anything.

// openToRead is what start does instead of prepare. It refuses data that would have to be written first.
func (e *Engine) openToRead(ctx context.Context) error {
	found, err := readFormat(ctx, e.store)
	if err == nil {
		err = e.refuseUnwritten(found)
	}
	if err != nil {
		return err
	}
	err = e.view(ctx, func(r store.Reader) error {
		id, _, err := loadIdentity(r)
		if err != nil {
			return err
		}
		e.knowIdentity(id)
		if e.shared {
			ordered, err := hasOrder(r)
			e.unordered = !ordered
			return err
		}
		return nil
	})
	if err != nil {
		return err
	}
	e.failed(TaskCompare, e.seeContents(ctx)) // groups can be read although the contents are away
	if e.contents.are(ownedByOther) {
		e.logForeignContents()
	}
	return nil
}

// refuseUnwritten refuses a store without data, and data of an older format.
func (e *Engine) refuseUnwritten(found record.Format) error {
	advice := "open it once without ReadOnly"
	if e.shared && found.Number != 0 {
		advice = "call Upgrade while no process uses it"
	}
	switch {
	case found.Number == 0:
		return fmt.Errorf("%w: there is no data yet: %s", ErrReadOnly, advice)
	case isOld(found) && found.From != 0:
		return fmt.Errorf("%w: bringing the data from format %d to format %d was interrupted: %s", store.ErrOlder, found.From, found.Number, advice)
	case isOld(found):
		return fmt.Errorf("%w: the data has format %d, this version needs format %d: %s", store.ErrOlder, found.Number, format, advice)
	}
	return nil
}

// seeContents finds out whether the contents are foreign, and writes nothing. It reads the mark first,
// because the database is ahead of it.
func (e *Engine) seeContents(ctx context.Context) error {
	mark, found, err := readMark(ctx, e.blobs)
	if err != nil {
		return err
	}
	return e.view(ctx, func(r store.Reader) error {
		id, _, err := loadIdentity(r)
		if err != nil {
			return err
		}
		e.contents.owner.Store(notCompared)
		if found && !isMarkOf(mark, &id) {
			e.contents.owner.Store(ownedByOther)
		}
		return nil
	})
}
