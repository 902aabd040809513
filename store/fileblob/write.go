package fileblob

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"time"
)

// write writes all bytes of r to a temporary file, syncs it and returns its path. It
// returns the error of r unchanged.
func (b *Blobs) write(ctx context.Context, r io.Reader) (path string, err error) {
	dir := filepath.Join(b.dir, temporary)
	if err := b.makeDir(dir); err != nil {
		return "", storage("put", dir, err)
	}
	f, err := os.CreateTemp(dir, "put-")
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
	return syncDir(dir)
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
	if err := syncDir(parent); err != nil && !exists {
		return err // a folder that others made may be above what this process can open
	}
	b.made.Store(dir, true)
	return nil
}

// syncDir makes the names in dir durable. Windows does that without a call.
func syncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
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

// full reports whether err means that there is no space left.
func full(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || errors.Is(err, syscall.EFBIG)
}
