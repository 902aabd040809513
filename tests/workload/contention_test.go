package workload_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
	"groupkit/store"
	"groupkit/store/boltstore"
	"groupkit/store/memblob"
	"groupkit/store/memstore"
)

func TestEngine_Concurrently(t *testing.T) {
	t.Parallel()
	t.Run("memory", func(t *testing.T) {
		t.Parallel()
		contend(t, memstore.New(), 60)
	})
	t.Run("bolt", func(t *testing.T) {
		t.Parallel()
		s, err := boltstore.Open(filepath.Join(t.TempDir(), "groups.db"), &boltstore.Options{Durability: boltstore.None})
		require.NoError(t, err)
		contend(t, s, 60)
	})
}

// A contention is many goroutines that make all kinds of calls on the same few groups.
type contention struct {
	eng    *groupkit.Engine
	groups []groupkit.GroupID
	users  []groupkit.UserID

	// members is, for each group, the members that granted calls have added, less those
	// that they have removed.
	members map[groupkit.GroupID]*atomic.Int64
	changes map[groupkit.GroupID]*atomic.Int64 // calls granted that changed a group for certain
	files   map[groupkit.GroupID]*atomic.Int64
	failure atomic.Pointer[string] // what should never be seen, and was
}

const (
	contenders = 64
	fewMembers = 7 // members of a group at most
	fewGroups  = 2 // groups of a user at most
)

// contend runs 64 goroutines, and adds up afterwards.
func contend(t *testing.T, s store.Store, rounds int) {
	r := newContention(t, s)
	var all sync.WaitGroup
	for i := range contenders {
		all.Go(func() {
			rng := rand.New(rand.NewPCG(uint64(i), 64))
			for range rounds {
				r.act(rng)
				r.watch(rng)
			}
		})
	}
	all.Wait()
	if seen := r.failure.Load(); seen != nil {
		require.Fail(t, *seen)
	}
	grouptest.RequireVerified(t, r.eng)
	for _, id := range r.groups {
		r.addUp(t, id)
	}
}

func newContention(t *testing.T, s store.Store) *contention {
	eng, err := groupkit.New(s, memblob.New(), &groupkit.Options{Limits: groupkit.Limits{
		JoinedGroups: fewGroups, Admins: 3, Files: 5, Requests: 3, Invitations: 3,
	}})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, eng.Close()) })
	r := &contention{
		eng: eng, users: grouptest.Users("user", 16),
		members: map[groupkit.GroupID]*atomic.Int64{}, changes: map[groupkit.GroupID]*atomic.Int64{}, files: map[groupkit.GroupID]*atomic.Int64{},
	}
	for i := range 4 {
		id := grouptest.CreateGroup(t, eng, groupkit.NewGroup{
			Owner: groupkit.UserID(fmt.Sprint("owner-", i)), MaxUsers: fewMembers,
			Public: i%2 == 0, MembersOnly: i == 0, AllowInvites: true, InviteNeedConfirm: new(i%3 == 0),
		})
		r.groups = append(r.groups, id)
		r.members[id], r.changes[id], r.files[id] = new(atomic.Int64), new(atomic.Int64), new(atomic.Int64)
		r.members[id].Store(1)
	}
	return r
}

// act makes one random call, and counts it if it is granted.
func (r *contention) act(rng *rand.Rand) {
	id, u := r.groups[rng.IntN(len(r.groups))], r.users[rng.IntN(len(r.users))]
	a := r.eng.System()
	if rng.IntN(3) > 0 {
		a = r.eng.As(r.users[rng.IntN(len(r.users))])
	}
	ctx := context.Background()
	switch rng.IntN(26) {
	case 0, 1, 2:
		r.account(id, +1, r.eng.System().AddMember(ctx, id, u))
	case 3:
		r.accountAll(id, +1)(r.eng.System().AddMembers(ctx, id, r.users[:8]))
	case 4:
		r.account(id, -1, a.RemoveMember(ctx, id, u))
	case 5:
		r.accountAll(id, -1)(a.RemoveMembers(ctx, id, []groupkit.UserID{u, r.users[0]}))
	case 6, 7, 8:
		r.accountOutcome(id)(r.eng.As(u).Join(ctx, id))
	case 9, 10:
		r.accountOutcome(id)(a.Invite(ctx, id, u))
	case 11:
		r.account(id, +1, r.eng.As(u).AcceptInvitation(ctx, id))
	case 12:
		r.account(id, +1, a.ApproveRequest(ctx, id, u))
	case 13:
		r.account(id, -1, r.eng.As(u).Leave(ctx, id))
	case 14:
		_, err := a.Block(ctx, id, groupkit.Forever, u)
		r.account(id, -1, err)
	case 15:
		r.account(id, 0, a.Unblock(ctx, id, u))
	case 16:
		_, err := a.Mute(ctx, id, time.Hour, u)
		r.account(id, 0, err)
	case 17:
		r.account(id, 0, a.Unmute(ctx, id, u))
	case 18:
		r.account(id, 0, a.AddAdmin(ctx, id, u))
	case 19:
		r.account(id, 0, a.TransferGroup(ctx, id, u))
	case 20:
		r.account(id, 0, a.Allow(ctx, id, u))
	case 21:
		r.share(ctx, a, id)
	case 22:
		r.passing(ctx, a, id, u)
	case 23:
		r.account(id, 0, a.SetAnnouncement(ctx, id, fmt.Sprint(rng.Int())))
	case 24:
		r.found(ctx, u)
	case 25:
		_, err := r.eng.Sweep(ctx)
		r.note(err)
	}
}

