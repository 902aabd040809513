// Package fileblob keeps the contents of shared files in a folder, each in a
// file of its own.
//
// The file of an id lies in a sub-folder named after the beginning of a hash of
// the id, so that no folder gets too large. What is being written lies in the
// sub-folder "tmp", under a name that no id has, and is renamed when it is
// complete and on the disk.
package fileblob

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"groupkit/store"
	"groupkit/store/internal/gate"
)

// temporary is the sub-folder of what is being written. It is longer than the
// names of the others.
const temporary = "tmp"

// abandoned is how old a temporary file is at least that is taken for one that
// a crash has left: no upload writes nothing for so long.
const abandoned = 24 * time.Hour

// prefix begins the name of every file, so that none is named like a device,
// which some systems don't allow ("con", "nul.txt").
const prefix = "blob-"

// Blobs is a store.Blobs in a folder.
type Blobs struct {
	dir  string
	gate gate.Gate
}

// New returns the contents in dir. The folder is made when the first content is
// put, and what a crash has left in it unfinished is removed after a day.
func New(dir string) *Blobs {
	b := &Blobs{dir: dir}
	b.sweep(time.Now().Add(-abandoned))
	return b
}

// Put stores all that r yields under id.
func (b *Blobs) Put(ctx context.Context, id string, r io.Reader) error {
	if err := b.enter(ctx, id); err != nil {
		return err
	}
	defer b.gate.Leave()
	written, err := b.write(ctx, r)
	if err != nil {
		return err
	}
	path := b.path(id)
	if err := b.rename(written, path); err != nil {
		return errors.Join(storage("put", id, err), os.Remove(written))
	}
	return nil
}

// Get opens the content of id for reading.
func (b *Blobs) Get(ctx context.Context, id string) (io.ReadCloser, error) {
	if err := b.enter(ctx, id); err != nil {
		return nil, err
	}
	defer b.gate.Leave()
	f, err := open(b.path(id))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %q", store.ErrNoBlob, id)
	}
	if err != nil {
		return nil, storage("get", id, err)
	}
	return f, nil
}

// Delete removes the content of id.
func (b *Blobs) Delete(ctx context.Context, id string) error {
	if err := b.enter(ctx, id); err != nil {
		return err
	}
	defer b.gate.Leave()
	path := b.path(id)
	switch err := os.Remove(path); {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return storage("delete", id, err)
	}
	return syncDir(filepath.Dir(path))
}

// Close waits for the calls under way. What has been opened stays readable.
func (b *Blobs) Close() error {
	b.gate.Close(func() {})
	return nil
}

// enter begins a call for id.
func (b *Blobs) enter(ctx context.Context, id string) error {
	if err := store.CheckBlobID(id); err != nil {
		return err
	}
	if err := b.gate.Enter(); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		b.gate.Leave()
		return err
	}
	return nil
}

// path is where the content of id lies.
func (b *Blobs) path(id string) string {
	sum := fnv.New32a()
	_, _ = io.WriteString(sum, id)
	return filepath.Join(b.dir, fmt.Sprintf("%02x", byte(sum.Sum32())), prefix+id)
}

func storage(verb, id string, err error) error {
	if full(err) {
		err = fmt.Errorf("%w: %w", store.ErrNoSpace, err)
	}
	return fmt.Errorf("fileblob: %s %q: %w", verb, id, err)
}
