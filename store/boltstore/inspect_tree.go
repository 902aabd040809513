package boltstore

import "encoding/binary"

// tree checks the tree of the root bucket and the trees of all buckets in it.
func (i *inspection) tree(root uint64) error {
	// Its leaves contain the names of the buckets. They are few and always read.
	w := walk{inspection: i, leaves: true, buckets: true}
	return w.page(root, nil, nil, 0)
}

// A walk is a pass through the tree of one bucket.
type walk struct {
	*inspection
	leaves  bool    // read the leaves, not only the branches
	buckets bool    // check the buckets in the leaves too
	lowest  int     // the level of the leaves, if they are not read
	unread  *unread // receives the leaves that are not read
}

// bucket checks a bucket whose header is in the leaf id.
func (i *inspection) bucket(id uint64, name, header []byte, level int) error {
	if len(header) < bucketHeader {
		return bad(id, "header of bucket %q has %d bytes", name, len(header))
	}
	root := binary.NativeEndian.Uint64(header)
	if root == 0 {
		return i.inline(id, name, header[bucketHeader:], level)
	}
	height, err := i.height(root)
	if err != nil {
		return err
	}
	w := walk{inspection: i, buckets: i.deep, leaves: i.deep || height == 0, lowest: level + height}
	if !w.leaves {
		w.unread = &unread{inspection: i, leaves: newPages(i.meta.high)}
		i.unread[string(name)] = w.unread
	}
	return w.page(root, nil, nil, level)
}

// inline checks a bucket whose only page is stored within its header.
func (i *inspection) inline(id uint64, name, content []byte, level int) error {
	p := page{bytes: content}
	if len(p.bytes) < headerSize {
		return bad(id, "bucket %q has a page of %d bytes", name, len(p.bytes))
	}
	p.header()
	p.id = id
	if p.flags != leafFlag {
		return bad(id, "bucket %q has flags %#x", name, p.flags)
	}
	w := walk{inspection: i, leaves: true, buckets: true}
	return w.leaf(p, nil, nil, level)
}

// height returns the number of branches above a leaf. It is the same for all leaves of a
// tree.
func (i *inspection) height(id uint64) (int, error) {
	buffer := make([]byte, i.meta.pageSize)
	for height := range deepest {
		p, err := i.head(id, i.meta.high, buffer)
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
		w.unread.leaves.add(id)
		w.unread.left.Add(1)
		return nil
	}
	p, err := w.read(id, level)
	if err != nil {
		return err
	}
	switch p.flags {
	case branchFlag:
		return w.branch(p, low, high, level)
	case leafFlag:
		return w.leaf(p, low, high, level)
	}
	return bad(id, "flags %#x are those of neither branch nor leaf", p.flags)
}

func (w *walk) branch(p page, low, high []byte, level int) error {
	if p.count == 0 {
		return bad(p.id, "branch without entries")
	}
	if _, err := p.check(low, high); err != nil {
		return err
	}
	for n := range p.count {
		end := high
		if n+1 < p.count {
			end = p.key(n + 1)
		}
		if err := w.page(p.child(n), p.key(n), end, level+1); err != nil {
			return err
		}
	}
	return nil
}

func (w *walk) leaf(p page, low, high []byte, level int) error {
	if p.count == 0 && low != nil {
		return bad(p.id, "leaf without entries, which is not alone")
	}
	buckets, err := p.check(low, high)
	if err != nil || !buckets || !w.buckets {
		return err
	}
	for n := range p.count {
		if name, header, ok := p.bucket(n); ok {
			if err := w.bucket(p.id, name, header, level+1); err != nil {
				return err
			}
		}
	}
	return nil
}
