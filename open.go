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
// New brings data of format 1 up to date, in steps; see [Upgrade]. It keeps no copy of the old
// data: make one with store.Backup before, if you need it.
//
// Returns ErrCorrupt if a newer version wrote the data, ErrUnfinished if a restore or a copy into s was cut off, ErrInvalid
// if s or blobs is nil or an option is not valid, ErrStorage if an older version wrote the data of a store that several processes can use.
// With [Options.ReadOnly] it writes nothing, and returns ErrReadOnly if there is no data yet.
func New(s store.Store, blobs store.Blobs, opts *Options) (*Engine, error) {
	if isNil(blobs) {
		return nil, wrap(OpOpen, "", invalid("blobs", "is nil"))
	}
	return start(s, blobs, opts, nil)
}

// A keepOld keeps data of an older format before it is changed.
type keepOld func(ctx context.Context, found record.Format) error

// start is New. It calls keep before it changes data of an older format, unless it is nil.
func start(s store.Store, blobs store.Blobs, opts *Options, keep keepOld) (*Engine, error) {
	began := time.Now()
	e, err := newEngine(s, blobs, opts)
	if err != nil {
		return nil, wrap(OpOpen, "", err)
	}
	var left leftover
	if e.opts.ReadOnly {
		err = e.openToRead(e.background)
	} else if left, err = e.prepare(e.background, keep); err == nil {
		err = e.compareContents(e.background, left.upgraded)
	}
	if err == nil {
		err = e.share()
	}
	if err != nil {
		e.cancel()
		return nil, wrap(OpOpen, "", storage(err))
	}
	if e.opts.ReadOnly {
		e.logOpened(time.Since(began))
		e.countInBackground()
		return e, nil
	}
	if !e.shared {
		e.pending.Store(left.pending())
	}
	e.logOpened(time.Since(began))
	e.tasks.Go(func() { e.resume(left) })
	if e.shared {
		e.tasks.Go(e.care)
	}
	if _, later := s.(store.Relaxer); later {
		e.tasks.Go(e.removeDurable)
	}
	if e.opts.SweepEvery > 0 {
		e.tasks.Go(e.sweepAlways)
	}
	e.countInBackground()
	return e, nil
}

// newEngine returns an engine that has not read anything yet.
func newEngine(s store.Store, blobs store.Blobs, opts *Options) (*Engine, error) {
	if isNil(s) {
		return nil, invalid("store", "is nil")
	}
	e := &Engine{store: s, blobs: blobs, id: uuid.NewString(), observed: store.Observed(s), sizes: store.SizesOf(s), contents: contents{ready: make(chan struct{}, 1)}}
	e.shared = !store.Exclusive(s) && !e.observed
	if opts != nil {
		e.opts = *opts
	}
	var err error
	if e.limits, err = e.opts.Limits.orDefaults(e.sizes); err != nil {
		return nil, err
	}
	if err := e.opts.check(); err != nil {
		return nil, err
	}
	if e.opts.Share != nil && !store.Exclusive(s) {
		return nil, invalid("Options.Share", "is set, but other processes can open the store themselves")
	}
	if e.observed && !e.opts.ReadOnly {
		return nil, fmt.Errorf("%w: the data belongs to another process: set Options.ReadOnly", ErrReadOnly)
	}
	if e.opts.Clock == nil {
		e.opts.Clock = time.Now
	}
	if e.shared {
		e.turns, e.floor = newTurns(), newFloorRaiser()
	}
	if e.alone() || e.opts.MaxStaleness > 0 {
		e.words, e.refusals = newSpeakCache(cmp.Or(e.opts.CacheBytes, defaultCache), e.staleness())
	}
	e.opts.Logger = cmp.Or(e.opts.Logger, slog.New(slog.DiscardHandler))
	e.pending.Store(&Pending{})
	e.meters.opened = e.opts.Clock().UTC().Truncate(time.Millisecond)
	if e.shared {
		e.opts.MaxSkew = cmp.Or(e.opts.MaxSkew, time.Minute)
	}
	e.opts.MaxSkew = max(e.opts.MaxSkew, 0)
	e.opts.KeyTTL = cmp.Or(e.opts.KeyTTL, 24*time.Hour)
	e.background, e.cancel = context.WithCancel(context.Background())
	e.broker = feed.NewBroker(e.feedSource())
	return e, nil
}

// A leftover is what an opening finds of the engines before.
type leftover struct {
	dying    []GroupID // groups whose deletion was interrupted
	loads    []GroupID // groups that were being loaded
	renaming []GroupID // groups in which a pseudonym was being written
	toGo     bool      // contents are recorded as to go
	upgraded bool      // the database is older than identities
}

