package archive

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"groupkit/store"
)

// A stream is the magic line and parts: the header, the records, the contents and the end. A part is
//
//	kind      1 byte
//	number    8 bytes: 0, 1, 2 …
//	length    4 bytes
//	payload
//	checksum  32 bytes: SHA-256 of the ID of the backup, and of the part before it
//
// Numbers are big-endian. The ID is zero in the checksum of the header, which says what it is. So a part of another
// backup, or at another place, is as wrong as one with other bytes.
const magic = "groupkit backup 1\n"

// The kinds of parts.
const (
	kindHeader  = 'h' // a Header, as JSON
	kindRecords = 'r' // a name of a key space, and entries
	kindAgain   = 'a' // the records begin anew: what came before does not count
	kindContent = 'c' // a content begins: a Content, as JSON
	kindData    = 'd' // bytes of the content
	kindFinish  = 'f' // the content ends: what is wrong with it, or nothing
	kindEnd     = 'e' // an End, as JSON
)

var kinds = []byte{kindHeader, kindRecords, kindAgain, kindContent, kindData, kindFinish, kindEnd}

const (
	beforePayload = 1 + 8 + 4
	afterPayload  = sha256.Size

	partSize = 1 << 20  // bytes after which a part of records ends, and the most that a part of a content has
	maxPart  = 80 << 20 // a record can be larger than other parts
	maxText  = 1 << 20  // bytes of a Header or a Content
)

// A Header is what a backup says of itself.
type Header struct {
	ID       uuid.UUID   `json:"id"`
	Earlier  []uuid.UUID `json:"earlier,omitempty"` // the backups that it continues, in their order
	At       time.Time   `json:"at"`
	Format   int         `json:"format"`   // of the records
	Database string      `json:"database"` // the ID of the database
	History  string      `json:"history"`
}

// A Content is what is known of a content before its bytes.
type Content struct {
	ID     string `json:"id"`
	Size   int64  `json:"size"`
	SHA256 []byte `json:"sha256"`
}

// An End is what a backup consists of.
type End struct {
	Records  int       `json:"records"` // that are put
	Deletes  int       `json:"deletes"`
	Broken   int       `json:"broken,omitempty"` // records whose checksums do not match
	Contents int       `json:"contents"`
	Bytes    int64     `json:"bytes"` // of the contents
	Damaged  []Damaged `json:"damaged,omitempty"`
}

// A Damaged is a content that the backup does not have because it could not be read.
type Damaged struct {
	Group   string `json:"group"`
	File    string `json:"file"`
	Problem string `json:"problem"`
}

// sum returns the checksum of a part.
func sum(id uuid.UUID, before, payload []byte) []byte {
	h := sha256.New()
	h.Write(id[:])
	h.Write(before)
	h.Write(payload)
	return h.Sum(nil)
}

// A PartError says which part of a stream is damaged.
type PartError struct {
	Backup int    // the place of the stream among those that were given, from 1; 0: there is one
	Part   uint64 // its number, from 0
	What   string // what is in it, or what it comes after
	Why    string
}

// Error names the part.
func (e *PartError) Error() string {
	var text bytes.Buffer
	if e.Backup > 0 {
		fmt.Fprintf(&text, "backup %d: ", e.Backup)
	}
	fmt.Fprintf(&text, "part %d", e.Part)
	if e.What != "" {
		fmt.Fprintf(&text, ", %s,", e.What)
	}
	return text.String() + " " + e.Why
}

// Unwrap returns store.ErrCorrupt.
func (e *PartError) Unwrap() error { return store.ErrCorrupt }

// ErrNoBackup: the stream does not begin as a backup does.
var ErrNoBackup = errors.New("it is no backup")

// appendEntry appends an entry of a part of records.
func appendEntry(b []byte, e *Entry) []byte {
	if e.Deleted {
		return appendBytes(append(b, 1), e.Key)
	}
	return appendBytes(appendBytes(append(b, 0), e.Key), e.Value)
}

func appendBytes(b, value []byte) []byte {
	return append(binary.AppendUvarint(b, uint64(len(value))), value...)
}

var errForm = errors.New("does not have the form of its kind")

// cutBytes splits what appendBytes has appended.
func cutBytes(b []byte) (value, rest []byte, err error) {
	n, size := binary.Uvarint(b)
	if size <= 0 || n > uint64(len(b)-size) {
		return nil, nil, errForm
	}
	end := size + int(n)
	return b[size:end:end], b[end:], nil
}

// cutEntry splits what appendEntry has appended.
func cutEntry(b []byte) (e Entry, rest []byte, err error) {
	if len(b) == 0 || b[0] > 1 {
		return e, nil, errForm
	}
	e.Deleted = b[0] == 1
	e.Key, rest, err = cutBytes(b[1:])
	if err == nil && !e.Deleted {
		e.Value, rest, err = cutBytes(rest)
	}
	if err == nil && len(e.Key) == 0 {
		err = errForm
	}
	return e, rest, err
}

func decodeText(payload []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(payload))
	if err := d.Decode(v); err != nil {
		return errForm
	}
	return nil
}
