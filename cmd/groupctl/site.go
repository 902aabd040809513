package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"groupkit"
	"groupkit/rest"
	"groupkit/rest/restkit"
	"groupkit/store"
	"groupkit/store/sockstore"
)

// A site is the apps that are served. Each has a database of its own.
type site struct {
	apps   []*app // in the order of the flags
	byName map[string]*app
}

// An app is one app with its open database.
type app struct {
	name   string // ORG/APP
	engine *groupkit.Engine
	tokens *restkit.Tokens
	served *rest.App
}

// openSite opens the databases of all apps, or none.
func openSite(c *config, log *slog.Logger) (*site, error) {
	s := &site{byName: make(map[string]*app)}
	for _, name := range c.apps {
		a, err := openApp(c, name, log)
		if err != nil {
			return nil, errors.Join(err, s.close())
		}
		s.apps = append(s.apps, a)
		s.byName[name] = a
	}
	return s, nil
}

// sweepEvery is how often what has expired is removed from a database.
const sweepEvery = 10 * time.Minute

func openApp(c *config, name string, log *slog.Logger) (*app, error) {
	a := &app{name: name, served: new(rest.App)}
	opts := &groupkit.Options{SweepEvery: sweepEvery, Logger: log.With("app", name)}
	tokens := &restkit.TokensOptions{TTL: c.tokenTTL, MaxTTL: c.tokenTTL}
	var users *restkit.Users
	if c.users {
		var err error
		if users, err = restkit.NewUsers(nil); err != nil {
			return nil, err
		}
		opts.UserExists, tokens.Accounts, a.served.Directory = users.Exists, users, users
	}
	if c.share {
		opts.Share = share(place{file: c.database(name)}.socket(), opts.Logger)
	}
	var err error
	if a.engine, err = openDatabase(c.database(name), opts); err != nil {
		return nil, err
	}
	if users != nil {
		users.Bind(a.engine)
	}
	a.tokens = restkit.NewTokens(a.engine, tokens)
	a.served.Engine, a.served.Authenticator, a.served.Tokens = a.engine, a.tokens, a.tokens
	return a, nil
}

// share returns a function for Options.Share. What cannot be shared, as a path too long for a socket, is served all the same.
func share(path string, log *slog.Logger) func(store.Store, store.Blobs, func() ([]byte, error)) (io.Closer, error) {
	at := sockstore.At(path)
	return func(s store.Store, b store.Blobs, stats func() ([]byte, error)) (io.Closer, error) {
		shared, err := at(s, b, stats)
		if err != nil {
			log.Warn("not shared with other processes", "socket", path, "err", err)
			return io.NopCloser(nil), nil
		}
		return shared, nil
	}
}

func openDatabase(path string, opts *groupkit.Options) (*groupkit.Engine, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("database %q: %w", path, err)
	}
	eng, err := groupkit.Open(path, opts)
	if errors.Is(err, store.ErrLocked) {
		return nil, fmt.Errorf("database %q is in use by another process, perhaps another groupctl: %w", path, err)
	}
	return eng, place{given: path}.wrap(err)
}

// setup returns the client of the app, with its secret if that is new.
func (a *app) setup(ctx context.Context, newSecret bool) (restkit.Client, error) {
	client, err := a.tokens.Setup(ctx)
	if err == nil && newSecret && client.Secret == "" {
		client, err = a.tokens.NewSecret(ctx)
	}
	a.served.ID = client.App
	return client, err
}

// find is a rest.Apps.
func (s *site) find(_ context.Context, org, name string) (*rest.App, error) {
	if a, ok := s.byName[org+"/"+name]; ok {
		return a.served, nil
	}
	return nil, rest.ErrNoApp
}

// ready returns nil if all databases answer.
func (s *site) ready(ctx context.Context) error {
	for _, a := range s.apps {
		if _, _, err := a.engine.System().GroupsPage(ctx, 1, ""); err != nil {
			return fmt.Errorf("app %q: %w", a.name, err)
		}
	}
	return nil
}

// close closes all databases.
func (s *site) close() error {
	var errs []error
	for _, a := range s.apps {
		if err := a.engine.Close(); err != nil {
			errs = append(errs, fmt.Errorf("app %q: %w", a.name, err))
		}
	}
	return errors.Join(errs...)
}
