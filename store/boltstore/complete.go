package boltstore

import (
	"math"

	"groupkit/store/internal/overlay"
)

// complete checks that every page of a closed file is in use or free. A page that is
// neither belongs to a tree that nothing leads to any more: a bucket whose header is
// damaged would appear to be almost empty.
//
// The pages of buckets within buckets are not known before all leaves are read. If there
// may be such buckets, complete checks nothing.
func (i *inspection) complete() error {
	if !i.hasFreelist || i.nested.Load() {
		return nil
	}
	for name := range i.unread {
		if name != overlay.Engine {
			return nil
		}
	}
	for id := uint64(0); id < i.meta.high; id++ {
		if id%64 == 0 && i.seen[id/64] == math.MaxUint64 {
			id += 63
			continue
		}
		if i.seen.has(id) {
			continue
		}
		more, err := i.overflow(id)
		if err != nil {
			return err
		}
		if more == 0 {
			return bad(id, "neither in use nor free")
		}
		id += more - 1
	}
	return nil
}

// overflow returns the number of overflow pages from id on, if the page before it is a leaf
// that was not read. Otherwise it returns 0.
func (i *inspection) overflow(id uint64) (uint64, error) {
	engine := i.unread[overlay.Engine]
	if engine == nil || !engine.leaves.has(id-1) {
		return 0, nil
	}
	p, err := i.head(id-1, make([]byte, i.meta.pageSize))
	return p.overflow, err
}

// completes is complete for a check, which has read all pages. The list of free pages is that
// of the opening, so it says something about the state of the opening only.
func (i *inspection) completes(opened *inspection, transaction uint64) error {
	if opened == nil || opened.free == nil || opened.meta.id != transaction {
		return nil
	}
	for id := range i.meta.high {
		if !i.seen.has(id) && !opened.free.has(id) {
			return bad(id, "neither in use nor free")
		}
	}
	return nil
}
