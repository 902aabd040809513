// Package store is the seam between the group engine and what keeps its bytes.
//
// A store knows bytes and nothing of groups: it is an ordered map with
// strictly serializable transactions. The engine's rules are written once,
// above this seam; a store that passes the conformance suite of the package
// storetest carries all of them.
//
// What a store can do beyond the two interfaces is optional and found by type
// assertion behind a helper, as in io/fs: see [GetMany], [Visit], [VisitKeys],
// [Backup], [Exclusive], [Bucket] and [BucketReader].
package store

import (
	"context"
	"errors"
	"io"
)

// A Store is an ordered map of bytes with transactions. Its methods may be
// called by any number of goroutines at once.
//
// Keys are 1 to at least 512 bytes of any value, ordered as bytes.Compare
// orders them. A key that is empty, or a key or value larger than the store can
// take, is refused with [ErrTooLarge]. An empty value is a value: it is there.
type Store interface {
	// View runs fn on one consistent snapshot: all that was committed before
	// View was called, and nothing of what is committed while fn runs. The error
	// of fn is returned unchanged. View fails with the context's error if ctx
	// has ended before fn is run.
	View(ctx context.Context, fn func(Reader) error) error

	// Update runs fn and commits what it wrote: all of it, durably, if fn
	// returns nil; nothing at all otherwise, and then the error of fn is
	// returned unchanged. Updates are strictly serializable.
	//
	// fn may be run more than once, and on another goroutine than the caller's;
	// only what its last run wrote is kept. It must not call the store again
	// but through its Writer, which is dead once fn has returned.
	// A panic of fn is raised again on the caller's goroutine; nothing of its
	// transaction is kept, and the store goes on.
	//
	// Conflicts with other writers are retried inside until ctx ends; then
	// the error matches both [ErrConflict] and the context's. Once the commit
	// has begun, the end of ctx no longer cancels it. An error that matches
	// [ErrCommitUnknown] means that the change may have been made or not.
	Update(ctx context.Context, fn func(Writer) error) error

	// Close waits for the transactions under way and releases what the store
	// holds. Every later call fails with [ErrClosed]; a second Close is no error.
	Close() error
}

// A Reader reads within a transaction. The bytes that it returns belong to the
// caller: they stay valid, and unchanged, after the transaction.
// A Reader is used by one goroutine at a time.
type Reader interface {
	// Get returns the value of key, and whether there is one.
	Get(key []byte) (value []byte, ok bool, err error)

	// Scan returns the pairs of r in its order, at most r.Limit of them, and
	// whether there are more after the last one returned. A store may return
	// fewer than the limit with more set, but never none.
	Scan(r Range) (page []Pair, more bool, err error)
}

// A Writer reads and writes within a transaction. It reads its own writes, in
// Get and in Scan. It takes no hold of the slices given to it: the caller may
// change them afterwards.
type Writer interface {
	Reader
	Put(key, value []byte) error
	Delete(key []byte) error // deleting what is not there is no error
}

// A Pair is a key and its value.
type Pair struct {
	Key, Value []byte
}

// MaxPage is the number of pairs that a Scan without a limit returns at most.
const MaxPage = 1000

// A Range says what to scan.
type Range struct {
	From    []byte // the first key, included; nil: from the beginning
	To      []byte // the end, excluded; nil: to the end
	Limit   int    // how many pairs at most; 0 and more than MaxPage mean MaxPage
	Reverse bool   // from the highest key to the lowest
}

// Prefix is the range of all keys that begin with p.
func Prefix(p []byte) Range {
	return Range{From: p, To: PrefixEnd(p)}
}

// PrefixEnd is the first key after all those that begin with p, or nil if no key
// can follow them.
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

// PageSize is the number of pairs that a scan of the range returns at most.
func (r Range) PageSize() int {
	if r.Limit <= 0 || r.Limit > MaxPage {
		return MaxPage
	}
	return r.Limit
}

