//go:build amd64 || arm64

package powercut_test

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// A disk is a folder as the operating system sees it, and how much of it a power cut cannot
// take back. It promises what POSIX does: the contents of a file are durable once the file
// was synced, and its name once the folder was synced. Everything else may be there or not,
// in any order. A write is torn between sectors, a sector is not.
type disk struct{ root *node }

const sector = 512

// A node is a file or a folder.
type node struct {
	folder  bool
	durable state            // what the last sync has made durable
	changes []change         // of a file, since the last sync
	names   map[string]*node // of a folder
	entries []entry          // of a folder: the changes of names since the last sync
}

type state struct {
	size    int64
	sectors map[int64][]byte // of a file, by number; what is missing is zero
	names   map[string]*node // of a folder
}

// A change is a write to a file, or its new size if there are no data.
type change struct {
	at   int64
	data []byte
}

// An entry is a name that leads to a node from now on, or to nothing.
type entry struct {
	name string
	node *node
}

func newFile() *node { return &node{durable: state{sectors: make(map[int64][]byte)}} }

func newFolder() *node {
	return &node{folder: true, names: make(map[string]*node), durable: state{names: make(map[string]*node)}}
}

// loadDisk returns the disk of a folder that is durable as it is.
func loadDisk(dir string) (*disk, error) {
	d := &disk{newFolder()}
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		rel, _ := filepath.Rel(dir, path)
		if err != nil || rel == "." {
			return err
		}
		if e.IsDir() {
			return d.apply(operation{kind: mkdir, path: rel})
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return errors.Join(d.apply(operation{kind: create, path: rel}), d.apply(operation{kind: write, path: rel, data: data}))
	})
	d.root.settle(true)
	return d, err
}

// settle makes a node durable, and what it leads to.
func (n *node) settle(deep bool) {
	n.durable.apply(n.changes...)
	n.changes, n.entries = nil, nil
	if !n.folder {
		return
	}
	n.durable.names = maps.Clone(n.names)
	if deep {
		for _, below := range n.names {
			below.settle(true)
		}
	}
}

// find returns the folder of a path, the last name in it, and its node, which is nil if there
// is none.
func (d *disk) find(path string) (folder *node, name string, found *node, err error) {
	if path == "." {
		return nil, "", d.root, nil
	}
	found = d.root
	for part := range strings.SplitSeq(path, "/") {
		if found == nil || !found.folder {
			return nil, "", nil, fmt.Errorf("there is no folder above %q", path)
		}
		folder, name, found = found, part, found.names[part]
	}
	return folder, name, found, nil
}

func (n *node) set(name string, to *node) {
	if n.entries = append(n.entries, entry{name, to}); to == nil {
		delete(n.names, name)
		return
	}
	n.names[name] = to
}

// apply changes the disk by one operation.
func (d *disk) apply(o operation) error {
	if o.kind == note {
		return nil
	}
	folder, name, n, err := d.find(o.path)
	if err != nil {
		return err
	}
	if n == nil && o.kind != create && o.kind != mkdir {
		return fmt.Errorf("there is no %q", o.path)
	}
	switch o.kind {
	case create:
		folder.set(name, newFile())
	case mkdir:
		folder.set(name, newFolder())
	case write, resize:
		n.changes = append(n.changes, change{o.at, o.data})
	case synced:
		n.settle(false)
	case remove:
		folder.set(name, nil)
	case rename, link:
		toFolder, toName, _, err := d.find(o.to)
		if err != nil {
			return err
		}
		if toFolder.set(toName, n); o.kind == rename {
			folder.set(name, nil)
		}
	}
	return nil
}

func (s *state) apply(changes ...change) {
	for _, c := range changes {
		if c.data == nil {
			s.resize(c.at)
			continue
		}
		s.size = max(s.size, c.at+int64(len(c.data)))
		c.sectors(func(number int64, in []byte, from int64) { s.put(number, in, from) })
	}
}

// resize sets the size. What lies beyond it is gone for ever.
func (s *state) resize(size int64) {
	if size < s.size {
		for number, data := range s.sectors {
			if keep := size - number*sector; keep <= 0 {
				delete(s.sectors, number)
			} else if keep < sector {
				data = slices.Clone(data)
				clear(data[keep:])
				s.sectors[number] = data
			}
		}
	}
	s.size = size
}

// put overwrites a part of a sector. Sectors are shared between states and never changed.
func (s *state) put(number int64, in []byte, from int64) {
	data := make([]byte, sector)
	copy(data, s.sectors[number])
	copy(data[from:], in)
	s.sectors[number] = data
}

