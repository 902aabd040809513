//go:build unix

package cluster_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"time"

	"groupkit"
	"groupkit/internal/grouptest"
	"groupkit/internal/modeltest"
)

// A listener is what a follower was given. It keeps a copy of what it follows. Now and then it goes on from an
// earlier position, as after a crash; and another process goes on where a killed one was.
type listener struct {
	Group   groupkit.GroupID // "" for all groups
	User    groupkit.UserID  // "" is the system
	From    string           // the position from which it began
	Begun   int64            // when it had begun
	Resumed int              // how often it went on from an earlier position
	Ended   string           // the code of the error that ended the right to follow
	Heard   []heard
	Copy    *groupkit.Snapshot // of a user who follows to the end: the copy
	Failure string

	copies map[groupkit.GroupID]*groupkit.Replica
}

// A heard is an event that was given.
type heard struct {
	Event groupkit.Event     `json:"e"` // without the state in a checkpoint
	Place string             `json:"p"` // the position after it
	State *groupkit.Snapshot `json:"s,omitempty"`
	First uint64             `json:"f,omitempty"` // of a checkpoint: the first version in the log just afterwards
}

const (
	mostListeners = 40
	hearingTime   = 20 * time.Second // after the last call
	goingOn       = 64               // how many events come for each time that a listener goes on from an earlier position
	comparing     = 32               // and for each time that it compares its copy
)

// foreign is a position of another history, as after a restore.
var foreign = groupkit.Position{History: "another", Version: 1}

// again runs fn until it does not fail because of the line.
func again(fn func() error) error {
	for late := (<-chan time.Time)(nil); ; {
		err := fn()
		if fateOf(err) != failed {
			return err
		}
		if late == nil {
			late = time.After(longest)
		}
		select {
		case <-time.After(10 * time.Millisecond):
		case <-late:
			return err
		}
	}
}

// listenToAll follows all groups.
func (p *process) listenToAll(from groupkit.Position) error {
	return p.listen(&listener{From: from.String()}, from)
}

// listenTo follows a group as the system or as a user, or all groups.
func (p *process) listenTo(d dice, id groupkit.GroupID) {
	p.mu.Lock()
	enough := len(p.listeners) >= mostListeners
	p.mu.Unlock()
	if enough {
		return
	}
	froms := []groupkit.Position{groupkit.Latest(), foreign, {}}
	var err error
	switch n := d(8); {
	case n == 0:
		err = p.listenToAll(froms[d(3)])
	case n == 1 && p.Large:
		err = p.listen(&listener{Group: largeGroup}, froms[d(2)])
	case n < 4:
		err = p.listen(&listener{Group: id}, froms[d(3)])
	case n == 4:
		err = p.listenFromSnapshot(id)
	default:
		if in := known(modeltest.TheMembers(p.picture(id))); len(in) > 0 {
			err = p.listen(&listener{Group: id, User: oneOf(d, in)}, froms[d(2)])
		}
	}
	if fateOf(err) < 0 {
		p.report(fmt.Errorf("follow: %w", err))
	}
}

// listenFromSnapshot follows a group from the version of a snapshot on.
func (p *process) listenFromSnapshot(id groupkit.GroupID) error {
	var s groupkit.Snapshot
	err := again(func() (err error) {
		s, err = p.eng.System().Snapshot(context.Background(), id)
		return err
	})
	if err != nil {
		return err
	}
	from := p.eng.Position(s.Group.Version)
	l := &listener{Group: id, From: from.String()}
	l.Heard = []heard{{Event: groupkit.Event{Group: id, Version: s.Group.Version, Kind: groupkit.Checkpoint, Last: true}, Place: from.String(), State: &s}}
	return p.listen(l, from)
}

