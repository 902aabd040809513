package rest

import (
	"log/slog"
	"math/rand/v2"
	"net/http"
	"runtime/debug"
	"strconv"
	"time"
)

const (
	requestID    = "X-Request-Id"
	maxRequestID = 128
)

// RequestID is middleware that gives each request an ID: the one of the header X-Request-Id if it
// is 1 to 128 visible ASCII characters, else a random one. The answer has it in the same header.
func RequestID(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := r.Header.Get(requestID)
		if !isRequestID(id) {
			id = strconv.FormatUint(rand.Uint64()|1<<63, 16)
		}
		w.Header()[requestID] = []string{id}
		next.ServeHTTP(w, r)
	})
}

func isRequestID(id string) bool {
	if id == "" || len(id) > maxRequestID {
		return false
	}
	for i := range len(id) {
		if id[i] <= ' ' || id[i] > '~' {
			return false
		}
	}
	return true
}

// AccessLog is middleware that logs one line for each request, with the ID that RequestID gave it.
// It logs no query, no header and no body.
func AccessLog(logger *slog.Logger) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			began, rec := time.Now(), record(w)
			defer func() {
				logger.LogAttrs(r.Context(), slog.LevelInfo, "rest: request",
					slog.String("id", w.Header().Get(requestID)),
					slog.String("method", r.Method), slog.String("path", r.URL.EscapedPath()),
					slog.Int("status", rec.status), slog.Int64("bytes", rec.bytes),
					slog.Duration("duration", time.Since(began)), slog.String("remote", r.RemoteAddr))
			}()
			next.ServeHTTP(rec, r)
		})
	}
}

// Recover is middleware that answers a panic with 500 and logs it with its stack, unless logger is
// nil. If the answer has begun, the connection is closed instead.
func Recover(logger *slog.Logger) func(http.Handler) http.Handler { return recoverAt(logger, time.Now) }

func recoverAt(logger *slog.Logger, clock func() time.Time) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			rec := record(w)
			defer func() {
				cause := recover()
				if cause == nil {
					return
				}
				if cause == http.ErrAbortHandler { //nolint:errorlint // it is what net/http compares
					panic(cause)
				}
				if logger != nil {
					logger.ErrorContext(r.Context(), "rest: panic", "id", w.Header().Get(requestID), "method", r.Method,
						"path", r.URL.EscapedPath(), "panic", cause, "stack", string(debug.Stack()))
				}
				if rec.status != 0 {
					panic(http.ErrAbortHandler)
				}
				now := clock()
				writeJSON(rec, failed.status, failed.body(now, now))
			}()
			next.ServeHTTP(rec, r)
		})
	}
}

// A recorder remembers the status and the size of an answer.
type recorder struct {
	http.ResponseWriter
	status int // 0: nothing is written
	bytes  int64
}

// record returns w, if it is a recorder, or a recorder around it.
func record(w http.ResponseWriter) *recorder {
	if rec, ok := w.(*recorder); ok {
		return rec
	}
	return &recorder{ResponseWriter: w}
}

func (r *recorder) WriteHeader(status int) {
	if r.status == 0 && status >= http.StatusOK { // 1xx come before the answer
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(b []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	n, err := r.ResponseWriter.Write(b)
	r.bytes += int64(n)
	return n, err
}

// Unwrap is for http.ResponseController.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }
