package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"groupkit"
)

func TestServe(t *testing.T) {
	t.Parallel()
	db := filepath.Join(t.TempDir(), "new", "groups.db")
	p := startServer(t, "--db", db)
	require.Contains(t, p.stdout.String(), "listening on http://127.0.0.1:")
	require.Regexp(t, `^http://127\.0\.0\.1:\d+/example/chat$`, p.vars["BASE"])
	first := p.credentials()
	require.NotEmpty(t, first["client_id"])
	require.NotEmpty(t, first["client_secret"])
	token := p.token(t)
	for path, want := range map[string]string{"/healthz": "ok\n", "/readyz": "ok\n"} {
		status, body := text(t, p.host()+path)
		require.Equal(t, 200, status)
		require.Equal(t, want, body)
	}
	require.Equal(t, 0, p.end(t), p.stderr.String())
	requireClosed(t, db)

	again := startServer(t, "--db", db)
	require.NotContains(t, again.stdout.String(), "CLIENT", "credentials are shown once")
	got := call(t, http.DefaultClient, "POST", again.vars["BASE"]+"/token", "", first)
	require.Equal(t, 200, got.status, "%v", got.body)
	got = call(t, http.DefaultClient, "GET", again.vars["BASE"]+"/chatgroups", token, nil)
	require.Equal(t, 200, got.status, "a token outlives the process: %v", got.body)
	for _, secret := range []any{first["client_secret"], token} {
		require.NotContains(t, p.stderr.String()+again.stderr.String(), secret)
	}
	require.NoError(t, again.cmd.Process.Signal(syscall.SIGINT))
	require.Equal(t, 0, again.wait(t), again.stderr.String())
}

// requireClosed checks that the database is free, whole, and was closed: an engine that opens it
// finds nothing to do.
func requireClosed(t *testing.T, db string) {
	t.Helper()
	eng, err := groupkit.Open(db, nil)
	require.NoError(t, err)
	report, err := eng.Verify(t.Context(), groupkit.VerifyOptions{})
	require.NoError(t, err)
	require.True(t, report.Sound(), "%+v", report)
	require.NoError(t, eng.Close())
}

func TestServe_Killed(t *testing.T) {
	t.Parallel()
	db := filepath.Join(t.TempDir(), "groups.db")
	p := startServer(t, "--db", db)
	token := p.token(t)
	require.NoError(t, p.cmd.Process.Kill())
	require.NotZero(t, p.wait(t))
	again := startServer(t, "--db", db)
	got := call(t, http.DefaultClient, "GET", again.vars["BASE"]+"/chatgroups", token, nil)
	require.Equal(t, 200, got.status, "%v", got.body)
	require.Equal(t, 0, again.end(t))
}

func TestServe_NewSecret(t *testing.T) {
	t.Parallel()
	db := filepath.Join(t.TempDir(), "groups.db")
	p := startServer(t, "--db", db)
	old := p.credentials()
	require.Equal(t, 0, p.end(t))
	p = startServer(t, "--db", db, "--new-secret")
	require.Equal(t, old["client_id"], p.vars["CLIENT_ID"])
	require.NotEqual(t, old["client_secret"], p.vars["CLIENT_SECRET"])
	p.token(t)
	got := call(t, http.DefaultClient, "POST", p.vars["BASE"]+"/token", "", old)
	require.Equal(t, 400, got.status)
	require.Equal(t, "client_secret does not match", got.body["error_description"])
}

