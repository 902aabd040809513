package sharedmem

import "math/rand/v2"

// A node is the root of a search tree that never changes: put and remove return a new tree. It
// is a heap by rank, so that it stays flat. nil is the empty tree.
type node struct {
	key         string
	value       []byte
	rank        uint64
	left, right *node
}

func (n *node) get(key string) (value []byte, ok bool) {
	for n != nil && n.key != key {
		if key < n.key {
			n = n.left
		} else {
			n = n.right
		}
	}
	if n == nil {
		return nil, false
	}
	return n.value, true
}

func (n *node) put(key string, value []byte) *node {
	below, above := n.without(key)
	return merge(merge(below, &node{key: key, value: value, rank: rand.Uint64()}), above)
}

func (n *node) remove(key string) *node { return merge(n.without(key)) }

// without returns the trees of the keys below key and above it.
func (n *node) without(key string) (below, above *node) {
	below, rest := n.split(key)
	_, above = rest.split(key + "\x00")
	return below, above
}

// split returns the trees of the keys below key, and of the others.
func (n *node) split(key string) (below, rest *node) {
	if n == nil {
		return nil, nil
	}
	half := *n
	if n.key < key {
		half.right, rest = n.right.split(key)
		return &half, rest
	}
	below, half.left = n.left.split(key)
	return below, &half
}

// merge joins two trees. All keys of a are below those of b.
func merge(a, b *node) *node {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	case a.rank > b.rank:
		top := *a
		top.right = merge(a.right, b)
		return &top
	}
	top := *b
	top.left = merge(a, b.left)
	return &top
}

// walk calls visit with the nodes of a span in its order, until visit returns false.
func (n *node) walk(s span, reverse bool, visit func(*node) bool) bool {
	if n == nil {
		return true
	}
	first, second := n.left, n.right
	enters, leaves := s.from < n.key, n.key < s.to
	if reverse {
		first, second, enters, leaves = second, first, leaves, enters
	}
	return (!enters || first.walk(s, reverse, visit)) &&
		(!s.contains(n.key) || visit(n)) &&
		(!leaves || second.walk(s, reverse, visit))
}

// A span is the keys from one, inclusive, to another, exclusive.
type span struct{ from, to string }

func (s span) contains(key string) bool { return s.from <= key && key < s.to }
