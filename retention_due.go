package groupkit

import (
	"context"
	"sync"

	"groupkit/internal/key"
	"groupkit/internal/record"
	"groupkit/store"
)

// The first sweep of an engine looks at the log of every group. The later ones follow the index
// of commits: its beginning has the oldest calls of all logs, and its end those that came since
// the last sweep: they made logs longer, or deleted a group.

// A retained says which logs an engine has looked at.
type retained struct {
	mu    sync.Mutex // held by a sweep
	whole bool       // all logs have been looked at
	next  uint64     // the number of the first commit that came after that
}

// truncateLogs applies the retention to every log that can have something to remove.
func (e *Engine) truncateLogs(ctx context.Context) (err error) {
	done := &e.retained
	done.mu.Lock()
	defer done.mu.Unlock()
	end, err := e.commitsEnd(ctx)
	if err != nil {
		return err
	}
	defer func() { done.whole, done.next = err == nil, end }()
	if !done.whole {
		return e.truncateAll(ctx)
	}
	groups := make(map[GroupID]bool)
	err = e.eachCommit(ctx, done.next, end, func(_ store.Reader, page []commit) (bool, error) {
		for _, c := range page {
			groups[c.group] = true
		}
		return true, nil
	})
	if err == nil && e.opts.Retention.MaxAge > 0 {
		err = e.eachCommit(ctx, 1, end, func(r store.Reader, page []commit) (bool, error) { return e.addOld(r, groups, page) })
	}
	for group := range groups {
		if err == nil {
			err = e.truncateLog(ctx, group)
		}
	}
	return err
}

// commitsEnd returns the number after the last settled call, which is the last call but for what
// is under way.
func (e *Engine) commitsEnd(ctx context.Context) (end uint64, err error) {
	if err := e.raiseFloor(ctx); err != nil {
		return 0, err
	}
	err = e.view(ctx, func(r store.Reader) (err error) {
		end, err = endOfCommits(r, e.shared)
		return err
	})
	return end, err
}

// A commit is an entry of the index of commits.
type commit struct {
	group   GroupID
	version uint64 // of the last event of the call
}

// eachCommit reads a part of the index of commits page by page, until fn returns false.
func (e *Engine) eachCommit(ctx context.Context, from, before uint64, fn func(store.Reader, []commit) (more bool, err error)) error {
	for more := true; more && from < before; {
		next := from
		err := e.view(ctx, func(r store.Reader) error {
			pairs, rest, err := r.Scan(store.Range{From: key.Commit(from), To: key.Commit(before), Limit: chunk})
			if err != nil {
				return storage(err)
			}
			var page []commit
			for _, p := range pairs {
				number, err := key.CutCommit(p.Key)
				if err != nil {
					return err
				}
				next = number + 1
				if len(p.Value) == 0 {
					continue // the counter; see commits.go
				}
				group, version, err := key.CutPoint(p.Value)
				if err != nil {
					return err
				}
				page = append(page, commit{GroupID(group), version})
			}
			more, err = fn(r, page)
			more = more && rest
			return err
		})
		if err != nil {
			return err
		}
		from = next
	}
	return nil
}

// addOld adds the groups of those calls of a page that are too old. It reports whether there are
// any.
func (e *Engine) addOld(r store.Reader, groups map[GroupID]bool, page []commit) (found bool, err error) {
	by, err := e.dueBy()
	if err != nil {
		return false, err
	}
	keys := make([][]byte, len(page))
	for i, c := range page {
		keys[i] = key.Event(string(c.group), c.version)
	}
	values, err := store.GetMany(r, keys)
	if err != nil {
		return false, storage(err)
	}
	for i, value := range values {
		if value == nil { // Verify reports it, unless it is a group that was loaded
			found = found || page[i].version == 0
			continue
		}
		call, err := record.DecodeCall(value)
		if err != nil {
			return false, err
		}
		if call.At < by-e.opts.Retention.MaxAge.Milliseconds() {
			groups[page[i].group], found = true, true
		}
	}
	return found, nil
}
