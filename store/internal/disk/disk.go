// Package disk holds what the stores in files have in common about disks.
package disk

import (
	"errors"
	"os"
	"runtime"
	"strings"
	"syscall"
)

var noRoom = []error{syscall.ENOSPC, syscall.EDQUOT, syscall.EFBIG}

// Full reports whether err means that there is no space left. bbolt passes on some system
// errors only as text.
func Full(err error) bool {
	for _, none := range noRoom {
		if errors.Is(err, none) || strings.Contains(err.Error(), none.Error()) {
			return true
		}
	}
	return false
}

// SyncDir makes the names in dir durable. Windows does that without a call.
func SyncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
