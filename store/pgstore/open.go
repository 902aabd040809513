package pgstore

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"groupkit/store"
	"groupkit/store/internal/gate"
	"groupkit/store/internal/overlay"
)

// A Store is a store.Store in a PostgreSQL database. Any number of processes can have the same
// data open.
type Store struct {
	pool       *pgxpool.Pool
	owned      bool // Close closes the pool
	options    Options
	statements statements
	settings   string // the statement that a transaction begins with; empty: the connections have the settings
	postgres   bool   // the server numbers its transactions as PostgreSQL does
	epoch      uint64

	gate   gate.Gate
	turns  turns
	counts counts
	ending sync.WaitGroup // connections that go back to the pool
	closed chan struct{}
}

// connections is how many connections the pool of Open has if the URL does not say it
// (pool_max_conns).
const connections = 16

// pointwise are the settings with which the planner finds keys through the index, however small
// a table is. Who reads a whole table conflicts with everyone who writes to it.
const pointwise = `SELECT set_config('enable_seqscan', 'off', LOCAL), set_config('enable_bitmapscan', 'off', LOCAL)`

// Open opens the data of an app in the database of url, a connection string of PostgreSQL. It makes
// the tables if they are missing. It makes a pool of connections, which Close closes; the
// parameters of [pgxpool.ParseConfig] in the URL say how many.
//
// Returns ErrNewer if a newer version wrote the tables. With Options.ReadOnly it returns store.ErrReadOnly if the tables
// are missing, and store.ErrOlder if an older version wrote them.
func Open(ctx context.Context, url string, options *Options) (*Store, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("pgstore: %w", err)
	}
	if !strings.Contains(url, "pool_max_conns") {
		config.MaxConns = connections
	}
	// A transaction whose connection turns out to be lost is run again: no ping is needed.
	config.ShouldPing = func(context.Context, pgxpool.ShouldPingParams) bool { return false }
	config.AfterConnect = func(ctx context.Context, c *pgx.Conn) error {
		_, err := c.Exec(ctx, strings.ReplaceAll(pointwise, "LOCAL", "false"))
		if hasCode(err, "42704", "22023") { // a database that has no such setting
			return nil
		}
		return err
	}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("pgstore: %w", err)
	}
	s, err := open(ctx, pool, options)
	if err != nil {
		pool.Close()
		return nil, err
	}
	s.owned, s.settings = true, ""
	return s, nil
}

// New opens the data of an app in the database of a pool. The pool belongs to the caller: it stays
// open after Close. Each transaction that is open uses one connection of it. See [Open].
func New(ctx context.Context, pool *pgxpool.Pool, options *Options) (*Store, error) {
	return open(ctx, pool, options)
}

func open(ctx context.Context, pool *pgxpool.Pool, options *Options) (*Store, error) {
	with, err := options.orDefaults()
	if err != nil {
		return nil, err
	}
	s := &Store{pool: pool, options: with, statements: newStatements(with.Name), closed: make(chan struct{})}
	if err := s.prepare(ctx); err != nil {
		return nil, fmt.Errorf("pgstore: open %q: %w", with.Name, err)
	}
	if s.postgres {
		s.settings = strings.ReplaceAll(pointwise, "LOCAL", "true")
	}
	return s, nil
}

// maxKey is the longest key. An entry of an index has at most a third of a page of 8 KiB.
const maxKey = 2048

// maxBytes is how much one transaction writes at most. It is sent in one message.
const maxBytes = 256 << 20

// Sizes returns what the store can take.
func (s *Store) Sizes() store.Sizes {
	return store.Sizes{Key: maxKey, Value: overlay.MaxValue, Bytes: maxBytes}
}

// Exclusive returns false: other processes can change the data.
func (s *Store) Exclusive() bool { return false }

// Close waits for the running transactions. It closes the pool if Open has made it.
func (s *Store) Close() error {
	s.gate.Close(func() {
		close(s.closed)
		s.ending.Wait()
		if s.owned {
			s.pool.Close()
		}
	})
	return nil
}
