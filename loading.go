package groupkit

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"iter"

	"groupkit/internal/record"
	"groupkit/store"
)

// The operations that bring a group in, and take it out in parts.
const (
	OpLoad          Op = "load"
	OpSnapshotParts Op = "snapshot parts"
)

// LoadOptions are the options of [Actor.LoadFrom]. The zero value is valid.
type LoadOptions struct {
	// Progress is called after each step, on the goroutine of the call. Default: not called.
	Progress func(LoadProgress)
}

// A LoadProgress says how far a load is.
type LoadProgress struct {
	Events  int // events taken from the log; each part of a checkpoint is one
	Entries int // entries of the lists of checkpoints that are stored
	Indexed int // users who have been put on the lists; it begins when the log has ended
}

// Load makes a group of a snapshot: of one that [Actor.Snapshot] returned, here or elsewhere, of its
// JSON, or of one that the application has made from the data of another system. The group has the ID, the
// times, roles, mutes, blocks, allow list, requests, invitations, files and Version of the snapshot. Its
// log begins with a checkpoint at that Version. To its members it is a group like any other.
//
// Of the properties of the group these must be given: ID, Name, MaxUsers, Owner, Created and Version. Version is
// at least 1 plus the number of files. LastModified can be zero: it is Created then.
// MemberCount and AdminCount can be zero: they are counted then. RequestCount and InvitationCount
// are not looked at. Members need no Joined, and admins no AdminSince.
//
// The contents of files are not part of a snapshot. Until [Actor.PutContent] brings the content of a file,
// OpenFile returns ErrContentAbsent, and Verify lists it in Report.Absent.
//
// A large group is loaded in steps. Nobody sees the group before the last one. If Load fails,
// nothing is left of it. If the process ends, an engine removes what is there: the next one that
// opens the store, or, on a shared store, another one within an hour and a half. Load can be
// repeated at once.
//
// Limits are not looked at, because they only stop growth, and Options.UserExists is not asked. There
// is no event that could have a reason.
//
// Allowed: system.
// Returns ErrInvalid, with a FieldError for each value that no group can have and for each rule that
// the snapshot breaks, ErrGroupExists if the ID is taken or belonged to a deleted group, or if
// another call begins to load it, ErrSystemOnly if the actor is a user, ErrNested inside Atomic.
func (a Actor) Load(ctx context.Context, s Snapshot) (Group, error) {
	return observeOne(ctx, a, OpLoad, s.Group.ID, func(a Actor) (Group, error) { return a.loadSnapshot(ctx, s) })
}

func (a Actor) loadSnapshot(ctx context.Context, s Snapshot) (Group, error) {
	if err := a.checkLoad(); err != nil {
		return Group{}, wrap(OpLoad, s.Group.ID, err)
	}
	e := Event{Group: s.Group.ID, Version: s.Group.Version, Kind: Checkpoint, Checkpoint: &s, Last: true}
	if err := s.checkWhole(); err != nil {
		return Group{}, wrap(OpLoad, s.Group.ID, err)
	}
	cmd := Command{Group: s.Group.ID}
	if a.key != nil {
		text, err := json.Marshal(&s)
		if err != nil {
			return Group{}, wrap(OpLoad, s.Group.ID, invalid("snapshot", "has no JSON: %v", err))
		}
		sum := sha256.Sum256(text)
		cmd.load = hex.EncodeToString(sum[:])
	}
	return a.load(ctx, cmd, func(yield func(Event, error) bool) { yield(e, nil) }, LoadOptions{})
}

// LoadFrom makes a group of a log, in bounded memory, however large the group and its log are. The
// log begins with version 1, or with a checkpoint, which can come in parts. All calls after that get
// into the log of the group, as they were. So the log can be
//
//   - that of [Actor.Events] of a whole log, or of one that begins with a checkpoint;
//   - that of [Actor.SnapshotParts]: the state alone;
//   - events that were kept from a [Follower] of the system, the owner or an admin, up to the end of
//     a call.
//
// To see the progress of a large snapshot, give LoadFrom a log of one event of the kind Checkpoint.
//
// The group is the argument, and that of all events. Everything else is as with [Actor.Load]. In addition to its errors, LoadFrom
// returns the error of the log, and ErrInvalid if the log is nil or empty, if an event is missing or
// cannot be the next one, or if the log ends within a checkpoint or within a call, or with the
// deletion of the group. It ends at the first event that is not valid and names all that is wrong
// with it, or else all rules that the state at the end breaks. With Once, the
// key stands for the group: the log is not read if the key is known, and not compared.
func (a Actor) LoadFrom(ctx context.Context, group GroupID, log iter.Seq2[Event, error], opts LoadOptions) (Group, error) {
	return observeOne(ctx, a, OpLoad, group, func(a Actor) (Group, error) { return a.loadLog(ctx, group, log, opts) })
}

