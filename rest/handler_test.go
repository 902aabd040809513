package rest_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/rest"
)

func TestHandler_Envelope(t *testing.T) {
	t.Parallel()
	s := setup(t)
	at := s.clock.Now().UnixMilli()
	w := s.do(t, request{path: "//chatgroups/?limit=2&x=1&x=%2C&_v"})
	require.Equal(t, 200, w.Code)
	require.Equal(t, fmt.Sprintf(`{"action":"get","application":"`+appID+`","params":{"_v":[""],"limit":["2"],"x":["1",","]},`+
		`"uri":"http://host/org/app//chatgroups/","entities":[],"data":[],"timestamp":%d,"duration":0,`+
		`"organization":"org","applicationName":"app","count":0}`+"\n", at), w.Body.String())
	require.Equal(t, "application/json", w.Header().Get("Content-Type"))
	require.Equal(t, "nosniff", w.Header().Get("X-Content-Type-Options"))
	require.Equal(t, fmt.Sprint(w.Body.Len()), w.Header().Get("Content-Length"))

	require.NotContains(t, s.answer(t, request{path: "/chatgroups?"}), "params")
	t.Run("the scheme and the host", func(t *testing.T) {
		require.Equal(t, "http://host/org/app/chatgroups", s.answer(t, request{path: "/chatgroups", header: http.Header{"X-Forwarded-Proto": {"https"}, "X-Forwarded-Host": {"evil"}}})["uri"])
		r := httptest.NewRequestWithContext(t.Context(), "GET", "https://secure/org/app/chatgroups", nil)
		r.Header.Set("Authorization", "Bearer app")
		w := httptest.NewRecorder()
		s.handler.ServeHTTP(w, r)
		require.Equal(t, "https://secure/org/app/chatgroups", decode(t, w)["uri"])
		s := setup(t, func(set *setting) { set.options.BaseURL = "https://base/" })
		require.Equal(t, "https://base/org/app/chatgroups", s.answer(t, request{path: "/chatgroups"})["uri"])
	})
	t.Run("an error", func(t *testing.T) {
		w := s.do(t, request{path: "/chatgroups/a%22<&", token: "app"})
		require.Equal(t, fmt.Sprintf(`{"error":"service_resource_not_found","timestamp":%d,"duration":0,`+
			`"exception":"com.easemob.group.exception.ServiceResourceNotFoundException","error_description":"do not find this group:a\"<&"}`+"\n", at), w.Body.String())
	})
	t.Run("HEAD", func(t *testing.T) {
		require.Equal(t, "get", s.answer(t, request{method: "HEAD", path: "/chatgroups"})["action"])
	})
}

func TestHandler_Paths(t *testing.T) {
	t.Parallel()
	s := setup(t)
	for _, id := range []groupkit.GroupID{"a/b", "..", ".", "user", "c,d", "ü %"} {
		s.group(t, func(n *groupkit.NewGroup) { n.ID = id })
	}
	for path, want := range map[string]string{
		"/chatgroups/a%2Fb":            "a/b",
		"/chatgroups/a%2fb//":          "a/b",
		"///chatgroups//..":            "..",
		"/chatgroups/%2e%2E":           "..",
		"/chatgroups/.":                ".",
		"/chatgroups/user":             "user",
		"/chatgroups/%C3%BC%20%25/":    "ü %",
		"/chatgroups/ü%20%25?limit=2":  "ü %",
		"/chatgroups/../announcement/": "",
	} {
		o := s.answer(t, request{path: path})
		if want != "" {
			require.Equal(t, want, o["data"].([]any)[0].(object)["id"], path)
		}
	}
	require.NotNil(t, s.answer(t, request{path: "/chatgroups/c%2Cd/announcement"})["data"], "a route of one group takes the segment whole")
	for _, path := range []string{"", "/", "/x", "/chatgroups/a/b/c", "/chatgroups/a/nothing", "/../app/chatgroups", "/chatgroups/../../app/chatgroups", "/chatgroup"} {
		s.refused(t, request{path: path}, 404, "not_found", "null for uri: http://host/org/app"+path)
		s.refused(t, request{path: path, method: "PATCH"}, 404, "not_found", "null for uri: http://host/org/app"+path)
	}
	s.refused(t, request{path: "/x?a=<b>"}, 404, "not_found", "null for uri: http://host/org/app/x?a=<b>")
}

