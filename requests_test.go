package groupkit_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
	"groupkit/store"
	"groupkit/store/memblob"
	"groupkit/store/memstore"
)

func TestActor_InviteUsers(t *testing.T) {
	t.Parallel()
	t.Run("that invites nobody anew clears nothing away", func(t *testing.T) {
		t.Parallel()
		eng, clock := grouptest.Setup(t, groupkit.Options{Limits: groupkit.Limits{Invitations: 2}})
		g := grouptest.CreateGroup(t, eng, groupkit.NewGroup{Members: []groupkit.UserID{"bob"}})
		require.NoError(t, grouptest.ErrorOf(eng.System().Mute(t.Context(), g, time.Minute, "bob")))
		require.NoError(t, eng.System().RemoveMember(t.Context(), g, "bob"))
		clock.Advance(time.Minute)
		require.NoError(t, grouptest.ErrorOf(eng.System().Invite(t.Context(), g, "carol")))
		require.NoError(t, grouptest.ErrorOf(eng.System().Invite(t.Context(), g, "dave")))
		before, err := eng.System().Group(t.Context(), g)
		require.NoError(t, err)
		results, err := eng.System().InviteUsers(t.Context(), g, []groupkit.UserID{"carol", "bob"})
		require.NoError(t, err)
		require.NoError(t, results[0].Err)
		require.ErrorIs(t, results[1].Err, groupkit.ErrTooManyInvitations)
		after, err := eng.System().Group(t.Context(), g)
		require.NoError(t, err)
		require.Equal(t, before, after)
	})
	t.Run("approves requests, which have a cause of their own", func(t *testing.T) {
		t.Parallel()
		s := grouptest.NewFixture(t, groupkit.Options{})
		ctx, alice := t.Context(), s.Engine.As("alice")
		require.NoError(t, grouptest.ErrorOf(alice.UpdateGroup(ctx, s.ID, groupkit.GroupUpdate{InviteNeedConfirm: new(false)})))
		require.NoError(t, grouptest.ErrorOf(alice.InviteUsers(ctx, s.ID, grouptest.IDs{"frank", "ivan"})))
		_, log := s.State(t)
		causes := make(map[groupkit.UserID]groupkit.Cause)
		for _, e := range log[len(log)-2:] {
			require.Equal(t, groupkit.MemberJoined, e.Kind)
			causes[e.Users[0]] = e.Cause
		}
		require.Equal(t, map[groupkit.UserID]groupkit.Cause{"frank": groupkit.CauseApproved, "ivan": groupkit.CauseInvited}, causes)
	})
}

func TestActor_Join(t *testing.T) {
	t.Parallel()
	t.Run("again keeps the request", func(t *testing.T) {
		t.Parallel()
		s := grouptest.NewFixture(t, groupkit.Options{})
		before, _ := s.State(t)
		s.Clock.Advance(time.Second)
		outcome, err := s.Engine.As("frank").Join(t.Context(), s.ID)
		require.NoError(t, err)
		require.Equal(t, groupkit.OutcomeRequested, outcome)
		after, _ := s.State(t)
		require.Equal(t, before, after)
	})
	t.Run("asks if the invitation ended with the right of the inviter", func(t *testing.T) {
		t.Parallel()
		s := grouptest.NewFixture(t, groupkit.Options{})
		ctx, system := t.Context(), s.Engine.System()
		require.NoError(t, grouptest.ErrorOf(s.Engine.As("bob").Invite(ctx, s.ID, "ivan")))
		require.NoError(t, system.RemoveMember(ctx, s.ID, "bob"))
		outcome, err := s.Engine.As("ivan").Join(ctx, s.ID)
		require.NoError(t, err)
		require.Equal(t, groupkit.OutcomeRequested, outcome)
		outcome, err = s.Engine.As("grace").Join(ctx, s.ID)
		require.NoError(t, err)
		require.Equal(t, groupkit.OutcomeJoined, outcome, "the owner invited this user")
	})
	t.Run("refuses a user whom the application does not know", func(t *testing.T) {
		t.Parallel()
		eng, _ := grouptest.Setup(t, groupkit.Options{UserExists: func(_ context.Context, u groupkit.UserID) (bool, error) { return u == "alice", nil }})
		g := grouptest.CreateGroup(t, eng, groupkit.NewGroup{Public: true})
		require.ErrorIs(t, grouptest.ErrorOf(eng.As("bob").Join(t.Context(), g)), groupkit.ErrUserNotFound)
	})
}

func TestActor_ApproveRequest(t *testing.T) {
	t.Parallel()
	t.Run("refuses a request that has expired", func(t *testing.T) {
		t.Parallel()
		s := grouptest.NewFixture(t, groupkit.Options{RequestTTL: time.Hour})
		s.Clock.Advance(time.Hour)
		require.ErrorIs(t, s.Engine.As("bob").ApproveRequest(t.Context(), s.ID, "frank"), groupkit.ErrRequestNotFound)
		require.ErrorIs(t, s.Engine.As("bob").DeclineRequest(t.Context(), s.ID, "frank"), groupkit.ErrRequestNotFound)
	})
}

