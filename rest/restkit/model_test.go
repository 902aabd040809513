package restkit_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"groupkit"
	"groupkit/internal/grouptest"
	"groupkit/rest"
	"groupkit/rest/restkit"
	"groupkit/store"
	"groupkit/store/memstore"
)

// A model is what the users and tokens of an application must be: maps.
type model struct {
	*fixture
	store  store.Store
	users  map[groupkit.UserID]rest.User
	tokens map[string]issued
	bad    []string // tokens that were valid once, or never
}

type issued struct {
	user    groupkit.UserID
	id      string
	expires time.Time
}

// valid returns the caller of a token, or nobody.
func (m *model) valid(token string) rest.Caller {
	known, ok := m.tokens[token]
	switch {
	case !ok || !m.clock.Instant().Before(known.expires):
		return rest.Caller{}
	case known.user == "":
		return system
	case m.users[known.user].ID != known.id:
		return rest.Caller{}
	}
	return user(known.user)
}

// drawName generates names. Tests that run in parallel must not share a generator.
func drawName() *rapid.Generator[groupkit.UserID] {
	return rapid.SampledFrom([]groupkit.UserID{"a", "ab", "b", "c", "é", "d d"})
}

// TestModel runs random calls on the users and tokens, on maps beside them, and restarts in
// between. The store may run each function twice.
func TestModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m := &model{
			fixture: &fixture{clock: grouptest.NewClock()},
			store:   grouptest.RunTwice(grouptest.KeptStore{Store: memstore.New()}),
			users:   make(map[groupkit.UserID]rest.User), tokens: make(map[string]issued), bad: []string{"never"},
		}
		m.clock.Set(m.clock.Now())
		m.open(t, m.store)
		t.Repeat(map[string]func(*rapid.T){
			"issue": m.issueToken, "login": m.login, "revoke": m.revoke, "revoke user": m.revokeUser, "revoke all": m.revokeAll,
			"remove expired": m.removeExpired, "create": m.create, "delete": m.delete, "delete first": m.deleteFirst,
			"time": m.advance, "restart": m.restart, "": m.check,
		})
		require.NoError(t, m.eng.Close())
	})
}

func (m *model) ttl(t *rapid.T) (asked, got time.Duration) {
	asked = rapid.SampledFrom([]time.Duration{0, time.Second, time.Minute, 2 * hour, 48 * hour}).Draw(t, "ttl")
	if asked == 0 {
		return 0, hour
	}
	return asked, min(asked, 24*hour)
}

func (m *model) issueToken(t *rapid.T) {
	grant := m.grant()
	var ttl time.Duration
	grant.TTL, ttl = m.ttl(t)
	token, err := m.fixture.tokens.IssueToken(background, grant)
	require.NoError(t, err)
	m.tokens[token.Value] = issued{expires: m.clock.Instant().Add(ttl)}
}

func (m *model) login(t *rapid.T) {
	name := drawName().Draw(t, "name")
	asked, ttl := m.ttl(t)
	token, err := m.fixture.tokens.IssueToken(background, rest.Grant{Username: name, Password: password(name), TTL: asked})
	known, ok := m.users[name]
	if !ok {
		require.ErrorIs(t, err, rest.ErrCredentials)
		return
	}
	require.NoError(t, err)
	require.Equal(t, &known, token.User)
	m.tokens[token.Value] = issued{name, known.ID, m.clock.Instant().Add(ttl)}
}

func (m *model) revoke(t *rapid.T) {
	token := rapid.SampledFrom(append(m.listed(), "never")).Draw(t, "token")
	require.NoError(t, m.fixture.tokens.Revoke(background, token))
	m.forget(func(other string, _ issued) bool { return other == token })
}

// listed returns the tokens in the order of their callers.
func (m *model) listed() []string {
	var all []string
	for token := range m.tokens {
		all = append(all, token)
	}
	slices.Sort(all)
	return all
}

// forget removes the tokens for which gone returns true, and returns their number.
func (m *model) forget(gone func(string, issued) bool) (n int) {
	for token, known := range m.tokens {
		if gone(token, known) {
			delete(m.tokens, token)
			m.bad = append(m.bad, token)
			n++
		}
	}
	return n
}

