package boltstore

import (
	"context"
	"sync"
	"time"

	"groupkit/store"
)

// maxRelaxed is how many bytes of committed changes are held in memory before an
// Update waits for them to be saved.
const maxRelaxed = 8 << 20

// relaxed holds committed changes in memory, and saves them in one synced
// transaction at most so often. The file is therefore always a beginning of the
// history, whether the process goes down or the machine: bbolt without syncs
// could leave a meta page on disk whose pages are not.
//
// Locks are taken in the order writer, saving, state.
type relaxed struct {
	store  *Store
	every  time.Duration
	writer chan struct{} // held by the Update under way, and to freeze
	saving sync.Mutex    // held while changes are saved

	// state guards what follows. A View holds it to take a bbolt transaction and
	// the changes over it as of one instant.
	state  sync.RWMutex
	recent changes // committed since the last freeze
	frozen changes // being saved: below recent
	bytes  int     // the size of recent
	failed error   // why saving has failed, until it succeeds
	timer  *time.Timer
	closed bool
}

func newRelaxed(s *Store, every time.Duration) *relaxed {
	return &relaxed{store: s, every: every, writer: make(chan struct{}, 1)}
}

// begin takes a snapshot: what is in the file, and the writes over it.
func (r *relaxed) begin() (*tx, *writer, error) {
	r.state.RLock()
	defer r.state.RUnlock()
	t, err := r.store.begin(false)
	if err != nil {
		return nil, nil, err
	}
	w, err := newWriter(layer{t, r.frozen}, r.recent)
	if err != nil {
		t.rollback()
	}
	return t, w, err
}

func (r *relaxed) view(fn func(store.Reader) error) error {
	t, w, err := r.begin()
	if err != nil {
		return err
	}
	defer t.rollback()
	defer w.end()
	return fn(readOnly{w})
}

// update runs fn and commits in memory.
func (r *relaxed) update(ctx context.Context, fn func(store.Writer) error) error {
	select {
	case r.writer <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-r.writer }()
	if err := r.ready(); err != nil {
		return err
	}
	t, w, err := r.begin()
	if err != nil {
		return err
	}
	defer t.rollback()
	defer w.end()
	if err := fn(w); err != nil {
		return err
	}
	r.publish(w)
	return nil
}

// ready reports why nothing can be committed, and makes room where it is short.
func (r *relaxed) ready() error {
	if err := r.store.refused.get(); err != nil {
		return err
	}
	r.state.RLock()
	short, err := r.bytes >= maxRelaxed, r.failed
	r.state.RUnlock()
	if err != nil || !short {
		return err
	}
	r.saving.Lock()
	defer r.saving.Unlock()
	r.freeze()
	return r.save()
}

// publish commits what w holds.
func (r *relaxed) publish(w *writer) {
	if w.written() == 0 {
		return
	}
	r.state.Lock()
	defer r.state.Unlock()
	r.recent = w.changes()
	r.bytes += w.written()
	r.arm()
}

// arm sees to it that what is pending is saved in time.
func (r *relaxed) arm() {
	if r.timer == nil && !r.closed && !(r.recent.empty() && r.frozen.empty()) {
		r.timer = time.AfterFunc(r.every, r.tick)
	}
}

func (r *relaxed) tick() {
	_ = r.sync() // Updates get the error
	r.state.Lock()
	defer r.state.Unlock()
	r.timer = nil
	r.arm()
}

// sync saves what has been committed before it was called.
func (r *relaxed) sync() error {
	// Twice, because what an earlier attempt froze and failed to save comes first.
	for range 2 {
		r.writer <- struct{}{}
		r.saving.Lock()
		r.freeze()
		<-r.writer
		err := r.save()
		r.saving.Unlock()
		if err != nil {
			return err
		}
	}
	return nil
}

// freeze makes the recent changes those to be saved. The caller holds writer
// and saving.
func (r *relaxed) freeze() {
	r.state.Lock()
	defer r.state.Unlock()
	if r.frozen.empty() {
		r.frozen, r.recent, r.bytes = r.recent, changes{}, 0
	}
}

// save writes what is frozen to the file. The caller holds saving, and so nobody
// else changes frozen.
func (r *relaxed) save() error {
	if r.frozen.empty() {
		return nil
	}
	err := r.store.save(r.frozen)
	r.state.Lock()
	defer r.state.Unlock()
	if r.failed = err; err == nil {
		r.frozen = changes{}
	}
	return err
}

// close saves what is pending.
func (r *relaxed) close() error {
	r.state.Lock()
	r.closed = true
	if r.timer != nil {
		r.timer.Stop()
	}
	r.state.Unlock()
	return r.sync()
}

// save commits c in a transaction of its own.
func (s *Store) save(c changes) error {
	b := batch{store: s, changes: c}
	defer b.abandon()
	if err := b.begin(); err != nil {
		return err
	}
	return b.commit()
}

// readOnly is a writer without its verbs that write.
type readOnly struct{ w *writer }

func (r readOnly) Get(key []byte) ([]byte, bool, error)           { return r.w.Get(key) }
func (r readOnly) GetMany(keys [][]byte) ([][]byte, error)        { return r.w.GetMany(keys) }
func (r readOnly) Scan(g store.Range) ([]store.Pair, bool, error) { return r.w.Scan(g) }

// BucketReader returns the application's space of that name.
func (r readOnly) BucketReader(name string) (store.Reader, error) {
	return r.w.BucketReader(name)
}
