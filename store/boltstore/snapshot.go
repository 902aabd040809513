package boltstore

import (
	"encoding/binary"
	"unsafe"

	bolt "go.etcd.io/bbolt"
)

// A snapshot reads the pages of a bbolt transaction in bbolt's memory map. It is valid as
// long as the transaction, and in a writable one until the first write.
//
// The store reads with it, and not with bbolt, because bbolt trusts the pages: a leaf that
// claims to be a branch above itself makes it recurse until the process ends. A snapshot
// and its cursors end with an error or with a panic that catch converts.
type snapshot struct {
	memory []byte
	size   uint64 // of a page
	high   uint64 // the first page number that is not in use
	root   uint64
}

func newSnapshot(t *bolt.Tx) snapshot {
	info := t.DB().Info()
	size := uint64(info.PageSize)
	return snapshot{
		memory: memoryOf(info, t.Size()),
		size:   size,
		high:   uint64(t.Size()) / size,
		root:   uint64(t.Cursor().Bucket().Root()),
	}
}

// memoryOf returns the beginning of the memory map.
func memoryOf(info *bolt.Info, size int64) []byte {
	return unsafe.Slice(*(**byte)(unsafe.Pointer(&info.Data)), size)
}

// page returns a branch or a leaf with its overflow pages.
func (s *snapshot) page(id uint64) (p page, err error) {
	if id >= s.high {
		return p, bad(id, "not one of %d pages", s.high)
	}
	p.bytes = s.memory[id*s.size : (id+1)*s.size]
	p.header()
	switch {
	case p.id != id:
		return p, bad(id, "calls itself %d", p.id)
	case p.overflow >= s.high-id:
		return p, bad(id, "overflows to %d more of %d", p.overflow, s.high)
	case p.flags != branchFlag && p.flags != leafFlag:
		return p, bad(id, "flags %#x are those of neither branch nor leaf", p.flags)
	case p.overflow > 0:
		p.bytes = s.memory[id*s.size : (id+p.overflow+1)*s.size]
	}
	return p, nil
}

// bucket returns the header of the bucket with the name. ok is false if there is none.
func (s *snapshot) bucket(name []byte) (h header, ok bool, err error) {
	leaf, err := s.leaf(s.root, name)
	if err != nil {
		return h, false, err
	}
	n, found := leaf.search(name)
	if !found {
		return h, false, nil
	}
	_, value, flags := leaf.pair(n)
	if flags != bucketFlag {
		return h, false, bad(leaf.id, "entry %q beside the buckets has flags %#x", name, flags)
	}
	h, err = parseHeader(leaf.id, name, value)
	return h, true, err
}

// leaf returns the leaf of the key in the tree below a page.
func (s *snapshot) leaf(id uint64, key []byte) (page, error) {
	for range deepest {
		p, err := s.page(id)
		if err != nil || p.flags == leafFlag {
			return p, err
		}
		id = p.child(p.last(key, true))
	}
	return page{}, bad(id, "tree of more than %d levels", deepest)
}

// A header is what a bucket is in the leaf above it.
type header struct {
	root     uint64 // 0: the page of the bucket is within the header
	sequence uint64
	inline   page
}

// parseHeader reads the header of a bucket from a value in the leaf id.
func parseHeader(id uint64, name, value []byte) (h header, err error) {
	if len(value) < bucketHeader {
		return h, bad(id, "header of bucket %q has %d bytes", name, len(value))
	}
	h.root, h.sequence = binary.NativeEndian.Uint64(value), binary.NativeEndian.Uint64(value[8:])
	if h.root != 0 {
		return h, nil
	}
	h.inline.bytes = value[bucketHeader:]
	if len(h.inline.bytes) < headerSize {
		return h, bad(id, "bucket %q has a page of %d bytes", name, len(h.inline.bytes))
	}
	h.inline.header()
	h.inline.id = id
	if h.inline.flags != leafFlag {
		return h, bad(id, "bucket %q has flags %#x", name, h.inline.flags)
	}
	return h, nil
}

// cursor returns a cursor in a bucket. The leaves in unread are checked when the cursor
// first comes to them.
func (s *snapshot) cursor(h header, unread *unread) (c cursor, err error) {
	c = cursor{pages: s, root: h.inline, unread: unread}
	if h.root != 0 {
		c.root, err = s.page(h.root)
	}
	return c, err
}
