package groupkit_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
	"groupkit/internal/key"
	"groupkit/internal/record"
	"groupkit/internal/sharedmem"
	"groupkit/store"
	"groupkit/store/memblob"
)

// TestEngine_Repair_Seals changes one bit of each record of the Dataset. All but these are repaired.
func TestEngine_Repair_Seals(t *testing.T) {
	t.Parallel()
	beyond := []string{string(key.Identity()), string(key.GroupLimit()), string(key.Of("vanished", key.Header))}
	built := grouptest.NewDataset(t)
	exports := exportsOf(t, built)
	for _, k := range slices.Sorted(maps.Keys(built.Dump(t))) {
		if k == string(key.Format()) {
			continue // not sealed
		}
		grouptest.Scoped(t, func(scope grouptest.TB) {
			s := grouptest.NewDataset(scope)
			require.NoError(t, s.Store.Update(t.Context(), func(w store.Writer) error {
				value, _, err := w.Get([]byte(k))
				if err != nil {
					return err
				}
				value[len(value)-1] ^= 1
				return w.Put([]byte(k), value)
			}))
			told := repairOf(t, s)
			require.Equal(t, slices.Contains(beyond, k), strings.Contains(told, "beyond repair"), "%q: %s", k, told)
			for group, export := range exportsOf(t, s) {
				if !strings.Contains(told, fmt.Sprintf("event in %s", group)) {
					require.Equal(t, exports[group], export, "%q: %s", k, told)
				}
			}
		})
	}
}

// A log that begins anew has a checkpoint, then the event that says so. Followers of before get a checkpoint.
func TestEngine_Repair_LogBeginsAnew(t *testing.T) {
	t.Parallel()
	s := grouptest.NewDataset(t)
	was, err := s.System().Snapshot(t.Context(), grouptest.Guild)
	require.NoError(t, err)
	from := s.Position(was.Group.Version)
	removeKey(key.Event("guild", 3))(t, s)
	repairOf(t, s)

	log, err := grouptest.Collect(s.System().Events(t.Context(), grouptest.Guild, 0))
	require.NoError(t, err)
	require.Len(t, log, 2)
	require.Equal(t, groupkit.Checkpoint, log[0].Kind)
	require.Equal(t, was, *log[0].Checkpoint)
	require.Equal(t, groupkit.Event{
		Group: grouptest.Guild, Version: was.Group.Version + 1, Kind: groupkit.Repaired, At: s.Clock.Instant(), After: was.Group.Version, Last: true,
		Reason: "repaired: the log was damaged, and begins anew after version 20",
	}, log[1])

	now, err := s.System().Snapshot(t.Context(), grouptest.Guild)
	require.NoError(t, err)
	want := was
	want.Group.Version, want.Group.LastModified = now.Group.Version, s.Clock.Instant()
	require.Equal(t, want, now)
	f, err := s.System().Follow(t.Context(), grouptest.Guild, from)
	require.NoError(t, err)
	defer f.Close()
	e, err := f.Next(t.Context())
	require.NoError(t, err)
	require.Equal(t, groupkit.Checkpoint, e.Kind)
	require.Equal(t, now.Group, e.Checkpoint.Group)
	require.ElementsMatch(t, now.Mutes, e.Checkpoint.Mutes)
}

// What the log has is what MaySpeak answers from after a repair.
func TestEngine_Repair_Speak(t *testing.T) {
	t.Parallel()
	s := grouptest.NewDataset(t)
	changeMember("ivan", func(st *record.Standing) { st.Mute = nil })(t, s)
	require.NoError(t, s.As("ivan").MaySpeak(t.Context(), grouptest.Guild))
	repairOf(t, s)
	require.ErrorIs(t, s.As("ivan").MaySpeak(t.Context(), grouptest.Guild), groupkit.ErrMuted)
}

// A step whose data has changed since the plan is not made.
func TestEngine_Repair_Skipped(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(t *testing.T, s *grouptest.Dataset){
		"the group has more damage": removeKey(key.OfUser("guild", key.Muted, "ivan")),
		"the group is repaired": func(t *testing.T, s *grouptest.Dataset) {
			repairOf(t, s)
		},
		"the records are gone": func(t *testing.T, s *grouptest.Dataset) {
			require.NoError(t, s.As("alice").DeleteGroup(t.Context(), grouptest.Guild))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := grouptest.NewDataset(t)
			removeKey(key.OfUser("guild", key.Allowed, "dave"))(t, s)
			require.NoError(t, s.Blobs.Delete(t.Context(), grouptest.ContentID(s.Chart)))
			plan, err := s.PlanRepair(t.Context())
			require.NoError(t, err)
			require.Len(t, plan.Steps, 2)
			change(t, s)
			before := grouptest.RawRecords(t, s.Store)
			if name == "the group has more damage" {
				plan.Steps = plan.Steps[:1]
			}
			report, err := s.Repair(t.Context(), plan)
			require.NoError(t, err)
			require.Equal(t, groupkit.RepairReport{Skipped: plan.Steps}, report)
			require.Equal(t, before, grouptest.RawRecords(t, s.Store))
		})
	}
}

