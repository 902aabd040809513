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
	"groupkit/store/internal/disk"
	"groupkit/store/internal/paths"
)

// Durability is what an Update has reached when it returns nil.
type Durability int

const (
	// Sync: the change is on disk. Every commit is synced before its Updates return.
	Sync Durability = iota

	// Interval: the change is in the memory of this process. Saving it begins within
	// Options.Every, or when the save that is running ends. A crash of the process or of
	// the machine loses at most the last changes. It never loses an earlier change or a part
	// of an Update.
	Interval

	// None: the operating system has the change. Close makes it durable. A crash of the
	// machine before that can damage the file. Use it for tests and for data that can be
	// created again.
	None
)

// Options configures how a file is opened. The zero value is suitable for production.
type Options struct {
	LockTimeout     time.Duration // how long to wait for the lock of the file; negative: no wait; default: 500 ms
	Durability      Durability    // what an Update has reached when it returns; default: Sync
	Every           time.Duration // with Interval, how long a change waits until it is saved; default: 100 ms
	FileMode        fs.FileMode   // of a new file; default: 0600
	Inspect         bool          // check the whole file when it is opened, also after Close; default: false
	ReadOnly        bool          // write nothing; see Open; default: false
	InitialMmapSize int           // bytes of address space; default: 16 times the file, from 1 GiB to 1 TiB; 64 MiB on 32-bit systems; none on Windows, where the file would take that space
}

