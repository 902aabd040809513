//go:build unix

package cluster_test

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"time"

	"groupkit"
	"groupkit/internal/modeltest"
)

// A history is the log of a group: it says in which order the calls took effect, and so what the
// group was at each version. What remains to be found out is whether every call, whatever it
// answered, fits into this order at an instant between its beginning and its end.
type history struct {
	id     groupkit.GroupID
	names  names // of those who were forgotten
	clear  bool  // all of them are known
	events []groupkit.Event
	states []*modeltest.Group // after each version; nil if there is no group
	calls  map[string]span    // by reason
	judged map[judgement]bool
}

// A span is the first and the last version of a call.
type span struct{ first, last uint64 }

// A judgement is about an operation at a version.
type judgement struct {
	op      *operation
	version uint64
}

// lastKind is the last kind of event that the model knows. Besides, there is Pseudonymized, which
// changes nothing that the model knows.
const lastKind = groupkit.FileDeleted

// newHistory replays a log. It returns an error if a call is in it twice.
func newHistory(id groupkit.GroupID, events []groupkit.Event, names names) (*history, error) {
	for _, e := range events {
		if (e.Kind < 1 || e.Kind > lastKind) && e.Kind != groupkit.Pseudonymized {
			return nil, fmt.Errorf("the model does not know the kind of %+v", e)
		}
	}
	events, clear := names.named(events)
	h := &history{id: id, names: names, clear: clear, events: events, states: []*modeltest.Group{nil}, calls: make(map[string]span), judged: make(map[judgement]bool)}
	g := emptyGroup(id)
	for i, e := range events {
		if e.Version != uint64(i)+1 {
			return nil, fmt.Errorf("the event %d of %s has the version %d", i+1, id, e.Version)
		}
		if err := h.noteCall(e); err != nil {
			return nil, err
		}
		if g != nil {
			g = clone(g)
			g.Apply(e)
			g.Version = e.Version
		}
		if e.Kind == groupkit.GroupDeleted {
			g = nil
		}
		h.states = append(h.states, g)
	}
	return h, nil
}

// noteCall notes that an event belongs to a call. A call has one event of a kind.
func (h *history) noteCall(e groupkit.Event) error {
	if e.Reason == "" {
		return nil // of the system: something has expired
	}
	at, known := h.calls[e.Reason]
	if !known {
		h.calls[e.Reason] = span{e.Version, e.Version}
		return nil
	}
	for _, before := range h.events[at.first-1 : at.last] {
		if at.last+1 != e.Version || before.Kind == e.Kind && before.Cause == e.Cause {
			return fmt.Errorf("the call %s is in the log of %s twice: at %d and %d", e.Reason, h.id, at.first, e.Version)
		}
	}
	h.calls[e.Reason] = span{at.first, e.Version}
	return nil
}

// place returns where the operation is in the log.
func (h *history) place(o *operation) (at span, logged bool) {
	if h == nil || o.apart { // it is about no group, or another attempt is in the log
		return at, false
	}
	at, logged = h.calls[o.Reason]
	return at, logged
}

func (h *history) end() uint64 { return uint64(len(h.events)) }

func emptyGroup(id groupkit.GroupID) *modeltest.Group {
	return modelWorld(time.Time{}).NewGroup(groupkit.NewGroup{ID: id}, "")
}

func clone(g *modeltest.Group) *modeltest.Group {
	c := *g
	c.Joined, c.Admins, c.Blocks, c.Mutes = maps.Clone(g.Joined), maps.Clone(g.Admins), maps.Clone(g.Blocks), maps.Clone(g.Mutes)
	c.Allowed, c.Requests, c.Invitations = maps.Clone(g.Allowed), maps.Clone(g.Requests), maps.Clone(g.Invitations)
	c.Files = slices.Clone(g.Files)
	return &c
}

