package boltstore

import (
	"bytes"
	"sync/atomic"

	"groupkit/store/internal/overlay"
	"groupkit/store/internal/tree"
)

// unread contains the leaves of one bucket that were not read when a closed file was
// opened. A damaged leaf can make a reader miss keys. A damaged leaf that is changed is
// worse: bbolt trusts its entries, and if one claims gigabytes, it would write gigabytes.
// Each leaf is therefore checked before it is first read or changed. A change of one entry
// writes the whole leaf, and can merge it with those beside it. Each commit also checks
// some other leaves, so that all are checked after a while and checks end.
//
// Readers and the running commit use unread at once. Pages written by commits are valid: a
// checked page number is not checked again, even if the page was replaced since.
type unread struct {
	*inspection
	engine bool // of the engine's bucket, in which there are no buckets
	leaves pages
	left   atomic.Int64 // the number of leaves left

	// Only commits use the rest.
	next  []byte // all leaves with lower keys had their turn
	ended bool   // all other leaves too
}

// further is the number of other leaves that each commit checks for each key.
const further = 8

// has reports whether a page is a leaf that was not checked.
func (u *unread) has(id uint64) bool {
	return u.left.Load() > 0 && id/64 < uint64(len(u.leaves)) && atomic.LoadUint64(&u.leaves[id/64])&(1<<(id%64)) != 0
}

// finished reports whether all pages in use were checked.
func (i *inspection) finished() bool {
	for _, u := range i.unread {
		if u.left.Load() > 0 {
			return false
		}
	}
	return !i.nested.Load()
}

// done records that a leaf was checked.
func (u *unread) done(id uint64) {
	bit := uint64(1) << (id % 64)
	if atomic.AndUint64(&u.leaves[id/64], ^bit)&bit != 0 {
		u.left.Add(-1)
	}
}

// check checks a leaf that is in unread. Its keys must be in [low, end).
func (u *unread) check(leaf page, low, end []byte) error {
	if leaf.flags != leafFlag || leaf.count == 0 {
		return bad(leaf.id, "flags %#x and %d entries are not those of a leaf", leaf.flags, leaf.count)
	}
	for next := leaf.id + 1; next <= leaf.id+leaf.overflow; next++ {
		if u.seen.has(next) { // unread leaves are marked in seen too
			return bad(next, "led to twice")
		}
	}
	buckets, err := leaf.check(low, end)
	if err != nil {
		return err
	}
	if err := leaf.fits(u.meta.pageSize); err != nil {
		return err
	}
	if buckets && u.engine {
		return bad(leaf.id, "an entry of the engine is marked as a bucket")
	}
	if buckets {
		u.nested.Store(true)
	}
	u.done(leaf.id)
	return nil
}

// A guard checks the leaves of one bucket that a commit will change.
type guard struct {
	*unread
	cursor cursor

	// The leaves of the keys in [low, end) and their neighbours are checked.
	low, end []byte
	known    bool
}

// guard checks the leaves that bbolt will change when it applies the changes.
func (c changes) guard(t *tx) error {
	err := t.guard(overlay.Engine, c.main)
	for name, writes := range c.apps {
		if err == nil {
			err = t.guard(name, writes)
		}
	}
	return err
}

func (t *tx) guard(name string, writes tree.Tree) error {
	u := t.store.unread[name]
	if u == nil || u.left.Load() == 0 {
		return nil
	}
	b := new(bucket)
	if err := b.open(t, name); err != nil || b.none {
		return err
	}
	g := guard{unread: u, cursor: b.cursor}
	for all := writes.Scan(nil, nil, false); ; {
		e, ok := all.Next()
		if !ok {
			return nil
		}
		if err := g.at(e.Key); err != nil {
			return b.damaged(err)
		}
	}
}

// at checks the leaf for the key and the leaves on both sides of it. bbolt merges a leaf
// that has become small with one of them.
func (g *guard) at(key []byte) error {
	if g.known && bytes.Compare(g.low, key) <= 0 && (g.end == nil || bytes.Compare(key, g.end) < 0) {
		return nil
	}
	if _, err := g.cursor.find(key); err != nil {
		return err
	}
	if err := g.cursor.checkLeaf(-1); err != nil {
		return err
	}
	if err := g.cursor.checkLeaf(1); err != nil {
		return err
	}
	g.low, g.end = g.cursor.bounds()
	g.known = true
	g.goOn()
	return nil
}

// goOn checks some more leaves. It ignores their errors: whoever reads or changes such a
// leaf gets the error.
func (g *guard) goOn() {
	if g.ended {
		return
	}
	c := cursor{pages: g.cursor.pages, root: g.cursor.root}
	_, err := c.find(g.next)
	for range further {
		if err != nil {
			g.ended = true // the rest is checked when it is read or changed
			return
		}
		low, end := c.bounds()
		if g.has(c.top().id) {
			_ = g.unread.check(c.top().page, low, end)
		}
		g.next = bytes.Clone(end)
		var more bool
		if more, err = c.beside(1); !more && err == nil {
			g.ended = true
			return
		}
	}
}
