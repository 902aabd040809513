package boltstore

import (
	"bytes"
	"fmt"
	"sync/atomic"

	bolt "go.etcd.io/bbolt"

	"groupkit/store/internal/overlay"
	"groupkit/store/internal/tree"
)

// unread are the leaves of one bucket that the opening of a closed file has not read.
// bbolt trusts what they say of their entries, and would write one of gigabytes as large:
// whoever changes one entry of a leaf writes all of it. So each is checked before a commit
// first changes it, and with every search for one some others are, that it may come to an
// end: from then on there is nothing to search for.
//
// Only commits, one after the other, use it. What they write is sound: a page that has
// been checked is not checked again, even if it is another one by then.
type unread struct {
	*inspection
	leaves pages
	left   atomic.Int64 // how many

	next  []byte // all leaves below have had their turn
	ended bool   // and all others
}

// further is how many other leaves are checked with every search.
const further = 8

// A guard checks the leaves of one bucket in one transaction.
type guard struct {
	*unread
	root, high   uint64
	upper, lower []byte // hold a branch, and what is below it

	// All leaves that keys in [low, end) lead to have been checked, and those beside them.
	low, end []byte
	known    bool
}

// guard checks the leaves that bbolt will change to apply the changes.
func (c changes) guard(t *tx) error {
	err := t.guard(overlay.Engine, c.main)
	for name, writes := range c.apps {
		if err == nil {
			err = t.guard(name, writes)
		}
	}
	return err
}

func (t *tx) guard(bucket string, writes tree.Tree) error {
	u := t.store.unread[bucket]
	if u == nil || u.left.Load() == 0 {
		return nil
	}
	b := t.Bucket([]byte(bucket))
	if b == nil || b.Root() == 0 {
		return nil // it has no pages of its own
	}
	g := u.guard(t.Tx, b)
	for all := writes.Scan(nil, nil, false); ; {
		e, ok := all.Next()
		if !ok {
			return nil
		}
		if err := g.at(e.Key); err != nil {
			return fmt.Errorf("boltstore: %s: %w", t.store.path, err)
		}
	}
}

func (u *unread) guard(t *bolt.Tx, b *bolt.Bucket) *guard {
	size := uint64(u.meta.pageSize)
	return &guard{
		unread: u,
		root:   uint64(b.Root()), high: uint64(t.Size()) / size,
		upper: make([]byte, size), lower: make([]byte, size),
	}
}

// at checks the leaf that the key belongs into, and those on both sides of it, with
// which bbolt merges one that has become small.
func (g *guard) at(key []byte) error {
	if g.known && bytes.Compare(g.low, key) <= 0 && (g.end == nil || bytes.Compare(key, g.end) < 0) {
		return nil
	}
	at, err := g.one(key, true)
	if err != nil {
		return err
	}
	low, end := at.bounds()
	g.low, g.end = bytes.Clone(low), bytes.Clone(end)
	if g.low != nil {
		_, err = g.one(g.low, false)
	}
	if err == nil && g.end != nil {
		_, err = g.one(g.end, true)
	}
	if err != nil {
		return err
	}
	g.known = true
	return g.goOn()
}

// one checks the leaf that the key belongs into or, if it is not for the key itself, the
// last one below it.
func (g *guard) one(key []byte, itself bool) (parent, error) {
	at, err := g.find(key, itself)
	if err != nil {
		return at, err
	}
	return at, g.check(at)
}

// goOn checks some more leaves. What is wrong with them is for those who need them.
func (g *guard) goOn() error {
	if g.ended {
		return nil
	}
	at, err := g.find(g.next, true)
	if err != nil {
		return err
	}
	for past := at.n + further; at.n < min(past, at.count); at.n++ {
		_ = g.check(at)
	}
	at.n--
	_, end := at.bounds()
	g.next, g.ended = bytes.Clone(end), end == nil
	return nil
}

// A parent is a branch above leaves, one of which has been chosen.
type parent struct {
	page
	low, end []byte // its keys are from low on and before end; nil is no bound
	n        int    // the entry of the leaf
}

// bounds are those of the leaf.
func (p *parent) bounds() (low, end []byte) {
	low, end = p.low, p.end
	if p.n > 0 {
		low = p.key(p.n)
	}
	if p.n+1 < p.count {
		end = p.key(p.n + 1)
	}
	return low, end
}

// find goes down from the root to the parent of the leaf that one would check. It is
// valid until the next is looked for.
func (g *guard) find(key []byte, itself bool) (at parent, err error) {
	at.page, err = g.branch(g.root, g.upper)
	for err == nil && at.flags == branchFlag {
		at.n = at.last(key, itself)
		below, err := g.branch(at.child(at.n), g.lower)
		if err != nil || below.flags != branchFlag {
			return at, err
		}
		low, end := at.bounds()
		at = parent{page: below, low: bytes.Clone(low), end: bytes.Clone(end)}
		g.upper, g.lower = g.lower, g.upper
	}
	return parent{}, err // the root is a leaf
}

// branch reads a page, unless it is a leaf that has not been checked.
func (g *guard) branch(id uint64, buffer []byte) (page, error) {
	if g.leaves.has(id) {
		return page{}, nil
	}
	p, err := g.head(id, g.high, buffer)
	if err != nil {
		return p, err
	}
	return g.whole(p)
}

// check checks the leaf that has been chosen, unless that has been done.
func (g *guard) check(p parent) error {
	if p.count == 0 || !g.leaves.has(p.child(p.n)) {
		return nil
	}
	id := p.child(p.n)
	leaf, err := g.head(id, g.meta.high, g.lower)
	if err != nil {
		return err
	}
	low, end := p.bounds()
	if err := g.leaf(leaf, low, end); err != nil {
		return err
	}
	g.leaves.remove(id)
	g.left.Add(-1)
	return nil
}

// leaf checks a leaf whose keys must lie in [low, end).
func (g *guard) leaf(p page, low, end []byte) error {
	if p.flags != leafFlag || p.count == 0 {
		return bad(p.id, "flags %#x and %d entries are not those of a leaf", p.flags, p.count)
	}
	for next := p.id + 1; next <= p.id+p.overflow; next++ {
		if g.seen.has(next) { // a leaf too: they have been marked though not read
			return bad(next, "led to twice")
		}
	}
	p, err := g.whole(p)
	if err != nil {
		return err
	}
	_, err = p.check(low, end)
	return err
}
