package groupkit

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/google/uuid"

	"groupkit/internal/archive"
	"groupkit/internal/key"
	"groupkit/internal/record"
	"groupkit/internal/seal"
	"groupkit/store"
)

// Backups and copies carry pairs as they are stored, with their seals: damage stays visible, and needs no
// decoding. They leave out what belongs to a store and not to its groups.

// isCarried reports whether backups and copies carry a record of the engine. They leave out the format and the identity, which
// the new place gets anew; leases, uploads and contents to go, which have no meaning there; the number of groups,
// which is counted when it is needed; and the order of the calls, see uncommitted.
func isCarried(k []byte) bool {
	switch k[0] {
	case key.FamilyFormat, key.FamilyIdentity, key.FamilyCommits, key.FamilyLease, key.FamilyUploads, key.FamilyToGo:
		return false
	case key.FamilyGroupCount:
		return bytes.Equal(k, key.GroupLimit())
	}
	return true
}

// pairs read all carried pairs, space by space, in pages.
type pairs struct {
	ctx    context.Context
	within func(func(store.Reader) error) error // reads in a snapshot
	pace   *pace                                // nil: the reading gives way to nobody

	spaces []string // that are left; the first one is being read
	listed bool
	page   []store.Pair
	from   []byte // where the next page begins
	more   bool

	room  []store.Pair // that each page uses again
	bytes []byte       // of the keys and values in room
}

// The most that a page has.
const (
	pagePairs = store.MaxPage
	pageBytes = 1 << 20
)

// pairsIn returns the carried pairs of one snapshot.
func pairsIn(ctx context.Context, r store.Reader) *pairs {
	return &pairs{ctx: ctx, within: func(fn func(store.Reader) error) error { return fn(r) }}
}

// pairsOf returns the carried pairs of a store, each page in a snapshot of its own.
func pairsOf(ctx context.Context, s store.Store) *pairs {
	return &pairs{ctx: ctx, within: func(fn func(store.Reader) error) error { return s.View(ctx, fn) }}
}

// next is an archive.Source.
func (p *pairs) next() (archive.Entry, error) {
	for len(p.page) == 0 {
		if p.listed && !p.more {
			if p.spaces = p.spaces[1:]; len(p.spaces) == 0 {
				return archive.Entry{}, io.EOF
			}
			p.from, p.more = nil, true
		}
		if err := p.ctx.Err(); err != nil {
			return archive.Entry{}, context.Cause(p.ctx)
		}
		if p.pace != nil {
			if err := p.pace.giveWay(p.ctx); err != nil {
				return archive.Entry{}, err
			}
		}
		read := *p
		err := p.within(func(r store.Reader) error { // can be run again
			read = *p
			return read.read(r)
		})
		if err != nil {
			return archive.Entry{}, storage(err)
		}
		*p = read
	}
	pair := p.page[0]
	p.page = p.page[1:]
	return archive.Entry{Space: p.spaces[0], Key: pair.Key, Value: pair.Value}, nil
}

// read reads the next page.
func (p *pairs) read(r store.Reader) error {
	if !p.listed {
		names, err := store.Buckets(r)
		if err != nil {
			return err
		}
		p.spaces = append([]string{""}, names...)
	}
	space := r
	if p.spaces[0] != "" {
		var err error
		if space, err = store.BucketReader(r, p.spaces[0]); err != nil {
			return err
		}
	}
	size := 0
	page, all := p.room[:0], p.bytes[:0]
	var last []byte
	more, err := store.Visit(space, store.Range{From: p.from, Limit: pagePairs}, func(k, value []byte) bool {
		last = append(last[:0], k...)
		size += len(k) + len(value)
		if p.spaces[0] != "" || isCarried(k) {
			all = append(append(all, k...), value...)
			end := len(all) - len(value)
			page = append(page, store.Pair{Key: all[end-len(k) : end : end], Value: all[end:len(all):len(all)]})
		}
		return size < pageBytes
	})
	if err != nil {
		return err
	}
	p.listed, p.page, p.more = true, page, more
	p.room, p.bytes = page, all
	if more {
		p.from = append(last, 0)
	}
	return nil
}

