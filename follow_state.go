package groupkit

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"math"
	"slices"

	"groupkit/internal/key"
	"groupkit/internal/record"
	"groupkit/store"
)

// entriesPerPart is how many entries of lists a part of a checkpoint has, about.
const entriesPerPart = 1000

// The lists of a state, in the order in which they are read. A checkpoint of a log has no
// indexes. There, requests and invitations are found with the outsiders.
var (
	presentLists    = []byte{key.Members, key.Outsiders, key.Requests, key.Invitations, key.Files}
	checkpointLists = []byte{key.Members, key.Outsiders, key.Files}
)

// A stateReading is the state of a group while it is given in parts, each from a snapshot of its
// own. The present state changes between two parts. So before a part come the events of the log
// since the part before it: what has been given stays right, and the rest is read as it is then.
// The checkpoint of a log changes only when retention removes more events; then the reading begins again.
type stateReading struct {
	group  GroupID
	prefix []byte
	cut    bool // read the checkpoint of the log, not the present state

	lists     []byte      // what is left to read
	rng       store.Range // of the first of them; the zero value: from its beginning
	part      int         // the number of the next part
	version   uint64      // of the part before
	rewritten uint64      // as in the header of that part
	filter    bool        // the actor sees what members see
	pending   []pendingMark
}

// A pendingMark is a request or an invitation in the checkpoint of a log.
type pendingMark struct {
	entry entry
	kind  *markKind
	mark  *record.Mark
}

// A partRead is what one transaction reads for the next part.
type partRead struct {
	next   stateReading
	head   record.Header
	events []Event // that come before the part
	part   *Snapshot
	done   bool // it is the last part
}

// readState gives the next part of the state.
func (f *Follower) readState(ctx context.Context) error {
	var p *partRead
	err := f.actor.view(ctx, func(r store.Reader) (err error) {
		p, err = f.readPart(r, f.state)
		return err
	})
	switch {
	case errors.Is(err, ErrForbidden) || errors.Is(err, ErrNotFound):
		return f.refuseState(ctx, err)
	case err != nil:
		if f.state.cut && classOf(err) == ErrCorrupt { // the present state does not need the checkpoint of the log
			f.begin(f.group)
		}
		return err
	}
	if p.done && f.walk == nil {
		if err := f.synced(ctx); err != nil {
			return err
		}
	}
	f.givePart(p)
	return nil
}

// refuseState ends the reading of a state that the actor must not see any more, or that is gone.
// The rest of the log has the event that says so, unless the log was rewritten.
func (f *Follower) refuseState(ctx context.Context, err error) error {
	s := f.state
	if f.group == "" {
		f.state = nil
		f.reach(f.passGroup(s.group))
		return nil
	}
	if err := f.synced(ctx); err != nil {
		return err
	}
	f.state, f.call = nil, nil
	f.filter, f.refused = f.actor.user != "", wrap(OpFollow, f.group, err)
	f.live = math.MaxUint64
	if s.part > 0 {
		f.after = s.version
	}
	return nil
}

// passGroup ends the state of a group in a follower of all groups, and returns the position.
func (f *Follower) passGroup(group GroupID) Position {
	at := Position{History: f.actor.eng.History(), Version: f.after}
	if f.walk != nil {
		f.walk.group = group
		at.Version, at.Group = f.walk.commit, group
	}
	return at
}

// givePart gives a part and the events before it.
func (f *Follower) givePart(p *partRead) {
	for _, e := range p.events {
		if e, ok := f.see(e); ok {
			f.give(f.following(e, false))
		}
	}
	s := p.next
	f.state, f.filter = &s, s.filter
	if p.part == nil {
		return
	}
	e := Event{
		Group: s.group, Version: p.head.Version, Kind: Checkpoint, At: instant(p.head.Modified),
		Checkpoint: p.part, Part: s.part - 1, Last: p.done,
	}
	if f.filter {
		*p.part = memberSeesOf(*p.part, f.actor.user)
	}
	f.shown = p.head.Version
	f.give(e)
	if p.done {
		f.reach(f.endState())
	}
}

