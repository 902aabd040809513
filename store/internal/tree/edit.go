package tree

import (
	"bytes"
	"math/rand/v2"
	"sync/atomic"
)

// edits numbers the edits. A node stores the number of its edit instead of a pointer,
// which would keep the edit in memory.
var edits atomic.Uint64

// An Edit builds a new Tree from an old one. The old Tree does not change. One goroutine
// uses an Edit.
type Edit struct {
	Tree
	id uint64
}

// Edit begins a change of t.
func (t Tree) Edit() Edit {
	return Edit{Tree: t, id: edits.Add(1)}
}

// Done returns the tree with all changes so far. Later changes of e do not affect it.
func (e *Edit) Done() Tree {
	e.id = edits.Add(1)
	return e.Tree
}

// Put sets the value of key. It copies both.
func (e *Edit) Put(key, value []byte) {
	e.root = e.put(e.root, key, value, false)
}

// Mark marks key as deleted: the key stays as an entry without a value.
func (e *Edit) Mark(key []byte) {
	e.root = e.put(e.root, key, nil, true)
}

// Remove removes the entry of key, if there is one.
func (e *Edit) Remove(key []byte) {
	if _, ok := e.Get(key); ok {
		e.root = e.remove(e.root, key)
	}
}

func (e *Edit) put(n *node, key, value []byte, deleted bool) *node {
	if n == nil {
		return e.leaf(key, value, deleted)
	}
	order := bytes.Compare(key, n.Key)
	n = e.own(n)
	switch {
	case order == 0:
		n.Value, n.Deleted = append(make([]byte, 0, len(value)), value...), deleted
	case order < 0:
		n.left = e.put(n.left, key, value, deleted)
		if child := n.left; child.priority > n.priority {
			n.left, child.right = child.right, n
			return child
		}
	default:
		n.right = e.put(n.right, key, value, deleted)
		if child := n.right; child.priority > n.priority {
			n.right, child.left = child.left, n
			return child
		}
	}
	return n
}

// leaf returns a new node. Its key and its value share one allocation.
func (e *Edit) leaf(key, value []byte, deleted bool) *node {
	both := make([]byte, len(key)+len(value))
	copy(both, key)
	copy(both[len(key):], value)
	entry := Entry{Key: both[:len(key):len(key)], Value: both[len(key):], Deleted: deleted}
	return &node{Entry: entry, owner: e.id, priority: rand.Uint32()}
}

// own returns n if it belongs to this edit, otherwise a copy that does.
func (e *Edit) own(n *node) *node {
	if n.owner == e.id {
		return n
	}
	mine := *n
	mine.owner = e.id
	return &mine
}

// remove removes key from the tree below n. The key must exist.
func (e *Edit) remove(n *node, key []byte) *node {
	order := bytes.Compare(key, n.Key)
	if order == 0 {
		return e.join(n.left, n.right)
	}
	n = e.own(n)
	if order < 0 {
		n.left = e.remove(n.left, key)
	} else {
		n.right = e.remove(n.right, key)
	}
	return n
}

// join merges two trees. All keys of low must be lower than those of high.
func (e *Edit) join(low, high *node) *node {
	switch {
	case low == nil:
		return high
	case high == nil:
		return low
	case low.priority > high.priority:
		low = e.own(low)
		low.right = e.join(low.right, high)
		return low
	default:
		high = e.own(high)
		high.left = e.join(low, high.left)
		return high
	}
}
