// Package tree is an ordered map of bytes that keeps its old versions: a treap
// whose changes copy the path to what they touch. A [Tree] never changes, so
// that a snapshot costs a pointer; an [Edit] makes the next one.
package tree

import "bytes"

// A Tree is one version of the map. The zero Tree is empty.
type Tree struct {
	root *node
}

// An Entry is a key with its value, or the mark that the key is deleted.
// Its bytes are those of the tree and must not be changed.
type Entry struct {
	Key, Value []byte
	Deleted    bool
}

type node struct {
	Entry
	left, right *node
	owner       uint64 // the edit that may change this node in place
	priority    uint32
}

// Empty reports whether t has no entries.
func (t Tree) Empty() bool { return t.root == nil }

// Get returns the entry of key, and whether there is one.
func (t Tree) Get(key []byte) (Entry, bool) {
	for n := t.root; n != nil; {
		switch order := bytes.Compare(key, n.Key); {
		case order == 0:
			return n.Entry, true
		case order < 0:
			n = n.left
		default:
			n = n.right
		}
	}
	return Entry{}, false
}

// A Cursor yields the entries of a range one after another.
type Cursor struct {
	stack   []*node
	end     []byte
	reverse bool
}

// Scan begins at the lowest key of [from, to), or at the highest in reverse. A
// nil bound is none.
func (t Tree) Scan(from, to []byte, reverse bool) *Cursor {
	c := &Cursor{stack: make([]*node, 0, 16), end: to, reverse: reverse}
	if reverse {
		c.end = from
	}
	for n := t.root; n != nil; {
		switch {
		case !reverse && from != nil && bytes.Compare(n.Key, from) < 0:
			n = n.right
		case reverse && to != nil && bytes.Compare(n.Key, to) >= 0:
			n = n.left
		default:
			c.stack = append(c.stack, n)
			n = c.before(n)
		}
	}
	return c
}

// Next returns the next entry, and whether there is one.
func (c *Cursor) Next() (Entry, bool) {
	if len(c.stack) == 0 {
		return Entry{}, false
	}
	n := c.stack[len(c.stack)-1]
	if c.past(n.Key) {
		c.stack = nil
		return Entry{}, false
	}
	c.stack = c.stack[:len(c.stack)-1]
	for next := c.after(n); next != nil; next = c.before(next) {
		c.stack = append(c.stack, next)
	}
	return n.Entry, true
}

// past reports whether key lies beyond the end of the range.
func (c *Cursor) past(key []byte) bool {
	if c.end == nil {
		return false
	}
	if c.reverse {
		return bytes.Compare(key, c.end) < 0
	}
	return bytes.Compare(key, c.end) >= 0
}

func (c *Cursor) before(n *node) *node {
	if c.reverse {
		return n.right
	}
	return n.left
}

func (c *Cursor) after(n *node) *node {
	if c.reverse {
		return n.left
	}
	return n.right
}
