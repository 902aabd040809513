//go:build (darwin || dragonfly || freebsd || linux || netbsd || openbsd) && !android

package boltstore

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"groupkit/store"
)

// locks: nobody else writes to a file after lock, so that it may be written to
// before bbolt has it.
const locks = true

// lock locks the file before it is inspected, or another process could change it
// meanwhile. bbolt, which locks it again, finds that this descriptor has the lock.
func lock(f *os.File, timeout time.Duration) error {
	for end := time.Now().Add(timeout); ; time.Sleep(5 * time.Millisecond) {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		switch {
		case err == nil:
			return err
		case !errors.Is(err, syscall.EWOULDBLOCK):
			return fmt.Errorf("lock: %w", err)
		case time.Now().After(end):
			return fmt.Errorf("%w: waited %v", store.ErrLocked, max(timeout, 0))
		}
	}
}