func TestHandler_Methods(t *testing.T) {
	t.Parallel()
	s := setup(t)
	for path, allow := range map[string]string{
		"/chatgroups":                  "GET, POST",
		"/chatgroups/g/":               "GET, PUT, DELETE",
		"/chatgroups/g/users":          "GET, POST",
		"/chatgroups/g/share_files/f":  "GET, DELETE",
		"/chatgroups/user/bob":         "GET",
		"/token":                       "POST",
		"/users":                       "POST, DELETE",
		"/users/u/joined_chatgroups//": "GET",
	} {
		w := s.do(t, request{method: "PATCH", path: path})
		require.Equal(t, 405, w.Code, path)
		require.Equal(t, allow, w.Header().Get("Allow"), path)
		require.Equal(t, "method_not_allowed", decode(t, w)["error"])
	}
}

// Every route, and what it needs of its body.
func TestHandler_EveryRoute(t *testing.T) {
	t.Parallel()
	s := setup(t)
	for line := range strings.SplitSeq(strings.TrimSpace(everyRoute), "\n") {
		method, path, _ := strings.Cut(strings.TrimSpace(line), " ")
		t.Run(line, func(t *testing.T) {
			t.Run("needs a token", func(t *testing.T) {
				s.refused(t, request{method: method, path: path, token: "-"}, 401, "group_authorization", "token is blank!")
				s.refused(t, request{method: method, path: path, token: "bad"}, 401, "group_authorization", "this token is bad, or has expired!")
				s.refused(t, request{method: method, path: path, token: "u-"}, 401, "group_authorization", "this token is bad, or has expired!")
				s.refused(t, request{method: method, path: path, token: "fails"}, 503, "service_unavailable", "Service Unavailable")
			})
			t.Run("of an app", func(t *testing.T) {
				r := httptest.NewRequestWithContext(t.Context(), method, "http://host/org/other"+path, nil)
				w := httptest.NewRecorder()
				s.handler.ServeHTTP(w, r)
				require.Equal(t, 404, w.Code)
				o := decode(t, w)
				require.Equal(t, "organization_application_not_found", o["error"])
				path, _, _ := strings.Cut(path, "?")
				require.Equal(t, "Could not find application for org/other from URI: org/other"+path, o["error_description"])
			})
			t.Run("a body that is not used", func(t *testing.T) {
				want := s.do(t, request{method: method, path: path})
				if method == "POST" && !strings.HasSuffix(path, "/u") && !strings.HasSuffix(path, "/ban") || method == "PUT" {
					return
				}
				for _, body := range []string{"{}", "null", `{"groupinfo":""}`, "{", "\xff", "<xml/>"} {
					got := s.do(t, request{method: method, path: path, body: body, header: http.Header{"Content-Type": {"application/xml"}}})
					require.Equal(t, want.Code, got.Code, body)
				}
			})
		})
	}
}

