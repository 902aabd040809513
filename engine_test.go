package groupkit_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"groupkit"
	"groupkit/store"
	"groupkit/store/boltstore"
	"groupkit/store/memblob"
	"groupkit/store/memstore"
)

// One random history runs on several engines at once and in the model, and every
// answer, refusal, list and count has to be the model's. CONTRIBUTING.md says how
// to run a longer one, and how to run a failing one again.

// TestEngine_AnswersAsTheModel runs histories under the default limits and under
// tiny ones, and looks at last whether each way to be refused was met.
func TestEngine_AnswersAsTheModel(t *testing.T) {
	t.Parallel()
	seen := &coverage{refused: map[error]int{}, granted: map[string]int{}}
	for range 4 { // what chance has left out comes in the next round
		rapid.Check(t, func(t *rapid.T) { history(t, seen) })
		if seen.steps < 5000 {
			t.Skipf("%d steps are too few to have met everything", seen.steps)
		}
		if len(seen.missing()) == 0 {
			return
		}
	}
	require.Empty(t, seen.missing(), "in %d steps", seen.steps)
}

// missing is what no history has met yet.
func (c *coverage) missing() (list []string) {
	for is := range classes {
		if !slices.Contains(unmet, is) && c.refused[is] == 0 {
			list = append(list, fmt.Sprintf("a refusal with %q", is))
		}
	}
	for verb, n := range c.granted {
		if n == 0 {
			list = append(list, "a grant of "+verb)
		}
	}
	return list
}

// unmet are the sentinels that no history meets.
var unmet = []error{
	groupkit.ErrCorrupt,        // nothing is damaged: damaged_test.go
	groupkit.ErrStorage,        // no store fails: deletion_steps_test.go, uploads_test.go
	groupkit.ErrUnknownOutcome, // no store loses an answer: uploads_test.go
	groupkit.ErrVetoed,         // there is no Guard: guard_test.go
	groupkit.ErrKeyReused,      // no key is used for two calls: once_test.go
	groupkit.ErrNested,         // no call is made in the midst of an Atomic: atomic_test.go
}

// classes are all sentinels, with the class that each belongs to.
var classes = map[error]error{
	groupkit.ErrGroupNotFound:      groupkit.ErrNotFound,
	groupkit.ErrUserNotFound:       groupkit.ErrNotFound,
	groupkit.ErrFileNotFound:       groupkit.ErrNotFound,
	groupkit.ErrRequestNotFound:    groupkit.ErrNotFound,
	groupkit.ErrInvitationNotFound: groupkit.ErrNotFound,
	groupkit.ErrNotMember:          groupkit.ErrForbidden,
	groupkit.ErrAlreadyMember:      groupkit.ErrForbidden,
	groupkit.ErrOwner:              groupkit.ErrForbidden,
	groupkit.ErrRoleTooLow:         groupkit.ErrForbidden,
	groupkit.ErrBlacklisted:        groupkit.ErrForbidden,
	groupkit.ErrMuted:              groupkit.ErrForbidden,
	groupkit.ErrGroupMuted:         groupkit.ErrForbidden,
	groupkit.ErrSystemOnly:         groupkit.ErrForbidden,
	groupkit.ErrNotAdmin:           groupkit.ErrForbidden,
	groupkit.ErrAlreadyAdmin:       groupkit.ErrForbidden,
	groupkit.ErrNotMuted:           groupkit.ErrForbidden,
	groupkit.ErrNotBlacklisted:     groupkit.ErrForbidden,
	groupkit.ErrNotAllowed:         groupkit.ErrForbidden,
	groupkit.ErrAlreadyAllowed:     groupkit.ErrForbidden,
	groupkit.ErrGroupFull:          groupkit.ErrLimit,
	groupkit.ErrTooManyAdmins:      groupkit.ErrLimit,
	groupkit.ErrTooManyGroups:      groupkit.ErrLimit,
	groupkit.ErrTooManyJoined:      groupkit.ErrLimit,
	groupkit.ErrBatchTooLarge:      groupkit.ErrLimit,
	groupkit.ErrFileTooLarge:       groupkit.ErrLimit,
	groupkit.ErrTooManyFiles:       groupkit.ErrLimit,
	groupkit.ErrTooManyRequests:    groupkit.ErrLimit,
	groupkit.ErrTooManyInvitations: groupkit.ErrLimit,
	groupkit.ErrListFull:           groupkit.ErrLimit,
	groupkit.ErrInvalid:            groupkit.ErrInvalid,
	groupkit.ErrVersion:            groupkit.ErrConflict,
	groupkit.ErrGroupExists:        groupkit.ErrConflict,
	groupkit.ErrKeyReused:          groupkit.ErrConflict,
	groupkit.ErrVetoed:             groupkit.ErrForbidden,
	groupkit.ErrNested:             groupkit.ErrNested,
	groupkit.ErrClosed:             groupkit.ErrClosed,
	groupkit.ErrCorrupt:            groupkit.ErrCorrupt,
	groupkit.ErrStorage:            groupkit.ErrStorage,
	groupkit.ErrUnknownOutcome:     groupkit.ErrUnknownOutcome,
}

