package rest

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParsePath(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]address{
		"":                         {path: "/"},
		"/":                        {path: "/"},
		"///":                      {path: "/"},
		"/o":                       {path: "/o"},
		"/o/":                      {path: "/o"},
		"*":                        {path: "*"},
		"o/a/x":                    {path: "o/a/x"},
		"/o/a":                     {"/o/a", "o", "a", "/"},
		"/o/a/":                    {"/o/a", "o", "a", "/"},
		"//o///a//chatgroups//":    {"/o/a/chatgroups", "o", "a", "/chatgroups"},
		"/o/a/chatgroups/a%2F%2Fb": {"/o/a/chatgroups/a%2F%2Fb", "o", "a", "/chatgroups/a%2F%2Fb"},
		"/o%2F/a/x":                {"/o%2F/a/x", "o%2F", "a", "/x"},
		"/../a/x":                  {"/../a/x", "..", "a", "/x"},
		"/o/a/../../b/./c":         {"/o/a/../../b/./c", "o", "a", "/../../b/./c"},
	} {
		require.Equal(t, want, parsePath(path), path)
	}
}

func TestAddress_Routed(t *testing.T) {
	t.Parallel()
	for rest, want := range map[string]string{
		"/x":            "/x",
		"/x/..":         "/x/%2E%2E",
		"/./x":          "/%2E/x",
		"/x/.hidden":    "/x/.hidden",
		"/x/a%2F..%2Fb": "/x/a%2F..%2Fb",
		"/x/%2e%2E/y":   "/x/%2e%2E/y",
		"/x/...":        "/x/...",
		"/x/a,b":        "/x/a,b",
		"/x/%zz":        "/x/%25zz",
	} {
		require.Equal(t, want, (&address{rest: rest}).routed("q").EscapedPath(), rest)
	}
}

// A path never makes http.ServeMux redirect, and never reaches a route of another path.
func FuzzPath(f *testing.F) {
	for _, path := range []string{"/o/a/chatgroups/../x", "//o//a//..//.", "/o/a/%2e%2e/%2F", "/o/a/chatgroups/x%00", "/o/a/ü", "/o/a/a;b=c"} {
		f.Add(path)
	}
	mux := (&Handler{}).newMux()
	f.Fuzz(func(t *testing.T, path string) {
		asked, err := url.Parse("http://host" + path)
		if err != nil {
			return // net/http refuses it
		}
		at := parsePath(asked.EscapedPath())
		if at.app == "" {
			return
		}
		u := at.routed("")
		h, pattern := mux.Handler(&http.Request{Method: http.MethodGet, URL: u, Host: "host"})
		require.NotEmpty(t, pattern)
		require.NotContains(t, []string{"*http.redirectHandler"}, typeOf(h))
	})
}
