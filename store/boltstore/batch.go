package boltstore

import (
	"runtime/debug"

	"groupkit/store"
)

// A batch is the Updates that share one bbolt transaction.
type batch struct {
	store    *Store
	requests []*request
	ran      int     // how many of them
	changes  changes // what they have written
	tx       *tx     // the transaction that commits, if it has begun
	base     *batch  // what was being committed while requests were run over it
	failed   bool    // the commit has
}

// alone runs fn and commits, on the caller's goroutine.
func (b *batch) alone(fn func(store.Writer) error) error {
	defer b.store.queue.end()
	defer b.abandon()
	if err := b.only(fn); err != nil {
		return err
	}
	return b.commit()
}

// only runs fn. Those who wait are run as soon as it has returned.
func (b *batch) only(fn func(store.Writer) error) error {
	defer b.store.pass()
	if err := b.begin(); err != nil {
		return err
	}
	return b.call(b.tx, fn)
}

// ahead runs requests while the commit of base is under way, over what it writes: it
// does not matter whether the snapshot that lies below has that already. The snapshot
// is given up before anyone waits for that commit, which waits for snapshots when
// bbolt's map has to grow.
func (b *batch) ahead() {
	t, err := b.store.begin(false)
	if err == nil {
		defer t.rollback()
	}
	b.run(layer{t, b.base.changes}, err)
}

// work commits, with what has been run ahead or what waits now, and answers. It goes on
// where it was left when one of the requests ended its goroutine. It returns an empty
// batch if the caller still has the floor.
func (b *batch) work() *batch {
	q := &b.store.queue
	if b.base != nil && b.base.failed {
		b.again()
	}
	b.base = nil // or one would hold all before it
	q.share(b)
	if b.ran < len(b.requests) {
		err := b.begin()
		b.run(b.tx, err)
	}
	b.store.pass()
	err := b.commit()
	floor := q.endRunning()
	b.answer(err)
	if !floor || q.rest() {
		return nil
	}
	return &batch{store: b.store}
}

// run calls the functions that have not been called, over what v shows. If v is not
// there they fail with err.
func (b *batch) run(v view, err error) {
	for b.ran < len(b.requests) {
		r := b.requests[b.ran]
		b.ran++
		if err != nil {
			r.outcome, r.err = returned, err
			continue
		}
		b.serve(v, r)
	}
}

// serve calls the function of r and notes how it ended.
func (b *batch) serve(v view, r *request) {
	r.depends = !b.changes.empty()
	defer func() {
		if r.outcome == returned {
			return
		}
		if p := recover(); p != nil {
			r.outcome, r.panic = panicked, p
		}
	}()
	r.err = b.call(v, r.fn)
	r.outcome = returned
}

// call runs fn over the changes so far, and adds its own if it returns nil.
func (b *batch) call(v view, fn func(store.Writer) error) error {
	w, err := newWriter(v, b.changes)
	if err != nil {
		return err
	}
	defer w.end()
	if err := fn(w); err != nil {
		return err
	}
	b.changes = w.changes()
	return nil
}

// again undoes what was run over changes that have not come about, and has it run
// again. A function that has panicked, or ended its goroutine, has had its run.
func (b *batch) again() {
	left := b.requests[:0]
	for i, r := range b.requests {
		if i < b.ran && r.outcome != returned {
			r.done <- struct{}{}
			continue
		}
		r.outcome, r.err = exited, nil
		left = append(left, r)
	}
	*b = batch{store: b.store, requests: left}
}

// begin begins the transaction that commits.
func (b *batch) begin() (err error) {
	if b.tx != nil {
		return nil
	}
	if err := b.store.refused.get(); err != nil {
		return err
	}
	b.tx, err = b.store.begin(true)
	return err
}

// commit makes the changes durable. Without changes there is nothing to commit.
func (b *batch) commit() (err error) {
	defer b.abandon()
	if b.changes.empty() {
		return nil
	}
	if err = b.begin(); err == nil {
		err = b.tx.write(b.changes)
	}
	b.failed = err != nil
	return err
}

// abandon rolls back what has not been committed.
func (b *batch) abandon() {
	if b.tx != nil {
		b.tx.rollback()
		b.tx = nil
	}
}

// answer tells everyone the outcome. When the commit has failed, those who
// succeeded get its error, and so do those whose own error may be due to what
// others wrote, which is not there now.
func (b *batch) answer(err error) {
	for _, r := range b.requests {
		if err != nil && r.outcome == returned && (r.err == nil || r.depends) {
			r.err = err
		}
		r.done <- struct{}{}
	}
}

// write applies the changes and commits the transaction.
func (t *tx) write(c changes) (err error) {
	id := t.ID()
	applied := false
	defer func() {
		if err != nil {
			err = t.store.failed(id, applied, err)
		}
	}()
	defer catch(debug.SetPanicOnFault(true), t.store.path, &err)
	if err := c.apply(t.Tx); err != nil {
		return err
	}
	applied = true
	t.store.changed.Store(true)
	return t.Commit()
}