// endState goes on after the state, and returns the position.
func (f *Follower) endState() Position {
	s := f.state
	f.state = nil
	if f.group == "" {
		return f.passGroup(s.group)
	}
	f.after, f.rewritten = s.version, s.rewritten
	return Position{History: f.actor.eng.History(), Version: s.version}
}

// readPart reads the next part of a state. If many events come before it, it reads only these.
func (f *Follower) readPart(r store.Reader, from *stateReading) (*partRead, error) {
	s := *from
	s.pending = slices.Clip(from.pending)
	p := &partRead{}
	v, err := f.actor.access(r, s.group)
	if err != nil {
		return nil, err
	}
	if err := v.authorize(followGroup); err != nil {
		return nil, err
	}
	p.head = *v.head
	if s.cut {
		value, ok, err := r.Get(append(bytes.Clone(s.prefix), key.Header))
		if err != nil {
			return nil, storage(err)
		}
		if !ok {
			return nil, corrupt("the log of group %q has no checkpoint", string(s.group))
		}
		if p.head, err = record.DecodeHeader(value); err != nil {
			return nil, err
		}
		if p.head.Version+1 != v.head.First { // it would come again, or events would be passed over
			return nil, corrupt("the log of group %q has a checkpoint at version %d, and begins at version %d",
				string(s.group), p.head.Version, v.head.First)
		}
		p.head.Rewritten, p.head.Rename = v.head.Rewritten, v.head.Rename
		renamingOf(v.head).swap(&p.head.Owner)
	}
	s.filter = v.permits(readLog) != nil
	if s.part > 0 && s.mustRestart(from, &p.head) {
		s.restart()
	}
	if s.part > 0 && !s.cut {
		more, restart, err := p.readEvents(r, &s, &p.head)
		if err != nil {
			return nil, err
		}
		if more {
			p.next = s
			return p, nil
		}
		if restart {
			s.restart()
		}
	}
	s.version, s.rewritten = p.head.Version, p.head.Rewritten
	if p.part, err = s.read(r, &p.head); err != nil {
		return nil, err
	}
	s.part++
	p.done = len(s.lists) == 0
	p.next = s
	return p, nil
}

// mustRestart reports whether what was given of the state is not what it would be now.
func (s *stateReading) mustRestart(before *stateReading, h *record.Header) bool {
	return s.filter != before.filter || s.rewritten != h.Rewritten || s.cut && s.version != h.Version
}

func (s *stateReading) restart() {
	lists := presentLists
	if s.cut {
		lists = checkpointLists
	}
	*s = stateReading{group: s.group, prefix: s.prefix, cut: s.cut, lists: lists, filter: s.filter}
}

// readEvents reads the events since the part before. more: they are a page, and more may follow.
// restart: the log does not have them any more.
func (p *partRead) readEvents(r store.Reader, s *stateReading, h *record.Header) (more, restart bool, err error) {
	if s.version == h.Version {
		return false, false, nil
	}
	head, calls, err := logAfter(r, s.group, s.version)
	if err != nil || s.version+1 < head.First {
		return false, err == nil, err
	}
	for _, call := range calls {
		p.events = append(p.events, eventsAfter(call, s.version)...)
		s.version = call[len(call)-1].Version
	}
	return s.version < h.Version, false, nil
}

