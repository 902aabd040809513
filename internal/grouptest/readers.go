package grouptest

import (
	"io"
	"strings"
)

// A ReaderFunc is a function as a reader.
type ReaderFunc func([]byte) (int, error)

func (f ReaderFunc) Read(p []byte) (int, error) { return f(p) }

// During returns a reader that calls do before its first byte.
func During(do func()) io.Reader {
	return io.MultiReader(ReaderFunc(func([]byte) (int, error) { do(); return 0, io.EOF }), strings.NewReader("slow"))
}

// Halfway returns a reader that calls do between its first half and its second.
func Halfway(do func()) io.Reader {
	return io.MultiReader(strings.NewReader("first half "), During(do))
}

// A WriterFunc is a function as a writer.
type WriterFunc func([]byte) (int, error)

func (f WriterFunc) Write(p []byte) (int, error) { return f(p) }
