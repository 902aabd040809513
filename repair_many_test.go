package groupkit_test

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
	"groupkit/internal/key"
	"groupkit/store"
)

// A list of a Report has at most 1,000 entries. A plan has everything that is damaged, however much that is, and two looks
// at a group find the same.
func TestEngine_Repair_ManyViolations(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		groups, members, steps int
		chosen                 func(k []byte) bool
	}{
		"in one group": {groups: 1, members: 700, steps: 1, chosen: func(k []byte) bool {
			_, kind, _, err := key.CutGroup(k)
			return err == nil && kind == key.Members
		}},
		"in the calls of one group": {groups: 1, members: 1500, steps: 8, chosen: func(k []byte) bool {
			_, kind, _, err := key.CutGroup(k)
			return err == nil && (kind == key.Events || kind == key.Muted)
		}},
		"in many groups": {groups: 1010, members: 1, steps: 1010, chosen: func(k []byte) bool {
			_, kind, _, err := key.CutGroup(k)
			return err == nil && kind == key.Header
		}},
		"in records outside of groups": {groups: 2, members: 510, steps: 1021, chosen: func(k []byte) bool {
			_, kind, _, err := key.CutUser(k)
			return err == nil && kind == key.UserHeader
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := grouptest.NewStackOver(t, groupkit.Options{Limits: groupkit.Limits{MaxUsers: 5000, Batch: 1000, JoinedGroups: 5000, Groups: 5000}}, grouptest.Unwrapped)
			for i := range c.groups {
				id := groupkit.GroupID(fmt.Sprintf("g%04d", i))
				require.NoError(t, grouptest.ErrorOf(s.System().CreateGroup(t.Context(), groupkit.NewGroup{ID: id, Name: "x", Owner: "alice", MaxUsers: 5000})))
				for users := range slices.Chunk(grouptest.Users(fmt.Sprint(i, "-"), c.members), 500) {
					require.NoError(t, grouptest.ErrorOf(s.System().AddMembers(t.Context(), id, users)))
					require.NoError(t, grouptest.ErrorOf(s.System().MuteUsers(t.Context(), id, groupkit.Forever, users)))
				}
			}
			members := membersOf(t, s)
			damageAll(t, s.Store, c.chosen)
			found, err := s.Verify(t.Context(), groupkit.VerifyOptions{})
			require.NoError(t, err)
			require.Len(t, found.Violations, 1000)
			require.Positive(t, found.Omitted.Violations)
			plan, err := s.PlanRepair(t.Context())
			require.NoError(t, err)
			require.Len(t, plan.Steps, c.steps)
			report, err := s.Repair(t.Context(), plan)
			require.NoError(t, err)
			require.Equal(t, len(plan.Steps), len(report.Done), "nothing is passed over")
			told := 0
			for _, step := range report.Done {
				told += len(step.Violations)
			}
			require.Greater(t, told, 1000, "no list is cut")
			s.RequireVerified(t)
			require.Equal(t, members, membersOf(t, s))
		})
	}
}

// damageAll changes a byte of each stored value whose key is chosen.
func damageAll(t *testing.T, s store.Store, chosen func(k []byte) bool) {
	records := grouptest.RawRecords(t, s)
	require.NoError(t, s.Update(t.Context(), func(w store.Writer) error {
		for k, v := range records {
			if !chosen([]byte(k)) {
				continue
			}
			value := []byte(v)
			value[len(value)-1] ^= 1
			if err := w.Put([]byte(k), value); err != nil {
				return err
			}
		}
		return nil
	}))
}

// membersOf returns all members of all groups, as text.
func membersOf(t *testing.T, s *grouptest.Stack) string {
	var out bytes.Buffer
	for g, err := range s.System().Groups(t.Context()) {
		require.NoError(t, err)
		fmt.Fprintln(&out, g.ID, g.Name, g.Owner, g.MemberCount, g.MaxUsers)
		for m, err := range s.System().Members(t.Context(), g.ID) {
			require.NoError(t, err)
			fmt.Fprintln(&out, m)
		}
		for m, err := range s.System().Mutes(t.Context(), g.ID) {
			require.NoError(t, err)
			fmt.Fprintln(&out, m)
		}
	}
	return out.String()
}
