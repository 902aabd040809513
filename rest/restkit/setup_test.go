package restkit_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/bcrypt"

	"groupkit"
	"groupkit/internal/grouptest"
	"groupkit/rest"
	"groupkit/rest/restkit"
	"groupkit/store"
	"groupkit/store/memblob"
	"groupkit/store/memstore"
)

// A fixture is an application with a directory and tokens.
type fixture struct {
	eng    *groupkit.Engine
	clock  *grouptest.Clock
	users  *restkit.Users
	tokens *restkit.Tokens
	client restkit.Client
}

// setup opens an engine in memory, with tokens that last an hour and at most a day.
func setup(t testing.TB) *fixture { return setupOver(t, memstore.New()) }

func setupOver(t testing.TB, s store.Store) *fixture {
	t.Helper()
	f := &fixture{clock: grouptest.NewClock()}
	f.open(t, s)
	t.Cleanup(func() { require.NoError(t, f.eng.Close()) })
	return f
}

// open opens the engine and the application over the store, as after a restart.
func (f *fixture) open(t require.TestingT, s store.Store) {
	f.users = newUsers(t, f.clock)
	var err error
	f.eng, err = groupkit.New(s, memblob.New(), &groupkit.Options{Clock: f.clock.Now, CacheBytes: 64 << 10, UserExists: f.users.Exists})
	require.NoError(t, err)
	f.bind(t)
}

func (f *fixture) bind(t require.TestingT) {
	f.users.Bind(f.eng)
	f.tokens = restkit.NewTokens(f.eng, &restkit.TokensOptions{
		TTL: hour, MaxTTL: 24 * hour, Accounts: f.users, Clock: f.clock.Now,
	})
	client, err := f.tokens.Setup(background)
	require.NoError(t, err)
	if client.Secret != "" {
		f.client = client
	}
}

func newUsers(t require.TestingT, clock *grouptest.Clock) *restkit.Users {
	users, err := restkit.NewUsers(&restkit.UsersOptions{Cost: bcrypt.MinCost, Clock: clock.Now})
	require.NoError(t, err)
	return users
}

// add creates users whose passwords are their names, backwards.
func (f *fixture) add(t require.TestingT, names ...groupkit.UserID) []rest.User {
	users := make([]rest.NewUser, len(names))
	for i, name := range names {
		users[i] = rest.NewUser{Name: name, Password: password(name)}
	}
	created, err := f.users.CreateUsers(background, users)
	require.NoError(t, err)
	return created
}

func password(name groupkit.UserID) string { return "secret of " + string(name) }

func (f *fixture) grant() rest.Grant {
	return rest.Grant{ClientID: f.client.ID, ClientSecret: f.client.Secret}
}

// issue returns a token of the user, or of the application if user is empty.
func (f *fixture) issue(t require.TestingT, user groupkit.UserID) string {
	grant := f.grant()
	if user != "" {
		grant = rest.Grant{Username: user, Password: password(user)}
	}
	token, err := f.tokens.IssueToken(background, grant)
	require.NoError(t, err)
	return token.Value
}

// caller returns who the tokens say has the token.
func (f *fixture) caller(token string) (rest.Caller, error) {
	return f.tokens.Authenticate(request("Bearer " + token))
}

func request(authorization string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "/example/chat/chatgroups", nil)
	r.Header.Set("Authorization", authorization)
	return r
}

func (f *fixture) requireCaller(t require.TestingT, want rest.Caller, token string) {
	got, err := f.caller(token)
	require.NoError(t, err)
	require.Equal(t, want, got)
}

func (f *fixture) requireBad(t require.TestingT, token string) {
	got, err := f.caller(token)
	require.ErrorIs(t, err, rest.ErrBadToken)
	require.Zero(t, got)
}

// entries returns the number of entries in a bucket.
func (f *fixture) entries(t require.TestingT, bucket string) int {
	n := 0
	require.NoError(t, f.eng.Bucket(background, bucket, func(r store.Reader) error {
		n = 0
		return scanAll(r, func(store.Pair) { n++ })
	}))
	return n
}

func scanAll(r store.Reader, each func(store.Pair)) error {
	for g := (store.Range{}); ; {
		page, more, err := r.Scan(g)
		for _, p := range page {
			each(p)
		}
		if err != nil || !more {
			return err
		}
		g.From = append(page[len(page)-1].Key, 0)
	}
}

var system = rest.Caller{System: true}

func user(name groupkit.UserID) rest.Caller { return rest.Caller{User: name} }
