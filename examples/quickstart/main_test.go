package main

import (
	"bytes"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestStory(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	require.NoError(t, story(t.Context(), filepath.Join(t.TempDir(), "guilds.db"), &out))
	for _, line := range []string{
		`alice founds the guild "Night Watch", which has 4 members.`,
		"dave asks to join: requested.",
		"dave tries to mute bob: No, role is too low.",
		"  bob    admin",
		"  mallory, by bob, because of treason",
		"Announcement by alice: Feast on Friday.",
		`File map.txt by dave: "North is up.\n"`,
		"May alice speak? Yes.",
		"May carol speak? No, for another 10m0s she may not.",
		"May mallory come back? No, on the blacklist of the group.",
		"  10  file added",
		"Verify finds 0 broken rules.",
	} {
		require.Contains(t, out.String(), line)
	}
}
