package rest

import (
	"net/http"
	"time"
)

// A Limiter limits how often a caller may call. If it returns false, the request is answered
// with 429 and the time to wait. It must be safe for concurrent use.
//
// For POST /token nobody has called yet: c is the zero Caller, and r says from where the request
// comes. A limit there slows down who tries passwords.
type Limiter interface {
	Allow(app *App, c Caller, r *http.Request) (wait time.Duration, ok bool)
}
