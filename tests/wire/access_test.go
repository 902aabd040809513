package wire

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/rest"
)

func token(body string) *http.Request {
	r := request("app", "POST /token", body)
	r.Header.Del("Authorization")
	return r
}

func TestToken(t *testing.T) {
	t.Parallel()
	s := setup(t)
	const credentials = `{"grant_type":"client_credentials","client_id":"id","client_secret":"secret"}`
	const ofApp = `{"access_token":"app","expires_in":5184000,"application":"8be024f0-e978-11e8-b697-5d598d5f8402"}`

	for _, kind := range []string{"application/json", "", "application/x-www-form-urlencoded", "text/plain", "application/xml", "nonsense"} {
		t.Run("of the app, with type "+kind, func(t *testing.T) {
			r := token(credentials)
			r.Header.Del("Content-Type")
			if kind != "" {
				r.Header.Set("Content-Type", kind)
			}
			a := s.send(t, r)
			require.Equal(t, 200, a.status, "%s", a.body)
			require.JSONEq(t, ofApp, string(a.body))
		})
	}
	t.Run("of a user", func(t *testing.T) {
		a := s.send(t, token(`{"grant_type":"password","username":"user1","password":"secret of user1"}`))
		require.Equal(t, 200, a.status, "%s", a.body)
		matches(t, parse(t, `{"access_token": "of:user1", "expires_in": 5184000, "application": "<uuid>",
			"user": {"uuid": "<uuid>", "type": "user", "created": "<ms>", "modified": "<ms>", "username": "user1", "activated": true}}`), a.json())
	})
	for ttl, want := range map[string]time.Duration{
		`1024000`: 1024000 * time.Second, `"1024000"`: 1024000 * time.Second, `""`: 0, `0`: 0, `null`: 0,
	} {
		t.Run("ttl "+ttl, func(t *testing.T) {
			s := setup(t)
			a := s.send(t, token(strings.Replace(credentials, "}", `,"ttl":`+ttl+`}`, 1)))
			require.Equal(t, 200, a.status, "%s", a.body)
			require.Equal(t, want, s.tokens.grant.TTL)
		})
	}
	for name, c := range map[string]struct{ body, description string }{
		"wrong client_id":     {`{"grant_type":"client_credentials","client_id":"x","client_secret":"secret"}`, "client_id does not match"},
		"wrong client_secret": {`{"grant_type":"client_credentials","client_id":"id","client_secret":"x"}`, "client_secret does not match"},
		"wrong password":      {`{"grant_type":"password","username":"user1","password":"x"}`, "invalid username or password"},
		"unknown user":        {`{"grant_type":"password","username":"nobody","password":"x"}`, "invalid username or password"},
	} {
		t.Run(name, func(t *testing.T) {
			s.send(t, token(c.body)).fails(400, "invalid_grant", c.description)
		})
	}
	t.Run("needs no token, and a bad one does not matter", func(t *testing.T) {
		r := token(credentials)
		r.Header.Set("Authorization", "Bearer bad")
		require.Equal(t, 200, s.send(t, r).status)
	})
	t.Run("bad JSON", func(t *testing.T) {
		a := s.send(t, token(`{"grant_type"`))
		require.Equal(t, 400, a.status)
		require.Equal(t, "json_parse", a.json()["error"])
	})
	t.Run("no issuer, no route", func(t *testing.T) {
		s := setup(t, func(set *settings) { set.app.Tokens = nil })
		s.send(t, token(credentials)).fails(404, "not_found", "null for uri: http://a1.example.com/chat-demo/testapp/token")
	})
}

