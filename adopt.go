package groupkit

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"groupkit/internal/record"
	"groupkit/store"
)

// The operation of AdoptContents.
const OpAdoptContents Op = "adopt contents"

// AdoptContents makes the contents of shared files those of this database. It is needed when
// the two do not belong together: after a backup was restored, or when a new database lies
// beside the contents of another. The engine finds that out when it is opened: their mark
// names another database, or a newer state of this one. It then logs a warning and removes no
// content until AdoptContents is called, so that the right database still finds every content
// if it is put back. [Report.ForeignContents] is true until then.
//
// Call it when this database, and no other, is to go on with these contents. Contents that no
// file of this database has are not removed; see [Engine.RemoveUnknownContents]. If the
// contents belong to this database already, AdoptContents does nothing.
//
// Returns ErrNested inside Atomic.
func (e *Engine) AdoptContents(ctx context.Context) error {
	return e.observe(ctx, CallInfo{Op: OpAdoptContents}, func(*span) error { return e.takeContents(ctx) })
}

func (e *Engine) takeContents(ctx context.Context) error {
	if err := e.usableToWrite(); err != nil {
		return wrap(OpAdoptContents, "", err)
	}
	ours, err := e.claimContents(ctx, true)
	if err == nil && !ours {
		err = e.adoptContents(ctx)
	}
	if err == nil {
		err = e.finishToGo(ctx)
	}
	return wrap(OpAdoptContents, "", storage(err))
}

// adoptContents gives the database a new ID and writes it into the mark. The reservations of
// uploads that were cut off are dropped: their contents can be files of the other database. An
// upload that another process is doing loses its reservation, too, and fails.
func (e *Engine) adoptContents(ctx context.Context) error {
	e.contents.claiming.Lock()
	defer e.contents.claiming.Unlock()
	var id record.Identity
	err := e.step(ctx, func(w store.Writer) error {
		if err := dropReservations(w, e.isForeignUpload); err != nil {
			return err
		}
		return changeIdentity(w, func(i *record.Identity) error {
			i.Database = uuid.NewString()
			i.Opening++
			id = *i
			return nil
		})
	})
	if err != nil {
		return err
	}
	if err := errors.Join(store.Sync(ctx, e.store), writeMark(ctx, e.blobs, id)); err != nil {
		return err
	}
	e.contents.owner.Store(ownedByUs)
	e.opening.Store(id.Opening)
	return nil
}
