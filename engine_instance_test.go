package groupkit_test

import (
	"path/filepath"

	"groupkit"
	"groupkit/internal/grouptest"
	"groupkit/store"
	"groupkit/store/boltstore"
	"groupkit/store/memblob"
	"groupkit/store/memstore"
)

func (in *instance) namedFile(f groupkit.File) groupkit.File {
	if name, ok := in.texts[f.ID]; ok {
		f.ID = name
	}
	return f
}

func (in *instance) file(name groupkit.FileID) groupkit.FileID {
	if id, ok := in.files[name]; ok {
		return id
	}
	return name
}

func (in *instance) namedRequest(r groupkit.Request) groupkit.Request {
	r.Group = in.name1(r.Group)
	return r
}

func (in *instance) namedInvitation(i groupkit.Invitation) groupkit.Invitation {
	i.Group = in.name1(i.Group)
	return i
}

// An instance is one engine, how it is called when something is to change, and the
// ids that it assigned to what the model names.
type instance struct {
	name  string
	call  manner
	dry   bool // a call is only asked about
	eng   *groupkit.Engine
	open  func(*groupkit.Options) error
	ids   map[groupkit.GroupID]groupkit.GroupID
	names map[groupkit.GroupID]groupkit.GroupID
	files map[groupkit.FileID]groupkit.FileID
	texts map[groupkit.FileID]groupkit.FileID
}

// id is the engine's id of a group, name the model's.
func (in *instance) id(name groupkit.GroupID) groupkit.GroupID {
	if id, ok := in.ids[name]; ok {
		return id
	}
	return name
}

func (in *instance) name1(id groupkit.GroupID) groupkit.GroupID {
	if name, ok := in.names[id]; ok {
		return name
	}
	return id
}

// named gives a group the model's name.
func (in *instance) named(g groupkit.Group) groupkit.Group {
	g.ID = in.name1(g.ID)
	return g
}

func newInstance(name string, how manner) *instance {
	return &instance{
		name: name, call: how,
		ids: map[groupkit.GroupID]groupkit.GroupID{}, names: map[groupkit.GroupID]groupkit.GroupID{},
		files: map[groupkit.FileID]groupkit.FileID{}, texts: map[groupkit.FileID]groupkit.FileID{},
	}
}

func boltInstance(dir string, how manner) *instance {
	in := newInstance("bolt", how)
	blobs := memblob.New()
	in.open = func(opts *groupkit.Options) error {
		s, err := boltstore.Open(filepath.Join(dir, "groups.db"), &boltstore.Options{Durability: boltstore.None})
		if err != nil {
			return err
		}
		in.eng, err = groupkit.New(s, grouptest.KeptBlobs{Blobs: blobs}, opts)
		return err
	}
	return in
}

func memInstance(name string, around func(store.Store) store.Store, how manner) *instance {
	in := newInstance(name, how)
	s, blobs := store.Store(memstore.New()), memblob.New()
	if around != nil {
		s = around(s)
	}
	in.open = func(opts *groupkit.Options) (err error) {
		in.eng, err = groupkit.New(grouptest.KeptStore{Store: s}, grouptest.KeptBlobs{Blobs: blobs}, opts)
		return err
	}
	return in
}
