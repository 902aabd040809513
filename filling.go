package groupkit

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/google/uuid"

	"groupkit/internal/archive"
	"groupkit/internal/key"
	"groupkit/internal/record"
	"groupkit/internal/seal"
	"groupkit/store"
)

// A filling fills an empty store and empty contents, for a restore or a copy. It takes many steps, of which each may be
// the last one if the process ends. What must hold:
//
//   - The first step writes a marker in the place of the format: no engine opens the store. The last step replaces it. So
//     whoever opens the store finds everything.
//   - The first step also gives the store its identity, and the contents their mark. Contents that have another one belong
//     to somebody else: a call that goes on with other contents than before is refused, and removes none of them.
//   - Whoever goes on compares what is there with what is wanted, and makes it equal. So it does not
//     matter where the call before has ended, and whether the same is wanted as then.
//   - The marker names the call. Each step reads it: a call that another one has taken over from does nothing more.
type filling struct {
	store  store.Store
	blobs  store.Blobs
	sizes  store.Sizes
	marker record.Format
	id     record.Identity

	batch []archive.Entry
	room  *room
	taken int // records that the present run of equal has taken
	done  Transfer
	wrote func() // called after each step; nil: nobody asks
}

// begin makes sure that nothing is there but what an earlier call for the same has left, and begins the filling. what says what
// the store is filled with.
func begin(ctx context.Context, s store.Store, blobs store.Blobs, what string) (*filling, error) {
	f := &filling{store: s, blobs: blobs, sizes: store.SizesOf(s)}
	f.marker = record.Format{Number: format, Filling: what, Filler: uuid.NewString()}
	f.room = newRoom(f.sizes)
	contents, _, err := blobs.List(ctx, "", 1)
	if err != nil {
		return nil, storage(err)
	}
	err = f.update(ctx, func(w store.Writer) error {
		f.id = record.Identity{Database: uuid.NewString(), History: uuid.NewString()}
		value, ok, err := w.Get(key.Format())
		if err != nil {
			return storage(err)
		}
		if ok {
			err = f.takeOver(w, value)
		} else if err = requireEmpty(w); err == nil && len(contents) > 0 {
			err = fmt.Errorf("%w: the contents have %s", ErrNotEmpty, quote(contents[0]))
		}
		if err != nil {
			return err
		}
		return write(seal.NewWriter(w), []store.Pair{
			{Key: key.Format(), Value: f.marker.Encode()}, {Key: key.Identity(), Value: f.id.Encode()},
		})
	})
	if err == nil {
		err = f.mark(ctx, len(contents) > 0)
	}
	return f, err
}

// takeOver goes on with what an earlier call has begun.
func (f *filling) takeOver(w store.Writer, value []byte) error {
	found, err := record.DecodeFormat(value)
	switch {
	case err != nil || found.Filling == "":
		return fmt.Errorf("%w: the store has data", ErrNotEmpty)
	case found.Filling != f.marker.Filling:
		return fmt.Errorf("%w: %w, of %s", ErrNotEmpty, ErrUnfinished, found.Filling)
	}
	id, known, err := loadIdentity(seal.NewWriter(w))
	if err == nil && !known {
		err = corrupt("the identity of the database is missing")
	}
	f.id = id
	return err
}

func requireEmpty(w store.Writer) error {
	page, _, err := w.Scan(store.Range{Limit: 1})
	if err != nil {
		return storage(err)
	}
	if len(page) > 0 {
		return fmt.Errorf("%w: the store has records", ErrNotEmpty)
	}
	names, err := store.Buckets(w)
	if err == nil && len(names) > 0 {
		err = fmt.Errorf("%w: the store has the bucket %s", ErrNotEmpty, quote(names[0]))
	}
	return storage(err)
}

// mark makes sure that the contents are those of this store.
func (f *filling) mark(ctx context.Context, some bool) error {
	mark, found, err := readMark(ctx, f.blobs)
	switch {
	case err != nil:
		return err
	case found && mark.Database == f.id.Database:
		return nil
	case some:
		return fmt.Errorf("%w: the contents are not those with which the call before has begun", ErrNotEmpty)
	}
	if err := store.Sync(ctx, f.store); err != nil {
		return storage(err)
	}
	return writeMark(ctx, f.blobs, f.id)
}

// update runs one step, again if its answer was lost. All steps can be made twice.
func (f *filling) update(ctx context.Context, fn func(store.Writer) error) error {
	for tries := 0; ; tries++ {
		err := f.store.Update(ctx, func(w store.Writer) error {
			err := fn(w)
			if err == nil {
				err = ctx.Err()
			}
			return markCallerError(err)
		})
		if tries == unknownRetries || !errors.Is(err, store.ErrCommitUnknown) {
			return unwrapCallerError(err)
		}
	}
}

// own makes sure that no other call has taken over.
func (f *filling) own(w store.Writer) error {
	value, _, err := w.Get(key.Format())
	if err == nil && !bytes.Equal(value, f.marker.Encode()) {
		return fmt.Errorf("%w: another call goes on with it", ErrConflict)
	}
	return storage(err)
}

// equal makes the records and buckets equal to want. A run before it may have been cut off: the snapshot of a View that runs
// again is another one.
func (f *filling) equal(ctx context.Context, want archive.Source) error {
	f.batch, f.room, f.taken = f.batch[:0], newRoom(f.sizes), 0
	counted := func() (archive.Entry, error) {
		e, err := want()
		if err == nil {
			f.taken++
		}
		return e, err
	}
	err := archive.Diff(counted, pairsOf(ctx, f.store).next, func(e archive.Entry) error { return f.put(ctx, e) })
	if err != nil {
		return err
	}
	f.done.Records = 0 // of runs before
	return f.flush(ctx, f.taken)
}

