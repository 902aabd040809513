package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestHealth(t *testing.T) {
	t.Parallel()
	s, err := openSite(&config{apps: []string{"a/b", "a/c"}, data: t.TempDir(), users: true}, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	h := &health{ready: s.ready, log: slog.New(slog.DiscardHandler)}
	handler := h.around(http.NotFoundHandler())
	require.Equal(t, "200 ok\n", ask(handler, "GET", "/readyz"))
	require.Equal(t, "200 ", ask(handler, "HEAD", "/readyz"))
	require.Equal(t, "404 404 page not found\n", ask(handler, "GET", "/a/readyz"))
	require.NoError(t, s.apps[1].engine.Close())
	require.Equal(t, "503 not ready\n", ask(handler, "GET", "/readyz"))
	require.Equal(t, "200 ok\n", ask(handler, "GET", "/healthz"))
	require.NoError(t, s.close())
}

func TestHealth_Stopping(t *testing.T) {
	t.Parallel()
	h := &health{ready: func(context.Context) error { return nil }, log: slog.New(slog.DiscardHandler)}
	h.stopping.Store(true)
	require.Equal(t, "503 shutting down\n", ask(h.around(nil), "GET", "/readyz"))
	h.stopping.Store(false)
	h.ready = func(context.Context) error { return errors.New("password of the database") }
	require.Equal(t, "503 not ready\n", ask(h.around(nil), "GET", "/readyz"), "everybody can ask")
}

func ask(h http.Handler, method, path string) string {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(method, path, nil))
	return fmt.Sprint(w.Code, " ", w.Body)
}