// coverage counts what the histories of a test met.
type coverage struct {
	steps   int
	refused map[error]int
	granted map[string]int
}

// A machine runs one history.
type machine struct {
	world   *world
	clock   *clock
	engines []*instance
	seen    *coverage
	calls   int

	wentBack bool // the clock did
}

// history is one run: rounds of random calls, the engines being reopened in between.
func history(t *rapid.T, seen *coverage) {
	m := newMachine(t, seen)
	m.begin(t)
	for round := range 6 {
		t.Repeat(map[string]func(*rapid.T){"step": m.step})
		m.lookAtLogs(t)
		m.reopen(t)
		if round%2 == 1 {
			m.lookAtEverything(t)
		}
	}
}

// begin makes two groups with a few members, whom a public group lets invite without
// effect, and a blacklist that will soon be full where the option allows it.
func (m *machine) begin(t *rapid.T) {
	system := caller{system: true}
	for _, public := range []bool{true, false} {
		m.makeGroup(t, system, groupkit.NewGroup{
			Name: "night watch", Owner: m.world.drawUser(t, "", nil), Members: users[:2], Public: public, MembersOnly: true,
		})
	}
	for _, id := range slices.Sorted(maps.Keys(m.world.groups)) {
		m.makeUpdate(t, system, id, groupkit.GroupUpdate{AllowInvites: new(true)})
		for _, u := range users[len(users)-min(4, m.world.opts.Limits.MaxGroupSize-1):] {
			m.makeBlock(t, system, id, groupkit.Forever, u)
		}
	}
}

// step makes a change, mostly, and looks at something.
func (m *machine) step(t *rapid.T) {
	m.seen.steps++
	switch n := number.Draw(t, "step") % 100; {
	case n < 20:
		m.one(t, changesOfGroups)
	case n < 40:
		m.one(t, changesOfMembers)
	case n < 62:
		m.one(t, comings)
	case n < 82:
		m.one(t, disciplines)
	case n < 90:
		m.one(t, sharings)
	case n < 96:
		m.letTimePass(t)
	case n < 97:
		m.sweep(t)
	case n < 98:
		m.changeUsers(t)
	case n < 99:
		m.forgetUser(t)
	default:
		m.lookAtEverything(t)
	}
	m.look(t)
}

func newMachine(t *rapid.T, seen *coverage) *machine {
	m := &machine{clock: newClock(), seen: seen}
	opts, known := options(t)
	m.world = newWorld(m.clock.instant(), opts, known)
	dir, err := os.MkdirTemp("", "groupkit")
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	m.engines = []*instance{
		boltInstance(dir, foretold), memInstance("memory", nil, repeated), memInstance("memory, run twice", runTwice, atomically),
	}
	for _, in := range m.engines {
		require.NoError(t, in.open(m.options()))
	}
	t.Cleanup(func() {
		for _, in := range m.engines {
			in.eng.Close()
		}
	})
	return m
}

// options are the model's, and what it keeps for itself.
func (m *machine) options() *groupkit.Options {
	opts := m.world.opts
	opts.Clock, opts.CacheBytes = m.clock.Now, 4096 // a few entries, which have to make room for others
	if m.world.known != nil {
		opts.UserExists = func(_ context.Context, u groupkit.UserID) (bool, error) { return m.world.known[u], nil }
	}
	return &opts
}

// An instance is one engine, how it is called when something is to change, and the
// ids that it assigned to what the model names.
type instance struct {
	name  string
	call  manner
	dry   bool // a call is only asked about
	eng   *groupkit.Engine
	open  func(*groupkit.Options) error
	ids   map[groupkit.GroupID]groupkit.GroupID
	names map[groupkit.GroupID]groupkit.GroupID
	files map[groupkit.FileID]groupkit.FileID
	texts map[groupkit.FileID]groupkit.FileID
}

func newInstance(name string, how manner) *instance {
	return &instance{
		name: name, call: how,
		ids: map[groupkit.GroupID]groupkit.GroupID{}, names: map[groupkit.GroupID]groupkit.GroupID{},
		files: map[groupkit.FileID]groupkit.FileID{}, texts: map[groupkit.FileID]groupkit.FileID{},
	}
}

