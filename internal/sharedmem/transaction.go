package sharedmem

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"groupkit/store"
)

// A transaction reads one snapshot, in which it also sees its own writes.
type transaction struct {
	data    *Data
	root    *node
	since   int    // the number of commits in the snapshot
	number  uint64 // of an Update
	settled uint64
	over    bool

	points   map[string]bool
	spans    []span
	reads    int // keys and pairs
	writes   map[string]write
	bytes    int // of writes
	topics   []string
	tooLarge error
}

type write struct {
	value   []byte
	deleted bool
}

var errOver = errors.New("sharedmem: the transaction is over")

// hasRead reports whether the transaction has read the key, or a range that it lies in.
func (t *transaction) hasRead(key string) bool {
	return t.points[key] || !t.data.options.PointsOnly && slices.ContainsFunc(t.spans, func(s span) bool { return s.contains(key) })
}

// read counts what a transaction reads.
func (t *transaction) read(n int) error {
	t.reads += n
	return t.bound("reads", t.reads, t.data.options.Sizes.Reads)
}

// bound fails if a number is larger than its bound. The transaction then cannot be committed.
func (t *transaction) bound(what string, n, most int) error {
	if most > 0 && n > most && t.writes != nil {
		t.tooLarge = fmt.Errorf("%w: %d %s in a transaction (at most %d)", store.ErrTooLarge, n, what, most)
		return t.tooLarge
	}
	return nil
}

// write notes that a key is put or deleted.
func (t *transaction) write(key string, w write) error {
	if old, ok := t.writes[key]; ok {
		t.bytes -= len(key) + len(old.value)
	}
	t.writes[key] = w
	t.bytes += len(key) + len(w.value)
	if w.deleted {
		t.root = t.root.remove(key)
	} else {
		t.root = t.root.put(key, w.value)
	}
	sizes := t.data.options.Sizes
	return errors.Join(t.bound("writes", len(t.writes), sizes.Writes), t.bound("bytes", t.bytes, sizes.Bytes))
}

// A space is the keys of a transaction that begin with a prefix: those of the engine, or of a
// bucket.
type space struct {
	*transaction
	prefix string
}

const engine = "\x00"

func (s space) check(key []byte) error {
	if s.over {
		return errOver
	}
	if most := s.data.options.Sizes.Key; len(key) == 0 || most > 0 && len(key) > most {
		return fmt.Errorf("%w: key of %d bytes", store.ErrTooLarge, len(key))
	}
	return nil
}

// get reads one key without a round trip. The value is nil if the key does not exist.
func (s space) get(key []byte) ([]byte, error) {
	if err := errors.Join(s.check(key), s.read(1)); err != nil {
		return nil, err
	}
	full := s.prefix + string(key)
	if s.points == nil {
		s.points = make(map[string]bool)
	}
	s.points[full] = true
	value, ok := s.root.get(full)
	if !ok {
		return nil, nil
	}
	return append([]byte{}, value...), nil
}

// scan reads one page without a round trip.
func (s space) scan(g store.Range) (page store.Page, err error) {
	if s.over {
		return page, errOver
	}
	in := span{s.prefix + string(g.From), string(store.PrefixEnd([]byte(s.prefix)))}
	if g.To != nil {
		in.to = s.prefix + string(g.To)
	}
	s.root.walk(in, g.Reverse, func(n *node) bool {
		if page.More = len(page.Pairs) == g.PageSize(); page.More {
			return false
		}
		page.Pairs = append(page.Pairs, store.Pair{Key: []byte(n.key[len(s.prefix):]), Value: append([]byte{}, n.value...)})
		return true
	})
	if page.More {
		last := s.prefix + string(page.Pairs[len(page.Pairs)-1].Key)
		if g.Reverse {
			in.from = last
		} else {
			in.to = last + "\x00"
		}
	}
	s.spans = append(s.spans, in)
	return page, s.read(len(page.Pairs))
}

func (s space) trip() { s.data.Counts.Trips.Add(1) }

func (s space) bucket(name string) (space, error) {
	switch {
	case s.over:
		return space{}, errOver
	case len(name) == 0 || len(name) > 2048 || name == "groupkit":
		return space{}, fmt.Errorf("%w: bucket name of %d bytes, or the engine's own", store.ErrTooLarge, len(name))
	}
	return space{s.transaction, bucketPrefix(name)}, nil
}

