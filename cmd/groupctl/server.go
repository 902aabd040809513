package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"groupkit/rest"
	"groupkit/rest/restkit"
)

// A server is the HTTP server of a site.
type server struct {
	http     *http.Server
	health   *health
	log      *slog.Logger
	shutdown time.Duration
}

const maxHeader = 64 << 10 // bytes

func newServer(c *config, site *site, log *slog.Logger) (*server, error) {
	limit, err := restkit.NewRateLimit(&restkit.RateLimitOptions{
		User: rate(c.userRate), System: rate(c.appRate), Token: rate(c.tokenRate),
	})
	if err != nil {
		return nil, err
	}
	api := rest.NewHandler(site.find, &rest.Options{
		Timeout: c.timeout, Logger: log, Origins: c.origins, Limit: limit, BaseURL: c.baseURL,
	})
	health := &health{ready: site.ready, log: log}
	secure, err := c.tls()
	if err != nil {
		return nil, err
	}
	s := &server{
		http: &http.Server{
			Handler: patient(health.around(api), c.timeout), TLSConfig: secure,
			ReadHeaderTimeout: c.headerTimeout, IdleTimeout: c.idleTimeout, MaxHeaderBytes: maxHeader,
			ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn),
		},
		health: health, log: log, shutdown: c.shutdownTimeout,
	}
	s.http.RegisterOnShutdown(api.EndStreams)
	return s, nil
}

// rate returns the limit of a caller. After a pause, the calls of two seconds can come at once.
func rate(perSecond float64) restkit.Rate {
	if perSecond == 0 {
		return restkit.Rate{}
	}
	return restkit.Rate{PerSecond: perSecond, Burst: max(1, int(2*perSecond))}
}

// tls returns nil for plain HTTP.
func (c *config) tls() (*tls.Config, error) {
	if c.tlsCert == "" {
		return nil, nil
	}
	pair, err := tls.LoadX509KeyPair(c.tlsCert, c.tlsKey)
	if err != nil {
		return nil, fmt.Errorf("--tls-cert %q, --tls-key %q: %w", c.tlsCert, c.tlsKey, err)
	}
	return &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}, nil
}

// start answers requests in the background. The channel gets the error that ends it.
func (s *server) start(l net.Listener) <-chan error {
	failed := make(chan error, 1)
	go func() {
		if s.http.TLSConfig != nil {
			failed <- s.http.ServeTLS(l, "", "")
			return
		}
		failed <- s.http.Serve(l)
	}()
	return failed
}

// stop accepts no more requests, and waits for those that run.
func (s *server) stop() error {
	s.health.stopping.Store(true)
	s.log.Info("shutting down", "timeout", s.shutdown)
	wait, cancel := context.WithTimeout(context.Background(), s.shutdown)
	defer cancel()
	err := s.http.Shutdown(wait)
	if errors.Is(err, context.DeadlineExceeded) {
		s.log.Warn("requests were cut off", "after", s.shutdown)
		return s.http.Close()
	}
	return err
}