func boltInstance(dir string, how manner) *instance {
	in := newInstance("bolt", how)
	blobs := memblob.New()
	in.open = func(opts *groupkit.Options) error {
		s, err := boltstore.Open(filepath.Join(dir, "groups.db"), &boltstore.Options{Durability: boltstore.None})
		if err != nil {
			return err
		}
		in.eng, err = groupkit.New(s, keptBlobs{blobs}, opts)
		return err
	}
	return in
}

func memInstance(name string, around func(store.Store) store.Store, how manner) *instance {
	in := newInstance(name, how)
	s, blobs := store.Store(memstore.New()), memblob.New()
	if around != nil {
		s = around(s)
	}
	in.open = func(opts *groupkit.Options) (err error) {
		in.eng, err = groupkit.New(keptStore{s}, keptBlobs{blobs}, opts)
		return err
	}
	return in
}

// A keptStore outlives the engine that is opened over it.
type keptStore struct{ store.Store }

func (keptStore) Close() error      { return nil }
func (s keptStore) Exclusive() bool { return store.Exclusive(s.Store) }

// keptBlobs outlive the engine that is opened over them.
type keptBlobs struct{ store.Blobs }

func (keptBlobs) Close() error { return nil }

// runTwice is storetest.Rerun without the dice, for a history that fails has to
// fail again: every function is run twice, as a store may.
func runTwice(s store.Store) store.Store { return twice{s} }

type twice struct{ store.Store }

var errAgain = errors.New("run again")

func (s twice) Update(ctx context.Context, fn func(store.Writer) error) error {
	_ = s.Store.Update(ctx, func(w store.Writer) error {
		_ = fn(w)
		return errAgain
	})
	return s.Store.Update(ctx, fn)
}

func (s twice) Exclusive() bool { return store.Exclusive(s.Store) }

// id is the engine's id of a group, name the model's.
func (in *instance) id(name groupkit.GroupID) groupkit.GroupID {
	if id, ok := in.ids[name]; ok {
		return id
	}
	return name
}

func (in *instance) name1(id groupkit.GroupID) groupkit.GroupID {
	if name, ok := in.names[id]; ok {
		return name
	}
	return id
}

// A call is one operation: what the model says to it, and what an engine does.
type call struct {
	number int // 0 for one that only looks
	verb   string
	who    caller
	group  groupkit.GroupID
	args   []any
	model  func(*world) (any, *refusal)
	engine func(context.Context, *instance, groupkit.Actor, groupkit.GroupID) (any, error)
}

func (c call) String() string {
	return fmt.Sprintf("%.300s", fmt.Sprintf("%v: %s %.70q %+v", c.who, c.verb, c.group, c.args))
}

// asked says in a failure which engine failed on which call.
type asked struct {
	in   *instance
	call call
}

func (a asked) String() string { return a.in.name + ": " + a.call.String() }

// change makes a call that may change something, and looks whether what should
// have changed did, and nothing else.
func (m *machine) change(t *rapid.T, c call) {
	clear(m.world.touched)
	clear(m.world.cleared)
	t.Logf("%v", c)
	m.calls++
	c.number = m.calls
	m.ask(t, c)
	m.compareVersions(t)
}

// ask makes a call of the model and of every engine, and compares the answers.
func (m *machine) ask(t *rapid.T, c call) {
	want, no := c.model(m.world)
	m.seen.note(no)
	if m.seen.granted[c.verb] += 0; no == nil {
		m.seen.granted[c.verb]++
	}
	if want, ok := want.([]entry); ok {
		m.seen.noteAll(want)
	}
	for _, in := range m.engines {
		how := plainly
		if c.number > 0 {
			how = in.call
		}
		for _, got := range how(t, in, c, no) {
			asked{in, c}.requireReply(t, want, no, got)
		}
	}
}

func (a asked) requireReply(t *rapid.T, want any, no *refusal, got reply) {
	switch {
	case no != nil:
		a.in.requireRefused(t, a, a.call.group, no, got.err)
	case got.err != nil:
		t.Fatalf("%s should not give %q", a, got.err)
	}
	switch want := want.(type) {
	case []entry:
		a.in.requireResults(t, a, a.call.group, want, got)
	default:
		if no == nil {
			requireEqual(t, want, got.value, a)
		}
	}
}

// requireEqual is require.Equal, which takes its time, where there is a difference.
func requireEqual(t *rapid.T, want, got any, where any) {
	if !reflect.DeepEqual(want, got) {
		require.Equal(t, want, got, where)
	}
}

func (c *coverage) note(no *refusal) {
	if no != nil {
		for _, is := range no.is {
			c.refused[is]++
		}
	}
}

