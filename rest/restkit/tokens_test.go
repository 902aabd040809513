package restkit_test

import (
	"context"
	"errors"
	"math"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
	"groupkit/rest"
	"groupkit/rest/restkit"
	"groupkit/store"
	"groupkit/store/memstore"
)

const hour = time.Hour

var background = context.Background()

func TestTokens_IssueToken(t *testing.T) {
	t.Parallel()
	f := setup(t)
	alice := f.add(t, "alice")[0]

	t.Run("the application", func(t *testing.T) {
		token, err := f.tokens.IssueToken(t.Context(), f.grant())
		require.NoError(t, err)
		require.Nil(t, token.User)
		require.Equal(t, hour, token.ExpiresIn)
		require.GreaterOrEqual(t, len(token.Value), 26, "128 bits in base 32")
		f.requireCaller(t, system, token.Value)
	})
	t.Run("a user", func(t *testing.T) {
		token, err := f.tokens.IssueToken(t.Context(), rest.Grant{Username: "alice", Password: password("alice")})
		require.NoError(t, err)
		require.Equal(t, &alice, token.User)
		f.requireCaller(t, user("alice"), token.Value)
	})
	for name, c := range map[string]struct {
		grant rest.Grant
		want  error
	}{
		"another client":       {rest.Grant{ClientID: "x" + f.client.ID[1:], ClientSecret: f.client.Secret}, rest.ErrClientID},
		"no client":            {rest.Grant{}, rest.ErrClientID},
		"a longer client":      {rest.Grant{ClientID: f.client.ID + "a", ClientSecret: f.client.Secret}, rest.ErrClientID},
		"another secret":       {rest.Grant{ClientID: f.client.ID, ClientSecret: f.client.ID}, rest.ErrClientSecret},
		"no secret":            {rest.Grant{ClientID: f.client.ID}, rest.ErrClientSecret},
		"a part of the secret": {rest.Grant{ClientID: f.client.ID, ClientSecret: f.client.Secret[:10]}, rest.ErrClientSecret},
		"another password":     {rest.Grant{Username: "alice", Password: "secret of bob"}, rest.ErrCredentials},
		"no password":          {rest.Grant{Username: "alice"}, rest.ErrCredentials},
		"an unknown user":      {rest.Grant{Username: "bob", Password: password("bob")}, rest.ErrCredentials},
		"an impossible user":   {rest.Grant{Username: "a\x00b", Password: "x"}, rest.ErrCredentials},
	} {
		t.Run("refuses "+name, func(t *testing.T) {
			before := f.entries(t, restkit.TokensBucket)
			token, err := f.tokens.IssueToken(t.Context(), c.grant)
			require.ErrorIs(t, err, c.want)
			require.Zero(t, token)
			require.Equal(t, before, f.entries(t, restkit.TokensBucket))
		})
	}
}

func TestTokens_IssueToken_TTL(t *testing.T) {
	t.Parallel()
	f := setup(t)
	for asked, want := range map[time.Duration]time.Duration{
		0: hour, -1: hour, math.MinInt64: hour, math.MaxInt64: 24 * hour, 25 * hour: 24 * hour,
		24*hour - 1: 24*hour - time.Second, 1: time.Second, 1900 * time.Millisecond: time.Second, 2 * hour: 2 * hour,
	} {
		grant := f.grant()
		grant.TTL = asked
		token, err := f.tokens.IssueToken(t.Context(), grant)
		require.NoError(t, err)
		require.Equal(t, want, token.ExpiresIn, "%v", asked)
		at := f.clock.Now()
		f.clock.Set(f.clock.Instant().Add(want - time.Millisecond))
		f.requireCaller(t, system, token.Value)
		f.clock.Advance(time.Millisecond)
		f.requireBad(t, token.Value)
		f.clock.Advance(at.Sub(f.clock.Now()))
	}
}

func TestNewTokens_Defaults(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.add(t, "alice")
	users := f.issue(t, "alice")
	plain := restkit.NewTokens(f.eng, nil)
	client, err := plain.NewSecret(t.Context())
	require.NoError(t, err)
	grant := rest.Grant{ClientID: client.ID, ClientSecret: client.Secret}
	token, err := plain.IssueToken(t.Context(), grant)
	require.NoError(t, err)
	require.Equal(t, 60*24*hour, token.ExpiresIn)
	grant.TTL = 1000 * 24 * hour
	token, err = plain.IssueToken(t.Context(), grant)
	require.NoError(t, err)
	require.Equal(t, 60*24*hour, token.ExpiresIn)
	_, err = plain.Authenticate(request("Bearer " + token.Value))
	require.NoError(t, err)

	_, err = plain.IssueToken(t.Context(), rest.Grant{Username: "alice", Password: password("alice")})
	require.ErrorIs(t, err, rest.ErrCredentials, "there are no accounts")
	_, err = restkit.NewTokens(f.eng, &restkit.TokensOptions{Clock: f.clock.Now}).Authenticate(request("Bearer " + users))
	require.ErrorIs(t, err, rest.ErrBadToken)
}