// follow begins to follow from a position.
func (p *process) follow(l *listener, from groupkit.Position) (f *groupkit.Follower, err error) {
	actor := grouptest.ActorOf(p.eng, l.User)
	err = again(func() error {
		if l.Group == "" {
			f, err = actor.FollowAll(context.Background(), from)
		} else {
			f, err = actor.Follow(context.Background(), l.Group, from)
		}
		return err
	})
	return f, err
}

// listen notes what a follower is given, until the process ends or the right to follow.
func (p *process) listen(l *listener, from groupkit.Position) error {
	f, err := p.follow(l, from)
	if err != nil {
		return err
	}
	if from == groupkit.Latest() {
		from = f.Position()
	}
	l.From, l.Begun = from.String(), p.ticks.Add(1)
	if err := l.rebuild(len(l.Heard)); err != nil {
		return err
	}
	p.begins(l, f)
	return nil
}

func (p *process) begins(l *listener, f *groupkit.Follower) {
	p.mu.Lock()
	defer p.mu.Unlock()
	number := len(p.listeners)
	p.listeners = append(p.listeners, l)
	p.remember(entry{Listens: l})
	go p.keepListening(l, number, f)
}

// resume goes on with the listeners of a process that was killed.
func (p *process) resume(number int) error {
	file, err := os.Open(journalOf(p.Folder, number))
	if err != nil {
		return err
	}
	defer file.Close()
	entries, err := readEntries(file)
	if err != nil {
		return err
	}
	for _, l := range listenersIn(entries) {
		if err := l.rebuild(l.whole(len(l.Heard))); err != nil {
			return fmt.Errorf("a listener to %q as %q from %q, resumed %d times, heard%s: %w", l.Group, l.User, l.From, l.Resumed, l.lately(), err)
		}
		l.Resumed++
		p.begins(l, nil)
	}
	return nil
}

// whole returns how many of the first events are whole calls and whole checkpoints.
func (l *listener) whole(most int) int {
	for most > 0 && !l.Heard[most-1].Event.Last {
		most--
	}
	return most
}

// rebuild makes the copies anew, from the first events.
func (l *listener) rebuild(heard int) error {
	l.Heard = slices.Clip(l.Heard[:heard])
	l.copies = make(map[groupkit.GroupID]*groupkit.Replica)
	within := make(map[groupkit.GroupID]bool) // a checkpoint
	for _, h := range l.Heard {
		e := h.Event
		switch {
		case h.State != nil:
			e.Checkpoint, e.Part = h.State, 0
			within[e.Group] = false
		case e.Kind == groupkit.Checkpoint && e.Group != "":
			within[e.Group] = true
		}
		if within[e.Group] {
			continue
		}
		if err := l.apply(e); err != nil {
			return err
		}
	}
	return nil
}

// lately returns what was heard lately.
func (l *listener) lately() (text string) {
	for i, h := range l.Heard[max(0, len(l.Heard)-60):] {
		text += fmt.Sprintf("\n%d: %s %d after %d, %v, last %v, part %d, at %s", i, h.Event.Group, h.Event.Version, h.Event.After, h.Event.Kind, h.Event.Last, h.Event.Part, h.Place)
	}
	return text + "\n"
}

// apply applies an event to the copy of its group, if there is one.
func (l *listener) apply(e groupkit.Event) error {
	if e.Kind == groupkit.Checkpoint && e.Group == "" {
		clear(l.copies)
		return nil
	}
	c := l.copies[e.Group]
	if e.Kind != groupkit.Checkpoint && (c == nil && e.Version > 1 || c != nil && l.Group == "" && e.Version <= c.Version()) {
		return nil // there is no copy, or the copy contains it
	}
	if c == nil {
		c = new(groupkit.Replica)
		l.copies[e.Group] = c
	}
	return c.Apply(e)
}

// from returns the position of the listener.
func (l *listener) from() string {
	if n := len(l.Heard); n > 0 {
		return l.Heard[n-1].Place
	}
	return l.From
}

