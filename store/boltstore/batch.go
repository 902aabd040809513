package boltstore

import (
	"runtime/debug"
	"time"

	"groupkit/store"
)

// A batch contains the Updates that share one bbolt transaction.
type batch struct {
	store    *Store
	requests []*request
	ran      int // the number of requests that have run
	tx       *tx
	changes  changes // the writes of the requests that have run
	wrote    uint64  // how many Updates have made them
}

// work runs the requests, commits and answers them. If a request ended its goroutine,
// work is called again and continues with the next request.
func (b *batch) work() {
	var err error
	if b.tx == nil && b.ran == 0 {
		err = b.begin()
	}
	for err == nil && b.ran < len(b.requests) {
		r := b.requests[b.ran]
		b.ran++
		b.run(r)
	}
	if err == nil {
		err = b.commit()
	} else {
		b.depend()
	}
	b.answer(err)
}

// run calls the function of r and records how it ended.
func (b *batch) run(r *request) {
	r.depends = !b.changes.empty()
	defer func() {
		if r.outcome == returned {
			return
		}
		if p := recover(); p != nil {
			r.outcome, r.panic = panicked, p
		}
	}()
	r.err = b.call(r.fn)
	r.outcome = returned
}

// call runs fn on top of the changes so far. If fn returns nil, its writes are added.
func (b *batch) call(fn func(store.Writer) error) error {
	w, err := newWriter(b.tx, b.changes)
	if err != nil {
		return err
	}
	defer w.end()
	if err := fn(w); err != nil {
		return err
	}
	if w.written() > 0 {
		b.wrote++
	}
	b.changes = w.changes()
	return nil
}

func (b *batch) begin() (err error) {
	if err := b.store.refused.get(); err != nil {
		return err
	}
	b.tx, err = b.store.begin(true)
	return err
}

// commit makes the changes durable. Without changes it does nothing.
func (b *batch) commit() error {
	defer b.abandon()
	if b.changes.empty() {
		return nil
	}
	began := time.Now()
	if err := b.tx.write(b.changes); err != nil {
		return err
	}
	b.store.counts.commit(b.wrote, time.Since(began))
	return nil
}

// abandon rolls back what was not committed.
func (b *batch) abandon() {
	if b.tx != nil {
		b.tx.rollback()
		b.tx = nil
	}
}

// depend marks all requests as affected by an error of the batch.
func (b *batch) depend() {
	for _, r := range b.requests {
		r.depends, r.outcome = true, returned
	}
}

// answer gives each request its outcome. If the commit failed, its error goes to the
// requests that succeeded. It also goes to requests that failed and had read writes of
// other requests: their own error may be due to writes that were not committed.
func (b *batch) answer(err error) {
	for _, r := range b.requests {
		if err != nil && r.outcome == returned && (r.err == nil || r.depends) {
			r.err = err
		}
		r.done <- struct{}{}
	}
}

// write applies the changes and commits the transaction.
func (t *tx) write(c changes) error {
	id := t.ID()
	written, err := t.apply(c)
	if err != nil {
		return t.store.failed(id, false, err)
	}
	t.store.changed.Store(t.DB().NoFreelistSync)
	if err := t.store.commitBolt(t.Tx, written); err != nil {
		return t.store.failed(id, true, err)
	}
	t.store.last.Store(int64(id))
	t.store.found = format
	return nil
}

// apply writes the changes to the transaction, after checking what they change. It returns
// the bytes that they have in a leaf.
func (t *tx) apply(c changes) (written int64, err error) {
	defer catch(debug.SetPanicOnFault(true), t.store.path, &err)
	if err := c.guard(t); err != nil {
		return 0, err
	}
	t.tune()
	if written, err = c.apply(t.Tx); err == nil && t.store.found < format {
		err = raise(t.Tx)
	}
	return written, err
}