func TestTokens_Authenticate(t *testing.T) {
	t.Parallel()
	f := setup(t)
	token := f.issue(t, "")
	for header, want := range map[string]error{
		"Bearer " + token:         nil,
		"bearer " + token:         nil,
		"BEARER   " + token + " ": nil,
		"":                        rest.ErrNoToken,
		" ":                       rest.ErrNoToken,
		"Bearer":                  rest.ErrNoToken,
		"Bearer ":                 rest.ErrNoToken,
		token:                     rest.ErrBadToken,
		"Basic " + token:          rest.ErrBadToken,
		"Bearer " + token + "A":   rest.ErrBadToken,
		"Bearer " + token[1:]:     rest.ErrBadToken,
		"Bearer x " + token:       rest.ErrBadToken,
		"Bearer \xff\x00":         rest.ErrBadToken,
		"Bearer " + f.client.ID:   rest.ErrBadToken,
	} {
		caller, err := f.tokens.Authenticate(request(header))
		require.ErrorIs(t, err, want, "%q", header)
		require.Equal(t, want == nil, caller.System, "%q", header)
	}
	bare := request("")
	bare.Header.Del("Authorization")
	_, err := f.tokens.Authenticate(bare)
	require.ErrorIs(t, err, rest.ErrNoToken)

	other := setup(t)
	other.requireBad(t, token)
}

func TestTokens_Authenticate_DeletedUser(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.add(t, "alice", "bob")
	before, bobs := f.issue(t, "alice"), f.issue(t, "bob")
	_, err := f.users.DeleteUser(t.Context(), "alice")
	require.NoError(t, err)
	f.requireBad(t, before)
	f.add(t, "alice")
	f.requireBad(t, before)
	f.requireCaller(t, user("alice"), f.issue(t, "alice"))
	f.requireCaller(t, user("bob"), bobs)
}

func TestTokens_Failures(t *testing.T) {
	t.Parallel()
	t.Run("a closed engine is no bad token", func(t *testing.T) {
		t.Parallel()
		f := setup(t)
		token := f.issue(t, "")
		require.NoError(t, f.eng.Close())
		_, err := f.caller(token)
		require.ErrorIs(t, err, groupkit.ErrClosed)
		_, err = f.tokens.IssueToken(t.Context(), f.grant())
		require.ErrorIs(t, err, groupkit.ErrClosed)
		_, err = f.tokens.Setup(t.Context())
		require.ErrorIs(t, err, groupkit.ErrClosed)
		_, err = f.tokens.RevokeAll(t.Context())
		require.ErrorIs(t, err, groupkit.ErrClosed)
		_, err = f.tokens.RemoveExpired(t.Context())
		require.ErrorIs(t, err, groupkit.ErrClosed)
	})
	t.Run("the context ends", func(t *testing.T) {
		t.Parallel()
		f := setup(t)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := f.tokens.Authenticate(request("Bearer x").WithContext(ctx))
		require.ErrorIs(t, err, context.Canceled)
	})
	t.Run("the accounts fail", func(t *testing.T) {
		t.Parallel()
		f := setup(t)
		f.add(t, "alice")
		token := f.issue(t, "alice")
		failing := &accounts{err: errors.New("no connection")}
		tokens := restkit.NewTokens(f.eng, &restkit.TokensOptions{Accounts: failing, Clock: f.clock.Now})
		_, err := tokens.Authenticate(request("Bearer " + token))
		require.ErrorIs(t, err, failing.err)
		_, err = tokens.IssueToken(t.Context(), rest.Grant{Username: "alice"})
		require.ErrorIs(t, err, failing.err)
	})
	t.Run("accounts without a name make no token of the application", func(t *testing.T) {
		t.Parallel()
		f := setup(t)
		tokens := restkit.NewTokens(f.eng, &restkit.TokensOptions{Accounts: &accounts{user: rest.User{ID: "1"}}})
		_, err := tokens.IssueToken(t.Context(), rest.Grant{Username: "alice"})
		require.ErrorIs(t, err, groupkit.ErrInvalid)
	})
	t.Run("damaged records", func(t *testing.T) {
		t.Parallel()
		for _, damage := range [][]byte{{}, make([]byte, 23), append(make([]byte, 24), 0x80), append(make([]byte, 24), 9, 'a')} {
			f := setup(t)
			token := f.issue(t, "")
			f.damage(t, restkit.TokensBucket, 't', damage)
			_, err := f.caller(token)
			require.ErrorIs(t, err, groupkit.ErrCorrupt)
			_, err = f.tokens.RevokeAll(t.Context())
			require.ErrorIs(t, err, groupkit.ErrCorrupt)
		}
		f := setup(t)
		f.damage(t, restkit.TokensBucket, 'c', []byte("{"))
		_, err := f.tokens.Setup(t.Context())
		require.ErrorIs(t, err, groupkit.ErrCorrupt)
		_, err = f.tokens.IssueToken(t.Context(), f.grant())
		require.ErrorIs(t, err, groupkit.ErrCorrupt)
	})
}

