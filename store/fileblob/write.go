package fileblob

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"groupkit/store"
	"groupkit/store/internal/disk"
)

// write writes all bytes of r to a temporary file, syncs it and returns its path. It
// returns the error of r unchanged.
func (b *Blobs) write(ctx context.Context, id string, r io.Reader) (path string, err error) {
	dir := filepath.Join(b.dir, temporary)
	if err := b.makeDir(dir); err != nil {
		return "", storage("put", dir, err)
	}
	f, err := b.create(dir, id)
	if err != nil {
		return "", storage("put", dir, err)
	}
	complete := false
	defer func() {
		closing := f.Close()
		if complete && closing == nil {
			return
		}
		_ = os.Remove(f.Name())
		if err == nil && closing != nil {
			err = storage("put", f.Name(), closing)
		}
	}()
	if err := copyTo(f, source{ctx, r}); err != nil {
		return "", err
	}
	complete = true
	return f.Name(), nil
}

// create creates the temporary file of a Put. Its name is made of the ID, so that Delete finds
// it after a crash. If there is such a file, of another Put or left by a crash, it gets a name
// that only its age tells as left behind.
func (b *Blobs) create(dir, id string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, unfinished+id), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return os.CreateTemp(dir, "other-")
	}
	return f, err
}

// removeUnfinished removes the temporary file of a Put that a crash cut off. It leaves those
// alone that run in this process.
func (b *Blobs) removeUnfinished(id string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.putting[id] > 0 {
		return nil
	}
	err := os.Remove(filepath.Join(b.dir, temporary, unfinished+id))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// Tidy removes the temporary files that no Put of these Blobs is writing.
func (b *Blobs) Tidy(ctx context.Context) error {
	if err := b.use(); err != nil {
		return err
	}
	defer b.gate.Leave()
	if b.read {
		return storage("tidy", b.dir, store.ErrReadOnly)
	}
	dir := filepath.Join(b.dir, temporary)
	b.mu.Lock() // no Put begins meanwhile
	defer b.mu.Unlock()
	err := eachName(ctx, dir, func(name string) error {
		id, named := strings.CutPrefix(name, unfinished)
		if running := b.putting[id] > 0 || !named && len(b.putting) > 0; running {
			return nil
		}
		return os.Remove(filepath.Join(dir, name))
	})
	if err != nil && ctx.Err() == nil {
		return storage("tidy", dir, err)
	}
	return err
}

// begin notes that a Put runs; end that it has ended.
func (b *Blobs) begin(id string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.putting[id]++
}

func (b *Blobs) end(id string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.putting[id]--; b.putting[id] == 0 {
		delete(b.putting, id)
	}
}

// copyTo copies r to f and syncs f.
func copyTo(f *os.File, r io.Reader) error {
	out := &target{f: f}
	if _, err := io.Copy(out, r); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return storage("put", f.Name(), err)
	}
	return nil
}

// rename moves a temporary file to its final path and makes the move durable.
func (b *Blobs) rename(written, path string) error {
	dir := filepath.Dir(path)
	if err := b.makeDir(dir); err != nil {
		return err
	}
	if err := os.Rename(written, path); err != nil {
		return err
	}
	return disk.SyncDir(dir)
}

// makeDir creates dir and its parents, and makes their names durable. A folder that exists
// is no exception the first time: the process that made it may have been killed before its
// name was durable.
func (b *Blobs) makeDir(dir string) error {
	_, err := os.Stat(dir)
	exists := err == nil
	if _, durable := b.made.Load(dir); durable && exists {
		return nil
	}
	parent := filepath.Dir(dir)
	if parent == dir {
		return nil
	}
	if err := b.makeDir(parent); err != nil {
		return err
	}
	if !exists {
		if err := os.Mkdir(dir, 0o700); err != nil && !os.IsExist(err) {
			return err
		}
	}
	if err := disk.SyncDir(parent); err != nil && !exists {
		return err // a folder that others made may be above what this process can open
	}
	b.made.Store(dir, true)
	return nil
}

// sweep removes the temporary files that were last written before since.
func (b *Blobs) sweep(since time.Time) {
	dir := filepath.Join(b.dir, temporary)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	for _, e := range entries {
		if info, err := e.Info(); err == nil && info.ModTime().Before(since) {
			_ = os.Remove(filepath.Join(dir, e.Name()))
		}
	}
}

// A source reads until its context ends.
type source struct {
	ctx context.Context
	r   io.Reader
}

func (s source) Read(p []byte) (int, error) {
	if err := s.ctx.Err(); err != nil {
		return 0, err
	}
	return s.r.Read(p)
}

// A target marks the errors of its file, so that they can be distinguished from the
// errors of the source.
type target struct{ f *os.File }

func (t *target) Write(p []byte) (int, error) {
	n, err := t.f.Write(p)
	if err != nil {
		err = storage("put", t.f.Name(), err)
	}
	return n, err
}
