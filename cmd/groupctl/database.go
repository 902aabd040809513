package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"groupkit"
	"groupkit/store"
	"groupkit/store/fileblob"
	"groupkit/store/pgstore"
	"groupkit/store/sockstore"
)

// A place is where a database is.
type place struct {
	given    string // as a person named it, without a password
	file     string // a bbolt file; "" if it is a server
	postgres string // a connection string; "" if it is a file
	contents string // a folder with the contents of files; "": the usual place
	app      string // the name of the app in a PostgreSQL database; "": the usual one
}

// place returns the database that --db or GROUPCTL_DB names.
func (c *cli) place() (place, error) {
	given, from := c.db, "--db"
	if given == "" {
		given, from = c.env("GROUPCTL_DB"), "GROUPCTL_DB"
	}
	if given == "" {
		return place{}, usage("no database is given: want --db or GROUPCTL_DB")
	}
	p, err := parsePlace(given)
	if err != nil {
		return place{}, usage("%s: %w", from, err)
	}
	p.contents, p.app = c.contents, c.app
	return p, p.check()
}

// parsePlace reads a path or a URL of a database.
func parsePlace(given string) (place, error) {
	scheme, rest, ok := strings.Cut(given, ":")
	switch {
	case ok && (scheme == "postgres" || scheme == "postgresql"):
		u, err := url.Parse(given)
		if err != nil {
			return place{}, errors.New("the URL of the PostgreSQL database cannot be read") // it can contain a password
		}
		return place{given: redacted(u), postgres: given}, nil
	case ok && scheme == "file":
		path, err := url.PathUnescape(strings.TrimPrefix(rest, "//"))
		if err != nil || path == "" {
			return place{}, fmt.Errorf("%q: want file:PATH", given)
		}
		return place{given: path, file: path}, nil
	case ok && strings.HasPrefix(rest, "//"):
		return place{}, fmt.Errorf("%q: want a file, file:PATH or postgres://…", given)
	}
	return place{given: given, file: given}, nil
}

// redacted returns a URL without its passwords.
func redacted(u *url.URL) string {
	shown, query := *u, u.Query()
	for name := range query {
		if strings.Contains(strings.ToLower(name), "password") {
			query.Set(name, "xxxxx")
		}
	}
	shown.RawQuery = query.Encode()
	return shown.Redacted()
}

func (p place) check() error {
	for _, flag := range []struct{ name, value string }{{"--app", p.app}, {"--contents", p.contents}} {
		if flag.value != "" && p.file != "" {
			return usage("%s %q is for a PostgreSQL database, and %q is a file", flag.name, flag.value, p.given)
		}
	}
	return nil
}

// makeHint says how a database comes to be.
const makeHint = "Check --db. groupctl create --init makes a database."

// socket is where a process that has the file shares it.
func (p place) socket() string { return p.file + ".sock" }

// wrap names the database in an error about it.
func (p place) wrap(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, fs.ErrNotExist):
		return hint(exitError{fmt.Errorf("there is no database %q", p.given), exitNotFound}, makeHint)
	case errors.Is(err, store.ErrOlder):
		return hint(fmt.Errorf("database %q: %w", p.given, err), "\"groupctl upgrade\" brings it up to date. An older version cannot open it any more then.")
	case errors.Is(err, store.ErrNewer):
		return hint(fmt.Errorf("database %q: %w", p.given, err), "Use a groupctl of the version that wrote it.")
	case errors.Is(err, groupkit.ErrUnfinished):
		return hint(fmt.Errorf("database %q: %w", p.given, err), "Run the restore or the copy into it again; it goes on.")
	case errors.Is(err, groupkit.ErrCorrupt), errors.Is(err, store.ErrCorrupt):
		return hint(fmt.Errorf("database %q: %w", p.given, err), "It cannot be opened as it is. Keep a copy of it, and restore a backup: \"groupctl restore\".")
	}
	return fmt.Errorf("database %q: %w", p.given, err)
}

// A database is an open database.
type database struct {
	*groupkit.Engine
	place  place
	shared *sockstore.Client // set if another process has the file and shares it
	close  []func() error
}

// Close closes the database.
func (d *database) Close() error {
	var errs []error
	for _, fn := range d.close {
		errs = append(errs, fn())
	}
	return errors.Join(errs...)
}

// read opens the database of the command line to read it, runs fn, and closes it.
func (c *cli) read(ctx context.Context, fn func(*database) error) error {
	return c.with(ctx, &groupkit.Options{Clock: c.now, ReadOnly: true}, fn)
}

// write opens the database of the command line to change it, runs fn, and closes it. The database must exist.
func (c *cli) write(ctx context.Context, fn func(*database) error) error {
	return c.with(ctx, &groupkit.Options{Clock: c.now}, fn)
}

// writeNew is write, and makes the database if there is none.
func (c *cli) writeNew(ctx context.Context, fn func(*database) error) error {
	p, err := c.place()
	if err != nil {
		return err
	}
	if there, err := p.exists(ctx); err != nil {
		return err
	} else if !there {
		if err := p.make(ctx, &groupkit.Options{Clock: c.now}); err != nil {
			return err
		}
		c.note("Made database %q.", p.given)
	}
	return c.write(ctx, fn)
}

func (c *cli) with(ctx context.Context, opts *groupkit.Options, fn func(*database) error) error {
	p, err := c.place()
	if err != nil {
		return err
	}
	return c.at(ctx, p, opts, fn)
}

