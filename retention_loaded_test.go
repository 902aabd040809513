package groupkit_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
	"groupkit/internal/key"
	"groupkit/internal/record"
	"groupkit/store"
	"groupkit/store/memblob"
	"groupkit/store/memstore"
)

// loads returns the entries of the index of commits that lead to the states of loaded groups.
func loads(t *testing.T, s store.Store) (groups []string) {
	for k, value := range grouptest.DumpStore(t, s) {
		if _, err := key.CutCommit([]byte(k)); err != nil {
			continue
		}
		if group, version, err := key.CutPoint([]byte(value)); err == nil && version == 0 {
			groups = append(groups, group)
		}
	}
	return groups
}

// TestRetention_LoadedGroup loads a group, changes it or deletes it, and lets retention remove what the log had then.
// The entry with which a follower of all groups finds the state stays as long as it leads on, and no longer.
func TestRetention_LoadedGroup(t *testing.T) {
	t.Parallel()
	snapshot, log := grouptest.NewFixture(t, groupkit.Options{}).State(t)
	for name, row := range map[string]struct {
		open func() store.Store
		end  func(eng *groupkit.Engine, group groupkit.GroupID) error
	}{
		"changed": {func() store.Store { return memstore.New() }, func(eng *groupkit.Engine, group groupkit.GroupID) error {
			return eng.System().SetAnnouncement(t.Context(), group, "and on")
		}},
		"changed, shared": {func() store.Store { return grouptest.NewShared() }, func(eng *groupkit.Engine, group groupkit.GroupID) error {
			return eng.System().SetAnnouncement(t.Context(), group, "and on")
		}},
		"deleted": {func() store.Store { return memstore.New() }, func(eng *groupkit.Engine, group groupkit.GroupID) error {
			return eng.System().DeleteGroup(t.Context(), group)
		}},
		"deleted, shared": {func() store.Store { return grouptest.NewShared() }, func(eng *groupkit.Engine, group groupkit.GroupID) error {
			return eng.System().DeleteGroup(t.Context(), group)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, clock, st := t.Context(), grouptest.NewClock(), row.open()
			eng, err := groupkit.New(st, memblob.New(), &groupkit.Options{
				Clock: clock.Now, MaxSkew: -1, Retention: groupkit.Retention{MaxAge: time.Hour},
			})
			require.NoError(t, err)
			t.Cleanup(func() { _ = eng.Close() })
			require.NoError(t, grouptest.ErrorOf(eng.System().CreateGroup(ctx, groupkit.NewGroup{ID: "other", Name: "Other", Owner: "olga"})))
			before := groupkit.Position{History: eng.History(), Version: 1}
			group := snapshot.Group.ID
			require.NoError(t, grouptest.ErrorOf(eng.System().LoadFrom(ctx, group, logOf(log), groupkit.LoadOptions{})))
			clock.Advance(2 * time.Hour)
			require.NoError(t, grouptest.ErrorOf(eng.Sweep(ctx)))
			kept, err := grouptest.Collect(eng.System().Events(ctx, group, 0))
			require.NoError(t, err)
			require.Equal(t, groupkit.Checkpoint, kept[0].Kind)
			require.Len(t, kept, 2, "what was loaded has been removed; a mute has ended since")
			require.Equal(t, []string{string(group)}, loads(t, st), "nothing else leads to its state")
			requireSoundLoads(t, eng)

			require.NoError(t, row.end(eng, group))
			require.NoError(t, grouptest.ErrorOf(eng.Sweep(ctx)))
			require.Equal(t, []string{string(group)}, loads(t, st), "the log has what came after")
			requireSoundLoads(t, eng)

			clock.Advance(2 * time.Hour)
			require.NoError(t, grouptest.ErrorOf(eng.Sweep(ctx)))
			require.Empty(t, loads(t, st))
			requireSoundLoads(t, eng)

			f, err := eng.System().FollowAll(ctx, before)
			require.NoError(t, err)
			defer f.Close()
			want := []groupkit.GroupID{"other"}
			if _, err := eng.System().Group(ctx, group); err == nil {
				want = append(want, group)
			}
			require.Equal(t, groupkit.Event{Kind: groupkit.Checkpoint}, next(t, f), "everything begins anew")
			var got []groupkit.GroupID
			for range want {
				e := next(t, f)
				require.Equal(t, groupkit.Checkpoint, e.Kind)
				got = append(got, e.Group)
			}
			require.ElementsMatch(t, want, got)
			requireSilent(t, f)
		})
	}
}

// Verify finds an entry that leads to a state with which no group was loaded, and a load that has no entry.
func TestEngine_Verify_loads(t *testing.T) {
	t.Parallel()
	snapshot, _ := grouptest.NewFixture(t, groupkit.Options{}).State(t)
	for name, loaded := range map[string]uint64{"no entry": 1000, "no load": 0} {
		s := grouptest.NewStack(t, groupkit.Options{})
		require.NoError(t, grouptest.ErrorOf(s.Engine.System().Load(t.Context(), snapshot)), name)
		requireSoundLoads(t, s.Engine)
		s.ChangeHeader(t, snapshot.Group.ID, func(h *record.Header) { h.Loaded = loaded })
		report, err := s.Engine.Verify(t.Context(), groupkit.VerifyOptions{})
		require.NoError(t, err)
		require.NotEmpty(t, report.Violations, name)
		for _, v := range report.Violations {
			require.Equal(t, groupkit.ViewsAgree, v.Invariant, "%s: %v", name, v)
		}
	}
}
