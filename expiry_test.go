package groupkit_test

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"groupkit"
)

func TestActor_InviteUsers(t *testing.T) {
	t.Parallel()
	t.Run("that invites nobody anew clears nothing away", func(t *testing.T) {
		t.Parallel()
		eng, clock := setup(t, groupkit.Options{Limits: groupkit.Limits{Invitations: 2}})
		g := group(t, eng, groupkit.NewGroup{Members: []groupkit.UserID{"bob"}})
		require.NoError(t, second(eng.System().Mute(t.Context(), g, time.Minute, "bob")))
		require.NoError(t, eng.System().RemoveMember(t.Context(), g, "bob"))
		clock.Advance(time.Minute)
		require.NoError(t, second(eng.System().Invite(t.Context(), g, "carol")))
		require.NoError(t, second(eng.System().Invite(t.Context(), g, "dave")))
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
}

func TestEngine_Sweep(t *testing.T) {
	t.Parallel()
	t.Run("at the same time as others", func(t *testing.T) {
		t.Parallel()
		eng, clock := setup(t, groupkit.Options{})
		g := group(t, eng, groupkit.NewGroup{Members: several("user", 40)})
		for range 20 {
			require.NoError(t, second(eng.System().MuteUsers(t.Context(), g, time.Minute, several("user", 40))))
			clock.Advance(time.Minute)
			var sweeps sync.WaitGroup
			errs, cleared := make([]error, 8), make([]int, 8)
			for i := range errs {
				sweeps.Go(func() { cleared[i], errs[i] = eng.Sweep(t.Context()) })
			}
			sweeps.Wait()
			all := 0
			for i := range errs {
				require.NoError(t, errs[i])
				all += cleared[i]
			}
			require.Equal(t, 40, all, "each is cleared once")
		}
		verified(t, eng)
	})
}

func TestEngine_ClearsAwayWhatHadExpired(t *testing.T) {
	t.Parallel()
	t.Run("of a user before it changes something else about the user", func(t *testing.T) {
		t.Parallel()
		eng, clock := setup(t, groupkit.Options{})
		g := group(t, eng, groupkit.NewGroup{Members: []groupkit.UserID{"bob"}})
		require.NoError(t, second(eng.As("alice").Mute(t.Context(), g, time.Minute, "bob")))
		clock.Advance(time.Minute)
		require.NoError(t, eng.As("alice").Because("farewell").RemoveMember(t.Context(), g, "bob"))
		var told []string
		for e, err := range eng.System().Events(t.Context(), g, 3) {
			require.NoError(t, err)
			told = append(told, e.Kind.String()+" by "+string(e.Actor)+": "+e.Reason)
		}
		require.Equal(t, []string{"muted by alice: ", "mute expired by : ", "member left by alice: farewell"}, told)
	})
}
