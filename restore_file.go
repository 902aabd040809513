//go:build !js && !wasip1 && !plan9

package groupkit

import (
	"context"
	"errors"
	"io"

	"groupkit/store/boltstore"
	"groupkit/store/fileblob"
)

// RestoreFile is [Restore] into the bbolt file at path and the folder path + ".files", as [Open] has them. Neither may
// exist, unless an interrupted RestoreFile of the same backups has left them.
//
// Returns the errors of Restore.
func RestoreFile(ctx context.Context, path string, backups ...io.ReadSeeker) (Transfer, error) {
	chain, err := openWhole(backups) // before there is a file
	if err != nil {
		return Transfer{}, wrap(OpRestore, "", err)
	}
	s, err := boltstore.Open(path, nil)
	if err != nil {
		return Transfer{}, wrap(OpRestore, "", storage(err))
	}
	blobs := fileblob.New(s.Path() + ".files")
	done, err := restore(ctx, s, blobs, chain)
	return done, wrap(OpRestore, "", errors.Join(err, storage(errors.Join(s.Close(), blobs.Close()))))
}
