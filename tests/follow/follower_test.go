package follow_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
)

// A copy is a group as somebody keeps it who follows it, and the position to go on from.
type copied struct {
	at    groupkit.Position
	last  uint64 // the version of the last event given
	state groupkit.Snapshot
}

// A watcher follows one group as the system or as a user, and checks all that it is given.
type watcher struct {
	w     *world
	who   groupkit.UserID // "" for the system
	group groupkit.GroupID

	f     *groupkit.Follower // nil while it does not follow
	c     groupkit.Replica
	at    groupkit.Position
	last  uint64
	saved copied

	plain    bool   // it is shown what members see
	entered  uint64 // the version of the group at which it began to follow
	known    uint64 // the last rewriting of the log that what it was given contains
	unsure   bool   // the last checkpoint was read before or after the last rewriting, which is later than it
	fromZero bool   // it is given the log from its first event on
	due      bool   // a checkpoint must come next
	leaving  bool   // the event that ended the right was given
	ending   bool   // it is given the rest of the log instead of a checkpoint
	ended    bool   // it has no right to follow now
}

func (f *watcher) actor() groupkit.Actor {
	if f.who == "" {
		return f.w.system()
	}
	return f.w.any().As(f.who)
}

func (f *watcher) record() *record { return f.w.groups[f.group] }

// present is the state of the group now.
func (f *watcher) present() groupkit.Snapshot { return f.record().states[f.record().version] }

// stop ends following. If killed, the follower goes on later from what it had saved.
func (f *watcher) stop(killed bool) {
	if f.f == nil {
		return
	}
	f.f.Close()
	f.f = nil
	f.due, f.leaving, f.ending = false, false, false
	if !killed && f.c.Complete() {
		f.save()
	}
	f.at, f.last, f.c = f.saved.at, f.saved.last, groupkit.Replica{}
	if f.last > 0 {
		require.NoError(f.w.t, f.c.Apply(groupkit.Event{
			Group: f.group, Version: f.last, Kind: groupkit.Checkpoint, Checkpoint: &f.saved.state, At: time.UnixMilli(1), Last: true,
		}))
	}
}

// save keeps the copy and the position.
func (f *watcher) save() {
	if f.f == nil || !f.c.Complete() || f.due || f.f.Position().Version < f.last {
		return
	}
	s := f.c.Snapshot()
	s.Group.Version = f.last
	f.saved = copied{at: f.f.Position(), last: f.last, state: s}
}

// start follows from the last position on.
func (f *watcher) start() {
	at, err := groupkit.ParsePosition(f.at.String())
	require.NoError(f.w.t, err)
	require.Equal(f.w.t, f.at, at)
	f.f, err = f.actor().Follow(context.Background(), f.group, at)
	if err != nil {
		f.refused(err)
		return
	}
	r, now := f.record(), f.present()
	f.ended = false
	f.plain = f.who != "" && roleIn(now, f.who) == groupkit.RoleMember
	f.entered, f.fromZero, f.known = grouptest.Either(at == groupkit.Position{}, 0, r.version), at == groupkit.Position{}, r.rewritten
	f.due = at == groupkit.Position{} && f.plain || at.History != "" && at.History != f.w.any().History() ||
		at.Version+1 < r.first || at != groupkit.Position{} && at.Version < r.rewritten || f.plain && at.Version < f.joined()
}

// joined returns the version at which the member joined last.
func (f *watcher) joined() (version uint64) {
	for v, e := range f.record().log {
		if e.Kind == groupkit.MemberJoined && slices.Contains(e.Users, f.who) {
			version = max(version, v)
		}
	}
	return version
}

// refused checks that the right to follow has ended.
func (f *watcher) refused(err error) {
	t := f.w.t
	if f.record().deleted {
		require.ErrorIs(t, err, groupkit.ErrGroupNotFound)
	} else {
		require.NotEmpty(t, f.who, "%v", err)
		require.Equal(t, groupkit.RoleOutsider, roleIn(f.present(), f.who), "%s: %v", f.who, err)
		require.True(t, errors.Is(err, groupkit.ErrNotMember) || errors.Is(err, groupkit.ErrBlacklisted) || errors.Is(err, groupkit.ErrGroupNotFound), "%v", err)
	}
	f.stop(false)
	f.ended = true
}

