//go:build !linux

package boltstore

import "os"

// holder returns "": the system does not say who has a lock.
func holder(*os.File) string { return "" }
