package boltstore

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"sort"

	"groupkit/store"
)

const (
	branchFlag   = 0x01
	leafFlag     = 0x02
	metaFlag     = 0x04
	freelistFlag = 0x10
	bucketFlag   = 0x01 // of an element of a leaf

	elementSize  = 16 // in a branch and in a leaf
	bucketHeader = 16
	deepest      = 64 // levels of a tree: bbolt makes fewer than 20
)

// inspect reads a file before bbolt maps it, because bbolt trusts what it maps: a
// page number that leads in a circle makes it recurse until the process dies.
//
// Where the list of free pages is in the file, which is so after Close, bbolt
// opens the file without reading it all, and only what leads from page to page is
// looked at, unless all is asked for; a leaf is read before it is changed. After a crash
// all pages are read, to check them and to find those that are free. An empty file has
// nothing to inspect.
func inspect(f *os.File, all bool) (*inspection, error) {
	info, err := f.Stat()
	if err != nil || info.Size() == 0 {
		return nil, err
	}
	m, err := currentMeta(f, info.Size())
	if err != nil {
		return nil, err
	}
	i := &inspection{file: f, meta: m, seen: newPages(m.high), hasFreelist: m.freelist != noFreelist}
	i.deep = all || !i.hasFreelist
	if !i.deep {
		i.unread = make(map[string]*unread)
	}
	i.mark(0)
	i.mark(1)
	if err := i.freelist(); err != nil {
		return nil, err
	}
	return i, i.tree(m.root)
}

// An inspection is one walk through a file.
type inspection struct {
	file        *os.File
	meta        meta
	seen        pages              // those that have been met
	hasFreelist bool               // it is in the file
	deep        bool               // the leaves are read too
	unread      map[string]*unread // otherwise, those of each bucket

	// buffers are reused for the pages of one level after another: 80,000 pages
	// take a third less time so.
	buffers [deepest + 1][]byte
}

// mark notes that page is in use, and reports whether it may be.
func (i *inspection) mark(page uint64) bool {
	if page >= i.meta.high || i.seen.has(page) {
		return false
	}
	i.seen.add(page)
	return true
}

// pages is a set of pages, a bit for each.
type pages []uint64

// newPages returns an empty set with room for all below high.
func newPages(high uint64) pages { return make(pages, high/64+1) }

func (p pages) has(page uint64) bool {
	return page/64 < uint64(len(p)) && p[page/64]&(1<<(page%64)) != 0
}
func (p pages) add(page uint64)    { p[page/64] |= 1 << (page % 64) }
func (p pages) remove(page uint64) { p[page/64] &^= 1 << (page % 64) }

func bad(page uint64, format string, args ...any) error {
	return fmt.Errorf("%w: page %d: %s", store.ErrCorrupt, page, fmt.Sprintf(format, args...))
}

// A page is the bytes of one page and of those it overflows to.
type page struct {
	id       uint64
	flags    uint16
	count    int
	overflow uint64 // how many
	bytes    []byte
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
	if p, err = i.head(id, i.meta.high, i.buffers[level]); err != nil {
		return p, err
	}
	for next := id + 1; next <= id+p.overflow; next++ {
		if !i.mark(next) {
			return p, bad(next, "led to twice")
		}
	}
	return i.whole(p)
}

// head reads the first of the pages at id into buffer; the file has pages below high.
func (i *inspection) head(id, high uint64, buffer []byte) (page, error) {
	p := page{bytes: buffer}
	if id >= high {
		return p, bad(id, "not one of %d pages", high)
	}
	if _, err := i.file.ReadAt(p.bytes, int64(id)*int64(i.meta.pageSize)); err != nil {
		return p, bad(id, "%v", err)
	}
	p.header()
	if p.id != id {
		return p, bad(id, "calls itself %d", p.id)
	}
	if p.overflow >= high-id {
		return p, bad(id, "overflows to %d more of %d", p.overflow, high)
	}
	return p, nil
}

// whole reads the pages that p, whose head is there, overflows to.
func (i *inspection) whole(p page) (page, error) {
	if p.overflow == 0 {
		return p, nil
	}
	size := int64(i.meta.pageSize)
	p.bytes = make([]byte, size*int64(p.overflow+1))
	if _, err := i.file.ReadAt(p.bytes, int64(p.id)*size); err != nil {
		return p, bad(p.id, "%v", err)
	}
	return p, nil
}

func (p *page) header() {
	order := binary.NativeEndian
	p.id, p.flags, p.count = order.Uint64(p.bytes), order.Uint16(p.bytes[8:]), int(order.Uint16(p.bytes[10:]))
	p.overflow = uint64(order.Uint32(p.bytes[12:]))
}

// check checks that the entries of p lie within it, and that their keys are in
// order and in [low, high); a nil high is no bound. It reports whether there are
// buckets among them. Reading aside, an inspection spends its time here: hence one
// loop, without a function for an entry, which would take half as long again.
func (p *page) check(low, high []byte) (buckets bool, err error) {
	if headerSize+p.count*elementSize > len(p.bytes) {
		return false, bad(p.id, "no room for %d entries", p.count)
	}
	order, leaf, flags := binary.NativeEndian, p.flags == leafFlag, uint32(0)
	for n := range p.count {
		head := p.bytes[headerSize+n*elementSize:]
		pos, size, value := uint64(order.Uint32(head)), uint64(order.Uint32(head[4:])), uint64(0)
		if leaf {
			flags |= uint32(pos)
			pos, size, value = size, uint64(order.Uint32(head[8:])), uint64(order.Uint32(head[12:]))
		}
		if size == 0 || pos+size+value > uint64(len(head)) {
			return false, bad(p.id, "entry %d of %d can't be read", n, p.count)
		}
		key := head[pos : pos+size]
		if order := bytes.Compare(key, low); order < 0 || order == 0 && n > 0 {
			return false, bad(p.id, "entry %d of %d is out of order", n, p.count)
		}
		low = key
	}
	if p.count > 0 && high != nil && bytes.Compare(low, high) >= 0 {
		return false, bad(p.id, "its last entry belongs into another page")
	}
	return flags&bucketFlag != 0, nil
}

// entry returns the bytes from entry n on.
func (p *page) entry(n int) []byte { return p.bytes[headerSize+n*elementSize:] }

// child is the page that entry n of a branch leads to.
func (p *page) child(n int) uint64 { return binary.NativeEndian.Uint64(p.entry(n)[8:]) }

// key is that of entry n of a branch that has been checked.
func (p *page) key(n int) []byte {
	head, order := p.entry(n), binary.NativeEndian
	pos := order.Uint32(head)
	return head[pos : pos+order.Uint32(head[4:])]
}

// last is the last entry of a branch that has been checked whose key lies below the
// given one, or is that if it may be; 0 if there is none.
func (p *page) last(key []byte, itself bool) int {
	above := sort.Search(p.count, func(n int) bool {
		order := bytes.Compare(p.key(n), key)
		return order > 0 || order == 0 && !itself
	})
	return max(above-1, 0)
}

// bucket returns the name and the header of the bucket that entry n of a leaf that
// has been checked is, if it is one.
func (p *page) bucket(n int) (name, header []byte, ok bool) {
	head, order := p.entry(n), binary.NativeEndian
	pos, key, value := order.Uint32(head[4:]), order.Uint32(head[8:]), order.Uint32(head[12:])
	return head[pos : pos+key], head[pos+key : pos+key+value], order.Uint32(head)&bucketFlag != 0
}
