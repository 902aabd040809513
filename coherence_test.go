package groupkit_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/store"
	"groupkit/store/boltstore"
	"groupkit/store/memblob"
	"groupkit/store/memstore"
)

// TestMaySpeak_Coherence records what concurrent callers are told and checks that it
// could have happened one after another: no read after a change that has returned sees
// what was before it, be its answer from the cache or from the store.
func TestMaySpeak_Coherence(t *testing.T) {
	t.Parallel()
	for name, size := range map[string]int{"tiny": 300, "small": 4 << 10, "large": 0} {
		t.Run("memory/"+name, func(t *testing.T) {
			t.Parallel()
			coherent(t, memstore.New(), size, 3000)
		})
		t.Run("bolt/"+name, func(t *testing.T) {
			t.Parallel()
			s, err := boltstore.Open(filepath.Join(t.TempDir(), "groups.db"), &boltstore.Options{Durability: boltstore.None})
			require.NoError(t, err)
			coherent(t, s, size, 1500)
		})
	}
}

const (
	courtUsers  = 6 // of a group; the first one is its owner
	courtGroups = 4 // at a time
	witnesses   = 8 // callers at a time
)

// coherent has witnesses call the engine, and judges what they say.
func coherent(t *testing.T, s store.Store, size, rounds int) {
	fickle := &fickleStore{Store: s}
	eng, err := groupkit.New(fickle, memblob.New(), &groupkit.Options{CacheBytes: size, Clock: newClock().Now})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, eng.Close()) })
	c := &court{eng: eng}
	var all sync.WaitGroup
	for i := range witnesses {
		all.Go(func() { c.testify(i, rounds) })
	}
	all.Wait()
	require.Empty(t, c.strange)
	require.GreaterOrEqual(t, len(c.history), witnesses*rounds)
	require.Greater(t, c.asked.Load(), fickle.views.Load()-c.cold.Load(), "some answers come from memory")
	result, info := porcupine.CheckOperationsVerbose(parishModel, c.history, time.Minute)
	if result != porcupine.Ok {
		path := filepath.Join(t.ArtifactDir(), "history.html")
		require.NoError(t, porcupine.VisualizePath(parishModel, info, path))
		require.Fail(t, "this has not happened one after another", "%v; see %s (go test -artifacts keeps it)", result, path)
	}
	verified(t, eng)
}

// A court keeps the testimony.
type court struct {
	eng  *groupkit.Engine
	time atomic.Int64 // passes with every call and every return

	born        [courtGroups]atomic.Int64 // how many groups there were in each place
	asked, cold atomic.Int64              // calls of MaySpeak outside Atomic, and of other reads

	mu      sync.Mutex
	history []porcupine.Operation
	strange []error
}

// A step is a read or a change of one group.
type step struct {
	what stepKind
	user int
}

type stepKind int

const (
	toSpeak stepKind = iota
	toReadRole
	toReadMutes
	toReadGroup
	toMute
	toUnmute
	toBlock
	toUnblock
	toAdd
	toRemove
	toLeave
	toPromote
	toDemote
	toAllow
	toDisallow
	toSilence
	toUnsilence
	toCreate
	toDestroy
)

// A plea is some steps at once. It is one operation in each group that it touches.
type plea struct {
	group string
	steps []step
	undo  bool // Atomic is told to change nothing
}

// A testimony is what became of a call: a verdict on each step, unless they were lost.
type testimony struct {
	answers []verdict
	fate    fate
}

// A verdict is why nothing became of a step, or what was read.
type verdict struct {
	refusal int // a place in grounds
	read    int
}

var grounds = []error{
	nil, groupkit.ErrGroupNotFound, groupkit.ErrGroupExists, groupkit.ErrNotMember, groupkit.ErrAlreadyMember, groupkit.ErrOwner,
	groupkit.ErrBlacklisted, groupkit.ErrNotBlacklisted, groupkit.ErrMuted, groupkit.ErrGroupMuted, groupkit.ErrNotMuted,
	groupkit.ErrAlreadyAllowed, groupkit.ErrNotAllowed, groupkit.ErrAlreadyAdmin, groupkit.ErrNotAdmin,
}

