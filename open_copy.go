//go:build !js && !wasip1 && !plan9

package groupkit

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"groupkit/store/boltstore"
)

// keepCopy writes a copy of a file of an older format beside it.
func keepCopy(ctx context.Context, s *boltstore.Store, number int) error {
	to, err := freeName(fmt.Sprintf("%s.format%d", s.Path(), number))
	if err == nil {
		err = s.CopyTo(ctx, to)
	}
	if err != nil {
		err = fmt.Errorf("copy of the old data (see Options.UpgradeWithoutCopy): %w", err)
	}
	return err
}

// freeName returns the name, or the name with the first number at which there is no file.
func freeName(name string) (string, error) {
	for free, n := name, 2; ; n++ {
		_, err := os.Lstat(free)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return free, nil
		case err != nil:
			return "", err
		}
		free = fmt.Sprintf("%s-%d", name, n)
	}
}
