package pgstore

import (
	"sync/atomic"
	"time"

	"groupkit/store"
)

// counts are what a Store has done since it was opened.
type counts struct {
	reruns  atomic.Uint64
	writing store.Meter
}

// commit commits a transaction, and counts it if it has written something.
func (c *counts) commit(t *transaction) error {
	writes := t.sql || len(t.topics) > 0 || t.writes()
	began := time.Now()
	err := t.commit()
	if err == nil && writes {
		c.writing.Record(time.Since(began))
	}
	return err
}

// Stats returns what the store has done, and the connections of its pool. Each Update is a commit of its own. Writing is
// the time of the round trip that sends the writes and commits them. The size of the tables is not known
// without a query.
func (s *Store) Stats() store.Stats {
	if s.pool == nil {
		return store.Stats{}
	}
	writing, pool := s.counts.writing.Durations(), s.pool.Stat()
	return store.Stats{
		Kind: "postgres", Updates: &writing.Count, Commits: &writing.Count, Writing: &writing, Reruns: new(s.counts.reruns.Load()),
		Connections: &store.Connections{
			Most: int(pool.MaxConns()), Open: int(pool.TotalConns()), Busy: int(pool.AcquiredConns()),
			Waits: uint64(pool.EmptyAcquireCount()), Waited: pool.EmptyAcquireWaitTime(),
		},
	}
}
