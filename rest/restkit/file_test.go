package restkit_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
	"groupkit/rest/restkit"
)

// openFile opens the database at path, as a program does.
func (f *fixture) openFile(t *testing.T, path string) {
	f.users = newUsers(t, f.clock)
	var err error
	f.eng, err = groupkit.Open(path, &groupkit.Options{UserExists: f.users.Exists, Clock: f.clock.Now, Durability: groupkit.SyncNever})
	require.NoError(t, err)
	f.bind(t)
}

// TestFile_Reopen checks what a restart must not change.
func TestFile_Reopen(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "groups.db")
	f := &fixture{clock: grouptest.NewClock()}
	f.openFile(t, path)
	client := f.client
	alice := f.add(t, "alice")[0]
	valid, revoked, alices := f.issue(t, ""), f.issue(t, ""), f.issue(t, "alice")
	require.NoError(t, f.tokens.Revoke(t.Context(), revoked))
	require.NoError(t, f.eng.Close())

	f.openFile(t, path)
	again, err := f.tokens.Setup(t.Context())
	require.NoError(t, err)
	require.Equal(t, restkit.Client{App: client.App, ID: client.ID}, again)
	f.requireCaller(t, system, valid)
	f.requireBad(t, revoked)
	f.requireCaller(t, user("alice"), alices)
	f.requireCaller(t, system, f.issue(t, ""))
	f.requireCaller(t, user("alice"), f.issue(t, "alice"))
	found, err := f.users.User(t.Context(), "alice")
	require.NoError(t, err)
	require.Equal(t, alice, found)
	grouptest.RequireVerified(t, f.eng)
	require.NoError(t, f.eng.Close())
}

// TestFile_Stolen searches a copy of the database for what must not be in it.
func TestFile_Stolen(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "groups.db")
	f := &fixture{clock: grouptest.NewClock()}
	f.openFile(t, path)
	alice := f.add(t, "alice")[0]
	secrets := []string{f.issue(t, ""), f.issue(t, "alice"), f.client.Secret, password("alice")}
	replaced, err := f.tokens.NewSecret(t.Context())
	require.NoError(t, err)
	secrets = append(secrets, replaced.Secret)
	require.NoError(t, f.eng.Close())

	stolen, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Contains(t, string(stolen), alice.ID, "the search finds what is there")
	require.Contains(t, string(stolen), f.client.ID)
	for _, secret := range secrets {
		for _, form := range []string{
			secret, hex.EncodeToString([]byte(secret)),
			base64.RawStdEncoding.EncodeToString([]byte(secret)), base64.RawURLEncoding.EncodeToString([]byte(secret)),
		} {
			require.False(t, bytes.Contains(stolen, []byte(form)), "%s", form)
		}
	}
}