// bucketPrefix is what the keys of a bucket begin with; of "", what those of all buckets begin at.
func bucketPrefix(name string) string {
	if name == "" {
		return "\x01"
	}
	return string(binary.BigEndian.AppendUint16([]byte{1}, uint16(len(name)))) + name
}

// A reader is what fn of View gets.
type reader struct{ space }

func (r reader) Get(key []byte) ([]byte, bool, error) {
	r.trip()
	value, err := r.get(key)
	return value, value != nil, err
}

func (r reader) GetMany(keys [][]byte) (values [][]byte, err error) {
	values, _, err = r.Fetch(keys, nil)
	return values, err
}

func (r reader) Scan(g store.Range) ([]store.Pair, bool, error) {
	r.trip()
	page, err := r.scan(g)
	return page.Pairs, page.More, err
}

func (r reader) Fetch(keys [][]byte, ranges []store.Range) ([][]byte, []store.Page, error) {
	r.trip()
	values, pages := make([][]byte, len(keys)), make([]store.Page, len(ranges))
	var err error
	for i, key := range keys {
		if values[i], err = r.get(key); err != nil {
			return nil, nil, err
		}
	}
	for i, g := range ranges {
		if pages[i], err = r.scan(g); err != nil {
			return nil, nil, err
		}
	}
	return values, pages, nil
}

func (r reader) Settled() (uint64, error) {
	if !r.data.options.Numbers {
		return 0, store.ErrNotSupported
	}
	return r.settled, nil
}

func (r reader) BucketReader(name string) (store.Reader, error) {
	s, err := r.bucket(name)
	return reader{s}, err
}

// Buckets returns the names of the buckets, in byte order.
func (r reader) Buckets() (names []string, err error) {
	if r.over {
		return nil, errOver
	}
	r.trip()
	all := span{bucketPrefix(""), "\x02"}
	for at := all; ; at.from = string(store.PrefixEnd([]byte(bucketPrefix(names[len(names)-1])))) {
		found := false
		r.root.walk(at, false, func(n *node) bool {
			rest := n.key[3:]
			names, found = append(names, rest[:binary.BigEndian.Uint16([]byte(n.key[1:]))]), true
			return false
		})
		if !found {
			break
		}
	}
	r.spans = append(r.spans, all)
	slices.Sort(names)
	return names, r.read(len(names))
}

// A writer is what fn of Update gets.
type writer struct{ space }

func (w writer) Get(key []byte) ([]byte, bool, error)           { return reader(w).Get(key) }
func (w writer) GetMany(keys [][]byte) ([][]byte, error)        { return reader(w).GetMany(keys) }
func (w writer) Scan(g store.Range) ([]store.Pair, bool, error) { return reader(w).Scan(g) }
func (w writer) Settled() (uint64, error)                       { return reader(w).Settled() }

func (w writer) Fetch(keys [][]byte, ranges []store.Range) ([][]byte, []store.Page, error) {
	return reader(w).Fetch(keys, ranges)
}

func (w writer) BucketReader(name string) (store.Reader, error) { return reader(w).BucketReader(name) }

func (w writer) Buckets() ([]string, error) { return reader(w).Buckets() }

func (w writer) Bucket(name string) (store.Writer, error) {
	s, err := w.bucket(name)
	return writer{s}, err
}

func (w writer) Put(key, value []byte) error {
	if err := w.check(key); err != nil {
		return err
	}
	if most := w.data.options.Sizes.Value; most > 0 && len(value) > most {
		return fmt.Errorf("%w: value of %d bytes (at most %d)", store.ErrTooLarge, len(value), most)
	}
	return w.write(w.prefix+string(key), write{value: append([]byte{}, value...)})
}

func (w writer) Delete(key []byte) error {
	if err := w.check(key); err != nil {
		return err
	}
	return w.write(w.prefix+string(key), write{deleted: true})
}

func (w writer) Number() (uint64, error) {
	if !w.data.options.Numbers {
		return 0, store.ErrNotSupported
	}
	return w.number, nil
}

func (w writer) Announce(topic string) { w.topics = append(w.topics, topic) }