// read reads up to n events.
func (f *watcher) read(n int) {
	if f.f == nil {
		f.start()
	}
	for ; n > 0 && f.f != nil && !f.upToDate(); n-- {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		e, err := f.f.Next(ctx)
		cancel()
		if err != nil {
			require.NotErrorIs(f.w.t, err, context.DeadlineExceeded, "%s at %d of %d: %+v", f.who, f.last, f.record().version, f)
			f.refused(err)
			return
		}
		f.check(e)
	}
}

// upToDate reports whether nothing more has to come.
func (f *watcher) upToDate() bool {
	r := f.record()
	if f.due || f.leaving || r.deleted {
		return false
	}
	for v := f.last + 1; v <= r.version; v++ {
		if _, ok := f.shows(r.log[v]); ok {
			return false
		}
	}
	return true
}

// shows returns what the follower is shown of an event.
func (f *watcher) shows(e groupkit.Event) (groupkit.Event, bool) {
	if !f.plain {
		return e, true
	}
	return shownToMember(e, f.who)
}

// check checks what was given, and applies it.
func (f *watcher) check(e groupkit.Event) {
	t, r := f.w.t, f.record()
	if e.Kind == groupkit.Checkpoint {
		require.True(t, f.due || f.leaving || f.last+1 < r.first || f.last < r.rewritten, "%s: checkpoint %d after %d: no need for it", f.who, e.Version, f.last)
		require.NoError(t, f.c.Apply(e))
		require.True(t, e.Last, "the groups are small")
		f.due, f.leaving, f.ending, f.fromZero, f.last = false, false, false, false, e.Version
		f.unsure = e.Version < r.rewritten && f.known < r.rewritten
		if !f.unsure {
			f.known = r.rewritten
		}
		if f.who != "" {
			f.plain = roleIn(f.present(), f.who) == groupkit.RoleMember
		}
		f.compare()
		return
	}
	if f.ending = f.ending || f.due && f.hasEnded(); f.ending || f.wasForgotten() {
		f.hear(e)
		return
	}
	require.False(t, f.due || f.leaving, "%s: %v %d, but a checkpoint or the end must come", f.who, e.Kind, e.Version)
	want, ok := r.log[e.Version]
	require.True(t, ok, "%s: version %d is not in the log", f.who, e.Version)
	for v := f.last + 1; v < e.Version; v++ {
		_, ok := f.shows(r.log[v])
		require.False(t, ok, "%s: %v %d is missing before %d", f.who, r.log[v].Kind, v, e.Version)
	}
	want, ok = f.shows(want)
	require.True(t, ok, "%s is shown %v", f.who, e)
	want.After = f.last
	first, last := r.call(e.Version)
	f.leaving = e.Kind == groupkit.GroupDeleted || e.Kind == groupkit.MemberLeft && f.who != "" && slices.Contains(e.Users, f.who)
	want.Last = f.leaving || f.isLastShown(e.Version, last)
	if want.Last && !f.leaving && f.beginsAnew(first, last) {
		if f.unsure && e.Last {
			f.known, f.unsure = last, last < r.rewritten
		} else {
			f.due, want.Last = true, false
		}
	}
	if f.due && e.Last && e.Kind == groupkit.Pseudonymized && f.fromZero { // nothing was given that was rewritten
		f.due, want.Last = false, true
	}
	if e.Version < r.rewritten && r.rewritten > f.known { // it was read before a user was forgotten, and a checkpoint is to come
		e = withPseudonyms(e, want)
	}
	require.Equal(t, want, e, "%+v; %v to %v: %v", describe(f), first, last, r.kinds())
	require.NoError(t, f.c.Apply(e), "%s", f.who)
	f.last = e.Version
	if e.Last {
		require.GreaterOrEqual(t, f.f.Position().Version, e.Version)
		f.compare()
	}
}

// wasForgotten reports whether the follower itself was forgotten later than what it was given last. It
// can still hear of itself by its name, then.
func (f *watcher) wasForgotten() bool {
	at := f.record().forgotten[f.who]
	return f.who != "" && at > f.last && at > f.known
}

// hasEnded reports whether the right to follow has ended. A checkpoint that is due can't be read then: the rest of
// the log comes instead, up to the event that says so.
func (f *watcher) hasEnded() bool {
	return f.record().deleted || f.who != "" && roleIn(f.present(), f.who) == groupkit.RoleOutsider
}

