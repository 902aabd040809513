package archive

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/google/uuid"
)

// A reader reads the parts of a stream and verifies them. describe turns an entry into words.
type reader struct {
	r        io.Reader
	id       uuid.UUID
	number   uint64 // of the part that comes next
	what     string // the last part, for the error of the next
	describe Describe
	buffer   bytes.Buffer
}

// A Describe says what an entry belongs to, such as "group x".
type Describe func(Entry) string

// damaged returns the error of the part that comes next.
func (r *reader) damaged(format string, args ...any) error {
	return &PartError{Part: r.number, What: r.what, Why: fmt.Sprintf(format, args...)}
}

// cut is the error of a reader that has ended too early, or its own.
func (r *reader) cut(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return r.damaged("is cut off: the stream ends there")
	}
	return err
}

// next reads a part. The payload is valid until the next call.
func (r *reader) next() (kind byte, payload []byte, err error) {
	kind, length, before, err := r.begin()
	if err != nil {
		return 0, nil, err
	}
	r.buffer.Reset()
	if r.buffer.Cap() > 4*partSize {
		r.buffer = bytes.Buffer{}
	}
	if _, err := io.CopyN(&r.buffer, r.r, int64(length)+afterPayload); err != nil {
		return 0, nil, r.cut(err)
	}
	payload = r.buffer.Bytes()[:length]
	if !bytes.Equal(sum(r.id, before, payload), r.buffer.Bytes()[length:]) {
		return 0, nil, r.damaged("does not match its checksum")
	}
	r.number++
	return kind, payload, nil
}

// begin reads what comes before a payload.
func (r *reader) begin() (kind byte, length int, before []byte, err error) {
	before = make([]byte, beforePayload)
	if _, err := io.ReadFull(r.r, before); err != nil {
		return 0, 0, nil, r.cut(err)
	}
	if n := binary.BigEndian.Uint64(before[1:]); n != r.number {
		return 0, 0, nil, r.damaged("has the number %d", n)
	}
	kind, length = before[0], int(min(binary.BigEndian.Uint32(before[9:]), maxPart+1))
	if bytes.IndexByte(kinds, kind) < 0 {
		return 0, 0, nil, r.damaged("has the unknown kind %q", kind)
	}
	if length > maxPart || (kind == kindHeader || kind == kindContent) && length > maxText {
		return 0, 0, nil, r.damaged("has %d bytes", binary.BigEndian.Uint32(before[9:]))
	}
	return kind, length, before, nil
}

// open reads the beginning of the stream.
func (r *reader) open() (h Header, err error) {
	first := make([]byte, len(magic))
	if n, err := io.ReadFull(r.r, first); err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return h, err
	} else if string(first[:n]) != magic {
		return h, ErrNoBackup
	}
	r.what = "the header"
	kind, payload, err := r.next()
	if err != nil {
		return h, err
	}
	r.number-- // in an error
	if err := decodeText(payload, &h); err != nil || kind != kindHeader || h.ID == uuid.Nil {
		return h, r.damaged("is no header of a backup")
	}
	r.number++
	r.id, r.what = h.ID, "the first after the header"
	return h, nil
}

// records are the entries of one part.
func (r *reader) records(payload []byte, last *Entry, give func(Entry) error) error {
	space, rest, err := cutBytes(payload)
	if err != nil || len(rest) == 0 {
		return r.malformed(errForm)
	}
	name := string(space)
	for len(rest) > 0 {
		var e Entry
		if e, rest, err = cutEntry(rest); err != nil {
			return r.malformed(err)
		}
		e.Space = name
		if last.Key != nil && compare(last, &e) >= 0 {
			return r.malformed(errors.New("has its records in another order"))
		}
		last.Space, last.Key = name, append(last.Key[:0], e.Key...)
		if err := give(e); err != nil {
			return err
		}
	}
	r.what = "after the records of " + r.describe(*last)
	return nil
}

// malformed is the error of the part that was read last: it matches its checksum, and is wrong all the same.
func (r *reader) malformed(err error) error {
	r.number--
	defer func() { r.number++ }()
	return r.damaged("%v", err)
}

// A Summary is what a stream contains, and where.
type Summary struct {
	Header Header
	End    End

	records, contents place // the first part of the records that count, and the first after them
}

// A place is a part of a stream.
type place struct {
	offset int64
	number uint64
}

// counting counts the bytes that are read.
type counting struct {
	r io.Reader
	n int64
}

func (c *counting) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

// skipper passes over bytes of a stream that can seek.
type skipper struct {
	counting
	seek io.Seeker
}

// Check reads a stream to its end and verifies each part. It returns what the stream contains.
func Check(r io.Reader, describe Describe) (Summary, error) {
	return check(&counting{r: bufio.NewReaderSize(r, 1<<16)}, describe, nil, nil)
}

// Skim is Check, but passes over the bytes of contents. It calls content for each content that is whole.
func Skim(rs io.ReadSeeker, describe Describe, content func(Content)) (Summary, error) {
	if _, err := rs.Seek(0, io.SeekStart); err != nil {
		return Summary{}, err
	}
	s := &skipper{counting: counting{r: rs}, seek: rs}
	return check(&s.counting, describe, content, s)
}

func check(c *counting, describe Describe, content func(Content), skip *skipper) (s Summary, err error) {
	r := &reader{r: c, describe: describe}
	if s.Header, err = r.open(); err != nil {
		return s, err
	}
	k := checker{r: r, bytes: c, sum: &s, content: content, skip: skip}
	k.begin()
	for !k.ended {
		if err := k.part(); err != nil {
			return s, err
		}
	}
	if n, err := io.CopyN(io.Discard, c, 1); n > 0 {
		r.what = "after the end"
		return s, r.damaged("is too much: the backup ends before it")
	} else if !errors.Is(err, io.EOF) {
		return s, err
	}
	return s, nil
}
