package coherence_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
	"groupkit/store/memstore"
)

// A reader that loaded before a change does not put an old answer into the cache after it.
func TestMaySpeak_Stalled_ReaderOverChange(t *testing.T) {
	overStores(t, func(t *testing.T, k *conversation, silence func() error, then error) {
		reader := k.stallAt(loaded)
		answer := aside(k.ask)
		reader.wait()
		require.NoError(t, silence())
		reader.release()
		require.NoError(t, answer(), "the snapshot is an old one")
		k.requireHot(t, then)
	})
}

// A reader that comes while a change waits for its commit finds the old state, and does not
// put it into the cache.
func TestMaySpeak_Stalled_ReaderBeforeCommit(t *testing.T) {
	overStores(t, func(t *testing.T, k *conversation, silence func() error, then error) {
		k.requireHot(t, nil)
		writer := k.stallAt(written)
		change := aside(silence)
		writer.wait()
		require.NoError(t, k.ask())
		require.NoError(t, k.ask())
		writer.release()
		require.NoError(t, change())
		k.requireHot(t, then)
	})
}

// A reader loads before a change begins, and goes on while the change waits for its commit.
func TestMaySpeak_Stalled_ReaderIntoChange(t *testing.T) {
	overStores(t, func(t *testing.T, k *conversation, silence func() error, then error) {
		reader, writer := k.stallAt(loaded), k.stallAt(written)
		answer := aside(k.ask)
		reader.wait()
		change := aside(silence)
		writer.wait()
		reader.release()
		require.NoError(t, answer())
		writer.release()
		require.NoError(t, change())
		k.requireHot(t, then)
	})
}

// A reader loads before a commit, and goes on before the writer has learned of it.
func TestMaySpeak_Stalled_ReaderOverCommit(t *testing.T) {
	overStores(t, func(t *testing.T, k *conversation, silence func() error, then error) {
		reader, writer := k.stallAt(loaded), k.stallAt(committed)
		answer := aside(k.ask)
		reader.wait()
		change := aside(silence)
		writer.wait()
		require.ErrorIs(t, k.ask(), then, "it is so since the commit")
		reader.release()
		require.NoError(t, answer())
		require.ErrorIs(t, k.ask(), then)
		writer.release()
		require.NoError(t, change())
		k.requireHot(t, then)
	})
}

// A reader that found no group does not hide a group that has been created meanwhile.
func TestMaySpeak_Stalled_ReaderOverCreation(t *testing.T) {
	t.Parallel()
	k := newConversation(t, memstore.New())
	k.id = "new"
	reader := k.stallAt(loaded)
	answer := aside(k.ask)
	reader.wait()
	grouptest.CreateGroup(t, k.eng, groupkit.NewGroup{ID: "new", Members: []groupkit.UserID{"bob"}})
	reader.release()
	require.ErrorIs(t, answer(), groupkit.ErrGroupNotFound)
	k.requireHot(t, nil)
}

// Nor does a reader for whom the new group is as good as none.
func TestMaySpeak_Stalled_OutsiderOverCreation(t *testing.T) {
	t.Parallel()
	k := newConversation(t, memstore.New())
	k.id = "new"
	reader := k.stallAt(loaded)
	answer := aside(func() error { return k.askAs("carol") })
	reader.wait()
	grouptest.CreateGroup(t, k.eng, groupkit.NewGroup{ID: "new", Members: []groupkit.UserID{"bob"}})
	k.requireHot(t, nil)
	reader.release()
	require.ErrorIs(t, answer(), groupkit.ErrGroupNotFound)
	k.requireHot(t, nil)
}
