// Package fileblob keeps the contents of shared files in a folder, one file for each
// content.
//
// The file is in a sub-folder whose name is the beginning of a hash of the ID, so that no
// folder becomes too large. A content that is being written is in the sub-folder "tmp". It is
// renamed when it is complete and on disk.
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
	"sync"
	"time"

	"groupkit/store"
	"groupkit/store/internal/disk"
	"groupkit/store/internal/gate"
	"groupkit/store/internal/paths"
)

// temporary is the sub-folder of contents that are being written. Its name is longer than
// the names of the other sub-folders.
const temporary = "tmp"

// unfinished is the beginning of the name of the temporary file of a content. The ID follows.
const unfinished = "put-"

// abandoned is the minimum age of a temporary file that is removed as left behind by a
// crash, although nobody deletes its content. No upload pauses for so long.
const abandoned = 24 * time.Hour

// prefix is the beginning of every file name. Without it a file could have the name of a
// device ("con", "nul.txt"), which some systems refuse.
const prefix = "blob-"

// Blobs is a store.Blobs in a folder.
type Blobs struct {
	dir  string
	gate gate.Gate
	read bool     // nothing is written
	made sync.Map // folders whose names are known to be durable

	mu      sync.Mutex
	putting map[string]int // the running Puts of each content
}

// New returns the Blobs in dir. The first Put creates the folder. The temporary file that a
// crash has left of a content is removed by Tidy and when the content is deleted. New removes
// those that are a day old.
//
// New makes dir absolute and resolves its links, so that a later change of the working
// directory does not move the contents.
func New(dir string) *Blobs {
	b := in(dir)
	b.sweep(time.Now().Add(-abandoned))
	return b
}

// NewReadOnly returns the Blobs in dir, and writes nothing: Put, Delete and Tidy return
// store.ErrReadOnly. What crashes have left of contents stays. If there is no folder, there are no contents.
func NewReadOnly(dir string) *Blobs {
	b := in(dir)
	b.read = true
	return b
}

func in(dir string) *Blobs {
	if real, err := paths.Resolve(dir); err == nil {
		dir = real
	}
	return &Blobs{dir: dir, putting: make(map[string]int)}
}

// use begins an operation. Only New returns Blobs that can be used: the zero Blobs are closed.
func (b *Blobs) use() error {
	if b.putting == nil {
		return store.ErrClosed
	}
	return b.gate.Enter()
}

// Put stores all bytes of r under id.
func (b *Blobs) Put(ctx context.Context, id string, r io.Reader) error {
	if err := b.enter(ctx, id); err != nil {
		return err
	}
	defer b.gate.Leave()
	if b.read {
		return storage("put", id, store.ErrReadOnly)
	}
	b.begin(id)
	defer b.end(id)
	written, err := b.write(ctx, id, r)
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

// Delete removes the content of id, and what a Put of it has left that a crash cut off.
func (b *Blobs) Delete(ctx context.Context, id string) error {
	if err := b.enter(ctx, id); err != nil {
		return err
	}
	defer b.gate.Leave()
	if b.read {
		return storage("delete", id, store.ErrReadOnly)
	}
	path := b.path(id)
	if err := b.removeUnfinished(id); err != nil {
		return storage("delete", id, err)
	}
	switch err := os.Remove(path); {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return storage("delete", id, err)
	}
	return disk.SyncDir(filepath.Dir(path))
}

// Close waits for the running calls. Open contents stay readable.
func (b *Blobs) Close() error {
	b.gate.Close(func() {})
	return nil
}

// enter begins a call for id.
func (b *Blobs) enter(ctx context.Context, id string) error {
	if err := store.CheckBlobID(id); err != nil {
		return err
	}
	if err := b.use(); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		b.gate.Leave()
		return err
	}
	return nil
}

// path returns the path of the content of id.
func (b *Blobs) path(id string) string {
	sum := fnv.New32a()
	_, _ = io.WriteString(sum, id)
	return filepath.Join(b.dir, fmt.Sprintf("%02x", byte(sum.Sum32())), prefix+id)
}

func storage(verb, id string, err error) error {
	if disk.Full(err) {
		err = fmt.Errorf("%w: %w", store.ErrNoSpace, err)
	}
	return fmt.Errorf("fileblob: %s %q: %w", verb, id, err)
}
