package rest

import (
	"errors"
	"math"
	"strconv"
	"time"
)

// findApp returns the app that the path names.
func (c *call) findApp() (*App, error) {
	app, err := c.h.apps(c.r.Context(), c.org, c.name)
	switch {
	case errors.Is(err, ErrNoApp), err == nil && app == nil:
		return nil, noApp(c)
	case err != nil:
		return nil, err
	case app.Engine == nil || app.Authenticator == nil:
		return nil, errIncomplete
	}
	return app, nil
}

var errIncomplete = errors.New("rest: the app has no Engine or no Authenticator")

// authenticate returns who calls. Nobody is refused.
func (c *call) authenticate() (Caller, error) {
	caller, err := c.app.Authenticator.Authenticate(c.asked)
	switch {
	case errors.Is(err, ErrNoToken):
		return Caller{}, blankToken
	case errors.Is(err, ErrBadToken), err == nil && caller == Caller{}:
		return Caller{}, badToken
	}
	return caller, err
}

// limit asks the limiter whether the caller may call now.
func (c *call) limit() error {
	if c.h.opts.Limit == nil {
		return nil
	}
	wait, ok := c.h.opts.Limit.Allow(c.app, c.caller, c.asked)
	if ok {
		return nil
	}
	seconds := math.Ceil(max(wait, time.Second).Seconds())
	c.w.Header().Set("Retry-After", strconv.FormatFloat(seconds, 'f', 0, 64))
	return tooManyCalls
}

// uri returns the scheme, the host and the path as asked, without the query.
func (c *call) uri() string { return c.base() + c.asked.URL.EscapedPath() }

// url returns the whole URL as asked.
func (c *call) url() string {
	if c.asked.URL.RawQuery == "" {
		return c.uri()
	}
	return c.uri() + "?" + c.asked.URL.RawQuery
}

// base returns the scheme and the host.
func (c *call) base() string {
	switch {
	case c.h.opts.BaseURL != "":
		return c.h.opts.BaseURL
	case c.asked.TLS != nil:
		return "https://" + c.asked.Host
	}
	return "http://" + c.asked.Host
}

// onlySystem refuses a user.
func (c *call) onlySystem() error {
	if !c.caller.System {
		return forbidden("only the application may")
	}
	return nil
}

// onlyUser refuses the application.
func (c *call) onlyUser() error {
	if c.caller.System {
		return forbidden("only a user may")
	}
	return nil
}
