package wire

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
	"groupkit/rest"
	"groupkit/store/memblob"
	"groupkit/store/memstore"
)

const (
	org    = "chat-demo"
	app    = "testapp"
	appID  = "8be024f0-e978-11e8-b697-5d598d5f8402"
	host   = "a1.example.com"
	origin = "http://" + host
	prefix = "/" + org + "/" + app
)

// noon is the time of the clock when a test begins.
var noon = time.Date(2020, 8, 19, 12, 0, 0, 0, time.UTC)

// A server is a handler over an engine in memory, with one app.
type server struct {
	engine  *groupkit.Engine
	handler http.Handler
	clock   *grouptest.Clock
	users   *directory
	tokens  *tokens
}

// settings are what a test can change before the server is made.
type settings struct {
	engine groupkit.Options
	rest   rest.Options
	app    rest.App
	store  *failingStore
}

func setup(t testing.TB, change ...func(*settings)) *server {
	s := &server{clock: grouptest.NewClockAt(noon), users: newDirectory("user1", "user2", "user3", "user4", "user5", "user6", "testuser")}
	s.tokens = &tokens{users: s.users}
	set := settings{store: &failingStore{Store: memstore.New()}}
	set.engine = groupkit.Options{Clock: s.clock.Now, UserExists: s.users.Exists}
	set.rest = rest.Options{Clock: s.clock.Now}
	set.app = rest.App{ID: appID, Authenticator: s.tokens, Tokens: s.tokens, Directory: s.users}
	for _, f := range change {
		f(&set)
	}
	engine, err := groupkit.New(set.store, memblob.New(), &set.engine)
	require.NoError(t, err)
	t.Cleanup(func() { engine.Close() })
	set.app.Engine, s.engine = engine, engine
	s.handler = rest.NewHandler(rest.OneApp(org, app, &set.app), &set.rest)
	return s
}

// group creates a public group as the app, with the members.
func (s *server) group(t testing.TB, id, owner string, members ...string) {
	s.create(t, groupkit.NewGroup{ID: groupkit.GroupID(id), Name: "name of " + id, Public: true, Owner: groupkit.UserID(owner)}, members...)
}

func (s *server) create(t testing.TB, g groupkit.NewGroup, members ...string) {
	for _, m := range members {
		g.Members = append(g.Members, groupkit.UserID(m))
	}
	if g.Name == "" {
		g.Name = "name of " + string(g.ID)
	}
	_, err := s.engine.System().CreateGroup(t.Context(), g)
	require.NoError(t, err)
	s.clock.Advance(time.Second)
}

// request makes a request to the app. A call is a method and a path below the app. A body that is
// not empty is JSON.
func request(token, call string, body ...string) *http.Request {
	method, path, _ := strings.Cut(call, " ")
	var r io.Reader
	if len(body) > 0 {
		r = strings.NewReader(body[0])
	}
	req := httptest.NewRequest(method, origin+prefix+path, r)
	req.Header.Set("Authorization", "Bearer "+token)
	if len(body) > 0 {
		req.Header.Set("Content-Type", "application/json")
	}
	return req
}

// call makes a request and checks it and its answer against the OpenAPI document.
func (s *server) call(t testing.TB, token, call string, body ...string) *answer {
	t.Helper()
	r := request(token, call, body...)
	a := s.send(t, r)
	if a.status == http.StatusOK {
		documentOf(t).checkRequest(t, r, body...)
	}
	return a
}

// send makes any request. Only its answer is checked against the OpenAPI document. A stream of events ends after
// what comes first.
func (s *server) send(t testing.TB, r *http.Request) *answer {
	t.Helper()
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	w := &leaving{ResponseRecorder: httptest.NewRecorder(), leave: cancel}
	s.handler.ServeHTTP(w, r.WithContext(ctx))
	a := &answer{t: t, request: r, status: w.Code, header: w.Result().Header, body: w.Body.Bytes()}
	documentOf(t).checkAnswer(t, a)
	return a
}

// A leaving is a client that leaves when it has got the first part of an answer.
type leaving struct {
	*httptest.ResponseRecorder
	leave context.CancelFunc
}

func (l *leaving) Flush() {
	l.ResponseRecorder.Flush()
	l.leave()
}

