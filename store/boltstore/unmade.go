package boltstore

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"os"

	"groupkit/store"
)

// sectorSize is the part of a file that a device writes as a whole.
const sectorSize = 512

// emptyUnmade empties a file that a power cut left while bbolt made it, so that it is made
// anew. bbolt makes a file with one write of four pages; such a file has some sectors of this
// write, and zeros in place of the others. It has never contained anything. A file that was
// ever committed to is longer, and its meta pages have other numbers.
//
// If nothing may be written, it refuses such a file, and an empty one.
func emptyUnmade(f *os.File, readOnly bool) error {
	info, err := f.Stat()
	size, made := int64(0), newFile(os.Getpagesize())
	if err == nil {
		size = info.Size()
	}
	if err == nil && size == 0 && readOnly {
		return fmt.Errorf("%w: the file is empty", store.ErrReadOnly)
	}
	if err != nil || size == 0 || size > int64(len(made)) || size%sectorSize != 0 {
		return err
	}
	found := make([]byte, size)
	if _, err := f.ReadAt(found, 0); err != nil && err != io.EOF {
		return fmt.Errorf("read: %w", err)
	}
	if bytes.Equal(found, made) || !isPartOf(found, made) {
		return nil
	}
	if readOnly {
		return fmt.Errorf("%w: the file was not made to its end", store.ErrReadOnly)
	}
	return f.Truncate(0)
}

// isPartOf reports whether each sector is zero or as in the file that was to be made.
func isPartOf(found, made []byte) bool {
	zero := make([]byte, sectorSize)
	for at := 0; at < len(found); at += sectorSize {
		end := min(at+sectorSize, len(found))
		if sector := found[at:end]; !bytes.Equal(sector, made[at:end]) && !bytes.Equal(sector, zero[:end-at]) {
			return false
		}
	}
	return true
}

// newFile returns what bbolt writes into a new file: two meta pages, an empty list of free
// pages, and an empty root.
func newFile(pageSize int) []byte {
	file, order := make([]byte, 4*pageSize), binary.NativeEndian
	for id, flags := range []uint16{metaFlag, metaFlag, freelistFlag, leafFlag} {
		page := file[id*pageSize:]
		order.PutUint64(page, uint64(id))
		order.PutUint16(page[8:], flags)
		if flags != metaFlag {
			continue
		}
		meta := page[headerSize : headerSize+metaSize]
		order.PutUint32(meta, boltMagic)
		order.PutUint32(meta[4:], boltVersion)
		order.PutUint32(meta[8:], uint32(pageSize))
		order.PutUint64(meta[16:], 3) // the root
		order.PutUint64(meta[32:], 2) // the list of free pages
		order.PutUint64(meta[40:], 4)
		order.PutUint64(meta[48:], uint64(id))
		order.PutUint64(meta[56:], checksum([metaSize]byte(meta)))
	}
	return file
}
