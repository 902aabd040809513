package main

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/store/pgstore"
	"groupkit/store/pgstore/pgtest"
)

// TestLook_Postgres looks into a database on a server, and follows it while another process changes it.
func TestLook_Postgres(t *testing.T) {
	t.Parallel()
	server, err := pgtest.Start(t.Context())
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { require.NoError(t, server.Stop()) })
	dir, url := lookWorld(t), server.URL("postgres")
	for _, line := range []string{"ls", "show choir", "log --all", "stats"} {
		_, stderr, code := groupctlIn(t, dir, "", append(strings.Fields(line), "--db", url)...)
		require.Equal(t, exitNotFound, code, stderr)
		require.Contains(t, stderr, "there is no database of groupkit at ")
	}
	s, err := pgstore.Open(t.Context(), url, nil)
	require.NoError(t, err)
	file, err := groupkit.Open(filepath.Join(dir, "groups.db"), &groupkit.Options{ReadOnly: true})
	require.NoError(t, err)
	_, err = file.Copy(t.Context(), s, s.Blobs(), groupkit.CopyOptions{})
	require.NoError(t, err)
	require.NoError(t, file.Close())
	eng, err := groupkit.New(s, s.Blobs(), &groupkit.Options{Clock: func() time.Time { return now }})
	require.NoError(t, err)
	defer func() { require.NoError(t, eng.Close()) }()

	for name, line := range looks {
		if name == "stats" || strings.HasPrefix(name, "log-all") { // they speak of the store, and of its order of groups
			continue
		}
		want, _, _ := groupctl(t, dir, line+" --db groups.db --json")
		got, stderr, code := groupctl(t, dir, line+" --json --db "+url)
		require.Equal(t, exitOK, code, "%s: %s", line, stderr)
		require.Equal(t, want, got, line)
	}
	stdout, stderr, code := groupctl(t, dir, "stats --db "+url)
	require.Equal(t, exitOK, code, stderr)
	require.Contains(t, stdout, "Groups:      4, 3 of them public\n")
	r := start(t, dir, "log choir --follow --limit 1 --db "+url)
	r.line(t)
	r.line(t)
	require.NoError(t, eng.System().UnmuteGroup(t.Context(), "choir"))
	require.Contains(t, r.line(t), "group unmuted")
	_, code = r.interrupt(t)
	require.Equal(t, exitInterrupted, code)
}
