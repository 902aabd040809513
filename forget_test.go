package groupkit_test

import (
	"context"
	"errors"
	"fmt"
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

// forgettable is an id that occurs nowhere else.
const forgettable = groupkit.UserID("zoe-whom-nobody-shall-name")

// A past is an engine in which a user has left traces of every kind.
type past struct {
	eng   *groupkit.Engine
	store *grouptest.FailingStore
	clock *grouptest.Clock
	owned groupkit.GroupID
	in    []groupkit.GroupID // where the user is, or is mentioned, but owns nothing
	gone  groupkit.GroupID   // deleted
}

func newPast(t *testing.T, opts groupkit.Options) *past {
	t.Helper()
	p := &past{store: &grouptest.FailingStore{Store: memstore.New()}, clock: grouptest.NewClock()}
	opts.Clock, opts.BlockOutsiders = p.clock.Now, true
	var err error
	p.eng, err = groupkit.New(p.store, memblob.New(), &opts)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.eng.Close()) })
	p.live(t)
	return p
}

// live makes groups and has the user do, and suffer, everything in them.
func (p *past) live(t *testing.T) {
	ctx, system, zoe := t.Context(), p.eng.System(), p.eng.As(forgettable)
	make := func(id groupkit.GroupID, n groupkit.NewGroup) groupkit.GroupID {
		n.ID = id
		if n.Owner != forgettable && id != "asked" && id != "invited" {
			p.in, n.Members = append(p.in, id), append(n.Members, forgettable, "bob", "carol")
		}
		return grouptest.CreateGroup(t, p.eng, n)
	}
	p.owned = make("owned", groupkit.NewGroup{Owner: forgettable, Members: grouptest.IDs{"bob", "carol"}})
	admin := make("admin", groupkit.NewGroup{Public: true, MembersOnly: true})
	require.NoError(t, system.AddAdmin(ctx, admin, forgettable))
	require.NoError(t, zoe.SetAnnouncement(ctx, admin, "I was here"))
	require.NoError(t, grouptest.ErrorOf(zoe.UploadFile(ctx, admin, "diary.txt", strings.NewReader("dear diary"))))
	require.NoError(t, grouptest.ErrorOf(zoe.Invite(ctx, admin, "dave")))
	require.NoError(t, grouptest.ErrorOf(zoe.Mute(ctx, admin, time.Hour, "bob")))
	require.NoError(t, zoe.Allow(ctx, admin, "bob"))
	require.NoError(t, grouptest.ErrorOf(zoe.Block(ctx, admin, time.Hour, "carol")))
	require.NoError(t, grouptest.ErrorOf(system.Mute(ctx, admin, time.Hour, forgettable)))
	require.NoError(t, zoe.Allow(ctx, admin, forgettable))
	require.NoError(t, zoe.Once("k").MuteGroup(ctx, admin))
	left := make("left", groupkit.NewGroup{})
	require.NoError(t, zoe.Leave(ctx, left))
	removed := make("removed", groupkit.NewGroup{})
	require.NoError(t, grouptest.ErrorOf(system.Mute(ctx, removed, time.Hour, forgettable)))
	require.NoError(t, system.RemoveMember(ctx, removed, forgettable))
	unblocked := make("unblocked", groupkit.NewGroup{})
	require.NoError(t, grouptest.ErrorOf(system.Block(ctx, unblocked, time.Hour, forgettable)))
	require.NoError(t, system.Unblock(ctx, unblocked, forgettable))
	expired := make("expired", groupkit.NewGroup{})
	require.NoError(t, grouptest.ErrorOf(system.Mute(ctx, expired, time.Millisecond, forgettable)))
	require.NoError(t, system.RemoveMember(ctx, expired, forgettable))
	p.in = append(p.in, make("asked", groupkit.NewGroup{Public: true, MembersOnly: true}), make("invited", groupkit.NewGroup{}))
	require.NoError(t, grouptest.ErrorOf(zoe.Join(ctx, "asked")))
	require.NoError(t, grouptest.ErrorOf(p.eng.As("alice").Invite(ctx, "invited", forgettable)))
	p.gone = make("gone", groupkit.NewGroup{})
	require.NoError(t, grouptest.ErrorOf(zoe.UploadFile(ctx, p.gone, "diary.txt", strings.NewReader("dear diary"))))
	require.NoError(t, system.DeleteGroup(ctx, p.gone))
	p.in = slices.DeleteFunc(p.in, func(id groupkit.GroupID) bool { return id == p.gone })
	p.clock.Advance(time.Minute)
}

