package groupkit

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"groupkit/internal/key"
	"groupkit/internal/record"
	"groupkit/store"
	"groupkit/store/boltstore"
	"groupkit/store/fileblob"
	"log/slog"
	"time"

	"github.com/google/uuid"
)

// The operation of opening.
const OpOpen Op = "open"

// Open opens the bbolt file at path, which is made if it is not there, and the
// folder path + ".files" for the contents of shared files, which is made with the
// first of them. nil are the default options.
//
// A file that another process has open, that is damaged or no bbolt file, or that
// a newer version wrote gives an error within a second.
func Open(path string, opts *Options) (*Engine, error) {
	if opts == nil {
		opts = &Options{}
	}
	if err := opts.check(); err != nil {
		return nil, wrap(OpOpen, "", err)
	}
	s, err := boltstore.Open(path, &boltstore.Options{Durability: boltstore.Durability(opts.Durability), Every: opts.SyncWithin})
	if err != nil {
		return nil, wrap(OpOpen, "", storage(err))
	}
	e, err := New(s, fileblob.New(path+".files"), opts)
	if err != nil {
		_ = s.Close() // nothing has been written
		return nil, err
	}
	return e, nil
}

// New makes an engine over a store and a place for the contents of shared files.
// Both belong to the engine from then on: Close closes them. If New fails they
// stay open, the caller's.
func New(s store.Store, blobs store.Blobs, opts *Options) (*Engine, error) {
	e := &Engine{store: s, blobs: blobs, id: uuid.NewString()}
	if opts != nil {
		e.opts = *opts
	}
	var err error
	if e.limits, err = e.opts.Limits.orDefaults(); err != nil {
		return nil, wrap(OpOpen, "", err)
	}
	if err := e.opts.check(); err != nil {
		return nil, wrap(OpOpen, "", err)
	}
	if e.opts.Clock == nil {
		e.opts.Clock = time.Now
	}
	if store.Exclusive(s) {
		e.cache = newCache(cmp.Or(e.opts.CacheBytes, defaultCache))
	}
	e.opts.Logger = cmp.Or(e.opts.Logger, slog.New(slog.DiscardHandler))
	e.opts.KeyLife = cmp.Or(e.opts.KeyLife, 24*time.Hour)
	e.background, e.cancel = context.WithCancel(context.Background())
	e.hub = hub{
		background: e.background, log: e.System().Events,
		topics: make(map[GroupID]*topic), groups: make(map[GroupID]*underway), tokens: make(map[*change]uint64),
	}
	dying, err := e.prepare(e.background)
	if err != nil {
		e.cancel()
		return nil, wrap(OpOpen, "", storage(err))
	}
	e.tasks.Go(func() { e.resume(dying) })
	if e.opts.SweepEvery > 0 {
		e.tasks.Go(e.sweepAlways)
	}
	return e, nil
}

// format is the number of the format that this version writes. Older ones it reads.
const format = 1

// prepare refuses a store of a newer format, marks a new one, and forgets a number of
// groups that nobody keeps up any more. It returns the groups whose deletion was cut off.
func (e *Engine) prepare(ctx context.Context) (dying []GroupID, err error) {
	var found int
	var counted bool
	err = e.view(ctx, func(r store.Reader) (err error) {
		if found, err = readCount(r, key.Format()); err != nil || found > format {
			return err
		}
		if _, counted, err = r.Get(key.GroupCount()); err != nil {
			return err
		}
		dying, err = pendingDeletions(r)
		return err
	})
	stale := counted && e.limits.Groups == 0
	switch {
	case err != nil:
		return nil, err
	case found > format:
		return nil, fmt.Errorf("%w: the data has format %d, this version reads formats up to %d", store.ErrNewer, found, format)
	case found == format && !stale:
		return dying, nil
	}
	return dying, e.update(ctx, func(w store.Writer) error {
		if stale {
			if err := w.Delete(key.GroupCount()); err != nil {
				return err
			}
		}
		return w.Put(key.Format(), record.EncodeCount(format))
	})
}

// resume does, beside the engine's work, what an earlier one was cut off in: deletions
// of groups, and uploads. What fails is tried again at the next opening. A deletion of
// this engine is not its business: DeleteGroup is to hear of what fails.
func (e *Engine) resume(dying []GroupID) {
	var err error
	for _, group := range dying {
		err = errors.Join(err, e.finishDeletion(e.background, group)) // the others go on
	}
	err = errors.Join(err, e.sweepContents(e.background))
	if err != nil && e.background.Err() == nil {
		e.opts.Logger.Error("groupkit: resuming what was cut off failed", "err", err)
	}
}
