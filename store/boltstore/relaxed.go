package boltstore

import (
	"context"
	"sync"
	"time"

	"groupkit/store"
)

// maxRelaxed is the size in bytes of the unsaved changes from which an Update waits until
// they are saved.
const maxRelaxed = 8 << 20

// relaxed implements Interval. It keeps committed changes in memory and saves them at
// intervals, in one synced transaction. The file therefore always contains the state of
// one instant, after a crash of the process and of the machine. bbolt without sync cannot
// guarantee that: a meta page could reach the disk before its pages.
//
// Locks are taken in the order writer, saving, state.
type relaxed struct {
	store  *Store
	every  time.Duration
	writer chan struct{} // held by the running Update, and to freeze
	saving sync.Mutex    // held while changes are saved

	// state guards the fields below. A View holds it while it begins a bbolt transaction
	// and takes the changes, so that both are of the same instant.
	state  sync.RWMutex
	recent changes // committed since the last freeze
	frozen changes // being saved; older than recent
	bytes  int     // the size of recent
	failed error   // the error of the last save, nil if it succeeded
	timer  *time.Timer
	closed bool
}

func newRelaxed(s *Store, every time.Duration) *relaxed {
	return &relaxed{store: s, every: every, writer: make(chan struct{}, 1)}
}

// begin takes a snapshot: the data in the file with the unsaved changes on top.
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

// update runs fn and commits its writes in memory.
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

// ready returns an error if nothing can be committed. If the unsaved changes are too
// large, it saves them.
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

// publish commits the writes of w.
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

// arm starts the timer if there are unsaved changes.
func (r *relaxed) arm() {
	if r.timer == nil && !r.closed && !(r.recent.empty() && r.frozen.empty()) {
		r.timer = time.AfterFunc(r.every, r.tick)
	}
}

func (r *relaxed) tick() {
	_ = r.sync() // the next Update returns the error
	r.state.Lock()
	defer r.state.Unlock()
	r.timer = nil
	r.arm()
}

// sync saves everything that was committed before the call.
func (r *relaxed) sync() error {
	// The first round saves changes that an earlier call has frozen and failed to save.
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

// freeze turns the recent changes into the changes to save. The caller holds writer and
// saving.
func (r *relaxed) freeze() {
	r.state.Lock()
	defer r.state.Unlock()
	if r.frozen.empty() {
		r.frozen, r.recent, r.bytes = r.recent, changes{}, 0
	}
}

// save writes the frozen changes to the file. The caller holds saving, so frozen does not
// change meanwhile.
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

// close saves the unsaved changes.
func (r *relaxed) close() error {
	r.state.Lock()
	r.closed = true
	if r.timer != nil {
		r.timer.Stop()
	}
	r.state.Unlock()
	return r.sync()
}

// save commits c in its own transaction.
func (s *Store) save(c changes) error {
	b := batch{store: s, changes: c}
	defer b.abandon()
	if err := b.begin(); err != nil {
		return err
	}
	return b.commit()
}

// readOnly is a writer without the methods that write.
type readOnly struct{ w *writer }

func (r readOnly) Get(key []byte) ([]byte, bool, error)           { return r.w.Get(key) }
func (r readOnly) GetMany(keys [][]byte) ([][]byte, error)        { return r.w.GetMany(keys) }
func (r readOnly) Scan(g store.Range) ([]store.Pair, bool, error) { return r.w.Scan(g) }

// BucketReader returns the application's key space with the name.
func (r readOnly) BucketReader(name string) (store.Reader, error) {
	return r.w.BucketReader(name)
}
