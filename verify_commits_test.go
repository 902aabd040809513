package groupkit_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
	"groupkit/internal/key"
)

// TestEngine_Verify_EmptyCommits has entries of the index of commits that are empty, beside keys without a number. Only
// the entry with the last number may be empty, whatever keys follow it.
func TestEngine_Verify_EmptyCommits(t *testing.T) {
	t.Parallel()
	entries := func(report groupkit.Report) (problems []string) {
		for _, v := range report.Violations {
			if v.Record == "entry in the index of commits" {
				problems = append(problems, v.Problem)
			}
		}
		return problems
	}
	verify := func(t *testing.T, s *grouptest.Dataset) groupkit.Report {
		report, err := s.Verify(t.Context(), groupkit.VerifyOptions{})
		require.NoError(t, err)
		return report
	}
	const (
		noForm = "cannot be read: key has an unknown form (key 4b01)"
		empty  = "cannot be read: key has an unknown form (key 4b"
	)
	for name, c := range map[string]struct {
		last bool
		want []string
	}{
		"the last one":     {true, []string{noForm}},
		"an earlier entry": {false, []string{empty, noForm}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := grouptest.NewDataset(t)
			numbers := slices.Sorted(slices.Values(s.Keys(t, key.Commits())))
			k := numbers[0]
			if c.last {
				k = numbers[len(numbers)-1]
			}
			s.Put(t, []byte(k), nil)
			s.Put(t, []byte("K\x01"), nil)
			got := entries(verify(t, s))
			require.Len(t, got, len(c.want))
			for i, want := range c.want {
				require.Contains(t, got[i], want)
			}
			plan, err := s.PlanRepair(t.Context())
			require.NoError(t, err)
			_, err = s.Repair(t.Context(), plan)
			require.NoError(t, err)
			s.RequireVerified(t)
		})
	}
}
