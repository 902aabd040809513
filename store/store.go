// Package store defines the interfaces between the group engine and its storage: [Store]
// for records and [Blobs] for the contents of shared files. Implement them to keep the
// data of the engine elsewhere.
//
// A store is an ordered key-value store with strictly serializable transactions. It
// handles bytes and knows nothing about groups. The rules of groups are in the engine,
// which works with every store that passes the conformance suite of package storetest.
//
// Everything beyond the two interfaces is optional. A helper function finds an optional
// method by type assertion, as in io/fs: see [GetMany], [Fetch], [Visit], [VisitKeys], [Backup],
// [Check], [Exclusive], [Observed], [Relaxed], [Sync], [AfterSync], [Bucket], [BucketReader],
// [Buckets] and [StatsOf]. For stores that
// several processes share there are [SizesOf], [Claim], [Number], [Settled], [Announce], [Watch]
// and [Retry].
package store

import (
	"context"
	"errors"
	"io"
)

// A Store is an ordered key-value store with transactions. Any number of goroutines can
// call its methods at once.
//
// Keys and values are arbitrary bytes. A key has at least 1 byte. A store accepts keys of
// up to 2,048 bytes; it may accept longer ones. The bounds of a [Range] need not be keys:
// they can be empty or longer. Keys are ordered as by bytes.Compare. A store returns
// [ErrTooLarge] for an empty key and for a key or value that is too large for it. An empty
// value is a value: its key exists.
type Store interface {
	// View runs fn on one consistent snapshot. The snapshot contains every transaction
	// that was committed before the call of View. It contains nothing that is committed
	// after the first read of fn. View returns the error of fn unchanged. If ctx has ended before fn
	// runs, View returns the error of ctx. View can run fn more than once, each time on a
	// snapshot of its own: what counts is the last run.
	View(ctx context.Context, fn func(Reader) error) error

	// Update runs fn and commits its writes. If fn returns nil, all writes are committed
	// and durable when Update returns nil. If fn returns an error, nothing is written,
	// and Update returns that error unchanged. Updates are strictly serializable.
	//
	// Update can run fn more than once, and on another goroutine than the caller's. Only
	// the writes of the last run are kept. fn must not use the store except through its
	// Writer. The Writer is not valid after fn has returned. If fn panics, Update panics
	// with the same value on the goroutine of the caller; nothing is written, and the
	// store can be used further.
	//
	// Update retries conflicts with other writers until ctx ends, or until a time of the store
	// is over; see [Retry]. It then returns a [*ConflictError]. Once the commit has begun,
	// the end of ctx no longer cancels it. An error that matches [ErrCommitUnknown] means
	// that the change was made or not made.
	Update(ctx context.Context, fn func(Writer) error) error

	// Close waits for the running transactions and releases the resources of the store.
	// Every later call returns [ErrClosed]. A second Close returns nil. If Close returns an
	// error that matches [ErrUnsaved], it has released nothing and can be called again.
	Close() error
}

// A Reader reads within a transaction. The bytes that it returns belong to the caller:
// they stay valid and unchanged after the transaction. One goroutine uses a Reader at a
// time.
type Reader interface {
	// Get returns the value of key and whether key exists.
	Get(key []byte) (value []byte, ok bool, err error)

	// Scan returns the pairs of r in the order of r, at most r.Limit of them. more
	// reports whether further pairs follow the last one returned. A store may return
	// fewer pairs than the limit and set more, but then at least one.
	Scan(r Range) (page []Pair, more bool, err error)
}

// A Writer reads and writes within a transaction. Get and Scan see the writes of the
// transaction. A Writer does not keep the slices that it is given: the caller can change
// them after the call.
type Writer interface {
	Reader
	Put(key, value []byte) error
	Delete(key []byte) error // deleting a key that does not exist is no error
}

// A Pair is a key and its value.
type Pair struct {
	Key, Value []byte
}

// MaxPage is the maximum number of pairs that one Scan returns.
const MaxPage = 1000

// A Range selects the pairs to scan, their order and their maximum number.
type Range struct {
	From    []byte // the first key, inclusive; nil: no bound
	To      []byte // the end, exclusive; nil: no bound
	Limit   int    // the maximum number of pairs; 0 or more than MaxPage means MaxPage
	Reverse bool   // from the highest key to the lowest
}

// Prefix returns the range of all keys that begin with p.
func Prefix(p []byte) Range {
	return Range{From: p, To: PrefixEnd(p)}
}

// PrefixEnd returns the smallest key that is greater than all keys that begin with p. It
// returns nil if there is no such key.
func PrefixEnd(p []byte) []byte {
	for i := len(p) - 1; i >= 0; i-- {
		if p[i] != 0xff {
			end := append([]byte(nil), p[:i+1]...)
			end[i]++
			return end
		}
	}
	return nil
}

// PageSize returns the maximum number of pairs that a scan of the range returns.
func (r Range) PageSize() int {
	if r.Limit <= 0 || r.Limit > MaxPage {
		return MaxPage
	}
	return r.Limit
}

