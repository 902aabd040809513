package pgstore

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"groupkit/store"
)

// schema contains the steps that make the tables: each leads from one version of the schema to
// the next. A step never changes once it has been released.
var schema = [][]string{
	{
		`CREATE TABLE APP_records (key bytea PRIMARY KEY, value bytea NOT NULL)`,
		`CREATE TABLE APP_buckets (bucket bytea, key bytea, value bytea NOT NULL, PRIMARY KEY (bucket, key))`,
		`CREATE TABLE APP_contents (id bytea PRIMARY KEY, upload bytea NOT NULL, size bigint NOT NULL)`,
		`CREATE TABLE APP_chunks (upload bytea, place bigint, data bytea NOT NULL, PRIMARY KEY (upload, place))`,
		`CREATE TABLE APP_leftovers (upload bytea PRIMARY KEY, id bytea NOT NULL, used timestamptz NOT NULL)`,
	},
}

// makeMeta makes the table with the version of the schema, and its only row.
var makeMeta = []string{
	`CREATE TABLE IF NOT EXISTS APP_meta (one int PRIMARY KEY, version int NOT NULL, epoch int NOT NULL, cluster text NOT NULL, highest bigint NOT NULL)`,
	`INSERT INTO APP_meta (one, version, epoch, cluster, highest) VALUES (1, 0, 0, '', 0) ON CONFLICT DO NOTHING`,
}

const (
	seeMeta   = `SELECT version, epoch FROM APP_meta WHERE one = 1`
	readMeta  = `SELECT version, epoch, cluster, highest FROM APP_meta WHERE one = 1 FOR UPDATE`
	writeMeta = `UPDATE APP_meta SET version = $1, epoch = $2, cluster = $3, highest = $4 WHERE one = 1`
)

// meta is the row of the table meta.
type meta struct {
	version int
	epoch   uint64 // grows when the numbers of transactions begin anew
	cluster string // which database cluster the numbers are of
	highest uint64 // the number of the transaction of the last opening, without the epoch
}

// prepare makes the tables or brings them up to date, and finds out in which epoch the numbers of
// transactions are. One process does it at a time: the others wait for the row of the meta table.
func (s *Store) prepare(ctx context.Context) error {
	if err := s.recognize(ctx); err != nil {
		return err
	}
	if s.options.ReadOnly {
		return s.options.Retry.Do(ctx, func() error { return s.opening(s.see(ctx)) })
	}
	return s.options.Retry.Do(ctx, func() error {
		err := s.advance(ctx)
		// Between the two statements of makeMeta the table is empty, for ever if the process ends there.
		if !hasCode(err, undefinedTable) && !errors.Is(err, pgx.ErrNoRows) {
			return s.opening(err)
		}
		for _, statement := range makeMeta {
			if _, err := s.pool.Exec(ctx, s.app(statement)); err != nil {
				return s.opening(err)
			}
		}
		return s.opening(s.advance(ctx))
	})
}

// see reads the epoch, and writes nothing.
func (s *Store) see(ctx context.Context) error {
	var m meta
	err := s.pool.QueryRow(ctx, s.app(seeMeta)).Scan(&m.version, &m.epoch)
	switch {
	case hasCode(err, undefinedTable) || errors.Is(err, pgx.ErrNoRows) || err == nil && m.version == 0:
		return fmt.Errorf("%w: there are no tables of %q yet", store.ErrReadOnly, s.options.Name)
	case err != nil:
		return err
	case m.version > len(schema):
		return s.newer(m.version)
	case m.version < len(schema):
		return fmt.Errorf("%w: schema %d of %q: open it once without ReadOnly", store.ErrOlder, m.version, s.options.Name)
	}
	s.epoch = m.epoch
	return nil
}

func (s *Store) newer(version int) error {
	return fmt.Errorf("%w: schema %d of %q (this version knows %d)", store.ErrNewer, version, s.options.Name, len(schema))
}

// opening returns the error of a statement of prepare. Who creates a table that another process is
// creating gets other errors than a conflict.
func (s *Store) opening(err error) error {
	if hasCode(err, uniqueViolation, duplicateTable, duplicateObject, undefinedTable) {
		return fmt.Errorf("%w: %w", store.ErrConflict, err)
	}
	return explain(err)
}

// app puts the name of the app into a statement.
func (s *Store) app(statement string) string {
	return strings.ReplaceAll(statement, "APP_", s.options.Name+"_")
}

// recognize finds out what the server is. Databases that speak the protocol of PostgreSQL number
// their transactions in other ways, and lack its planner's settings.
func (s *Store) recognize(ctx context.Context) error {
	var version string
	if err := s.pool.QueryRow(ctx, "SELECT version()").Scan(&version); err != nil {
		return explain(err)
	}
	s.postgres = strings.HasPrefix(version, "PostgreSQL ") && !strings.Contains(version, "-YB-")
	return nil
}

// advance makes the missing steps of the schema, and determines the epoch, in one transaction.
func (s *Store) advance(ctx context.Context) error {
	return pgx.BeginTxFunc(ctx, s.pool, pgx.TxOptions{IsoLevel: pgx.ReadCommitted}, func(tx pgx.Tx) error {
		var m meta
		if err := tx.QueryRow(ctx, s.app(readMeta)).Scan(&m.version, &m.epoch, &m.cluster, &m.highest); err != nil {
			return err
		}
		if m.version > len(schema) {
			return s.newer(m.version)
		}
		for ; m.version < len(schema); m.version++ {
			for _, statement := range schema[m.version] {
				if _, err := tx.Exec(ctx, s.app(statement)); err != nil {
					return err
				}
			}
		}
		if err := s.number(ctx, tx, &m); err != nil {
			return err
		}
		s.epoch = m.epoch
		_, err := tx.Exec(ctx, s.app(writeMeta), m.version, m.epoch, m.cluster, m.highest)
		return err
	})
}

// number updates what m says about the numbers of transactions.
func (s *Store) number(ctx context.Context, tx pgx.Tx, m *meta) error {
	if !s.postgres {
		return nil
	}
	var current uint64
	if err := tx.QueryRow(ctx, "SELECT pg_current_xact_id()").Scan(&current); err != nil {
		return err
	}
	cluster, err := clusterOf(ctx, tx)
	if err != nil {
		return err
	}
	if current < m.highest || m.cluster != "" && cluster != "" && cluster != m.cluster {
		m.epoch++
	}
	if m.epoch > maxEpoch {
		return fmt.Errorf("pgstore: the numbers of transactions began anew %d times (at most %d)", m.epoch, maxEpoch)
	}
	m.highest = current
	if cluster != "" {
		m.cluster = cluster
	}
	return nil
}

// clusterOf returns the identifier of the database cluster, or "" if it may not be read.
func clusterOf(ctx context.Context, tx pgx.Tx) (cluster string, err error) {
	var may bool
	if err := tx.QueryRow(ctx, "SELECT has_function_privilege('pg_control_system()', 'EXECUTE')").Scan(&may); err != nil || !may {
		return "", err
	}
	err = tx.QueryRow(ctx, "SELECT system_identifier::text FROM pg_control_system()").Scan(&cluster)
	return cluster, err
}
