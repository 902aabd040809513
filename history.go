package groupkit

import (
	"context"

	"github.com/google/uuid"

	"groupkit/internal/record"
)

// The operation of RenewHistory.
const OpRenewHistory Op = "renew history"

// History returns the ID of the history of the database. The Version of a group stands for the same
// events only within one history: compare the ID before you compare a Version that was stored
// outside of the database. A new history begins when the database is not what it was: when it was
// opened after a crash that can have lost its last changes (SyncInterval, SyncNever), or as an
// older copy beside newer contents of shared files; and with RenewHistory. A nil or zero Engine has the history "".
func (e *Engine) History() string {
	if !e.opened() {
		return ""
	}
	return e.presentHistory()
}

// RenewHistory begins a new history. Call it once after a copy of the database was put back in a way that
// the engine cannot see, such as a file that was copied while no engine used it, or a restore of the
// server that a shared store is on. Versions after the copy are then used again, and whoever
// follows from a position of before gets a checkpoint. On a shared store, call it before other
// processes open the database.
//
// Returns ErrNested inside Atomic.
func (e *Engine) RenewHistory(ctx context.Context) error {
	return e.observe(ctx, CallInfo{Op: OpRenewHistory}, func(*span) error { return e.renewHistory(ctx) })
}

func (e *Engine) renewHistory(ctx context.Context) error {
	err := e.usableToWrite()
	if err == nil {
		before := e.History()
		_, err = e.renewIdentity(ctx, func(id *record.Identity) error {
			id.History = uuid.NewString()
			return nil
		})
		if err == nil {
			e.logNewHistory(before, "RenewHistory was called")
		}
	}
	return wrap(OpRenewHistory, "", err)
}
