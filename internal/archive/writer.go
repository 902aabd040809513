package archive

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"

	"github.com/google/uuid"

	"groupkit/store"
)

// A Writer writes a stream: its Header, Put for the entries in their order, BeginContent, Data and
// FinishContent for each content, and End.
type Writer struct {
	w      io.Writer
	id     uuid.UUID
	number uint64
	space  string
	part   []byte // of records that is not written yet
	buffer []byte
	end    End
}

// NewWriter writes the beginning of a stream.
func NewWriter(w io.Writer, h Header) (*Writer, error) {
	out := &Writer{w: w}
	if _, err := io.WriteString(w, magic); err != nil {
		return nil, err
	}
	if err := out.writeText(kindHeader, h); err != nil {
		return nil, err
	}
	out.id = h.ID
	return out, nil
}

// Put adds an entry.
func (w *Writer) Put(e Entry) error {
	if size := len(e.Space) + len(e.Key) + len(e.Value); size > maxPart-partSize-64 {
		return fmt.Errorf("%w: a record of %d bytes (at most %d)", store.ErrTooLarge, size, maxPart-partSize-64)
	}
	if len(w.part) > 0 && (e.Space != w.space || len(w.part) >= partSize) {
		if err := w.flush(); err != nil {
			return err
		}
	}
	if len(w.part) == 0 {
		w.part, w.space = appendBytes(w.part, []byte(e.Space)), e.Space
	}
	if w.part = appendEntry(w.part, &e); e.Deleted {
		w.end.Deletes++
	} else {
		w.end.Records++
	}
	return nil
}

// Again makes the records begin anew.
func (w *Writer) Again() error {
	w.part, w.end = w.part[:0], End{}
	return w.write(kindAgain, nil)
}

func (w *Writer) flush() error {
	if len(w.part) == 0 {
		return nil
	}
	err := w.write(kindRecords, w.part)
	w.part = w.part[:0]
	return err
}

// BeginContent begins a content.
func (w *Writer) BeginContent(c Content) error {
	if err := w.flush(); err != nil {
		return err
	}
	return w.writeText(kindContent, c)
}

// Data adds bytes to the content.
func (w *Writer) Data(b []byte) error {
	for len(b) > 0 {
		n := min(len(b), partSize)
		if err := w.write(kindData, b[:n]); err != nil {
			return err
		}
		b = b[n:]
	}
	return nil
}

// FinishContent ends the content of a number of bytes. problem says why its bytes do not count; "": they do.
func (w *Writer) FinishContent(size int64, problem string) error {
	if problem == "" {
		w.end.Contents++
		w.end.Bytes += size
	}
	return w.write(kindFinish, []byte(problem))
}

// End ends the stream, and returns what it consists of.
func (w *Writer) End(broken int, damaged []Damaged) (End, error) {
	if err := w.flush(); err != nil {
		return w.end, err
	}
	w.end.Broken, w.end.Damaged = broken, damaged
	return w.end, w.writeText(kindEnd, w.end)
}

func (w *Writer) writeText(kind byte, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return w.write(kind, text)
}

// write writes a part.
func (w *Writer) write(kind byte, payload []byte) error {
	if len(payload) > maxPart {
		return fmt.Errorf("%w: a part of %d bytes (at most %d)", store.ErrTooLarge, len(payload), maxPart)
	}
	b := append(w.buffer[:0], kind)
	b = binary.BigEndian.AppendUint64(b, w.number)
	b = binary.BigEndian.AppendUint32(b, uint32(len(payload)))
	checksum := sum(w.id, b, payload)
	b = append(append(b, payload...), checksum...)
	w.buffer = b[:0]
	if cap(b) > 4*partSize {
		w.buffer = nil
	}
	w.number++
	_, err := w.w.Write(b)
	return err
}