// So is the step of a record.
func TestEngine_Repair_SkippedRecord(t *testing.T) {
	t.Parallel()
	s := grouptest.NewDataset(t)
	count := key.User("carol", key.UserHeader)
	s.Put(t, count, record.EncodeCount(7))
	plan, err := s.PlanRepair(t.Context())
	require.NoError(t, err)
	s.Put(t, count, record.EncodeCount(9))
	report, err := s.Repair(t.Context(), plan)
	require.NoError(t, err)
	require.Equal(t, groupkit.RepairReport{Skipped: plan.Steps}, report)
	require.Equal(t, record.EncodeCount(9), s.Get(t, count))
}

// A repair that is cut off before any of its transactions can be planned again, and finished.
func TestEngine_Repair_CutOff(t *testing.T) {
	t.Parallel()
	for _, d := range []func(*testing.T, *grouptest.Dataset){
		removeKey(key.Event("guild", 3)),
		removeKey(grouptest.CheckpointKey(key.Members, "xena")),
		removeKey(key.Standing("guild", "carol", true)),
		removeKey(key.Of("guild", key.Header)),
		removeKey(key.Event("ended", 3)),
	} {
		for n, cut := 0, true; cut; n++ {
			require.Less(t, n, 20)
			grouptest.Scoped(t, func(scope grouptest.TB) {
				failing := new(grouptest.FailingStore)
				s := grouptest.NewDatasetOver(scope, grouptest.DatasetOptions(), func(over store.Store, blobs store.Blobs) (store.Store, store.Blobs) {
					failing.Store = over
					return failing, blobs
				})
				exports := exportsOf(t, s)
				d(t, s)
				plan, err := s.PlanRepair(t.Context())
				require.NoError(t, err)
				failing.FailAfter(n)
				_, err = s.Repair(t.Context(), plan)
				failing.Recover()
				if cut = err != nil; cut {
					require.ErrorIs(t, err, grouptest.ErrFailing)
					if plan, err = s.PlanRepair(t.Context()); !plan.Sound() {
						repairOf(t, s)
					}
					require.NoError(t, err)
				}
				s.RequireVerified(t)
				require.Equal(t, exports[grouptest.OpenGroup], exportsOf(t, s)[grouptest.OpenGroup])
				require.Equal(t, exports[s.Rangers], exportsOf(t, s)[s.Rangers])
			})
		}
	}
}

// A large group is repaired in steps, on a store that can take little at once.
func TestEngine_Repair_LittleAtOnce(t *testing.T) {
	t.Parallel()
	raw := sharedmem.New(sharedmem.Options{Seed: 1, Rerun: 0.3, Numbers: true, Sizes: small}).Open()
	s := &grouptest.Stack{Store: raw, Blobs: memblob.New(), Clock: grouptest.NewClockAt(grouptest.Dawn)}
	opts := groupkit.Options{}
	s.OpenWhole(t, opts, raw, s.Blobs)
	group, err := s.System().CreateGroup(t.Context(), groupkit.NewGroup{ID: "large", Name: "Large", Owner: "owner", MaxUsers: 1000})
	require.NoError(t, err)
	for part := range slices.Chunk(grouptest.Users("m", 300), 5) {
		require.NoError(t, grouptest.ErrorOf(s.System().AddMembers(t.Context(), group.ID, part)))
	}
	was, err := s.System().Snapshot(t.Context(), group.ID)
	require.NoError(t, err)
	s.Get(t, key.Event("large", 9))
	s.Remove(t, key.Event("large", 9))
	plan, err := s.PlanRepair(t.Context())
	require.NoError(t, err)
	report, err := s.Repair(t.Context(), plan)
	require.NoError(t, err)
	require.Len(t, report.Done, len(plan.Steps))
	s.RequireVerified(t)
	now, err := s.System().Snapshot(t.Context(), group.ID)
	require.NoError(t, err)
	require.Equal(t, was.Members, now.Members)
}

func TestEngine_Repair_Refused(t *testing.T) {
	t.Parallel()
	s := grouptest.NewDataset(t)
	require.NoError(t, s.Atomic(t.Context(), func(*groupkit.Tx) error {
		_, err := s.PlanRepair(t.Context())
		require.ErrorIs(t, err, groupkit.ErrNested)
		_, err = s.Repair(t.Context(), groupkit.RepairPlan{})
		require.ErrorIs(t, err, groupkit.ErrNested)
		return nil
	}))
	require.ErrorIs(t, grouptest.ErrorOf((*groupkit.Engine)(nil).PlanRepair(t.Context())), groupkit.ErrClosed)
	require.ErrorIs(t, grouptest.ErrorOf((*groupkit.Engine)(nil).Repair(t.Context(), groupkit.RepairPlan{})), groupkit.ErrClosed)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, grouptest.ErrorOf(s.PlanRepair(ctx)), context.Canceled)
	plan, err := s.PlanRepair(t.Context())
	require.NoError(t, err)
	require.True(t, plan.Sound(), "%+v", plan)
}
