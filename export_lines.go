package groupkit

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
)

// The operations that write groups as text, and read them.
const (
	OpExport Op = "export"
	OpImport Op = "import"
)

const (
	exportForm   = 1        // the number in the first line
	contentChunk = 48 << 10 // bytes of a content in one line
	maxLine      = 64 << 20 // bytes of a line that are read
	fieldExport  = "export"
)

// An exportLine is one line of an export. One field is set. docs/json.md describes the order.
type exportLine struct {
	Form    int            `json:"export,omitzero"` // the first line
	Event   *Event         `json:"event,omitzero"`
	End     *exportEnd     `json:"end,omitzero"`
	Gone    GroupID        `json:"gone,omitzero"`
	Content *exportContent `json:"content,omitzero"`
	User    *UserData      `json:"user_data,omitzero"`
	Done    *exportDone    `json:"done,omitzero"` // the last line
}

// An exportEnd ends the events of a group.
type exportEnd struct {
	Group   GroupID `json:"group"`
	Version uint64  `json:"version"`
	SHA256  string  `json:"sha256"` // of the lines of the events
}

// An exportContent is a part of the content of a file of the group before it.
type exportContent struct {
	File FileID `json:"file"`
	Data []byte `json:"data,omitzero"`
	Last bool   `json:"last,omitzero"`
}

// An exportDone ends the export.
type exportDone struct {
	Groups int `json:"groups"`
}

// A lineWriter writes the lines of an export, and hashes them.
type lineWriter struct {
	w    *bufio.Writer
	hash hash.Hash
}

func (w *lineWriter) write(l exportLine) error {
	text, err := json.Marshal(l)
	if err != nil { // a value that no call makes
		return corrupt("a line of the export has no JSON: %v", err)
	}
	text = append(text, '\n')
	w.hash.Write(text)
	_, err = w.w.Write(text)
	return err
}

// sum returns the hash of the lines since the last call.
func (w *lineWriter) sum() string {
	sum := hex.EncodeToString(w.hash.Sum(nil))
	w.hash.Reset()
	return sum
}

// A lineReader reads the lines of an export, and hashes those of events.
type lineReader struct {
	r    *bufio.Reader
	n    int // the number of the line, from 1 on
	hash hash.Hash
}

// next returns the next line. At the end it returns io.EOF.
func (r *lineReader) next() (l exportLine, err error) {
	text, err := r.text()
	if err != nil {
		return l, err
	}
	r.n++
	if err := json.Unmarshal(text, &l); err != nil {
		return l, r.invalid("%w", err)
	}
	if l.set() != 1 {
		return l, r.invalid("has %d parts instead of one", l.set())
	}
	if l.Event != nil {
		r.hash.Write(text)
	}
	return l, nil
}

// set returns how many fields are set.
func (l *exportLine) set() (n int) {
	for _, set := range []bool{l.Form != 0, l.Event != nil, l.End != nil, l.Gone != "", l.Content != nil, l.User != nil, l.Done != nil} {
		if set {
			n++
		}
	}
	return n
}

// text returns the next line with its end.
func (r *lineReader) text() ([]byte, error) {
	var text []byte
	for {
		part, err := r.r.ReadSlice('\n')
		text = append(text, part...)
		switch {
		case len(text) > maxLine:
			r.n++
			return nil, r.invalid("is longer than %d bytes", maxLine)
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case errors.Is(err, io.EOF) && len(bytes.TrimSpace(text)) > 0:
			r.n++
			return nil, r.invalid("has no end")
		}
		return text, err
	}
}

// sum returns the hash of the lines of events since the last call.
func (r *lineReader) sum() string {
	sum := hex.EncodeToString(r.hash.Sum(nil))
	r.hash.Reset()
	return sum
}

// invalid returns the error about the line that was read last.
func (r *lineReader) invalid(format string, args ...any) error {
	return fmt.Errorf("%w: line %d %w", invalid(fieldExport, "cannot be read"), r.n, fmt.Errorf(format, args...))
}