func TestServe_SeveralApps(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	p := startServer(t, "--data", dir, "--app", "one/chat", "--app", "one/forum")
	require.Len(t, p.bases, 2)
	require.Equal(t, 2, strings.Count(p.stdout.String(), "CLIENT_SECRET="))
	require.FileExists(t, filepath.Join(dir, "one", "chat.db"))
	require.FileExists(t, filepath.Join(dir, "one", "forum.db"))
	forum := p.token(t)
	got := call(t, http.DefaultClient, "GET", p.bases[1]+"/chatgroups", forum, nil)
	require.Equal(t, 200, got.status)
	ids := []any{got.body["application"]}
	got = call(t, http.DefaultClient, "GET", p.bases[0]+"/chatgroups", forum, nil)
	require.Equal(t, 401, got.status)
	require.Equal(t, "this token is bad, or has expired!", got.body["error_description"])
	got = call(t, http.DefaultClient, "POST", p.bases[0]+"/token", "", p.credentials())
	require.Equal(t, 400, got.status)
	got = call(t, http.DefaultClient, "GET", p.host()+"/one/other/chatgroups", forum, nil)
	require.Equal(t, 404, got.status)
	require.Equal(t, 0, p.end(t))

	p = startServer(t, "--db", filepath.Join(dir, "one", "forum.db"), "--app", "one/forum")
	got = call(t, http.DefaultClient, "GET", p.bases[0]+"/chatgroups", forum, nil)
	require.Equal(t, 200, got.status)
	require.Equal(t, ids[0], got.body["application"], "the UUID of the app stays")
}

func TestServe_Users(t *testing.T) {
	t.Parallel()
	p := startServer(t)
	token := p.token(t)
	alice := map[string]any{"username": "alice", "password": "wonderland"}
	group := map[string]any{"groupname": "night watch", "desc": "x", "public": true, "owner": "alice"}
	got := call(t, http.DefaultClient, "POST", p.vars["BASE"]+"/chatgroups", token, group)
	require.Equal(t, 404, got.status, "%v", got.body)
	got = call(t, http.DefaultClient, "POST", p.vars["BASE"]+"/users", token, alice)
	require.Equal(t, 200, got.status, "%v", got.body)
	got = call(t, http.DefaultClient, "POST", p.vars["BASE"]+"/chatgroups", token, group)
	require.Equal(t, 200, got.status, "%v", got.body)
	alice["grant_type"] = "password"
	got = call(t, http.DefaultClient, "POST", p.vars["BASE"]+"/token", "", alice)
	require.Equal(t, 200, got.status, "%v", got.body)
	own, _ := got.body["access_token"].(string)
	got = call(t, http.DefaultClient, "GET", p.vars["BASE"]+"/chatgroups", own, nil)
	require.Equal(t, 200, got.status, "%v", got.body)

	got = call(t, http.DefaultClient, "POST", p.vars["BASE"]+"/users", token, []any{map[string]any{"username": "bob", "password": "x"}, alice})
	require.Equal(t, 400, got.status, "%v", got.body)
	require.Equal(t, "duplicate_unique_property_exists", got.body["error"])
	got = call(t, http.DefaultClient, "POST", p.vars["BASE"]+"/users", token, map[string]any{"username": "bo\nb", "password": "x"})
	require.Equal(t, 400, got.status, "%v", got.body)
	got = call(t, http.DefaultClient, "GET", p.vars["BASE"]+"/users/bob", token, nil)
	require.Equal(t, 404, got.status, "%v", got.body)
	got = call(t, http.DefaultClient, "DELETE", p.vars["BASE"]+"/users/alice", token, nil)
	require.Equal(t, 200, got.status, "%v", got.body)
	got = call(t, http.DefaultClient, "GET", p.vars["BASE"]+"/chatgroups", own, nil)
	require.Equal(t, 401, got.status, "%v", got.body)
}

// TestServe_UsersInTransactions changes several things of a group at once, for which the server asks
// who exists inside a transaction or before it.
func TestServe_UsersInTransactions(t *testing.T) {
	t.Parallel()
	p := startServer(t)
	token, base := p.token(t), p.vars["BASE"]
	users := []any{map[string]any{"username": "alice", "password": "x"}, map[string]any{"username": "bob", "password": "x"}}
	for _, c := range []struct {
		method, path string
		body         any
		status       int
	}{
		{"POST", "/users", users, 200},
		{"POST", "/chatgroups", map[string]any{"groupid": "g", "groupname": "n", "public": true, "owner": "alice", "members": []string{"bob"}}, 200},
		{"PUT", "/chatgroups/g", map[string]any{"groupname": "m", "newowner": "bob"}, 200},
		{"PUT", "/chatgroups/g", map[string]any{"groupname": "o", "newowner": "carol"}, 403},
		{"POST", "/chatgroups/g/users/carol", nil, 404},
	} {
		got := call(t, http.DefaultClient, c.method, base+c.path, token, c.body)
		require.Equal(t, c.status, got.status, "%s %s: %v", c.method, c.path, got.body)
	}
}

