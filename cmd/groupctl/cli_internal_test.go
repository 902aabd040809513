package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestQuote(t *testing.T) {
	t.Parallel()
	for arg, want := range map[string]string{"": "''", "night-watch": "night-watch", "a b": "'a b'", "it's": `'it'\''s'`, "$(x)": "'$(x)'", "é": "'é'"} {
		require.Equal(t, want, quote(arg))
	}
}

func TestCLI_Line(t *testing.T) {
	t.Parallel()
	c := &cli{db: "postgres://me:secret@host/name", app: "my app", contents: "dir"}
	require.Equal(t, "groupctl log --all --db postgres://me:xxxxx@host/name --app 'my app' --contents dir", c.line("log", "--all"), "no password is printed")
	require.Equal(t, "groupctl log 'a b'", (&cli{env: func(string) string { return "groups.db" }}).line("log", "a b"), "the environment names the database")
}
