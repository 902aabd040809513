package boltstore

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"time"

	bolt "go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"groupkit/store"
	"groupkit/store/internal/overlay"
)

// Durability says what an Update that has returned nil has reached.
type Durability int

const (
	// Sync: the disk. Every commit is synced before its Updates return.
	Sync Durability = iota

	// Interval: the memory of this process; the disk follows within
	// Options.Every. A crash of the process or of the machine loses at most the
	// end of the history: what is there afterwards is all that was committed up
	// to some instant, without a gap.
	Interval

	// None: the operating system. A crash of the machine can damage the file:
	// for tests, and for data that can be made anew.
	None
)

// Options say how a file is opened. The zero value is good for production.
type Options struct {
	LockTimeout     time.Duration // how long to wait for the file's lock; 0: 500 ms, below 0: not at all
	Durability      Durability    // default: Sync
	Every           time.Duration // with Interval, how much of the history is at risk; 0: 100 ms
	FileMode        fs.FileMode   // of a new file; 0: 0600
	Inspect         bool          // read and check the whole file when it is opened, even if it was closed
	InitialMmapSize int           // bytes of address space; 0: 1 GiB on 64-bit systems but Windows, where the file would take it
}

// format is the number of the format of the engine's bucket. It is kept as the
// bucket's sequence, which nothing else uses.
const format = 1

// Open opens the file at path, and makes it if there is none. A file that another
// process has open gives store.ErrLocked, one of a newer format store.ErrNewer,
// and one that is damaged, or no file of bbolt, store.ErrCorrupt.
//
// Opening a file that was not closed, as after a crash, reads all of it to find the
// pages that are free, and writes the list of them, which Close would have written. Of
// one that was closed the leaves, which are most of it, are checked when they are changed.
// That is enough for files in which something has gone bad. One that somebody has made on
// purpose can still have a leaf that leads bbolt in a circle when it is read: where files
// come from elsewhere, set Options.Inspect.
func Open(path string, opts *Options) (*Store, error) {
	o := opts.withDefaults()
	s := &Store{path: path, owned: true}
	if err := s.open(o); err != nil {
		return nil, fmt.Errorf("boltstore: open %s: %w", path, err)
	}
	if err := s.prepare(); err != nil {
		return nil, errors.Join(fmt.Errorf("boltstore: open %s: %w", path, err), s.db.Close())
	}
	if o.Durability == Interval {
		s.relax = newRelaxed(s, o.Every)
	}
	return s, nil
}

// New returns a store in a database that the application has open, with the
// durability that the application has chosen there. Close does not close it.
//
// An Update is a write transaction of bbolt: it waits for those of the
// application, whatever its context says, and so must not be called within one.
// A large InitialMmapSize keeps Updates from waiting for readers.
func New(db *bolt.DB) (*Store, error) {
	s := &Store{path: db.Path(), db: db}
	if err := s.prepare(); err != nil {
		return nil, fmt.Errorf("boltstore: use %s: %w", s.path, err)
	}
	return s, nil
}

// prepare checks the format of the engine's bucket, and makes the bucket if it
// is not there.
func (s *Store) prepare() (err error) {
	defer catch(debug.SetPanicOnFault(true), s.path, &err)
	found, err := s.format()
	switch {
	case err != nil:
		return err
	case found > format:
		return fmt.Errorf("%w: format %d (known up to %d)", store.ErrNewer, found, format)
	case found == 0:
		return s.create()
	}
	return nil
}

// format is that of the file, 0 if the engine's bucket is not there yet.
func (s *Store) format() (found uint64, err error) {
	err = s.db.View(func(t *bolt.Tx) error {
		b := t.Bucket([]byte(overlay.Engine))
		if b == nil {
			return nil
		}
		if found = b.Sequence(); found == 0 {
			return fmt.Errorf("%w: bucket %q has no format number", store.ErrCorrupt, overlay.Engine)
		}
		return nil
	})
	return found, err
}

func (s *Store) create() error {
	s.changed.Store(true)
	return s.db.Update(func(t *bolt.Tx) error {
		b, err := t.CreateBucket([]byte(overlay.Engine))
		if err != nil {
			return err
		}
		return b.SetSequence(format)
	})
}

func (o *Options) withDefaults() Options {
	d := Options{LockTimeout: 500 * time.Millisecond, Every: 100 * time.Millisecond, FileMode: 0o600}
	if runtime.GOOS != "windows" && math.MaxInt > math.MaxInt32 {
		d.InitialMmapSize = 1 << 30
	}
	if o == nil {
		return d
	}
	return Options{
		LockTimeout:     cmp.Or(o.LockTimeout, d.LockTimeout),
		Durability:      o.Durability,
		Every:           cmp.Or(o.Every, d.Every),
		FileMode:        cmp.Or(o.FileMode, d.FileMode),
		Inspect:         o.Inspect,
		InitialMmapSize: cmp.Or(o.InitialMmapSize, d.InitialMmapSize),
	}
}

// open opens the file with bbolt, which it lets see sound files alone.
func (s *Store) open(o Options) (err error) {
	absent, err := kind(s.path)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil && s.file != nil {
			_ = s.file.Close() // bbolt has closed it already, unless it panicked
		}
	}()
	defer catch(debug.SetPanicOnFault(true), s.path, &err)
	s.db, err = bolt.Open(s.path, o.FileMode, &bolt.Options{
		Timeout:         max(o.LockTimeout, 1),
		NoSync:          o.Durability == None,
		NoFreelistSync:  true,
		FreelistType:    bolt.FreelistMapType,
		InitialMmapSize: o.InitialMmapSize,
		NoStatistics:    true,
		OpenFile: func(path string, flag int, mode fs.FileMode) (*os.File, error) {
			return s.openFile(path, flag, mode, o)
		},
	})
	if errors.Is(err, berrors.ErrTimeout) {
		err = fmt.Errorf("%w: waited %v", store.ErrLocked, o.LockTimeout)
	}
	if err == nil && absent {
		syncDir(filepath.Dir(s.path))
	}
	return err
}

// openFile locks and inspects the file before bbolt gets it. It writes only where the
// lock is certain to keep others from doing so.
func (s *Store) openFile(path string, flag int, mode fs.FileMode, o Options) (*os.File, error) {
	f, err := os.OpenFile(path, flag, mode)
	if err != nil {
		return nil, err
	}
	s.file = f
	if err := lock(f, o.LockTimeout); err != nil {
		return f, err
	}
	i, err := inspect(f, o.Inspect)
	if err != nil {
		return f, err
	}
	listed := i != nil && (i.hasFreelist || locks && i.keepFreelist(o.Durability != None) == nil)
	s.changed.Store(!listed)
	if i != nil {
		s.unread = i.unread
	}
	return f, nil
}

// kind reports whether the file has to be made, and refuses what is no file.
func kind(path string) (absent bool, err error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return true, nil
	case err != nil:
		return false, err
	case !info.Mode().IsRegular():
		return false, fmt.Errorf("%w: not a file but %v", store.ErrCorrupt, info.Mode().Type())
	}
	return info.Size() == 0, nil
}

// syncDir makes the name of a new file durable, where the system can.
func syncDir(dir string) {
	if d, err := os.Open(dir); err == nil {
		_ = d.Sync()
		_ = d.Close()
	}
}
