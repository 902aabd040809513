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

// locks reports that lock excludes other writers, so the file can be changed before bbolt
// opens it.
const locks = true

// lock locks the file before the inspection, so that no other process changes it during
// the inspection. bbolt locks it again, which succeeds because the descriptor has the
// lock. Processes that only read share the lock.
func lock(f *os.File, shared bool, timeout time.Duration) error {
	how := syscall.LOCK_EX
	if shared {
		how = syscall.LOCK_SH
	}
	for end := time.Now().Add(timeout); ; time.Sleep(5 * time.Millisecond) {
		err := syscall.Flock(int(f.Fd()), how|syscall.LOCK_NB)
		switch {
		case err == nil:
			return err
		case !errors.Is(err, syscall.EWOULDBLOCK):
			return fmt.Errorf("lock: %w", err)
		case time.Now().After(end):
			if who := holder(f); who != "" {
				return fmt.Errorf("%w: %s has it, waited %v", store.ErrLocked, who, max(timeout, 0))
			}
			return fmt.Errorf("%w: waited %v", store.ErrLocked, max(timeout, 0))
		}
	}
}

// unlock releases the lock. Closing the file is not enough: its memory map keeps the lock.
func unlock(f *os.File) error { return syscall.Flock(int(f.Fd()), syscall.LOCK_UN) }
