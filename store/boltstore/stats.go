package boltstore

import (
	"math/bits"
	"os"
	"sync/atomic"
	"time"

	"groupkit/store"
)

// counts are what a Store has done since it was opened.
type counts struct {
	updates atomic.Uint64
	largest atomic.Int64
	writing store.Meter
}

// commit counts a commit of some Updates. Commits come one at a time.
func (c *counts) commit(updates uint64, took time.Duration) {
	c.writing.Record(took)
	c.updates.Add(updates)
	c.largest.Store(max(c.largest.Load(), int64(updates)))
}

// Stats returns the size of the file and what the store has done.
//
// Free are the pages that are free, as of the opening: bbolt counts them only with statistics, which would slow
// every View down. The store of a database that was given to New and keeps statistics knows
// them as of now.
//
// With Interval, Updates and Commits are those that are in the file, and Unsaved those that are in memory.
func (s *Store) Stats() store.Stats {
	out := store.Stats{Kind: "bbolt"}
	if s.backlog == nil {
		return out
	}
	writing := s.counts.writing.Durations()
	out.Updates, out.Commits, out.Largest = new(s.counts.updates.Load()), new(writing.Count), new(int(s.counts.largest.Load()))
	out.Writing, out.Waiting = &writing, new(s.queue.length())
	if size, ok := s.size(); ok {
		out.Size = &size
	}
	out.Free = s.free()
	if s.relax != nil {
		out.Waiting, out.Unsaved = nil, new(s.relax.unsaved(s.relax.committed()))
	}
	return out
}

// size returns the size of the file.
func (s *Store) size() (int64, bool) {
	stat := func() (os.FileInfo, error) { return os.Stat(s.path) }
	if s.file != nil {
		stat = s.file.Stat
	}
	info, err := stat()
	if err != nil {
		return 0, false
	}
	return info.Size(), true
}

// free returns the size of the free pages; nil if it is not known.
func (s *Store) free() *int64 {
	if s.owned {
		return new(s.freeThen)
	}
	if stats := s.db.Stats(); stats.TxN > 0 {
		return new(int64(stats.FreePageN+stats.PendingPageN) * s.pageSize)
	}
	return nil
}

// freeBytes returns the size of the pages that are free in the file that was inspected.
func (i *inspection) freeBytes() int64 {
	free := uint64(max(i.free.count()-metaPages, 0)) // with those of the list, which the next commit frees
	if !i.hasFreelist {
		free = i.meta.high - uint64(i.seen.count()) // all pages were read
	}
	return int64(free) * int64(i.meta.pageSize)
}

const metaPages = 2

// count returns the number of pages in the set.
func (p pages) count() (n int) {
	for _, word := range p {
		n += bits.OnesCount64(word)
	}
	return n
}
