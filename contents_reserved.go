package groupkit

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"groupkit/internal/key"
	"groupkit/internal/record"
	"groupkit/store"
)

// sweepReservations ends the reservations of uploads that earlier engines have left in a store
// which this process has alone: their contents go. It reports whether there were any. If the
// mark of the contents is missing there are none, because it is older than every content. If the
// contents are foreign the reservations stay.
func (e *Engine) sweepReservations(ctx context.Context) (dead bool, err error) {
	var left []store.Pair
	err = e.view(ctx, func(r store.Reader) error {
		left = nil
		return scanAll(r, store.Prefix(key.Uploads()), func(page []store.Pair) error {
			for _, p := range page {
				if e.isForeignUpload(p) {
					left = append(left, p)
				}
			}
			return nil
		})
	})
	if err != nil || len(left) == 0 {
		return false, err
	}
	return true, e.endUploads(ctx, left)
}

// isForeignUpload reports whether a reservation is not one of this engine.
func (e *Engine) isForeignUpload(p store.Pair) bool {
	u, err := record.DecodeUpload(p.Value)
	return err != nil || u.Process != e.id
}

// keepUpload shows the engines that share the store that an upload goes on.
func (e *Engine) keepUpload(ctx context.Context, content string) error {
	return e.step(ctx, func(w store.Writer) error {
		now, err := e.now()
		if err != nil {
			return err
		}
		value, ok, err := w.Get(key.Upload(content))
		if err != nil {
			return storage(err)
		}
		if !ok {
			return errUploadEnded
		}
		u, err := record.DecodeUpload(value)
		if err != nil {
			return err
		}
		u.At = max(now, u.At+1)
		return storage(w.Put(key.Upload(content), u.Encode()))
	})
}

// leaveUpload makes the background work on a shared store end the reservation of an upload, if it is
// still there. Otherwise the next opening does that.
func (e *Engine) leaveUpload(content string) {
	if e.shared {
		e.contents.leave(content)
	}
}

// endLeft ends the reservations that uploads of this engine have left. A file that was shared
// after all has none.
func (e *Engine) endLeft(ctx context.Context) (err error) {
	for part := range slices.Chunk(e.contents.takeLeft(), entries(e.sizes, chunk, 1, 1)) {
		failed := e.endLeftPart(ctx, part)
		if failed != nil { // the next look tries again
			e.contents.leave(part...)
		}
		err = errors.Join(err, failed)
	}
	return err
}

func (e *Engine) endLeftPart(ctx context.Context, contents []string) error {
	keys := make([][]byte, len(contents))
	for i, content := range contents {
		keys[i] = key.Upload(content)
	}
	var values [][]byte
	err := e.view(ctx, func(r store.Reader) (err error) {
		values, err = store.GetMany(r, keys)
		return storage(err)
	})
	var reservations []store.Pair
	for i, value := range values {
		if value != nil {
			reservations = append(reservations, store.Pair{Key: keys[i], Value: value})
		}
	}
	if err != nil || len(reservations) == 0 {
		return err
	}
	return e.endUploads(ctx, reservations)
}

func (c *contents) leave(contents ...string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.left = append(c.left, contents...)
}

func (c *contents) takeLeft() (contents []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	contents, c.left = c.left, nil
	return contents
}

// errUploadEnded: another engine has ended the upload.
var errUploadEnded = fmt.Errorf("%w: the upload got no bytes for %v or longer and was ended", ErrStorage, uploadIdle)

// endUploads ends reservations, unless they have changed since they were read: their contents
// go. An upload that has lost its reservation does not add its file, because its content may be
// removed at any time.
func (e *Engine) endUploads(ctx context.Context, reservations []store.Pair) error {
	ours, err := e.claimContents(ctx, false)
	if err != nil || e.contents.are(ownedByOther) {
		return err
	}
	seen := make(map[string]string, len(reservations))
	for _, p := range reservations {
		seen[string(p.Key)] = string(p.Value)
	}
	return e.step(ctx, func(w store.Writer) error {
		var contents []string
		err := dropReservations(w, func(p store.Pair) bool {
			value, dead := seen[string(p.Key)]
			dead = dead && value == string(p.Value)
			content := string(p.Key[1:])
			if _, err := key.CutContent(content); err == nil && dead && ours {
				contents = append(contents, content)
			}
			return dead
		})
		if err != nil {
			return err
		}
		return write(w, toGo(contents))
	})
}
