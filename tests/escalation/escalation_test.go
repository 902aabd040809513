// Package escalation_test lets users of every role call every verb with random arguments, and judges each call
// by what it changed: whether this actor may change this of this user. The table of that is written out in
// oracle_test.go. It shares no code with the engine, and no opinion with its permission table or its model.
package escalation_test

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
	"groupkit/store/memblob"
	"groupkit/store/memstore"
)

var (
	steps = flag.Int("escalation.steps", 30_000, "how many calls are judged")
	seed  = flag.Uint64("escalation.seed", 0, "repeats a run: the seed that it printed")
)

// stepsOfWorld is how long a world lasts, until the next begins with other options.
const stepsOfWorld = 1000

var users = grouptest.IDs{"alice", "bob", "carol", "dave", "erin", "frank", "grace"}

// TestEscalation makes random calls. No call may change what its actor may not change, and no refused call may
// change anything.
func TestEscalation(t *testing.T) {
	t.Parallel()
	first := cmp.Or(*seed, uint64(time.Now().UnixNano()))
	t.Logf("-escalation.seed %d", first)
	seen := &coverage{granted: map[string]int{}, called: map[string]int{}}
	all := *steps
	if testing.Short() {
		all = min(all, 2*stepsOfWorld)
	}
	for n := 0; n < all && !t.Failed(); n += stepsOfWorld {
		t.Run(fmt.Sprintf("world %d", n/stepsOfWorld), func(t *testing.T) {
			w := newWorld(t, rand.New(rand.NewPCG(first, uint64(n))), seen)
			for range stepsOfWorld {
				w.step(t)
			}
			grouptest.RequireVerified(t, w.eng)
		})
	}
	t.Logf("%d steps, %d of which changed something", seen.steps, seen.changed)
	seen.require(t)
}

// coverage counts what the worlds of a test met.
type coverage struct {
	steps, changed int
	granted        map[string]int // a row of the table and a column
	called         map[string]int // a verb and what its caller was
}

// require requires that every cell that can be granted was, and that callers of every kind called every verb.
// Few steps do not meet the rarest of them.
func (c *coverage) require(t *testing.T) {
	var missing []string
	for what, r := range mayChange {
		for column, may := range map[string]judge{"system": r.system, "owner": r.owner, "admin": r.admin, "member": r.member, "outsider": r.outsider} {
			if name := what + " by " + column; reflect.ValueOf(may).Pointer() != reflect.ValueOf(no).Pointer() && c.granted[name] == 0 {
				missing = append(missing, name)
			}
		}
	}
	for i := range verbs {
		for _, class := range classes {
			if name := verbs[i].name + " by " + class; c.called[name] == 0 && (verbs[i].call != nil || class == "system") {
				missing = append(missing, name)
			}
		}
	}
	slices.Sort(missing)
	t.Logf("not met: %q", missing)
	switch {
	case c.steps >= 200_000:
		require.Empty(t, missing, "in %d steps", c.steps)
	case c.steps >= 20_000:
		require.Less(t, len(missing), 40, "in %d steps", c.steps)
	}
}

// classes are what a caller can be. A user is several of them at once.
var classes = []string{"system", "owner", "admin", "member", "outsider", "muted", "blocked", "requester", "invited"}

// classesOf returns what a user is in a group.
func classesOf(u groupkit.UserID, s *state) (out []string) {
	if u == "" {
		return classes[:1]
	}
	me := s.Users[u]
	out = append(out, me.Role.String())
	for _, of := range []struct {
		class string
		mark  *mark
	}{{"muted", me.Mute}, {"blocked", me.Block}, {"requester", me.Request}, {"invited", me.Invitation}} {
		if of.mark != nil {
			out = append(out, of.class)
		}
	}
	return out
}

// A world is an engine with a few groups and users, in which all limits are near.
type world struct {
	eng    *groupkit.Engine
	clock  *grouptest.Clock
	opts   groupkit.Options
	dice   *rand.Rand
	seen   *coverage
	groups []groupkit.GroupID // that are, and the last few that were
	now    map[groupkit.GroupID]groupkit.Snapshot
	last   []string // the last calls, for whoever reads the failure
}

func newWorld(t *testing.T, dice *rand.Rand, seen *coverage) *world {
	w := &world{clock: grouptest.NewClock(), dice: dice, seen: seen, now: map[groupkit.GroupID]groupkit.Snapshot{}}
	w.opts = groupkit.Options{
		Clock: w.clock.Now, CacheBytes: 4096, BlockOutsiders: w.yes(2), OwnerLeave: pick(w.yes(2), groupkit.OwnerSucceed, groupkit.OwnerRefuse),
		Limits: groupkit.Limits{JoinedGroups: 2, Admins: 3, Requests: 2, Invitations: 2 + dice.IntN(2), Files: 2, MaxUsers: 6, DefaultMaxUsers: 5, ListSize: 3, Batch: 3},
	}
	if w.yes(2) {
		w.opts.RequestTTL, w.opts.InvitationTTL = time.Second, time.Second
	}
	eng, err := groupkit.New(memstore.New(), memblob.New(), &w.opts)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, eng.Close()) })
	w.eng = eng
	return w
}

