package groupkit

import (
	"context"
	"errors"
	"fmt"
	"io"

	"groupkit/internal/archive"
	"groupkit/store"
)

// The operation of Restore.
const OpRestore Op = "restore"

// Restore writes a backup into a store and contents that are empty: a backup that stands alone, then those that continue it, in their
// order. It first reads all of them and writes nothing if one is damaged. Then it makes the store and the contents what
// they were when the last one was begun. Until it has finished no engine opens the store: it returns ErrUnfinished. If Restore is
// interrupted, call it again with the same backups, store and contents: it goes on.
//
// The restored database is another one than the original, with a history of its own. Followers get checkpoints, and both can be
// used at the same time. What was in progress is finished as after a crash: deletions, pseudonyms, loads. Uploads
// that were under way are not there. Files whose contents the backups do not have are marked so, and listed in Transfer.Damaged; see
// [Actor.PutContent]. Format 1 of the data does not occur in backups. s and blobs stay open.
//
// For the files that [Open] opens there is [RestoreFile].
//
// Returns ErrInvalid if an argument is nil, if there is no backup, or if one is no backup or does not continue those before it, ErrCorrupt
// if one is damaged, cut off or written by a newer version (the error names the backup and the part), ErrNotEmpty if something is there
// that an interrupted Restore of the same backups has not left, ErrConflict if another call restores into s, ErrStorage if s or
// blobs fail, and the error of a reader.
func Restore(ctx context.Context, s store.Store, blobs store.Blobs, backups ...io.ReadSeeker) (Transfer, error) {
	var chain []*archive.Stream
	var done Transfer
	var err error
	switch {
	case isNil(s):
		err = invalid("store", "is nil")
	case isNil(blobs):
		err = invalid("blobs", "is nil")
	default:
		chain, err = openWhole(backups)
	}
	if err == nil {
		done, err = restore(ctx, s, blobs, chain)
	}
	return done, wrap(OpRestore, "", err)
}

// openWhole opens the backups of a restore, and reads them to their ends.
func openWhole(backups []io.ReadSeeker) ([]*archive.Stream, error) {
	if len(backups) == 0 {
		return nil, invalid(fieldBackup, "is missing")
	}
	return openChain(backups, nil)
}

func restore(ctx context.Context, s store.Store, blobs store.Blobs, chain []*archive.Stream) (Transfer, error) {
	last := chain[len(chain)-1]
	f, err := begin(ctx, s, blobs, fmt.Sprintf("backup %v", last.Header.ID))
	if err != nil {
		return Transfer{}, err
	}
	r := restoring{filling: f, chain: chain, records: newCarried(recordsOf(chain))}
	if err := r.equal(ctx, r.records.next); err != nil {
		return f.done, err
	}
	r.records.sorted()
	if err := r.contents(ctx); err != nil {
		return f.done, err
	}
	f.done.BrokenRecords = r.records.broken
	return f.done, f.finish(ctx, last.Header.Format)
}

// A restoring is a call of Restore.
type restoring struct {
	*filling
	chain   []*archive.Stream
	records *carried
	there   []bool // whether the content of each file of records is there
}

// contents brings the contents.
func (r *restoring) contents(ctx context.Context) error {
	r.there = make([]bool, len(r.records.files))
	for _, s := range r.chain {
		err := s.Contents(func(c archive.Content, data io.Reader) error { return r.content(ctx, c, data) })
		if err != nil {
			return err
		}
	}
	if err := r.removeOthers(ctx, r.records); err != nil {
		return err
	}
	for n, there := range r.there {
		if there {
			continue
		}
		if err := r.miss(ctx, &r.records.files[n], "is not in the backup"); err != nil {
			return err
		}
	}
	return nil
}

func (r *restoring) content(ctx context.Context, c archive.Content, data io.Reader) (err error) {
	if err := context.Cause(ctx); err != nil {
		return err
	}
	n, wanted := r.records.find(c.ID)
	if !wanted || r.there[n] || r.records.files[n].hash != [32]byte(c.SHA256) {
		return nil
	}
	file := &r.records.files[n]
	content := r.records.contentOf(file)
	if r.there[n], err = r.has(ctx, content); err != nil || r.there[n] {
		return err
	}
	err = r.putContent(ctx, content, file, data)
	if problemOf(err) != "" { // a later backup can have it
		return nil
	}
	r.there[n] = err == nil
	if _, damaged := errors.AsType[*archive.PartError](err); err != nil && !damaged {
		err = storage(err)
	}
	return err
}
