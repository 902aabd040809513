package groupkit

import (
	"context"
	"errors"

	"groupkit/internal/feed"
	"groupkit/internal/key"
	"groupkit/store"
)

// A Follower gives the events of one group, or of all groups, without a gap: first what the log
// has, and then what comes. It gives an event when the event is durable, and the events of each
// group in the order of their versions.
//
// The events of other processes that use the same store are among them, and those of calls that
// returned ErrUnknownOutcome and were made. On a shared store the engine looks for new events, as
// long as anyone follows: every 50 ms after the last ones, then less often, down to every 2
// seconds. If the store tells of changes (store.Watcher), they are given at once. A follower of
// all groups also waits for the transactions that began before.
//
// A follower never blocks a writer. One that falls behind reads the log. If many follow a group
// that changes all the time, they are woken in small groups; a thousand followers get an event
// within about 20 ms.
//
// # Checkpoints
//
// If the log does not lead from the position to the present, the follower gives a checkpoint: the
// state of the group, which replaces the copy that the application has of the group, and the part of the log
// that it has kept. The events after the checkpoint continue from there. That is so
//
//   - if retention has removed events after the position. The checkpoint is the one with which
//     the log begins;
//   - if the position belongs to another history: after a restore, or a crash that can have lost
//     the end of the history;
//   - if the log was rewritten after the position, because a user was forgotten (Pseudonymized) or the group was repaired (Repaired);
//   - if the actor may see something else from now on, because it was appointed or dismissed;
//   - if a member begins before it joined.
//
// The state of a large group comes in several events of the kind Checkpoint, which are the parts
// 0, 1, 2 … Between them come events that happen meanwhile. The state is complete with the part
// for which Event.Last is true. A [Replica] does all this.
//
// All followers share the events: do not change what an event points to. Only one goroutine
// at a time can use a Follower. Close it when it is no longer needed. A nil or zero Follower
// is closed.
type Follower struct {
	actor Actor
	group GroupID                    // "" for all groups
	feed  *feed.Subscriber[delivery] // nil when the follower is closed

	after   uint64   // the version, or the number of all changes, up to which everything is done
	live    uint64   // what is before it must be read from the log, the rest comes from the feed
	filter  bool     // give only what members see
	shown   uint64   // the version of the last event that was given
	place   Position // after the last event that was given
	reached Position // after the last event that is queued

	batch []delivery    // from the feed, not done yet
	call  []Event       // the events of one call, the end of which has not come yet
	queue []given       // to be given
	state *stateReading // the checkpoint that is being given; nil if there is none
	walk  *walk         // the checkpoint of all groups that is being given; nil if there is none

	rewritten uint64 // the last rewriting of the log that is contained in what was given
	entered   uint64 // the version at which filter was found out; 0 at the beginning of the log
	leaving   bool   // the event that ended the right to follow was given
	refused   error  // the actor must not follow any more; the event that says so is to come
	ended     error  // what every further call returns; nil while the follower goes on
}

// A given is an event to be given, and the position after it.
type given struct {
	event Event
	place Position
}

// begin gives the present state of a group next.
func (f *Follower) begin(group GroupID) {
	f.state = &stateReading{group: group, prefix: key.Group(string(group)), lists: presentLists}
}

// beginCut gives the checkpoint of the log next.
func (f *Follower) beginCut() {
	f.state = &stateReading{group: f.group, prefix: key.Of(string(f.group), key.Checkpoint), lists: checkpointLists, cut: true}
}

// synced waits until everything that is committed now is durable.
func (f *Follower) synced(ctx context.Context) error {
	done := make(chan struct{})
	store.AfterSync(f.actor.eng.store, func() { close(done) })
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-f.actor.eng.background.Done():
		return ErrClosed
	}
}

// Position returns the position after the last event that Next or All returned. From there, Follow
// and FollowAll go on. Within a call that made several events, and within a checkpoint, it is the position
// before it.
func (f *Follower) Position() Position {
	if f == nil {
		return Position{}
	}
	return f.place
}

// Close ends the follower. Every further call of Next returns ErrClosed.
func (f *Follower) Close() {
	if f != nil && f.feed != nil {
		f.feed.Leave()
		f.feed = nil
		f.ended = errors.Join(f.ended, wrap(OpFollow, f.group, ErrClosed))
	}
}

// number returns the place of an event in the feed of the follower.
func (f *Follower) number(d *delivery) uint64 {
	if f.group == "" {
		return d.commit
	}
	return d.Version
}

// give queues an event. The position stays where it is.
func (f *Follower) give(e Event) { f.queue = append(f.queue, given{e, f.reached}) }

// reach sets the position after the events that are queued.
func (f *Follower) reach(p Position) {
	f.reached = p
	if n := len(f.queue); n > 0 {
		f.queue[n-1].place = p
	} else {
		f.place = p
	}
}

// following completes an event that is given.
func (f *Follower) following(e Event, last bool) Event {
	e.Last = last
	if f.group != "" {
		e.After, f.shown = f.shown, e.Version
	}
	return e
}
