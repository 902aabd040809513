package groupkit_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
	"groupkit/internal/key"
	"groupkit/store/memblob"
	"groupkit/store/memstore"
)

// ruins are deleted groups with their logs, in a store without anything else.
type ruins struct {
	*groupkit.Engine
	store *grouptest.FailingStore
	clock *grouptest.Clock
	ids   []groupkit.GroupID
}

// newRuins makes groups of so many members, cuts every other log once, and deletes them all.
func newRuins(t *testing.T, keep groupkit.Retention, groups, members int) *ruins {
	t.Helper()
	r := &ruins{store: &grouptest.FailingStore{Store: memstore.New()}, clock: grouptest.NewClock()}
	eng, err := groupkit.New(r.store, memblob.New(), &groupkit.Options{
		Clock: r.clock.Now, Retention: keep, CacheBytes: -1, BlockOutsiders: true, Limits: groupkit.Limits{DefaultMaxUsers: 1000},
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, eng.Close()) })
	r.Engine = eng
	for i := range groups {
		r.build(t, groupkit.GroupID(fmt.Sprintf("ruin-%02d", i)), members)
		if i%2 == 0 {
			r.clock.Advance(time.Hour)
			require.NoError(t, grouptest.ErrorOf(eng.Sweep(t.Context())))
		}
	}
	for _, id := range r.ids {
		require.NoError(t, grouptest.ErrorOf(eng.System().MuteUsers(t.Context(), id, time.Hour, grouptest.Users("member", 2))))
		require.NoError(t, eng.As("owner").DeleteGroup(t.Context(), id))
	}
	return r
}

// build makes one group, in which everything happens that names users.
func (r *ruins) build(t *testing.T, id groupkit.GroupID, members int) {
	t.Helper()
	ctx, system := t.Context(), r.System()
	r.ids = append(r.ids, grouptest.CreateGroup(t, r.Engine, groupkit.NewGroup{ID: id, Owner: "owner", Custom: "x", AllowInvites: true}))
	for part := range slices.Chunk(grouptest.Users("member", members), 60) {
		require.NoError(t, grouptest.ErrorOf(system.AddMembers(ctx, id, part)))
	}
	require.NoError(t, system.AddMember(ctx, id, "guest"))
	require.NoError(t, grouptest.ErrorOf(r.As("guest").UploadFile(ctx, id, "map.txt", strings.NewReader("x"))))
	require.NoError(t, grouptest.ErrorOf(r.As("guest").Invite(ctx, id, "invited")))
	require.NoError(t, r.As("guest").Leave(ctx, id))
	require.NoError(t, r.As("owner").SetAnnouncement(ctx, id, "x"))
	require.NoError(t, grouptest.ErrorOf(system.Block(ctx, id, groupkit.Forever, "blocked")))
	require.NoError(t, system.TransferGroup(ctx, id, "member-00000"))
	require.NoError(t, system.TransferGroup(ctx, id, "owner"))
}

// requireExact checks that nothing is left but the tombstones, the calls of the logs, a header of
// each checkpoint, and one trace for each user whom the rest of a log names.
func (r *ruins) requireExact(t *testing.T) (traces int) {
	t.Helper()
	grouptest.RequireVerified(t, r.Engine)
	want := map[string]bool{string(key.Format()): true, string(key.Identity()): true}
	for _, id := range r.ids {
		want[string(key.Of(string(id), key.Header))] = true
		for e, err := range r.System().Events(t.Context(), id, 0) {
			require.NoError(t, err)
			if e.Kind == groupkit.Checkpoint {
				want[string(append(key.Of(string(id), key.Checkpoint), key.Header))] = true
				require.Equal(t, groupkit.Snapshot{Group: groupkit.Group{
					ID: id, Name: "night watch", AllowInvites: true, InviteNeedConfirm: true, MaxUsers: 1000,
					Created: e.Checkpoint.Group.Created, LastModified: e.At, Version: e.Version,
				}}, *e.Checkpoint)
				continue
			}
			for _, u := range append(slices.Clone(e.Users), e.Actor) {
				if u != "" && !strings.HasPrefix(string(u), "forgotten-") {
					want[string(key.UserGroupTrace(string(u), string(id)))] = true
				}
			}
		}
	}
	r.requireReplays(t)
	for k := range grouptest.DumpStore(t, r.store) {
		call := slices.ContainsFunc(r.ids, func(id groupkit.GroupID) bool {
			return strings.HasPrefix(k, string(key.Of(string(id), key.Events))) || strings.HasPrefix(k, string(key.Commits()))
		})
		require.True(t, want[k] || call, "%q is left", k)
		if strings.HasPrefix(k, string(key.AllUsers())) {
			traces++
		}
		delete(want, k)
	}
	require.Empty(t, slices.Collect(maps.Keys(want)), "is missing")
	return traces
}

// requireReplays checks that the rest of each log can be replayed to its end, and that Replay says
// so where nothing is left.
func (r *ruins) requireReplays(t *testing.T) {
	t.Helper()
	for _, id := range r.ids {
		log, err := grouptest.Collect(r.System().Events(t.Context(), id, 0))
		require.NoError(t, err)
		again, err := groupkit.Replay(logOf(log))
		if len(log) == 0 {
			require.ErrorIs(t, err, groupkit.ErrInvalid)
			require.ErrorContains(t, err, "log is empty")
			continue
		}
		require.NoError(t, err)
		for _, m := range again.Members {
			require.NotEmpty(t, m.User)
		}
	}
}