// requireForgotten looks into every group, and whether what the log tells is so.
func (p *past) requireForgotten(t *testing.T) {
	t.Helper()
	ctx, system := t.Context(), p.eng.System()
	joined, err := grouptest.Collect(system.JoinedGroups(ctx, forgettable))
	require.NoError(t, err)
	require.Empty(t, joined)
	for _, id := range p.in {
		replayed(t, p.eng, id)
		s, err := system.Snapshot(ctx, id)
		require.NoError(t, err)
		for _, m := range s.Members {
			require.NotEqual(t, forgettable, m.User)
		}
		for _, m := range s.Mutes {
			require.NotEqual(t, forgettable, m.User, "%s", id)
		}
		require.Empty(t, s.Requests)
		for _, m := range s.Invitations {
			require.NotEqual(t, forgettable, m.User)
		}
	}
	grouptest.RequireVerified(t, p.eng)
	eight, err := groupkit.Replay(system.Events(ctx, "admin", 0))
	require.NoError(t, err)
	require.Equal(t, 2, eight.Group.MemberCount)
	p.requireCount(t)
}

// requireCount is about the number of groups that the user counts as being in: the
// limit is reached when it says so.
func (p *past) requireCount(t *testing.T) {
	t.Helper()
	limit := groupkit.Limits{JoinedGroups: 1}
	eng, err := groupkit.New(noClose{p.store}, memblob.New(), &groupkit.Options{Limits: limit, Clock: p.clock.Now})
	require.NoError(t, err)
	defer eng.Close()
	require.NoError(t, eng.System().Can().AddMember(t.Context(), "left", forgettable), "the user is in no group")
}

// noClose is a store that another engine goes on using.
type noClose struct{ *grouptest.FailingStore }

func (noClose) Close() error { return nil }

// replayed compares the log of a group, replayed, with the group.
func replayed(t require.TestingT, eng *groupkit.Engine, id groupkit.GroupID) {
	ctx := context.Background()
	snapshot, err := eng.System().Snapshot(ctx, id)
	require.NoError(t, err)
	again, err := groupkit.Replay(eng.System().Events(ctx, id, 0))
	require.NoError(t, err)
	require.Equal(t, snapshot, again)
}

// naming are the keys in the store that name the user, or whose values do.
func (p *past) naming(t *testing.T) []string {
	t.Helper()
	var out []string
	for k, v := range grouptest.DumpStore(t, p.store) {
		if strings.Contains(k, string(forgettable)) || strings.Contains(v, string(forgettable)) {
			out = append(out, fmt.Sprintf("%q = %q", k, v))
		}
	}
	slices.Sort(out)
	return out
}

func TestActor_ForgetUser(t *testing.T) {
	t.Parallel()
	for _, pseudonymize := range []bool{false, true} {
		for _, owned := range []groupkit.OwnedPolicy{groupkit.OwnedSucceed, groupkit.OwnedDelete} {
			t.Run(fmt.Sprint("owned ", owned, " pseudonymize ", pseudonymize), func(t *testing.T) {
				t.Parallel()
				p := newPast(t, groupkit.Options{})
				opts := groupkit.ForgetOptions{Owned: owned, Pseudonymize: pseudonymize}
				require.NoError(t, p.eng.System().Because("asked to").ForgetUser(t.Context(), forgettable, opts))
				p.requireForgotten(t)
				p.requireOwned(t, owned)
				if pseudonymize {
					require.Empty(t, p.naming(t))
				}
				before := grouptest.DumpStore(t, p.store)
				require.NoError(t, p.eng.System().ForgetUser(t.Context(), forgettable, opts))
				require.Equal(t, before, grouptest.DumpStore(t, p.store), "there is nothing left to forget")
			})
		}
	}
}