// The errors of a store. A store wraps them with what it knows of the cause.
var (
	// ErrConflict: other writers kept changing what the transaction read until
	// its context ended. Nothing was written.
	ErrConflict = errors.New("store: conflict with other writers")

	// ErrCommitUnknown: the answer to the commit was lost. The change may have
	// been made or not.
	ErrCommitUnknown = errors.New("store: outcome of the commit is unknown")

	// ErrTooLarge: a key, a value or a transaction is larger than the store takes.
	ErrTooLarge = errors.New("store: too large")

	// ErrNoSpace: no room is left on the device. Nothing was written.
	ErrNoSpace = errors.New("store: no space left")

	// ErrLocked: another process has the data open.
	ErrLocked = errors.New("store: locked by another process")

	// ErrCorrupt: the data is damaged, or not of this kind at all.
	ErrCorrupt = errors.New("store: corrupt")

	// ErrNewer: the data was written by a newer version in a format unknown to this one.
	ErrNewer = errors.New("store: written by a newer version")

	// ErrClosed: the store has been closed.
	ErrClosed = errors.New("store: closed")

	// ErrNotSupported: this store cannot do that.
	ErrNotSupported = errors.New("store: not supported")
)

// A ManyGetter is a Reader that reads many keys in one round trip.
type ManyGetter interface {
	// GetMany returns one value a key, in order; nil where there is none. An
	// empty value that is there is not nil.
	GetMany(keys [][]byte) (values [][]byte, err error)
}

// GetMany reads many keys: in one round trip where the store can, one by one
// otherwise. It returns one value a key, in order; nil where there is none.
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

// A Visitor is a Reader that shows what it holds without copying it. The bytes that
// fn gets belong to the store: they are valid until fn returns, and must not be
// changed. fn must not use the Reader; if it returns false it is called no more. A
// panic of fn is passed on.
type Visitor interface {
	// Visit calls fn with the pairs of r in its order, at most r.Limit of them,
	// and reports whether there are more after the last one shown.
	Visit(r Range, fn func(key, value []byte) bool) (more bool, err error)

	// VisitKeys calls fn with one value a key, in order; nil where there is none.
	VisitKeys(keys [][]byte, fn func(i int, value []byte) bool) error
}

// Visit shows fn a page of pairs, as [Visitor] says: without copying them where the
// store can, and those that Scan returns otherwise.
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

// VisitKeys shows fn the values of keys, as [Visitor] says: without copying them where
// the store can, and those that GetMany returns otherwise.
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

// An Excluder is a Store that can say whether this process alone has the data.
type Excluder interface {
	Exclusive() bool
}

// Exclusive reports whether this process alone can change the data of s while s
// is open. That is what allows its contents to be cached.
func Exclusive(s Store) bool {
	e, ok := s.(Excluder)
	return ok && e.Exclusive()
}

// A Backuper is a Store that can copy itself while it is in use.
type Backuper interface {
	Backup(ctx context.Context, w io.Writer) error
}

// Backup writes a consistent copy of s, which stays in use, to w. A store that
// cannot do so gives [ErrNotSupported].
func Backup(ctx context.Context, s Store, w io.Writer) error {
	b, ok := s.(Backuper)
	if !ok {
		return ErrNotSupported
	}
	return b.Backup(ctx, w)
}

// A BucketWriter is a Writer that gives an application a space of its own beside
// the engine's, written in the same transaction.
type BucketWriter interface {
	Bucket(name string) (Writer, error)
}

// A BucketedReader is a Reader that gives an application a space of its own
// beside the engine's, read in the same snapshot.
type BucketedReader interface {
	BucketReader(name string) (Reader, error)
}

// Bucket returns the application's own key space of that name within the
// transaction of w. What it writes is committed with the transaction or not at
// all. The engine's own space is out of its reach. A store without buckets gives
// [ErrNotSupported].
func Bucket(w Writer, name string) (Writer, error) {
	b, ok := w.(BucketWriter)
	if !ok {
		return nil, ErrNotSupported
	}
	return b.Bucket(name)
}

// BucketReader returns the application's own key space of that name within the
// snapshot of r; one never written to is empty.
func BucketReader(r Reader, name string) (Reader, error) {
	b, ok := r.(BucketedReader)
	if !ok {
		return nil, ErrNotSupported
	}
	return b.BucketReader(name)
}
