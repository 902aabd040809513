//go:build !js && !wasip1 && !plan9

package groupkit

import (
	"context"

	"groupkit/internal/record"
	"groupkit/store/boltstore"
	"groupkit/store/fileblob"
)

// Open opens the bbolt file at path and returns an engine. It creates the file if it does
// not exist. The contents of shared files are in the folder path + ".files", which is
// created with the first content. The path is made absolute and its links are resolved, so
// that a later change of the working directory has no effect. If opts is nil, all options have
// their defaults.
//
// A file of format 1 is brought up to date, in steps; see [Upgrade]. Open first writes a copy of
// it beside it: path + ".format1", or ".format1-2" and so on if there is such a file. If the
// process ends meanwhile, the next opening goes on. Options.UpgradeWithoutCopy does without it.
//
// With [Options.ReadOnly] nothing is created, changed or copied. A file that does not exist gives
// ErrStorage and fs.ErrNotExist, an empty one ErrReadOnly.
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
	s, err := boltstore.Open(path, &boltstore.Options{
		Durability: boltstore.Durability(opts.Durability), Every: opts.SyncWithin, ReadOnly: opts.ReadOnly,
	})
	if err != nil {
		return nil, wrap(OpOpen, "", storage(err))
	}
	var keep keepOld
	if !opts.UpgradeWithoutCopy {
		keep = func(ctx context.Context, found record.Format) error { return keepCopy(ctx, s, found.Number) }
	}
	contents := fileblob.New
	if opts.ReadOnly {
		contents = fileblob.NewReadOnly
	}
	e, err := start(s, contents(s.Path()+".files"), opts, keep)
	if err != nil {
		_ = s.Close() // what was written is whole, and the next opening goes on
		return nil, err
	}
	return e, nil
}
