package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	bolt "go.etcd.io/bbolt"
)

// size counts the bytes of keys and values, by kind, and of the file when it has been
// compacted, beside those of the schema written by hand.
func size(r *run) error {
	a := r.app(r.memberships)
	ours, err := r.kitFile(a)
	if err != nil {
		return err
	}
	theirs, err := r.raw(a)
	if err != nil {
		return err
	}
	paths := []string{ours, theirs.db.Path()}
	if err := theirs.close(); err != nil {
		return err
	}
	var found [2]content
	for i, path := range paths {
		if found[i], err = r.contentOf(path); err != nil {
			return err
		}
	}
	per := func(n int) []float64 { return []float64{float64(n) / float64(a.memberships)} }
	for _, kind := range kinds {
		if n, m := found[0].kinds[kind], found[1].kinds[kind]; n+m > 0 {
			r.add("bytes per membership: "+kind, "B", rawBolt, per(n), per(max(m, 1)), limit{})
		}
	}
	r.add("bytes per membership, all but the log", "B", rawBolt, per(found[0].records()), per(found[1].records()), atMost(1.5, 1))
	r.add("file after compaction, per membership", "B", rawBolt, per(found[0].file), per(found[1].file), limit{})
	return nil
}

// A content is what a file holds, in bytes.
type content struct {
	kinds map[string]int
	file  int // after compaction
}

const log = "log"

func (c *content) records() (n int) {
	for kind, bytes := range c.kinds {
		if kind != log {
			n += bytes
		}
	}
	return n
}

// kinds of records, in the order of the table.
var kinds = []string{"standings", "groups of users", "counts of users", "group headers", "lists", "groups by creation", log, "other"}

func kindOf(key []byte) string {
	switch {
	case key[0] == 'C' || key[0] == 'c': // of groupkit, or of the schema written by hand
		return "groups by creation"
	case key[0] == 'K':
		return log // the index of commits goes with the log
	case (key[0] == 'G' || key[0] == 'g') && len(key) > 18:
		switch key[18] {
		case 'h':
			return "group headers"
		case 'm', 'o':
			return "standings"
		case 'e':
			return log
		}
		return "lists"
	case key[0] == 'U' || key[0] == 'u':
		if i := bytes.IndexByte(key, 0); key[i+1] == 'h' {
			return "counts of users"
		}
		return "groups of users"
	}
	return "other"
}

func (r *run) contentOf(path string) (c content, err error) {
	db, err := bolt.Open(path, 0o600, boltOptions())
	if err != nil {
		return c, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	c.kinds = make(map[string]int)
	err = db.View(func(tx *bolt.Tx) error {
		return tx.ForEach(func(_ []byte, b *bolt.Bucket) error {
			return b.ForEach(func(k, v []byte) error {
				c.kinds[kindOf(k)] += len(k) + len(v)
				return nil
			})
		})
	})
	if err != nil {
		return c, err
	}
	c.file, err = r.compacted(db)
	return c, err
}

// compacted is the size of the file of db when it is copied without free pages.
func (r *run) compacted(db *bolt.DB) (int, error) {
	r.copies++
	path := filepath.Join(r.dir, fmt.Sprintf("%d-compact.db", r.copies))
	to, err := bolt.Open(path, 0o600, &bolt.Options{NoSync: true})
	if err != nil {
		return 0, err
	}
	if err := errors.Join(bolt.Compact(to, db, 1<<20), to.Close()); err != nil {
		return 0, err
	}
	info, err := os.Stat(path)
	if err != nil {
		return 0, err
	}
	return int(info.Size()), nil
}
