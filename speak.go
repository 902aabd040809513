package groupkit

import (
	"context"

	"groupkit/internal/record"
	"groupkit/store"
)

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
	if c == nil || !a.named || a.tx != nil || a.reason != "" || ctx.Err() != nil || a.eng.closed.Load() {
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
	keeps := c != nil && a.tx == nil && a.named
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
	if !a.named {
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

// A groupWord is what MaySpeak has to know of a group.
type groupWord uint64

const (
	groupLive groupWord = 1 << iota
	groupPublic
	groupSilent
	groupKnown groupWord = known // a word that is not known is zero
)

func wordOfGroup(exists bool, h *record.Header) groupWord {
	w := groupKnown
	if !exists || h.State != record.Live {
		return w
	}
	w |= groupLive
	if h.Public {
		w |= groupPublic
	}
	if h.Muted {
		w |= groupSilent
	}
	return w
}

// A standingWord is what MaySpeak has to know of a user in a group: the role, whether
// the user is on the allow list, and for a member the end of the mute, for an outsider
// that of the block. It is not the answer, so that no expiry makes it wrong. Its lowest
// bits are the role.
type standingWord uint64

const (
	standingAllowed standingWord = 1 << 2
	standingBlocked standingWord = 1 << 3
	standingTimed   standingWord = timed
	standingKnown   standingWord = known
)

func wordOfStanding(st *record.Standing) standingWord {
	w := standingKnown | standingWord(st.Role)
	if st.Allow != nil {
		w |= standingAllowed
	}
	switch {
	case st.Member() && st.Mute != nil:
		w |= standingUntil(st.Mute.Until)
	case !st.Member() && st.Block != nil:
		w |= standingBlocked | standingUntil(st.Block.Until)
	}
	return w
}

// standingUntil is the part of a word that tells an end, if there is one.
func standingUntil(end int64) standingWord {
	if end == 0 {
		return 0
	}
	return standingTimed | standingWord(end)<<stateBits
}

func (w standingWord) role() Role   { return Role(w & 3) }
func (w standingWord) until() int64 { return int64(w >> stateBits) }
func (w standingWord) timed() bool  { return w&standingTimed != 0 }

// decide is the rule of MaySpeak: nil, or the sentinel and the first instant at which, as
// things stand, the user may speak; 0 if there is none.
func decide(g groupWord, s standingWord, now int64) (until int64, reason error) {
	if g&groupLive == 0 {
		return 0, ErrGroupNotFound
	}
	if s.role() == RoleOutsider {
		switch {
		case s&standingBlocked != 0 && (!s.timed() || now < s.until()):
			return 0, ErrBlacklisted
		case g&groupPublic == 0:
			return 0, ErrGroupNotFound
		}
		return 0, ErrNotMember
	}
	silent := g&groupSilent != 0 && s.role() < RoleAdmin && s&standingAllowed == 0
	switch muted := s.timed() && now < s.until(); {
	case muted && silent:
		return 0, ErrMuted
	case muted:
		return s.until(), ErrMuted
	case silent:
		return 0, ErrGroupMuted
	}
	return 0, nil
}