// keepListening takes what the follower gives. Without a follower it goes on from the position of the listener.
func (p *process) keepListening(l *listener, number int, f *groupkit.Follower) {
	if l.Ended != "" {
		return
	}
	err := error(nil)
	for err == nil {
		if f == nil {
			var from groupkit.Position
			if from, err = groupkit.ParsePosition(l.from()); err == nil {
				f, err = p.follow(l, from)
			}
			if err != nil {
				break
			}
		}
		var e groupkit.Event
		err = again(func() (err error) { e, err = f.Next(context.Background()); return err })
		if err == nil {
			err = p.hear(l, number, e, f.Position())
		}
		if err == nil && rand.IntN(goingOn) == 0 {
			f.Close()
			f, err = nil, p.goBack(l)
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if fateOf(err) == refused && !errors.Is(err, groupkit.ErrInvalid) {
		l.Ended = groupkit.Code(err)
		p.remember(entry{Hears: &hearing{Listener: number, At: len(l.Heard), Ended: l.Ended}})
	} else {
		l.Failure = err.Error()
	}
	p.signal()
}

// goBack forgets the last events, as if the process had been killed before it kept them.
func (p *process) goBack(l *listener) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	l.Resumed++
	return l.rebuild(l.whole(max(0, len(l.Heard)-rand.IntN(10))))
}

// hear notes an event, and compares the copy now and then.
func (p *process) hear(l *listener, number int, e groupkit.Event, place groupkit.Position) (err error) {
	h := heard{Event: e, Place: place.String()}
	h.Event.Checkpoint = nil
	if e.Kind == groupkit.Checkpoint && e.Group != "" {
		if h.First, err = p.firstOf(e.Group); err != nil {
			return err
		}
	}
	p.mu.Lock()
	if err = l.apply(e); err == nil && e.Checkpoint != nil && e.Last {
		h.State = new(l.copies[e.Group].Snapshot())
	}
	p.remember(entry{Hears: &hearing{Listener: number, At: len(l.Heard), Heard: &h}})
	l.Heard = append(l.Heard, h)
	if l.User == "" && e.Kind != groupkit.Checkpoint {
		p.see(e)
	}
	p.signal()
	p.mu.Unlock()
	if err == nil && l.User == "" && e.Group != "" && rand.IntN(comparing) == 0 {
		_, err = p.compare(l, e.Group)
	}
	return err
}

// signal says that a listener has heard something. The caller holds the lock.
func (p *process) signal() {
	select {
	case p.more <- struct{}{}:
	default:
	}
}

// compare compares the copy of a group with the group. It reports false if they have different versions.
func (p *process) compare(l *listener, id groupkit.GroupID) (same bool, err error) {
	p.mu.Lock()
	c := l.copies[id]
	if c == nil {
		p.mu.Unlock()
		return true, nil
	}
	complete, have := c.Complete(), c.Snapshot()
	p.mu.Unlock()
	var want groupkit.Snapshot
	err = again(func() (err error) {
		want, err = p.eng.System().Snapshot(context.Background(), id)
		return err
	})
	switch {
	case errors.Is(err, groupkit.ErrGroupNotFound):
		return true, nil
	case err != nil || !complete || have.Group.Version != want.Group.Version:
		return false, err
	case textOf(have) != textOf(want):
		return false, fmt.Errorf("the copy of %s is not the group: %s instead of %s", id, textOf(have), textOf(want))
	}
	return true, nil
}

// textOf is what values are compared by.
func textOf(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(text)
}

// firstOf returns the first version that the log of a group still has.
func (p *process) firstOf(id groupkit.GroupID) (version uint64, err error) {
	err = again(func() error {
		version = math.MaxInt64 // nothing of it is kept
		for e, err := range p.eng.System().Events(context.Background(), id, 0) {
			switch {
			case errors.Is(err, groupkit.ErrGroupNotFound):
				return nil
			case err != nil:
				return err
			case e.Kind == groupkit.Checkpoint:
				version = e.Version + 1
			default:
				version = e.Version
			}
			return nil
		}
		return nil
	})
	return version, err
}

// remember notes what a listener heard, in a process that will be killed. The caller holds the lock.
func (p *process) remember(e entry) {
	if !p.Mortal {
		return
	}
	if err := p.journal.note(e); err != nil && p.unexpected == nil {
		p.unexpected = err
	}
}

// hearEverything waits until all listeners have heard the events up to these versions, and some time
// at most. Then the copies must be the groups.
func (p *process) hearEverything(ends map[groupkit.GroupID]uint64) reply {
	ctx, cancel := context.WithTimeout(context.Background(), hearingTime)
	defer cancel()
	late := ctx.Done()
	for waiting := true; waiting; {
		p.mu.Lock()
		waiting = slices.ContainsFunc(p.listeners, func(l *listener) bool { return l.Failure == "" && l.waits(ends) })
		p.mu.Unlock()
		if !waiting {
			break
		}
		select {
		case <-p.more:
		case <-late:
			waiting = false
		}
	}
	for _, l := range p.listeners {
		if l.Failure != "" || l.User != "" || l.Ended != "" {
			continue
		}
		if !p.awaitEnd(l, ends, late) {
			l.Failure = "it has not heard the end"
		} else if err := p.compareAll(l, late); err != nil {
			l.Failure = err.Error()
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	var r reply
	for _, l := range p.listeners {
		if c := l.copies[l.Group]; l.User != "" && l.Ended == "" && c != nil {
			l.Copy = new(c.Snapshot())
		}
		r.Heard = append(r.Heard, *l)
	}
	return r
}

// awaitEnd waits until a listener has heard the end: it can just have gone back.
func (p *process) awaitEnd(l *listener, ends map[groupkit.GroupID]uint64, late <-chan struct{}) bool {
	for {
		p.mu.Lock()
		waits := l.Failure == "" && l.waits(ends)
		p.mu.Unlock()
		if !waits {
			return true
		}
		select {
		case <-p.more:
		case <-time.After(10 * time.Millisecond):
		case <-late:
			return false
		}
	}
}

// compareAll compares all copies of a listener with the groups.
func (p *process) compareAll(l *listener, late <-chan struct{}) error {
	p.mu.Lock()
	var groups []groupkit.GroupID
	for id := range l.copies {
		groups = append(groups, id)
	}
	p.mu.Unlock()
	for _, id := range groups {
		for { // something can expire just now
			same, err := p.compare(l, id)
			if err != nil {
				return err
			}
			if same {
				break
			}
			select {
			case <-time.After(10 * time.Millisecond):
			case <-late:
				return fmt.Errorf("the copy of %s at %d does not reach the version of the group", id, l.copies[id].Version())
			}
		}
	}
	return nil
}

// waits reports whether there is more to hear. The group that was made last of all is the last that
// a listener to all groups hears of. A user hears of the last announcement.
func (l *listener) waits(ends map[groupkit.GroupID]uint64) bool {
	if l.Ended != "" {
		return false
	}
	at, announced := uint64(0), false
	for _, h := range slices.Backward(l.Heard) {
		e := &h.Event
		switch {
		case l.Group == "" && e.Group == lastGroup && e.Version == ends[lastGroup]:
			return false
		case e.Kind == groupkit.AnnouncementChanged && e.Changes[0].After == endOf(l.Group), h.State != nil && h.State.Announcement.Text == endOf(l.Group):
			announced = true
		}
		if at == 0 && e.Last {
			at = e.Version
		}
	}
	switch {
	case l.Group == "":
		return true
	case l.User != "":
		return !announced
	case at == 0:
		from, err := groupkit.ParsePosition(l.From)
		return err != nil || from == foreign || from.Version < ends[l.Group]
	}
	return at < ends[l.Group]
}

// endOf is the last announcement of a group.
func endOf(id groupkit.GroupID) string { return "end-" + string(id) }
