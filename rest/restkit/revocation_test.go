package restkit_test

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/rest"
	"groupkit/rest/restkit"
	"groupkit/store"
)

func TestTokens_Revoke(t *testing.T) {
	t.Parallel()
	f := setup(t)
	one, other := f.issue(t, ""), f.issue(t, "")
	require.NoError(t, f.tokens.Revoke(t.Context(), one))
	require.NoError(t, f.tokens.Revoke(t.Context(), one), "again")
	require.NoError(t, f.tokens.Revoke(t.Context(), "unknown"))
	f.requireBad(t, one)
	f.requireCaller(t, system, other)
	require.Equal(t, 1+3, f.entries(t, restkit.TokensBucket))
}

func TestTokens_RevokeUser(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.add(t, "bo", "bob", "bobby")
	kept := []string{f.issue(t, "bo"), f.issue(t, "bobby"), f.issue(t, "")}
	gone := []string{f.issue(t, "bob"), f.issue(t, "bob")}
	n, err := f.tokens.RevokeUser(t.Context(), "bob")
	require.NoError(t, err)
	require.Equal(t, 2, n)
	for _, token := range gone {
		f.requireBad(t, token)
	}
	f.requireCaller(t, user("bo"), kept[0])
	f.requireCaller(t, user("bobby"), kept[1])
	f.requireCaller(t, system, kept[2])
	n, err = f.tokens.RevokeUser(t.Context(), "bob")
	require.NoError(t, err)
	require.Zero(t, n)
	_, err = f.tokens.RevokeUser(t.Context(), "")
	require.ErrorIs(t, err, groupkit.ErrInvalid, "the application is no user")
	f.requireCaller(t, system, kept[2])
}

// many is more than two steps of a revocation.
const many = 600

func TestTokens_RevokeAll(t *testing.T) {
	t.Parallel()
	f := setup(t)
	for range many {
		f.issue(t, "")
	}
	n, err := f.tokens.RevokeAll(t.Context())
	require.NoError(t, err)
	require.Equal(t, many, n)
	require.Equal(t, 1, f.entries(t, restkit.TokensBucket), "the client stays")
	f.requireCaller(t, system, f.issue(t, ""))
}

func TestTokens_RemoveExpired(t *testing.T) {
	t.Parallel()
	f := setup(t)
	for range many {
		f.issue(t, "")
	}
	f.clock.Advance(time.Minute)
	valid := f.issue(t, "")
	n, err := f.tokens.RemoveExpired(t.Context())
	require.NoError(t, err)
	require.Zero(t, n)
	f.clock.Advance(hour - time.Minute)
	n, err = f.tokens.RemoveExpired(t.Context())
	require.NoError(t, err)
	require.Equal(t, many, n)
	require.Equal(t, 1+3, f.entries(t, restkit.TokensBucket))
	f.requireCaller(t, system, valid)
}

// TestTokens_IssueToken_RemovesExpired checks that the store does not grow with the tokens that
// were ever issued.
func TestTokens_IssueToken_RemovesExpired(t *testing.T) {
	t.Parallel()
	f := setup(t)
	for range 30 {
		f.issue(t, "")
	}
	f.clock.Advance(2 * hour)
	for range 9 {
		f.issue(t, "")
	}
	require.Equal(t, 1+3*9, f.entries(t, restkit.TokensBucket))
}

// TestTokens_StrayEntries checks that entries without a token do not stop a removal.
func TestTokens_StrayEntries(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.issue(t, "")
	require.NoError(t, f.eng.Atomic(t.Context(), func(tx *groupkit.Tx) error {
		w, err := tx.Bucket(restkit.TokensBucket)
		require.NoError(t, err)
		page, _, err := w.Scan(store.Prefix([]byte{'t'}))
		require.NoError(t, err)
		return errors.Join(err, w.Delete(page[0].Key))
	}))
	f.clock.Advance(2 * hour)
	n, err := f.tokens.RemoveExpired(t.Context())
	require.NoError(t, err)
	require.Equal(t, 1, n)
	require.Equal(t, 2, f.entries(t, restkit.TokensBucket))
}

// TestTokens_Concurrent issues, checks and revokes at once. A token that was revoked stays so.
func TestTokens_Concurrent(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.add(t, "alice")
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 25 {
				mine, err := f.tokens.IssueToken(background, f.grant())
				if err != nil {
					t.Errorf("issue: %v", err)
				}
				if caller, err := f.caller(mine.Value); err != nil || !caller.System {
					t.Errorf("%v %v", caller, err)
				}
				if err := f.tokens.Revoke(background, mine.Value); err != nil {
					t.Errorf("revoke: %v", err)
				}
				if _, err := f.caller(mine.Value); !errors.Is(err, rest.ErrBadToken) {
					t.Errorf("revoked: %v", err)
				}
			}
		})
		all.Go(func() {
			for range 5 {
				if _, err := f.tokens.IssueToken(background, rest.Grant{Username: "alice", Password: password("alice")}); err != nil {
					t.Errorf("issue: %v", err)
				}
				if _, err := f.tokens.RevokeUser(background, "alice"); err != nil {
					t.Errorf("revoke: %v", err)
				}
			}
		})
	}
	all.Wait()
	require.Equal(t, 1, f.entries(t, restkit.TokensBucket))
}
