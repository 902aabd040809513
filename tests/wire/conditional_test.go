package wire

import (
	"bytes"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func with(r *http.Request, name, value string) *http.Request {
	r.Header.Set(name, value)
	return r
}

func TestIfMatch(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.group(t, "g", "user1", "user2")
	s.group(t, "h", "user1")
	put := func(tag string) *answer {
		return s.send(t, with(request("app", "PUT /chatgroups/g", `{"groupname":"n"}`), "If-Match", tag))
	}
	tag := s.call(t, "app", "GET /chatgroups/g").header.Get("ETag")
	require.Regexp(t, `^"[^"]+-[0-9]+"$`, tag)
	require.Equal(t, tag, s.call(t, "of:user1", "GET /chatgroups/g").header.Get("ETag"), "the same for everybody")
	require.Empty(t, s.call(t, "app", "GET /chatgroups/g,h").header.Get("ETag"), "of one group only")

	t.Run("the version that is there", func(t *testing.T) {
		a := put(tag)
		require.Equal(t, 200, a.status, "%s", a.body)
		require.Equal(t, s.call(t, "app", "GET /chatgroups/g").header.Get("ETag"), a.header.Get("ETag"), "the tag after the change")
	})
	t.Run("one that is gone", func(t *testing.T) {
		a := put(tag)
		require.Equal(t, 412, a.status, "%s", a.body)
		require.Len(t, a.json(), 5)
	})
	t.Run("another history", func(t *testing.T) {
		other := setup(t)
		other.group(t, "g", "user1", "user2")
		require.Equal(t, 412, put(other.call(t, "app", "GET /chatgroups/g").header.Get("ETag")).status)
	})
	t.Run("not valid", func(t *testing.T) {
		for _, bad := range []string{"x", `"unclosed`, "7"} {
			require.Equal(t, 400, put(bad).status, bad)
		}
	})
	t.Run("every change", func(t *testing.T) {
		for _, c := range []struct{ call, body string }{
			{"DELETE /chatgroups/g", ""}, {"POST /chatgroups/g/announcement", `{"announcement":"a"}`}, {"POST /chatgroups/g/users/user3", ""},
			{"POST /chatgroups/g/users", `{"usernames":["user3"]}`}, {"DELETE /chatgroups/g/users/user2", ""}, {"POST /chatgroups/g/admin", `{"newadmin":"user2"}`},
			{"POST /chatgroups/g/blocks/users/user2", ""}, {"POST /chatgroups/g/mute", `{"usernames":["user2"],"mute_duration":-1}`}, {"POST /chatgroups/g/ban", ""},
			{"POST /chatgroups/g/white/users/user2", ""}, {"POST /chatgroups/g/invite", `{"usernames":["user3"]}`},
		} {
			a := s.send(t, with(request("app", c.call, nonempty(c.body)...), "If-Match", tag))
			require.Equal(t, 412, a.status, "%s: %s", c.call, a.body)
		}
	})
}

func TestIdempotencyKey(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.group(t, "g", "user1")
	create := func(key, body string) *answer {
		return s.send(t, with(request("app", "POST /chatgroups", body), "Idempotency-Key", key))
	}
	const body = `{"groupname":"n","public":true,"owner":"user1"}`
	t.Run("the same call is made once", func(t *testing.T) {
		first, again := create("k1", body), create("k1", body)
		require.Equal(t, 200, first.status, "%s", first.body)
		require.Equal(t, first.json()["data"], again.json()["data"])
		require.NotEqual(t, first.json()["data"], create("k2", body).json()["data"])
	})
	t.Run("adding twice", func(t *testing.T) {
		for range 2 {
			a := s.send(t, with(request("app", "POST /chatgroups/g/users/user2"), "Idempotency-Key", "k3"))
			a.data(`{"result": true, "groupid": "g", "action": "add_member", "user": "user2"}`)
		}
	})
	t.Run("another call with the same key", func(t *testing.T) {
		a := create("k1", strings.Replace(body, `"n"`, `"m"`, 1))
		require.GreaterOrEqual(t, a.status, 400)
		require.Less(t, a.status, 500)
	})
	t.Run("a key that can be none", func(t *testing.T) {
		a := create(strings.Repeat("k", 1000), body)
		require.Equal(t, 400, a.status, "%s", a.body)
	})
}

func TestMiddleware(t *testing.T) {
	t.Parallel()
	t.Run("request IDs", func(t *testing.T) {
		t.Parallel()
		s := setup(t)
		a := s.send(t, with(request("app", "GET /chatgroups"), "X-Request-Id", "my-id"))
		require.Equal(t, "my-id", a.header.Get("X-Request-Id"))
		for _, bad := range []string{"", "a\nb", "a b", strings.Repeat("x", 129), "\u00e4"} {
			id := s.send(t, with(request("app", "GET /chatgroups"), "X-Request-Id", bad)).header.Get("X-Request-Id")
			require.NotEqual(t, bad, id)
			require.NotEmpty(t, id)
		}
		require.NotEmpty(t, s.send(t, request("bad", "GET /chatgroups")).header.Get("X-Request-Id"), "of errors too")
	})
	t.Run("the access log", func(t *testing.T) {
		t.Parallel()
		var log bytes.Buffer
		s := setup(t, func(set *settings) { set.rest.Logger = slog.New(slog.NewJSONHandler(&log, nil)) })
		s.send(t, with(request("of:user1", "GET /chatgroups?x=hidden"), "X-Request-Id", "my-id"))
		require.Equal(t, 1, strings.Count(log.String(), "\n"), "one line")
		for _, want := range []string{`"my-id"`, `"GET"`, "/chat-demo/testapp/chatgroups", "200"} {
			require.Contains(t, log.String(), want)
		}
		require.NotContains(t, log.String(), "of:user1", "no token")
		require.NotContains(t, log.String(), "hidden")
	})
	t.Run("CORS", func(t *testing.T) {
		t.Parallel()
		ask := func(s *server, method, from string) *answer {
			r := with(request("app", method+" /chatgroups"), "Origin", from)
			if method == "OPTIONS" {
				r.Header.Del("Authorization")
				r.Header.Set("Access-Control-Request-Method", "POST")
			}
			return s.send(t, r)
		}
		none := setup(t)
		require.Empty(t, ask(none, "GET", "https://a.example").header.Get("Access-Control-Allow-Origin"))
		one := setup(t, func(set *settings) { set.rest.Origins = []string{"https://a.example"} })
		require.Equal(t, "https://a.example", ask(one, "GET", "https://a.example").header.Get("Access-Control-Allow-Origin"))
		require.Empty(t, ask(one, "GET", "https://b.example").header.Get("Access-Control-Allow-Origin"))
		pre := ask(one, "OPTIONS", "https://a.example")
		require.Less(t, pre.status, 300, "without a token")
		require.Contains(t, pre.header.Get("Access-Control-Allow-Methods"), "POST")
		require.Contains(t, pre.header.Get("Access-Control-Allow-Headers"), "Authorization")
		all := setup(t, func(set *settings) { set.rest.Origins = []string{"*"} })
		require.Equal(t, "*", ask(all, "GET", "https://b.example").header.Get("Access-Control-Allow-Origin"))
	})
}
