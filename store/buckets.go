package store

import "fmt"

// A BucketWriter is a Writer with key spaces for the application beside the engine's own.
// They are written in the same transaction. It is optional.
type BucketWriter interface {
	Bucket(name string) (Writer, error)
}

// A BucketedReader is a Reader with key spaces for the application beside the engine's
// own. They are read in the same snapshot. It is optional.
type BucketedReader interface {
	BucketReader(name string) (Reader, error)
}

// A BucketLister is a BucketedReader that knows the names of the application's key spaces. A store
// with key spaces should have it: what cannot be listed cannot be backed up or copied.
type BucketLister interface {
	// Buckets returns the name of each key space that contains a pair, in byte order. It can also
	// return names of empty ones.
	Buckets() (names []string, err error)
}

// Bucket returns the application's key space with the name, within the transaction of w.
// Its writes are committed with the transaction or not at all. It cannot reach the
// engine's own records. Returns [ErrNotSupported] if w is not a [BucketWriter].
func Bucket(w Writer, name string) (Writer, error) {
	b, ok := w.(BucketWriter)
	if !ok {
		return nil, ErrNotSupported
	}
	return b.Bucket(name)
}

// BucketReader returns the application's key space with the name, within the snapshot of
// r. A key space that was never written is empty. Returns [ErrNotSupported] if r is not a
// [BucketedReader].
func BucketReader(r Reader, name string) (Reader, error) {
	b, ok := r.(BucketedReader)
	if !ok {
		return nil, ErrNotSupported
	}
	return b.BucketReader(name)
}

// Buckets returns the names of the application's key spaces that contain a pair, in byte order. A
// Reader that is not a [BucketedReader] has none. Returns [ErrNotSupported] if r has key spaces
// and is not a [BucketLister].
func Buckets(r Reader) (names []string, err error) {
	l, ok := r.(BucketLister)
	if !ok {
		if _, spaces := r.(BucketedReader); spaces {
			return nil, fmt.Errorf("%w: listing the buckets of the application", ErrNotSupported)
		}
		return nil, nil
	}
	all, err := l.Buckets()
	if err != nil {
		return nil, err
	}
	for _, name := range all {
		b, err := BucketReader(r, name)
		if err != nil {
			return nil, err
		}
		page, _, err := b.Scan(Range{Limit: 1})
		if err != nil {
			return nil, err
		}
		if len(page) > 0 {
			names = append(names, name)
		}
	}
	return names, nil
}