// modelWorld is a world with the options of the processes. The limits that count across groups are
// left out: a group is judged by itself.
func modelWorld(now time.Time) *modeltest.World {
	o := *options(0)
	o.Limits.JoinedGroups, o.Limits.Groups = math.MaxInt32, 0
	o.Limits.Name, o.Limits.Description, o.Limits.Avatar, o.Limits.Custom = 128, 512, 1024, 8<<10
	o.Limits.Announcement, o.Limits.Reason, o.Limits.FileSize = 512, 512, 10<<20
	return modeltest.NewWorld(now, o, nil)
}

// A located is an operation with its place in the log, or what is in the log without an operation: the
// end of something that expired.
type located struct {
	*operation
	place span // zero: it is not in the log
}

func (l *located) logged() bool { return l.place.first > 0 }

func (l *located) begun() int64 {
	if l.operation == nil {
		return 0
	}
	return l.Begun
}

// ended is when the operation had taken effect. That of an unknown outcome can do so whenever it likes.
func (l *located) ended() int64 {
	if l.operation == nil || l.Fate == unknown {
		return math.MaxInt64
	}
	return l.Ended
}

func (l *located) String() string {
	if l.operation == nil {
		return fmt.Sprintf("the event %d", l.place.first)
	}
	return fmt.Sprintf("%+v at %v", *l.operation, l.place)
}

// possible reports whether the operation can be the next one at a version. An operation decides before
// it clears away what has expired.
func (h *history) possible(l *located, version uint64) bool {
	switch {
	case l.logged() && version != l.place.first-1:
		return false
	case l.operation == nil, l.Fate == unknown, h.fits(l.operation, version):
		return true
	}
	return l.logged() && version > 0 && h.events[version-1].Reason == "" && h.fitsBefore(l, version-1)
}

// fitsBefore is possible for an operation that has cleared away what had expired after a version.
func (h *history) fitsBefore(l *located, version uint64) bool {
	return h.fits(l.operation, version) || version > 0 && h.events[version-1].Reason == "" && h.fitsBefore(l, version-1)
}

// order puts the operations into an order. It returns the first operation that does not fit, and
// the version that was reached.
//
// The log says the order of the changes, so there is nothing to try out. An operation that changes
// nothing can go first whenever it is possible: whatever comes later does not miss it.
func (h *history) order(ops []*located) (stuck *located, version uint64) {
	byBegin := slices.SortedFunc(slices.Values(ops), func(a, b *located) int { return cmp.Compare(a.begun(), b.begun()) })
	byEnd := slices.SortedFunc(slices.Values(ops), func(a, b *located) int { return cmp.Compare(a.ended(), b.ended()) })
	done := make(map[*located]bool)
	var open []*located // begun before the first of the others ended
	for {
		for len(byEnd) > 0 && done[byEnd[0]] {
			byEnd = byEnd[1:]
		}
		if len(byEnd) == 0 {
			return nil, version
		}
		for len(byBegin) > 0 && byBegin[0].begun() < byEnd[0].ended() {
			open, byBegin = append(open, byBegin[0]), byBegin[1:]
		}
		before := len(done)
		for _, changes := range []bool{false, true} {
			for _, l := range open {
				if len(done) > before && changes {
					break
				}
				if l.logged() == changes && h.possible(l, version) {
					done[l] = true
					version = max(version, l.place.last)
				}
			}
		}
		if len(done) == before {
			return byEnd[0], version
		}
		open = slices.DeleteFunc(open, func(l *located) bool { return done[l] })
	}
}

// explain says what the model answers instead.
func (h *history) explain(l *located, version uint64) (text string) {
	if l.logged() {
		version = l.place.first - 1
		text = fmt.Sprintf("the log has %+v\n", h.events[version:l.place.last])
	}
	if l.operation != nil && verbNamed(l.Verb).judge != nil {
		told, w := h.answer(verbNamed(l.Verb), l.operation, version, time.Unix(0, 0))
		text += fmt.Sprintf("the group at %d is %+v\nthe model answers %+v and makes of it %+v\n", version, h.states[version], told, w.Live[h.id])
	}
	return text
}

