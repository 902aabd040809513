package pgstore

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"groupkit/store"
	"groupkit/store/internal/overlay"
	"groupkit/store/internal/tree"
)

// A space is one key space of a transaction: the rows of a table, with the pending writes on top.
type space struct {
	*overlay.Space
	rows rows
}

// space returns the key space of the bucket with the name, or the engine's own, whose name is "".
func (t *transaction) space(bucket string) *space {
	s, ok := t.spaces[bucket]
	if !ok {
		r := rows{t: t, statements: &t.store.statements.records}
		if bucket != "" {
			r.statements, r.bucket = &t.store.statements.buckets, []any{[]byte(bucket)}
		}
		s = &space{Space: overlay.New(r, tree.Tree{}), rows: r}
		t.spaces[bucket] = s
	}
	return s
}

// Put sets the value of key.
func (s *space) Put(key, value []byte) error {
	if err := checkKey(key); err != nil {
		return err
	}
	if err := s.Space.Put(key, value); err != nil {
		return err
	}
	return s.checkBytes()
}

// Delete removes key.
func (s *space) Delete(key []byte) error {
	if err := checkKey(key); err != nil {
		return err
	}
	if err := s.Space.Delete(key); err != nil {
		return err
	}
	return s.checkBytes()
}

// checkBytes makes the transaction fail if it writes too much.
func (s *space) checkBytes() error {
	t, sum := s.rows.t, 0
	for _, s := range t.spaces {
		sum += s.Bytes()
	}
	if sum > maxBytes {
		t.oversized = fmt.Errorf("%w: a transaction that writes %d bytes (at most %d)", store.ErrTooLarge, sum, maxBytes)
	}
	return t.oversized
}

func checkKey(key []byte) error {
	if len(key) == 0 || len(key) > maxKey {
		return fmt.Errorf("%w: key of %d bytes (1 to %d)", store.ErrTooLarge, len(key), maxKey)
	}
	return nil
}

// Claim locks the rows of keys with the next read. Before the first read it also makes the
// transaction wait for those of this process that have claimed the same keys.
func (s *space) Claim(keys ...[]byte) {
	for _, key := range keys {
		if checkKey(key) == nil {
			s.rows.t.claimed = append(s.rows.t.claimed, bytes.Clone(key))
		}
	}
}

// Number returns the number of the transaction.
func (s *space) Number() (uint64, error) {
	t := s.rows.t
	if err := s.usable(t.inform); err != nil {
		return 0, err
	}
	return t.store.numbered(t.number)
}

// Settled returns the bound of the settled numbers.
func (s *space) Settled() (uint64, error) {
	t := s.rows.t
	if err := s.usable(t.inform); err != nil {
		return 0, err
	}
	return t.store.numbered(t.settled)
}

// usable calls fn unless the transaction has ended.
func (s *space) usable(fn func() error) error {
	if s.Ended() {
		return overlay.Over()
	}
	return fn()
}

// Announce announces a topic with the transaction, if the store has Options.Notify.
func (s *space) Announce(topic string) {
	if s.rows.t.store.options.Notify && !s.Ended() {
		s.rows.t.topics = append(s.rows.t.topics, topic)
	}
}

// maxBucket is the longest name of a bucket: it is in each key of the index.
const maxBucket = 255

// Bucket returns the application's key space with the name. [SQL] accepts it.
func (s *space) Bucket(name string) (store.Writer, error) {
	if s.Ended() {
		return nil, overlay.Over()
	}
	if err := overlay.CheckBucket(name); err != nil {
		return nil, err
	}
	if len(name) > maxBucket {
		return nil, fmt.Errorf("%w: bucket name of %d bytes (1 to %d)", store.ErrTooLarge, len(name), maxBucket)
	}
	return bucket{s.rows.t.space(name)}, nil
}

// BucketReader returns the application's key space with the name.
func (s *space) BucketReader(name string) (store.Reader, error) {
	w, err := s.Bucket(name)
	if err != nil {
		return nil, err
	}
	return w, nil
}

// Buckets returns the names of the application's key spaces, also of those that are open in the transaction.
func (s *space) Buckets() (names []string, err error) {
	if s.Ended() {
		return nil, overlay.Over()
	}
	t := s.rows.t
	err = t.run(func(b *pgx.Batch) {
		b.Queue(t.store.statements.bucketNames).Query(func(rows pgx.Rows) error {
			for rows.Next() {
				names = append(names, string(rows.RawValues()[0]))
			}
			return rows.Err()
		})
	})
	if err != nil {
		return nil, err
	}
	for name := range t.spaces {
		if name != "" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// queueWrites writes what is pending, in the order of the keys: so two transactions that write
// the same keys seldom wait for each other in a circle.
func (s *space) queueWrites(b *pgx.Batch) {
	var put, values, removed [][]byte
	all := s.Writes().Scan(nil, nil, false)
	for e, ok := all.Next(); ok; e, ok = all.Next() {
		if e.Deleted {
			removed = append(removed, e.Key)
		} else {
			put, values = append(put, e.Key), append(values, e.Value)
		}
	}
	if len(put) > 0 {
		b.Queue(s.rows.statements.put, append([]any{put, values}, s.rows.bucket...)...)
	}
	if len(removed) > 0 {
		b.Queue(s.rows.statements.remove, append([]any{removed}, s.rows.bucket...)...)
	}
}

// A bucket is a space of the application. It has no claims, numbers and announcements, which are
// the engine's.
type bucket struct{ space *space }

func (b bucket) Get(key []byte) ([]byte, bool, error)           { return b.space.Get(key) }
func (b bucket) GetMany(keys [][]byte) ([][]byte, error)        { return b.space.GetMany(keys) }
func (b bucket) Scan(g store.Range) ([]store.Pair, bool, error) { return b.space.Scan(g) }
func (b bucket) Put(key, value []byte) error                    { return b.space.Put(key, value) }
func (b bucket) Delete(key []byte) error                        { return b.space.Delete(key) }

// Fetch reads many keys and many ranges in one round trip.
func (b bucket) Fetch(keys [][]byte, ranges []store.Range) ([][]byte, []store.Page, error) {
	return b.space.Fetch(keys, ranges)
}

// A reader is a space without the methods that write.
type reader struct{ space *space }

func (r reader) Get(key []byte) ([]byte, bool, error)           { return r.space.Get(key) }
func (r reader) GetMany(keys [][]byte) ([][]byte, error)        { return r.space.GetMany(keys) }
func (r reader) Scan(g store.Range) ([]store.Pair, bool, error) { return r.space.Scan(g) }
func (r reader) Settled() (uint64, error)                       { return r.space.Settled() }

// Fetch reads many keys and many ranges in one round trip.
func (r reader) Fetch(keys [][]byte, ranges []store.Range) ([][]byte, []store.Page, error) {
	return r.space.Fetch(keys, ranges)
}

// BucketReader returns the application's key space with the name.
func (r reader) BucketReader(name string) (store.Reader, error) {
	w, err := r.space.Bucket(name)
	if err != nil {
		return nil, err
	}
	return reader{w.(bucket).space}, nil
}

// Buckets returns the names of the application's key spaces.
func (r reader) Buckets() ([]string, error) { return r.space.Buckets() }
