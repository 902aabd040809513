package groupkit_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
)

// repairDamages are all damages that the tests of Verify make.
var repairDamages = [][]damage{
	ownerDamages, countDamages, disjointDamages, muteDamages, userDamages, deletionDamages, fileDamages, logDamages,
	viewDamages, keyDamages, inviterDamages,
}

// TestEngine_Repair repairs each of these damages. What comes of it stands in the literal table.
func TestEngine_Repair(t *testing.T) {
	t.Parallel()
	want := strings.Split(strings.TrimSpace(repairTable), "\n")
	for _, group := range repairDamages {
		for _, d := range group {
			require.NotEmpty(t, want, d.name)
			line := want[0]
			want = want[1:]
			t.Run(d.want.Record+"/"+d.name, func(t *testing.T) {
				t.Parallel()
				s := grouptest.NewDataset(t)
				before := exportsOf(t, s)
				d.do(t, s)
				require.Equal(t, line, fmt.Sprintf("%s/%s: %s", d.want.Record, d.name, repairOf(t, s)))
				for group, export := range exportsOf(t, s) {
					if !strings.HasSuffix(line, fmt.Sprintf("; event in %s", group)) {
						require.Equal(t, before[group], export, "%s", group)
					}
				}
			})
		}
	}
	require.Empty(t, want)
}

// repairOf repairs a store, and says in one line what was done. What Verify finds then must be called beyond repair.
func repairOf(t *testing.T, s *grouptest.Dataset) string {
	t.Helper()
	plan, err := s.PlanRepair(t.Context())
	require.NoError(t, err)
	require.False(t, plan.Sound())
	report, err := s.Repair(t.Context(), plan)
	require.NoError(t, err)
	require.Empty(t, report.Skipped)
	require.Len(t, plan.Steps, len(report.Done)+len(report.Beyond))
	var told []string
	var beyond []groupkit.Violation
	for _, step := range plan.Steps {
		require.NotEmpty(t, step.Violations)
		if step.Beyond != "" {
			beyond = append(beyond, step.Violations...)
			told = append(told, "beyond repair: "+step.Beyond)
		} else {
			told = append(told, step.Change)
		}
	}
	left, err := s.Verify(t.Context(), groupkit.VerifyOptions{})
	require.NoError(t, err)
	require.ElementsMatch(t, beyond, left.Violations)
	for _, group := range []groupkit.GroupID{grouptest.Guild, s.Rangers, grouptest.OpenGroup, grouptest.Ended, grouptest.Archive} {
		log, _ := grouptest.Collect(s.System().Events(t.Context(), group, 0)) // what is beyond repair cannot be read
		for _, e := range log {
			if e.Kind == groupkit.Repaired {
				require.NotEmpty(t, e.Reason)
				told = append(told, fmt.Sprintf("event in %s", group))
			}
		}
	}
	return strings.Join(told, "; ")
}

// exportsOf returns the exports of the groups that live.
func exportsOf(t *testing.T, s *grouptest.Dataset) map[groupkit.GroupID]string {
	t.Helper()
	exports := make(map[groupkit.GroupID]string)
	for _, group := range []groupkit.GroupID{grouptest.Guild, s.Rangers, grouptest.OpenGroup, grouptest.Archive} {
		var out bytes.Buffer
		if err := s.System().Export(t.Context(), &out, groupkit.ExportOptions{Groups: []groupkit.GroupID{group}}); err != nil {
			require.ErrorIs(t, err, groupkit.ErrCorrupt)
			continue
		}
		exports[group] = out.String()
	}
	return exports
}
