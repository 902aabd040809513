//go:build !js && !wasip1 && !plan9

package groupkit

import (
	"groupkit/store/boltstore"
	"groupkit/store/fileblob"
)

// Open opens the bbolt file at path and returns an engine. It creates the file if it does
// not exist. The contents of shared files are in the folder path + ".files", which is
// created with the first content. The path is made absolute and its links are resolved, so
// that a later change of the working directory has no effect. If opts is nil, all options have their defaults.
//
// Returns ErrStorage if another process has the file open, ErrCorrupt if the file is
// damaged, is not a bbolt file or was written by a newer version, ErrInvalid if an option
// is not valid. These errors come within a second.
func Open(path string, opts *Options) (*Engine, error) {
	if opts == nil {
		opts = &Options{}
	}
	if err := opts.check(); err != nil {
		return nil, wrap(OpOpen, "", err)
	}
	s, err := boltstore.Open(path, &boltstore.Options{Durability: boltstore.Durability(opts.Durability), Every: opts.SyncWithin})
	if err != nil {
		return nil, wrap(OpOpen, "", storage(err))
	}
	e, err := New(s, fileblob.New(s.Path()+".files"), opts)
	if err != nil {
		_ = s.Close() // nothing has been written
		return nil, err
	}
	return e, nil
}
