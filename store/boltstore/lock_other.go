//go:build !((darwin || dragonfly || freebsd || linux || netbsd || openbsd) && !android)

package boltstore

import (
	"os"
	"time"
)

// locks reports that lock does not exclude other writers, so the file must not be changed
// before bbolt has locked it.
const locks = false

// lock does nothing, because here a file cannot be locked twice: bbolt locks it. A file
// that another process is writing can therefore be reported as damaged instead of locked.
func lock(*os.File, bool, time.Duration) error { return nil }

// unlock does nothing: closing the file releases the lock of bbolt.
func unlock(*os.File) error { return nil }
