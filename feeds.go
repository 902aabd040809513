package groupkit

import (
	"context"
	"errors"
	"slices"

	"groupkit/internal/feed"
	"groupkit/internal/key"
	"groupkit/internal/record"
	"groupkit/store"
)

// callsPerLook is how many calls of one feed the broker reads at once.
const callsPerLook = 256

// feedSource returns where the broker gets the events that writers do not bring.
func (e *Engine) feedSource() feed.Source[delivery] {
	s := feed.Source[delivery]{
		Background: e.background, Read: e.readFeeds, Most: e.readsPerLook(), Shared: !e.alone(),
		Failed: func(err error) {
			e.failed(TaskFollow, e.observeTask(TaskFollow, func() error { return err }))
		},
	}
	if e.shared {
		s.Watch = e.watch
	}
	return s
}

// readsPerLook is how many feeds, entries of the index of commits, or calls a look reads. A look
// reads up to five times as many records.
func (e *Engine) readsPerLook() int {
	if reads := e.sizes.Reads; reads > 0 {
		return max(1, min(reads/5, store.MaxPage))
	}
	return store.MaxPage
}

// watch is store.Watch, but returns nil if it is of no use to watch again.
func (e *Engine) watch(ctx context.Context, changed func(groups []string)) error {
	err := store.Watch(ctx, e.store, changed)
	if errors.Is(err, store.ErrNotSupported) || errors.Is(err, store.ErrClosed) {
		return nil
	}
	return err
}

// readFeeds returns the events that follow the positions; see feed.Log.
func (e *Engine) readFeeds(ctx context.Context, at []feed.Position) (parts []feed.Part[delivery], err error) {
	if slices.ContainsFunc(at, func(p feed.Position) bool { return p.Group == "" && p.Before == 0 }) {
		if err := e.raiseFloor(ctx); err != nil {
			return nil, err
		}
	}
	most := e.readsPerLook()
	err = e.viewSkipping(ctx, nil, passOver, func(r store.Reader) error {
		l := look{r: r, shared: e.shared, most: most, at: slices.Clone(at), parts: make([]feed.Part[delivery], len(at)), all: -1,
			names: make(map[string]renaming)}
		parts = l.parts
		if err := l.findEnds(); err != nil {
			return err
		}
		return l.readCalls()
	})
	return parts, err
}

func passOver([]byte, error) {}

// A look reads what follows the positions of some feeds, in one snapshot and in two round trips:
// first how far the feeds go, and then the calls. What retention has removed, and a record that
// is damaged, is passed over; an event without a kind takes its place, if the versions do not
// show it. Followers then read the log themselves, or get a checkpoint.
type look struct {
	r      store.Reader
	shared bool
	most   int // records of one kind that it reads
	at     []feed.Position
	parts  []feed.Part[delivery]

	names map[string]renaming // by group

	all     int        // the index of the feed of all groups; -1 if it is not read
	open    bool       // that feed is read up to where the index can be read
	commits store.Page // of the index of commits, for that feed
	removed []byte     // the record of the highest number that retention has removed; nil on a store of one's own
}

// findEnds finds the ends of the feeds: the versions of the groups, and for all groups a page of
// the index of commits.
func (l *look) findEnds() error {
	var headers [][]byte
	var ranges []store.Range
	var of []int
	for i := range l.at {
		p := &l.at[i]
		l.parts[i].Next = p.Next
		if p.Group != "" {
			headers, of = append(headers, key.Of(p.Group, key.Header)), append(of, i)
			continue
		}
		if p.Before == 0 {
			end, err := l.endOfAll()
			if err != nil {
				return err
			}
			p.Before, l.open = end, true
		}
		if p.Next < p.Before {
			l.all = i
			ranges = append(ranges, store.Range{From: key.Commit(p.Next), To: key.Commit(p.Before), Limit: min(l.most, callsPerLook)})
			headers = append(headers, key.LastRemoved())
			of = append(of, i)
		}
	}
	values, pages, err := store.Fetch(l.r, headers, ranges)
	if err != nil {
		return storage(err)
	}
	for i, value := range values {
		if of[i] == l.all {
			l.removed = value
		} else if h, err := record.DecodeHeader(value); value != nil && err == nil {
			p := &l.at[of[i]]
			l.names[p.Group] = renamingOf(&h)
			if p.Before == 0 {
				p.Before = h.Version + 1
			}
		}
	}
	if l.all >= 0 {
		l.commits = pages[0]
	}
	return nil
}

// endOfAll returns up to where the index of commits can be read.
func (l *look) endOfAll() (uint64, error) {
	if l.shared {
		return settledCommits(l.r)
	}
	return endOfCommits(l.r, false)
}

