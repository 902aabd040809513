package groupkit

import (
	"context"
	"strings"

	"groupkit/internal/record"
	"groupkit/internal/wordcache"
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
	c := a.eng.words
	if c == nil || !a.isUser || a.tx != nil || a.reason != "" || ctx.Err() != nil || a.eng.closed.Load() {
		return a.maySpeak(ctx, group)
	}
	key := c.Key(string(group))
	if g, s, ok := c.Get(key, c.UserKey(key, string(a.user))); ok {
		return a.eng.answerFromCache(group, a.user, groupWord(g), standingWord(s))
	}
	return a.maySpeak(ctx, group)
}

// answerFromCache is the answer that follows from the words that the cache holds.
func (e *Engine) answerFromCache(group GroupID, user UserID, g groupWord, s standingWord) error {
	var now int64
	if s.timed() {
		now = e.now()
	}
	until, reason := decide(g, s, now)
	if reason == nil {
		return nil
	}
	return e.sharedRefusal(group, user, refusal{reason, until})
}

// maySpeak reads the store, and has the cache keep what it read.
func (a Actor) maySpeak(ctx context.Context, group GroupID) error {
	return wrap(OpSpeak, group, a.answerFromStore(ctx, group))
}

func (a Actor) answerFromStore(ctx context.Context, group GroupID) error {
	if err := a.check(group); err != nil {
		return err
	}
	c := a.eng.words
	keeps := c != nil && a.tx == nil && a.isUser
	var before wordcache.Snapshot
	if keeps {
		key := c.Key(string(group))
		before = c.Snapshot(key, c.UserKey(key, string(a.user)))
	}
	q := coldRead{keys: a.keys(group)}
	if err := a.view(ctx, q.read); err != nil {
		return err
	}
	if keeps {
		c.Keep(before, uint64(q.group), uint64(q.me))
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
	return about(a.user, mutedError(reason, until))
}

// A coldRead reads what MaySpeak has to know, and no more of it: most messages of an
// application whose store is shared lead here.
type coldRead struct {
	keys  [][]byte
	group groupWord
	me    standingWord
	err   error
}

func (q *coldRead) read(r store.Reader) error {
	q.group, q.me, q.err = wordOfGroup(false, nil), wordOfStanding(&record.Standing{}), nil
	if err := store.VisitKeys(r, q.keys, q.see); err != nil {
		return storage(err)
	}
	return q.err
}

// see takes in the group, and then the user's standing, which is under one of two keys.
func (q *coldRead) see(i int, value []byte) bool {
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

// mutedError is the cause of a refusal to let someone speak.
func mutedError(reason error, until int64) error {
	if reason == ErrMuted || reason == ErrGroupMuted {
		return &MutedError{WholeGroup: reason == ErrGroupMuted, Until: instant(until)}
	}
	return reason
}

// sharedRefusal is the error of MaySpeak, one for all calls that are refused alike. It has
// ids of its own: those of a caller may be parts of something large.
func (e *Engine) sharedRefusal(group GroupID, user UserID, r refusal) error {
	key := e.words.UserKey(e.words.Key(string(group)), string(user))
	if err, ok := e.refusals.Get(key, r); ok {
		return err
	}
	err := &Error{Op: OpSpeak, Group: GroupID(strings.Clone(string(group))), Err: mutedError(r.reason, r.until)}
	if r.reason != ErrGroupNotFound {
		err.User = UserID(strings.Clone(string(user)))
	}
	e.refusals.Put(key, r, err)
	return err
}