// A listedFile is a file that a live group lists, and whose content is there.
type listedFile struct {
	id    uuid.UUID
	hash  [32]byte
	size  int64
	group GroupID
}

// carried are the records of a store on their way into a backup or a copy. They count those whose seals are broken,
// and note the files whose contents must follow.
type carried struct {
	from   archive.Source
	broken int
	files  []listedFile
	old    map[uuid.UUID]string // IDs of contents that are not those of their files: they were uploaded with format 1

	group  GroupID // of the last record
	before int     // how many files the groups before it have

	call, sealed []byte // room of uncommitted
}

func newCarried(from archive.Source) *carried {
	return &carried{from: from, old: make(map[uuid.UUID]string)}
}

// next is an archive.Source.
func (c *carried) next() (archive.Entry, error) {
	e, err := c.from()
	if err != nil || e.Space != "" {
		return e, err
	}
	value, err := seal.Open(e.Key, e.Value)
	if err != nil {
		c.broken++
		return e, nil
	}
	if e.Key[0] != key.FamilyGroups {
		return e, nil
	}
	group, kind, rest, err := key.CutGroup(e.Key)
	if err != nil {
		return e, nil // Verify reports it, here and there
	}
	if GroupID(group) != c.group {
		c.group, c.before = GroupID(group), len(c.files)
	}
	switch kind {
	case key.Events:
		e.Value = c.uncommitted(e.Key, e.Value, value)
	case key.Files:
		c.take(rest, value)
	case key.Header: // it comes after the files
		e.Value = c.header(e.Key, e.Value, value)
	}
	return e, nil
}

// header returns the sealed header of a group, without the number of its load; see uncommitted. Only live groups list
// files.
func (c *carried) header(k, sealed, value []byte) []byte {
	h, err := record.DecodeHeader(value)
	if err != nil {
		return sealed
	}
	if h.State != record.Live {
		c.files = c.files[:c.before]
	}
	if h.Loaded == 0 {
		return sealed
	}
	h.Loaded = 0
	return seal.Append(nil, k, h.Encode())
}

// take notes a file.
func (c *carried) take(rest, value []byte) {
	f, err := decodeFile(rest, value)
	if err != nil || f.Absent {
		return
	}
	id := uuid.UUID([]byte(f.ID))
	c.files = append(c.files, listedFile{id, [32]byte([]byte(f.SHA256)), f.Size, c.group})
	if f.Content != "" {
		c.old[id] = f.Content
	}
}

// uncommitted returns the sealed record of a call without the number that it has in the order of the calls. The number
// means nothing in another store. There the order begins with the state of all groups; see [filling.finish].
func (c *carried) uncommitted(k, sealed, value []byte) []byte {
	call, numbered := record.AppendUncommitted(c.call[:0], value)
	if !numbered {
		return sealed
	}
	c.call, c.sealed = call, seal.Append(c.sealed[:0], k, call)
	return c.sealed
}

// sorted sorts the files by their IDs, for find.
func (c *carried) sorted() {
	slices.SortFunc(c.files, func(a, b listedFile) int { return bytes.Compare(a.id[:], b.id[:]) })
}

// find returns the place of the file to which a content belongs, and whether there is one.
func (c *carried) find(content string) (n int, ok bool) {
	id, err := key.CutContent(content)
	if err != nil {
		return 0, false
	}
	return slices.BinarySearchFunc(c.files, id, func(f listedFile, id uuid.UUID) int { return bytes.Compare(f.id[:], id[:]) })
}

func (c *carried) contentOf(f *listedFile) string {
	if content, ok := c.old[f.id]; ok {
		return content
	}
	return key.Content(f.id)
}

// describe says what an entry belongs to.
func describe(e archive.Entry) string {
	if e.Space != "" {
		return fmt.Sprintf("bucket %s", quote(e.Space))
	}
	if group, _, _, err := key.CutGroup(e.Key); err == nil {
		return fmt.Sprintf("group %s", quote(group))
	}
	if user, _, _, err := key.CutUser(e.Key); err == nil {
		return fmt.Sprintf("user %s", quote(user))
	}
	return "the engine"
}