// hear takes an event of one that was forgotten, or the end of the log.
func (f *watcher) hear(e groupkit.Event) {
	require.NoError(f.w.t, f.c.Apply(e))
	f.last = e.Version
	f.due = e.Kind == groupkit.Pseudonymized && e.Version > f.known && !(f.unsure && e.Last)
	f.leaving = e.Kind == groupkit.GroupDeleted || e.Kind == groupkit.MemberLeft && slices.Contains(e.Users, f.who)
}

func describe(f *watcher) string {
	return fmt.Sprintf("%q at %d, plain %v, entered %d, from zero %v, known %d", f.who, f.last, f.plain, f.entered, f.fromZero, f.known)
}

// kinds describes the log.
func (r *record) kinds() (text string) {
	for v := uint64(1); v <= r.version; v++ {
		text += fmt.Sprintf("%d %v %v; ", v, r.log[v].Kind, r.log[v].Users)
	}
	return text
}

// withPseudonyms returns the event with the pseudonyms that it has in the log by now.
func withPseudonyms(e, now groupkit.Event) groupkit.Event {
	e.Users = slices.Clone(e.Users)
	for i, u := range now.Users {
		if i < len(e.Users) && isPseudonym(u) {
			e.Users[i] = u
		}
	}
	if isPseudonym(now.Actor) && e.Actor != "" {
		e.Actor = now.Actor
	}
	if e.File != nil && now.File != nil && isPseudonym(now.File.Owner) {
		file := *e.File
		file.Owner = now.File.Owner
		e.File = &file
	}
	return e
}

func isPseudonym(u groupkit.UserID) bool { return strings.HasPrefix(string(u), "forgotten-") }

// call returns the first and the last version of the call to which a version belongs.
func (r *record) call(version uint64) (first, last uint64) {
	first, last = version, version
	for first > 1 && r.log[first-1].Kind != 0 && !r.log[first-1].Last {
		first--
	}
	for !r.log[last].Last {
		last++
	}
	return first, last
}

func (f *watcher) isLastShown(version, end uint64) bool {
	for v := version + 1; v <= end; v++ {
		if _, ok := f.shows(f.record().log[v]); ok {
			return false
		}
	}
	return true
}

// beginsAnew reports whether a checkpoint must come after a call.
func (f *watcher) beginsAnew(first, last uint64) bool {
	plain := f.plain
	for v := first; v <= last; v++ {
		e := f.record().log[v]
		if e.Kind == groupkit.Pseudonymized && v > f.known {
			return true
		}
		if f.who == "" || !slices.Contains(e.Users, f.who) {
			continue
		}
		switch e.Kind {
		case groupkit.AdminAdded:
			plain = false
		case groupkit.AdminRemoved:
			plain = true
		case groupkit.OwnerChanged:
			plain = e.Users[0] != f.who
		default:
			continue
		}
		if v <= f.entered {
			return true
		}
	}
	return plain != f.plain
}

// compare compares the copy with what the group was at this version.
func (f *watcher) compare() {
	if f.leaving {
		return
	}
	end := f.last
	if e, ok := f.record().log[f.last]; ok && !e.Last {
		_, end = f.record().call(f.last)
	}
	want, ok := f.record().states[end]
	if !ok {
		return
	}
	if f.plain {
		want = stateForMember(want, f.who)
	}
	got := f.c.Snapshot()
	want.Group.Version = got.Group.Version // what comes later in the call is not shown
	require.True(f.w.t, f.c.Complete())
	require.Equal(f.w.t, want, got, "%s at %d", f.who, f.last)
}

// An observer follows all groups, and keeps a copy of each.
type observer struct {
	w      *world
	f      *groupkit.Follower
	at     groupkit.Position
	copies map[groupkit.GroupID]*groupkit.Replica
	saved  *savedCopies
	due    map[groupkit.GroupID]bool // groups of which a checkpoint must come
	stale  bool                      // a checkpoint of all groups must come
}

type savedCopies struct {
	at     groupkit.Position
	copies map[groupkit.GroupID]groupkit.Snapshot
}

func (o *observer) start() {
	at, err := groupkit.ParsePosition(o.at.String())
	require.NoError(o.w.t, err)
	o.f, err = o.w.system().FollowAll(context.Background(), at)
	require.NoError(o.w.t, err)
	o.due = map[groupkit.GroupID]bool{}
	o.stale = at.History != "" && at.History != o.w.any().History()
}