// damage replaces the values whose keys begin with a byte.
func (f *fixture) damage(t *testing.T, bucket string, kind byte, value []byte) {
	require.NoError(t, f.eng.Atomic(t.Context(), func(tx *groupkit.Tx) error {
		w, err := tx.Bucket(bucket)
		require.NoError(t, err)
		page, _, err := w.Scan(store.Prefix([]byte{kind}))
		require.NoError(t, err)
		require.NotEmpty(t, page)
		for _, p := range page {
			require.NoError(t, w.Put(p.Key, value))
		}
		return nil
	}))
}

// accounts is a directory elsewhere.
type accounts struct {
	user rest.User
	err  error
}

func (a *accounts) Verify(context.Context, groupkit.UserID, string) (rest.User, error) {
	return a.user, a.err
}

func (a *accounts) User(context.Context, groupkit.UserID) (rest.User, error) { return a.user, a.err }

func TestTokens_Setup(t *testing.T) {
	t.Parallel()
	eng, _ := grouptest.Setup(t, groupkit.Options{})
	tokens := restkit.NewTokens(eng, nil)
	_, err := tokens.NewSecret(t.Context())
	require.ErrorIs(t, err, restkit.ErrNoClient)
	_, err = tokens.IssueToken(t.Context(), rest.Grant{})
	require.ErrorIs(t, err, rest.ErrClientID, "nobody has an empty secret")

	var clients [8]restkit.Client
	var all sync.WaitGroup
	for i := range clients {
		all.Go(func() { clients[i], _ = tokens.Setup(background) })
	}
	all.Wait()
	var first restkit.Client
	for _, c := range clients {
		if c.Secret != "" {
			require.Zero(t, first, "the secret is told once")
			first = c
		}
	}
	require.NotZero(t, first)
	for _, c := range clients {
		c.Secret = first.Secret
		require.Equal(t, first, c)
	}
	_, err = tokens.IssueToken(t.Context(), rest.Grant{ClientID: first.ID, ClientSecret: first.Secret})
	require.NoError(t, err)
}

func TestTokens_NewSecret(t *testing.T) {
	t.Parallel()
	f := setup(t)
	token, old := f.issue(t, ""), f.grant()
	c, err := f.tokens.NewSecret(t.Context())
	require.NoError(t, err)
	require.Equal(t, f.client.ID, c.ID)
	require.Equal(t, f.client.App, c.App)
	require.NotEqual(t, f.client.Secret, c.Secret)
	f.requireCaller(t, system, token)
	_, err = f.tokens.IssueToken(t.Context(), old)
	require.ErrorIs(t, err, rest.ErrClientSecret)
	f.client = c
	f.requireCaller(t, system, f.issue(t, ""))
}

// TestTokens_NewSecret_During replaces the secret between the first check of a grant and the
// transaction that stores the token.
func TestTokens_NewSecret_During(t *testing.T) {
	t.Parallel()
	s := &interrupted{Store: memstore.New()}
	f := setupOver(t, s)
	s.before = func() {
		s.before = nil
		_, err := f.tokens.NewSecret(background)
		require.NoError(t, err)
	}
	_, err := f.tokens.IssueToken(t.Context(), f.grant())
	require.ErrorIs(t, err, rest.ErrClientSecret)
}

// interrupted calls before before the next Update.
type interrupted struct {
	store.Store
	before func()
}

func (s *interrupted) Update(ctx context.Context, fn func(store.Writer) error) error {
	if s.before != nil {
		s.before()
	}
	return s.Store.Update(ctx, fn)
}
