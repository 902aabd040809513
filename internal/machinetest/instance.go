package machinetest

import (
	"errors"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"groupkit"
	"groupkit/internal/grouptest"
	"groupkit/internal/modeltest"
	"groupkit/store"
	"groupkit/store/memblob"
	"groupkit/store/memstore"
)

// A Side is one of the stores that a history runs on.
type Side struct {
	Name string
	How  Manner // how changes are made

	// Engines is how many engines use the store, each through a handle of its own. A call goes to
	// one of them by chance. 0 means 1. Several need a store that processes share.
	Engines int

	// Fails says that the store fails at times. The engines make up for it; the tests themselves do
	// not, so that they never write its data as an older version would.
	Fails bool

	// New makes empty data for a history. It returns a function that opens a handle of it.
	New func(t grouptest.TB) (open func() (store.Store, error))
}

// Memory is a side in memory. around wraps its store, unless it is nil.
func Memory(name string, around func(store.Store) store.Store, how Manner) Side {
	return Side{Name: name, How: how, New: func(grouptest.TB) func() (store.Store, error) {
		s := store.Store(memstore.New())
		if around != nil {
			s = around(s)
		}
		return func() (store.Store, error) { return grouptest.KeptStore{Store: s}, nil }
	}}
}

// An instance is a side in one history, with the ids that it assigned to what the model names.
type instance struct {
	Side
	handle  func() (store.Store, error)
	blobs   *memblob.Blobs
	engines []*groupkit.Engine
	dry     bool // a call is only asked about
	backups [][]byte
	ids     map[groupkit.GroupID]groupkit.GroupID
	names   map[groupkit.GroupID]groupkit.GroupID
	files   map[groupkit.FileID]groupkit.FileID
	texts   map[groupkit.FileID]groupkit.FileID
}

func newInstance(t *rapid.T, side Side) *instance {
	return &instance{
		Side: side, handle: side.New(t), blobs: memblob.New(),
		ids: map[groupkit.GroupID]groupkit.GroupID{}, names: map[groupkit.GroupID]groupkit.GroupID{},
		files: map[groupkit.FileID]groupkit.FileID{}, texts: map[groupkit.FileID]groupkit.FileID{},
	}
}

// open opens the engines of the side.
func (in *instance) open(opts *groupkit.Options) error {
	in.engines = nil
	for range max(in.Engines, 1) {
		s, err := in.handle()
		if err != nil {
			return err
		}
		eng, err := groupkit.New(s, grouptest.KeptBlobs{Blobs: in.blobs}, opts)
		if err != nil {
			return errors.Join(err, s.Close())
		}
		in.engines = append(in.engines, eng)
	}
	return nil
}

// turn returns the engine that answers next.
func (in *instance) turn(t *rapid.T) *groupkit.Engine {
	if len(in.engines) == 1 {
		return in.engines[0]
	}
	return modeltest.Pick(t, "engine", in.engines)
}

func (in *instance) close() (err error) {
	for _, eng := range in.engines {
		err = errors.Join(err, eng.Close())
	}
	return err
}

// reach calls fn with the store and contents, which no engine uses.
func (in *instance) reach(t *rapid.T, fn func(store.Store, store.Blobs)) {
	s, err := in.handle()
	require.NoError(t, err, in.Name)
	fn(s, in.blobs)
	require.NoError(t, s.Close(), in.Name)
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

func (in *instance) namedJoined(g groupkit.JoinedGroup) groupkit.JoinedGroup {
	g.Group = in.named(g.Group)
	return g
}

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