func TestServe_NoUsers(t *testing.T) {
	t.Parallel()
	group := map[string]any{"groupname": "night watch", "public": true, "owner": "alice"}
	free := startServer(t, "--users=false")
	token := free.token(t)
	got := call(t, http.DefaultClient, "POST", free.vars["BASE"]+"/chatgroups", token, group)
	require.Equal(t, 200, got.status, "%v", got.body)
	got = call(t, http.DefaultClient, "POST", free.vars["BASE"]+"/users", token, map[string]any{"username": "alice", "password": "x"})
	require.Equal(t, 404, got.status, "%v", got.body)
}

func TestServe_Rate(t *testing.T) {
	t.Parallel()
	p := startServer(t, "--app-rate", "0.001")
	token := p.token(t)
	got := call(t, http.DefaultClient, "GET", p.vars["BASE"]+"/chatgroups", token, nil)
	require.Equal(t, 200, got.status)
	got = call(t, http.DefaultClient, "GET", p.vars["BASE"]+"/chatgroups", token, nil)
	require.Equal(t, 429, got.status)
	require.NotEmpty(t, got.header.Get("Retry-After"))
}

func TestServe_TokenRate(t *testing.T) {
	t.Parallel()
	p := startServer(t, "--token-rate", "0.001")
	wrong := map[string]any{"grant_type": "password", "username": "alice", "password": "guess"}
	got := call(t, http.DefaultClient, "POST", p.vars["BASE"]+"/token", "", wrong)
	require.Equal(t, 400, got.status)
	got = call(t, http.DefaultClient, "POST", p.vars["BASE"]+"/token", "", wrong)
	require.Equal(t, 429, got.status)
	require.NotEmpty(t, got.header.Get("Retry-After"))
}

func TestServe_BaseURL(t *testing.T) {
	t.Parallel()
	p := startServer(t, "--base-url", "https://chat.example.org")
	require.Equal(t, "https://chat.example.org/example/chat", p.vars["BASE"])
}

func TestServe_TLS(t *testing.T) {
	t.Parallel()
	cert, key, roots := certificate(t)
	p := startServer(t, "--tls-cert", cert, "--tls-key", key)
	require.Regexp(t, `^https://127\.0\.0\.1:\d+/example/chat$`, p.vars["BASE"])
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, ServerName: "example.com"}, ForceAttemptHTTP2: true}}
	defer client.CloseIdleConnections()
	got := call(t, client, "POST", p.vars["BASE"]+"/token", "", p.credentials())
	require.Equal(t, 200, got.status)
	token, _ := got.body["access_token"].(string)
	got = call(t, client, "GET", p.vars["BASE"]+"/chatgroups", token, nil)
	require.Equal(t, p.vars["BASE"]+"/chatgroups", got.body["uri"])
	require.Equal(t, 0, p.end(t))
}

// certificate writes the certificate of httptest, which is for example.com, and its key.
func certificate(t *testing.T) (cert, key string, roots *x509.CertPool) {
	s := httptest.NewUnstartedServer(nil)
	s.StartTLS()
	defer s.Close()
	pair := s.TLS.Certificates[0]
	private, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	require.NoError(t, err)
	cert, key = filepath.Join(t.TempDir(), "cert.pem"), filepath.Join(t.TempDir(), "key.pem")
	require.NoError(t, os.WriteFile(cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: pair.Certificate[0]}), 0o600))
	require.NoError(t, os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), 0o600))
	roots = x509.NewCertPool()
	roots.AddCert(s.Certificate())
	return cert, key, roots
}
