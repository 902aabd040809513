//go:build unix

package crash_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
	"groupkit/internal/key"
	"groupkit/store"
)

// A child process plans a repair of a damaged file and makes it, and dies. Whoever plans and repairs then finishes it: nothing
// is left to repair, and the groups that were sound have the same exports.

// damagedGroups are damaged: one needs several transactions, of one the log begins anew, of one a content is missing.
var damagedGroups = []groupkit.GroupID{"wide", "log", "content"}

var soundGroups = []groupkit.GroupID{grouptest.LargeGroup, "sound"}

func repairAll(ctx context.Context, s *grouptest.Stack) error {
	plan, err := s.PlanRepair(ctx)
	if err == nil {
		_, err = s.Repair(ctx, plan)
	}
	return err
}

// damagedFolder returns a folder with the file that every child starts with, and the exports of its sound groups.
func damagedFolder(t *testing.T) (dir, export string) {
	dir = largeGroupOnDisk(t)
	s := onDisk(dir, nil)
	ctx, system := t.Context(), s.System()
	for i, id := range append([]groupkit.GroupID{"sound"}, damagedGroups...) {
		require.NoError(t, grouptest.ErrorOf(system.CreateGroup(ctx, groupkit.NewGroup{ID: id, Name: "Damaged", Owner: "owner of " + groupkit.UserID(id), MaxUsers: 2000})))
		n := grouptest.Either(id == "wide", 1500, 5)
		for from := 0; from < n; from += 500 {
			users := grouptest.Users(fmt.Sprint("d", i, "-", from), min(n, 500))
			require.NoError(t, grouptest.ErrorOf(system.AddMembers(ctx, id, users)))
		}
		require.NoError(t, grouptest.ErrorOf(system.UploadFile(ctx, id, "file", strings.NewReader("content"))))
	}
	export = exportsOf(t, s)
	file := grouptest.MustCollect(t, system.Files(ctx, "content"))[0]
	require.NoError(t, s.Disk.Delete(ctx, grouptest.ContentID(file)))
	flip(t, s.Store, func(k []byte) bool {
		group, kind, rest, err := key.CutGroup(k)
		switch {
		case err != nil:
			user, kind, _, err := key.CutUser(k)
			return err == nil && kind == key.UserHeader && strings.HasPrefix(user, "d2")
		case group == "wide":
			return kind == key.Members && string(rest) != "owner of wide"
		}
		return group == "log" && bytes.Equal(k, key.Event("log", 1))
	})
	require.NoError(t, s.Close())
	return dir, export
}

// flip changes a byte of each stored value whose key is chosen.
func flip(t *testing.T, s store.Store, chosen func(k []byte) bool) {
	flipped := 0
	require.NoError(t, s.Update(t.Context(), func(w store.Writer) error {
		for k, v := range grouptest.RawRecords(t, s) {
			if !chosen([]byte(k)) {
				continue
			}
			value := []byte(v)
			value[0] ^= 1
			if err := w.Put([]byte(k), value); err != nil {
				return err
			}
			flipped++
		}
		return nil
	}))
	require.Greater(t, flipped, 1500)
}

func exportsOf(t *testing.T, s *grouptest.Stack) string {
	var out bytes.Buffer
	require.NoError(t, s.System().Export(t.Context(), &out, groupkit.ExportOptions{Groups: soundGroups, Contents: true}))
	return out.String()
}

// requireRepaired looks at what a child has left, and repairs the rest. It reports whether there was something to repair.
func requireRepaired(t *testing.T, dir, export string) (more bool) {
	s := onDisk(dir, nil)
	grouptest.Eventually(t, func() bool { return len(grouptest.LeftOver(s.Dump(t))) == 0 })
	require.Equal(t, export, exportsOf(t, s), "before the rest is repaired")
	plan, err := s.PlanRepair(t.Context())
	require.NoError(t, err)
	report, err := s.Repair(t.Context(), plan)
	require.NoError(t, err)
	require.Equal(t, plan.Steps, report.Done, "nothing is passed over, and nothing is beyond repair")
	again, err := s.PlanRepair(t.Context())
	require.NoError(t, err)
	require.True(t, again.Sound(), "%+v", again)
	found, err := s.Verify(t.Context(), groupkit.VerifyOptions{})
	require.NoError(t, err)
	require.True(t, found.Sound())
	require.Len(t, found.Absent, 1)
	require.Empty(t, found.UnknownContents)
	require.Equal(t, export, exportsOf(t, s))
	for _, id := range damagedGroups {
		g, err := s.System().Group(t.Context(), id)
		require.NoError(t, err)
		require.Equal(t, grouptest.Either(id == "wide", 1501, 6), g.MemberCount)
		require.Len(t, grouptest.MustCollect(t, s.System().Members(t.Context(), id)), g.MemberCount)
		require.NoError(t, s.System().SetAnnouncement(t.Context(), id, "The group can be used."))
	}
	require.NoError(t, s.Close())
	return !plan.Sound()
}

// TestCrash_Repair crashes before each commit of a repair.
func TestCrash_Repair(t *testing.T) {
	t.Parallel()
	from, export := damagedFolder(t)
	died, finished := true, 0
	for steps := 1; died; steps++ {
		var dir string
		dir, died = runChild(t, "repair", from, steps)
		if more := requireRepaired(t, dir, export); !more {
			finished++
		} else {
			require.Zero(t, finished, "a repair that was finished is damaged again")
		}
		require.True(t, died || steps > 8, "the repair has %d steps", steps-1)
	}
	require.NotZero(t, finished)
}

// TestKill_Repair kills at any moment, also in the midst of a commit.
func TestKill_Repair(t *testing.T) {
	t.Parallel()
	from, export := damagedFolder(t)
	dice := rand.New(rand.NewPCG(newSeed(t), 0))
	whole, finished := runToEnd(t, "repair", from, time.Minute)
	require.True(t, finished)
	died, cut := 0, 0
	for range 4 * *kills {
		dir, killed := killedChild(t, "repair", from, time.Duration(dice.Int64N(int64(whole))))
		if killed {
			died++
		}
		if requireRepaired(t, dir, export) {
			cut++
		}
	}
	require.NotZero(t, died, "every child has ended before it was killed")
	require.NotZero(t, cut, "no repair was cut off")
}