const everyRoute = `
	GET /chatgroups
	POST /chatgroups
	GET /chatgroups/g
	PUT /chatgroups/g
	DELETE /chatgroups/g
	GET /users/u/joined_chatgroups
	GET /chatgroups/g/announcement
	POST /chatgroups/g/announcement
	GET /chatgroups/g/share_files
	POST /chatgroups/g/share_files
	GET /chatgroups/g/share_files/f
	DELETE /chatgroups/g/share_files/f
	GET /chatgroups/g/users
	POST /chatgroups/g/users
	POST /chatgroups/g/users/u
	DELETE /chatgroups/g/users/u
	GET /chatgroups/g/admin
	POST /chatgroups/g/admin
	DELETE /chatgroups/g/admin/u
	GET /chatgroups/g/blocks/users
	POST /chatgroups/g/blocks/users
	POST /chatgroups/g/blocks/users/u
	DELETE /chatgroups/g/blocks/users/u
	GET /chatgroups/g/mute
	POST /chatgroups/g/mute
	DELETE /chatgroups/g/mute/u
	POST /chatgroups/g/ban
	DELETE /chatgroups/g/ban
	GET /chatgroups/g/white/users
	POST /chatgroups/g/white/users
	POST /chatgroups/g/white/users/u
	DELETE /chatgroups/g/white/users/u
	POST /chatgroups/g/apply
	POST /chatgroups/g/apply_verify
	POST /chatgroups/g/invite
	POST /chatgroups/g/invite_verify
	DELETE /chatgroups/g/quit
	GET /publicchatgroups
	GET /chatgroups/user/u
	GET /users/u
	DELETE /users/u
	DELETE /users?limit=1`

// A group that does not exist, by every route of a group. A private group answers an outsider in the
// same way, byte for byte.
func TestHandler_GroupNotFound(t *testing.T) {
	t.Parallel()
	s := setup(t)
	hidden := string(s.group(t))
	bodies := map[string]string{
		"users": `{"usernames":["u"]}`, "announcement": `{"announcement":"x"}`, "mute": `{"usernames":["u"],"mute_duration":1}`,
		"admin": `{"newadmin":"u"}`, "g": `{"groupname":"x"}`, "apply_verify": `{"applicant":"u","verifyResult":true}`,
		"invite": `{"usernames":["u"]}`, "invite_verify": `{"invitee":"other","verifyResult":true}`,
		"share_files": upload("f.txt", "x"),
	}
	for line := range strings.SplitSeq(strings.TrimSpace(everyRoute), "\n") {
		method, path, _ := strings.Cut(strings.TrimSpace(line), " ")
		if !strings.HasPrefix(path, "/chatgroups/g") {
			continue
		}
		q := request{method: method, path: path, token: "u-other", body: bodies[path[strings.LastIndex(path, "/")+1:]]}
		if strings.HasSuffix(path, "share_files") {
			q.header = http.Header{"Content-Type": {"multipart/form-data; boundary=b"}}
		}
		t.Run(line, func(t *testing.T) {
			if path == "/chatgroups/g" && method == "GET" || path == "/chatgroups/g/users" && method == "GET" {
				s.refused(t, q, 404, "service_resource_not_found", "do not find this group:g")
			} else {
				s.refused(t, q, 404, "resource_not_found", "grpID g does not exist!")
			}
			missing := s.do(t, q)
			q.path = strings.Replace(path, "/g", "/"+hidden, 1)
			got := s.do(t, q)
			require.Equal(t, missing.Code, got.Code)
			require.Equal(t, missing.Body.String(), strings.ReplaceAll(got.Body.String(), hidden, "g"))
			require.Equal(t, withoutID(missing.Header()), withoutID(got.Header()))
		})
	}
}

// withoutID returns the header of an answer without what differs between two requests.
func withoutID(h http.Header) http.Header {
	h = h.Clone()
	h.Del("X-Request-Id")
	h.Del("Content-Length")
	return h
}

