package groupkit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"groupkit/internal/key"
	"groupkit/internal/record"
	"groupkit/store"
)

// format is the number of the format that this version writes. Older ones it reads.
const format = 1

// uploadLife is how long an upload by another process counts as under way on a store
// that several processes share.
const uploadLife = 24 * time.Hour

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
		return nil, fmt.Errorf("%w: the groups are in format %d, this version knows up to %d", store.ErrNewer, found, format)
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

// sweepContents removes the announcements of uploads that were cut off, and then the
// contents that no file names and nothing announces. An upload whose announcement is
// gone refuses to name its content, so that no other process takes that away under it.
func (e *Engine) sweepContents(ctx context.Context) error {
	if err := e.sweepAnnouncements(ctx); err != nil {
		return err
	}
	for after, more := "", true; more; {
		ids, m, err := e.blobs.List(ctx, after, store.MaxPage)
		if err != nil {
			return err
		}
		for _, id := range ids {
			if err := e.sweepContent(ctx, id); err != nil {
				return err
			}
			after = id
		}
		more = m && len(ids) > 0
	}
	return nil
}

func (e *Engine) sweepContent(ctx context.Context, content string) error {
	var named, announced bool
	err := e.view(ctx, func(r store.Reader) (err error) {
		if named, err = isNamed(r, content); err != nil {
			return err
		}
		_, announced, err = r.Get(key.Upload(content))
		return err
	})
	if err != nil || named || announced {
		return err
	}
	return e.blobs.Delete(ctx, content)
}

// isNamed reports whether a file names the content.
func isNamed(r store.Reader, content string) (bool, error) {
	group, file, err := key.CutContent(content)
	if err != nil {
		return false, nil // nothing of ours has such a content
	}
	_, ok, err := r.Get(key.File(group, file))
	return ok, storage(err)
}

// isUnderWay reports whether an upload that may still be going on announces the content.
func (e *Engine) isUnderWay(r store.Reader, content string) (bool, error) {
	value, ok, err := r.Get(key.Upload(content))
	if err != nil || !ok {
		return false, storage(err)
	}
	if store.Exclusive(e.store) {
		u, err := record.DecodeUpload(value)
		return err == nil && u.Process == e.id, nil
	}
	u, err := record.DecodeUpload(value)
	return err != nil || u.Process == e.id || e.now()-u.At < uploadLife.Milliseconds(), nil
}

func (e *Engine) sweepAnnouncements(ctx context.Context) error {
	var stale [][]byte
	err := e.view(ctx, func(r store.Reader) error {
		stale = nil
		return scanAll(r, store.Prefix(key.Uploads()), func(page []store.Pair) error {
			for _, p := range page {
				if on, err := e.isUnderWay(r, string(p.Key[1:])); err != nil {
					return err
				} else if !on {
					stale = append(stale, p.Key)
				}
			}
			return nil
		})
	})
	if err != nil || len(stale) == 0 {
		return err
	}
	return e.update(ctx, func(w store.Writer) error {
		for _, k := range stale {
			if err := w.Delete(k); err != nil {
				return err
			}
		}
		return nil
	})
}

// sweepAlways runs Sweep again and again.
func (e *Engine) sweepAlways() {
	tick := time.NewTicker(e.opts.SweepEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			if _, err := e.Sweep(e.background); err != nil && e.background.Err() == nil {
				e.opts.Logger.Error("groupkit: sweep failed", "err", err)
			}
		case <-e.background.Done():
			return
		}
	}
}

// sweepStep is how many expired things one transaction of Sweep looks up.
const sweepStep = 256

// Sweep clears away mutes, blocks, join requests and invitations that have expired,
// with an event for each kind and group, and returns how many. Nothing depends on
// it: what has expired has no effect from that instant on, and no list shows it. It also
// forgets outcomes whose idempotency keys have lived their life, and takes off the logs
// what Options.Retention does not keep.
func (e *Engine) Sweep(ctx context.Context) (int, error) {
	cleared, err := e.sweepExpired(ctx)
	if err != nil {
		return cleared, err
	}
	for n := 1; err == nil && n > 0; {
		err = e.update(ctx, func(w store.Writer) (err error) {
			n, err = e.sweepOnce(w)
			return err
		})
	}
	if err == nil {
		err = e.cutLogs(ctx)
	}
	return cleared, wrap(OpSweep, "", err)
}

func (e *Engine) sweepExpired(ctx context.Context) (int, error) {
	cleared := 0
	for stuck := [][]byte(nil); ; {
		// Each round clears something away, here or in another call that did it first,
		// so that the rounds come to an end.
		due, err := e.overdue(ctx)
		if err != nil || len(due.keys) == 0 {
			return cleared, wrap(OpSweep, "", err)
		}
		if slices.EqualFunc(due.keys, stuck, bytes.Equal) {
			return cleared, wrap(OpSweep, "", corrupt("what expires is listed %d times, but is not so", len(stuck)))
		}
		stuck = due.keys
		for _, group := range due.groups {
			n, err := e.sweepGroup(ctx, group, due.users[group])
			cleared += n
			if err != nil {
				return cleared, wrap(OpSweep, group, err)
			}
		}
	}
}

// due are users with something that has expired, by group, and the keys that say so.
type due struct {
	keys   [][]byte
	groups []GroupID
	users  map[GroupID][]UserID
}

// overdue returns what has expired.
func (e *Engine) overdue(ctx context.Context) (d due, err error) {
	err = e.view(ctx, func(r store.Reader) error {
		d = due{users: make(map[GroupID][]UserID)}
		rng := store.Range{From: key.Expiries(), To: key.ExpiriesBefore(e.now() + 1), Limit: sweepStep}
		page, _, err := r.Scan(rng)
		if err != nil {
			return storage(err)
		}
		for _, p := range page {
			_, group, _, user, err := key.CutExpiry(p.Key)
			if err != nil {
				return err
			}
			id := GroupID(group)
			if checkGroupID(id) != nil {
				return key.ErrForm
			}
			if d.users[id] == nil {
				d.groups = append(d.groups, id)
			}
			d.keys = append(d.keys, p.Key)
			d.users[id] = append(d.users[id], UserID(user))
		}
		return nil
	})
	return d, err
}

// sweepGroup clears away what has expired of users of one group. A group that is being
// deleted is left to its deletion, which is done first.
func (e *Engine) sweepGroup(ctx context.Context, group GroupID, users []UserID) (cleared int, err error) {
	cmd := Command{Op: OpSweep, Group: group, Users: users}
	_, err = e.System().asked().change(ctx, cmd, nil, func(u *unit) error {
		if err := u.found(); err != nil {
			return err
		}
		for _, user := range users {
			u.expire(user)
		}
		cleared = 0
		for i := range u.clearing {
			cleared += len(u.clearing[i].Users)
		}
		return nil
	})
	if err == nil || !errors.Is(err, ErrGroupNotFound) {
		return cleared, err
	}
	return 0, e.finishDeletion(ctx, group)
}