// stop ends following; killed: what came since the last save is lost.
func (o *observer) stop(killed bool) {
	if o.f == nil {
		return
	}
	if !killed || o.saved == nil {
		o.save()
	}
	o.f.Close()
	o.f = nil
	o.at, o.copies = o.saved.at, map[groupkit.GroupID]*groupkit.Replica{}
	for id, s := range o.saved.copies {
		c := &groupkit.Replica{}
		require.NoError(o.w.t, c.Apply(groupkit.Event{
			Group: id, Version: s.Group.Version, Kind: groupkit.Checkpoint, Checkpoint: &s, At: time.UnixMilli(1), Last: true,
		}))
		o.copies[id] = c
	}
}

// save keeps position and copies, as an application does in one transaction.
func (o *observer) save() {
	if o.f == nil {
		return
	}
	o.saved = &savedCopies{at: o.f.Position(), copies: map[groupkit.GroupID]groupkit.Snapshot{}}
	for id, c := range o.copies {
		o.saved.copies[id] = c.Snapshot()
	}
}

func (o *observer) read(n int) {
	if o.f == nil {
		o.start()
	}
	for ; n > 0 && !o.upToDate(); n-- {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		e, err := o.f.Next(ctx)
		cancel()
		require.NoError(o.w.t, err, "%+v; %s", o.f.Position(), o.missing())
		o.take(e)
	}
}

// glance reads up to n events, as many as come at once. While a transaction is open, what was committed after
// its beginning may be held back.
func (o *observer) glance(n int) {
	if o.f == nil {
		o.start()
	}
	for ; n > 0 && !o.upToDate(); n-- {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Millisecond)
		e, err := o.f.Next(ctx)
		cancel()
		if errors.Is(err, context.DeadlineExceeded) {
			return
		}
		require.NoError(o.w.t, err)
		o.take(e)
	}
}

// take applies an event.
func (o *observer) take(e groupkit.Event) {
	t := o.w.t
	if e.Group == "" {
		require.Equal(t, groupkit.Event{Kind: groupkit.Checkpoint}, e)
		o.copies, o.due, o.stale = map[groupkit.GroupID]*groupkit.Replica{}, map[groupkit.GroupID]bool{}, false
		return
	}
	require.False(t, o.stale, "%v, but everything must begin anew", e.Kind)
	c := o.copies[e.Group]
	if e.Kind == groupkit.Checkpoint {
		delete(o.due, e.Group)
	}
	switch {
	case c == nil && e.Kind != groupkit.Checkpoint && e.Kind != groupkit.GroupCreated:
		require.True(t, o.w.groups[e.Group] == nil || o.w.groups[e.Group].deleted, "%v of %s, of which there is no copy", e.Kind, e.Group)
		return
	case c == nil:
		c = &groupkit.Replica{}
		o.copies[e.Group] = c
	case e.Kind != groupkit.Checkpoint && e.Version <= c.Version():
		return
	}
	require.True(t, !o.due[e.Group] || o.w.groups[e.Group].deleted, "a checkpoint of %s must come, not %v", e.Group, e.Kind)
	require.NoError(t, c.Apply(e))
	o.due[e.Group] = e.Kind == groupkit.Pseudonymized
	if e.Kind == groupkit.GroupDeleted {
		delete(o.copies, e.Group)
	}
}

// upToDate reports whether the copies are the groups.
func (o *observer) upToDate() bool { return o.missing() == "" }

// missing says what has to come.
func (o *observer) missing() string {
	if o.stale {
		return "a checkpoint of all groups"
	}
	for id, r := range o.w.groups {
		c := o.copies[id]
		switch {
		case r.deleted && c != nil:
			return fmt.Sprintf("the deletion of %s", id)
		case r.deleted:
		case c == nil:
			return fmt.Sprintf("group %s", id)
		case c.Version() < r.version:
			return fmt.Sprintf("version %d of %s after %d", r.version, id, c.Version())
		case o.due[id]:
			return fmt.Sprintf("a checkpoint of %s", id)
		}
	}
	return ""
}

func (o *observer) compare() {
	for _, id := range o.w.alive() {
		r := o.w.groups[id]
		require.Equal(o.w.t, r.states[r.version], o.copies[id].Snapshot(), "%s", id)
	}
}

// alive returns the groups that exist.
func (w *world) alive() (ids []groupkit.GroupID) {
	for _, id := range w.order {
		if !w.groups[id].deleted {
			ids = append(ids, id)
		}
	}
	return ids
}
