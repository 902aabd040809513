package grouptest

import (
	"bytes"
	"context"
	"io"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/key"
	"groupkit/internal/record"
	"groupkit/store"
)

// TakeBackup takes a backup that continues others.
func TakeBackup(t require.TestingT, eng *groupkit.Engine, earlier ...[]byte) ([]byte, groupkit.BackupInfo) {
	var out bytes.Buffer
	info, err := eng.Backup(context.Background(), &out, BackupReaders(earlier...)...)
	require.NoError(t, err)
	return out.Bytes(), info
}

// BackupReaders returns readers of backups.
func BackupReaders(backups ...[]byte) (readers []io.ReadSeeker) {
	for _, b := range backups {
		readers = append(readers, bytes.NewReader(b))
	}
	return readers
}

// CarriedRecords returns the records of a store that a backup carries. Calls have no place in the order of calls.
func CarriedRecords(t require.TestingT, s store.Store) map[string]string {
	all := DumpStore(t, s)
	for k, v := range all {
		switch k[0] {
		case key.FamilyFormat, key.FamilyIdentity, key.FamilyCommits, key.FamilyLease, key.FamilyUploads, key.FamilyToGo, key.FamilyGroupCount:
			delete(all, k)
			continue
		}
		if _, kind, _, err := key.CutGroup([]byte(k)); err == nil && kind == key.Events {
			call, err := record.DecodeCall([]byte(v))
			require.NoError(t, err)
			call.Commit = 0
			all[k] = string(call.Encode())
		} else if err == nil && kind == key.Header {
			h, err := record.DecodeHeader([]byte(v))
			require.NoError(t, err)
			h.Loaded = 0
			all[k] = string(h.Encode())
		}
	}
	return all
}

// StoredContents returns the contents of files, by ID.
func StoredContents(t require.TestingT, blobs store.Blobs) map[string]string {
	all := make(map[string]string)
	for _, id := range ContentIDs(t, blobs) {
		r, err := blobs.Get(context.Background(), id)
		require.NoError(t, err)
		content, err := io.ReadAll(r)
		require.NoError(t, err)
		require.NoError(t, r.Close())
		all[id] = string(content)
	}
	return all
}

// Buckets returns the pairs of the buckets of a store.
func Buckets(t require.TestingT, s store.Store) map[string][]store.Pair {
	all := make(map[string][]store.Pair)
	require.NoError(t, s.View(context.Background(), func(r store.Reader) error {
		names, err := store.Buckets(r)
		if err != nil {
			return err
		}
		for _, name := range names {
			b, err := store.BucketReader(r, name)
			if err != nil {
				return err
			}
			page, more, err := b.Scan(store.Range{})
			if err != nil {
				return err
			}
			require.False(t, more)
			all[name] = page
		}
		return nil
	}))
	return all
}

// PutBucket writes pairs into a bucket of the application; an empty value deletes.
func PutBucket(t require.TestingT, s store.Store, name string, pairs map[string]string) {
	require.NoError(t, s.Update(context.Background(), func(w store.Writer) error {
		b, err := store.Bucket(w, name)
		for k, v := range pairs {
			switch {
			case err != nil:
			case v == "":
				err = b.Delete([]byte(k))
			default:
				err = b.Put([]byte(k), []byte(v))
			}
		}
		return err
	}))
}

// A HookWriter is a writer that calls a function before the write with a number, from 1.
type HookWriter struct {
	io.Writer
	At   int
	Then func()
}

func (w *HookWriter) Write(p []byte) (int, error) {
	if w.At--; w.At == 0 {
		w.Then()
	}
	return w.Writer.Write(p)
}
