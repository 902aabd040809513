//go:build !windows

package fileblob

import "os"

// open opens a file for reading. It can be deleted meanwhile.
func open(path string) (*os.File, error) { return os.Open(path) }