func (a Actor) loadLog(ctx context.Context, group GroupID, log iter.Seq2[Event, error], opts LoadOptions) (Group, error) {
	err := a.checkLoad()
	if err == nil && log == nil {
		err = invalid(fieldLog, "is nil")
	}
	if err != nil {
		return Group{}, wrap(OpLoad, group, err)
	}
	return a.load(ctx, Command{Group: group}, log, opts)
}

// checkLoad refuses actors that cannot load.
func (a Actor) checkLoad() error {
	switch err := a.checkActor(); {
	case err != nil:
		return err
	case a.tx != nil || a.mode == readOnly:
		return ErrNested
	case a.user != "":
		return about(a.user, ErrSystemOnly)
	}
	return a.refuseReadOnly()
}

// load runs a load: it takes the lease of the ID, stores the log, and makes the group visible.
func (a Actor) load(ctx context.Context, cmd Command, log iter.Seq2[Event, error], opts LoadOptions) (Group, error) {
	defer running(&a.eng.meters.loads)()
	l := newLoading(a.eng, cmd.Group, opts)
	out, err := a.change(ctx, l.beginVerb(), cmd)
	if err != nil || out.repeated || a.mode == dryRun {
		return out.group, err
	}
	done := false
	defer func() { // also if the log panics
		if !done {
			l.giveUp(context.WithoutCancel(ctx))
		}
	}()
	if err = l.run(ctx, log); err == nil {
		out, err = a.change(ctx, l.finishVerb(), cmd)
	}
	done = err == nil && !out.repeated || errors.Is(err, ErrUnknownOutcome)
	return out.group, wrap(OpLoad, cmd.Group, err)
}

// beginVerb takes the lease of the ID. The header says that the group is being loaded: so nobody
// sees it, and nobody gets the ID.
func (l *loading) beginVerb() verb {
	return verb{
		op: OpLoad, keepNothing: true, needs: needs{creates: true},
		rule: func(c *change) error {
			l.leftover = c.exists && c.head.State == record.Loading
			if c.exists && !l.leftover {
				return ErrGroupExists
			}
			if c.version != nil && *c.version != 0 {
				return &VersionError{Current: 0, Want: *c.version}
			}
			return nil
		},
		also: func(*change) []store.Pair {
			return []store.Pair{l.headerPair(&record.Header{State: record.Loading}), l.leasePair(0)}
		},
	}
}

// finishVerb makes the group visible.
func (l *loading) finishVerb() verb {
	tried := false
	return verb{
		op: OpLoad, guarded: true, needs: needs{creates: true, total: true, lease: true},
		rule: func(c *change) error {
			if c.exists && c.head.State == record.Live && tried && c.loaded.lease == (record.Lease{}) {
				*c.head = l.visible() // the answer was lost
				return nil
			}
			if !c.exists || c.head.State != record.Loading || c.loaded.lease.Holder != l.holder {
				return errLoadLost
			}
			tried = true
			*c.head, c.loads = l.visible(), true
			return nil
		},
		answer: func(c *change) { c.reply.group = publicGroup(c.id, c.head, l.custom) },
		also:   l.finishPairs,
	}
}

// run stores the log and completes the group, but for the last step.
func (l *loading) run(ctx context.Context, log iter.Seq2[Event, error]) error {
	if l.leftover {
		if err := l.clear(ctx, true); err != nil {
			return err
		}
	}
	for e, err := range log {
		if err == nil {
			err = l.take(ctx, &e)
		}
		if err != nil {
			return err
		}
	}
	switch {
	case !l.started:
		return invalid(fieldLog, "is empty")
	case l.parts > 0:
		return invalid(fieldLog, "ends within a checkpoint")
	case len(l.call) > 0:
		return invalid(fieldLog, "ends within a call, at version %d", l.call[len(l.call)-1].Version)
	}
	if err := l.flush(ctx); err != nil {
		return err
	}
	if err := l.checkStored(ctx); err != nil {
		return err
	}
	return l.index(ctx)
}