// yes is true once in n times.
func (w *world) yes(n int) bool { return w.dice.IntN(n) == 0 }

func oneOf[T any](w *world, from []T) T { return from[w.dice.IntN(len(from))] }

// step makes one call and judges it.
func (w *world) step(t *testing.T) {
	w.seen.steps++
	if w.yes(5) {
		w.clock.Advance(time.Duration(w.dice.IntN(1500)) * time.Millisecond)
	}
	v, x := oneOf(w, lottery), w.arguments()
	if len(w.now) == 0 || v.name == "CreateGroup" && len(w.now) >= 2 && !w.yes(10) {
		v = &verbs[pick(len(w.now) == 0, 0, 1)]
	}
	actor, reason := w.actor(x.id), pick(w.yes(2), "so", "")
	a := pick(actor == "", w.eng.System(), w.eng.As(actor)).Because(reason)
	text := fmt.Sprintf("%q: %s %v", actor, v.name, x)
	version, dry := uint64(0), false
	switch known := w.now[x.id]; {
	case v.call == nil: // no actor makes it
		actor = ""
	case w.yes(20):
		dry = true
		a, text = a.Can(), "only whether "+text
	case w.yes(20):
		version = known.Group.Version + w.dice.Uint64N(2)
		a, text = a.IfVersion(version), fmt.Sprintf("if version %d %s", version, text)
	case w.yes(20): // a repeated call returns the first result, and does nothing
		key := oneOf(w, []string{"k", "l"})
		a, text = a.Once(key), fmt.Sprintf("once %q %s", key, text)
	}
	w.last = append(w.last[max(0, len(w.last)-15):], text)

	err := w.call(a, v, x)
	if v.name == "CreateGroup" && err == nil && !dry && !slices.Contains(w.groups, x.made.ID) {
		w.groups = append(w.groups[max(0, len(w.groups)-4):], x.made.ID)
	}
	w.judge(t, v, x, step{
		verb: v.name, actor: actor, reason: reason, named: v.named(x), file: x.file, renames: v.name == "ForgetUser" && x.forget.Pseudonymize,
		opts: &w.opts, now: w.clock.Instant(),
	}, err, dry, version)
}

func (w *world) call(a groupkit.Actor, v *verb, x *arguments) error {
	if v.call == nil {
		return grouptest.ErrorOf(w.eng.Sweep(context.Background()))
	}
	return v.call(context.Background(), a, x)
}

// judge compares every group with what it was before the call.
func (w *world) judge(t *testing.T, v *verb, x *arguments, s step, err error, dry bool, version uint64) {
	for _, id := range slices.Sorted(maps.Keys(w.now)) {
		for _, class := range classesOf(s.actor, stateOf(w.now[id], s.now)) {
			if id == x.id {
				w.seen.called[v.name+" by "+class]++
			}
		}
	}
	after := read(t, w.eng, append(slices.Collect(maps.Keys(w.now)), w.groups...))
	var wrong []string
	changed := false
	for _, id := range union(w.now, after) {
		was, before := w.now[id]
		is, there := after[id]
		if before && there && reflect.DeepEqual(was, is) {
			continue
		}
		changed = true
		switch {
		case err != nil || dry:
			wrong = append(wrong, fmt.Sprintf("group %q has changed, although: %v", id, err))
		case v.name != "ForgetUser" && v.name != "Sweep" && id != pick(v.name == "CreateGroup", x.made.ID, x.id):
			wrong = append(wrong, fmt.Sprintf("group %q has changed, which the call is not about", id))
		case version > 0 && was.Group.Version != version:
			wrong = append(wrong, fmt.Sprintf("group %q was at version %d", id, was.Group.Version))
		}
		wrong = append(wrong, w.judgeGroup(s, x, id, before, there, was, is)...)
	}
	if changed {
		w.seen.changed++
		wrong = append(wrong, judgeUsers(w.eng, after)...)
	}
	w.now = after
	require.Empty(t, wrong, "%v\n\nafter these calls, of which the last is wrong:\n%s", err, strings.Join(w.last, "\n"))
}

func (w *world) judgeGroup(s step, x *arguments, id groupkit.GroupID, before, there bool, was, is groupkit.Snapshot) (wrong []string) {
	if there {
		s.after = stateOf(is, s.now)
		wrong = s.judgeState()
	}
	if !before {
		return append(wrong, s.judgeCreation(x, is)...)
	}
	s.before = stateOf(was, s.now)
	if !there {
		gone := difference{What: "group deleted"}
		if wrong = s.judge([]difference{gone}, w.seen); s.role() == groupkit.RoleOwner && s.verb == "Leave" &&
			(w.opts.OwnerLeave != groupkit.OwnerSucceed || len(was.Members) > 1) {
			wrong = append(wrong, "the owner left, and the group is gone")
		}
		return wrong
	}
	all := differences(s.before, s.after)
	wrong = append(wrong, s.judge(all, w.seen)...)
	events, err := grouptest.Collect(w.eng.System().Events(context.Background(), id, was.Group.Version+1))
	if err != nil {
		return append(wrong, err.Error())
	}
	return append(wrong, s.judgeEvents(all, events)...)
}

