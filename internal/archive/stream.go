package archive

import (
	"bufio"
	"errors"
	"io"
)

// A Stream is a stream that was checked, to read what is in it.
type Stream struct {
	Summary
	r        io.ReadSeeker
	describe Describe
}

// Open checks a stream and returns it.
func Open(rs io.ReadSeeker, describe Describe) (*Stream, error) {
	if _, err := rs.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	s, err := Check(rs, describe)
	return &Stream{Summary: s, r: rs, describe: describe}, err
}

// OpenSkimmed is Open with Skim.
func OpenSkimmed(rs io.ReadSeeker, describe Describe, content func(Content)) (*Stream, error) {
	s, err := Skim(rs, describe, content)
	return &Stream{Summary: s, r: rs, describe: describe}, err
}

// at returns a reader of the parts from a place on.
func (s *Stream) at(p place) (*reader, error) {
	if _, err := s.r.Seek(p.offset, io.SeekStart); err != nil {
		return nil, err
	}
	return &reader{r: bufio.NewReaderSize(s.r, 1<<16), id: s.Header.ID, number: p.number, describe: s.describe}, nil
}

// Records returns the entries of the stream. It uses the stream until it has returned the last one.
func (s *Stream) Records() Source {
	var r *reader
	var rest []byte
	var space string
	return func() (e Entry, err error) {
		if r == nil {
			if r, err = s.at(s.records); err != nil {
				return e, err
			}
		}
		if len(rest) == 0 {
			kind, payload, err := r.next()
			if err != nil {
				return e, err
			}
			if kind != kindRecords {
				r.number = s.contents.number
				return e, io.EOF
			}
			name, entries, err := cutBytes(payload)
			if err != nil {
				return e, r.malformed(err)
			}
			space, rest = string(name), entries
		}
		if e, rest, err = cutEntry(rest); err != nil {
			return e, r.malformed(err)
		}
		e.Space = space
		return e, nil
	}
}

// Contents calls give with each content of the stream. What give does not read is passed over. A content that does
// not count ends with an *Unreadable.
func (s *Stream) Contents(give func(Content, io.Reader) error) error {
	r, err := s.at(s.contents)
	for err == nil {
		var kind byte
		var payload []byte
		if kind, payload, err = r.next(); err != nil || kind == kindEnd {
			return err
		}
		var c Content
		if err := decodeText(payload, &c); kind != kindContent || err != nil {
			return r.malformed(errForm)
		}
		r.what = "within the content " + c.ID
		data := &contentData{r: r}
		err = give(c, data)
		if err == nil {
			if _, err = io.Copy(io.Discard, data); isUnreadable(err) {
				err = nil
			}
		}
	}
	return err
}

func isUnreadable(err error) bool {
	_, is := errors.AsType[*Unreadable](err)
	return is
}

// An Unreadable is the end of a content that does not count.
type Unreadable struct{ Problem string }

// Error returns what is wrong with the content.
func (e *Unreadable) Error() string { return e.Problem }

// contentData reads the bytes of a content.
type contentData struct {
	r    *reader
	rest []byte
	end  error
}

func (d *contentData) Read(p []byte) (int, error) {
	for len(d.rest) == 0 {
		if d.end != nil {
			return 0, d.end
		}
		kind, payload, err := d.r.next()
		switch {
		case err != nil:
			d.end = err
		case kind == kindData:
			d.rest = payload
		case kind != kindFinish:
			d.end = d.r.malformed(errForm)
		case len(payload) > 0:
			d.end = &Unreadable{string(payload)}
		default:
			d.end = io.EOF
		}
	}
	n := copy(p, d.rest)
	d.rest = d.rest[n:]
	return n, nil
}