func TestHandler_Bodies(t *testing.T) {
	t.Parallel()
	s := setup(t, func(set *setting) { set.options.MaxBody = 100 })
	id := string(s.group(t))
	set := func(body, contentType string) request {
		return request{method: "POST", path: "/chatgroups/" + id + "/announcement", body: body, header: http.Header{"Content-Type": {contentType}}}
	}
	for _, contentType := range []string{"application/json", "application/json; charset=utf-8", "application/x-www-form-urlencoded", "", "text/plain", "nonsense", "application/vnd.api+json"} {
		s.answer(t, set(`{"announcement":"x"}`, contentType))
	}
	for _, contentType := range []string{"application/xml", "text/xml; charset=utf-8", "image/svg+xml", "multipart/form-data; boundary=x", "text/html", "image/png"} {
		s.refused(t, set(`{"announcement":"x"}`, contentType), 415, "web_application", "Unsupported Media Type")
	}
	large := `{"announcement":"` + strings.Repeat("x", 100) + `"}`
	s.refused(t, set(large, ""), 413, "Request Entity Too Large", "Request Entity Too Large")
	t.Run("of unknown length", func(t *testing.T) {
		for body, want := range map[string]int{large: 413, `{"announcement":"y"}`: 200} {
			r := httptest.NewRequestWithContext(t.Context(), "POST", "/org/app/chatgroups/"+id+"/announcement", struct{ *strings.Reader }{strings.NewReader(body)})
			r.ContentLength = -1
			r.Header.Set("Authorization", "Bearer app")
			w := httptest.NewRecorder()
			s.handler.ServeHTTP(w, r)
			require.Equal(t, want, w.Code)
		}
	})
	t.Run("that is cut off", func(t *testing.T) {
		r := httptest.NewRequestWithContext(t.Context(), "POST", "/org/app/chatgroups/"+id+"/announcement", brokenReader{})
		r.Header.Set("Authorization", "Bearer app")
		w := httptest.NewRecorder()
		s.handler.ServeHTTP(w, r)
		require.Equal(t, 400, w.Code)
		require.Equal(t, "json_parse", decode(t, w)["error"])
	})
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, errors.New("reset") }

func TestHandler_Apps(t *testing.T) {
	t.Parallel()
	s := setup(t)
	var asked []string
	var app *rest.App
	var failure error
	h := rest.NewHandler(func(_ context.Context, org, name string) (*rest.App, error) {
		asked = append(asked, org+" "+name)
		return app, failure
	}, nil)
	get := func(path string) (int, string) {
		r := httptest.NewRequestWithContext(t.Context(), "GET", path, nil)
		r.Header.Set("Authorization", "Bearer app")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w.Code, decode(t, w)["error"].(string)
	}
	want := func(status int, code, path string) {
		gotStatus, gotCode := get(path)
		require.Equal(t, []any{status, code}, []any{gotStatus, gotCode}, path)
	}
	want(404, "organization_application_not_found", "/a%2Fb/c%20d/chatgroups")
	require.Equal(t, []string{"a/b c d"}, asked)
	want(404, "not_found", "/")
	want(404, "not_found", "/org")
	want(404, "not_found", "/org//")
	require.Len(t, asked, 1, "no app is asked for")
	failure = errors.New("away")
	want(503, "service_unavailable", "/org/app/chatgroups")
	app, failure = &rest.App{Engine: s.engine}, nil
	want(503, "service_unavailable", "/org/app/chatgroups")
	app.Authenticator = tokens{}
	want(404, "not_found", "/org/app/users/user1")
	want(404, "not_found", "/org/app/token")
	app.Engine = nil
	want(503, "service_unavailable", "/org/app/chatgroups")
}

func TestHandler_Limit(t *testing.T) {
	t.Parallel()
	var limiter limits
	s := setup(t, func(set *setting) { set.options.Limit = &limiter })
	s.answer(t, request{path: "/chatgroups", token: "u-user1"})
	require.Equal(t, []rest.Caller{{User: "user1"}}, limiter.asked)
	limiter.wait = 1500 * time.Millisecond
	for _, path := range []string{"/chatgroups", "/nothing"} {
		w := s.do(t, request{path: path})
		require.Equal(t, 429, w.Code)
		require.Equal(t, "2", w.Header().Get("Retry-After"))
		o := decode(t, w)
		require.Equal(t, "reach_limit", o["error"])
		require.Equal(t, "This request has reached api limit", o["error_description"])
	}
	s.refused(t, request{path: "/chatgroups", token: "-"}, 401, "group_authorization", "token is blank!")
	require.Len(t, limiter.asked, 3, "nobody is limited before it is known who calls")
	w := s.do(t, request{method: "POST", path: "/token", token: "-"})
	require.Equal(t, 429, w.Code)
	require.Equal(t, rest.Caller{}, limiter.asked[3])
}

