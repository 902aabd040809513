package boltstore

import (
	"encoding/binary"
	"slices"
)

// manyFree as the count in a header means that the first number of the list is the count.
const manyFree = 0xFFFF

// freelist checks that the list contains pages of the file, each once and in order.
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
	if count == manyFree {
		count, ids = binary.NativeEndian.Uint64(ids), ids[8:]
	}
	if count > uint64(len(ids)/8) {
		return bad(p.id, "free list of %d pages in %d bytes", count, len(ids))
	}
	for n := range count {
		// Marking a free page makes a page in use that leads to it an error.
		if id := binary.NativeEndian.Uint64(ids[8*n:]); !i.mark(id) {
			return bad(p.id, "free list names page %d of %d wrongly", id, i.meta.high)
		}
	}
	return nil
}

// keepFreelist writes the list of free pages, which a crash has left out, as a commit
// that changes nothing else. Without the list, bbolt would read all pages again to find
// the free ones, on a goroutine whose panics cannot be recovered. If keepFreelist fails,
// the data in the file is unchanged, and bbolt reads all pages.
func (i *inspection) keepFreelist(sync bool) error {
	flush := func() error { return nil }
	if sync {
		flush = i.file.Sync
	}
	// The older meta page is overwritten, so the file cannot go back to the state before
	// the current one. The current state must be on disk first.
	if err := flush(); err != nil {
		return err
	}
	list, next := i.listed()
	if _, err := i.file.WriteAt(list, int64(next.freelist)*int64(next.pageSize)); err != nil {
		return err
	}
	if err := flush(); err != nil {
		return err
	}
	// If this meta page does not reach the disk, the current one is still valid.
	return next.replace(i.file)
}

// listed returns the pages of the list of free pages, and the meta page that refers to
// it.
func (i *inspection) listed() (list []byte, next meta) {
	size, free, next := uint64(i.meta.pageSize), i.unseen(), i.meta
	pages := (headerSize + 8*uint64(len(free)+1) + size - 1) / size
	next.id++
	next.freelist, free = place(free, pages)
	if next.freelist == 0 {
		next.freelist = next.high
		next.high += pages
	}
	order, list := binary.NativeEndian, make([]byte, 0, pages*size)
	list = order.AppendUint64(list, next.freelist)
	list = order.AppendUint16(list, freelistFlag)
	list = order.AppendUint16(list, uint16(min(len(free), manyFree)))
	list = order.AppendUint32(list, uint32(pages-1))
	if len(free) >= manyFree {
		list = order.AppendUint64(list, uint64(len(free)))
	}
	for _, id := range free {
		list = order.AppendUint64(list, id)
	}
	return list[:cap(list)], next
}

// unseen returns the pages that no page leads to, in order.
func (i *inspection) unseen() (free []uint64) {
	for id := range i.meta.high {
		if !i.seen.has(id) {
			free = append(free, id)
		}
	}
	return free
}

// place takes adjacent pages out of the free ones. It returns the first of them, or 0 if
// there are not enough adjacent pages.
func place(free []uint64, pages uint64) (first uint64, left []uint64) {
	for at := 0; at+int(pages) <= len(free); at++ {
		if end := at + int(pages); free[end-1] == free[at]+pages-1 {
			return free[at], slices.Concat(free[:at], free[end:])
		}
	}
	return 0, free
}
