package groupkit

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"groupkit/internal/feed"
	"groupkit/internal/key"
	"groupkit/internal/record"
	"groupkit/store"
)

// The operation of Open and New.
const OpOpen Op = "open"

// New returns an engine that uses the given store and blobs. The engine owns both: Close
// closes them. If New returns an error, both stay open and belong to the caller. If opts
// is nil, all options have their defaults.
//
// Returns ErrCorrupt if a newer version wrote the data, ErrInvalid if an option is not
// valid.
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
		e.words, e.refusals = newSpeakCache(cmp.Or(e.opts.CacheBytes, defaultCache))
	}
	e.opts.Logger = cmp.Or(e.opts.Logger, slog.New(slog.DiscardHandler))
	e.opts.KeyTTL = cmp.Or(e.opts.KeyTTL, 24*time.Hour)
	e.background, e.cancel = context.WithCancel(context.Background())
	e.broker = feed.NewBroker(e.background, e.missedCommits)
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

// format is the number of the format that this version writes. It also reads lower
// numbers.
const format = 1

// prepare refuses a store with a newer format and marks a new store with the current
// format. It deletes the number of groups if groups are no longer counted. It returns the
// groups whose deletion was interrupted.
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

// resume completes what an earlier engine did not: deletions of groups, and removal of
// contents of unfinished uploads. It runs in the background. What fails is tried again
// when the engine is opened the next time. resume does not touch deletions that this
// engine starts, because DeleteGroup must return their errors.
func (e *Engine) resume(dying []GroupID) {
	var err error
	for _, group := range dying {
		err = errors.Join(err, e.finishDeletion(e.background, group)) // continue with the other groups
	}
	err = errors.Join(err, e.sweepContents(e.background))
	if err != nil && e.background.Err() == nil {
		e.opts.Logger.Error("groupkit: resuming what was cut off failed", "err", err)
	}
}
