package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// A newFile is a file that appears under its name when it is complete. It never takes the place of another one.
type newFile struct {
	*os.File

	path string
	done bool
}

// createNew begins a file. Until it is complete, it is beside its place, with a name that begins with a point.
func createNew(path string) (*newFile, error) {
	if _, err := os.Lstat(path); err == nil {
		return nil, there(path)
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*.part")
	if err != nil {
		return nil, fmt.Errorf("%q cannot be written: %w", path, err)
	}
	return &newFile{File: f, path: path}, nil
}

func there(path string) error {
	return hint(exitError{fmt.Errorf("%q is there already, and nothing is overwritten", path), exitRefused}, "Give another name, or remove it.")
}

// complete makes the file durable and gives it its name.
func (f *newFile) complete() error {
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return err
	}
	f.done = true
	err := os.Link(f.Name(), f.path) // fails if somebody else has made it meanwhile
	switch {
	case errors.Is(err, fs.ErrExist):
		return errors.Join(there(f.path), os.Remove(f.Name()))
	case err != nil: // a file system without links
		err = os.Rename(f.Name(), f.path)
	default:
		err = os.Remove(f.Name())
	}
	if dir, failed := os.Open(filepath.Dir(f.path)); failed == nil {
		_ = dir.Sync() // not every system can
		_ = dir.Close()
	}
	return err
}

// discard removes the file unless it is complete.
func (f *newFile) discard() {
	if !f.done {
		_ = f.Close()
		_ = os.Remove(f.Name())
	}
}
