package rest

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"strings"
	"time"
)

// Options configures a Handler. Nil options, and each field that is zero, mean the default in the
// comment of the field.
type Options struct {
	// MaxBody is the largest JSON body in bytes; a larger one is answered with 413. It also limits
	// what an upload has beside the file. Default: 1 MiB.
	MaxBody int64

	// MaxUpload is the largest file in bytes; a larger one is answered with 413. Default: none, the
	// limit of the engine decides.
	MaxUpload int64

	// Timeout limits a request that is not an upload, a download or a stream of events; it is answered
	// with 503. An upload, a download or a stream ends if the client makes the server wait for that
	// time. Default: 30 s.
	Timeout time.Duration

	// KeepAlive is how often a stream of events sends a comment, so that no proxy takes the
	// connection for dead, and asks the Authenticator whether the token is still good. Default: 15 s.
	KeepAlive time.Duration

	// Logger receives one line for each request, and panics with their stacks. Default: none, they
	// are discarded.
	Logger *slog.Logger

	// Origins are the origins of web pages that may read the answers (CORS), such as
	// "https://app.example.org"; "*" allows all. Default: none.
	Origins []string

	// Limit limits how often a caller may call, and how often tokens may be asked for. Default: no
	// limit.
	Limit Limiter

	// BaseURL is the scheme and the host of "uri" and "file_url", such as
	// "https://chat.example.org", for a handler behind a proxy. Default: those of the request.
	// X-Forwarded-* headers are not read, because everybody can send them.
	BaseURL string

	// Clock gives the timestamp and the duration of answers. Default: time.Now.
	Clock func() time.Time
}

const (
	defaultMaxBody   = 1 << 20
	defaultTimeout   = 30 * time.Second
	defaultKeepAlive = 15 * time.Second
)

// orDefaults returns a copy of the options in which every field is set that has a default.
func (o *Options) orDefaults() Options {
	var out Options
	if o != nil {
		out = *o
	}
	out.MaxBody = cmp.Or(out.MaxBody, defaultMaxBody)
	out.Timeout = cmp.Or(out.Timeout, defaultTimeout)
	if out.KeepAlive <= 0 {
		out.KeepAlive = defaultKeepAlive
	}
	out.BaseURL = strings.TrimRight(out.BaseURL, "/")
	if out.Clock == nil {
		out.Clock = time.Now
	}
	return out
}

// A Handler serves the API. It is safe for concurrent use.
type Handler struct {
	apps Apps
	opts Options
	mux  *http.ServeMux

	standings http.Handler // GET /chatgroups/user/{user}
	serve     http.Handler // the middleware, around dispatch

	serving    context.Context // ends with EndStreams
	endStreams context.CancelFunc
}

// NewHandler returns a Handler that serves the apps that apps finds. If opts is nil, all options
// have their defaults.
func NewHandler(apps Apps, opts *Options) *Handler {
	h := &Handler{apps: apps, opts: opts.orDefaults()}
	h.serving, h.endStreams = context.WithCancel(context.Background())
	h.mux, h.standings = h.newMux(), h.handle(standings)
	h.serve = recoverAt(h.opts.Logger, h.opts.Clock)(CORS(h.opts.Origins...)(http.HandlerFunc(h.dispatch)))
	if h.opts.Logger != nil {
		h.serve = AccessLog(h.opts.Logger)(h.serve)
	}
	h.serve = RequestID(h.serve)
	return h
}

// ServeHTTP answers one request.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) { h.serve.ServeHTTP(w, r) }

// EndStreams ends all streams of events. New ones are answered with 503; everything else is served
// as before. http.Server.Shutdown waits for streams, which do not end by themselves, so let it call
// this: server.RegisterOnShutdown(h.EndStreams).
func (h *Handler) EndStreams() { h.endStreams() }

// A call is one request on its way: who calls what, and what is known of the answer. Only the
// goroutine of the request uses it.
type call struct {
	h     *Handler
	w     http.ResponseWriter
	r     *http.Request   // its URL is what follows the app
	asked *http.Request   // as it came
	ctx   context.Context // of the engine calls
	began time.Time

	at        address
	org, name string
	app       *App
	caller    Caller
	params    map[string][]string // the query, when it was parsed
}

type callKey struct{}

// dispatch finds the app and the caller, and passes the call to its route.
func (h *Handler) dispatch(w http.ResponseWriter, r *http.Request) {
	w.Header()["X-Content-Type-Options"] = nosniff
	c := &call{h: h, w: w, r: r, asked: r, began: h.opts.Clock(), at: parsePath(r.URL.EscapedPath())}
	c.setDeadline(time.Now().Add(h.opts.Timeout)) // also for a body that no route reads
	if err := c.admit(); err != nil {
		c.fail(err)
		return
	}
	c.r = r.WithContext(context.WithValue(r.Context(), callKey{}, c))
	c.r.URL = c.at.routed(r.URL.RawQuery)
	if user, ok := c.standingsOf(); ok {
		c.r.SetPathValue("user", user)
		h.standings.ServeHTTP(w, c.r)
		return
	}
	h.mux.ServeHTTP(w, c.r)
}

var nosniff = []string{"nosniff"}

// admit finds the app and the caller of the call.
func (c *call) admit() (err error) {
	if c.at.app == "" {
		return noRoute(c)
	}
	c.org, c.name = decoded(c.at.org), decoded(c.at.app)
	if c.app, err = c.findApp(); err != nil {
		return err
	}
	if c.at.rest == tokenPath {
		return c.limit()
	}
	if c.caller, err = c.authenticate(); err != nil {
		return err
	}
	return c.limit()
}