// requireOwned is about the group that the user owned.
func (p *past) requireOwned(t *testing.T, owned groupkit.OwnedPolicy) {
	t.Helper()
	g, err := p.eng.System().Group(t.Context(), p.owned)
	if owned == groupkit.OwnedDelete {
		require.ErrorIs(t, err, groupkit.ErrGroupNotFound)
		return
	}
	require.NoError(t, err)
	require.EqualValues(t, "bob", g.Owner)
	require.Equal(t, 2, g.MemberCount)
	replayed(t, p.eng, p.owned)
}

func TestActor_ForgetUser_RefusesWhileTheUserOwnsGroups(t *testing.T) {
	t.Parallel()
	p := newPast(t, groupkit.Options{})
	second := grouptest.CreateGroup(t, p.eng, groupkit.NewGroup{Owner: forgettable})
	before := grouptest.DumpStore(t, p.store)
	err := p.eng.System().ForgetUser(t.Context(), forgettable, groupkit.ForgetOptions{Pseudonymize: true})
	require.ErrorIs(t, err, groupkit.ErrIsOwner)
	owns, ok := errors.AsType[*groupkit.OwnsError](err)
	require.True(t, ok)
	require.ElementsMatch(t, []groupkit.GroupID{p.owned, second}, owns.Groups)
	require.ErrorContains(t, err, "owns 2 groups")
	e, ok := errors.AsType[*groupkit.Error](err)
	require.True(t, ok)
	require.Equal(t, forgettable, e.User)
	require.Equal(t, before, grouptest.DumpStore(t, p.store))
}

func TestActor_ForgetUser_Arguments(t *testing.T) {
	t.Parallel()
	s := grouptest.NewFixture(t, groupkit.Options{})
	ctx := t.Context()
	require.ErrorIs(t, s.Engine.As("alice").ForgetUser(ctx, "alice", groupkit.ForgetOptions{}), groupkit.ErrSystemOnly)
	require.ErrorIs(t, s.Engine.System().ForgetUser(ctx, "", groupkit.ForgetOptions{}), groupkit.ErrInvalid)
	require.ErrorIs(t, s.Engine.System().ForgetUser(ctx, "dave", groupkit.ForgetOptions{Owned: 7}), groupkit.ErrInvalid)
	require.NoError(t, s.Engine.System().ForgetUser(ctx, "nobody ever saw", groupkit.ForgetOptions{Pseudonymize: true}))
	require.ErrorIs(t, s.Engine.Atomic(ctx, func(tx *groupkit.Tx) error {
		return tx.System().ForgetUser(ctx, "dave", groupkit.ForgetOptions{})
	}), groupkit.ErrNested)
}

// Blocks stay, and with them the name, until they are lifted too.
func TestActor_ForgetUser_Blocks(t *testing.T) {
	t.Parallel()
	p := newPast(t, groupkit.Options{})
	ctx, system := t.Context(), p.eng.System()
	require.NoError(t, grouptest.ErrorOf(system.Block(ctx, "left", groupkit.Forever, forgettable)))
	opts := groupkit.ForgetOptions{Owned: groupkit.OwnedDelete, Pseudonymize: true}
	require.NoError(t, system.ForgetUser(ctx, forgettable, opts))
	require.ErrorIs(t, system.AddMember(ctx, "left", forgettable), groupkit.ErrBlacklisted)
	for _, k := range p.naming(t) {
		require.Contains(t, k, "left", "only where the block is")
	}
	require.NotEmpty(t, p.naming(t))
	p.requireBlockKept(t)

	opts.Blocks = true
	require.NoError(t, system.ForgetUser(ctx, forgettable, opts))
	require.Empty(t, p.naming(t))
	require.NoError(t, system.Can().AddMember(ctx, "left", forgettable))
	p.requireForgotten(t)
}

func (p *past) requireBlockKept(t *testing.T) {
	t.Helper()
	blocks, err := grouptest.Collect(p.eng.System().Blacklist(t.Context(), "left"))
	require.NoError(t, err)
	require.Len(t, blocks, 1)
	require.Equal(t, forgettable, blocks[0].User)
	grouptest.RequireVerified(t, p.eng)
}

