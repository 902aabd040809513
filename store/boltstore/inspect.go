package boltstore

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"slices"
	"sort"
	"sync/atomic"

	"groupkit/store"
)

const (
	branchFlag   = 0x01
	leafFlag     = 0x02
	metaFlag     = 0x04
	freelistFlag = 0x10
	bucketFlag   = 0x01 // flag of an entry of a leaf

	elementSize  = 16 // of a branch and of a leaf
	bucketHeader = 16
	deepest      = 64 // maximum number of levels of a tree; bbolt makes fewer than 20
)

// inspect checks a file before bbolt maps it. bbolt trusts the contents of the file: page
// numbers that form a cycle make it recurse until the process ends.
//
// After Close, the file contains the list of free pages, and bbolt opens it without
// reading all of it. Then inspect reads only the pages that lead to other pages, unless
// all is true. A leaf is checked before it is changed. After a crash, inspect reads all
// pages, to check them and to find the free ones. In an empty file there is nothing to
// check.
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
	if i.hasFreelist {
		i.free = slices.Clone(i.seen)
	}
	if err := i.tree(m.root); err != nil {
		return nil, err
	}
	return i, i.complete()
}

// An inspection is one pass through a file.
type inspection struct {
	file        *os.File
	memory      []byte // the pages, instead of file
	meta        meta
	seen        pages              // the pages that were reached
	hasFreelist bool               // the list of free pages is in the file
	free        pages              // the pages in that list, those that it is on, and the meta pages
	deep        bool               // the leaves are read too
	unread      map[string]*unread // the leaves that are not read, by bucket
	nested      atomic.Bool        // there are buckets that are not read, within buckets of the application

	// A check that collects problems goes on after one.
	collects bool
	problems []error
	ctx      context.Context

	// buffers are reused for the pages of each level. For 80,000 pages this saves a third
	// of the time.
	buffers [deepest + 1][]byte
}

// mark marks page as in use. It reports false if page is out of range or already in use.
func (i *inspection) mark(page uint64) bool {
	if page >= i.meta.high || i.seen.has(page) {
		return false
	}
	i.seen.add(page)
	return true
}

// pages is a set of page numbers, one bit for each.
type pages []uint64

// newPages returns an empty set for pages below high.
func newPages(high uint64) pages { return make(pages, high/64+1) }

func (p pages) has(page uint64) bool {
	return page/64 < uint64(len(p)) && p[page/64]&(1<<(page%64)) != 0
}
func (p pages) add(page uint64) { p[page/64] |= 1 << (page % 64) }

func bad(page uint64, format string, args ...any) error {
	return fmt.Errorf("%w: page %d: %s", store.ErrCorrupt, page, fmt.Sprintf(format, args...))
}

// A page contains the bytes of one page and of its overflow pages.
type page struct {
	id       uint64
	flags    uint16
	count    int
	overflow uint64 // the number of overflow pages
	bytes    []byte
	used     int // the bytes up to the end of the last entry, once they are checked
}

// fits refuses a page that has more overflow pages than it needs, or fewer. Some versions
// of bbolt added one where the entries fill the pages exactly.
func (p *page) fits(pageSize uint32) error {
	if need := uint64(p.used) / uint64(pageSize); p.overflow != need && p.overflow != uint64(p.used-1)/uint64(pageSize) {
		return bad(p.id, "%d overflow pages for %d bytes", p.overflow, p.used)
	}
	return nil
}

// read reads a page that was not reached before. It is valid until the next page of its
// level is read.
func (i *inspection) read(id uint64, level int) (p page, err error) {
	if err := i.interrupted(); err != nil {
		return p, err
	}
	if !i.mark(id) {
		return p, bad(id, "led to twice, or not one of %d pages", i.meta.high)
	}
	if i.buffers[level] == nil && i.memory == nil {
		i.buffers[level] = make([]byte, i.meta.pageSize)
	}
	if p, err = i.head(id, i.buffers[level]); err != nil {
		return p, err
	}
	for next := id + 1; next <= id+p.overflow; next++ {
		if !i.mark(next) {
			return p, bad(next, "led to twice")
		}
	}
	if p.overflow > 0 {
		p.bytes, err = i.fetch(id, p.overflow+1, nil)
	}
	return p, err
}

