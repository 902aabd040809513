package rest_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
	"groupkit/rest"
	"groupkit/store"
	"groupkit/store/memblob"
	"groupkit/store/memstore"
)

const appID = "8be024f0-e978-11e8-b697-5d598d5f8402"

// A service is a handler with one app, org/app, whose token "app" is the application and whose
// token "u-x" is the user x.
type service struct {
	handler http.Handler
	engine  *groupkit.Engine
	app     *rest.App
	users   *users
	clock   *grouptest.Clock
	logged  *bytes.Buffer
}

// A setting changes what setup makes.
type setting struct {
	engine  groupkit.Options
	options rest.Options
	noUsers bool
	blobs   store.Blobs
}

// setup returns a service whose directory knows the users owner, admin, member, other and user1 to
// user9.
func setup(t testing.TB, change ...func(*setting)) *service {
	s := &service{users: newUsers(), clock: grouptest.NewClock(), logged: new(bytes.Buffer)}
	var set setting
	set.engine = groupkit.Options{Clock: s.clock.Now, UserExists: s.users.Exists}
	set.options = rest.Options{Clock: s.clock.Now}
	for _, change := range change {
		change(&set)
	}
	if set.blobs == nil {
		set.blobs = memblob.New()
	}
	eng, err := groupkit.New(memstore.New(), set.blobs, &set.engine)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, eng.Close()) })
	s.engine = eng
	s.app = &rest.App{Engine: eng, ID: appID, Authenticator: tokens{}, Tokens: tokens{}, Directory: s.users}
	if set.noUsers {
		s.app.Directory = nil
	}
	s.handler = rest.NewHandler(rest.OneApp("org", "app", s.app), &set.options)
	return s
}

// group makes a private group with an owner, an admin and a member.
func (s *service) group(t testing.TB, change ...func(*groupkit.NewGroup)) groupkit.GroupID {
	n := groupkit.NewGroup{Name: "group", Owner: "owner", Members: []groupkit.UserID{"admin", "member"}}
	for _, change := range change {
		change(&n)
	}
	g, err := s.engine.System().CreateGroup(t.Context(), n)
	require.NoError(t, err)
	require.NoError(t, s.engine.System().AddAdmin(t.Context(), g.ID, "admin"))
	return g.ID
}

func public(n *groupkit.NewGroup) { n.Public = true }

// A request is one call of the API below the app.
type request struct {
	method, path, token, body string
	header                    http.Header
}

// do makes a request. The token is "app" if none is given, and there is none if it is "-".
func (s *service) do(t testing.TB, q request) *httptest.ResponseRecorder {
	r := httptest.NewRequestWithContext(t.Context(), cmp.Or(q.method, "GET"), "http://host/org/app"+q.path, strings.NewReader(q.body))
	maps.Copy(r.Header, q.header)
	if token := cmp.Or(q.token, "app"); token != "-" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	return w
}

// An object is a JSON object.
type object = map[string]any

// answer makes a request that must succeed, and returns its answer.
func (s *service) answer(t testing.TB, q request) object {
	w := s.do(t, q)
	require.Equal(t, http.StatusOK, w.Code, w.Body.String())
	return decode(t, w)
}

// data makes a request that must succeed, and returns its data as JSON.
func (s *service) data(t testing.TB, q request) string {
	b, err := json.Marshal(s.answer(t, q)["data"])
	require.NoError(t, err)
	return string(b)
}

// fault makes a request that must fail, and returns status, error and description.
func (s *service) fault(t testing.TB, q request) (int, string, string) {
	w := s.do(t, q)
	o := decode(t, w)
	require.ElementsMatch(t, []string{"error", "exception", "error_description", "timestamp", "duration"}, slices.Collect(maps.Keys(o)))
	require.GreaterOrEqual(t, w.Code, 400)
	return w.Code, o["error"].(string), o["error_description"].(string)
}

