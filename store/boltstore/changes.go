package boltstore

import (
	"maps"
	"slices"

	bolt "go.etcd.io/bbolt"

	"groupkit/store"
	"groupkit/store/internal/overlay"
	"groupkit/store/internal/tree"
)

// changes contains pending writes by bucket. It is immutable: adding writes makes new
// changes.
type changes struct {
	main tree.Tree            // of the engine's bucket
	apps map[string]tree.Tree // of the application's buckets
}

func (c changes) empty() bool { return c.main.Empty() && len(c.apps) == 0 }

func (c changes) to(name string) tree.Tree {
	if name == overlay.Engine {
		return c.main
	}
	return c.apps[name]
}

// apply writes the changes to the buckets of tx, in key order. It returns the bytes that
// they have in a leaf.
func (c changes) apply(tx *bolt.Tx) (written int64, err error) {
	written, err = applyTo(tx.Bucket([]byte(overlay.Engine)), c.main)
	if len(c.apps) == 0 || err != nil {
		return written, err
	}
	for _, name := range slices.Sorted(maps.Keys(c.apps)) {
		b, err := tx.CreateBucketIfNotExists([]byte(name))
		if err != nil {
			return written, err
		}
		n, err := applyTo(b, c.apps[name])
		if written += n; err != nil {
			return written, err
		}
	}
	return written, nil
}

func applyTo(b *bolt.Bucket, writes tree.Tree) (written int64, err error) {
	for all := writes.Scan(nil, nil, false); err == nil; {
		e, ok := all.Next()
		switch {
		case !ok:
			return written, nil
		case e.Deleted:
			err = b.Delete(e.Key)
		default:
			err = b.Put(e.Key, e.Value)
			written += int64(elementSize + len(e.Key) + len(e.Value))
		}
	}
	return written, err
}

// A view is what a function reads from: the buckets of a bbolt transaction, or those with
// changes on top that are not yet in the file.
type view interface {
	bucket(name string) (store.Reader, error)
	nested(name string, key []byte) (bool, error)
	buckets() (names []string, err error) // of the application
}

// A layer is a view with changes on top.
type layer struct {
	view
	changes changes
}

func (l layer) bucket(name string) (store.Reader, error) {
	below, err := l.view.bucket(name)
	if writes := l.changes.to(name); err == nil && !writes.Empty() {
		return overlay.New(below, writes), nil
	}
	return below, err
}

func (l layer) buckets() (names []string, err error) {
	names, err = l.view.buckets()
	return slices.AppendSeq(names, maps.Keys(l.changes.apps)), err
}
