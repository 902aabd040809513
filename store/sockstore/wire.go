package sockstore

import (
	"context"
	"encoding/gob"
	"errors"
	"fmt"
	"net"

	"groupkit/store"
)

// version is the version of the conversation. Both sides must have the same one.
const version = 1

// The client asks and the server answers, as values of encoding/gob. The first question on a
// connection is hello. Then come transactions, one after another: view, questions of it, and end; or one
// of the other questions.
type op uint8

const (
	hello op = iota
	view
	read    // of the View: keys and ranges
	buckets // of the View: their names
	end     // of the View
	content
	list
	check
	stats
	hold // the contents; then comes end
)

type question struct {
	Op     op
	Number int // hello: the version

	Bucket string // read: "" for the engine's own key space
	Named  bool   // read: Bucket is meant, even if it is ""
	Keys   [][]byte
	Ranges []span

	ID    string // content; list: after this one
	Limit int    // list
}

// A span is a store.Range. gob does not tell nil from empty.
type span struct {
	From, To  []byte
	Unbounded bool // To is nil
	Limit     int
	Reverse   bool
}

type answer struct {
	Number    int  // hello: the version
	Exclusive bool // hello: no other process changes the data

	Again  bool // the View is run again: what it has read before does not count
	Values []value
	Pages  []store.Page
	Names  []string // buckets; list; check: the problems
	More   bool     // list: further ones follow; content: another answer follows
	Bytes  []byte   // content; stats

	Failed *failure
}

type value struct {
	Exists bool
	Bytes  []byte
}

// A failure is an error of the other side: its text, and which error of package store it matches.
type failure struct {
	Text  string
	Error int // an index into known; -1: none
}

// known are the errors that keep their identity. New ones are added at the end.
var known = []error{
	store.ErrConflict, store.ErrCommitUnknown, store.ErrTooLarge, store.ErrNoSpace, store.ErrUnsaved, store.ErrLocked,
	store.ErrCorrupt, store.ErrNewer, store.ErrOlder, store.ErrClosed, store.ErrNotSupported, store.ErrNoBlob,
	store.ErrBlobID, store.ErrReadOnly, context.Canceled, context.DeadlineExceeded,
}

func failed(err error) *failure {
	for i, k := range known {
		if errors.Is(err, k) {
			return &failure{err.Error(), i}
		}
	}
	return &failure{err.Error(), -1}
}

// A remoteError is an error of the other side.
type remoteError struct {
	text string
	is   error // nil: none of package store
}

func (e *remoteError) Error() string { return e.text }

func (e *remoteError) Unwrap() error { return e.is }

func (f *failure) err() error {
	if f == nil {
		return nil
	}
	e := &remoteError{text: f.Text}
	if f.Error >= 0 && f.Error < len(known) {
		e.is = known[f.Error]
	}
	return e
}

// A line is a connection.
type line struct {
	net.Conn
	exclusive bool // as the server has said

	in  *gob.Decoder
	out *gob.Encoder
}

func newLine(c net.Conn) *line {
	return &line{Conn: c, in: gob.NewDecoder(c), out: gob.NewEncoder(c)}
}

// ask sends a question and returns the answer, or the error in it.
func (l *line) ask(q *question) (*answer, error) {
	if err := l.out.Encode(q); err != nil {
		return nil, fmt.Errorf("sockstore: %w", err)
	}
	return l.listen()
}

func (l *line) listen() (*answer, error) {
	var a answer // gob leaves fields as they are that are not sent
	if err := l.in.Decode(&a); err != nil {
		return nil, fmt.Errorf("sockstore: the other process does not answer: %w", err)
	}
	if a.Failed != nil {
		return nil, a.Failed.err()
	}
	return &a, nil
}

func spansOf(ranges []store.Range) []span {
	spans := make([]span, len(ranges))
	for i, r := range ranges {
		spans[i] = span{r.From, r.To, r.To == nil, r.Limit, r.Reverse}
	}
	return spans
}

func (s span) rng() store.Range {
	to := s.To
	switch {
	case s.Unbounded:
		to = nil
	case to == nil:
		to = []byte{}
	}
	return store.Range{From: s.From, To: to, Limit: s.Limit, Reverse: s.Reverse}
}
