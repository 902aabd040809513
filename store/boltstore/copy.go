package boltstore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"groupkit/store"
	"groupkit/store/internal/disk"
)

// CopyTo writes a copy of the whole file to a new file, as Backup does. Under the path there is
// a complete and durable copy, or nothing. The file path + ".part" is replaced.
func (s *Store) CopyTo(ctx context.Context, path string) error { return writeCopy(ctx, s, path) }

// writeCopy writes a copy that is complete and durable, or does not exist. A part of it can be
// left where the process is killed: the next copy replaces that.
func writeCopy(ctx context.Context, s store.Backuper, to string) (err error) {
	part := to + ".part"
	if err := os.Remove(part); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := os.OpenFile(part, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			if full(err) {
				err = fmt.Errorf("%w: %w", store.ErrNoSpace, err)
			}
			err = errors.Join(err, os.Remove(part))
		}
	}()
	if err := errors.Join(s.Backup(ctx, f), f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(part, to); err != nil {
		return err
	}
	_ = disk.SyncDir(filepath.Dir(to)) // not every system can
	return nil
}