// head reads the first page at id into buffer.
func (i *inspection) head(id uint64, buffer []byte) (p page, err error) {
	if id >= i.meta.high {
		return p, bad(id, "not one of %d pages", i.meta.high)
	}
	if p.bytes, err = i.fetch(id, 1, buffer); err != nil {
		return p, err
	}
	p.header()
	if p.id != id {
		return p, bad(id, "calls itself %d", p.id)
	}
	if p.overflow >= i.meta.high-id {
		return p, bad(id, "overflows to %d more of %d", p.overflow, i.meta.high)
	}
	return p, nil
}

// fetch returns the bytes of n pages from id on. It uses the buffer for one page.
func (i *inspection) fetch(id, n uint64, buffer []byte) ([]byte, error) {
	size := uint64(i.meta.pageSize)
	if i.memory != nil {
		return i.memory[id*size : (id+n)*size], nil
	}
	if n > 1 {
		buffer = make([]byte, n*size)
	}
	if _, err := i.file.ReadAt(buffer, int64(id*size)); err != nil {
		return nil, bad(id, "%v", err)
	}
	return buffer, nil
}

func (p *page) header() {
	order := binary.NativeEndian
	p.id, p.flags, p.count = order.Uint64(p.bytes), order.Uint16(p.bytes[8:]), int(order.Uint16(p.bytes[10:]))
	p.overflow = uint64(order.Uint32(p.bytes[12:]))
}

// check checks that the entries of p are within p, one after another and without gaps, as
// bbolt writes them, and that their keys are in order and in [low, high). A nil high means
// no bound. It reports whether there are buckets among the entries. An inspection spends
// most of its time here, apart from reading. This is why it is one loop: a function for
// each entry makes it half as slow again.
func (p *page) check(low, high []byte) (buckets bool, err error) {
	if headerSize+p.count*elementSize > len(p.bytes) {
		return false, bad(p.id, "no room for %d entries", p.count)
	}
	order, leaf, flags := binary.NativeEndian, p.flags == leafFlag, uint32(0)
	next := uint64(p.count * elementSize) // where the next entry must be, from the end of the header
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
		if pos+uint64(n*elementSize) != next {
			return false, bad(p.id, "entry %d of %d is not behind the one before", n, p.count)
		}
		next += size + value
		key := head[pos : pos+size]
		if order := bytes.Compare(key, low); order < 0 || order == 0 && n > 0 {
			return false, bad(p.id, "entry %d of %d is out of order", n, p.count)
		}
		low = key
	}
	if p.count > 0 && high != nil && bytes.Compare(low, high) >= 0 {
		return false, bad(p.id, "its last entry belongs into another page")
	}
	if flags > bucketFlag {
		return false, bad(p.id, "flags %#x among those of its entries", flags)
	}
	p.used = headerSize + int(next)
	return flags == bucketFlag, nil
}

// entry returns the bytes from entry n on.
func (p *page) entry(n int) []byte { return p.bytes[headerSize+n*elementSize:] }

// child returns the page that entry n of a branch leads to.
func (p *page) child(n int) uint64 { return binary.NativeEndian.Uint64(p.entry(n)[8:]) }

// key returns the key of entry n of a checked branch.
func (p *page) key(n int) []byte {
	head, order := p.entry(n), binary.NativeEndian
	pos := order.Uint32(head)
	return head[pos : pos+order.Uint32(head[4:])]
}

// pair returns entry n of a leaf.
func (p *page) pair(n int) (key, value []byte, flags uint32) {
	head, order := p.entry(n), binary.NativeEndian
	pos, size := order.Uint32(head[4:]), order.Uint32(head[8:])
	end := pos + size + order.Uint32(head[12:])
	return head[pos : pos+size : pos+size], head[pos+size : end : end], order.Uint32(head)
}

// leafKey returns the key of entry n of a leaf.
func (p *page) leafKey(n int) []byte {
	head, order := p.entry(n), binary.NativeEndian
	pos := order.Uint32(head[4:])
	return head[pos : pos+order.Uint32(head[8:])]
}

// last returns the last entry of a checked branch whose key is lower than the given key,
// or equal to it if itself is true. It returns 0 if there is none.
func (p *page) last(key []byte, itself bool) int {
	above := sort.Search(p.count, func(n int) bool {
		order := bytes.Compare(p.key(n), key)
		return order > 0 || order == 0 && !itself
	})
	return max(above-1, 0)
}
