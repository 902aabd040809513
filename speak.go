package groupkit

import (
	"context"
	"math/bits"
	"strings"

	"groupkit/internal/record"
	"groupkit/store"
)

// The operation of MaySpeak.
const OpSpeak Op = "speak"

// MaySpeak returns nil if the actor may speak in the group now, and why not
// otherwise. It is meant to be asked for every message: where this process alone has
// the store, the answer comes from memory, and without an allocation. Refusals are
// shared between calls and must not be changed.
//
// A mute of one's own comes first and binds admins too; then the mute of the whole
// group, from which the owner, admins and users on the allow list are exempt. The
// cause is then a *MutedError, which matches ErrMuted or ErrGroupMuted and says
// until when. It refuses with ErrNotMember, ErrBlacklisted and ErrGroupNotFound
// too. The system may always speak.
func (a Actor) MaySpeak(ctx context.Context, group GroupID) error {
	c := a.eng.cache
	if c == nil || !a.isUser || a.tx != nil || a.reason != "" || ctx.Err() != nil || a.eng.closed.Load() {
		return a.maySpeak(ctx, group)
	}
	g := c.key(group)
	if gw, sw, ok := c.both(g, g.user(c, a.user)); ok {
		return a.eng.verdict(group, a.user, gw, sw)
	}
	return a.maySpeak(ctx, group)
}

// verdict is the answer that follows from what the cache holds.
func (e *Engine) verdict(group GroupID, user UserID, g groupWord, s standingWord) error {
	var now int64
	if s.timed() {
		now = e.now()
	}
	until, reason := decide(g, s, now)
	if reason == nil {
		return nil
	}
	return e.cache.refusal(group, user, reason, until)
}

// maySpeak asks the store, and lets the cache know.
func (a Actor) maySpeak(ctx context.Context, group GroupID) error {
	return wrap(OpSpeak, group, a.inquire(ctx, group))
}

func (a Actor) inquire(ctx context.Context, group GroupID) error {
	if err := a.check(group); err != nil {
		return err
	}
	c := a.eng.cache
	keeps := c != nil && a.tx == nil && a.isUser
	var before ticket
	if keeps {
		before = c.ticket(group, a.user)
	}
	q := inquiry{keys: a.keys(group)}
	if err := a.view(ctx, q.read); err != nil {
		return err
	}
	if keeps {
		c.keep(before, q.group, q.me)
	}
	if !a.isUser {
		if q.group&groupLive == 0 {
			return ErrGroupNotFound
		}
		return nil
	}
	until, reason := decide(q.group, q.me, a.eng.now())
	if reason == nil || reason == ErrGroupNotFound {
		return reason
	}
	return about(a.user, speech(reason, until))
}

// An inquiry reads what MaySpeak has to know, and no more of it: most messages of an
// application whose store is shared lead here.
type inquiry struct {
	keys  [][]byte
	group groupWord
	me    standingWord
	err   error
}

func (q *inquiry) read(r store.Reader) error {
	q.group, q.me, q.err = wordOfGroup(false, nil), wordOfStanding(&record.Standing{}), nil
	if err := store.VisitKeys(r, q.keys, q.see); err != nil {
		return storage(err)
	}
	return q.err
}

// see takes in the group, and then the user's standing, which is under one of two keys.
func (q *inquiry) see(i int, value []byte) bool {
	if value == nil {
		return i > 0 // without a group there is nothing
	}
	if i == 0 {
		var h record.Header
		h, q.err = record.DecodeState(value)
		q.group = wordOfGroup(true, &h)
		return q.err == nil
	}
	var st record.Standing
	st, q.err = record.DecodeStanding(value, i == 1)
	q.me = wordOfStanding(&st)
	return false
}

// speech is the cause of a refusal to let someone speak.
func speech(reason error, until int64) error {
	if reason == ErrMuted || reason == ErrGroupMuted {
		return &MutedError{Whole: reason == ErrGroupMuted, Until: instant(until)}
	}
	return reason
}

// refusalReach is how many places after its own a refusal may be kept in.
const refusalReach = 8

// refusal is the error of MaySpeak, one for all calls that are refused alike. It has ids
// of its own: those of a caller may be parts of something large.
func (c *cache) refusal(group GroupID, user UserID, reason error, until int64) error {
	k := c.key(group).user(c, user)
	i, _ := bits.Mul64(k.place(), uint64(len(c.refusals)))
	slot := &c.refusals[i] // the place of its own, if all that it reaches are taken
	for n := range min(refusalReach, uint64(len(c.refusals))) {
		place := &c.refusals[(i+n)%uint64(len(c.refusals))]
		r := place.Load()
		if r != nil && r.user == k && r.reason == reason && r.until == until {
			return r.err
		}
		if r == nil || r.user == k {
			slot = place
			break
		}
	}
	err := &Error{Op: OpSpeak, Group: GroupID(strings.Clone(string(group))), Err: speech(reason, until)}
	if reason != ErrGroupNotFound {
		err.User = UserID(strings.Clone(string(user)))
	}
	slot.Store(&keptRefusal{k, reason, until, err})
	return err
}