func refused(reason error) verdict { return verdict{refusal: slices.Index(grounds, reason)} }

// testify makes random calls and tells the court of them.
func (c *court) testify(who, rounds int) {
	rng := rand.New(rand.NewPCG(uint64(who), rand.Uint64()))
	for range rounds {
		c.crowd()
		pleas := c.draw(rng)
		f := fates[rng.IntN(len(fates))]
		if f == unknownKept && pleas[0].steps[0].what == toDestroy {
			f = kept // or what is left of the group would stay until the next opening
		}
		ctx := context.WithValue(context.Background(), fateKey{}, new(f))
		begun := c.time.Add(1)
		answers, err := c.call(ctx, pleas)
		ended := c.time.Add(1)
		if err == nil || errors.Is(err, errUndone) {
			f = kept
		} else if !errors.Is(err, errLost) && !errors.Is(err, store.ErrCommitUnknown) {
			c.wonder(err)
		}
		c.mu.Lock()
		for i := range pleas {
			c.history = append(c.history, porcupine.Operation{
				ClientId: who, Input: &pleas[i], Call: begun, Output: &testimony{answers[i], f}, Return: ended,
			})
		}
		c.mu.Unlock()
	}
}

// crowd has a stranger ask of whom the court does not hear. For each the cache has to grow,
// or to make room.
func (c *court) crowd() {
	stranger := groupkit.UserID(fmt.Sprintf("stranger-%d", c.cold.Add(1)))
	if err := c.eng.As(stranger).MaySpeak(context.Background(), "0-1"); !errors.Is(err, groupkit.ErrNotMember) && !errors.Is(err, groupkit.ErrGroupNotFound) {
		c.wonder(err)
	}
}

func either[T any](first bool, a, b T) T {
	if first {
		return a
	}
	return b
}

func (c *court) wonder(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.strange = append(c.strange, err)
}

// draw makes up a call: mostly one step, sometimes several, rarely on two groups.
func (c *court) draw(rng *rand.Rand) []plea {
	one := c.drawCall(rng, 1)
	if rng.IntN(8) > 0 {
		return []plea{one}
	}
	one = c.drawCall(rng, 2+rng.IntN(3))
	one.undo = rng.IntN(4) == 0
	two := c.drawCall(rng, 2)
	if two.group == one.group || rng.IntN(2) == 0 {
		return []plea{one}
	}
	two.undo = one.undo
	return []plea{one, two}
}

func (c *court) drawCall(rng *rand.Rand, steps int) plea {
	place := rng.IntN(courtGroups)
	n := c.born[place].Load()
	next := rng.IntN(16) == 0 || n == 0
	if next {
		n++ // which is perhaps not there yet
	}
	// Groups in even places are public.
	group := plea{group: fmt.Sprintf("%d-%d", place, n)}
	for range steps {
		group.steps = append(group.steps, drawStep(rng, steps > 1))
	}
	if last := &group.steps[steps-1]; rng.IntN(60) == 0 && steps == 1 {
		last.what = toDestroy
	} else if next && rng.IntN(4) == 0 || rng.IntN(100) == 0 {
		last.what = toCreate
	}
	return group
}

func drawStep(rng *rand.Rand, together bool) step {
	d := step{toSpeak, rng.IntN(courtUsers)}
	switch n := rng.IntN(10); {
	case n >= 6 || together && n >= 2:
		d.what = toMute + stepKind(rng.IntN(int(toCreate-toMute)))
	case n == 5:
		d.what = toReadRole + stepKind(rng.IntN(int(toMute-toReadRole)))
	}
	return d
}

var errUndone = errors.New("undo")

