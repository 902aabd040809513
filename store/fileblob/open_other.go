//go:build !windows

package fileblob

import "os"

// open opens a file for reading. An open file can be deleted.
func open(path string) (*os.File, error) { return os.Open(path) }
