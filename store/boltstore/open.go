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
	"groupkit/store/internal/paths"
)

// Durability is what an Update has reached when it returns nil.
type Durability int

const (
	// Sync: the change is on disk. Every commit is synced before its Updates return.
	Sync Durability = iota

	// Interval: the change is in the memory of this process. It is on disk within
	// Options.Every. A crash of the process or of the machine loses at most the last
	// changes. It never loses an earlier change or a part of an Update.
	Interval

	// None: the operating system has the change. A crash of the machine can damage the
	// file. Use it for tests and for data that can be created again.
	None
)

// Options configures how a file is opened. The zero value is suitable for production.
type Options struct {
	LockTimeout     time.Duration // how long to wait for the lock of the file; negative: no wait; default: 500 ms
	Durability      Durability    // what an Update has reached when it returns; default: Sync
	Every           time.Duration // with Interval, how long a change can be lost in a crash; default: 100 ms
	FileMode        fs.FileMode   // of a new file; default: 0600
	Inspect         bool          // check the whole file when it is opened, also after Close; default: false
	InitialMmapSize int           // bytes of address space; default: 1 GiB on 64-bit systems except Windows, where the file would take that space
}

// format is the number of the format of the engine's bucket. It is stored as the sequence
// of the bucket, which has no other use.
const format = 1

// Open opens the file at path. It creates the file if it does not exist. Returns an error
// that matches store.ErrLocked if another process has the file open, store.ErrNewer if a
// newer version wrote it, store.ErrCorrupt if it is damaged or not a bbolt file.
//
// If the file was not closed, for example after a crash, Open reads all of it. It finds
// the free pages and writes the list of them, as Close would have done. If the file was
// closed, Open does not read the leaves, which are most of the file. Each leaf is checked
// before it is changed. That is enough for accidental damage. A file that was manipulated
// on purpose can still contain a leaf that makes bbolt recurse endlessly when it is read.
// Set Options.Inspect for files from untrusted sources.
func Open(path string, opts *Options) (*Store, error) {
	o := opts.withDefaults()
	real, err := paths.Resolve(path)
	if err != nil {
		return nil, fmt.Errorf("boltstore: open %s: %w", path, err)
	}
	s := &Store{path: real, owned: true}
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

// New returns a store in a bbolt database that the application has opened. The durability
// is that of the database. Close does not close the database.
//
// An Update is a write transaction of bbolt. It waits for write transactions of the
// application even after its context has ended. Never call it inside one: it would wait
// forever. With a large InitialMmapSize, Updates do not have to wait for readers.
func New(db *bolt.DB) (*Store, error) {
	s := &Store{path: db.Path(), db: db}
	if err := s.prepare(); err != nil {
		return nil, fmt.Errorf("boltstore: use %s: %w", s.path, err)
	}
	return s, nil
}

// prepare checks the format of the engine's bucket. It creates the bucket if it does not
// exist.
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

// format returns the format of the file, or 0 if the engine's bucket does not exist.
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

// open opens the file with bbolt. bbolt sees only files that were checked.
func (s *Store) open(o Options) (err error) {
	if err := requireFile(s.path); err != nil {
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
	if err == nil {
		s.db.AllocSize = leastGrowth
		// Also for a file that exists: the process that made it may have been killed before
		// its name was durable, and the same holds for the folders above.
		syncDirs(filepath.Dir(s.path))
	}
	return err
}

// openFile locks and checks the file before bbolt uses it. It writes to the file only if
// the lock excludes other writers.
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

// requireFile refuses a path at which there is something that is not a file.
func requireFile(path string) error {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case info.IsDir():
		return fmt.Errorf("%w: it is a folder, not a file", store.ErrCorrupt)
	case !info.Mode().IsRegular():
		return fmt.Errorf("%w: it is not a file but %v", store.ErrCorrupt, info.Mode().Type())
	}
	return nil
}

// syncDirs makes the names of a file and of the folders above it durable, if the system can.
func syncDirs(dir string) {
	for {
		if d, err := os.Open(dir); err == nil {
			_ = d.Sync()
			_ = d.Close()
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return
		}
		dir = parent
	}
}
