package boltstore

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"io"
	"os"

	"groupkit/store"
)

// The following constants and types mirror the file format of bbolt, version 2. Numbers
// are in the byte order of the machine.
const (
	headerSize   = 16
	metaSize     = 64
	boltMagic    = 0xED0CDAED
	boltVersion  = 2
	smallestPage = 1 << 10
	largestPage  = 1 << 24
	noFreelist   = ^uint64(0)
)

// A meta is one of the two pages that lead to all data in the file.
type meta struct {
	magic, version, pageSize        uint32
	root, freelist, high, id, check uint64 // high: the first page number that was never used
	sound                           bool   // the checksum is correct

	page uint64         // 0 or 1
	raw  [metaSize]byte // also contains fields that only bbolt knows
}

func readMeta(r io.ReaderAt, offset int64) meta {
	var b [metaSize]byte
	if _, err := r.ReadAt(b[:], offset+headerSize); err != nil {
		return meta{}
	}
	m := parseMeta(b)
	m.page = uint64(min(offset, 1))
	return m
}

func parseMeta(b [metaSize]byte) (m meta) {
	order := binary.NativeEndian
	m = meta{
		magic:    order.Uint32(b[0:]),
		version:  order.Uint32(b[4:]),
		pageSize: order.Uint32(b[8:]),
		root:     order.Uint64(b[16:]),
		freelist: order.Uint64(b[32:]),
		high:     order.Uint64(b[40:]),
		id:       order.Uint64(b[48:]),
		check:    order.Uint64(b[56:]),
		raw:      b,
	}
	m.sound = m.magic == boltMagic && m.version == boltVersion && m.check == checksum(b)
	return m
}

func checksum(b [metaSize]byte) uint64 {
	sum := fnv.New64a()
	_, _ = sum.Write(b[:56])
	return sum.Sum64()
}

// replace overwrites the other meta page than the one that m was read from. The page that
// m was read from stays valid if only a part of the new page reaches the disk.
func (m meta) replace(w io.WriterAt) error {
	order, page := binary.NativeEndian, 1-m.page
	order.PutUint64(m.raw[32:], m.freelist)
	order.PutUint64(m.raw[40:], m.high)
	order.PutUint64(m.raw[48:], m.id)
	order.PutUint64(m.raw[56:], checksum(m.raw))
	b := make([]byte, headerSize, headerSize+metaSize)
	order.PutUint64(b, page)
	order.PutUint16(b[8:], metaFlag)
	_, err := w.WriteAt(append(b, m.raw[:]...), int64(page)*int64(m.pageSize))
	return err
}

// currentMeta returns the meta page that bbolt will use: the newer of the valid ones. If
// both are of the same age, which bbolt does not write, it is the first.
func currentMeta(f *os.File, size int64) (meta, error) {
	first := readMeta(f, 0)
	second := secondMeta(f, size, first)
	switch {
	case first.sound && (!second.sound || first.id >= second.id):
		return first, first.fits(size)
	case second.sound:
		return second, second.fits(size)
	case first.newer() || second.newer():
		return meta{}, fmt.Errorf("%w: bbolt file of version %d (known up to %d)",
			store.ErrNewer, max(first.version, second.version), boltVersion)
	case first.magic != boltMagic && second.magic != boltMagic:
		return meta{}, fmt.Errorf("%w: not a bbolt file (%d bytes)", store.ErrCorrupt, size)
	default:
		return meta{}, fmt.Errorf("%w: both meta pages are damaged", store.ErrCorrupt)
	}
}

// secondMeta returns the second meta page. If the page size in the first one is not
// reliable, it tries every page size.
func secondMeta(f *os.File, size int64, first meta) meta {
	if first.sound {
		return readMeta(f, int64(first.pageSize))
	}
	for page := int64(smallestPage); page <= largestPage && page < size; page *= 2 {
		if m := readMeta(f, page); m.sound && int64(m.pageSize) == page {
			return m
		}
	}
	return meta{}
}

func (m meta) newer() bool { return m.magic == boltMagic && m.version > boltVersion }

// fits refuses a meta page that refers to pages beyond the end of the file. Reading such
// a page through the memory map would end the process.
func (m meta) fits(size int64) error {
	pages := uint64(size) / uint64(max(m.pageSize, smallestPage))
	switch {
	case m.pageSize < smallestPage || m.pageSize > largestPage || m.pageSize&(m.pageSize-1) != 0:
		return fmt.Errorf("%w: page size %d", store.ErrCorrupt, m.pageSize)
	case m.high > pages:
		return fmt.Errorf("%w: truncated: %d bytes hold %d of %d pages", store.ErrCorrupt, size, pages, m.high)
	case m.root < 2 || m.root >= m.high:
		return fmt.Errorf("%w: root page %d of %d", store.ErrCorrupt, m.root, m.high)
	case m.freelist != noFreelist && (m.freelist < 2 || m.freelist >= m.high):
		return fmt.Errorf("%w: free list on page %d of %d", store.ErrCorrupt, m.freelist, m.high)
	}
	return nil
}
