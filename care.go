package groupkit

import (
	"context"
	"errors"
	"time"

	"groupkit/internal/key"
	"groupkit/internal/record"
	"groupkit/store"
)

// Processes that share a store can end at any time, and leave behind deletions that are cut off,
// pseudonyms half written, contents to go and uploads that nobody continues. One of the living engines takes them up: the
// one that holds the lease. A lease is a record with a counter, which its holder moves. Whoever
// sees that it has not moved for some time takes it over. No clock is compared with another:
// each engine measures how long it has seen a record unchanged.
const (
	careEvery   = 15 * time.Second // how often an engine looks
	leaseTime   = time.Minute      // a lease, a deletion, a pseudonym or a content that does not move for this time is taken up
	uploadIdle  = time.Hour        // an upload that gets no bytes for this time has ended, and a load that gets no events
	releaseTime = 2 * time.Second  // how long Close waits for the store to give up the lease
)

// A caretaker does the background work that no process does, while it holds the lease.
type caretaker struct {
	eng  *Engine
	seen map[string]sighting // by key, what the last look saw
}

// A sighting is the value of a record, and since when it has been seen to be so.
type sighting struct {
	value string
	since time.Time
}

// care looks after the store until the engine is closed.
func (e *Engine) care() {
	c := caretaker{eng: e, seen: make(map[string]sighting)}
	tick := time.NewTicker(careEvery)
	defer tick.Stop()
	for failed := false; ; {
		select {
		case <-tick.C:
			err := e.observeTask(TaskCare, func() error { return errors.Join(c.look(e.background), e.endLeft(e.background)) })
			if !failed { // once, while it goes on failing
				e.failed(TaskCare, err)
			}
			failed = err != nil
		case <-e.background.Done():
			c.release()
			return
		}
	}
}

// look takes or keeps the lease if it can, and then takes up what has not moved.
func (c *caretaker) look(ctx context.Context) error {
	now := time.Now()
	var found []store.Page
	var lease []byte
	err := c.eng.view(ctx, func(r store.Reader) error {
		values, pages, err := store.Fetch(r, [][]byte{key.Lease()},
			[]store.Range{store.Prefix(key.Deletions()), store.Prefix(key.AllToGo()), store.Prefix(key.Uploads()), store.Prefix(key.Renames()), store.Prefix(key.Loads())})
		if err == nil {
			lease, found = values[0], pages
		}
		return storage(err)
	})
	if err != nil {
		return err
	}
	idle := c.notice(now, lease, found)
	held, err := c.hold(ctx, lease, idle[string(key.Lease())] >= leaseTime)
	if c.eng.caring.Swap(held) != held {
		c.eng.logLease(held)
	}
	c.eng.pending.Store(&Pending{
		Deletions: len(found[0].Pairs), Contents: len(found[1].Pairs), Uploads: len(found[2].Pairs), Pseudonyms: len(found[3].Pairs), Loads: len(found[4].Pairs),
	})
	if err != nil || !held {
		return err
	}
	return errors.Join(c.takeUp(ctx, found, idle), c.eng.raiseFloor(ctx)) // for those who follow and write nothing
}

// notice compares what was found with what the last look saw, and returns for how long each
// record has been unchanged.
func (c *caretaker) notice(now time.Time, lease []byte, found []store.Page) map[string]time.Duration {
	seen, idle := make(map[string]sighting), make(map[string]time.Duration)
	note := func(k, value []byte) {
		s := c.seen[string(k)]
		if s.value != string(value) || s.since.IsZero() {
			s = sighting{string(value), now}
		}
		seen[string(k)], idle[string(k)] = s, now.Sub(s.since)
	}
	note(key.Lease(), lease)
	for _, page := range found {
		for _, p := range page.Pairs {
			note(p.Key, p.Value)
		}
	}
	c.seen = seen
	return idle
}

// hold takes the lease, or moves it on, unless another engine has it. lease is its record as it
// was seen; expired says that it has not moved for a long time.
func (c *caretaker) hold(ctx context.Context, lease []byte, expired bool) (held bool, err error) {
	l, err := decodeLease(lease)
	if err != nil || lease != nil && l.Holder != c.eng.id && !expired {
		return false, err
	}
	l = record.Lease{Holder: c.eng.id, Count: l.Count + 1}
	err = c.eng.update(ctx, func(w store.Writer) error {
		now, _, err := w.Get(key.Lease())
		if held = err == nil && string(now) == string(lease); !held {
			return storage(err)
		}
		return storage(w.Put(key.Lease(), l.Encode()))
	})
	return held && err == nil, err
}

// takeUp does what nobody has done for a long time.
func (c *caretaker) takeUp(ctx context.Context, found []store.Page, idle map[string]time.Duration) (err error) {
	finish := func(page store.Page, wait time.Duration, one func(context.Context, GroupID) error) {
		for _, p := range page.Pairs {
			if idle[string(p.Key)] < wait {
				continue
			}
			group, _, failed := key.CutGroupID(p.Key[1:])
			if failed == nil {
				failed = one(ctx, GroupID(group))
			}
			err = errors.Join(err, failed)
		}
	}
	finish(found[0], leaseTime, c.eng.finishDeletion)
	finish(found[3], leaseTime, c.eng.finishRenaming)
	finish(found[4], uploadIdle, c.eng.dropLoad)
	var contents []string
	for _, p := range found[1].Pairs {
		if idle[string(p.Key)] >= leaseTime {
			contents = append(contents, string(p.Key[1:]))
		}
	}
	if len(contents) > 0 {
		err = errors.Join(err, c.eng.finishContents(ctx, contents))
	}
	var uploads []store.Pair
	for _, p := range found[2].Pairs {
		if idle[string(p.Key)] >= uploadIdle {
			uploads = append(uploads, p)
		}
	}
	if len(uploads) > 0 {
		err = errors.Join(err, c.eng.endUploads(ctx, uploads))
	}
	return err
}

// release gives the lease up, so that another engine need not wait for it.
func (c *caretaker) release() {
	if !c.eng.caring.Load() {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.eng.background), releaseTime)
	defer cancel()
	_ = c.eng.updateClosed(ctx, func(w store.Writer) error { // else it expires
		value, _, err := w.Get(key.Lease())
		if err != nil {
			return err
		}
		if l, err := decodeLease(value); err != nil || l.Holder != c.eng.id {
			return err
		}
		return w.Delete(key.Lease())
	})
}