// An answer is what a request was answered with.
type answer struct {
	t       testing.TB
	request *http.Request
	status  int
	header  http.Header
	body    []byte
}

func (a *answer) json() map[string]any {
	a.t.Helper()
	require.Equal(a.t, "application/json", strings.Split(a.header.Get("Content-Type"), ";")[0], "%s", a.body)
	return parse(a.t, string(a.body))
}

func parse(t testing.TB, text string) (out map[string]any) {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	require.NoError(t, d.Decode(&out), "%s", text)
	return out
}

// is requires the whole answer: status 200, the envelope, and besides it what is wanted, for
// example {"data": [], "count": 0}. See match for the placeholders.
func (a *answer) is(want string) *answer {
	a.t.Helper()
	require.Equal(a.t, http.StatusOK, a.status, "%s", a.body)
	all := parse(a.t, want)
	path, _, _ := strings.Cut(a.request.URL.RequestURI(), "?")
	for name, value := range map[string]any{
		"action": strings.ToLower(a.request.Method), "application": appID, "uri": "http://" + a.request.Host + strings.TrimPrefix(path, origin),
		"entities": []any{}, "timestamp": "<ms>", "duration": "<number>", "organization": org, "applicationName": app,
	} {
		if _, given := all[name]; !given {
			all[name] = value
		}
	}
	if query := a.request.URL.Query(); len(query) > 0 {
		params := map[string]any{}
		for name, values := range query {
			list := []any{}
			for _, v := range values {
				list = append(list, v)
			}
			params[name] = list
		}
		all["params"] = params
	}
	matches(a.t, all, a.json())
	return a
}

// data is is for an answer with data alone.
func (a *answer) data(want string) *answer {
	a.t.Helper()
	return a.is(`{"data": ` + want + `}`)
}

// fails requires an error: the five keys, the status and the texts.
func (a *answer) fails(status int, name, description string) *answer {
	a.t.Helper()
	require.Equal(a.t, status, a.status, "%s", a.body)
	exception, known := exceptions[name]
	require.True(a.t, known, "no exception is known for the error %s", name)
	matches(a.t, map[string]any{
		"error": name, "error_description": description, "exception": exception, "timestamp": "<ms>", "duration": "<number>",
	}, a.json())
	return a
}

// exceptions are the exceptions of the errors.
var exceptions = map[string]string{
	"FORBIDDEN":                          "com.easemob.group.exception.ForbiddenException",
	"Request Entity Too Large":           "com.easemob.group.exception.RequestEntityTooLargeException",
	"duplicate_unique_property_exists":   "com.easemob.group.exception.DuplicateUniquePropertyExistsException",
	"exceed_limit":                       "com.easemob.group.exception.ExceedLimitException",
	"forbidden_op":                       "com.easemob.group.exception.ForbiddenOpException",
	"group_authorization":                "com.easemob.group.exception.GroupAuthorizationException",
	"illegal_argument":                   "java.lang.IllegalArgumentException",
	"internal_server_error":              "com.easemob.group.exception.InternalServerErrorException",
	"invalid_grant":                      "com.easemob.group.exception.InvalidGrantException",
	"invalid_parameter":                  "com.easemob.group.exception.InvalidParameterException",
	"json_parse":                         "com.easemob.group.exception.JsonParseException",
	"method_not_allowed":                 "com.easemob.group.exception.MethodNotAllowedException",
	"not_found":                          "com.sun.jersey.api.NotFoundException",
	"organization_application_not_found": "com.easemob.group.exception.OrganizationApplicationNotFoundException",
	"precondition_failed":                "com.easemob.group.exception.PreconditionFailedException",
	"idempotency_key_reused":             "com.easemob.group.exception.IdempotencyKeyReusedException",
	"reach_limit":                        "com.easemob.group.exception.ReachLimitException",
	"resource_not_found":                 "com.easemob.group.exception.ResourceNotFoundException",
	"service_resource_not_found":         "com.easemob.group.exception.ServiceResourceNotFoundException",
	"service_unavailable":                "com.easemob.group.exception.ServiceUnavailableException",
	"web_application":                    "com.easemob.group.exception.WebApplicationException",
}
