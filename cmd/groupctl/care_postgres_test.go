//go:build !windows

package main

import (
	"errors"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"groupkit/store/pgstore/pgtest"
)

// What is restored and copied into PostgreSQL, backed up from it, and copied back is the same. Passwords are not shown.
func TestPostgres(t *testing.T) {
	t.Parallel()
	server, err := pgtest.Start(t.Context())
	if errors.Is(err, pgtest.ErrNotInstalled) {
		t.Skip(err)
	}
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Stop()) })
	link := server.URL("postgres")
	u, err := url.Parse(link)
	require.NoError(t, err)
	secret, _ := u.User.Password()
	require.NotEmpty(t, secret)
	dir := world(t)
	want := exported(t, dir, "groups.db")
	_, errs, code := groupctl(t, dir, "verify --db "+link)
	require.Equal(t, exitNotFound, code, errs)
	for _, line := range []string{
		"backup all.backup --db groups.db", "restore all.backup --db URL", "verify --db URL", "upgrade --db URL", "backup again.backup --db URL",
		"check-backup again.backup", "copy URL back.db", "copy groups.db URL --app second", "export --db URL --app second", "repair --db URL --dry-run",
	} {
		out, errs, code := groupctl(t, dir, strings.ReplaceAll(line, "URL", link))
		require.Equal(t, exitOK, code, "%s: %s", line, errs)
		require.NotContains(t, out+errs, secret)
	}
	require.Equal(t, want, exported(t, dir, link))
	require.Equal(t, want, exported(t, dir, "back.db"))
	_, errs, code = groupctl(t, dir, "restore all.backup --db "+link)
	require.Equal(t, exitRefused, code, errs)
	require.Contains(t, errs, "Give a place where nothing is.")
	require.NotContains(t, errs, secret)
	_, errs, code = groupctl(t, dir, "compact --db "+link)
	require.Equal(t, exitUsage, code, errs)
	require.NotContains(t, errs, secret)
}

// TestAgain shows command lines without the passwords in them, wherever those stand.
func TestAgain(t *testing.T) {
	t.Parallel()
	for _, line := range []struct {
		args []string
		want string
	}{
		{[]string{"restore", "it's a.backup", "--db", "postgres://me:secret@host/x"}, `groupctl restore 'it'\''s a.backup' --db postgres://me:xxxxx@host/x --more`},
		{[]string{"repair", "--db=postgresql://me:secret@host/x"}, `groupctl repair --db=postgresql://me:xxxxx@host/x --more`},
		{[]string{"copy", "a=b.db", "postgres://host/x?user=me&password=secret"}, `groupctl copy a=b.db 'postgres://host/x?password=xxxxx&user=me' --more`},
	} {
		c := &cli{args: line.args}
		require.Equal(t, line.want, c.again("--more"))
	}
}
