package wire

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestEnvelope(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.group(t, "g", "user1", "user2")

	t.Run("the whole of a success", func(t *testing.T) {
		a := s.call(t, "app", "GET /chatgroups/g/admin?pagenum=1&x=a&x=b")
		require.Equal(t, http.StatusOK, a.status)
		require.Equal(t, "application/json", a.header.Get("Content-Type"))
		matches(t, map[string]any{
			"action": "get", "application": "8be024f0-e978-11e8-b697-5d598d5f8402",
			"params":   map[string]any{"pagenum": []any{"1"}, "x": []any{"a", "b"}},
			"uri":      "http://a1.example.com/chat-demo/testapp/chatgroups/g/admin",
			"entities": []any{}, "data": []any{}, "timestamp": "<ms>", "duration": "<number>",
			"organization": "chat-demo", "applicationName": "testapp", "count": number("0"),
		}, a.json())
	})
	t.Run("params are absent if there are none", func(t *testing.T) {
		require.NotContains(t, s.call(t, "app", "GET /chatgroups/g/admin").json(), "params")
	})
	t.Run("a parameter without a value", func(t *testing.T) {
		a := s.call(t, "app", "GET /chatgroups/g/admin?x&y=")
		matches(t, map[string]any{"x": []any{""}, "y": []any{""}}, a.json()["params"])
	})
	t.Run("success is 200, never 201", func(t *testing.T) {
		require.Equal(t, 200, s.call(t, "app", "POST /chatgroups", `{"groupname":"n","public":true,"owner":"user1"}`).status)
		require.Equal(t, 200, s.call(t, "app", "POST /chatgroups/g/users/user3").status)
	})
	t.Run("uri is scheme, host and path as asked", func(t *testing.T) {
		r := request("app", "GET /chatgroups/g/admin?a=b")
		r.Host = "other.example.org:8443"
		a := s.send(t, r)
		require.Equal(t, "http://other.example.org:8443/chat-demo/testapp/chatgroups/g/admin", a.json()["uri"])
	})
	t.Run("uri of a request with TLS", func(t *testing.T) {
		r := request("app", "GET /chatgroups/g/admin")
		r = withTLS(r)
		require.Equal(t, "https://a1.example.com/chat-demo/testapp/chatgroups/g/admin", s.send(t, r).json()["uri"])
	})
	t.Run("forwarded headers are not believed", func(t *testing.T) {
		r := request("app", "GET /chatgroups/g/admin")
		r.Header.Set("X-Forwarded-Proto", "https")
		r.Header.Set("X-Forwarded-Host", "evil.example.org")
		require.Equal(t, "http://a1.example.com/chat-demo/testapp/chatgroups/g/admin", s.send(t, r).json()["uri"])
	})
	t.Run("ids, names and tokens of digits are texts", func(t *testing.T) {
		s.users.add("123")
		a := s.call(t, "app", "POST /chatgroups", `{"groupid":"456","groupname":"789","public":true,"owner":"123"}`)
		a.data(`{"groupid": "456"}`)
		require.Contains(t, string(s.call(t, "app", "GET /chatgroups/456").body), `"name":"789"`)
		s.call(t, "app", "GET /chatgroups/456/users").is(`{"data": [{"owner": "123"}], "count": 1}`)
	})
	t.Run("the whole of an error", func(t *testing.T) {
		a := s.call(t, "app", "GET /chatgroups/none/admin")
		require.Equal(t, http.StatusNotFound, a.status)
		require.Equal(t, "application/json", a.header.Get("Content-Type"))
		matches(t, map[string]any{
			"error": "resource_not_found", "exception": "com.easemob.group.exception.ResourceNotFoundException",
			"error_description": "grpID none does not exist!", "timestamp": "<ms>", "duration": "<number>",
		}, a.json())
	})
	t.Run("a number is written without an exponent", func(t *testing.T) {
		require.Regexp(t, `"timestamp":1[0-9]{12}[,}]`, string(s.call(t, "app", "GET /chatgroups/g/admin").body))
	})
	t.Run("HTML in a text is not escaped away", func(t *testing.T) {
		s.call(t, "app", "POST /chatgroups/g/announcement", `{"announcement":"<b>&</b>"}`)
		s.call(t, "app", "GET /chatgroups/g/announcement").is(`{"data": {"announcement": "<b>&</b>"}, "count": 0}`)
	})
}

// Which answers have a count: the lists of groups, joined, details, members, admins, blocks, files, and 0
// for the announcement.
func TestEnvelope_count(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.group(t, "g", "user1", "user2", "user3")
	file := s.upload(t, "app", "g", "f.txt", "content")
	for _, c := range []struct {
		call, body string
		count      string // "" for none
	}{
		{"GET /chatgroups", "", "1"},
		{"GET /users/user1/joined_chatgroups", "", "1"},
		{"GET /chatgroups/g", "", "1"},
		{"GET /chatgroups/g/users", "", "3"},
		{"GET /chatgroups/g/users?pagenum=2&pagesize=2", "", "1"},
		{"GET /chatgroups/g/admin", "", "0"},
		{"GET /chatgroups/g/blocks/users", "", "0"},
		{"GET /chatgroups/g/share_files", "", "1"},
		{"GET /chatgroups/g/announcement", "", "0"},
		{"GET /chatgroups/g/mute", "", ""},
		{"POST /chatgroups", `{"groupname":"n","public":true,"owner":"user1"}`, ""},
		{"PUT /chatgroups/g", `{"groupname":"m"}`, ""},
		{"POST /chatgroups/g/announcement", `{"announcement":"a"}`, ""},
		{"DELETE /chatgroups/g/share_files/" + file, "", ""},
		{"POST /chatgroups/g/users/user4", "", ""},
		{"POST /chatgroups/g/users", `{"usernames":["user5"]}`, ""},
		{"DELETE /chatgroups/g/users/user5", "", ""},
		{"POST /chatgroups/g/admin", `{"newadmin":"user2"}`, ""},
		{"DELETE /chatgroups/g/admin/user2", "", ""},
		{"POST /chatgroups/g/mute", `{"usernames":["user2"],"mute_duration":1000}`, ""},
		{"DELETE /chatgroups/g/mute/user2", "", ""},
		{"POST /chatgroups/g/blocks/users/user2", "", ""},
		{"POST /chatgroups/g/blocks/users", `{"usernames":["user3"]}`, ""},
		{"DELETE /chatgroups/g/blocks/users/user2", "", ""},
		{"PUT /chatgroups/g", `{"newowner":"user4"}`, ""},
		{"DELETE /chatgroups/g", "", ""},
	} {
		a := s.call(t, "app", c.call, nonempty(c.body)...)
		require.Equal(t, http.StatusOK, a.status, "%s: %s", c.call, a.body)
		got, has := a.json()["count"]
		require.Equal(t, c.count != "", has, c.call)
		if has {
			require.Equal(t, number(c.count), got, c.call)
		}
		require.NotContains(t, a.json(), "error", c.call)
		if !strings.HasPrefix(c.call, "GET /chatgroups/g/mute") {
			require.Equal(t, strings.ToLower(strings.Fields(c.call)[0]), a.json()["action"], c.call)
		}
	}
}