// call does one step, or several together.
func (c *court) call(ctx context.Context, calls []plea) (answers [][]verdict, err error) {
	if len(calls) == 1 && len(calls[0].steps) == 1 {
		a, err := c.do(ctx, c.eng, calls[0].group, calls[0].steps[0])
		return [][]verdict{{a}}, err
	}
	err = c.eng.Atomic(ctx, func(tx *groupkit.Tx) error {
		answers = make([][]verdict, len(calls))
		for i, one := range calls {
			for _, d := range one.steps {
				a, err := c.do(ctx, tx, one.group, d)
				if err != nil {
					return err
				}
				answers[i] = append(answers[i], a)
			}
		}
		return either(calls[0].undo, errUndone, nil)
	})
	if len(answers) == 0 {
		answers = make([][]verdict, len(calls))
	}
	return answers, err
}

// do does one step. What is no answer is an error.
func (c *court) do(ctx context.Context, scope groupkit.Scope, group string, d step) (a verdict, err error) {
	id, user := groupkit.GroupID(group), users[d.user]
	system := scope.System()
	_, outside := scope.(*groupkit.Engine)
	if outside && d.what == toSpeak {
		c.asked.Add(1)
	} else if outside && d.what < toMute {
		c.cold.Add(1)
	}
	switch d.what {
	case toSpeak:
		err = scope.As(user).MaySpeak(ctx, id)
		if m, ok := errors.AsType[*groupkit.MutedError](err); ok && !m.Until.IsZero() {
			a.read = 1
		}
	case toReadRole:
		role, e := system.Role(ctx, id, user)
		a.read, err = int(role), e
	case toReadMutes:
		mutes, e := collect(system.Mutes(ctx, id))
		for _, m := range mutes {
			a.read |= 1 << slices.Index(users, m.User)
		}
		err = e
	case toReadGroup:
		g, e := system.Group(ctx, id)
		a.read, err = either(g.Muted, 100, 0)+g.MemberCount, e
	case toMute:
		_, err = system.Mute(ctx, id, time.Hour, user)
	case toUnmute:
		err = system.Unmute(ctx, id, user)
	case toBlock:
		_, err = system.Block(ctx, id, groupkit.Forever, user)
	case toUnblock:
		err = system.Unblock(ctx, id, user)
	case toAdd:
		err = system.AddMember(ctx, id, user)
	case toRemove:
		err = system.RemoveMember(ctx, id, user)
	case toLeave:
		err = scope.As(user).Leave(ctx, id)
	case toPromote:
		err = system.AddAdmin(ctx, id, user)
	case toDemote:
		err = system.RemoveAdmin(ctx, id, user)
	case toAllow:
		err = system.Allow(ctx, id, user)
	case toDisallow:
		err = system.Disallow(ctx, id, user)
	case toSilence:
		err = system.MuteGroup(ctx, id)
	case toUnsilence:
		err = system.UnmuteGroup(ctx, id)
	case toCreate:
		_, err = system.CreateGroup(ctx, groupkit.NewGroup{ID: id, Name: "court", Owner: users[0], Members: users[1:4], Public: isPublic(group)})
		if err == nil && outside {
			c.bear(group)
		}
	case toDestroy:
		err = system.DeleteGroup(ctx, id)
	}
	for i, reason := range grounds {
		if i > 0 && errors.Is(err, reason) {
			a.refusal = i
			return a, nil
		}
	}
	return a, err
}

func isPublic(group string) bool { return group[0]%2 == 0 }

// bear moves on to a group that is there.
func (c *court) bear(group string) {
	var place int
	var n int64
	_, _ = fmt.Sscanf(group, "%d-%d", &place, &n)
	for {
		was := c.born[place].Load()
		if n <= was || c.born[place].CompareAndSwap(was, n) {
			return
		}
	}
}

