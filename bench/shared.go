package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"

	"github.com/jackc/pgx/v5"

	"groupkit"
	"groupkit/store"
	"groupkit/store/boltstore"
	"groupkit/store/pgstore"
)

// A countingStore counts transactions and the runs of their functions: the difference is how
// often a transaction was run again after a conflict.
type countingStore struct {
	*pgstore.Store
	commits, runs atomic.Int64
}

func (s *countingStore) Update(ctx context.Context, fn func(store.Writer) error) error {
	s.commits.Add(1)
	return s.Store.Update(ctx, func(w store.Writer) error {
		s.runs.Add(1)
		return fn(w)
	})
}

// retries is how many runs a transaction needs beyond the first.
func (s *countingStore) retries() float64 {
	commits := s.commits.Load()
	return float64(s.runs.Load()-commits) / float64(max(commits, 1))
}

// A sharedEngine is groupkit on a PostgreSQL that other processes can use, too.
type sharedEngine struct {
	*kit
	store *countingStore
	url   string
}

// openShared opens the application's data in the database, with a pool of so many connections.
func openShared(a *app, url string, connections int) (*sharedEngine, error) {
	s, err := pgstore.Open(context.Background(), fmt.Sprintf("%s&pool_max_conns=%d", url, connections), nil)
	if err != nil {
		return nil, err
	}
	counting := &countingStore{Store: s}
	eng, err := groupkit.New(counting, s.Blobs(), kitOptions())
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return &sharedEngine{&kit{a, eng}, counting, url}, nil
}

// shared is groupkit on PostgreSQL with the application in it, or nil without PostgreSQL.
func (r *run) shared(a *app) (*sharedEngine, error) {
	at, err := r.sharedDatabase(a)
	if at == "" {
		return nil, err
	}
	return openShared(a, at, r.callers)
}

// sharedDatabase is the URL of a database with the records of the application's file.
func (r *run) sharedDatabase(a *app) (string, error) {
	at, err := r.database()
	if at == "" {
		return "", err
	}
	path, err := r.kitFile(a)
	if err != nil {
		return "", err
	}
	r.say("copying the records of %d memberships to PostgreSQL", a.memberships)
	return at, copyRecords(context.Background(), path, at)
}

// copyRecords copies the records of a file of groupkit into the table of an empty pgstore.
func copyRecords(ctx context.Context, path, url string) (err error) {
	from, err := boltstore.Open(path, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, from.Close()) }()
	to, err := pgstore.Open(ctx, url, nil) // makes the tables
	if err != nil {
		return err
	}
	if err := to.Close(); err != nil {
		return err
	}
	c, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.Close(ctx)) }()
	err = from.View(ctx, func(r store.Reader) error {
		_, err := c.CopyFrom(ctx, pgx.Identifier{"groupkit_records"}, []string{"key", "value"}, &recordSource{reader: r, more: true})
		return err
	})
	if err != nil {
		return err
	}
	_, err = c.Exec(ctx, "VACUUM ANALYZE groupkit_records")
	return err
}

// A recordSource gives all pairs of a reader to CopyFrom.
type recordSource struct {
	reader store.Reader
	page   []store.Pair
	at     int
	next   []byte
	more   bool
	err    error
}

func (s *recordSource) Next() bool {
	if s.at++; s.at < len(s.page) {
		return true
	}
	if !s.more {
		return false
	}
	s.page, s.more, s.err = s.reader.Scan(store.Range{From: s.next, Limit: 10_000})
	if s.err != nil || len(s.page) == 0 {
		return false
	}
	s.at, s.next = 0, slices.Concat(s.page[len(s.page)-1].Key, []byte{0})
	return true
}

func (s *recordSource) Values() ([]any, error) {
	return []any{s.page[s.at].Key, s.page[s.at].Value}, nil
}

func (s *recordSource) Err() error { return s.err }