// readCalls reads the calls.
func (l *look) readCalls() error {
	var of []int
	for i, p := range l.at {
		if p.Group != "" && p.Next < p.Before {
			of = append(of, i)
		}
	}
	var logs []store.Range
	for _, i := range of {
		p := l.at[i]
		logs = append(logs, store.Range{
			From: key.Event(p.Group, p.Next), To: key.Event(p.Group, p.Before),
			Limit: max(1, min(l.most/len(of), callsPerLook)),
		})
	}
	var keys [][]byte
	for _, p := range l.commits.Pairs {
		keys = append(keys, callKey(p.Value))
	}
	calls, groups := len(keys), l.groupsOfCommits()
	for _, group := range groups {
		keys = append(keys, key.Of(group, key.Header))
	}
	values, pages, err := store.Fetch(l.r, keys, logs)
	if err != nil {
		return storage(err)
	}
	for i, group := range groups {
		if h, err := record.DecodeHeader(values[calls+i]); err == nil {
			l.names[group] = renamingOf(&h)
		}
	}
	for i, page := range pages {
		at := l.at[of[i]]
		l.parts[of[i]] = partOfGroup(at, l.names[at.Group], page)
	}
	if l.all >= 0 {
		l.parts[l.all] = l.partOfAll(values[:calls])
	}
	return nil
}

// groupsOfCommits returns the groups of the page of the index of commits whose headers are not read yet.
func (l *look) groupsOfCommits() (groups []string) {
	for _, p := range l.commits.Pairs {
		group, _, err := key.CutPoint(p.Value)
		if _, known := l.names[group]; err == nil && !known && !slices.Contains(groups, group) {
			groups = append(groups, group)
		}
	}
	return groups
}

// callKey returns the key of the call to which an entry of the index of commits leads. If the
// entry is empty or damaged, it is the key of a call that does not exist.
func callKey(entry []byte) []byte {
	group, version, err := key.CutPoint(entry)
	if err != nil {
		return key.Event("", 0)
	}
	return key.Event(group, version)
}

// partOfGroup returns the events of a page of the log of a group.
func partOfGroup(at feed.Position, n renaming, page store.Page) feed.Part[delivery] {
	part := feed.Part[delivery]{Next: at.Before}
	if page.More {
		if last, err := lastVersion(page.Pairs[len(page.Pairs)-1].Key); err == nil {
			part.Next, part.More = last+1, true
		}
	}
	next := at.Next
	for _, p := range page.Pairs {
		call, err := decodeDeliveries(GroupID(at.Group), n, p)
		if err != nil {
			continue
		}
		for _, d := range call {
			if d.Version >= next {
				part.Events = append(part.Events, d)
				next = d.Version + 1
			}
		}
	}
	if next < part.Next {
		part.Events = append(part.Events, delivery{Event: Event{Group: GroupID(at.Group), Version: part.Next - 1}})
	}
	return part
}

// partOfAll returns the events of the calls to which the page of the index of commits leads.
func (l *look) partOfAll(calls [][]byte) feed.Part[delivery] {
	at := l.at[l.all]
	next := at.Next
	if removed, err := decodeNumber(l.removed); l.shared && err == nil && next <= removed {
		return l.removedPart(at, removed)
	}
	part := feed.Part[delivery]{Next: at.Before}
	if l.shared {
		part.Next = afterCommits(at.Next, at.Before, nil, l.commits.Pairs)
	}
	for i, p := range l.commits.Pairs {
		number, err := key.CutCommit(p.Key)
		if err != nil {
			continue
		}
		next = number + 1
		group, version, _ := key.CutPoint(p.Value)
		if group != "" && version == 0 {
			part.Events = append(part.Events, loadedDelivery(GroupID(group), number))
			continue
		}
		call, err := decodeDeliveries(GroupID(group), l.names[group], store.Pair{Key: callKey(p.Value), Value: calls[i]})
		if err != nil {
			call = []delivery{{}}
		}
		for j := range call {
			call[j].commit = number
		}
		part.Events = append(part.Events, call...)
	}
	if part.More = l.commits.More && next > at.Next; part.More {
		part.Next = next
	}
	if !l.shared && uint64(len(l.commits.Pairs)) < part.Next-at.Next { // the numbers have no gaps
		part.Events = slices.Insert(part.Events, 0, delivery{commit: part.Next - 1})
	}
	return part
}

// removedPart is the part on a shared store from which retention has removed calls. Only the highest of their
// numbers is known, so any call up to there may be missing: all of them are passed over. As long as the number is not
// settled, the checkpoint that is due would lie before it: then the feed waits.
func (l *look) removedPart(at feed.Position, removed uint64) feed.Part[delivery] {
	if l.open && removed >= at.Before {
		return feed.Part[delivery]{Next: at.Next}
	}
	return feed.Part[delivery]{Next: removed + 1, Events: []delivery{{commit: removed}}, More: removed+1 < at.Before}
}