// requireForgotten checks that no record contains the ID of the user.
func (r *ruins) requireForgotten(t *testing.T, user groupkit.UserID) {
	t.Helper()
	for k, v := range grouptest.DumpStore(t, r.store) {
		require.NotContains(t, k, string(user))
		require.NotContains(t, v, string(user), "%q", k)
	}
}

func (r *ruins) forget(t *testing.T, user groupkit.UserID) {
	t.Helper()
	require.NoError(t, r.System().ForgetUser(t.Context(), user, groupkit.ForgetOptions{Pseudonymize: true, Blocks: true}))
	r.requireForgotten(t, user)
}

// Retention takes the traces and the checkpoints of deleted groups together with their logs.
func TestRetention_DeletedGroups(t *testing.T) {
	t.Parallel()
	const groups, members = 20, 300
	for name, keep := range map[string]groupkit.Retention{
		"by age":    {MaxAge: time.Minute},
		"by events": {MaxEvents: 4},
		"by both":   {MaxAge: time.Hour, MaxEvents: 4},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRuins(t, keep, groups, members)
			require.Greater(t, len(grouptest.DumpStore(t, r.store)), groups*members, "a trace for each member")
			require.NoError(t, grouptest.ErrorOf(r.Sweep(t.Context())))
			r.requireNamed(t, keep, groups)
			r.forget(t, "member-00001")
			r.forget(t, "guest")
			require.NoError(t, grouptest.ErrorOf(r.Sweep(t.Context())))
			r.requireExact(t)
			if keep.MaxAge == 0 {
				return
			}
			r.clock.Advance(2 * keep.MaxAge)
			require.NoError(t, grouptest.ErrorOf(r.Sweep(t.Context())))
			require.Zero(t, r.requireExact(t))
			require.Len(t, grouptest.DumpStore(t, r.store), groups+3, "the tombstones, the number of the format, the identity, and the number of the last call")
		})
	}
}

// requireNamed checks how many traces are left: those of the owner and of the two muted members,
// if the deletion and the mutes are all that is left of the logs.
func (r *ruins) requireNamed(t *testing.T, keep groupkit.Retention, groups int) {
	t.Helper()
	if traces := r.requireExact(t); keep.MaxEvents > 0 {
		require.Equal(t, 3*groups, traces)
	}
}

// Cut off between any two steps, the log still leads from every user whom it names, so that
// ForgetUser reaches it, and the next Sweep goes on.
func TestRetention_DeletedGroups_CutOff(t *testing.T) {
	t.Parallel()
	for _, keep := range []groupkit.Retention{{MaxAge: time.Minute}, {MaxEvents: 3}} {
		for steps := 0; ; steps++ {
			r := newRuins(t, keep, 2, 150)
			r.clock.Advance(time.Hour)
			r.store.FailAfter(steps)
			_, err := r.Sweep(t.Context())
			r.store.Recover()
			grouptest.RequireVerified(t, r.Engine)
			for _, user := range []groupkit.UserID{"owner", "guest", "member-00000", "member-00149", "invited"} {
				r.forget(t, user)
			}
			grouptest.RequireVerified(t, r.Engine)
			require.NoError(t, grouptest.ErrorOf(r.Sweep(t.Context())))
			r.requireExact(t)
			if err == nil {
				require.Greater(t, steps, 4)
				break
			}
			require.True(t, errors.Is(err, grouptest.ErrFailing))
		}
	}
}

// A trace into the log of a live group goes when nothing there names the user any more.
func TestRetention_TracesOfLiveGroup(t *testing.T) {
	t.Parallel()
	r := newRuins(t, groupkit.Retention{MaxAge: time.Minute}, 0, 0)
	ctx := t.Context()
	r.build(t, "living", 100)
	id := groupkit.GroupID("living")
	require.NoError(t, r.System().AddMember(ctx, id, "muter"))
	require.NoError(t, r.As("owner").AddAdmin(ctx, id, "muter"))
	require.NoError(t, grouptest.ErrorOf(r.As("muter").Mute(ctx, id, groupkit.Forever, "member-00002")))
	require.NoError(t, r.As("muter").Leave(ctx, id))
	require.NoError(t, grouptest.ErrorOf(r.System().RemoveMembers(ctx, id, grouptest.Users("member", 50))))
	require.NoError(t, r.System().AddMember(ctx, id, "member-00003"))
	r.clock.Advance(time.Hour)
	require.NoError(t, r.As("member-00060").Leave(ctx, id))
	traces := func() (all []string) {
		for k := range grouptest.DumpStore(t, r.store) {
			if user, kind, _, err := key.CutUser([]byte(k)); err == nil && kind == key.UserTrace {
				all = append(all, string(user))
			}
		}
		slices.Sort(all)
		return all
	}
	require.Len(t, traces(), 49+4, "49 removed members, guest, invited, muter and member-00060")
	require.NoError(t, grouptest.ErrorOf(r.Sweep(ctx)))
	require.Equal(t, []string{"guest", "member-00003", "member-00060", "muter"}, traces(),
		"the file of guest, who came back, the rest of the log, the mute")
	grouptest.RequireVerified(t, r.Engine)
	r.forget(t, "muter")
	r.forget(t, "guest")
	grouptest.RequireVerified(t, r.Engine)
	r.clock.Advance(time.Hour)
	require.NoError(t, r.As("owner").MuteGroup(ctx, id))
	require.NoError(t, grouptest.ErrorOf(r.Sweep(ctx)))
	require.Equal(t, []string{"member-00003"}, traces())
	replayed(t, r.Engine, id)
	grouptest.RequireVerified(t, r.Engine)
}
