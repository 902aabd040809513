package main

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestConfig checks each part of the check on its own; TestServe_BadFlags has what users see.
func TestConfig(t *testing.T) {
	t.Parallel()
	for _, c := range []config{{db: "d", apps: []string{"a/b"}}, {data: "d", apps: []string{"a/b", "a/c", "b/b", "A_1/b-2.c"}}} {
		require.NoError(t, c.checkApps(), "%v", c.apps)
	}
	for _, c := range []config{
		{data: "d", apps: []string{"a/b", "A/b"}}, {db: "d", apps: []string{"a/b", "a/c"}}, {db: "d", apps: []string{"a/.."}},
		{db: "d", apps: []string{"a/b\n"}}, {db: "d", apps: []string{`a/b\c`}}, {db: "d", apps: []string{"a/é"}}, {db: "d", apps: []string{"/b"}},
	} {
		_, wrong := c.checkApps().(usageError) //nolint:errorlint // not wrapped
		require.True(t, wrong, "%v", c.apps)
	}
	require.Equal(t, filepath.Join("d", "a", "b.db"), (&config{data: "d", db: "e"}).database("a/b"))
	require.Equal(t, "e", (&config{db: "e"}).database("a/b"))
	require.Equal(t, "https", (&config{tlsCert: "c"}).scheme())

	ok := config{tokenTTL: time.Second, timeout: time.Second, headerTimeout: time.Second, idleTimeout: time.Second}
	require.NoError(t, ok.checkNumbers())
	require.NoError(t, (&config{baseURL: "http://a:1", origins: []string{"*", "https://b"}}).checkURLs())
	for _, url := range []string{"http://a/", "http://a?b", "http://u@a/", "a", "*", "http://a#b", "https:///"} {
		require.Error(t, (&config{baseURL: url}).checkURLs(), url)
	}
}
