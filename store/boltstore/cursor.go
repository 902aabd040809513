package boltstore

import "bytes"

// A cursor moves through the entries of one bucket in a snapshot.
type cursor struct {
	pages  *snapshot
	root   page
	unread *unread // leaves to check before they are read; nil: none
	stack  []level // from the root to the current leaf
}

// A level is a page on the way to the current entry, and the entry of it that leads there.
type level struct {
	page
	n int
}

// find moves to the first entry whose key is not lower than key, if that entry is in the
// same leaf as key would be. It reports whether the entry has this key.
func (c *cursor) find(key []byte) (found bool, err error) {
	c.stack = append(c.stack[:0], level{page: c.root})
	for {
		top := c.top()
		if top.flags == leafFlag {
			break
		}
		top.n = top.last(key, true)
		if err := c.down(); err != nil {
			return false, err
		}
	}
	if err := c.check(); err != nil {
		return false, err
	}
	top := c.top()
	if top.n, found = top.search(key); !found {
		err = c.checkBeside(top.n)
	}
	return found, err
}

// seek moves to the first entry whose key is not lower than key. It reports whether there
// is one.
func (c *cursor) seek(key []byte) (ok bool, err error) {
	if _, err := c.find(key); err != nil {
		return false, err
	}
	if top := c.top(); top.n < top.count {
		return true, nil
	}
	c.top().n--
	return c.next()
}

// last moves to the last entry.
func (c *cursor) last() (ok bool, err error) {
	c.stack = append(c.stack[:0], level{page: c.root})
	if err := c.bottom(-1); err != nil {
		return false, err
	}
	return c.top().count > 0, c.check()
}

// next moves to the next entry. It reports whether there is one.
func (c *cursor) next() (ok bool, err error) {
	if top := c.top(); top.n+1 < top.count {
		top.n++
		return true, nil
	}
	return c.leaf(1)
}

// previous moves to the previous entry. It reports whether there is one.
func (c *cursor) previous() (ok bool, err error) {
	if top := c.top(); top.n > 0 {
		top.n--
		return true, nil
	}
	return c.leaf(-1)
}

// leaf moves to the nearest entry of the next leaf and checks the leaf. With -1 it is the
// leaf before.
func (c *cursor) leaf(step int) (ok bool, err error) {
	if ok, err = c.beside(step); !ok || err != nil {
		return ok, err
	}
	return true, c.check()
}

// beside is leaf without the check.
func (c *cursor) beside(step int) (ok bool, err error) {
	for depth := len(c.stack) - 2; depth >= 0; depth-- {
		if n := c.stack[depth].n + step; n >= 0 && n < c.stack[depth].count {
			c.stack = c.stack[:depth+1]
			c.stack[depth].n = n
			if err := c.down(); err != nil {
				return false, err
			}
			return true, c.bottom(step)
		}
	}
	return false, nil
}

// bottom goes down to the first leaf below the current page, with -1 to the last entry of
// the last leaf.
func (c *cursor) bottom(step int) error {
	for {
		top := c.top()
		if step < 0 {
			top.n = top.count - 1
		}
		if top.flags == leafFlag {
			return nil
		}
		if err := c.down(); err != nil {
			return err
		}
	}
}

// down adds the page below the current entry of a branch.
func (c *cursor) down() error {
	top := c.top()
	id := top.child(top.n)
	if len(c.stack) > deepest {
		return bad(id, "tree of more than %d levels", deepest)
	}
	p, err := c.pages.page(id)
	if err != nil {
		return err
	}
	switch {
	case p.count == 0:
		return bad(id, "page without entries, which is not alone")
	case p.flags == branchFlag && c.unread != nil && c.unread.has(id):
		return bad(id, "a branch where there must be a leaf")
	}
	c.stack = append(c.stack, level{page: p})
	return nil
}

func (c *cursor) top() *level { return &c.stack[len(c.stack)-1] }

// entry returns the current entry.
func (c *cursor) entry() (key, value []byte, flags uint32) {
	top := c.top()
	return top.pair(top.n)
}

// bounds returns the bounds of the keys of the current leaf; nil means no bound.
func (c *cursor) bounds() (low, end []byte) {
	for depth := len(c.stack) - 2; depth >= 0; depth-- {
		branch := &c.stack[depth]
		if low == nil {
			low = branch.key(branch.n)
		}
		if branch.n+1 < branch.count {
			return low, branch.key(branch.n + 1)
		}
	}
	return low, nil
}

// check checks the current leaf, if that was not done before.
func (c *cursor) check() error {
	if c.unread == nil || !c.unread.has(c.top().id) {
		return nil
	}
	low, end := c.bounds()
	return c.unread.check(c.top().page, low, end)
}

// checkBeside checks the leaf beside the current one, if a key at entry n of the current
// leaf would be there if a branch is damaged.
func (c *cursor) checkBeside(n int) error {
	if c.unread == nil || c.unread.left.Load() == 0 {
		return nil
	}
	switch n {
	case 0:
		return c.checkLeaf(-1)
	case c.top().count:
		return c.checkLeaf(1)
	}
	return nil
}

// checkLeaf checks the next leaf, or with -1 the leaf before, without moving.
func (c *cursor) checkLeaf(step int) error {
	other := *c
	other.stack = append(make([]level, 0, len(c.stack)), c.stack...)
	_, err := other.leaf(step)
	return err
}

// search returns the first entry of a leaf whose key is not lower than key, and whether it
// has this key.
func (p *page) search(key []byte) (n int, found bool) {
	low, high := 0, p.count
	for low < high {
		middle := int(uint(low+high) >> 1)
		switch order := bytes.Compare(p.leafKey(middle), key); {
		case order < 0:
			low = middle + 1
		case order == 0:
			return middle, true
		default:
			high = middle
		}
	}
	return low, false
}
