package main

import (
	"errors"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"groupkit/store/pgstore/pgtest"
)

// TestCreate_Postgres makes databases in PostgreSQL, and changes groups in one while another process has it.
func TestCreate_Postgres(t *testing.T) {
	t.Parallel()
	server, err := pgtest.Start(t.Context())
	if errors.Is(err, pgtest.ErrNotInstalled) {
		t.Skip(err)
	}
	require.NoError(t, err)
	defer func() { require.NoError(t, server.Stop()) }()
	parsed, err := url.Parse(server.URL("postgres"))
	require.NoError(t, err)
	password, ok := parsed.User.Password()
	require.True(t, ok)
	dir, db := t.TempDir(), " --db "+server.URL("postgres")

	_, errs, code := groupctl(t, dir, "create wall --name Wall --owner alice"+db)
	require.Equal(t, exitNotFound, code)
	require.Contains(t, errs, "there is no database of groupkit at")
	require.Contains(t, errs, "groupctl create --init makes a database.")
	_, errs, code = groupctl(t, dir, "create wall --owner alice --init"+db)
	require.Equal(t, exitRefused, code)
	require.Equal(t, "groupctl: create group: group \"wall\": name is empty\n", errs)
	_, errs, code = groupctl(t, dir, "ls"+db)
	require.Equal(t, exitNotFound, code, "what was refused has made nothing: %s", errs)

	for _, app := range []string{"", " --app other"} { // each app has groups of its own
		out, errs, code := groupctl(t, dir, "create wall --name Wall --owner alice --init"+app+db)
		require.Equal(t, exitOK, code, errs)
		require.Equal(t, "created group wall (1 member)\n", out)
		require.NotContains(t, errs, password)
		require.True(t, strings.HasPrefix(errs, "Made database \"postgres://"), errs)
	}
	out, errs, code := groupctl(t, dir, "add wall bob carol"+db)
	require.Equal(t, exitOK, code, errs)
	require.Equal(t, "added 2 users to wall (version 3)\n", out)
	out, errs, code = groupctl(t, dir, "add wall bob --dry-run --app other"+db)
	require.Equal(t, exitOK, code, errs)
	require.Equal(t, "would add bob to wall\n", out)
}
