package main

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"
)

// A health answers whether the server works, for those who watch it.
type health struct {
	ready    func(context.Context) error
	log      *slog.Logger
	stopping atomic.Bool
}

// readyTimeout limits how long the databases may take to answer.
const readyTimeout = 5 * time.Second

// around returns a handler that answers /healthz and /readyz, and passes the rest to next. No app
// has such a path: theirs have two parts.
func (h *health) around(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/healthz":
			answer(w, r, nil)
		case "/readyz":
			answer(w, r, h.check(r.Context()))
		default:
			next.ServeHTTP(w, r)
		}
	})
}

type notReady string

func (e notReady) Error() string { return string(e) }

// check returns an error that says nothing about the databases: everybody can ask.
func (h *health) check(ctx context.Context) error {
	if h.stopping.Load() {
		return notReady("shutting down")
	}
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	if err := h.ready(ctx); err != nil {
		h.log.Error("not ready", "err", err)
		return notReady("not ready")
	}
	return nil
}

func answer(w http.ResponseWriter, r *http.Request, err error) {
	status, text := http.StatusOK, "ok"
	if err != nil {
		status, text = http.StatusServiceUnavailable, err.Error()
	}
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = io.WriteString(w, text+"\n")
	}
}