// parishModel is what a group does, as far as its members speak of it.
var parishModel = porcupine.Model{
	Partition: func(history []porcupine.Operation) [][]porcupine.Operation {
		groups := make(map[string][]porcupine.Operation)
		for _, op := range history {
			id := op.Input.(*plea).group
			groups[id] = append(groups[id], op)
		}
		return slices.Collect(maps.Values(groups))
	},
	Init: func() any { return parish{} },
	Step: func(state, input, output any) (bool, any) {
		before, in, out := state.(parish), input.(*plea), output.(*testimony)
		after := before
		for i, d := range in.steps {
			a := after.do(d, isPublic(in.group))
			if i < len(out.answers) && out.fate.answered() && a != out.answers[i] {
				return false, before
			}
		}
		if in.undo || out.fate.undone() {
			return true, before
		}
		return true, after
	},
	DescribeOperation: func(input, output any) string { return fmt.Sprintf("%v: %v", *input.(*plea), *output.(*testimony)) },
	DescribeState:     func(state any) string { return fmt.Sprintf("%+v", state) },
}

// A parish is a group and its users.
type parish struct {
	live, gone, silent bool
	users              [courtUsers]parishioner
}

type parishioner struct {
	role                    groupkit.Role
	muted, blocked, allowed bool
}

// do does a step and says what comes of it.
func (t *parish) do(d step, public bool) verdict {
	u := &t.users[d.user]
	switch {
	case d.what == toCreate:
		return t.create()
	case !t.live:
		return refused(groupkit.ErrGroupNotFound)
	case d.what < toMute:
		return t.read(d, public)
	}
	switch d.what {
	case toMute, toBlock, toRemove, toPromote, toDemote, toAllow:
		if d.what == toBlock && u.blocked {
			return refused(groupkit.ErrBlacklisted)
		}
		if u.role == groupkit.RoleOutsider {
			return refused(groupkit.ErrNotMember)
		}
		if u.role == groupkit.RoleOwner && d.what != toAllow {
			return refused(groupkit.ErrOwner)
		}
	}
	return t.change(d, u, public)
}

func (t *parish) create() verdict {
	if t.live || t.gone {
		return refused(groupkit.ErrGroupExists)
	}
	t.live = true
	t.users[0].role = groupkit.RoleOwner
	for i := 1; i < 4; i++ {
		t.users[i].role = groupkit.RoleMember
	}
	return verdict{}
}

// change does what changes a parish that is there.
func (t *parish) change(d step, u *parishioner, public bool) verdict {
	member := u.role != groupkit.RoleOutsider
	switch d.what {
	case toMute:
		u.muted = true
	case toUnmute:
		return turn(&u.muted, false, groupkit.ErrNotMuted)
	case toBlock:
		*u = parishioner{muted: u.muted, blocked: true}
	case toUnblock:
		return turn(&u.blocked, false, groupkit.ErrNotBlacklisted)
	case toAdd:
		if member {
			return refused(groupkit.ErrAlreadyMember)
		}
		if u.blocked {
			return refused(groupkit.ErrBlacklisted)
		}
		u.role = groupkit.RoleMember
	case toRemove:
		*u = parishioner{muted: u.muted}
	case toLeave:
		if !member {
			return outside(u, public)
		}
		if u.role == groupkit.RoleOwner {
			return refused(groupkit.ErrOwner)
		}
		*u = parishioner{muted: u.muted}
	case toPromote:
		if u.role == groupkit.RoleAdmin {
			return refused(groupkit.ErrAlreadyAdmin)
		}
		u.role = groupkit.RoleAdmin
	case toDemote:
		if u.role != groupkit.RoleAdmin {
			return refused(groupkit.ErrNotAdmin)
		}
		u.role = groupkit.RoleMember
	case toAllow:
		return turn(&u.allowed, true, groupkit.ErrAlreadyAllowed)
	case toDisallow:
		return turn(&u.allowed, false, groupkit.ErrNotAllowed)
	case toSilence, toUnsilence:
		t.silent = d.what == toSilence
	case toDestroy:
		t.live, t.gone = false, true
	}
	return verdict{}
}

