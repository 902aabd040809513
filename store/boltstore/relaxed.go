package boltstore

import (
	"context"
	"fmt"
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
// The changes committed since the last freeze are recent. To save them, freeze turns them
// into the frozen ones, so that Updates and Views go on meanwhile.
//
// Locks are taken in the order writer, saving, state.
type relaxed struct {
	store  *Store
	every  time.Duration
	writer chan struct{} // held by the running Update
	saving chan struct{} // held while changes are saved

	// state guards the fields below. A View holds it while it begins a bbolt transaction
	// and takes the changes, so that both are of the same instant.
	state  sync.RWMutex
	recent changes     // committed since the last freeze
	frozen changes     // being saved; older than recent
	bytes  int         // the size of recent
	first  time.Time   // when the first of the recent changes was committed
	failed error       // the error of the last save, nil if it succeeded
	timer  *time.Timer // starts the next save; nil: none is due
	closed bool

	// Commits are numbered from 1. Those up to saved are in the file, those up to cut are
	// saved or frozen, the rest up to made is recent.
	made, cut, saved uint64
}

func newRelaxed(s *Store, every time.Duration) *relaxed {
	return &relaxed{store: s, every: every, writer: make(chan struct{}, 1), saving: make(chan struct{}, 1)}
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
		return nil, nil, err
	}
	w.below = r.bytes
	return t, w, nil
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
	return r.round(context.Background())
}

// publish commits the writes of w. If the changes that w began with were frozen since, they
// are saved twice, which changes nothing.
func (r *relaxed) publish(w *writer) {
	if w.written() == 0 {
		return
	}
	r.state.Lock()
	defer r.state.Unlock()
	if r.recent.empty() {
		r.first = time.Now()
	}
	r.recent = w.changes()
	r.bytes = w.below + w.written()
	r.made++
	r.arm()
}

// committed returns the number of the last commit.
func (r *relaxed) committed() uint64 {
	r.state.RLock()
	defer r.state.RUnlock()
	return r.made
}

// unsaved returns the number of commits, up to a given one, that are not saved.
func (r *relaxed) unsaved(commit uint64) uint64 {
	r.state.RLock()
	defer r.state.RUnlock()
	return max(commit, r.saved) - r.saved
}

// arm starts the timer if there are unsaved changes and no timer runs. The next save begins
// when the first of the recent changes has waited for long enough; when the last save has
// failed, after the same time. The caller holds state.
func (r *relaxed) arm() {
	switch {
	case r.timer != nil || r.closed || r.recent.empty() && r.frozen.empty():
	case r.failed != nil:
		r.timer = time.AfterFunc(r.every, r.tick)
	default:
		r.timer = time.AfterFunc(r.every-time.Since(r.first), r.tick)
	}
}

// disarm stops the timer. The caller holds state.
func (r *relaxed) disarm() {
	if r.timer != nil {
		r.timer.Stop()
		r.timer = nil
	}
}

func (r *relaxed) tick() { _ = r.round(context.Background()) } // the next Update returns the error

// sync saves everything that was committed before the call.
func (r *relaxed) sync(ctx context.Context) error {
	// The first round may save changes that an earlier one has frozen and failed to save.
	for commit := r.committed(); r.unsaved(commit) > 0; {
		if err := r.round(ctx); err != nil {
			return err
		}
	}
	return nil
}

// round saves the frozen changes. If there are none, it saves the recent ones. Once it has
// begun to save, the end of ctx does not stop it.
func (r *relaxed) round(ctx context.Context) error {
	select {
	case r.saving <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-r.saving }()
	r.freeze()
	return r.save()
}

// freeze turns the recent changes into the changes to save. The caller holds saving.
func (r *relaxed) freeze() {
	r.state.Lock()
	defer r.state.Unlock()
	r.disarm()
	if r.frozen.empty() {
		r.frozen, r.recent, r.bytes = r.recent, changes{}, 0
		r.cut = r.made
	}
}

// save writes the frozen changes to the file. The caller holds saving, so frozen does not
// change meanwhile.
func (r *relaxed) save() (err error) {
	if !r.frozen.empty() {
		err = r.store.save(r.frozen, r.cut-r.saved)
	}
	r.state.Lock()
	defer r.state.Unlock()
	if r.failed = err; err == nil {
		r.frozen, r.saved = changes{}, r.cut
		r.store.backlog.release(r.saved)
	}
	r.arm()
	return err
}

// close saves the unsaved changes. From then on nothing is saved, except by another close.
func (r *relaxed) close() error {
	r.state.Lock()
	r.closed = true
	r.disarm()
	r.state.Unlock()
	err := r.sync(context.Background())
	if err == nil {
		return nil
	}
	return fmt.Errorf("boltstore: %s: %d committed Updates are not saved: %w", r.store.path, r.unsaved(r.committed()), err)
}

// save commits what some Updates have written, in its own transaction.
func (s *Store) save(c changes, updates uint64) error {
	b := batch{store: s, changes: c, wrote: updates}
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

// Buckets returns the names of the application's buckets.
func (r readOnly) Buckets() ([]string, error) { return r.w.Buckets() }