func (c *coverage) noteAll(all []entry) {
	for _, e := range all {
		c.note(e.refused)
	}
}

// requireRefused is about an error: that it matches the sentinels it should, and
// no others, and says on whom it is.
func (in *instance) requireRefused(t *rapid.T, where fmt.Stringer, group groupkit.GroupID, want *refusal, err error) {
	if err == nil {
		t.Fatalf("%s should give %q", where, want.is)
	}
	for is, class := range classes {
		if slices.Contains(want.is, is) != errors.Is(err, is) || errors.Is(err, is) && !errors.Is(err, class) {
			t.Fatalf("%s should give %q, not %q, let alone %q", where, want.is, err, is)
		}
	}
	if want.is[0] == errBroken && !errors.Is(err, errBroken) {
		t.Fatalf("%s should give the error of the reader, not %q", where, err)
	}
	e, ok := errors.AsType[*groupkit.Error](err)
	if !ok || e.Group != in.id(group) || want.user != "" && want.user != e.User {
		t.Fatalf("%s should give an *Error about %q and %q, not %+v", where, group, want.user, e)
	}
	in.requireCause(t, where, want, err)
}

// requireCause is about the numbers in an error.
func (in *instance) requireCause(t *rapid.T, where fmt.Stringer, want *refusal, err error) {
	if want.batch {
		return
	}
	switch class := classes[want.is[0]]; {
	case class == groupkit.ErrLimit:
		limit, ok := errors.AsType[*groupkit.LimitError](err)
		if !ok || limit.Max != want.limit {
			t.Fatalf("%s should name the limit %d: %v", where, want.limit, err)
		}
	case class == groupkit.ErrInvalid:
		if _, ok := errors.AsType[*groupkit.FieldError](err); !ok {
			t.Fatalf("%s should name the field: %v", where, err)
		}
	case want.is[0] == groupkit.ErrMuted, want.is[0] == groupkit.ErrGroupMuted:
		muted, ok := errors.AsType[*groupkit.MutedError](err)
		if !ok || !muted.Until.Equal(want.until) || muted.Whole != (want.is[0] == groupkit.ErrGroupMuted) {
			t.Fatalf("%s should be muted until %v, not %+v", where, want.until, muted)
		}
	}
}

func (in *instance) requireResults(t *rapid.T, where fmt.Stringer, group groupkit.GroupID, want []entry, reply reply) {
	got := reply.value.(groupkit.Results)
	require.Len(t, got, len(want), where)
	for i, e := range want {
		require.Equal(t, e.user, got[i].User, where)
		if e.refused != nil {
			no := *e.refused
			no.batch = reply.again
			in.requireRefused(t, where, group, &no, got[i].Err)
			continue
		}
		requireEqual(t, groupkit.Result{User: e.user, Outcome: e.outcome, Until: e.until}, got[i], where)
	}
}

// compareVersions takes the groups' versions from the engines, which have to agree,
// and looks that they grew where, and only where, something changed.
func (m *machine) compareVersions(t *rapid.T) {
	for _, id := range slices.Sorted(maps.Keys(m.world.groups)) {
		g := m.world.groups[id]
		before := g.version
		for i, in := range m.engines {
			got, err := in.eng.System().Group(context.Background(), in.id(id))
			require.NoError(t, err, in.name)
			if i == 0 {
				g.version = got.Version
			}
			if m.world.cleared[id] && g.version > before {
				m.world.touch(g)
			}
			requireEqual(t, g.group(), in.named(got), in.name)
		}
		if m.world.touched[id] {
			require.Greater(t, g.version, before, "%s: the version of a changed group", id)
			m.requireEvents(t, g, before)
		} else {
			require.Equal(t, before, g.version, "%s: the version of an unchanged group", id)
		}
	}
}

// requireEvents is about the events of one call: one of a kind, and all of its instant.
func (m *machine) requireEvents(t *rapid.T, g *modelGroup, before uint64) {
	type kind struct {
		groupkit.EventKind
		groupkit.How
		until, at time.Time
	}
	seen := map[kind]bool{}
	in := m.engines[0]
	for e, err := range in.eng.System().Events(context.Background(), in.id(g.id), before+1) {
		require.NoError(t, err)
		before++
		require.Equal(t, before, e.Version)
		require.Equal(t, g.modified, e.At)
		k := kind{e.Kind, e.How, e.Until, e.At}
		require.False(t, seen[k], "%s: two events of the kind %v in one call", g.id, e.Kind)
		seen[k] = true
	}
	require.Equal(t, g.version, before)
}

// named gives a group the model's name.
func (in *instance) named(g groupkit.Group) groupkit.Group {
	g.ID = in.name1(g.ID)
	return g
}
