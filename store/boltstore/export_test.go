package boltstore

import bolt "go.etcd.io/bbolt"

// DB is the database of s, for tests that make it fail.
func (s *Store) DB() *bolt.DB { return s.db }

// Locks says whether a file is locked before it is inspected.
const Locks = locks

// MaxBatch is how many Updates share a commit at most.
const MaxBatch = maxBatch

// MaxRelaxed is how many bytes of changes are held in memory at most.
const MaxRelaxed = maxRelaxed

// Waiting is how many Updates are queued.
func (s *Store) Waiting() int { return s.queue.length() }

// Unread is how many leaves of a bucket have not been read yet.
func (s *Store) Unread(bucket string) int64 {
	if u := s.unread[bucket]; u != nil {
		return u.left.Load()
	}
	return 0
}