// at opens a database, runs fn, and closes it.
func (c *cli) at(ctx context.Context, p place, opts *groupkit.Options, fn func(*database) error) (err error) {
	db, err := p.open(ctx, opts)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.wrap(db.Close())) }()
	return fn(db)
}

// open opens the database. It must exist.
func (p place) open(ctx context.Context, opts *groupkit.Options) (*database, error) {
	if p.postgres != "" {
		return p.openPostgres(ctx, opts)
	}
	if err := p.isFile(); err != nil {
		return nil, err
	}
	db, err := p.openFile(opts)
	switch {
	case err == nil:
		return db, nil
	case !errors.Is(err, store.ErrLocked):
		return nil, p.wrap(err)
	case !opts.ReadOnly:
		return nil, hint(exitError{fmt.Errorf("database %q is in use: %w", p.given, err), exitHeld},
			"Stop that process to change the file here, or make the change through it, as by the HTTP API of groupctl serve.")
	}
	client, dialErr := sockstore.Dial(ctx, p.socket())
	if dialErr != nil {
		return nil, hint(exitError{fmt.Errorf("database %q is in use: %w", p.given, err), exitHeld},
			"Stop that process, or let it share the file: Options.Share with sockstore.At(%q). groupctl serve does.", p.socket())
	}
	eng, err := groupkit.New(client.Store(), client.Blobs(), opts)
	if err != nil {
		return nil, errors.Join(p.wrap(err), client.Close())
	}
	return &database{Engine: eng, place: p, shared: client, close: []func() error{eng.Close, client.Close}}, nil
}

// isFile makes sure that there is a file.
func (p place) isFile() error {
	if info, err := os.Stat(p.file); err != nil {
		return p.wrap(err)
	} else if info.IsDir() {
		return fmt.Errorf("%q is a folder; want the file of a database", p.given)
	}
	return nil
}

// exists reports whether there is a database.
func (p place) exists(ctx context.Context) (bool, error) {
	if p.postgres == "" {
		_, err := os.Stat(p.file)
		if errors.Is(err, fs.ErrNotExist) {
			return false, nil
		}
		return true, err
	}
	s, err := pgstore.Open(ctx, p.postgres, &pgstore.Options{Name: p.app, ReadOnly: true})
	if errors.Is(err, store.ErrReadOnly) {
		return false, nil
	}
	if err != nil {
		return false, p.wrapServer(err)
	}
	return true, s.Close()
}

// make makes a database with nothing in it.
func (p place) make(ctx context.Context, opts *groupkit.Options) error {
	if p.postgres == "" {
		if dir := filepath.Dir(p.file); !isFolder(dir) {
			return exitError{fmt.Errorf("database %q cannot be made: there is no folder %q", p.given, dir), exitNotFound}
		}
		eng, err := groupkit.Open(p.file, opts)
		if err != nil {
			return p.wrap(err)
		}
		return p.wrap(eng.Close())
	}
	s, err := pgstore.Open(ctx, p.postgres, &pgstore.Options{Name: p.app})
	if err != nil {
		return p.wrapServer(err)
	}
	eng, err := groupkit.New(s, p.blobs(s, false), opts)
	if err != nil {
		return errors.Join(p.wrap(err), s.Close())
	}
	return p.wrap(eng.Close())
}

func isFolder(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

func (p place) openFile(opts *groupkit.Options) (*database, error) {
	eng, err := groupkit.Open(p.file, opts)
	if err != nil {
		return nil, err
	}
	return &database{Engine: eng, place: p, close: []func() error{eng.Close}}, nil
}

func (p place) openPostgres(ctx context.Context, opts *groupkit.Options) (*database, error) {
	s, err := pgstore.Open(ctx, p.postgres, &pgstore.Options{Name: p.app, ReadOnly: true})
	if err != nil {
		return nil, p.wrapServer(err)
	}
	if !opts.ReadOnly { // there is a database: open it to write
		if err := s.Close(); err != nil {
			return nil, p.wrapServer(err)
		}
		if s, err = pgstore.Open(ctx, p.postgres, &pgstore.Options{Name: p.app}); err != nil {
			return nil, p.wrapServer(err)
		}
	}
	eng, err := groupkit.New(s, p.blobs(s, opts.ReadOnly), opts)
	if err != nil {
		return nil, errors.Join(p.wrap(err), s.Close())
	}
	return &database{Engine: eng, place: p, close: []func() error{eng.Close}}, nil
}

// blobs returns the contents of shared files of a PostgreSQL database.
func (p place) blobs(s *pgstore.Store, readOnly bool) store.Blobs {
	switch {
	case p.contents == "":
		return s.Blobs()
	case readOnly:
		return fileblob.NewReadOnly(p.contents)
	}
	return fileblob.New(p.contents)
}

// wrapServer names a PostgreSQL database in an error of its opening.
func (p place) wrapServer(err error) error {
	switch {
	case errors.Is(err, store.ErrReadOnly):
		return hint(exitError{fmt.Errorf("there is no database of groupkit at %q", p.given), exitNotFound},
			"--app says the name of the app. "+makeHint)
	case errors.Is(err, store.ErrOlder), errors.Is(err, store.ErrNewer), errors.Is(err, context.Canceled):
		return p.wrap(err)
	}
	return hint(exitError{fmt.Errorf("database %q: %w", p.given, err), exitStorage}, "Check the URL and that the server runs.")
}