// sectors calls fn with each sector that a write touches.
func (c change) sectors(fn func(number int64, in []byte, from int64)) {
	for at, left := c.at, c.data; len(left) > 0; {
		from := at % sector
		n := min(sector-from, int64(len(left)))
		fn(at/sector, left[:n], from)
		at, left = at+n, left[n:]
	}
}

// A cut decides what of the unsynced changes survives.
type cut struct {
	rand  *rand.Rand
	data  float64 // the part of the changes of files that survives
	names float64 // the part of the changes of folders
	torn  bool    // a write can survive in part
	made  map[*node]string
}

var (
	dataShares = []float64{0, 0.1, 0.5, 0.9, 1}
	nameShares = []float64{0, 0, 0.5, 0.9, 1} // usually all names of a moment survive, or none
)

// newCut draws a power cut. One of six is only a kill of the process: everything survives.
func newCut(r *rand.Rand) *cut {
	c := &cut{
		rand: r, data: dataShares[r.IntN(len(dataShares))], names: nameShares[r.IntN(len(nameShares))],
		torn: r.IntN(2) == 0, made: make(map[*node]string),
	}
	if r.IntN(6) == 0 {
		c.data, c.names = 1, 1
	}
	return c
}

// build makes the folder that is found after the power cut.
func (c *cut) build(d *disk, dir string) error { return c.folder(d.root, dir) }

func (c *cut) folder(n *node, dir string) error {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	names := maps.Clone(n.durable.names)
	later := make(map[string][]*node)
	for _, e := range n.entries {
		later[e.name] = append(later[e.name], e.node)
	}
	for _, name := range slices.Sorted(maps.Keys(later)) {
		// The name is as it was after any of the changes, or as it was before them.
		if states := later[name]; c.rand.Float64() < c.names {
			names[name] = states[len(states)-1]
		} else if which := c.rand.IntN(len(states) + 1); c.names > 0 && which > 0 {
			names[name] = states[which-1]
		}
	}
	var err error
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if below := names[name]; below != nil {
			err = errors.Join(err, c.node(below, filepath.Join(dir, name)))
		}
	}
	return err
}

func (c *cut) node(n *node, path string) error {
	if earlier, ok := c.made[n]; ok && !n.folder {
		return os.Link(earlier, path) // half of a rename survived
	}
	c.made[n] = path
	if n.folder {
		return c.folder(n, path)
	}
	s := c.file(n)
	return s.writeTo(path)
}

// file returns what is found in a file. A size that survives without its data shows zeros;
// data that survive without their size are not seen.
func (c *cut) file(n *node) state {
	s := state{n.durable.size, maps.Clone(n.durable.sectors), nil}
	sizes := []int64{s.size}
	whole := state{size: s.size, sectors: make(map[int64][]byte)} // for the sizes alone
	for _, change := range n.changes {
		whole.apply(change)
		sizes = append(sizes, whole.size)
		switch {
		case change.data == nil:
			if change.at < s.size && c.survives() {
				s.resize(change.at)
			}
		case !c.torn && c.survives():
			change.sectors(s.put)
		case c.torn:
			change.sectors(func(number int64, in []byte, from int64) {
				if c.survives() {
					s.put(number, in, from)
				}
			})
		}
	}
	size := sizes[c.rand.IntN(len(sizes))]
	if c.data == 0 {
		size = sizes[0]
	} else if c.survives() {
		size = sizes[len(sizes)-1]
	}
	s.size = max(s.size, size)
	s.resize(size)
	return s
}

func (c *cut) survives() bool { return c.data == 1 || c.rand.Float64() < c.data }

func (s *state) writeTo(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	for _, number := range slices.Sorted(maps.Keys(s.sectors)) {
		if n := min(sector, s.size-number*sector); n > 0 {
			_, writing := f.WriteAt(s.sectors[number][:n], number*sector)
			err = errors.Join(err, writing)
		}
	}
	return errors.Join(err, f.Truncate(s.size), f.Close())
}

// everything returns a cut that comes after everything was written.
func everything() *cut {
	return &cut{rand: rand.New(rand.NewPCG(0, 0)), data: 1, names: 1, made: make(map[*node]string)}
}

// differences compares two folders.
func differences(one, other string) (different []string, err error) {
	all := make(map[string][]string)
	for _, dir := range []string{one, other} {
		err = errors.Join(err, filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
			rel, _ := filepath.Rel(dir, path)
			what := "folder"
			if err == nil && !e.IsDir() {
				var data []byte
				data, err = os.ReadFile(path)
				what = string(data)
			}
			all[rel] = append(all[rel], what)
			return err
		}))
	}
	for path, found := range all {
		if len(found) != 2 || found[0] != found[1] {
			different = append(different, path)
		}
	}
	return different, err
}