// The errors of a store. A store wraps them and adds the cause.
var (
	// ErrConflict: other writers changed what the transaction read, again and again,
	// until the context ended or the store gave up. Nothing was written.
	ErrConflict = errors.New("store: conflict with other writers")

	// ErrCommitUnknown: the result of the commit was lost. The change was made or not
	// made.
	ErrCommitUnknown = errors.New("store: outcome of the commit is unknown")

	// ErrTooLarge: a key, a value or a transaction is too large for the store.
	ErrTooLarge = errors.New("store: too large")

	// ErrNoSpace: the device is full. Nothing was written.
	ErrNoSpace = errors.New("store: no space left")

	// ErrUnsaved: Close could not save changes for which Update has returned nil. They are
	// kept; call Close again. See [Relaxer].
	ErrUnsaved = errors.New("store: changes are not saved")

	// ErrLocked: another process has the data open.
	ErrLocked = errors.New("store: locked by another process")

	// ErrCorrupt: the data is damaged, or is not the data of such a store.
	ErrCorrupt = errors.New("store: corrupt")

	// ErrNewer: a newer version wrote the data in a format that this version does not
	// know.
	ErrNewer = errors.New("store: written by a newer version")

	// ErrOlder: an older version wrote the data, and it has to be brought up to date first.
	ErrOlder = errors.New("store: written by an older version")

	// ErrReadOnly: the store was opened to read only. Nothing was written.
	ErrReadOnly = errors.New("store: opened read-only")

	// ErrClosed: the store is closed.
	ErrClosed = errors.New("store: closed")

	// ErrNotSupported: the store does not have this optional method.
	ErrNotSupported = errors.New("store: not supported")
)

// A ManyGetter is a Reader that reads many keys in one round trip. It is optional.
type ManyGetter interface {
	// GetMany returns one value for each key, in the order of keys. The value is nil if
	// the key does not exist. An empty value is not nil.
	GetMany(keys [][]byte) (values [][]byte, err error)
}

// GetMany reads many keys. It reads them in one round trip if r is a [ManyGetter],
// otherwise one by one. It returns one value for each key, in the order of keys; the
// value is nil if the key does not exist.
func GetMany(r Reader, keys [][]byte) ([][]byte, error) {
	if m, ok := r.(ManyGetter); ok {
		return m.GetMany(keys)
	}
	values := make([][]byte, len(keys))
	for i, key := range keys {
		value, ok, err := r.Get(key)
		if err != nil {
			return nil, err
		}
		if ok && value == nil {
			value = []byte{}
		}
		values[i] = value
	}
	return values, nil
}

// A Visitor is a Reader that passes keys and values to a function without copying them.
// It is optional. The bytes given to fn belong to the store: they are valid until fn
// returns, and fn must not change them. fn must not use the Reader. After fn has returned
// false it is not called again. A panic of fn is passed on.
type Visitor interface {
	// Visit calls fn with the pairs of r in the order of r, at most r.Limit of them. It
	// reports whether further pairs follow the last one given to fn.
	Visit(r Range, fn func(key, value []byte) bool) (more bool, err error)

	// VisitKeys calls fn with one value for each key, in the order of keys. The value is
	// nil if the key does not exist.
	VisitKeys(keys [][]byte, fn func(i int, value []byte) bool) error
}

// Visit calls fn with the pairs of g, as in [Visitor]. It copies nothing if r is a
// Visitor; otherwise it uses Scan.
func Visit(r Reader, g Range, fn func(key, value []byte) bool) (more bool, err error) {
	if v, ok := r.(Visitor); ok {
		return v.Visit(g, fn)
	}
	page, more, err := r.Scan(g)
	if err != nil {
		return false, err
	}
	for i, p := range page {
		if !fn(p.Key, p.Value) {
			return more || i+1 < len(page), nil
		}
	}
	return more, nil
}

// VisitKeys calls fn with the values of keys, as in [Visitor]. It copies nothing if r is
// a Visitor; otherwise it uses GetMany.
func VisitKeys(r Reader, keys [][]byte, fn func(i int, value []byte) bool) error {
	if v, ok := r.(Visitor); ok {
		return v.VisitKeys(keys, fn)
	}
	values, err := GetMany(r, keys)
	if err != nil {
		return err
	}
	for i, value := range values {
		if !fn(i, value) {
			break
		}
	}
	return nil
}

// An Excluder is a Store that reports whether only this process can change its data. It
// is optional.
type Excluder interface {
	Exclusive() bool
}

// Exclusive reports whether only this process can change the data of s while s is open.
// The engine caches data only then. It reports false if s is not an [Excluder].
func Exclusive(s Store) bool {
	e, ok := s.(Excluder)
	return ok && e.Exclusive()
}

// An Observer is a Store that shows the data of another process. It is optional. It is not exclusive, and
// nothing can be written through it.
type Observer interface {
	// Observed reports whether the store of that process is exclusive: no third one changes the data.
	Observed() bool
}

// Observed reports whether s shows the data of another process that alone can change it.
func Observed(s Store) bool {
	o, ok := s.(Observer)
	return ok && o.Observed()
}

// A Backuper is a Store that can copy itself while it is in use. It is optional.
type Backuper interface {
	Backup(ctx context.Context, w io.Writer) error
}

// Backup writes a consistent copy of s to w. s stays in use. Returns [ErrNotSupported] if
// s is not a [Backuper].
func Backup(ctx context.Context, s Store, w io.Writer) error {
	b, ok := s.(Backuper)
	if !ok {
		return ErrNotSupported
	}
	return b.Backup(ctx, w)
}
