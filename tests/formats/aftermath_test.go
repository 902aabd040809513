package formats_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"groupkit"
)

// TestFormats_GoOn writes to a database, in every part of it.
func TestFormats_GoOn(t *testing.T) {
	t.Parallel()
	everyFormat(t, func(t *testing.T, f format, path string) { goOn(t, f, path) })
}

func goOn(t *testing.T, f format, path string) {
	d := openWhole(t, path, groupkit.Options{})
	d.waitUntilResumed(f.left())
	n, err := d.eng.RemoveUnknownContents(t.Context(), 0)
	require.NoError(t, err)
	require.Equal(t, strings.Count(f.left(), "\n"), n)
	live := len(d.groups())
	for _, step := range []struct {
		name string
		do   func(*deployment)
	}{
		{"members come and go", (*deployment).comeAndGo},
		{"ids of deleted groups are taken", (*deployment).takenIDs},
		{"idempotency keys are known", (*deployment).knownKeys},
		{"marks are lifted and made again", (*deployment).marks},
		{"what has expired is cleared away", (*deployment).clear},
		{"a user is forgotten", (*deployment).forget},
		{"groups are deleted", (*deployment).delete},
	} {
		step.do(d)
		require.Empty(t, findings(t, d.eng), step.name)
	}
	require.NoError(t, d.eng.Close())
	d = openWhole(t, path, groupkit.Options{
		Limits: groupkit.Limits{Groups: live - 1}, Retention: groupkit.Retention{MaxEvents: 1},
	})
	d.cut()
	require.Empty(t, findings(t, d.eng))
	d.full(live - 1)
}

func (d *deployment) groups() (ids []groupkit.GroupID) {
	for g, err := range d.eng.System().Groups(d.t.Context()) {
		require.NoError(d.t, err)
		ids = append(ids, g.ID)
	}
	return ids
}

func (d *deployment) group(id groupkit.GroupID) groupkit.Group {
	g, err := d.eng.System().Group(d.t.Context(), id)
	require.NoError(d.t, err)
	return g
}

// comeAndGo changes memberships, also by what had been pending.
func (d *deployment) comeAndGo() {
	ctx, before := d.t.Context(), d.group("lobby")
	outcome, err := d.eng.As("newcomer").Join(ctx, "lobby")
	require.NoError(d.t, err)
	require.Equal(d.t, groupkit.OutcomeJoined, outcome)
	after := d.group("lobby")
	require.Equal(d.t, before.MemberCount+1, after.MemberCount)
	require.Equal(d.t, before.Version+1, after.Version)
	require.NoError(d.t, d.eng.As("newcomer").MaySpeak(ctx, "lobby"))
	require.NoError(d.t, d.eng.As("grace").AcceptInvitation(ctx, "archive"))
	require.NoError(d.t, d.eng.As("alice").ApproveRequest(ctx, "archive", "heidi"))
	require.NoError(d.t, d.eng.As("fan-150").Leave(ctx, "stadium"))
	require.NoError(d.t, d.eng.As("fan-100").TransferGroup(ctx, "stadium", "fan-200"))
}

func (d *deployment) takenIDs() {
	for _, id := range []groupkit.GroupID{doomed, "old-hall", "half-hall", "shut", "archive", chosenUUID} {
		_, err := d.eng.System().CreateGroup(d.t.Context(), groupkit.NewGroup{ID: id, Name: "Again", Owner: "alice"})
		require.ErrorIs(d.t, err, groupkit.ErrGroupExists, id)
	}
}

func (d *deployment) knownKeys() {
	ctx, before := d.t.Context(), d.group("packed").Version
	_, err := d.eng.As("ann").Once("join").Join(ctx, "packed")
	require.NoError(d.t, err)
	require.Equal(d.t, before, d.group("packed").Version)
	_, err = d.eng.As("ann").Once("join").Join(ctx, "lobby")
	require.ErrorIs(d.t, err, groupkit.ErrKeyReused)
	require.NoError(d.t, d.eng.As("erin").Once("old").SetAnnouncement(ctx, "heirs", "The key has lived its life."))
	text, err := d.eng.System().Announcement(ctx, "heirs")
	require.NoError(d.t, err)
	require.Equal(d.t, "The key has lived its life.", text.Text)
}

func (d *deployment) marks() {
	ctx, alice := d.t.Context(), d.eng.As("alice")
	require.NoError(d.t, alice.Unmute(ctx, "court", "dave"))
	require.NoError(d.t, alice.Unblock(ctx, "court", "fan-009"))
	require.NoError(d.t, alice.Disallow(ctx, "court", "fan-013"))
	require.NoError(d.t, alice.UnmuteGroup(ctx, "court"))
	_, err := alice.Mute(ctx, "court", groupkit.Forever, "fan-002")
	require.NoError(d.t, err)
	outcome, err := d.eng.As("late guest").Join(ctx, "waiting-room")
	require.NoError(d.t, err)
	require.Equal(d.t, groupkit.OutcomeRequested, outcome)
}

// clear clears away three of the four marks that expired in June: the request was made
// again before.
func (d *deployment) clear() {
	cleared, err := d.eng.Sweep(d.t.Context())
	require.NoError(d.t, err)
	require.Equal(d.t, 3, cleared)
}

func (d *deployment) forget() {
	ctx := d.t.Context()
	everything := groupkit.ForgetOptions{Owned: groupkit.OwnedSucceed, Blocks: true, Pseudonymize: true}
	require.NoError(d.t, d.eng.System().ForgetUser(ctx, "alice", everything))
	for event, err := range d.eng.System().Events(ctx, "court", 0) {
		require.NoError(d.t, err)
		require.NotEqual(d.t, groupkit.UserID("alice"), event.Actor)
		require.NotContains(d.t, event.Users, groupkit.UserID("alice"))
	}
}

// delete deletes a large group, and one with files.
func (d *deployment) delete() {
	for _, id := range []groupkit.GroupID{"stadium", "files"} {
		require.NoError(d.t, d.eng.System().DeleteGroup(d.t.Context(), id))
	}
	require.Equal(d.t, d.files(), d.contents())
}

// cut cuts all logs once more, and replays what is left of them.
func (d *deployment) cut() {
	ctx, system := d.t.Context(), d.eng.System()
	_, err := d.eng.Sweep(ctx)
	require.NoError(d.t, err)
	for _, id := range d.groups() {
		now, err := system.Snapshot(ctx, id)
		require.NoError(d.t, err)
		replayed, err := groupkit.Replay(system.Events(ctx, id, 0))
		require.NoError(d.t, err)
		require.Equal(d.t, now, replayed)
	}
}

// full makes groups until there are as many as the limit allows: the number of groups that
// is kept is right.
func (d *deployment) full(limit int) {
	for n := len(d.groups()); n < limit; n++ {
		_, err := d.eng.System().CreateGroup(d.t.Context(), groupkit.NewGroup{Name: "One more", Owner: "newcomer"})
		require.NoError(d.t, err)
	}
	_, err := d.eng.System().CreateGroup(d.t.Context(), groupkit.NewGroup{Name: "Too many", Owner: "newcomer"})
	require.ErrorIs(d.t, err, groupkit.ErrTooManyGroups)
}