// refused makes a request and requires that fault.
func (s *service) refused(t testing.TB, q request, status int, code, description string) {
	gotStatus, gotCode, gotDescription := s.fault(t, q)
	require.Equal(t, code+": "+description, gotCode+": "+gotDescription)
	require.Equal(t, status, gotStatus)
}

func decode(t testing.TB, w *httptest.ResponseRecorder) object {
	require.Equal(t, "application/json", w.Header().Get("Content-Type"), w.Body.String())
	d := json.NewDecoder(w.Body)
	d.UseNumber()
	var o object
	require.NoError(t, d.Decode(&o))
	_, err := d.Token()
	require.ErrorIs(t, err, io.EOF)
	return o
}

// tokens knows the token "app" of the application, and "u-x" of each user x.
type tokens struct{}

func (tokens) Authenticate(r *http.Request) (rest.Caller, error) {
	token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	user, isUser := strings.CutPrefix(token, "u-")
	switch {
	case token == "":
		return rest.Caller{}, rest.ErrNoToken
	case token == "app":
		return rest.Caller{System: true}, nil
	case token == "fails":
		return rest.Caller{}, io.ErrClosedPipe
	case !isUser:
		return rest.Caller{}, rest.ErrBadToken
	}
	return rest.Caller{User: groupkit.UserID(user)}, nil
}

func (tokens) IssueToken(_ context.Context, g rest.Grant) (rest.Token, error) {
	out := rest.Token{Value: "app", ExpiresIn: cmp.Or(g.TTL, time.Hour)}
	switch {
	case g.Username != "" && g.Password != "secret":
		return rest.Token{}, rest.ErrCredentials
	case g.Username != "":
		out.User = &rest.User{ID: "id", Name: g.Username}
	case g.ClientID != "client":
		return rest.Token{}, rest.ErrClientID
	case g.ClientSecret != "secret":
		return rest.Token{}, rest.ErrClientSecret
	}
	return out, nil
}

// users is a directory in memory. It is not for concurrent use.
type users struct {
	known map[groupkit.UserID]rest.User
	err   error // what every call returns, if it is not nil
}

func newUsers() *users {
	u := &users{known: make(map[groupkit.UserID]rest.User)}
	for name := range strings.FieldsSeq("owner admin member other user1 user2 user3 user4 user5 user6 user7 user8 user9") {
		u.known[groupkit.UserID(name)] = rest.User{ID: "id-" + name, Name: groupkit.UserID(name), Created: time.UnixMilli(1), Modified: time.UnixMilli(2)}
	}
	return u
}

func (u *users) Exists(_ context.Context, user groupkit.UserID) (bool, error) {
	_, ok := u.known[user]
	return ok, u.err
}

func (u *users) CreateUsers(_ context.Context, list []rest.NewUser) ([]rest.User, error) {
	seen := make(map[groupkit.UserID]bool)
	for _, n := range list {
		if _, ok := u.known[n.Name]; ok || seen[n.Name] {
			return nil, rest.ErrUserExists
		}
		seen[n.Name] = true
	}
	var out []rest.User
	for _, n := range list {
		u.known[n.Name] = rest.User{ID: "id-" + string(n.Name), Name: n.Name, Created: time.UnixMilli(1), Modified: time.UnixMilli(1)}
		out = append(out, u.known[n.Name])
	}
	return out, u.err
}

func (u *users) User(_ context.Context, user groupkit.UserID) (rest.User, error) {
	found, ok := u.known[user]
	if !ok {
		return found, cmp.Or(u.err, rest.ErrUnknownUser)
	}
	return found, u.err
}

func (u *users) DeleteUser(ctx context.Context, user groupkit.UserID) (rest.User, error) {
	found, err := u.User(ctx, user)
	delete(u.known, user)
	return found, err
}

func (u *users) DeleteUsers(_ context.Context, limit int) (out []rest.User, err error) {
	for _, name := range slices.Sorted(maps.Keys(u.known)) {
		if len(out) < limit {
			out = append(out, u.known[name])
			delete(u.known, name)
		}
	}
	return out, u.err
}
