// Package paths finds out where a path leads, once, so that it leads there for good.
package paths

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// maxLinks is how many links a path may have in a row, as in the system.
const maxLinks = 40

// Resolve returns the path as an absolute one without links. A later change of the working
// directory, or of a link, does not change where it leads. The end of the path need not
// exist: what exists of it is resolved, a link that leads to nothing included.
func Resolve(path string) (string, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	for range maxLinks {
		real, err := filepath.EvalSymlinks(path)
		if err == nil {
			return real, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
		next, err := follow(path)
		if err != nil || next == path {
			return next, err
		}
		path = next
	}
	return "", fmt.Errorf("%s: more than %d links", path, maxLinks)
}

// follow resolves the folder of a path that does not exist, and one link at its end.
func follow(path string) (string, error) {
	dir := filepath.Dir(path)
	if dir == path {
		return path, nil
	}
	dir, err := Resolve(dir)
	if err != nil {
		return "", err
	}
	path = filepath.Join(dir, filepath.Base(path))
	target, err := os.Readlink(path)
	if err != nil {
		return path, nil // no link: nothing is there yet
	}
	if !filepath.IsAbs(target) {
		target = filepath.Join(dir, target)
	}
	return target, nil
}