// Both lists are in the order in which their entries came, whoever was asked about in one call.
func TestRequestsAndInvitations_OldestFirst(t *testing.T) {
	t.Parallel()
	for name, st := range map[string]store.Store{"memory": memstore.New(), "bolt": grouptest.NewBolt(t)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := grouptest.NewFixtureOver(t, st, memblob.New(), groupkit.Options{})
			ctx, alice := t.Context(), s.Engine.As("alice")
			for _, u := range (grouptest.IDs{"zoe", "anna", "mike"}) {
				require.NoError(t, grouptest.ErrorOf(s.Engine.As(u).Join(ctx, s.ID)))
			}
			require.NoError(t, grouptest.ErrorOf(alice.InviteUsers(ctx, s.ID, grouptest.IDs{"yves", "bert"})))
			require.NoError(t, grouptest.ErrorOf(alice.Invite(ctx, s.ID, "adam")))
			require.NoError(t, grouptest.ErrorOf(alice.DeclineRequests(ctx, s.ID, grouptest.IDs{"anna", "nobody"})))
			require.NoError(t, grouptest.ErrorOf(alice.CancelInvitations(ctx, s.ID, grouptest.IDs{"grace"})))
			require.NoError(t, grouptest.ErrorOf(s.Engine.As("anna").Join(ctx, s.ID)), "who asks again is the last")
			var asked, invited grouptest.IDs
			for _, r := range grouptest.MustCollect(t, alice.Requests(ctx, s.ID)) {
				asked = append(asked, r.User)
			}
			page, err := alice.InvitationsPage(ctx, s.ID, groupkit.Page{})
			require.NoError(t, err)
			for _, i := range page {
				invited = append(invited, i.User)
			}
			require.Equal(t, grouptest.IDs{"frank", "zoe", "mike", "anna"}, asked)
			require.Equal(t, grouptest.IDs{"yves", "bert", "adam"}, invited)
		})
	}
}

// A member takes back a batch of its own invitations; those of others stay.
func TestActor_CancelInvitations_OfOneself(t *testing.T) {
	t.Parallel()
	eng, id := invitersGroup(t, groupkit.Options{}, true)
	results, err := eng.As("carol").CancelInvitations(t.Context(), id, grouptest.IDs{"by-bob", "by-carol", "nobody", "by-carol"})
	require.NoError(t, err)
	require.Equal(t, grouptest.IDs{"by-carol"}, results.Succeeded())
	for _, i := range []int{0, 2, 3} {
		require.ErrorIs(t, results[i].Err, groupkit.ErrRoleTooLow, "what a member may not cancel looks like what is not there")
	}
	grouptest.RequireVerified(t, eng)
}

// Batches of answers give what single answers in the same order give: a result for each user, one
// event of a kind, and as many members as there is room for.
func TestRequestsAndInvitations_Batches(t *testing.T) {
	t.Parallel()
	for name, open := range twoStores(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			eng, ctx := open(t, groupkit.Options{}), t.Context()
			id := grouptest.CreateGroup(t, eng, groupkit.NewGroup{Public: true, MembersOnly: true, MaxUsers: 3})
			alice := eng.As("alice")
			for _, u := range grouptest.Users("r", 6) {
				require.NoError(t, grouptest.ErrorOf(eng.As(u).Join(ctx, id)))
			}
			r := grouptest.Users("r", 6)
			results, err := alice.ApproveRequests(ctx, id, grouptest.IDs{r[2], "nobody", r[0], r[2], r[1], "\x00"})
			require.NoError(t, err)
			require.Equal(t, grouptest.IDs{r[2], r[0]}, results.Succeeded())
			for i, want := range map[int]error{
				1: groupkit.ErrRequestNotFound, 3: groupkit.ErrRequestNotFound, 4: groupkit.ErrGroupFull, 5: groupkit.ErrInvalid,
			} {
				require.ErrorIs(t, results[i].Err, want, i)
			}
			results, err = alice.Because("no").DeclineRequests(ctx, id, grouptest.IDs{r[3], r[3], r[4], "nobody"})
			require.NoError(t, err)
			require.Equal(t, grouptest.IDs{r[3], r[4]}, results.Succeeded())
			require.NoError(t, grouptest.ErrorOf(alice.InviteUsers(ctx, id, grouptest.IDs{"i1", "i2", "i3"})))
			results, err = alice.CancelInvitations(ctx, id, grouptest.IDs{"i3", "i1", "i4"})
			require.NoError(t, err)
			require.Equal(t, grouptest.IDs{"i3", "i1"}, results.Succeeded())
			for name, err := range map[string]error{
				"approve": grouptest.ErrorOf(alice.ApproveRequests(ctx, id, grouptest.IDs{"nobody"})),
				"decline": grouptest.ErrorOf(alice.DeclineRequests(ctx, id, grouptest.IDs{r[3], r[4]})),
			} {
				require.ErrorIs(t, err, groupkit.ErrRequestNotFound, name)
			}
			require.ErrorIs(t, grouptest.ErrorOf(alice.CancelInvitations(ctx, id, grouptest.IDs{"i1"})), groupkit.ErrInvitationNotFound)

			var named []string
			for e, err := range alice.Events(ctx, id, 9) { // after the creation and six requests
				require.NoError(t, err)
				named = append(named, fmt.Sprint(e.Kind, " ", e.Cause, " ", e.Users, " ", e.Reason))
			}
			require.Equal(t, []string{
				fmt.Sprint("request approved none ", grouptest.IDs{r[2], r[0]}, " "),
				fmt.Sprint("member joined approved ", grouptest.IDs{r[2], r[0]}, " "),
				fmt.Sprint("request declined none ", grouptest.IDs{r[3], r[4]}, " no"),
				fmt.Sprint("invited none ", grouptest.IDs{"i1", "i2", "i3"}, " "),
				fmt.Sprint("invitation cancelled none ", grouptest.IDs{"i3", "i1"}, " "),
			}, named)
			grouptest.RequireVerified(t, eng)
		})
	}
}