// read reads the next part.
func (s *stateReading) read(r store.Reader, h *record.Header) (*Snapshot, error) {
	single := newState()
	single.head = *h
	for _, kind := range []byte{key.Announcement, key.Custom} {
		value, ok, err := r.Get(append(bytes.Clone(s.prefix), kind))
		if err != nil {
			return nil, storage(err)
		}
		if ok {
			if err := single.take(renamingOf(h), kind, nil, value); err != nil {
				return nil, err
			}
		}
	}
	part := single.snapshot(s.group)
	for n := 0; len(s.lists) > 0 && n < entriesPerPart; {
		read, err := s.readList(r, renamingOf(h), &part, entriesPerPart-n)
		if err != nil {
			return nil, err
		}
		n += read
	}
	return &part, nil
}

// readList reads entries of the first list. After the last one it removes the list.
func (s *stateReading) readList(r store.Reader, names renaming, part *Snapshot, most int) (n int, err error) {
	list := s.lists[0]
	rng, prefix := s.rng, append(bytes.Clone(s.prefix), list)
	if rng.From == nil {
		rng = store.Prefix(prefix)
		rng.Reverse = list == key.Files
	}
	rng.Limit = most
	var more bool
	if list == key.Files {
		n, more, err = readFiles(r, names, &rng, len(prefix), part)
	} else {
		n, more, err = s.readEntries(r, names, list, &rng, part)
	}
	s.rng = rng
	if err == nil && !more {
		s.lists, s.rng = s.lists[1:], store.Range{}
		if s.cut && list == key.Outsiders {
			s.givePending(part)
		}
	}
	return n, err
}

// readEntries reads standings, or entries of an index.
func (s *stateReading) readEntries(r store.Reader, names renaming, list byte, rng *store.Range, part *Snapshot) (n int, more bool, err error) {
	take := func(e *entry) bool {
		n++
		user := string(e.user)
		names.swap(&user)
		e.user = UserID(user)
		names.standing(&e.standing)
		s.add(list, e, part)
		return true
	}
	if !s.cut {
		more, err = scanEntries(r, s.group, list, rng, take)
		return n, more, err
	}
	page, more, err := r.Scan(*rng)
	if err != nil {
		return 0, false, storage(err)
	}
	for _, p := range page {
		e := entry{group: s.group}
		if err := e.decode(p.Key[len(s.prefix)+1:], p.Value, list == key.Members); err != nil {
			return 0, false, err
		}
		take(&e)
		rng.From = append(bytes.Clone(p.Key), 0)
	}
	return n, more, nil
}

// add adds what a list says about a user.
func (s *stateReading) add(list byte, e *entry, part *Snapshot) {
	if list == key.Members {
		part.Members = append(part.Members, publicMember(e))
	}
	for _, kind := range marks {
		mark := *kind.field(&e.standing)
		switch {
		case mark == nil:
		case !kind.pending && (list == key.Members || list == key.Outsiders), kind.list == list:
			kind.show(part, e, mark)
		case s.cut && kind.pending:
			s.pending = append(s.pending, pendingMark{entry{group: e.group, user: e.user}, kind, mark})
		}
	}
}

// givePending gives the requests and invitations of the checkpoint of a log, in the order in which they came.
func (s *stateReading) givePending(part *Snapshot) {
	slices.SortFunc(s.pending, func(x, y pendingMark) int {
		return cmp.Or(cmp.Compare(x.mark.Version, y.mark.Version), cmp.Compare(x.mark.Place, y.mark.Place))
	})
	for i := range s.pending {
		p := &s.pending[i]
		p.kind.show(part, &p.entry, p.mark)
	}
	s.pending = nil
}

// readFiles reads files, the newest first.
func readFiles(r store.Reader, names renaming, rng *store.Range, prefix int, part *Snapshot) (n int, more bool, err error) {
	page, more, err := r.Scan(*rng)
	if err != nil {
		return 0, false, storage(err)
	}
	for _, p := range page {
		f, err := decodeFile(p.Key[prefix:], p.Value)
		if err != nil {
			return 0, false, err
		}
		names.swap(&f.Owner)
		part.Files = append(part.Files, publicFile(&f))
		rng.To = bytes.Clone(p.Key)
	}
	return len(page), more, nil
}