// prepare brings older data up to date, refuses data of a newer version, and marks a new store
// with the current format and an identity. It deletes the number of groups if groups are no
// longer counted.
func (e *Engine) prepare(ctx context.Context, keep keepOld) (left leftover, err error) {
	found, err := readFormat(ctx, e.store)
	if err == nil && isOld(found) {
		err = e.upgradeAlone(ctx, found, keep)
	}
	if err != nil {
		return left, err
	}
	var id record.Identity
	var counted, known, limited bool
	relaxed := store.Relaxed(e.store)
	err = e.view(ctx, func(r store.Reader) (err error) {
		if _, counted, err = r.Get(key.GroupCount()); err != nil {
			return err
		}
		if id, known, err = loadIdentity(r); err != nil {
			return err
		}
		if limited, err = e.agreeOnGroups(r); err != nil {
			return err
		}
		if e.shared {
			ordered, err := hasOrder(r)
			if err != nil {
				return err
			}
			e.unordered = !ordered
		}
		if left.toGo, err = anyToGo(r); err != nil {
			return err
		}
		if left.dying, err = pendingIn(r, key.Deletions()); err != nil {
			return err
		}
		if left.loads, err = pendingIn(r, key.Loads()); err != nil {
			return err
		}
		left.renaming, err = pendingIn(r, key.Renames())
		return err
	})
	stale := counted && e.limits.Groups == 0
	identified := known && !id.Open && !relaxed && limited
	if err != nil || found.Number != 0 && !stale && identified {
		e.knowIdentity(id)
		return left, err
	}
	before := id.History
	err = e.step(ctx, func(w store.Writer) error {
		if _, err := loadFormat(w); err != nil { // a restore or a copy can have begun
			return err
		}
		_, known, err := w.Get(key.Identity())
		if err != nil {
			return err
		}
		left.upgraded = left.upgraded || found.Number > 0 && !known
		if stale {
			if err := w.Delete(key.GroupCount()); err != nil {
				return err
			}
		}
		if err := w.Put(key.Format(), (&record.Format{Number: format}).Encode()); err != nil {
			return err
		}
		if err := e.limitGroups(w); err != nil {
			return err
		}
		id, err = identify(w, relaxed)
		return err
	})
	if err == nil && relaxed {
		err = store.Sync(ctx, e.store)
	}
	e.knowIdentity(id)
	if err == nil && known && id.History != before {
		e.logNewHistory(before, "the end of the history can be lost")
	}
	return left, err
}

// compareContents finds out whether the contents belong to the database. What fails is tried
// again by the first call that needs it, so that groups can be read although the disk is full
// or the contents are away. The exception is a new history that cannot be written.
func (e *Engine) compareContents(ctx context.Context, upgraded bool) error {
	ours, err := e.claimContents(ctx, upgraded)
	if err != nil && !ours {
		return err
	}
	e.failed(TaskCompare, err)
	return nil
}

// upgradeAlone brings older data up to date, if no other process can use it.
func (e *Engine) upgradeAlone(ctx context.Context, found record.Format, keep keepOld) error {
	if !store.Exclusive(e.store) {
		return fmt.Errorf("%w: the data has format %d, this version needs format %d: call Upgrade while no process uses it",
			store.ErrOlder, found.Number, format)
	}
	return e.upgrade(ctx, found, keep)
}

// The operation of Upgrade.
const OpUpgrade Op = "upgrade"

// Upgrade brings data of format 1 up to date. Open and New do that themselves if this process
// alone can use the store. For a store that several processes share, call Upgrade while no
// process uses it. opts are the options with which the engines are opened.
//
// Upgrade first reads everything: data that cannot be converted stays as it is. Then it
// converts the data in steps. If it is interrupted, call it again. Engines refuse the data until
// it is complete. Upgrade cancels pending invitations whose inviters are not allowed to invite
// any more, with their events. It does nothing if the data is up to date. s stays open.
//
// Returns ErrCorrupt if the data is damaged or a newer version wrote it, ErrInvalid if s is nil or
// an option is not valid, ErrReadOnly with Options.ReadOnly.
func Upgrade(ctx context.Context, s store.Store, opts *Options) error {
	e, err := newEngine(s, nil, opts)
	if err != nil {
		return wrap(OpUpgrade, "", err)
	}
	defer e.cancel()
	if e.opts.ReadOnly {
		return wrap(OpUpgrade, "", ErrReadOnly)
	}
	found, err := readFormat(ctx, s)
	if err == nil && isOld(found) {
		err = e.upgrade(ctx, found, nil)
	}
	return wrap(OpUpgrade, "", storage(err))
}

// resume completes what an earlier engine did not: deletions of groups, pseudonyms, and removal of
// contents of deleted files and unfinished uploads. It runs in the background. What fails is
// tried again when the engine is opened the next time. resume does not touch deletions that
// this engine starts, because DeleteGroup must return their errors, and not the contents that
// this engine is removing.
func (e *Engine) resume(left leftover) {
	begun := time.Now()
	if left.any() {
		e.logResuming(left.pending())
	}
	err := e.observeTask(TaskResume, func() error { return e.finish(left) })
	e.failed(TaskResume, err)
	if err == nil && !e.shared {
		e.pending.Store(&Pending{})
	}
	if left.any() && err == nil {
		e.logResumed(time.Since(begun))
	}
	e.logSettled()
}

// any reports whether anything was left.
func (l *leftover) any() bool { return *l.pending() != (Pending{}) }

// pending is what is left, as far as the opening knows it.
func (l *leftover) pending() *Pending {
	p := &Pending{Deletions: len(l.dying), Loads: len(l.loads), Pseudonyms: len(l.renaming)}
	if l.toGo {
		p.Contents = 1
	}
	return p
}

// finish does what was left.
func (e *Engine) finish(left leftover) error {
	var err error
	for _, group := range left.dying {
		err = errors.Join(err, e.finishDeletion(e.background, group)) // continue with the other groups
	}
	for _, group := range left.renaming {
		err = errors.Join(err, e.finishRenaming(e.background, group))
	}
	swept := false
	if !e.shared { // otherwise nobody can say at once which loads and uploads still run; see care
		for _, group := range left.loads {
			err = errors.Join(err, e.dropLoad(e.background, group))
		}
		var failed error
		swept, failed = e.sweepReservations(e.background)
		err = errors.Join(err, failed)
	}
	if left.toGo || swept {
		err = errors.Join(err, e.finishToGo(e.background))
	}
	return err
}
