package faults_test

import (
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
)

// TestEngine_Closed makes every call after the engine has been closed.
func TestEngine_Closed(t *testing.T) {
	t.Parallel()
	s := grouptest.NewDataset(t)
	require.NoError(t, s.Close())
	require.NoError(t, s.Close(), "a second time")
	for _, v := range allCalls() {
		err := v.run(t.Context(), s)
		require.ErrorIs(t, err, groupkit.ErrClosed, v.name)
		require.NotErrorIs(t, err, groupkit.ErrStorage, v.name)
		_, ok := err.(*groupkit.Error) //nolint:errorlint // it is the outermost
		require.True(t, ok, v.name)
	}
	require.ErrorIs(t, grouptest.ErrorOf(s.Backup(t.Context(), io.Discard)), groupkit.ErrClosed)
	_, err := groupkit.New(s.Store, s.Blobs, nil)
	require.ErrorIs(t, err, groupkit.ErrClosed)
	grouptest.RequireError(t, err, groupkit.OpOpen, "")
}
