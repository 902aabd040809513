package main

import (
	"cmp"
	"log/slog"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// A config is what the flags say.
type config struct {
	listen          string
	db, data        string
	dbGiven         bool
	apps            []string // ORG/APP
	users           bool
	share           bool
	newSecret       bool
	tokenTTL        time.Duration
	tlsCert, tlsKey string
	baseURL         string
	origins         []string
	userRate        float64
	appRate         float64
	tokenRate       float64

	timeout, headerTimeout, idleTimeout, shutdownTimeout time.Duration

	logLevel slog.Level
}

// scheme is that of the addresses.
func (c *config) scheme() string {
	if c.tlsCert != "" {
		return "https"
	}
	return "http"
}

// database returns the file of an app.
func (c *config) database(app string) string {
	if c.data == "" {
		return c.db
	}
	return filepath.Join(c.data, filepath.FromSlash(app)+".db")
}

// check returns a usage error that names the flag and its value.
func (c *config) check() error {
	return cmp.Or(c.checkApps(), c.checkTLS(), c.checkURLs(), c.checkNumbers())
}

// appName is ORG/APP. Each part is also the name of a file.
var appName = regexp.MustCompile(`^[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}/[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}$`)

func (c *config) checkApps() error {
	named := make(map[string]string, len(c.apps))
	for _, app := range c.apps {
		if !appName.MatchString(app) {
			return usage("--app %q: want ORG/APP, each 1 to 64 letters, digits, '-', '_' or '.', without a '.' first", app)
		}
		key := strings.ToLower(app) // many file systems do not tell them apart
		if other, ok := named[key]; ok {
			return usage("--app %q: --app %q is given too", app, other)
		}
		named[key] = app
	}
	switch {
	case c.data != "" && c.dbGiven:
		return usage("--data %q and --db %q exclude each other", c.data, c.db)
	case c.data == "" && c.db == "":
		return usage(`--db "": want a file`)
	case c.data == "" && len(c.apps) > 1:
		return usage("--app is given %d times, but --db %q is for one app; use --data", len(c.apps), c.db)
	}
	return nil
}

func (c *config) checkTLS() error {
	switch {
	case c.tlsCert != "" && c.tlsKey == "":
		return usage("--tls-cert %q: --tls-key is missing", c.tlsCert)
	case c.tlsCert == "" && c.tlsKey != "":
		return usage("--tls-key %q: --tls-cert is missing", c.tlsKey)
	}
	return nil
}

func (c *config) checkURLs() error {
	if c.baseURL != "" && !isOrigin(c.baseURL) {
		return usage("--base-url %q: want a scheme and a host, such as https://chat.example.org", c.baseURL)
	}
	for _, origin := range c.origins {
		if origin != "*" && !isOrigin(origin) {
			return usage("--cors %q: want *, or a scheme and a host, such as https://app.example.org", origin)
		}
	}
	return nil
}

// isOrigin reports whether the text is a scheme and a host, and nothing else.
func isOrigin(text string) bool {
	u, err := url.Parse(text)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && text == u.Scheme+"://"+u.Host
}

func (c *config) checkNumbers() error {
	for _, rate := range []struct {
		flag  string
		value float64
	}{{"user-rate", c.userRate}, {"app-rate", c.appRate}, {"token-rate", c.tokenRate}} {
		if !(rate.value >= 0 && rate.value <= 1e9) {
			return usage("--%s %v: want 0 to 1e9", rate.flag, rate.value)
		}
	}
	for _, d := range []struct {
		flag  string
		value time.Duration
		least time.Duration
	}{
		{"token-ttl", c.tokenTTL, time.Second}, {"timeout", c.timeout, time.Millisecond}, {"header-timeout", c.headerTimeout, time.Millisecond},
		{"idle-timeout", c.idleTimeout, time.Millisecond}, {"shutdown-timeout", c.shutdownTimeout, 0},
	} {
		if d.value < d.least {
			return usage("--%s %v: want %v or more", d.flag, d.value, d.least)
		}
	}
	return nil
}