func (m *model) revokeUser(t *rapid.T) {
	name := drawName().Draw(t, "name")
	n, err := m.fixture.tokens.RevokeUser(background, name)
	require.NoError(t, err)
	// Issues have removed some of the expired tokens.
	live := 0
	all := m.forget(func(_ string, known issued) bool {
		gone := known.user == name
		if gone && m.clock.Instant().Before(known.expires) {
			live++
		}
		return gone
	})
	require.True(t, live <= n && n <= all, "%d to %d: %d", live, all, n)
}

func (m *model) revokeAll(t *rapid.T) {
	if !rapid.Bool().Draw(t, "sure") {
		return
	}
	_, err := m.fixture.tokens.RevokeAll(background)
	require.NoError(t, err)
	m.forget(func(string, issued) bool { return true })
	require.Equal(t, 1, m.entries(t, restkit.TokensBucket))
}

func (m *model) removeExpired(t *rapid.T) {
	_, err := m.fixture.tokens.RemoveExpired(background)
	require.NoError(t, err)
	m.forget(func(_ string, known issued) bool { return !m.clock.Instant().Before(known.expires) })
	require.Equal(t, 1+3*len(m.tokens), m.entries(t, restkit.TokensBucket))
}

func (m *model) create(t *rapid.T) {
	names := rapid.SliceOfN(drawName(), 0, 3).Draw(t, "names")
	users := make([]rest.NewUser, len(names))
	refused := false
	for i, name := range names {
		users[i] = rest.NewUser{Name: name, Password: password(name)}
		_, taken := m.users[name]
		refused = refused || taken || slices.Contains(names[:i], name)
	}
	created, err := m.fixture.users.CreateUsers(background, users)
	if refused {
		require.ErrorIs(t, err, rest.ErrUserExists)
		return
	}
	require.NoError(t, err)
	require.Len(t, created, len(names))
	for i, u := range created {
		require.Equal(t, rest.User{ID: u.ID, Name: names[i], Created: m.clock.Instant(), Modified: m.clock.Instant()}, u)
		m.users[u.Name] = u
	}
}

func (m *model) delete(t *rapid.T) {
	name := drawName().Draw(t, "name")
	deleted, err := m.fixture.users.DeleteUser(background, name)
	if _, known := m.users[name]; !known {
		require.ErrorIs(t, err, rest.ErrUnknownUser)
		return
	}
	require.NoError(t, err)
	require.Equal(t, m.users[name], deleted)
	delete(m.users, name)
}

func (m *model) deleteFirst(t *rapid.T) {
	limit := rapid.IntRange(0, 2).Draw(t, "limit")
	names := sorted(m.users)
	deleted, err := m.fixture.users.DeleteUsers(background, limit)
	require.NoError(t, err)
	require.Len(t, deleted, min(limit, len(names)))
	for i, u := range deleted {
		require.Equal(t, m.users[names[i]], u)
		delete(m.users, u.Name)
	}
}

func (m *model) advance(t *rapid.T) {
	m.clock.Advance(rapid.SampledFrom([]time.Duration{time.Millisecond, time.Second, time.Minute, hour, 20 * hour}).Draw(t, "time"))
}

func (m *model) restart(t *rapid.T) {
	require.NoError(t, m.eng.Close())
	before := m.client
	m.open(t, m.store)
	require.Equal(t, before, m.client, "a restart makes no new client")
}

func (m *model) check(t *rapid.T) {
	for token := range m.tokens {
		if want := m.valid(token); want != (rest.Caller{}) {
			m.requireCaller(t, want, token)
		} else {
			m.requireBad(t, token)
		}
	}
	for _, token := range m.bad {
		m.requireBad(t, token)
	}
	for _, name := range []groupkit.UserID{"a", "ab", "b", "c", "é", "d d"} {
		found, err := m.fixture.users.User(background, name)
		if known, ok := m.users[name]; ok {
			require.NoError(t, err)
			require.Equal(t, known, found)
			continue
		}
		require.ErrorIs(t, err, rest.ErrUnknownUser)
	}
	require.Equal(t, len(m.users), m.entries(t, restkit.UsersBucket))
}
