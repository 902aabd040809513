package archive

import (
	"fmt"
	"io"
)

// A checker reads the parts of a stream after its header, and looks whether each may follow the one before.
type checker struct {
	r       *reader
	bytes   *counting
	sum     *Summary
	content func(Content)
	skip    *skipper

	last    Entry // the last record
	counted End
	open    *Content // the content that is being read
	size    int64    // its bytes
	after   bool     // no records come any more
	ended   bool
}

// begin notes that records that count begin here.
func (k *checker) begin() {
	k.sum.records = place{k.bytes.n, k.r.number}
	k.last, k.counted = Entry{}, End{}
}

func (k *checker) part() error {
	before := place{k.bytes.n, k.r.number}
	if k.open != nil && k.skip != nil {
		if passed, err := k.pass(); passed || err != nil {
			return err
		}
	}
	kind, payload, err := k.r.next()
	if err != nil {
		return err
	}
	if kind != kindRecords && kind != kindAgain && !k.after {
		k.after, k.sum.contents = true, before
	}
	switch {
	case kind == kindRecords && !k.after:
		return k.r.records(payload, &k.last, func(e Entry) error {
			if e.Deleted {
				k.counted.Deletes++
			} else {
				k.counted.Records++
			}
			return nil
		})
	case kind == kindAgain && !k.after:
		k.begin()
	case kind == kindContent && k.open == nil:
		return k.begun(payload)
	case kind == kindData && k.open != nil:
		k.size += int64(len(payload))
	case kind == kindFinish && k.open != nil:
		return k.finished(string(payload))
	case kind == kindEnd && k.open == nil:
		return k.end(payload)
	default:
		return k.r.malformed(fmt.Errorf("has the kind %q, which does not belong here", kind))
	}
	return nil
}

func (k *checker) begun(payload []byte) error {
	k.open, k.size = new(Content), 0
	if err := decodeText(payload, k.open); err != nil || len(k.open.SHA256) != 32 || k.open.Size < 0 {
		return k.r.malformed(errForm)
	}
	k.r.what = "within the content " + k.open.ID
	return nil
}

func (k *checker) finished(problem string) error {
	c := *k.open
	if k.open = nil; problem == "" {
		if k.size != c.Size {
			return k.r.malformed(fmt.Errorf("ends a content of %d bytes after %d", c.Size, k.size))
		}
		if k.counted.Contents++; k.content != nil {
			k.content(c)
		}
		k.counted.Bytes += c.Size
	}
	k.r.what = "after the content " + c.ID
	return nil
}

func (k *checker) end(payload []byte) error {
	if err := decodeText(payload, &k.sum.End); err != nil {
		return k.r.malformed(err)
	}
	e := &k.sum.End
	if e.Records != k.counted.Records || e.Deletes != k.counted.Deletes || e.Contents != k.counted.Contents || e.Bytes != k.counted.Bytes {
		return k.r.malformed(fmt.Errorf("says that there are %d records and %d contents, but there are %d and %d",
			e.Records+e.Deletes, e.Contents, k.counted.Records+k.counted.Deletes, k.counted.Contents))
	}
	k.ended = true
	return nil
}

// pass passes over a part with bytes of a content, if that is what comes next.
func (k *checker) pass() (passed bool, err error) {
	kind, length, before, err := k.r.begin()
	if err != nil {
		return false, err
	}
	if kind != kindData {
		_, err := k.skip.seek.Seek(-int64(len(before)), io.SeekCurrent)
		k.skip.n -= int64(len(before))
		return false, err
	}
	_, err = k.skip.seek.Seek(int64(length)+afterPayload, io.SeekCurrent)
	k.skip.n += int64(length) + afterPayload
	k.size += int64(length)
	k.r.number++
	return true, err
}