type limits struct {
	asked []rest.Caller
	wait  time.Duration
}

func (l *limits) Allow(_ *rest.App, c rest.Caller, _ *http.Request) (time.Duration, bool) {
	l.asked = append(l.asked, c)
	return l.wait, l.wait == 0
}

func TestHandler_Timeout(t *testing.T) {
	t.Parallel()
	s := setup(t, func(set *setting) {
		set.options.Timeout = time.Nanosecond
		set.engine.UserExists = func(ctx context.Context, _ groupkit.UserID) (bool, error) {
			<-ctx.Done()
			return false, ctx.Err()
		}
	})
	s.refused(t, request{path: "/users/user1/joined_chatgroups"}, 503, "service_unavailable", "Service Unavailable")
}

func TestHandler_Closed(t *testing.T) {
	t.Parallel()
	s := setup(t)
	id := string(s.group(t))
	require.NoError(t, s.engine.Close())
	for _, q := range []request{
		{path: "/chatgroups"}, {path: "/chatgroups/" + id}, {method: "DELETE", path: "/chatgroups/" + id}, {path: "/users/user1/joined_chatgroups"},
		{method: "PUT", path: "/chatgroups/" + id, body: "{}"}, s.upload(id, upload("a", "x")),
		{method: "POST", path: "/chatgroups", body: `{"groupname":"n","owner":"owner","public":true}`},
	} {
		s.refused(t, q, 503, "service_unavailable", "Service Unavailable")
	}
}

func TestTokens(t *testing.T) {
	t.Parallel()
	s := setup(t)
	post := func(body string) request {
		return request{method: "POST", path: "/token", body: body, token: "-", header: http.Header{"Content-Type": {"multipart/form-data"}}}
	}
	w := s.do(t, post(`{"grant_type":"client_credentials","client_id":"client","client_secret":"secret","ttl":""}`))
	require.Equal(t, 200, w.Code)
	require.Equal(t, "no-store", w.Header().Get("Cache-Control"))
	require.Equal(t, `{"access_token":"app","expires_in":3600,"application":"`+appID+`"}`+"\n", w.Body.String())
	for ttl, want := range map[string]string{"60": "60", `"60"`: "60", "-1": "3600", "0": "3600", "1e99": "9223372036", "null": "3600"} {
		w := s.do(t, post(`{"grant_type":"client_credentials","client_id":"client","client_secret":"secret","ttl":`+ttl+`}`))
		require.Equal(t, json.Number(want), decode(t, w)["expires_in"], ttl)
	}
	o := decode(t, s.do(t, post(`{"grant_type":"password","username":"user1","password":"secret"}`)))
	require.Equal(t, "user1", o["user"].(object)["username"])
	require.Equal(t, true, o["user"].(object)["activated"])

	s.refused(t, post(`{"grant_type":"client_credentials","client_id":"x","client_secret":"secret"}`), 400, "invalid_grant", "client_id does not match")
	s.refused(t, post(`{"grant_type":"client_credentials"}`), 400, "invalid_grant", "client_id does not match")
	s.refused(t, post(`{"grant_type":"client_credentials","client_id":"client","client_secret":1}`), 400, "invalid_grant", "client_secret does not match")
	s.refused(t, post(`{"grant_type":"password","username":"user1","password":"x"}`), 400, "invalid_grant", "invalid username or password")
	s.refused(t, post(`{"grant_type":"password","client_id":"client","client_secret":"secret"}`), 400, "invalid_grant", "invalid username or password")
	s.refused(t, post(`{"grant_type":"password","password":"secret"}`), 400, "invalid_grant", "invalid username or password")
	s.refused(t, post(`{"grant_type":"magic"}`), 400, "invalid_parameter", `grant_type "magic" is not supported`)
	s.refused(t, post(``), 400, "invalid_parameter", "grant_type must be provided")
	s.refused(t, post(`{`), 400, "json_parse", "the body is not valid JSON")
}