// Open opens the file at path. It creates the file if it does not exist. Returns an error
// that matches store.ErrLocked if another process has the file open, store.ErrNewer if a
// newer version wrote it, store.ErrCorrupt if it is damaged or not a bbolt file,
// store.ErrNoSpace if it is new and the device is full. On Linux the text of ErrLocked names
// the process, if the system says which one it is.
//
// If the file was not closed, for example after a crash, Open reads all of it. It finds
// the free pages and writes the list of them, as Close would have done. If the file was
// closed, Open does not read the leaves, which are most of the file. Each leaf is checked
// before it is first read or changed. Whatever the file contains, no call panics or hangs.
// Set Options.Inspect to find damage when the file is opened.
//
// Open also takes a bbolt file that an application has made. It refuses one that has lost
// the engine's bucket; see the package documentation.
//
// With Options.ReadOnly nothing is written, neither to the file nor beside it. The file can be
// without permission to write, and on a file system that is mounted read-only. Several processes
// can have it open so at once, but none to write: the lock is shared. Update returns
// store.ErrReadOnly. Durability is not looked at. Open returns an error that matches
// fs.ErrNotExist if there is no file, and store.ErrReadOnly if the file would have to be written first,
// because it is empty or has no bucket of the engine. What a crash has left out of the file is found by
// reading it all, each time.
func Open(path string, opts *Options) (*Store, error) {
	o := opts.withDefaults()
	real, err := paths.Resolve(path)
	if err != nil {
		return nil, fmt.Errorf("boltstore: open %s: %w", path, err)
	}
	s := newStore(real)
	s.owned, s.unsynced, s.readOnly = true, o.Durability == None, o.ReadOnly
	if err := s.open(o); err != nil {
		return nil, fmt.Errorf("boltstore: open %s: %w", path, noSpace(err))
	}
	if err := s.prepare(); err != nil {
		return nil, errors.Join(fmt.Errorf("boltstore: open %s: %w", path, noSpace(err)), s.release())
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
// forever. With a large InitialMmapSize, Updates do not have to wait for readers. In a database
// that was opened read-only, Update returns store.ErrReadOnly.
func New(db *bolt.DB) (*Store, error) {
	s := newStore(db.Path())
	s.db, s.unsynced, s.readOnly = db, db.NoSync && !db.IsReadOnly(), db.IsReadOnly()
	if err := s.prepare(); err != nil {
		return nil, fmt.Errorf("boltstore: use %s: %w", s.path, noSpace(err))
	}
	s.pageSize = int64(db.Info().PageSize) // which panics once it is closed
	return s, nil
}

func (o *Options) withDefaults() Options {
	d := Options{LockTimeout: 500 * time.Millisecond, Every: 100 * time.Millisecond, FileMode: 0o600}
	if o == nil {
		return d
	}
	return Options{
		LockTimeout:     cmp.Or(o.LockTimeout, d.LockTimeout),
		Durability:      o.Durability,
		Every:           cmp.Or(o.Every, d.Every),
		FileMode:        cmp.Or(o.FileMode, d.FileMode),
		Inspect:         o.Inspect,
		ReadOnly:        o.ReadOnly,
		InitialMmapSize: o.InitialMmapSize,
	}.readOnly()
}

// readOnly returns the options as they are if nothing is written: every commit is durable, and the memory
// map need not grow.
func (o Options) readOnly() Options {
	if o.ReadOnly {
		o.Durability, o.InitialMmapSize = Sync, cmp.Or(o.InitialMmapSize, 1)
	}
	return o
}

// room returns the default of Options.InitialMmapSize for the file at path. The factor is
// twice ample: a file can double before its commits need another goroutine.
func room(path string) int {
	switch {
	case runtime.GOOS == "windows":
		return 0
	case math.MaxInt == math.MaxInt32:
		return 64 << 20
	}
	var size int64
	if info, err := os.Stat(path); err == nil {
		size = info.Size()
	}
	return int(min(max(size, 1<<26), 1<<36) << 4)
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
		if err != nil && s.fresh && !s.readOnly {
			s.empty()
		}
	}()
	s.mapped = int64(cmp.Or(o.InitialMmapSize, room(s.path)))
	defer catch(debug.SetPanicOnFault(true), s.path, &err)
	s.db, err = bolt.Open(s.path, o.FileMode, &bolt.Options{
		Timeout:         max(o.LockTimeout, 1),
		NoSync:          o.Durability == None,
		NoFreelistSync:  true,
		FreelistType:    bolt.FreelistMapType,
		InitialMmapSize: int(s.mapped),
		NoStatistics:    true,
		ReadOnly:        o.ReadOnly,
		OpenFile: func(path string, flag int, mode fs.FileMode) (*os.File, error) {
			return s.openFile(path, flag, mode, o)
		},
	})
	if errors.Is(err, berrors.ErrTimeout) {
		err = fmt.Errorf("%w: waited %v", store.ErrLocked, o.LockTimeout)
	}
	if err == nil && !o.ReadOnly {
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
	f, err := s.lockFile(path, flag, mode, o)
	if err != nil {
		return f, err
	}
	if locks || o.ReadOnly {
		if err := emptyUnmade(f, o.ReadOnly); err != nil {
			return f, err
		}
	}
	i, err := inspect(f, o.Inspect)
	if err != nil {
		return f, err
	}
	s.fresh = i == nil
	listed := i != nil && (i.hasFreelist || locks && !o.ReadOnly && i.keepFreelist(o.Durability != None) == nil)
	s.changed.Store(!listed && !o.ReadOnly)
	if s.inspected = i; i != nil {
		s.unread, s.freeThen = i.unread, i.freeBytes()
	}
	return f, nil
}

// lockFile opens the file and locks it. While it waits for the lock, Compact can put another file in its
// place.
func (s *Store) lockFile(path string, flag int, mode fs.FileMode, o Options) (*os.File, error) {
	for {
		f, err := os.OpenFile(path, flag, mode)
		if err != nil {
			return nil, err
		}
		s.file = f
		if err := lock(f, o.ReadOnly, o.LockTimeout); err != nil {
			return f, err
		}
		locked, err := f.Stat()
		if err != nil {
			return f, err
		}
		named, err := os.Stat(path)
		if err == nil && os.SameFile(locked, named) {
			return f, nil
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return f, err
		}
		if err := f.Close(); err != nil {
			return nil, err
		}
	}
}

// empty removes the beginning of a new file that could not be written as a whole, because
// the device is full. The next Open would take it for a damaged file.
func (s *Store) empty() {
	f, err := os.OpenFile(s.path, os.O_RDWR, 0)
	if err != nil {
		return
	}
	defer func() { _ = f.Close() }()
	if lock(f, false, -1) != nil {
		return
	}
	info, err := f.Stat()
	if err != nil {
		return
	}
	if _, err := currentMeta(f, info.Size()); err != nil {
		_ = f.Truncate(0)
	}
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
		_ = disk.SyncDir(dir)
		parent := filepath.Dir(dir)
		if parent == dir {
			return
		}
		dir = parent
	}
}