func TestAccess(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.group(t, "g", "user1")

	t.Run("unknown app, the token route", func(t *testing.T) {
		for path, description := range map[string]string{
			"/other/testapp/token":   "Could not find application for other/testapp from URI: other/testapp/token",
			"/chat-demo/other/token": "Could not find application for chat-demo/other from URI: chat-demo/other/token",
		} {
			r := httptest.NewRequest("POST", origin+path, strings.NewReader(`{}`))
			s.send(t, r).fails(404, "organization_application_not_found", description)
		}
	})
	t.Run("unknown app, any route, with any token", func(t *testing.T) {
		r := httptest.NewRequest("GET", origin+"/a/b/chatgroups/g/users?x=y", nil)
		s.send(t, r).fails(404, "organization_application_not_found", "Could not find application for a/b from URI: a/b/chatgroups/g/users")
	})
	for name, c := range map[string]struct{ header, description string }{
		"none":           {"", "token is blank!"},
		"empty":          {"Bearer ", "token is blank!"},
		"the word alone": {"Bearer", "token is blank!"},
		"bad":            {"Bearer bad", "this token is bad, or has expired!"},
		"another app's":  {"Bearer YWMt", "this token is bad, or has expired!"},
		"one of nobody":  {"Bearer nobody", "this token is bad, or has expired!"},
	} {
		t.Run("401, token: "+name, func(t *testing.T) {
			// Before everything else: unknown groups, bad bodies, unknown routes, wrong methods.
			for _, call := range []string{
				"GET /chatgroups", "GET /chatgroups/none", "POST /chatgroups/none/users", "GET /nothing/at/all", "PATCH /chatgroups/g", "GET /users/user1",
				"POST /chatgroups/g/share_files", "GET /chatgroups/g/events", "GET /events?access_token=app",
			} {
				r := request("", call, "{")
				r.Header.Del("Authorization")
				if c.header != "" {
					r.Header.Set("Authorization", c.header)
				}
				s.send(t, r).fails(401, "group_authorization", c.description)
			}
		})
	}
	t.Run("503 if it cannot be looked up", func(t *testing.T) {
		a := s.send(t, request("down", "GET /chatgroups"))
		require.Equal(t, 503, a.status)
		require.Equal(t, "service_unavailable", a.json()["error"])
		require.NotContains(t, string(a.body), "kept", "the cause is for the log")
	})
	t.Run("a user acts as the user", func(t *testing.T) {
		require.Equal(t, 200, s.call(t, "of:user1", "GET /chatgroups/g/admin").status)
		a := s.call(t, "of:user2", "GET /chatgroups/g/admin")
		require.Equal(t, 403, a.status)
		require.Contains(t, a.json()["error_description"], "you have no permission to do this, ")
	})
	t.Run("nothing else is 401", func(t *testing.T) {
		for _, call := range []string{"DELETE /chatgroups/g", "POST /users", "GET /users/user1", "DELETE /users/user1", "DELETE /users?limit=1"} {
			a := s.call(t, "of:user2", call, "{}")
			require.Equal(t, 403, a.status, "%s: %s", call, a.body)
			require.Equal(t, "forbidden_op", a.json()["error"])
			require.Contains(t, a.json()["error_description"], "you have no permission to do this, ")
		}
	})
	t.Run("a hidden group is one that is missing", func(t *testing.T) {
		s.create(t, groupkit.NewGroup{ID: "hidden", Owner: "user1"})
		s.call(t, "of:user2", "GET /chatgroups/hidden").fails(404, "service_resource_not_found", "do not find this group:hidden")
		s.call(t, "of:user2", "GET /chatgroups/hidden/admin").fails(404, "resource_not_found", "grpID hidden does not exist!")
	})
}

