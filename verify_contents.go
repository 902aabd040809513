package groupkit

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"

	"groupkit/internal/key"
	"groupkit/store"
)

// unknownContents finds the contents that no record names. A content is always named: first by
// the reservation of its upload, then by its file, then by the record that it goes. They follow
// one another within one transaction each. So the contents are listed first, and then the
// reservations, the files and the records that contents go are read, in that order.
type unknownContents struct {
	ids   map[string]bool      // listed, and named by nothing so far
	files map[uuid.UUID]string // the file of a content → its ID
}

// list reads the IDs of all contents.
func (u *unknownContents) list(ctx context.Context, blobs store.Blobs) error {
	u.ids, u.files = make(map[string]bool), make(map[uuid.UUID]string)
	for after, more := "", true; more; {
		ids, m, err := blobs.List(ctx, after, store.MaxPage)
		if err != nil {
			return storage(err)
		}
		for _, id := range ids {
			after = id
			if id == contentsMark {
				continue
			}
			u.ids[id] = true
			if file, err := key.CutContent(id); err == nil {
				u.files[file] = id
			}
		}
		more = m && len(ids) > 0
	}
	return nil
}

// named notes that a record names a content.
func (u *unknownContents) named(content string) { delete(u.ids, content) }

// fileNamed notes that there is a record of a file, though it may be damaged.
func (u *unknownContents) fileNamed(file uuid.UUID) { delete(u.ids, u.files[file]) }

// reservations reads the reservations of uploads.
func (u *unknownContents) reservations(r store.Reader) error {
	return scanAll(r, store.Prefix(key.Uploads()), func(page []store.Pair) error {
		for _, p := range page {
			u.named(string(p.Key[1:]))
		}
		return nil
	})
}

// left returns the unknown contents. It looks again for each: those that a concurrent call has
// removed are not among them.
func (u *unknownContents) left(ctx context.Context, blobs store.Blobs) (left []UnknownContent, err error) {
	for id := range u.ids {
		r, err := blobs.Get(ctx, id)
		if errors.Is(err, store.ErrNoBlob) {
			continue
		}
		if err == nil {
			err = r.Close()
		}
		if err != nil {
			return nil, storage(err)
		}
		left = append(left, UnknownContent{ID: id, Created: uploadBegan(id)})
	}
	slices.SortFunc(left, func(a, b UnknownContent) int { return cmp.Compare(a.ID, b.ID) })
	return left, nil
}

// uploadBegan returns the time in the ID of a content, or the zero time.
func uploadBegan(content string) time.Time {
	file, err := key.CutContent(content)
	if err != nil || file.Version() != 7 {
		return time.Time{}
	}
	sec, nsec := file.Time().UnixTime()
	return time.Unix(sec, nsec).UTC()
}
