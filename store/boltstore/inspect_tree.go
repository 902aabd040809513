package boltstore

import (
	"bytes"

	"groupkit/store/internal/overlay"
)

// tree checks the tree of the root bucket and the trees of all buckets in it.
func (i *inspection) tree(root uint64) error {
	// Its leaves contain the names of the buckets. They are few and always read.
	w := walk{inspection: i, top: true, leaves: true}
	return w.page(root, nil, nil, 0)
}

// A walk is a pass through the tree of one bucket.
type walk struct {
	*inspection
	top    bool    // of the bucket that contains the others, and nothing else
	engine bool    // of the engine's bucket, which contains no buckets
	leaves bool    // read the leaves, not only the branches
	lowest int     // the level of the leaves, if they are not read
	later  *unread // receives the leaves that are not read
}

// bucket checks a bucket whose header is in the leaf id.
func (w *walk) bucket(id uint64, name, value []byte, level int) error {
	h, err := parseHeader(id, name, value)
	if err != nil {
		return err
	}
	below := walk{inspection: w.inspection, engine: w.top && string(name) == overlay.Engine, leaves: true}
	if h.root == 0 {
		return below.leaf(&h.inline, nil, nil, level)
	}
	if !w.deep {
		height, err := w.height(h.root)
		if err != nil {
			return err
		}
		below.skipLeaves(string(name), level, height)
	}
	return below.page(h.root, nil, nil, level)
}

// skipLeaves has the walk leave out the leaves of a tree that has branches.
func (w *walk) skipLeaves(name string, level, height int) {
	if height == 0 {
		return
	}
	w.leaves, w.lowest = false, level+height
	w.later = &unread{inspection: w.inspection, engine: w.engine, leaves: newPages(w.meta.high)}
	w.unread[name] = w.later
}

// height returns the number of branches above a leaf. It is the same for all leaves of a
// tree.
func (i *inspection) height(id uint64) (int, error) {
	buffer := make([]byte, i.meta.pageSize)
	for height := range deepest {
		p, err := i.head(id, buffer)
		if err != nil {
			return 0, err
		}
		if p.flags != branchFlag {
			return height, nil
		}
		id = p.child(0)
	}
	return 0, bad(id, "tree of more than %d levels", deepest)
}

// page checks a page and the pages below it. Their keys must be in [low, high).
func (w *walk) page(id uint64, low, high []byte, level int) error {
	if level > deepest {
		return bad(id, "tree of more than %d levels", deepest)
	}
	if !w.leaves && level == w.lowest {
		if !w.mark(id) {
			return bad(id, "led to twice, or not one of %d pages", w.meta.high)
		}
		w.later.leaves.add(id)
		w.later.left.Add(1)
		return nil
	}
	p, err := w.read(id, level)
	if err != nil {
		return err
	}
	switch {
	case p.flags != branchFlag && p.flags != leafFlag:
		return bad(id, "flags %#x are those of neither branch nor leaf", p.flags)
	case p.count == 0 && (low != nil || p.flags == branchFlag):
		return bad(id, "page without entries, which is not alone")
	case p.flags == branchFlag:
		return w.branch(&p, low, high, level)
	}
	if err := w.leaf(&p, low, high, level); err != nil {
		return err
	}
	return p.fits(w.meta.pageSize)
}

func (w *walk) branch(p *page, low, high []byte, level int) error {
	if _, err := p.check(low, high); err != nil {
		return err
	}
	if err := p.fits(w.meta.pageSize); err != nil {
		return err
	}
	if err := w.first(p.id, p.key(0), low); err != nil {
		return err
	}
	for n := range p.count {
		end := high
		if n+1 < p.count {
			end = p.key(n + 1)
		}
		if err := w.problem(w.page(p.child(n), p.key(n), end, level+1)); err != nil {
			return err
		}
	}
	return nil
}

// leaf checks the entries of a leaf and the buckets among them.
func (w *walk) leaf(p *page, low, high []byte, level int) error {
	buckets, err := p.check(low, high)
	if err != nil {
		return err
	}
	if p.count > 0 {
		if err := w.first(p.id, p.leafKey(0), low); err != nil {
			return err
		}
	}
	switch {
	case w.top:
	case !buckets:
		return nil
	case w.engine:
		return bad(p.id, "an entry of the engine is marked as a bucket")
	case !w.deep:
		w.nested.Store(true)
		return nil
	}
	for n := range p.count {
		if err := w.problem(w.entry(p, n, level)); err != nil {
			return err
		}
	}
	return nil
}

// entry checks entry n of a leaf that contains buckets.
func (w *walk) entry(p *page, n, level int) error {
	name, value, flags := p.pair(n)
	switch {
	case flags&bucketFlag != 0:
		return w.bucket(p.id, name, value, level+1)
	case w.top:
		return bad(p.id, "entry %q beside the buckets is not marked as one", name)
	}
	return nil
}

// first checks the first key of a page. bbolt always copies it into the branch above. A
// file can be used where it is not the same, so only a check that collects problems tells.
func (w *walk) first(id uint64, key, above []byte) error {
	if !w.collects || above == nil || bytes.Equal(key, above) {
		return nil
	}
	return w.problem(bad(id, "its first key is not the one in the branch above it"))
}