func TestUsers(t *testing.T) {
	t.Parallel()
	const entity = `{"uuid": "<uuid>", "type": "user", "created": "<ms>", "modified": "<ms>", "username": "%s", "activated": true}`
	user := func(name string) string { return strings.Replace(entity, "%s", name, 1) }

	t.Run("create one", func(t *testing.T) {
		s := setup(t)
		s.call(t, "app", "POST /users", `{"username":"new1","password":"p"}`).is(`{"entities": [` + user("new1") + `]}`)
		s.call(t, "app", "GET /users/new1").is(`{"entities": [` + user("new1") + `]}`)
	})
	t.Run("create several", func(t *testing.T) {
		s := setup(t)
		s.call(t, "app", "POST /users", `[{"username":"new1","password":"p"},{"username":"new2","password":"p"}]`).
			is(`{"entities": [` + user("new1") + `,` + user("new2") + `]}`)
	})
	t.Run("one is taken: nobody is made", func(t *testing.T) {
		s := setup(t)
		a := s.call(t, "app", "POST /users", `[{"username":"new1","password":"p"},{"username":"user1","password":"p"}]`)
		require.Equal(t, 400, a.status)
		require.Equal(t, "duplicate_unique_property_exists", a.json()["error"])
		require.Equal(t, exceptions["duplicate_unique_property_exists"], a.json()["exception"])
		s.call(t, "app", "GET /users/new1").fails(404, "service_resource_not_found", "Service resource not found")
	})
	t.Run("no name or password", func(t *testing.T) {
		s := setup(t)
		s.call(t, "app", "POST /users", `{"password":"p"}`).fails(400, "invalid_parameter", "username must be provided")
		s.call(t, "app", "POST /users", `{"username":"new1"}`).fails(400, "invalid_parameter", "password must be provided")
		s.call(t, "app", "POST /users", `{"username":1,"password":"p"}`).fails(400, "invalid_parameter", "username must be provided")
	})
	t.Run("unknown", func(t *testing.T) {
		s := setup(t)
		s.call(t, "app", "GET /users/x").fails(404, "service_resource_not_found", "Service resource not found")
		s.call(t, "app", "DELETE /users/x").fails(404, "service_resource_not_found", "Service resource not found")
	})
	t.Run("delete", func(t *testing.T) {
		s := setup(t)
		s.call(t, "app", "DELETE /users/user1").is(`{"entities": [` + user("user1") + `]}`)
		s.call(t, "app", "GET /users/user1").fails(404, "service_resource_not_found", "Service resource not found")
		s.call(t, "app", "DELETE /users?limit=2").is(`{"entities": [` + user("testuser") + `,` + user("user2") + `]}`)
	})
	t.Run("a group can be deleted after its owner's user", func(t *testing.T) {
		s := setup(t)
		s.group(t, "g", "user1")
		s.call(t, "app", "DELETE /users/user1")
		s.call(t, "app", "DELETE /chatgroups/g").data(`{"success": true, "groupid": "g"}`)
	})
	t.Run("without a directory", func(t *testing.T) {
		s := setup(t, func(set *settings) { set.app.Directory, set.engine.UserExists = nil, nil })
		for _, call := range []string{"POST /users", "GET /users/user1", "DELETE /users/user1", "DELETE /users?limit=1"} {
			a := s.call(t, "app", call)
			require.Equal(t, 404, a.status, call)
			require.Equal(t, "not_found", a.json()["error"], call)
		}
		s.call(t, "app", "GET /users/whoever/joined_chatgroups").is(`{"data": [], "count": 0}`)
	})
}

// Several apps are served by one handler, each with its engine and its tokens.
func TestApps(t *testing.T) {
	t.Parallel()
	one, two := setup(t), setup(t)
	one.group(t, "g", "user1")
	apps := func(id string, s *server) *rest.App {
		return &rest.App{ID: id, Engine: s.engine, Authenticator: s.tokens}
	}
	first, second := apps(appID, one), apps("527cd7e0-04b3-11e7-9f59-ef10ecd81ff0", two)
	both := &server{handler: rest.NewHandler(choose{"testapp": first, "other": second}.find, nil)}
	require.Equal(t, 200, both.send(t, request("app", "GET /chatgroups/g")).status)
	r := httptest.NewRequest("GET", origin+"/chat-demo/other/chatgroups/g", nil)
	r.Header.Set("Authorization", "Bearer app")
	both.send(t, r).fails(404, "service_resource_not_found", "do not find this group:g")
	r = httptest.NewRequest("GET", origin+"/chat-demo/other/chatgroups", nil)
	r.Header.Set("Authorization", "Bearer app")
	got := both.send(t, r).json()
	require.Equal(t, "other", got["applicationName"])
	require.Equal(t, "527cd7e0-04b3-11e7-9f59-ef10ecd81ff0", got["application"])
}
