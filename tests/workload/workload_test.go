// Package workload_test makes random calls in random order, from one goroutine or from many,
// and checks what must hold after any of them: logs replay to their groups, Can agrees with
// the call, retention leaves a log that can be read on, and members and events add up.
package workload_test

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
	"groupkit/store"
	"groupkit/store/memblob"
)

// Dice give a number from 0 to n-1: rapid's, or those of math/rand.
type dice func(n int) int

func (d dice) yes() bool { return d(2) == 0 }

func oneOf[T any](d dice, from []T) T { return from[d(len(from))] }

// A workload is an engine that gets random calls by random users, on a few groups with low
// limits.
type workload struct {
	eng   *groupkit.Engine
	store store.Store
	clock *grouptest.Clock

	mu   sync.Mutex
	made []groupkit.GroupID
}

var (
	workloadUsers  = grouptest.IDs{"", "alice", "bob", "carol", "dave", "erin", "frank"} // "" is the system
	workloadGroups = []groupkit.GroupID{"public", "guarded", "private", "open"}
)

// narrowOptions are options under which every limit is met soon.
func narrowOptions(c *grouptest.Clock) groupkit.Options {
	return groupkit.Options{
		Limits: groupkit.Limits{JoinedGroups: 4, Admins: 3, Requests: 2, Invitations: 2, Files: 2, MaxUsers: 6, ListSize: 6, DefaultMaxUsers: 5, Batch: 4, Groups: 8},
		Clock:  c.Now, BlockOutsiders: true, OwnerLeave: groupkit.OwnerSucceed,
		RequestTTL: time.Minute, InvitationTTL: time.Minute,
	}
}

func newWorkload(t require.TestingT, st store.Store, c *grouptest.Clock, opts groupkit.Options) *workload {
	eng, err := groupkit.New(st, memblob.New(), &opts)
	require.NoError(t, err)
	p := &workload{eng: eng, store: st, clock: c}
	for i, id := range workloadGroups {
		_, err := eng.System().CreateGroup(context.Background(), groupkit.NewGroup{
			ID: id, Name: "n", Owner: workloadUsers[1+i%3], Members: grouptest.IDs{"dave", "erin"},
			Public: i < 2, MembersOnly: i == 1, AllowInvites: true, InviteNeedConfirm: new(i != 3),
		})
		require.NoError(t, err)
	}
	p.made = append(p.made, workloadGroups...)
	return p
}

// groups are all groups that were ever created, deleted ones too.
func (p *workload) groups() []groupkit.GroupID {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]groupkit.GroupID(nil), p.made...)
}

// A call is one random call. It can be made on an engine, in a transaction, or asked by Can.
type call struct {
	name string
	by   groupkit.UserID
	call callFunc
}

type callFunc func(context.Context, groupkit.Actor) (any, error)

func (l call) makeOn(scope groupkit.Scope) (any, error) {
	return l.call(context.Background(), grouptest.ActorOf(scope, l.by))
}

// A drawing is what a random call is made of.
type drawing struct {
	workload *workload
	dice     dice
	id       groupkit.GroupID
	user     groupkit.UserID
	some     grouptest.IDs
	group    groupkit.Snapshot // empty if it has been deleted
}

// draw draws a call.
func (p *workload) draw(d dice) call {
	o := &drawing{workload: p, dice: d, id: oneOf(d, p.groups())}
	o.group, _ = p.eng.System().Snapshot(context.Background(), o.id)
	part := &callKinds[d(len(callKinds))]
	l := call{name: part.name, by: oneOf(d, workloadUsers)}
	if o.user = oneOf(d, workloadUsers[1:]); d(4) > 0 {
		l.by = oneOf(d, grouptest.IDs{"", o.group.Group.Owner})
		if fitting := part.fits(o); len(fitting) > 0 {
			o.user = oneOf(d, fitting)
		}
	}
	if part.personal() && d(8) > 0 {
		l.by = o.user
	}
	o.some = grouptest.IDs{o.user, oneOf(d, workloadUsers[1:]), oneOf(d, workloadUsers)}[:1+d(3)] // "" is no user
	l.call = part.make(o)
	return l
}

// note keeps the id of a group if it was created, and not only asked for by Can.
func (p *workload) note(ctx context.Context, id groupkit.GroupID) {
	if _, err := p.eng.System().Group(ctx, id); err == nil {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.made = append(p.made, id)
	}
}

// run makes a number of random calls, some of them in Atomic, and moves the clock.
func (p *workload) run(t require.TestingT, d dice, calls int) {
	for range calls {
		switch d(12) {
		case 0:
			p.clock.Advance(oneOf(d, []time.Duration{time.Millisecond, 20 * time.Second, time.Hour}))
		case 1:
			_, err := p.eng.Sweep(context.Background())
			require.NoError(t, err)
		case 2:
			p.runAtomic(t, d)
		default:
			requireRefusal(t, grouptest.ErrorOf(p.draw(d).makeOn(p.eng)))
		}
	}
}

var errUndo = errors.New("undo")

// runAtomic makes some calls in one transaction, which may be rolled back.
func (p *workload) runAtomic(t require.TestingT, d dice) {
	lines := []call{p.draw(d), p.draw(d), p.draw(d)}[:1+d(3)]
	end := oneOf(d, []error{nil, nil, errUndo})
	require.Equal(t, end, p.eng.Atomic(context.Background(), func(tx *groupkit.Tx) error {
		for _, l := range lines {
			if err := grouptest.ErrorOf(l.makeOn(tx)); !errors.Is(err, groupkit.ErrNested) {
				requireRefusal(t, err)
			}
		}
		return end
	}))
}

// requireRefusal checks that a call succeeded, or failed with an error of a known class.
func requireRefusal(t require.TestingT, err error) {
	if err == nil {
		return
	}
	for _, class := range []error{groupkit.ErrNotFound, groupkit.ErrForbidden, groupkit.ErrLimit, groupkit.ErrInvalid, groupkit.ErrConflict} {
		if errors.Is(err, class) {
			return
		}
	}
	require.NoError(t, err)
}

// requireSound checks that the log of every group replays to the group, and all invariants.
func (p *workload) requireSound(t require.TestingT) {
	ctx, system := context.Background(), p.eng.System()
	for _, id := range p.groups() {
		snapshot, err := system.Snapshot(ctx, id)
		if errors.Is(err, groupkit.ErrGroupNotFound) {
			p.requireSoundLog(t, id)
			continue
		}
		require.NoError(t, err)
		again, err := groupkit.Replay(system.Events(ctx, id, 0))
		require.NoError(t, err)
		require.Equal(t, snapshot, again)
	}
	grouptest.RequireVerified(t, p.eng)
}

// requireSoundLog checks the log of a deleted group: it has no gap, and ends with the deletion. Users
// can be forgotten later.
func (p *workload) requireSoundLog(t require.TestingT, id groupkit.GroupID) {
	last := uint64(0)
	var kind groupkit.EventKind
	for e, err := range p.eng.System().Events(context.Background(), id, 0) {
		require.NoError(t, err)
		require.True(t, e.Version == last+1 || e.Kind == groupkit.Checkpoint && last == 0)
		last = e.Version
		if e.Kind != groupkit.Pseudonymized {
			kind = e.Kind
		}
	}
	if last > 0 {
		require.Contains(t, []groupkit.EventKind{groupkit.GroupDeleted, groupkit.Checkpoint}, kind)
	}
}
