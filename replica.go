package groupkit

import (
	"iter"
	"maps"

	"groupkit/internal/record"
)

// A Replica is a copy of a group that is built from events, those of [Actor.Follow] or of
// [Actor.Events]. The zero value is empty. Only one goroutine at a time can use a Replica.
//
// With the events that an owner, an admin or the system gets, it equals the [Snapshot] of the same
// Version. With those that another member gets, it contains what that member sees.
type Replica struct {
	group GroupID
	state *state // nil before the first event
	whole bool   // the last event was the last of its call, or the last part of a checkpoint

	parts int      // the parts of a checkpoint that is not complete; 0: there is none
	files []string // the files of these parts, the newest first
}

// Complete reports whether the copy is a state that the group has had: it is not within a call of
// several events, nor within a checkpoint of several parts. An empty copy is not complete.
func (c *Replica) Complete() bool { return c.whole }

// Version returns the version of the last event; 0 for an empty copy.
func (c *Replica) Version() uint64 {
	if c.state == nil {
		return 0
	}
	return c.state.head.Version
}

// Snapshot returns the copy. Lists are sorted as in the Snapshot of a group. An empty copy gives the zero Snapshot.
func (c *Replica) Snapshot() Snapshot {
	if c.state == nil {
		return Snapshot{}
	}
	return c.state.snapshot(c.group)
}

// Apply applies the next event. A checkpoint replaces the copy.
//
// Returns ErrInvalid, and changes nothing, if the event cannot be the next one: if the first
// event is neither that of the creation nor a checkpoint, if an event before it is missing, if it
// comes again, if its kind is not known, if it is one of another group, or if it has a value that no
// event can have. So it is safe for events from outside, such as the JSON of events.
func (c *Replica) Apply(e Event) error {
	if err := c.follows(&e); err != nil {
		return err
	}
	if err := e.check(); err != nil {
		return invalid(fieldLog, "has at version %d what no event can have: %v", e.Version, err)
	}
	switch {
	case e.Checkpoint == nil:
		c.apply(&e)
	case e.Part == 0:
		*c = Replica{group: e.Group, state: e.Checkpoint.state()}
		c.addFiles(e.Checkpoint)
		c.endPart(&e)
	default:
		c.merge(e.Checkpoint)
		c.endPart(&e)
	}
	c.whole = e.Last && c.parts == 0
	return nil
}

// apply applies an event that is not a checkpoint.
func (c *Replica) apply(e *Event) {
	if c.state == nil {
		c.group, c.state = e.Group, newState()
	}
	call := record.Call{Actor: string(e.Actor), At: millisOrZero(e.At), Reason: e.Reason, Events: []record.Event{recordEvent(e)}}
	c.state.head.Version = e.Version - 1
	c.state.apply(&call, &call.Events[0])
	c.state.advance(&call)
}

// merge adds a part of a checkpoint. What it says about a user is what holds. Its requests and
// invitations are older than those that came by events since the first part.
func (c *Replica) merge(part *Snapshot) {
	s := part.state()
	for user, st := range s.standings {
		have := c.state.standing(user)
		if st.Member() {
			have.Role, have.Joined, have.AdminSince = st.Role, st.Joined, st.AdminSince
		}
		for _, kind := range marks {
			if mark := *kind.field(st); mark != nil {
				mark.Place += uint32(c.parts) << 16
				*kind.field(have) = mark
			}
		}
	}
	maps.Copy(c.state.files, s.files)
	c.addFiles(part)
}

func (c *Replica) addFiles(part *Snapshot) {
	for i := range part.Files {
		f := recordFile(&part.Files[i])
		c.files = append(c.files, f.ID)
	}
}

// endPart counts the part. With the last one, the copy becomes complete: its properties and counts
// are those of the last part.
func (c *Replica) endPart(e *Event) {
	c.parts++
	c.state.head.Version = e.Version
	if !e.Last {
		return
	}
	if c.parts > 1 {
		c.orderFiles()
		all := c.state.snapshot(c.group)
		all.Group, all.Announcement = e.Checkpoint.Group, e.Checkpoint.Announcement
		c.state = all.state()
	}
	c.parts, c.files = 0, nil
}

// orderFiles numbers the files of the parts in their order. Files that came by events are newer.
func (c *Replica) orderFiles() {
	const newest = 1 << 32
	for _, f := range c.state.files {
		f.Version += newest
	}
	for i, id := range c.files {
		if f := c.state.files[id]; f != nil {
			f.Version = newest - uint64(i)
		}
	}
}

const fieldLog Field = "log"

// follows refuses an event that cannot be the next one.
func (c *Replica) follows(e *Event) error {
	version := c.Version()
	switch {
	case e.Kind == 0 || int(e.Kind) >= len(eventKinds):
		return invalid(fieldLog, "has the unknown kind %d at version %d", e.Kind, e.Version)
	case (e.Kind == Checkpoint) != (e.Checkpoint != nil):
		return invalid(fieldLog, "has an incomplete checkpoint at version %d", e.Version)
	case c.state != nil && e.Group != c.group:
		return invalid(fieldLog, "has events of the groups %s and %s", quote(string(c.group)), quote(string(e.Group)))
	case e.Kind == Checkpoint && e.Part == 0:
		return nil
	case e.Kind == Checkpoint && (e.Part != c.parts || e.Version < version):
		return invalid(fieldLog, "has part %d of a checkpoint instead of part %d at version %d", e.Part, c.parts, e.Version)
	case e.Kind == Checkpoint:
		return nil
	case c.state == nil && (e.Version != 1 || e.Kind != GroupCreated):
		return invalid(fieldLog, "begins with %q at version %d (version 1 or a checkpoint)", e.Kind, e.Version)
	case e.Version <= version || e.After != version && e.After+1 == e.Version:
		return invalid(fieldLog, "has version %d instead of %d", e.Version, version+1)
	case e.After != version:
		return invalid(fieldLog, "has version %d after %d, and %d is the last one", e.Version, e.After, version)
	}
	return nil
}

// Replay applies the events of a log and returns the resulting state. The log must begin
// with version 1 or with a checkpoint. The complete log gives the result of Snapshot.
// Returns the error of the log, unchanged. Returns ErrInvalid if the log is nil or empty, ends
// within a checkpoint, or has an event that cannot be the next one; see [Replica.Apply].
func Replay(log iter.Seq2[Event, error]) (Snapshot, error) {
	if log == nil {
		return Snapshot{}, invalid(fieldLog, "is nil")
	}
	var c Replica
	for e, err := range log {
		if err == nil {
			err = c.Apply(e)
		}
		if err != nil {
			return Snapshot{}, err
		}
	}
	switch {
	case c.state == nil:
		return Snapshot{}, invalid(fieldLog, "is empty")
	case c.parts > 0:
		return Snapshot{}, invalid(fieldLog, "ends within a checkpoint")
	}
	return c.Snapshot(), nil
}
