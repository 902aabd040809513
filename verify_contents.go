package groupkit

import (
	"context"
	"errors"
	"time"

	"groupkit/internal/key"
	"groupkit/store"
)

// eachUnknown calls found with the ID of each content that no record names, and listed after each page of the
// list of contents. A content is always named: first by the reservation of its upload, then by its file, then by the
// record that it goes. They follow one another within one transaction each. So the contents are listed first, and then
// one snapshot has a name for each that is there.
func (e *Engine) eachUnknown(ctx context.Context, found func(content string) error, listed func(n int)) error {
	for after, more := "", true; more; {
		contents, m, err := e.blobs.List(ctx, after, store.MaxPage)
		if err != nil {
			return storage(err)
		}
		unnamed, err := e.unnamed(ctx, contents)
		if err != nil {
			return err
		}
		for _, content := range unnamed {
			there, err := e.isThere(ctx, content)
			if err == nil && there {
				err = found(content)
			}
			if err != nil {
				return err
			}
		}
		listed(len(contents))
		if more = m && len(contents) > 0; more {
			after = contents[len(contents)-1]
		}
	}
	return nil
}

// unnamed returns those of the contents that no record names. A record whose seal is broken names nothing.
func (e *Engine) unnamed(ctx context.Context, contents []string) (unnamed []string, err error) {
	var keys [][]byte
	var of []int
	for i, content := range contents {
		keys, of = append(keys, key.Upload(content), key.ToGo(content)), append(of, i, i)
		if file, err := key.CutContent(content); err == nil {
			keys, of = append(keys, key.FileIndex(file)), append(of, i)
		}
	}
	named := make([]bool, len(contents))
	err = e.viewSkipping(ctx, nil, passOver, func(r store.Reader) error {
		clear(named)
		values, err := store.GetMany(r, keys)
		for i, value := range values {
			named[of[i]] = named[of[i]] || value != nil
		}
		return storage(err)
	})
	for i, content := range contents {
		if !named[i] && content != contentsMark {
			unnamed = append(unnamed, content)
		}
	}
	return unnamed, err
}

// isThere reports whether there is a content: a concurrent call can have removed it.
func (e *Engine) isThere(ctx context.Context, content string) (bool, error) {
	r, err := e.blobs.Get(ctx, content)
	if errors.Is(err, store.ErrNoBlob) {
		return false, nil
	}
	if err == nil {
		err = r.Close()
	}
	return err == nil, storage(err)
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
