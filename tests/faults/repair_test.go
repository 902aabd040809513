package faults_test

import (
	"bytes"
	"context"
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"groupkit"
	"groupkit/internal/grouptest"
	"groupkit/internal/key"
	"groupkit/store"
)

// TestEngine_Repair_RandomDamage damages a store at random and repairs it. What Verify finds afterwards is what the plan has
// called beyond repair, and another plan has nothing to do. Groups of which no record was damaged have the same export.
func TestEngine_Repair_RandomDamage(t *testing.T) {
	t.Parallel()
	built := grouptest.NewDataset(t)
	sound, raw := built.Dump(t), grouptest.RawRecords(t, built.Store)
	exports := exportEach(t, built)
	rapid.Check(t, func(t *rapid.T) {
		s := grouptest.NewDataset(t)
		hurt := make(map[groupkit.GroupID]bool)
		if rapid.Bool().Draw(t, "sealed") {
			damaged := corruptMore(t, sound)
			swap(t, s.Store, sound, damaged)
			noteHurt(hurt, sound, damaged)
		} else {
			damaged := corruptMore(t, raw)
			swapRaw(t, s.Store, damaged)
			noteHurt(hurt, raw, damaged)
		}
		requireRepaired(t, s)
		for group, export := range exports {
			if !hurt[group] {
				require.Equal(t, export, exportOf(t, s, group), "%s", group)
			}
		}
	})
}

// corruptMore damages a copy of the records in one to four ways.
func corruptMore(t *rapid.T, sound map[string]string) map[string]string {
	damaged := corrupt(t, sound)
	if rapid.Bool().Draw(t, "more") {
		damaged = corrupt(t, damaged)
	}
	return damaged
}

// requireRepaired plans and makes a repair, and checks what is left.
func requireRepaired(t require.TestingT, s *grouptest.Dataset) {
	ctx := context.Background()
	before := grouptest.RawRecords(t, s.Store)
	plan, err := s.PlanRepair(ctx)
	require.NoError(t, err)
	require.Equal(t, before, grouptest.RawRecords(t, s.Store), "a plan writes")
	report, err := s.Repair(ctx, plan)
	require.NoError(t, err)
	require.Empty(t, report.Skipped)
	again, err := s.PlanRepair(ctx)
	require.NoError(t, err)
	told := make(map[string]bool)
	for _, step := range again.Steps {
		require.Empty(t, step.Change, "%+v", step)
		require.NotEmpty(t, step.Beyond)
		for _, v := range step.Violations {
			told[v.String()] = true
		}
	}
	left, err := s.Verify(ctx, groupkit.VerifyOptions{})
	require.NoError(t, err)
	have := make(map[string]bool)
	for _, v := range left.Violations {
		have[v.String()] = true
	}
	require.Equal(t, slices.Sorted(maps.Keys(have)), slices.Sorted(maps.Keys(told)))
}

// noteHurt notes the groups of the records that are different.
func noteHurt(hurt map[groupkit.GroupID]bool, before, after map[string]string) {
	for _, all := range []map[string]string{before, after} {
		for k := range all {
			was, there := before[k]
			is, stays := after[k]
			if there == stays && was == is {
				continue
			}
			if group, _, _, err := key.CutGroup([]byte(k)); err == nil {
				hurt[groupkit.GroupID(group)] = true
			}
			if _, _, group, err := key.CutUser([]byte(k)); err == nil {
				hurt[groupkit.GroupID(group)] = true
			}
		}
	}
}

// swapRaw replaces the records of a store, with their seals.
func swapRaw(t require.TestingT, s store.Store, after map[string]string) {
	before := grouptest.RawRecords(t, s)
	require.NoError(t, s.Update(context.Background(), func(w store.Writer) error {
		for k := range before {
			if _, ok := after[k]; !ok {
				if err := w.Delete([]byte(k)); err != nil {
					return err
				}
			}
		}
		for k, v := range after {
			if before[k] != v {
				if err := w.Put([]byte(k), []byte(v)); err != nil {
					return err
				}
			}
		}
		return nil
	}))
}

// exportEach returns the exports of all groups that live.
func exportEach(t require.TestingT, s *grouptest.Dataset) map[groupkit.GroupID]string {
	exports := make(map[groupkit.GroupID]string)
	for g, err := range s.System().Groups(context.Background()) {
		require.NoError(t, err)
		exports[g.ID] = exportOf(t, s, g.ID)
	}
	return exports
}

func exportOf(t require.TestingT, s *grouptest.Dataset, group groupkit.GroupID) string {
	var out bytes.Buffer
	require.NoError(t, s.System().Export(context.Background(), &out, groupkit.ExportOptions{Groups: []groupkit.GroupID{group}}))
	return out.String()
}
