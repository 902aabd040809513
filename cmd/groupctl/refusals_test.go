package main

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestServe_BadFlags names for each wrong command line what the message must say.
func TestServe_BadFlags(t *testing.T) {
	t.Parallel()
	for line, says := range map[string][]string{
		"serve --nonsense":    {"--nonsense"},
		"serve extra":         {"extra"},
		"sevre":               {"sevre"},
		"serve --app chat":    {"--app", `"chat"`},
		"serve --app ../chat": {"--app", `"../chat"`},
		"serve --app a/b/c":   {"--app", `"a/b/c"`},
		"serve --app a/.b":    {"--app", `"a/.b"`},
		"serve --app a/" + strings.Repeat("b", 65): {"--app", `bbb"`},
		"serve --app a/b --app c/d":                {"--app", "--db", `"groups.db"`, "--data"},
		"serve --data d --app a/b --app A/B":       {"--app", `"A/B"`, `"a/b"`},
		"serve --data d --db e":                    {"--data", `"d"`, "--db", `"e"`},
		"serve --db=":                              {"--db", `""`},
		"serve --tls-cert c.pem":                   {"--tls-cert", `"c.pem"`, "--tls-key"},
		"serve --tls-key k.pem":                    {"--tls-key", `"k.pem"`, "--tls-cert"},
		"serve --cors example.org":                 {"--cors", `"example.org"`},
		"serve --cors * --cors https://e.org/":     {"--cors", `"https://e.org/"`},
		"serve --base-url ftp://example.org":       {"--base-url", `"ftp://example.org"`},
		"serve --base-url https://":                {"--base-url", `"https://"`},
		"serve --user-rate -1":                     {"--user-rate", "-1"},
		"serve --app-rate NaN":                     {"--app-rate", "NaN"},
		"serve --token-rate -1":                    {"--token-rate", "-1"},
		"serve --app-rate fast":                    {"--app-rate", `"fast"`},
		"serve --token-ttl 1ms":                    {"--token-ttl", "1ms"},
		"serve --timeout 0s":                       {"--timeout", "0s"},
		"serve --timeout 10":                       {"--timeout", `"10"`},
		"serve --header-timeout -1s":               {"--header-timeout", "-1s"},
		"serve --idle-timeout 0":                   {"--idle-timeout", "0s"},
		"serve --shutdown-timeout -1s":             {"--shutdown-timeout", "-1s"},
		"serve --log-level loud":                   {"--log-level", `"loud"`},
		"serve --users=perhaps":                    {"--users", `"perhaps"`},
	} {
		code, stderr := refused(t, strings.Fields(line)...)
		require.Equal(t, 2, code, "%s: %s", line, stderr)
		require.True(t, strings.HasPrefix(stderr, "groupctl: "), "%s: %s", line, stderr)
		for _, part := range says {
			require.Contains(t, stderr, part, line)
		}
	}
}

func TestServe_HeldDatabase(t *testing.T) {
	t.Parallel()
	db := filepath.Join(t.TempDir(), "groups.db")
	startServer(t, "--db", db)
	code, stderr := refused(t, "serve", "--listen", "127.0.0.1:0", "--db", db)
	require.Equal(t, 6, code)
	require.Contains(t, stderr, `groupctl: database "`+db+`" is in use by another process`)
	require.Equal(t, 1, strings.Count(stderr, "\n"), stderr)
}

func TestServe_BadFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	text := filepath.Join(dir, "text.db")
	require.NoError(t, os.WriteFile(text, []byte(strings.Repeat("no database ", 10_000)), 0o600))
	for name, c := range map[string]struct {
		code int
		args []string
		says []string
	}{
		"a text as the database":    {5, []string{"--db", text}, []string{"database", `"` + text + `"`}},
		"a folder as the database":  {5, []string{"--db", dir}, []string{"database", `"` + dir + `"`}},
		"a file as a folder":        {1, []string{"--data", text}, []string{"database", text}},
		"a certificate not there":   {3, []string{"--tls-cert", "c.pem", "--tls-key", "k.pem"}, []string{"--tls-cert", `"c.pem"`}},
		"a text as the certificate": {1, []string{"--tls-cert", text, "--tls-key", text}, []string{"--tls-cert", `"` + text + `"`}},
		"an address not here":       {1, []string{"--listen", "198.51.100.7:80"}, []string{"--listen", `"198.51.100.7:80"`}},
		"an address without port":   {1, []string{"--listen", "localhost"}, []string{"--listen", `"localhost"`}},
	} {
		code, stderr := refused(t, append([]string{"serve", "--listen", "127.0.0.1:0"}, c.args...)...)
		require.Equal(t, c.code, code, "%s: %s", name, stderr)
		for _, part := range c.says {
			require.Contains(t, stderr, part, name)
		}
	}
	unchanged, err := os.ReadFile(text)
	require.NoError(t, err)
	require.Len(t, unchanged, 12*10_000)
}

// TestServe_PortInUse checks that a start that fails does not use the credentials up.
func TestServe_PortInUse(t *testing.T) {
	t.Parallel()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	db := filepath.Join(t.TempDir(), "groups.db")
	code, stderr := refused(t, "serve", "--db", db, "--listen", l.Addr().String())
	require.Equal(t, 1, code)
	require.Contains(t, stderr, `--listen "`+l.Addr().String()+`"`)
	p := startServer(t, "--db", db)
	p.token(t)
}
