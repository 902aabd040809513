package grouptest_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"groupkit/internal/grouptest"
)

func TestDataset(t *testing.T) {
	t.Parallel()
	s := grouptest.NewDataset(t)
	s.RequireVerified(t)
	require.Len(t, grouptest.MustCollect(t, s.System().Groups(t.Context())), 4)
	g, err := s.System().Group(t.Context(), grouptest.Guild)
	require.NoError(t, err)
	require.Equal(t, 5, g.MemberCount)
	require.Len(t, grouptest.ContentIDs(t, s.Blobs), 3)
}
