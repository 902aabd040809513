package boltstore

import (
	"fmt"
	"maps"
	"slices"

	"groupkit/store"
	"groupkit/store/internal/overlay"
	"groupkit/store/internal/tree"
)

// A writer keeps the writes of one function, on top of the writes of those before it.
// Nothing is written to bbolt before the function has returned nil.
type writer struct {
	*overlay.Space
	view  view
	begun changes
	below int // the size of begun, if it is not in the file
	apps  map[string]*appSpace
}

func newWriter(v view, c changes) (*writer, error) {
	main, err := v.bucket(overlay.Engine)
	if err != nil {
		return nil, err
	}
	return &writer{Space: overlay.New(main, c.main), view: v, begun: c}, nil
}

// Bucket returns the application's key space with the name.
func (w *writer) Bucket(name string) (store.Writer, error) {
	if err := overlay.CheckBucket(name); err != nil {
		return nil, err
	}
	if w.Ended() {
		return nil, overlay.Over()
	}
	if app, ok := w.apps[name]; ok {
		return app, nil
	}
	below, err := w.view.bucket(name)
	if err != nil {
		return nil, err
	}
	app := &appSpace{Space: overlay.New(below, w.begun.to(name)), view: w.view, name: name}
	if w.apps == nil {
		w.apps = make(map[string]*appSpace)
	}
	w.apps[name] = app
	return app, nil
}

// BucketReader returns the application's key space with the name.
func (w *writer) BucketReader(name string) (store.Reader, error) {
	return w.Bucket(name)
}

// Buckets returns the names of the application's buckets, also of those that are written or opened here.
func (w *writer) Buckets() ([]string, error) {
	if w.Ended() {
		return nil, overlay.Over()
	}
	names, err := w.view.buckets()
	if err != nil {
		return nil, err
	}
	names = slices.AppendSeq(slices.AppendSeq(names, maps.Keys(w.begun.apps)), maps.Keys(w.apps))
	slices.Sort(names)
	return slices.Compact(names), nil
}

// changes returns the changes that the writer began with and its own writes.
func (w *writer) changes() changes {
	c := changes{main: w.Writes(), apps: w.begun.apps}
	if len(w.apps) == 0 {
		return c
	}
	c.apps = maps.Clone(c.apps)
	for name, app := range w.apps {
		writes := app.Writes()
		if writes.Empty() {
			continue
		}
		if c.apps == nil {
			c.apps = make(map[string]tree.Tree)
		}
		c.apps[name] = writes
	}
	return c
}

func (w *writer) written() (bytes int) {
	bytes = w.Bytes()
	for _, app := range w.apps {
		bytes += app.Bytes()
	}
	return bytes
}

func (w *writer) end() {
	w.End()
	for _, app := range w.apps {
		app.End()
	}
}

// An appSpace is a bucket of the application. The application can have nested buckets in
// it, made with the API of bbolt. The store does not overwrite them.
type appSpace struct {
	*overlay.Space
	view view
	name string
}

// Put sets the value of key.
func (a *appSpace) Put(key, value []byte) error {
	if err := a.check(key); err != nil {
		return err
	}
	return a.Space.Put(key, value)
}

// Delete removes key.
func (a *appSpace) Delete(key []byte) error {
	if err := a.check(key); err != nil {
		return err
	}
	return a.Space.Delete(key)
}

func (a *appSpace) check(key []byte) error {
	if a.Ended() {
		return overlay.Over()
	}
	nested, err := a.view.nested(a.name, key)
	if err == nil && nested {
		err = fmt.Errorf("boltstore: key %q of bucket %q is a nested bucket", key, a.name)
	}
	return err
}
