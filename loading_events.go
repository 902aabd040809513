package groupkit

import (
	"context"
	"fmt"

	"groupkit/internal/key"
	"groupkit/internal/record"
	"groupkit/store"
)

// take takes the next event of the log.
func (l *loading) take(ctx context.Context, e *Event) error {
	l.progress.Events++
	if e.Kind == Checkpoint && e.Part == 0 && l.started { // it replaces what came before
		if err := l.restart(ctx); err != nil {
			return err
		}
	}
	if err := l.follows(e); err != nil {
		return err
	}
	if err := e.check(); err != nil {
		return fmt.Errorf("log has at version %d what no event can have: %w", e.Version, err)
	}
	l.started = true
	switch {
	case e.Checkpoint != nil:
		return l.takePart(ctx, e)
	case l.parts > 0:
		call := record.Call{Actor: string(e.Actor), At: millisOrZero(e.At), Reason: e.Reason, Events: []record.Event{recordEvent(e)}}
		return l.add(ctx, loadItem{call: &call, last: e.Version})
	}
	l.call = append(l.call, *e)
	if !e.Last {
		return nil
	}
	call, err := callOf(l.call)
	l.call = nil
	if err != nil {
		return err
	}
	return l.add(ctx, loadItem{call: call, last: e.Version, logged: true})
}

// follows refuses an event that cannot be the next one.
func (l *loading) follows(e *Event) error {
	version := l.version()
	at := Replica{group: l.group, parts: l.parts}
	if l.started {
		at.state = &state{head: record.Header{Version: version}}
	} else if e.Group != l.group {
		return invalid(fieldLog, "has events of the group %s instead of %s", quote(string(e.Group)), quote(string(l.group)))
	}
	if err := at.follows(e); err != nil {
		return err
	}
	switch {
	case e.Kind == Checkpoint:
		return nil
	case e.Kind == GroupDeleted:
		return invalid(fieldLog, "has the deletion of the group, at version %d", e.Version)
	case e.Version != version+1:
		return invalid(fieldLog, "has version %d instead of %d", e.Version, version+1)
	}
	if n := len(l.call); n > 0 && !e.At.Equal(l.call[n-1].At) {
		return invalid(fieldLog, "has another time at version %d than at the beginning of the call", e.Version)
	}
	return nil
}

// version returns the version of the last event that was taken.
func (l *loading) version() uint64 {
	if n := len(l.call); n > 0 {
		return l.call[n-1].Version
	}
	if n := len(l.batch); n > 0 && l.batch[n-1].call != nil {
		return l.batch[n-1].last
	}
	return l.head.Version
}

// restart removes what is stored, because the log begins anew.
func (l *loading) restart(ctx context.Context) error {
	if err := l.clear(ctx, true); err != nil {
		return err
	}
	again := newLoading(l.eng, l.group, l.opts)
	again.holder, again.moved, again.progress = l.holder, l.moved, l.progress
	*l = *again
	return nil
}

// callOf is the inverse of publicEvents. An event that clears away what has expired has neither the
// actor nor the reason of its call.
func callOf(events []Event) (*record.Call, error) {
	call := &record.Call{At: millisOrZero(events[0].At)}
	for i := range events {
		if e := &events[i]; e.Actor != "" || e.Reason != "" {
			call.Actor, call.Reason = string(e.Actor), e.Reason
		}
	}
	for i := range events {
		e := &events[i]
		out := recordEvent(e)
		if out.BySystem = string(e.Actor) != call.Actor || e.Reason != call.Reason; out.BySystem && (e.Actor != "" || e.Reason != "") {
			return nil, invalid(fieldLog, "has another actor or reason at version %d than elsewhere in the call", e.Version)
		}
		call.Events = append(call.Events, out)
	}
	return call, nil
}