// The pseudonym is the same wherever a group names the user, and another one in
// another group.
func TestActor_ForgetUser_Pseudonym(t *testing.T) {
	t.Parallel()
	p := newPast(t, groupkit.Options{})
	ctx, system := t.Context(), p.eng.System()
	was := p.names(t, "admin", func(u groupkit.UserID) bool { return u == forgettable })
	require.NoError(t, system.ForgetUser(ctx, forgettable, groupkit.ForgetOptions{Owned: groupkit.OwnedSucceed, Pseudonymize: true}))
	pseudonyms := map[groupkit.UserID]bool{}
	for _, id := range append(p.in, p.owned) {
		var name groupkit.UserID
		n := p.names(t, id, func(u groupkit.UserID) bool {
			if strings.HasPrefix(string(u), "forgotten-") {
				require.Contains(t, []groupkit.UserID{"", u}, name, "one pseudonym in a group")
				name = u
				return true
			}
			return false
		})
		require.NotEmpty(t, name, "%s", id)
		require.False(t, pseudonyms[name], "another one in another group")
		pseudonyms[name] = true
		if id == "admin" {
			require.Greater(t, n, was, "as often as before, and at the end of it")
		}
	}
}

// names counts the names in a group and its log that match.
func (p *past) names(t *testing.T, id groupkit.GroupID, match func(groupkit.UserID) bool) (n int) {
	t.Helper()
	ctx, system := t.Context(), p.eng.System()
	count := func(u groupkit.UserID) {
		if match(u) {
			n++
		}
	}
	s, err := system.Snapshot(ctx, id)
	require.NoError(t, err)
	count(s.Announcement.By)
	for _, f := range s.Files {
		count(f.Owner)
	}
	for _, m := range s.Mutes {
		count(m.By)
	}
	for _, b := range s.Blacklist {
		count(b.By)
	}
	for _, a := range s.AllowList {
		count(a.By)
	}
	for _, i := range s.Invitations {
		count(i.By)
	}
	for e, err := range system.Events(ctx, id, 0) {
		require.NoError(t, err)
		count(e.Actor)
		for _, u := range e.Users {
			count(u)
		}
		if e.File != nil {
			count(e.File.Owner)
		}
	}
	return n
}

// What has expired, and was not cleared away, hangs on the user like anything else.
func TestActor_ForgetUser_Expired(t *testing.T) {
	t.Parallel()
	for _, pseudonymize := range []bool{false, true} {
		t.Run(fmt.Sprint("pseudonymize ", pseudonymize), func(t *testing.T) {
			t.Parallel()
			p := newPast(t, groupkit.Options{})
			require.NoError(t, p.eng.System().ForgetUser(t.Context(), forgettable, groupkit.ForgetOptions{Owned: groupkit.OwnedDelete, Pseudonymize: pseudonymize}))
			grouptest.RequireVerified(t, p.eng)
			s, err := p.eng.System().Snapshot(t.Context(), "expired")
			require.NoError(t, err)
			require.Empty(t, s.Mutes)
			replayed(t, p.eng, "expired")
		})
	}
}

func TestActor_ForgetUser_Can(t *testing.T) {
	t.Parallel()
	p := newPast(t, groupkit.Options{})
	ctx, can := t.Context(), p.eng.System().Can()
	grouptest.CreateGroup(t, p.eng, groupkit.NewGroup{ID: "half", Members: grouptest.IDs{forgettable}})
	p.store.FailAfter(1)
	require.ErrorIs(t, p.eng.System().DeleteGroup(ctx, "half"), grouptest.ErrFailing, "and whatever else is written from here on")
	before := grouptest.DumpStore(t, p.store)
	require.ErrorIs(t, can.ForgetUser(ctx, forgettable, groupkit.ForgetOptions{}), groupkit.ErrIsOwner)
	require.NoError(t, can.ForgetUser(ctx, forgettable, groupkit.ForgetOptions{Owned: groupkit.OwnedDelete, Pseudonymize: true}))
	require.Equal(t, before, grouptest.DumpStore(t, p.store))
}

func (p *past) role(t *testing.T, id groupkit.GroupID) groupkit.Role {
	t.Helper()
	role, err := p.eng.System().Role(t.Context(), id, forgettable)
	require.NoError(t, err)
	return role
}