func TestUsers(t *testing.T) {
	t.Parallel()
	s := setup(t)
	post := func(body string) request { return request{method: "POST", path: "/users/", body: body} }
	o := s.answer(t, post(`{"username":"new1","password":"p","nickname":"x"}`))
	require.NotContains(t, o, "data")
	require.Equal(t, []any{object{"uuid": "id-new1", "type": "user", "created": json.Number("1"), "modified": json.Number("1"), "username": "new1", "activated": true}}, o["entities"])
	require.Len(t, s.answer(t, post(`[{"username":"new2","password":"p"},{"username":"new3","password":"p"}]`))["entities"], 2)

	const taken = "Application " + appID + " Entity user requires that property named username be unique, value of "
	s.refused(t, post(`{"username":"new1","password":"p"}`), 400, "duplicate_unique_property_exists", taken+"new1 exists")
	s.refused(t, post(`[{"username":"new4","password":"p"},{"username":"new1","password":"p"}]`), 400, "duplicate_unique_property_exists", taken+"new1 exists")
	s.refused(t, post(`[{"username":"new4","password":"p"},{"username":"new4","password":"p"}]`), 400, "duplicate_unique_property_exists", taken+"new4 exists")
	for _, body := range []string{`{"password":"p"}`, `[]`, `[null]`, ``, `{"username":7,"password":"p"}`} {
		s.refused(t, post(body), 400, "invalid_parameter", "username must be provided")
	}
	s.refused(t, post(`{"username":"new4"}`), 400, "invalid_parameter", "password must be provided")
	for _, name := range []string{` x`, `a\u0000`, strings.Repeat("x", 256)} {
		s.refused(t, post(`{"username":"`+name+`","password":"p"}`), 400, "invalid_parameter", "username is not valid")
	}
	s.refused(t, post(`[`+strings.Repeat(`{},`, 60)+`{}]`), 400, "invalid_parameter", "users size is more than max limit : 60")
	for _, body := range []string{`[`, `[1]`, `["x"]`, `7`} {
		status, code, _ := s.fault(t, post(body))
		require.Equal(t, []any{400, "json_parse"}, []any{status, code}, body)
	}

	require.Equal(t, "user1", s.answer(t, request{path: "/users/user1"})["entities"].([]any)[0].(object)["username"])
	s.refused(t, request{path: "/users/nobody"}, 404, "service_resource_not_found", "Service resource not found")
	id := string(s.group(t))
	require.Equal(t, "owner", s.answer(t, request{method: "DELETE", path: "/users/owner"})["entities"].([]any)[0].(object)["username"])
	s.refused(t, request{method: "DELETE", path: "/users/owner"}, 404, "service_resource_not_found", "Service resource not found")
	s.answer(t, request{method: "DELETE", path: "/chatgroups/" + id})

	for _, path := range []string{"/users", "/users/", "/users?limit=x"} {
		s.refused(t, request{method: "DELETE", path: path}, 400, "invalid_parameter", "limit must be provided")
	}
	o = s.answer(t, request{method: "DELETE", path: "/users?limit=2"})
	require.Len(t, o["entities"], 2)
	for _, q := range []request{post(`{}`), {path: "/users/user1"}, {method: "DELETE", path: "/users/user1"}, {method: "DELETE", path: "/users?limit=1"}} {
		q.token = "u-user1"
		s.refused(t, q, 403, "forbidden_op", "you have no permission to do this, only the application may")
	}
	s.users.err = errors.New("away")
	s.refused(t, request{path: "/users/user1"}, 503, "service_unavailable", "Service Unavailable")

	t.Run("without a directory", func(t *testing.T) {
		s := setup(t, func(set *setting) { set.noUsers, set.engine.UserExists = true, nil })
		for _, q := range []request{post(`{}`), {path: "/users/user1"}, {method: "PATCH", path: "/users/user1"}} {
			status, code, _ := s.fault(t, q)
			require.Equal(t, []any{404, "not_found"}, []any{status, code})
		}
		require.Equal(t, []any{}, s.answer(t, request{path: "/users/anybody/joined_chatgroups"})["data"])
	})
}
