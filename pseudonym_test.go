package groupkit_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
	"groupkit/internal/key"
	"groupkit/internal/record"
	"groupkit/internal/seal"
	"groupkit/store"
	"groupkit/store/memblob"
	"groupkit/store/memstore"
)

// kept is a fixture with its store.
type kept struct {
	*grouptest.Fixture
	store store.Store
}

func newKept(t *testing.T, opts groupkit.Options) *kept {
	s := memstore.New()
	return &kept{grouptest.NewFixtureOver(t, s, memblob.New(), opts), s}
}

// The last event of a user who is forgotten says that the log was rewritten. It names nobody, also not in a
// reason.
func TestActor_ForgetUser_Pseudonymized(t *testing.T) {
	t.Parallel()
	s := newKept(t, groupkit.Options{Retention: groupkit.Retention{MaxEvents: 2}})
	ctx, system := t.Context(), s.Engine.System()
	require.NoError(t, system.AddMember(ctx, s.ID, "zoe"))
	require.NoError(t, system.AddAdmin(ctx, s.ID, "zoe"))
	require.NoError(t, grouptest.ErrorOf(s.Engine.As("zoe").Invite(ctx, s.ID, "yves")))
	sub, err := system.Follow(ctx, s.ID, groupkit.Latest())
	require.NoError(t, err)
	before, err := system.Group(ctx, s.ID)
	require.NoError(t, err)
	opts := groupkit.ForgetOptions{Pseudonymize: true}
	require.NoError(t, system.Because("zoe asked for it").ForgetUser(ctx, "zoe", opts))

	log, err := grouptest.Collect(system.Events(ctx, s.ID, before.Version+1))
	require.NoError(t, err)
	last := log[len(log)-1]
	want := groupkit.Event{Group: s.ID, Version: last.Version, Kind: groupkit.Pseudonymized, At: s.Clock.Instant(), After: last.Version - 1, Last: true}
	require.Equal(t, want, last)
	require.Equal(t, "pseudonymized", last.Kind.String())
	require.Greater(t, len(log), 2, "after what ended with the membership")
	for _, e := range log[:len(log)-1] {
		heard, err := sub.Next(ctx)
		require.NoError(t, err)
		require.Equal(t, e.Version, heard.Version)
		require.NotEqual(t, groupkit.Pseudonymized, e.Kind)
	}
	heard, err := sub.Next(ctx)
	require.NoError(t, err)
	want.Last = false // the checkpoint completes it
	require.Equal(t, want, heard)

	require.Equal(t, last.Version, rewritten(t, s, s.ID))
	require.NoError(t, system.ForgetUser(ctx, "zoe", opts))
	require.NoError(t, system.ForgetUser(ctx, "nobody", opts))
	require.Equal(t, last.Version, rewritten(t, s, s.ID), "nothing more to forget")
	for range 3 {
		require.NoError(t, system.MuteGroup(ctx, s.ID))
		require.NoError(t, system.UnmuteGroup(ctx, s.ID))
		require.NoError(t, grouptest.ErrorOf(s.Engine.Sweep(ctx)))
		require.Equal(t, last.Version, rewritten(t, s, s.ID), "retention keeps it")
		grouptest.RequireVerified(t, s.Engine)
	}
	require.NoError(t, system.DeleteGroup(ctx, s.ID))
	require.Equal(t, last.Version, rewritten(t, s, s.ID), "so does deletion")
	grouptest.RequireVerified(t, s.Engine)
}

// Without Pseudonymize the log stays as it is.
func TestActor_ForgetUser_KeepsTheLog(t *testing.T) {
	t.Parallel()
	s := newKept(t, groupkit.Options{})
	require.NoError(t, s.Engine.System().AddMember(t.Context(), s.ID, "zoe"))
	require.NoError(t, s.Engine.System().ForgetUser(t.Context(), "zoe", groupkit.ForgetOptions{}))
	require.Zero(t, rewritten(t, s, s.ID))
}

// rewritten returns the version of the last event Pseudonymized, as the header has it.
func rewritten(t *testing.T, s *kept, group groupkit.GroupID) uint64 {
	t.Helper()
	return header(t, s, group).Rewritten
}

func header(t *testing.T, s *kept, group groupkit.GroupID) record.Header {
	t.Helper()
	h, err := record.DecodeHeader([]byte(grouptest.DumpStore(t, s.store)[string(key.Of(string(group), key.Header))]))
	require.NoError(t, err)
	return h
}

// The log of a deleted group can be cut after its deletion.
func TestActor_ForgetUser_DeletedAndCut(t *testing.T) {
	t.Parallel()
	s := newKept(t, groupkit.Options{Retention: groupkit.Retention{MaxEvents: 1}})
	ctx, system := t.Context(), s.Engine.System()
	require.NoError(t, system.AddMember(ctx, s.ID, "zoe"))
	require.NoError(t, system.DeleteGroup(ctx, s.ID))
	require.NoError(t, system.ForgetUser(ctx, "zoe", groupkit.ForgetOptions{Pseudonymize: true}))
	for range 2 {
		require.NoError(t, grouptest.ErrorOf(s.Engine.Sweep(ctx)))
		grouptest.RequireVerified(t, s.Engine)
		log, err := grouptest.Collect(system.Events(ctx, s.ID, 0))
		require.NoError(t, err)
		require.Len(t, log, 2)
		require.Equal(t, groupkit.Checkpoint, log[0].Kind)
		require.Equal(t, groupkit.Pseudonymized, log[1].Kind)
		require.Equal(t, log[1].Version, rewritten(t, s, s.ID))
	}
}

// Verify reports a pseudonym that will never be written, and a log that was rewritten without notice.
func TestEngine_Verify_Pseudonyms(t *testing.T) {
	t.Parallel()
	const group = "g"
	pending := store.Pair{Key: key.Rename(group), Value: []byte{}}
	for name, c := range map[string]struct {
		says   string
		change func(*record.Header) []store.Pair
	}{
		"pending for nothing": {"is for a group that has none", func(*record.Header) []store.Pair { return []store.Pair{pending} }},
		"not pending": {"has a pseudonym that nobody will write", func(h *record.Header) []store.Pair {
			h.Rename = record.Rename{From: "zoe", To: "forgotten-1"}
			return nil
		}},
		"half": {"has half a pseudonym", func(h *record.Header) []store.Pair {
			h.Rename.To = "forgotten-1"
			return []store.Pair{pending}
		}},
		"rewritten": {"Rewritten is 1 instead of 0", func(h *record.Header) []store.Pair {
			h.Rewritten = 1
			return nil
		}},
		"no group": {"pending pseudonym cannot be read", func(*record.Header) []store.Pair {
			return []store.Pair{{Key: append(key.Renames(), 7), Value: []byte{}}}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newKept(t, groupkit.Options{})
			require.NoError(t, grouptest.ErrorOf(s.Engine.System().CreateGroup(t.Context(), groupkit.NewGroup{ID: group, Name: "G", Owner: "olga"})))
			h := header(t, s, group)
			pairs := c.change(&h)
			require.NoError(t, s.store.Update(t.Context(), func(w store.Writer) error {
				for _, p := range append(pairs, store.Pair{Key: key.Of(group, key.Header), Value: h.Encode()}) {
					if err := seal.NewWriter(w).Put(p.Key, p.Value); err != nil {
						return err
					}
				}
				return nil
			}))
			report, err := s.Engine.Verify(t.Context(), groupkit.VerifyOptions{})
			require.NoError(t, err)
			require.NotEmpty(t, report.Violations)
			require.Contains(t, report.Violations[0].String(), c.says)
		})
	}
}
