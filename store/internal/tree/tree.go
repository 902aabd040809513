// Package tree is an ordered key-value map that keeps its old versions. It is a treap; a
// change copies the nodes on the path to the changed entry. A [Tree] never changes, so a
// snapshot costs only a pointer. An [Edit] builds the next version.
package tree

import "bytes"

// A Tree is one version of the map. The zero Tree is empty.
type Tree struct {
	root *node
}

// An Entry is a key with its value, or a mark that the key is deleted. The bytes belong
// to the tree and must not be changed.
type Entry struct {
	Key, Value []byte
	Deleted    bool
}

type node struct {
	Entry
	left, right *node
	owner       uint64 // the edit that can change this node in place
	priority    uint32
}

// Empty reports whether t has no entries.
func (t Tree) Empty() bool { return t.root == nil }

// Get returns the entry of key and whether it exists.
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

// A Cursor returns the entries of a range one after another.
type Cursor struct {
	stack   []*node
	end     []byte
	reverse bool
}

// Scan returns a cursor for the keys in [from, to), ascending or, with reverse,
// descending. A nil bound means no bound.
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

// Next returns the next entry and whether there is one.
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

// past reports whether key is beyond the end of the range.
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
