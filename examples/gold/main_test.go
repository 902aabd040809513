package main

import (
	"bytes"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPlay(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	require.NoError(t, play(t.Context(), filepath.Join(t.TempDir(), "game.db"), &out))
	for _, line := range []string{
		"bob pays and is admitted.\n  bob has 70 gold.\n",
		"carol cannot pay: not enough gold (30 of 50).\n  carol has 30 gold.\n",
		"mallory has paid, but is refused (on the blacklist of the group), so the gold is back.\n  mallory has 500 gold.\n",
		"bob has paid, but is refused (already a member of the group), so the gold is back.\n  bob has 70 gold.\n",
		"bob goes with half of his fee, dave pays and comes in: one transaction.\n",
		"  bob        95 gold, outsider\n",
		"  dave       30 gold, member\n",
		"  the chest  75 gold, outsider\n",
		"That is 730 gold, as many as there were.\n",
	} {
		require.Contains(t, out.String(), line)
	}
}