// fits reports whether the model gives the answer of the operation at a version. Time is what the
// clock of its process showed, and need not be known: at an instant it was before or after
// each of the ends that are pending.
func (h *history) fits(o *operation, version uint64) bool {
	key := judgement{o, version}
	fits, known := h.judged[key]
	if !known {
		fits = h.judge(o, version)
		h.judged[key] = fits
	}
	return fits
}

func (h *history) judge(o *operation, version uint64) bool {
	v := verbNamed(o.Verb)
	if v.judge == nil || o.countsAcrossGroups() {
		return true
	}
	for _, now := range instants(h.states[version]) {
		if h.judgeAt(v, o, version, now) {
			return true
		}
	}
	return false
}

// countsAcrossGroups reports whether the answer depends on other groups.
func (o *operation) countsAcrossGroups() bool {
	for _, code := range append([]string{o.Answer.Code}, o.Answer.Entries...) {
		if code == groupkit.Code(groupkit.ErrTooManyJoined) || code == groupkit.Code(groupkit.ErrTooManyGroups) {
			return true
		}
	}
	return false
}

// instants are an instant before each end of something, and one after all.
func instants(g *modeltest.Group) []time.Time {
	now := []time.Time{time.Unix(0, 0)}
	if g == nil {
		return now
	}
	for _, m := range g.Mutes {
		now = append(now, m.Until)
	}
	for _, b := range g.Blocks {
		now = append(now, b.Until)
	}
	return slices.DeleteFunc(now, func(at time.Time) bool { return at.IsZero() || at.Equal(modeltest.LastInstant) })
}

// answer makes the model answer at a version, and returns the world after the call.
func (h *history) answer(v *verb, o *operation, version uint64, now time.Time) (told answer, w *modeltest.World) {
	w = modelWorld(now)
	if before := h.states[version]; before != nil {
		w.Live[h.id] = clone(before)
	} else if version > 0 {
		w.Deleted[h.id] = true
	}
	told, no := v.judge(w, o.caller(), o)
	if no != nil {
		told = answer{Code: codeOf(no)}
	}
	return told, w
}

func (h *history) judgeAt(v *verb, o *operation, version uint64, now time.Time) bool {
	told, w := h.answer(v, o, version, now)
	switch {
	case told.Code != o.Answer.Code:
		return false
	case told.Code != "" || o.Dry:
		return true
	case told.Read != o.Answer.Read || !slices.Equal(told.Entries, o.Answer.Entries):
		return false
	}
	changed := len(w.Touched) > 0 || w.Deleted[h.id] && h.states[version] != nil
	place, logged := h.place(o)
	if !changed || !logged {
		return changed == logged
	}
	return v.steps || sameMembers(w.Live[h.id], h.states[place.last])
}

// sameMembers compares what the model has made of a group with what the log has.
func sameMembers(a, b *modeltest.Group) bool {
	if a == nil || b == nil {
		return a == b
	}
	users := func(m map[groupkit.UserID]time.Time) []groupkit.UserID { return slices.Sorted(maps.Keys(m)) }
	return a.Owner == b.Owner && a.Muted == b.Muted && a.Name == b.Name && a.MaxUsers == b.MaxUsers && a.Announcement.Text == b.Announcement.Text &&
		reflect.DeepEqual(users(a.Joined), users(b.Joined)) && reflect.DeepEqual(users(a.Admins), users(b.Admins)) &&
		reflect.DeepEqual(slices.Sorted(maps.Keys(a.Allowed)), slices.Sorted(maps.Keys(b.Allowed))) && len(a.Files) == len(b.Files)
}

// operations are the operations on the group, with those that forget a user, and with what has
// expired.
func (h *history) operations(all []operation) (ops []*located) {
	explained := make(map[string]bool)
	for i := range all {
		o := &all[i]
		place, logged := h.place(o)
		if !logged && (o.Group != h.id || o.Fate >= failed) {
			continue
		}
		explained[o.Reason] = true
		ops = append(ops, &located{o, place})
	}
	for _, e := range h.events {
		if !explained[e.Reason] {
			ops = append(ops, &located{nil, span{e.Version, e.Version}})
		}
	}
	return ops
}