func turn(flag *bool, to bool, already error) verdict {
	if *flag == to {
		return refused(already)
	}
	*flag = to
	return verdict{}
}

// outside is what a user hears who is no member.
func outside(u *parishioner, public bool) verdict {
	switch {
	case u.blocked:
		return refused(groupkit.ErrBlacklisted)
	case !public:
		return refused(groupkit.ErrGroupNotFound)
	}
	return refused(groupkit.ErrNotMember)
}

func (t *parish) read(d step, public bool) (a verdict) {
	switch d.what {
	case toSpeak:
		return t.speak(&t.users[d.user], public)
	case toReadRole:
		a.read = int(t.users[d.user].role)
	case toReadMutes:
		for i, u := range t.users {
			if u.muted {
				a.read |= 1 << i
			}
		}
	case toReadGroup:
		a.read = either(t.silent, 100, 0)
		for _, u := range t.users {
			a.read += either(u.role != groupkit.RoleOutsider, 1, 0)
		}
	}
	return a
}

func (t *parish) speak(u *parishioner, public bool) verdict {
	silent := t.silent && u.role < groupkit.RoleAdmin && !u.allowed
	switch {
	case u.role == groupkit.RoleOutsider:
		return outside(u, public)
	case u.muted:
		a := refused(groupkit.ErrMuted)
		a.read = either(silent, 0, 1) // nobody knows until when the group is silent
		return a
	case silent:
		return refused(groupkit.ErrGroupMuted)
	}
	return verdict{}
}

// A fate is what the store makes of a call.
type fate int

const (
	kept        fate = iota
	keptTwice        // the function is run a second time
	lost             // nothing is committed
	unknownKept      // the answer to the commit is lost
	unknownLost
)

var fates = []fate{16: kept, 17: keptTwice, 18: keptTwice, 19: lost, 20: unknownKept, 21: unknownLost}

// answered reports whether the caller has heard what became of the call.
func (f fate) answered() bool { return f == kept || f == keptTwice }

func (f fate) undone() bool { return f == lost || f == unknownLost }

type fateKey struct{}

var errLost = errors.New("the disk is gone for a moment")

// A fickleStore does to the first Update of a call what its context says.
type fickleStore struct {
	store.Store
	views atomic.Int64
}

func (s *fickleStore) Exclusive() bool { return true }

func (s *fickleStore) View(ctx context.Context, fn func(store.Reader) error) error {
	s.views.Add(1)
	return s.Store.View(ctx, func(r store.Reader) error {
		dawdle()
		return fn(r)
	})
}

// dawdle lets others overtake, sometimes.
func dawdle() {
	for range max(0, rand.IntN(8)-4) {
		runtime.Gosched()
	}
}

func (s *fickleStore) Update(ctx context.Context, change func(store.Writer) error) error {
	fn := func(w store.Writer) error {
		defer dawdle()
		return change(w)
	}
	defer dawdle()
	mine, _ := ctx.Value(fateKey{}).(*fate)
	if mine == nil {
		return s.Store.Update(ctx, fn)
	}
	f := *mine
	*mine = kept // the next Update belongs to what a deletion leaves
	if f == keptTwice {
		_ = s.abort(ctx, fn)
	}
	if f.undone() {
		return cmp.Or(s.abort(ctx, fn), either(f == lost, errLost, fmt.Errorf("so: %w", store.ErrCommitUnknown)))
	}
	err := s.Store.Update(ctx, fn)
	if err == nil && f == unknownKept {
		return fmt.Errorf("so: %w", store.ErrCommitUnknown)
	}
	return err
}

// abort runs fn and commits nothing.
func (s *fickleStore) abort(ctx context.Context, fn func(store.Writer) error) error {
	err := s.Store.Update(ctx, func(w store.Writer) error { return cmp.Or(fn(w), errLost) })
	if err == errLost {
		return nil
	}
	return err
}