// The most that one step writes, if the store can take it.
const (
	fillPairs = 1000
	fillBytes = 1 << 20
)

// put writes an entry with the next step.
func (f *filling) put(ctx context.Context, e archive.Entry) error {
	one := []store.Pair{{Key: e.Key, Value: e.Value}}
	if len(f.batch) >= fillPairs || f.room.bytes >= fillBytes || !f.room.fits(one, 0) {
		if err := f.flush(ctx, f.taken-1); err != nil {
			return err
		}
		f.room.fits(one, 0)
	}
	e.Key, e.Value = bytes.Clone(e.Key), append([]byte{}, e.Value...)
	f.batch = append(f.batch, e)
	return nil
}

// flush makes a step, after which a number of records are there.
func (f *filling) flush(ctx context.Context, there int) error {
	if len(f.batch) == 0 {
		f.done.Records = max(f.done.Records, there)
		return nil
	}
	if err := context.Cause(ctx); err != nil {
		return err
	}
	err := f.update(ctx, func(w store.Writer) error {
		if err := f.own(w); err != nil {
			return err
		}
		for i := range f.batch {
			if err := writeEntry(w, &f.batch[i]); err != nil {
				return fmt.Errorf("%s: %w", describe(f.batch[i]), storage(err))
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	f.done.Records = max(f.done.Records, there)
	f.batch, f.room = f.batch[:0], newRoom(f.sizes)
	f.report()
	return nil
}

func (f *filling) report() {
	if f.wrote != nil {
		f.wrote()
	}
}

func writeEntry(w store.Writer, e *archive.Entry) (err error) {
	if e.Space != "" {
		if w, err = store.Bucket(w, e.Space); err != nil {
			return err
		}
	}
	if e.Deleted {
		return w.Delete(e.Key)
	}
	return w.Put(e.Key, e.Value)
}

// has reports whether a content is there. It is whole then: a content is put as a whole or not at all.
func (f *filling) has(ctx context.Context, content string) (bool, error) {
	r, err := f.blobs.Get(ctx, content)
	if errors.Is(err, store.ErrNoBlob) {
		return false, nil
	}
	if err == nil {
		err = r.Close()
	}
	return err == nil, storage(err)
}

// putContent puts the content of a file.
func (f *filling) putContent(ctx context.Context, content string, file *listedFile, r io.Reader) error {
	if err := f.blobs.Put(ctx, content, newVerifying(r, file)); err != nil {
		return err
	}
	f.done.Contents++
	f.done.Bytes += file.size
	f.report()
	return nil
}

// removeOthers removes the contents that no file has. They were put when it was still there.
func (f *filling) removeOthers(ctx context.Context, records *carried) error {
	for after, more := "", true; more; {
		ids, m, err := f.blobs.List(ctx, after, store.MaxPage)
		if err != nil {
			return storage(err)
		}
		for _, id := range ids {
			after = id
			n, wanted := records.find(id)
			if id == contentsMark || wanted && records.contentOf(&records.files[n]) == id {
				continue
			}
			if err := f.blobs.Delete(ctx, id); err != nil {
				return storage(err)
			}
		}
		more = m && len(ids) > 0
	}
	return nil
}

// miss marks a file as one without a content.
func (f *filling) miss(ctx context.Context, file *listedFile, problem string) error {
	f.done.Damaged = append(f.done.Damaged, DamagedContent{file.group, FileID(file.id.String()), problem})
	return f.update(ctx, func(w store.Writer) error {
		if err := f.own(w); err != nil {
			return err
		}
		sealed := seal.NewWriter(w)
		found, group, err := findFile(sealed, file.id)
		if classOf(err) == ErrCorrupt || err == nil && found == nil {
			return nil // as it was where it comes from: Verify reports it
		}
		if err != nil {
			return err
		}
		found.Absent = true
		return write(sealed, filePairs(string(group), found))
	})
}

// finish makes the store one that engines open. The order of the calls begins with the state of all groups: whoever
// follows all groups from the beginning, or from anywhere else, gets checkpoints, as after a retention that has
// removed every call.
func (f *filling) finish(ctx context.Context, number int) error {
	alone := store.Exclusive(f.store)
	order := store.Pair{Key: key.LastRemoved(), Value: binary.BigEndian.AppendUint64(nil, 1)}
	if alone {
		order = store.Pair{Key: key.Commit(1), Value: []byte{}}
	}
	if err := store.Sync(ctx, f.store); err != nil { // what the last step stands on
		return storage(err)
	}
	err := f.update(ctx, func(w store.Writer) error {
		sealed := seal.NewWriter(w)
		complete := (&record.Format{Number: number}).Encode()
		value, _, err := w.Get(key.Format())
		if err != nil {
			return storage(err)
		}
		if id, _, failed := loadIdentity(sealed); failed == nil && id == f.id && bytes.Equal(value, complete) {
			return nil // the answer was lost
		}
		if err := f.own(w); err != nil {
			return err
		}
		if alone {
			if err := w.Delete(key.GroupLimit()); err != nil {
				return storage(err)
			}
		}
		return write(sealed, []store.Pair{order, {Key: key.Format(), Value: complete}})
	})
	if err == nil {
		err = storage(store.Sync(ctx, f.store))
	}
	return err
}
