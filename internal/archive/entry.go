// Package archive holds the machinery of backups and copies: pairs of a store in one order, the
// difference between two sets of them, and the stream that a backup is. It knows no group.
package archive

import (
	"bytes"
	"cmp"
	"errors"
	"io"
)

// An Entry is a pair of a store, or the mark that a key is deleted. Space is the key space: the name of a bucket
// of the application, or "" for the engine's own. Entries are ordered by Space, and then by Key.
type Entry struct {
	Space      string
	Key, Value []byte
	Deleted    bool
}

func compare(a, b *Entry) int {
	return cmp.Or(cmp.Compare(a.Space, b.Space), bytes.Compare(a.Key, b.Key))
}

// A Source returns entries in their order, one with each call, and io.EOF after the last one. The bytes of
// an entry are valid until the next call.
type Source func() (Entry, error)

// Empty is the Source of nothing.
func Empty() (Entry, error) { return Entry{}, io.EOF }

// A head is a source with the entry that comes next.
type head struct {
	next  Source
	entry Entry
	ended bool
}

func (h *head) advance() (err error) {
	h.entry, err = h.next()
	if errors.Is(err, io.EOF) {
		h.ended, err = true, nil
	}
	return err
}

// Merge returns what remains of sources of which each changes the ones before it: of the entries with one
// key only the last one counts, and one that is deleted does not exist.
func Merge(sources ...Source) Source {
	heads := make([]head, len(sources))
	for i, s := range sources {
		heads[i].next = s
	}
	begun := false
	var used []*head // whose entries were returned, or hidden, by the last call
	return func() (Entry, error) {
		if !begun {
			begun = true
			for i := range heads {
				used = append(used, &heads[i])
			}
		}
		for {
			for _, h := range used {
				if err := h.advance(); err != nil {
					return Entry{}, err
				}
			}
			used = used[:0]
			for i := range heads {
				h := &heads[i]
				if h.ended {
					continue
				}
				order := -1
				if len(used) > 0 {
					order = compare(&h.entry, &used[0].entry)
				}
				if order < 0 {
					used = used[:0]
				}
				if order <= 0 {
					used = append(used, h)
				}
			}
			if len(used) == 0 {
				return Entry{}, io.EOF
			}
			if last := used[len(used)-1]; !last.entry.Deleted {
				return last.entry, nil
			}
		}
	}
}

// Diff gives what makes have equal to want: each entry of want that have does not have, or has with another value,
// and a mark for each key that only have has. Neither source returns such marks.
func Diff(want, have Source, give func(Entry) error) error {
	w, h := head{next: want}, head{next: have}
	if err := errors.Join(w.advance(), h.advance()); err != nil {
		return err
	}
	for !w.ended || !h.ended {
		order := 0
		switch {
		case w.ended:
			order = 1
		case h.ended:
			order = -1
		default:
			order = compare(&w.entry, &h.entry)
		}
		var err error
		switch {
		case order > 0:
			err = give(Entry{Space: h.entry.Space, Key: h.entry.Key, Deleted: true})
		case order < 0 || !bytes.Equal(w.entry.Value, h.entry.Value):
			err = give(w.entry)
		}
		if order <= 0 && err == nil {
			err = w.advance()
		}
		if order >= 0 && err == nil {
			err = h.advance()
		}
		if err != nil {
			return err
		}
	}
	return nil
}
