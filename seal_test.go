package groupkit_test

import (
	"context"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
	"groupkit/internal/key"
	"groupkit/internal/seal"
	"groupkit/store"
)

// flipBit changes one bit of a sealed value, and puts it back at the end.
func flipBit(t *testing.T, s store.Store, k []byte, bit int) {
	t.Helper()
	turn := func(ctx context.Context) error {
		return s.Update(ctx, func(w store.Writer) error {
			value, _, err := w.Get(k)
			if err != nil {
				return err
			}
			value[bit/8] ^= 1 << (bit % 8)
			return w.Put(k, value)
		})
	}
	require.NoError(t, turn(t.Context()))
	t.Cleanup(func() { require.NoError(t, turn(context.Background())) })
}

// TestEngine_Verify_Seals changes one bit of every record of the Dataset, one after another.
func TestEngine_Verify_Seals(t *testing.T) {
	t.Parallel()
	s := grouptest.NewDataset(t)
	for _, k := range slices.Sorted(maps.Keys(s.Dump(t))) {
		if k == string(key.Format()) {
			continue // not sealed
		}
		t.Run("", func(t *testing.T) {
			flipBit(t, s.Store, []byte(k), 5)
			report, err := s.Verify(t.Context(), groupkit.VerifyOptions{})
			require.NoError(t, err)
			told := slices.ContainsFunc(report.Violations, func(v groupkit.Violation) bool {
				return v.Invariant == groupkit.ViewsAgree && strings.Contains(v.Problem, seal.ErrBroken.Error())
			})
			require.True(t, told, "%q: %v", k, report)
		})
	}
	s.RequireVerified(t)
}

// TestActor_Seals reads records with one changed bit.
func TestActor_Seals(t *testing.T) {
	t.Parallel()
	s := grouptest.NewDataset(t)
	alice := s.As("alice")
	for name, c := range map[string]struct {
		key  []byte
		read func() error
	}{
		"header": {key.Of("guild", key.Header), func() error { return grouptest.ErrorOf(alice.Group(t.Context(), grouptest.Guild)) }},
		"text in the log": {key.Event("guild", 3), func() error {
			return grouptest.ErrorOf(grouptest.Collect(alice.Events(t.Context(), grouptest.Guild, 0)))
		}},
		"member": {key.Standing("guild", "carol", true), func() error {
			return grouptest.ErrorOf(grouptest.Collect(alice.Members(t.Context(), grouptest.Guild)))
		}},
		"text": {key.Of("guild", key.Custom), func() error { return grouptest.ErrorOf(alice.Group(t.Context(), grouptest.Guild)) }},
		"count": {key.User("carol", key.UserHeader), func() error {
			return s.System().Can().AddMember(t.Context(), grouptest.OpenGroup, "carol")
		}},
	} {
		t.Run(name, func(t *testing.T) {
			require.NoError(t, c.read())
			flipBit(t, s.Store, c.key, 3)
			require.ErrorIs(t, c.read(), groupkit.ErrCorrupt)
		})
	}
}
