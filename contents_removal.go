package groupkit

import (
	"context"
	"errors"
	"sync"

	"groupkit/internal/key"
	"groupkit/store"
)

// The transaction that deletes a file records that its content goes. Once that is durable the
// content is removed, and after that the record. What a crash leaves is finished by the next
// opening, or by Sweep: removing a content that is gone already is no error.

// keptRecords is the number of records about removed contents from which they are deleted
// together. One by one they would cost a commit for each deleted file.
const keptRecords = 100

// toGo returns the pairs that record that contents go.
func toGo(contents []string) []store.Pair {
	pairs := make([]store.Pair, len(contents))
	for i, content := range contents {
		pairs[i] = store.Pair{Key: key.ToGo(content), Value: []byte{}}
	}
	return pairs
}

// gone returns the pairs that delete the records about removed contents.
func gone(contents []string) []store.Pair {
	pairs := toGo(contents)
	for i := range pairs {
		pairs[i].Value = nil
	}
	return pairs
}

// removeCommitted removes contents that a committed transaction has recorded as to go. It
// returns those that are removed. If the transaction is not durable yet, they are removed in
// the background when it is.
func (e *Engine) removeCommitted(ctx context.Context, contents []string) (removed []string, err error) {
	if len(contents) == 0 {
		return nil, nil
	}
	var mu sync.Mutex
	var durable, late bool
	store.AfterSync(e.store, func() {
		mu.Lock()
		defer mu.Unlock()
		if durable = true; late {
			e.contents.hand(contents)
		}
	})
	mu.Lock()
	now := durable
	late = !now
	mu.Unlock()
	if !now {
		return nil, nil
	}
	return e.removeContents(ctx, contents)
}

// removeContents removes contents that are durably recorded as to go, unless the contents are
// foreign or held. It returns those that are removed, and continues after an error.
func (e *Engine) removeContents(ctx context.Context, contents []string) (removed []string, err error) {
	if len(contents) == 0 {
		return nil, nil
	}
	ours, err := e.claimContents(ctx, true)
	if err != nil || !ours {
		return nil, err
	}
	if held, err := e.contentsHeld(ctx); err != nil || held {
		return nil, err // whoever ends the last hold removes them
	}
	for _, content := range contents {
		if failed := e.blobs.Delete(ctx, content); failed != nil {
			err = errors.Join(err, storage(failed))
			continue
		}
		removed = append(removed, content)
	}
	return removed, err
}

// contentsHeld reports whether there is a hold, of any engine.
func (e *Engine) contentsHeld(ctx context.Context) (held bool, err error) {
	if !e.shared {
		return e.contents.holds.Load() > 0, nil
	}
	err = e.view(ctx, func(r store.Reader) error {
		rng := store.Prefix(key.Holds())
		rng.Limit = 1
		page, _, err := r.Scan(rng)
		held = len(page) > 0
		return storage(err)
	})
	return held, err
}

// removeEach is removeContents for the files that one call has deleted. It keeps the records
// about the removed contents until there are many of them. Errors are left to the next
// opening, and to Sweep.
func (e *Engine) removeEach(ctx context.Context, contents []string) {
	removed, _ := e.removeCommitted(ctx, contents)
	e.keepRecords(ctx, removed)
}

func (e *Engine) keepRecords(ctx context.Context, removed []string) {
	if full := e.contents.keep(removed); full != nil {
		_ = e.writeInParts(ctx, gone(full))
	}
}

// removeDurable removes in the background what was handed over, until the engine is closed.
// What it has begun it finishes; the rest is left to Close.
func (e *Engine) removeDurable() {
	ctx := context.WithoutCancel(e.background)
	for {
		select {
		case <-e.contents.ready:
			e.failed(TaskContents, e.observeTask(TaskContents, func() error {
				removed, err := e.removeContents(ctx, e.contents.handed())
				e.keepRecords(ctx, removed)
				return err
			}))
		case <-e.background.Done():
			return
		}
	}
}

// anyToGo reports whether contents are recorded as to go.
func anyToGo(r store.Reader) (bool, error) {
	rng := store.Prefix(key.AllToGo())
	rng.Limit = 1
	page, _, err := r.Scan(rng)
	return len(page) > 0, storage(err)
}

// finishToGo removes all contents that are recorded as to go, and the records.
func (e *Engine) finishToGo(ctx context.Context) error {
	rng := store.Prefix(key.AllToGo())
	var failed error
	for more := true; more; {
		var contents []string
		err := e.view(ctx, func(r store.Reader) (err error) {
			var page []store.Pair
			contents = nil
			page, more, err = r.Scan(rng)
			for _, p := range page {
				contents = append(contents, string(p.Key[1:]))
			}
			return storage(err)
		})
		if err != nil || len(contents) == 0 {
			return errors.Join(failed, err)
		}
		rng.From = append(key.ToGo(contents[len(contents)-1]), 0)
		if err := e.finishContents(ctx, contents); err != nil {
			failed = errors.Join(failed, err)
		}
	}
	return failed
}

// finishContents removes contents, and the records that they are to go.
func (e *Engine) finishContents(ctx context.Context, contents []string) error {
	for _, content := range contents {
		if _, err := key.CutContent(content); err != nil {
			return corrupt("content %q that is to go has an unknown form", content)
		}
	}
	if ours, err := e.claimContents(ctx, false); err != nil || !ours {
		return err
	}
	if err := store.Sync(ctx, e.store); err != nil {
		return storage(err)
	}
	removed, failed := e.removeContents(ctx, contents)
	if len(removed) == 0 {
		return failed
	}
	return errors.Join(failed, e.writeInParts(ctx, gone(removed)))
}

// hand adds contents that are durably recorded as to go.
func (c *contents) hand(contents []string) {
	c.mu.Lock()
	c.durable = append(c.durable, contents...)
	c.mu.Unlock()
	select {
	case c.ready <- struct{}{}:
	default:
	}
}

// waiting is the number of contents that were handed over.
func (c *contents) waiting() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.durable)
}

// handed takes the contents that were handed over.
func (c *contents) handed() (contents []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	contents, c.durable = c.durable, nil
	return contents
}

// keep adds removed contents whose records are to be deleted. It takes all of them out if
// there are many.
func (c *contents) keep(removed []string) (full []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.removed = append(c.removed, removed...)
	if len(c.removed) < keptRecords {
		return nil
	}
	full, c.removed = c.removed, nil
	return full
}

// kept takes the removed contents whose records are to be deleted.
func (c *contents) kept() (removed []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	removed, c.removed = c.removed, nil
	return removed
}
