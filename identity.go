package groupkit

import (
	"github.com/google/uuid"

	"groupkit/internal/key"
	"groupkit/internal/record"
	"groupkit/store"
)

// knowIdentity keeps what is asked of the identity of the database.
func (e *Engine) knowIdentity(id record.Identity) {
	e.history.Store(&id.History)
	e.opening.Store(id.Opening)
}

// loadIdentity reads the identity of the database. known is false if it has none yet.
func loadIdentity(r store.Reader) (id record.Identity, known bool, err error) {
	value, known, err := r.Get(key.Identity())
	if err != nil || !known {
		return id, known, storage(err)
	}
	id, err = record.DecodeIdentity(value)
	return id, true, err
}

// changeIdentity loads the identity, changes it and writes it.
func changeIdentity(w store.Writer, change func(*record.Identity) error) error {
	id, known, err := loadIdentity(w)
	if err == nil && !known {
		err = corrupt("the identity of the database is missing")
	}
	if err == nil {
		err = change(&id)
	}
	if err != nil {
		return err
	}
	return storage(w.Put(key.Identity(), id.Encode()))
}

// identify is what an opening writes about the identity. A database without one gets it, and
// loses the reservations of uploads: an engine that knew no identity made them, and nobody can
// say where their contents are. If the engine before could lose the end of the history and was
// not closed, a new history begins: versions can be used again for other events.
func identify(w store.Writer, relaxed bool) (record.Identity, error) {
	id, known, err := loadIdentity(w)
	if err != nil {
		return id, err
	}
	if !known {
		id = record.Identity{Database: uuid.NewString(), History: uuid.NewString()}
		if err := dropReservations(w, func(store.Pair) bool { return true }); err != nil {
			return id, err
		}
	}
	if id.Open {
		id.History = uuid.NewString()
	}
	id.Open = relaxed
	return id, storage(w.Put(key.Identity(), id.Encode()))
}

// dropReservations deletes the reservations of uploads for which dead returns true, and leaves
// their contents alone.
func dropReservations(w store.Writer, dead func(store.Pair) bool) error {
	var dropped []store.Pair
	err := scanAll(w, store.Prefix(key.Uploads()), func(page []store.Pair) error {
		for _, p := range page {
			if dead(p) {
				dropped = append(dropped, store.Pair{Key: p.Key})
			}
		}
		return nil
	})
	if err == nil {
		err = guardPairs(w, dropped) // an upload that ends removes its reservation
	}
	if err != nil {
		return err
	}
	return write(w, dropped)
}