// judgeCreation returns what is wrong with a new group.
func (s *step) judgeCreation(x *arguments, is groupkit.Snapshot) (wrong []string) {
	if s.verb != "CreateGroup" {
		return []string{"there is a new group"}
	}
	g := s.after
	direct := s.actor == "" || !g.Group.InviteNeedConfirm
	if s.actor != "" && g.Group.Owner != s.actor || g.Group.AllowInvites && g.Group.Public {
		wrong = append(wrong, fmt.Sprintf("a user made a group of %q", g.Group.Owner))
	}
	for id, u := range g.Users {
		named := id == g.Group.Owner || slices.Contains(s.named, id)
		in := u.Role == pick(id == g.Group.Owner, groupkit.RoleOwner, groupkit.RoleMember)
		invited := u.Role == groupkit.RoleOutsider && u.Invitation != nil && u.Invitation.By == s.actor
		u.Role, u.Joined, u.Invitation = 0, time.Time{}, nil
		if !named || pick(direct || id == g.Group.Owner, !in, !invited) || u != (user{}) {
			wrong = append(wrong, fmt.Sprintf("%q in a new group: %+v", id, is))
		}
	}
	return wrong
}

// actor draws who calls: often somebody with a role, or little would ever change.
func (w *world) actor(id groupkit.GroupID) groupkit.UserID {
	var able grouptest.IDs
	switch n := w.dice.IntN(10); {
	case n < 2:
		return ""
	case n < 6:
		role := []groupkit.Role{2: groupkit.RoleOwner, 3: groupkit.RoleAdmin, 4: groupkit.RoleAdmin, 5: groupkit.RoleMember}[n]
		for _, m := range w.now[id].Members {
			if m.Role == role {
				able = append(able, m.User)
			}
		}
	}
	if len(able) > 0 {
		return oneOf(w, able)
	}
	return w.user(id)
}

// user draws a user, often one of whom the group says something.
func (w *world) user(id groupkit.GroupID) groupkit.UserID {
	s := w.now[id]
	var known grouptest.IDs
	switch w.dice.IntN(4) {
	case 0:
		for _, m := range s.Members {
			known = append(known, m.User)
		}
	case 1:
		for _, m := range s.Mutes {
			known = append(known, m.User)
		}
		for _, b := range s.Blacklist {
			known = append(known, b.User)
		}
		for _, r := range s.Requests {
			known = append(known, r.User)
		}
		for _, i := range s.Invitations {
			known = append(known, i.User)
		}
	}
	if len(known) > 0 {
		return oneOf(w, known)
	}
	return oneOf(w, users)
}

func (w *world) arguments() *arguments {
	x := &arguments{text: oneOf(w, []string{"", "hear", "see"}), duration: oneOf(w, []time.Duration{time.Second, time.Minute, groupkit.Forever, 0})}
	switch live := slices.Sorted(maps.Keys(w.now)); {
	case len(live) > 0 && !w.yes(8):
		x.id = oneOf(w, live)
	case len(w.groups) > 0:
		x.id = oneOf(w, w.groups)
	}
	if s := w.now[x.id]; len(s.Files) > 0 {
		x.file = oneOf(w, s.Files).ID
	}
	for range 1 + w.dice.IntN(3) {
		x.some = append(x.some, w.user(x.id))
	}
	x.user = x.some[0]
	x.made = groupkit.NewGroup{Name: "n", Public: w.yes(2), MembersOnly: !w.yes(3), AllowInvites: !w.yes(3), InviteNeedConfirm: new(!w.yes(3)), Members: x.some[1:]}
	if w.yes(2) {
		x.made.Owner = x.user
	}
	flag := func(field **bool) {
		if w.yes(3) {
			*field = new(w.yes(2))
		}
	}
	if w.yes(2) {
		x.update = groupkit.GroupUpdate{Name: new(oneOf(w, []string{"n", "m"})), Description: &x.text, Avatar: &x.text, Custom: &x.text}
	} else {
		flag(&x.update.MembersOnly)
		flag(&x.update.AllowInvites)
		flag(&x.update.InviteNeedConfirm)
		if w.yes(2) {
			x.update.MaxUsers = new(w.dice.IntN(8))
		}
	}
	x.forget = groupkit.ForgetOptions{Owned: oneOf(w, []groupkit.OwnedPolicy{groupkit.OwnedRefuse, groupkit.OwnedSucceed, groupkit.OwnedDelete}), Blocks: w.yes(2), Pseudonymize: w.yes(2)}
	return x
}
