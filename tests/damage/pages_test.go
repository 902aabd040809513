//go:build unix

package damage_test

import (
	"encoding/binary"
	"os"
)

// The engine's bucket in a file of bbolt.
const (
	headerSize  = 16
	elementSize = 16
	leafFlag    = 2
	engine      = "groupkit"
)

// A place is a part of a file.
type place struct{ at, size int }

// A leaf is a leaf page of the engine's bucket.
type leaf struct {
	number int
	parts  []place // headers of elements, keys and values: everything that the page says
}

// A boltFile is the content of a sound, closed file.
type boltFile []byte

func (f boltFile) page(id uint64) []byte { return f[id*uint64(os.Getpagesize()):] }

// root returns the root page of all buckets.
func (f boltFile) root() uint64 {
	order := binary.NativeEndian
	first, second := f.page(0)[headerSize:], f.page(1)[headerSize:]
	if order.Uint64(second[48:]) > order.Uint64(first[48:]) {
		first = second
	}
	return order.Uint64(first[16:])
}

// leaves returns the leaf pages of the engine's bucket, which is in a leaf of the root.
func (f boltFile) leaves() (all []leaf) {
	order := binary.NativeEndian
	f.walk(f.root(), func(id uint64) {
		p := f.page(id)
		for n := range int(order.Uint16(p[10:])) {
			element := p[headerSize+n*elementSize:]
			at, size := order.Uint32(element[4:]), order.Uint32(element[8:])
			if string(element[at:at+size]) == engine {
				f.walk(order.Uint64(element[at+size:]), func(id uint64) { all = append(all, f.leaf(id)) })
			}
		}
	})
	return all
}

// walk calls fn with each leaf page below a page.
func (f boltFile) walk(id uint64, fn func(id uint64)) {
	order, p := binary.NativeEndian, f.page(id)
	if order.Uint16(p[8:]) == leafFlag {
		fn(id)
		return
	}
	for n := range int(order.Uint16(p[10:])) {
		f.walk(order.Uint64(p[headerSize+n*elementSize+8:]), fn)
	}
}

func (f boltFile) leaf(id uint64) leaf {
	order, p, start := binary.NativeEndian, f.page(id), int(id)*os.Getpagesize()
	count := int(order.Uint16(p[10:]))
	l := leaf{int(id), []place{{start + headerSize, count * elementSize}}}
	for n := range count {
		head := headerSize + n*elementSize
		at, size := int(order.Uint32(p[head+4:])), int(order.Uint32(p[head+8:])+order.Uint32(p[head+12:]))
		l.parts = append(l.parts, place{start + head + at, size})
	}
	return l
}

// positions returns the number of every byte that the leaves of the engine say something with.
func (f boltFile) positions() (all []int) {
	for _, l := range f.leaves() {
		for _, part := range l.parts {
			for i := range part.size {
				all = append(all, part.at+i)
			}
		}
	}
	return all
}