// passing mutes a user for so short a time that a sweep clears it soon.
func (r *contention) passing(ctx context.Context, a groupkit.Actor, id groupkit.GroupID, u groupkit.UserID) {
	_, err := a.Mute(ctx, id, time.Millisecond, u)
	r.account(id, 0, err)
}

// found creates a group and deletes it.
func (r *contention) found(ctx context.Context, u groupkit.UserID) {
	g, err := r.eng.System().CreateGroup(ctx, groupkit.NewGroup{Name: "passing", Owner: u, Public: true, Members: r.users[:3]})
	r.note(err)
	if err == nil {
		_, err := r.eng.As(r.users[5]).Join(ctx, g.ID)
		r.note(err)
		r.note(r.eng.System().DeleteGroup(ctx, g.ID))
	}
}

func (r *contention) share(ctx context.Context, a groupkit.Actor, id groupkit.GroupID) {
	f, err := a.UploadFile(ctx, id, "note", strings.NewReader("hello"))
	r.account(id, 0, err)
	if err != nil {
		return
	}
	r.files[id].Add(1)
	if f.ID[len(f.ID)-1]%4 > 0 { // most go again
		r.account(id, 0, r.eng.System().DeleteFile(ctx, id, f.ID))
		r.files[id].Add(-1)
	}
}

// account counts a granted call. The error of a refused call has to be a known one.
func (r *contention) account(id groupkit.GroupID, members int64, err error) {
	if err == nil {
		r.members[id].Add(members)
		r.changes[id].Add(1)
		return
	}
	r.note(err)
}

// note fails the test for an error that no call should return here.
func (r *contention) note(err error) {
	if err == nil {
		return
	}
	for _, class := range []error{groupkit.ErrNotFound, groupkit.ErrForbidden, groupkit.ErrLimit} {
		if errors.Is(err, class) {
			return
		}
	}
	r.fail("an error of no such class: %v", err)
}

func (r *contention) accountAll(id groupkit.GroupID, members int64) func(groupkit.Results, error) {
	return func(results groupkit.Results, err error) {
		granted := int64(0)
		for _, one := range results {
			if one.Err == nil {
				granted++
			}
		}
		r.account(id, members*granted, err)
	}
}

func (r *contention) accountOutcome(id groupkit.GroupID) func(groupkit.Outcome, error) {
	return func(outcome groupkit.Outcome, err error) {
		switch {
		case err != nil:
			r.account(id, 0, err)
		case outcome == groupkit.OutcomeJoined:
			r.account(id, +1, nil)
		}
	}
}

// watch checks something that must hold at every instant.
func (r *contention) watch(rng *rand.Rand) {
	ctx := context.Background()
	g, err := r.eng.System().Group(ctx, r.groups[rng.IntN(len(r.groups))])
	if err != nil || g.MemberCount > fewMembers || g.MemberCount < 1 || g.AdminCount > 2 || g.AdminCount >= g.MemberCount {
		r.fail("a group of %d members and %d admins, %v", g.MemberCount, g.AdminCount, err)
	}
	joined, err := grouptest.Collect(r.eng.System().JoinedGroups(ctx, r.users[rng.IntN(len(r.users))]))
	if err != nil || len(joined) > fewGroups {
		r.fail("a user of %d groups, %v", len(joined), err)
	}
}

func (r *contention) fail(format string, args ...any) {
	r.failure.CompareAndSwap(nil, new(fmt.Sprintf(format, args...)))
}

// addUp compares a group with the calls that were granted.
func (r *contention) addUp(t *testing.T, id groupkit.GroupID) {
	ctx, system := t.Context(), r.eng.System()
	g, err := system.Group(ctx, id)
	require.NoError(t, err)
	members, err := grouptest.Collect(system.Members(ctx, id))
	require.NoError(t, err)
	require.Len(t, members, g.MemberCount)
	require.EqualValues(t, r.members[id].Load(), g.MemberCount, "memberships begun less those ended")
	require.LessOrEqual(t, g.MemberCount, fewMembers)
	admins, err := grouptest.Collect(system.Admins(ctx, id))
	require.NoError(t, err)
	require.Len(t, admins, g.AdminCount)
	files, err := grouptest.Collect(system.Files(ctx, id))
	require.NoError(t, err)
	require.EqualValues(t, r.files[id].Load(), len(files))
	require.Greater(t, r.changes[id].Load(), int64(10), "enough calls were granted")
	r.addUpLog(t, g)
}

// addUpLog compares the log of a group with the group.
func (r *contention) addUpLog(t *testing.T, g groupkit.Group) {
	members, last := 0, uint64(0)
	for e, err := range r.eng.System().Events(t.Context(), g.ID, 0) {
		require.NoError(t, err)
		require.Equal(t, last+1, e.Version)
		last = e.Version
		switch e.Kind {
		case groupkit.MemberJoined:
			members += len(e.Users)
		case groupkit.MemberLeft:
			members -= len(e.Users)
		}
	}
	require.Equal(t, g.Version, last)
	require.Equal(t, g.MemberCount, members)
	require.GreaterOrEqual(t, g.Version, uint64(r.changes[g.ID].Load()), "an event for every change granted")
}