// takePart takes a part of a checkpoint.
func (l *loading) takePart(ctx context.Context, e *Event) error {
	s := e.Checkpoint
	if err := s.checkValues(); err != nil {
		return fmt.Errorf("log has at version %d what no checkpoint can have: %w", e.Version, err)
	}
	if err := l.flush(ctx); err != nil { // of the events before it
		return err
	}
	l.parts++
	l.takeGroup(s)
	if l.newest == 0 {
		l.newest = e.Version
	}
	for i := range s.Files {
		f := recordFile(&s.Files[i])
		if l.files+1 >= l.newest {
			return invalid("group.version", "is %d, but there are more files than events", l.newest)
		}
		f.Version = l.newest - l.files
		l.files++
		if err := l.add(ctx, loadItem{file: &f}); err != nil {
			return err
		}
	}
	if err := l.takeUsers(ctx, s); err != nil || !e.Last {
		return err
	}
	return l.endCheckpoint(ctx, &s.Group)
}

// takeGroup takes the properties of a part. The counts are those of what is stored.
func (l *loading) takeGroup(s *Snapshot) {
	h, _ := record.DecodeHeader(headerOf(&s.Group)) // no error: headerOf encoded it
	was := l.head
	h.Members, h.Admins, h.Files = was.Members, was.Admins, was.Files
	for _, kind := range marks {
		*kind.count(&h) = *kind.count(&was)
	}
	h.HasCustom = s.Group.Custom != ""
	if h.Modified == 0 {
		h.Modified = h.Created
	}
	l.head, l.custom = h, s.Group.Custom
	l.announcement = record.Announcement{Text: s.Announcement.Text, By: string(s.Announcement.By), At: millisOrZero(s.Announcement.At)}
}

// takeUsers takes the lists of a part.
func (l *loading) takeUsers(ctx context.Context, s *Snapshot) (err error) {
	for _, m := range s.Members {
		st := &record.Standing{Role: uint8(m.Role), Joined: millisOrZero(m.Joined), AdminSince: millisOrZero(m.AdminSince)}
		if err := l.add(ctx, loadItem{user: string(m.User), standing: st}); err != nil {
			return err
		}
	}
	for i, kind := range marks {
		kind.read(s, func(user UserID, mark record.Mark) {
			if err != nil {
				return
			}
			if kind.pending {
				mark.Place = l.places[i]
				l.places[i]++
			}
			st := new(record.Standing)
			*kind.field(st) = &mark
			err = l.add(ctx, loadItem{user: string(user), standing: st})
		})
	}
	return err
}

// endCheckpoint completes the checkpoint. The log continues from it.
func (l *loading) endCheckpoint(ctx context.Context, g *Group) error {
	if by := l.announcement.By; by != "" { // it leads to the log, as everybody does whom the log names
		if err := l.add(ctx, loadItem{user: by, standing: new(record.Standing)}); err != nil {
			return err
		}
	}
	if err := l.flush(ctx); err != nil {
		return err
	}
	if n := l.head.Members; g.MemberCount != 0 && g.MemberCount != n {
		return invalid("group.member_count", "is %d, but there are %d", g.MemberCount, n)
	}
	if n := l.head.Admins; g.AdminCount != 0 && g.AdminCount != n {
		return invalid("group.admin_count", "is %d, but there are %d", g.AdminCount, n)
	}
	at := func(kind byte) []byte { return append(key.Of(string(l.group), key.Checkpoint), kind) }
	pairs := []store.Pair{{Key: at(key.Header), Value: l.head.Encode()}}
	if l.custom != "" {
		pairs = append(pairs, store.Pair{Key: at(key.Custom), Value: []byte(l.custom)})
	}
	if l.announcement != (record.Announcement{}) {
		pairs = append(pairs, store.Pair{Key: at(key.Announcement), Value: l.announcement.Encode()})
	}
	if err := l.step(ctx, func(w store.Writer) error { return write(w, pairs) }); err != nil {
		return err
	}
	l.first, l.parts = l.head.Version, 0
	return nil
}
