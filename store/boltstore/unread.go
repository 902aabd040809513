package boltstore

import (
	"bytes"
	"fmt"
	"sync/atomic"

	bolt "go.etcd.io/bbolt"

	"groupkit/store/internal/overlay"
	"groupkit/store/internal/tree"
)

// unread contains the leaves of one bucket that were not read when a closed file was
// opened. bbolt trusts the entries of a leaf: if a damaged leaf claims gigabytes, it
// would write gigabytes. A change of one entry writes the whole leaf. Each leaf is
// therefore checked before a commit first changes it. Each search for a leaf also checks
// some others, so that all leaves are checked after a while and checks end.
//
// Only commits use unread, one after another. Pages written by commits are valid: a
// checked page number is not checked again, even if the page was replaced since.
type unread struct {
	*inspection
	leaves pages
	left   atomic.Int64 // the number of leaves left

	next  []byte // all leaves with lower keys had their turn
	ended bool   // all other leaves too
}

// further is the number of other leaves that each search checks.
const further = 8

// A guard checks the leaves of one bucket in one transaction.
type guard struct {
	*unread
	root, high   uint64
	upper, lower []byte // buffers for a branch and the page below it

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

// at checks the leaf for the key and the leaves on both sides of it. bbolt merges a leaf
// that has become small with one of them.
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

// one checks one leaf: the leaf for the key if itself is true, otherwise the last leaf
// below the key.
func (g *guard) one(key []byte, itself bool) (parent, error) {
	at, err := g.find(key, itself)
	if err != nil {
		return at, err
	}
	return at, g.check(at)
}

// goOn checks some more leaves. It ignores their errors: a commit that changes such a
// leaf returns the error.
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

// A parent is a branch above leaves, with one selected leaf.
type parent struct {
	page
	low, end []byte // its keys are in [low, end); nil means no bound
	n        int    // the entry of the selected leaf
}

// bounds returns the bounds of the keys of the selected leaf.
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

// find returns the parent of the leaf that one checks. It is valid until the next call of
// find.
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

// branch reads a page, except a leaf that was not checked.
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

// check checks the selected leaf, unless it was checked before.
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

// leaf checks a leaf. Its keys must be in [low, end).
func (g *guard) leaf(p page, low, end []byte) error {
	if p.flags != leafFlag || p.count == 0 {
		return bad(p.id, "flags %#x and %d entries are not those of a leaf", p.flags, p.count)
	}
	for next := p.id + 1; next <= p.id+p.overflow; next++ {
		if g.seen.has(next) { // unread leaves are marked in seen too
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
