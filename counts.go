package groupkit

import (
	"bytes"
	"context"
	"time"

	"groupkit/internal/key"
	"groupkit/internal/record"
	"groupkit/store"
)

// Counts are the numbers of groups and of what they have, as their headers say. They were
// read in many transactions: a group that was created or deleted meanwhile is in them or not. Join requests and
// invitations that have expired and were not removed yet are among them.
type Counts struct {
	Groups      int       `json:"groups,omitzero"`
	Public      int       `json:"public,omitzero"`      // of the groups
	Memberships int       `json:"memberships,omitzero"` // of all groups together, their owners too
	Files       int       `json:"files,omitzero"`
	Requests    int       `json:"requests,omitzero"`
	Invitations int       `json:"invitations,omitzero"`
	At          time.Time `json:"at,omitzero"` // when counting ended, by Options.Clock
}

// countInBackground begins counting, if Options.CountEvery asks for it.
func (e *Engine) countInBackground() {
	if e.opts.CountEvery > 0 {
		e.tasks.Go(e.countAlways)
	}
}

// countAlways counts at each interval until the engine is closed, the first time at once. On a shared
// store each engine with the option counts for itself.
func (e *Engine) countAlways() {
	tick := time.NewTicker(e.opts.CountEvery)
	defer tick.Stop()
	for {
		e.failed(TaskCount, e.observeTask(TaskCount, func() error { return e.count(e.background) }))
		select {
		case <-tick.C:
		case <-e.background.Done():
			return
		}
	}
}

// count counts all groups, a page of the indexes of groups in each transaction.
func (e *Engine) count(ctx context.Context) error {
	var n Counts
	for _, public := range []bool{true, false} {
		prefix := key.Creation(public)
		rng := store.Prefix(prefix)
		rng.Limit = entries(e.sizes, chunk, 2, 0)
		for more := true; more; {
			var page Counts
			var last []byte
			err := e.view(ctx, func(r store.Reader) (err error) {
				page, last, more, err = countPage(r, rng, len(prefix))
				return err
			})
			if err != nil {
				return err
			}
			n.add(&page)
			if rng.From = append(last, 0); public {
				n.Public += page.Groups
			}
		}
	}
	n.At = e.opts.Clock().UTC().Truncate(time.Millisecond)
	e.counts.Store(&n)
	return nil
}

// countPage counts the groups at some positions, which the keys have after a prefix. It returns the last key.
func countPage(r store.Reader, rng store.Range, prefix int) (n Counts, last []byte, more bool, err error) {
	page, more, err := r.Scan(rng)
	if err != nil || len(page) == 0 {
		return n, nil, false, storage(err)
	}
	headers := make([][]byte, len(page))
	for i, p := range page {
		_, group, err := key.CutPosition(p.Key[prefix:])
		if err != nil {
			return n, nil, false, err
		}
		headers[i] = key.Of(group, key.Header)
	}
	var bad error
	err = store.VisitKeys(r, headers, func(_ int, value []byte) bool {
		var h record.Header
		if h, bad = record.DecodeHeader(value); bad == nil {
			n.add(&Counts{Groups: 1, Memberships: h.Members, Files: h.Files, Requests: h.Requests, Invitations: h.Invitations})
		}
		return bad == nil
	})
	if err == nil {
		err = bad
	}
	return n, bytes.Clone(page[len(page)-1].Key), more, storage(err)
}

func (n *Counts) add(more *Counts) {
	n.Groups += more.Groups
	n.Memberships += more.Memberships
	n.Files += more.Files
	n.Requests += more.Requests
	n.Invitations += more.Invitations
}
