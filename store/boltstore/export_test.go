package boltstore

import (
	"os"

	bolt "go.etcd.io/bbolt"
)

// DB returns the database of s, for tests that make it fail.
func (s *Store) DB() *bolt.DB { return s.db }

// Locks reports whether a file is locked before it is inspected.
const Locks = locks

// MaxBatch is the maximum number of Updates in one commit.
const MaxBatch = maxBatch

// MaxRelaxed is the maximum size in bytes of unsaved changes in memory.
const MaxRelaxed = maxRelaxed

// Waiting returns the number of waiting Updates.
func (s *Store) Waiting() int { return s.queue.length() }

// Unread returns the number of leaves of a bucket that were not read yet.
func (s *Store) Unread(bucket string) int64 {
	if u := s.unread[bucket]; u != nil {
		return u.left.Load()
	}
	return 0
}

// File returns the file of s.
func (s *Store) File() *os.File { return s.file }
