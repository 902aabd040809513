package grouptest

import (
	"io"
	"strings"
)

type ReaderFunc func([]byte) (int, error)

func (f ReaderFunc) Read(p []byte) (int, error) { return f(p) }

// During is a reader that does something before its first byte.
func During(do func()) io.Reader {
	return io.MultiReader(ReaderFunc(func([]byte) (int, error) { do(); return 0, io.EOF }), strings.NewReader("slow"))
}

// Halfway is a reader that yields something, does something else, and goes on.
func Halfway(do func()) io.Reader {
	return io.MultiReader(strings.NewReader("first half "), During(do))
}
