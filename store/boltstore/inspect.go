package boltstore

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"

	"groupkit/store"
)

const (
	branchFlag   = 0x01
	leafFlag     = 0x02
	freelistFlag = 0x10
	bucketFlag   = 0x01 // of an element of a leaf

	branchElement = 16
	leafElement   = 16
	bucketHeader  = 16
	deepest       = 64 // levels of a tree: bbolt makes fewer than 20
)

// inspect reads a file before bbolt maps it, because bbolt trusts what it maps: a
// page number that leads in a circle makes it recurse until the process dies.
//
// Where the list of free pages is in the file, which is so after Close, bbolt
// opens the file without reading it all, and only what leads from page to page
// is looked at. After a crash bbolt walks through all pages to find those that
// are free, and does so on a goroutine whose panics nobody can catch: then all
// of them are checked here first. It reports whether the list is in the file.
func inspect(f *os.File) (listed bool, err error) {
	info, err := f.Stat()
	if err != nil || info.Size() == 0 {
		return false, err
	}
	m, err := currentMeta(f, info.Size())
	if err != nil {
		return false, err
	}
	i := inspection{file: f, meta: m, seen: make([]uint64, m.high/64+1), deep: m.freelist == noFreelist}
	i.mark(0)
	i.mark(1)
	if err := i.freelist(); err != nil {
		return false, err
	}
	return !i.deep, i.tree(m.root)
}

// An inspection is one walk through a file.
type inspection struct {
	file *os.File
	meta meta
	seen []uint64 // a bit for each page that has been met
	deep bool     // the leaves are read too

	// buffers are reused for the pages of one level after another: 80,000 pages
	// take a third less time so.
	buffers [deepest + 1][]byte
}

// mark notes that page is in use, and reports whether it may be.
func (i *inspection) mark(page uint64) bool {
	if page >= i.meta.high || i.seen[page/64]&(1<<(page%64)) != 0 {
		return false
	}
	i.seen[page/64] |= 1 << (page % 64)
	return true
}

func bad(page uint64, format string, args ...any) error {
	return fmt.Errorf("%w: page %d: %s", store.ErrCorrupt, page, fmt.Sprintf(format, args...))
}

// A page is the bytes of one page and of those it overflows to.
type page struct {
	id    uint64
	flags uint16
	count int
	bytes []byte
}

// read reads a page that nothing else has led to so far. It is valid until the
// next one of its level is read.
func (i *inspection) read(id uint64, level int) (p page, err error) {
	if !i.mark(id) {
		return p, bad(id, "led to twice, or not one of %d pages", i.meta.high)
	}
	if i.buffers[level] == nil {
		i.buffers[level] = make([]byte, i.meta.pageSize)
	}
	size := int64(i.meta.pageSize)
	p.bytes = i.buffers[level]
	if _, err := i.file.ReadAt(p.bytes, int64(id)*size); err != nil {
		return p, bad(id, "%v", err)
	}
	p.header()
	if p.id != id {
		return p, bad(id, "calls itself %d", p.id)
	}
	overflow := uint64(binary.NativeEndian.Uint32(p.bytes[12:]))
	if overflow == 0 {
		return p, nil
	}
	if overflow >= i.meta.high-id {
		return p, bad(id, "overflows to %d more of %d", overflow, i.meta.high)
	}
	for next := id + 1; next <= id+overflow; next++ {
		if !i.mark(next) {
			return p, bad(next, "led to twice")
		}
	}
	p.bytes = make([]byte, size*int64(overflow+1))
	_, err = i.file.ReadAt(p.bytes, int64(id)*size)
	return p, err
}

func (p *page) header() {
	order := binary.NativeEndian
	p.id, p.flags, p.count = order.Uint64(p.bytes), order.Uint16(p.bytes[8:]), int(order.Uint16(p.bytes[10:]))
}

// freelist checks that the list names pages of the file, each once and in order.
func (i *inspection) freelist() error {
	if i.meta.freelist == noFreelist {
		return nil
	}
	p, err := i.read(i.meta.freelist, 0)
	if err != nil {
		return err
	}
	if p.flags != freelistFlag {
		return bad(p.id, "flags %#x are not those of a free list", p.flags)
	}
	ids, count := p.bytes[headerSize:], uint64(p.count)
	if count == 0xFFFF {
		count, ids = binary.NativeEndian.Uint64(ids), ids[8:]
	}
	if count > uint64(len(ids)/8) {
		return bad(p.id, "free list of %d pages in %d bytes", count, len(ids))
	}
	for n := range count {
		// Marked as met: nothing in use may lead there.
		if id := binary.NativeEndian.Uint64(ids[8*n:]); !i.mark(id) {
			return bad(p.id, "free list names page %d of %d wrongly", id, i.meta.high)
		}
	}
	return nil
}

// element is one entry of a branch or a leaf.
type element struct {
	key, value []byte
	child      uint64 // of a branch
	bucket     bool   // value is the header of a bucket
}

// element returns entry n, whose bytes must lie within the page.
func (p *page) element(n int) (e element, ok bool) {
	start := headerSize + n*leafElement // of either kind
	if start+leafElement > len(p.bytes) {
		return e, false
	}
	head, order := p.bytes[start:], binary.NativeEndian
	var pos, key, value uint64
	if p.flags == branchFlag {
		pos, key = uint64(order.Uint32(head)), uint64(order.Uint32(head[4:]))
		e.child = order.Uint64(head[8:])
	} else {
		e.bucket = order.Uint32(head)&bucketFlag != 0
		pos, key, value = uint64(order.Uint32(head[4:])), uint64(order.Uint32(head[8:])), uint64(order.Uint32(head[12:]))
	}
	if key == 0 || pos+key+value > uint64(len(head)) {
		return e, false
	}
	e.key, e.value = head[pos:pos+key], head[pos+key:pos+key+value]
	return e, true
}

// follows reports whether key is right for entry n of a page whose keys lie in
// [low, high), where low is the key of the entry before, if there is one, and a
// nil high is no bound.
func (e element) follows(n int, low, high []byte) bool {
	order := bytes.Compare(e.key, low)
	return (order > 0 || order == 0 && n == 0) && (high == nil || bytes.Compare(e.key, high) < 0)
}
