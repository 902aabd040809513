package groupkit

import (
	"cmp"
	"context"
	"strings"

	"groupkit/internal/record"
	"groupkit/internal/wordcache"
	"groupkit/store"
)

// The operation of MaySpeak.
const OpSpeak Op = "speak"

// MaySpeak returns nil if the actor is allowed to speak in the group now. Call it for each
// message: where this process alone has the store, the answer comes from memory without an
// allocation. Where several processes share the store, each call reads it, unless
// Options.MaxStaleness allows the answer to be as old as that. The same error value can be
// returned to several calls; do not change it.
//
// The actor's own mute is checked first; it applies to admins too. Then the mute of the whole
// group is checked. The owner, admins and members on the allow list are exempt from it.
//
// Allowed: owner, admin, member, system.
// Returns ErrMuted if the actor is muted, ErrGroupMuted if the whole group is muted,
// ErrNotMember if the actor is not a member, ErrBlacklisted if the actor is blocked,
// ErrGroupNotFound if the group does not exist or the actor cannot see it. The cause of
// ErrMuted and ErrGroupMuted is a [*MutedError] with the end of the mute.
func (a Actor) MaySpeak(ctx context.Context, group GroupID) error {
	if a.eng == nil {
		return a.maySpeak(ctx, group)
	}
	c := a.eng.words
	if c == nil || !a.isUser || a.tx != nil || a.reason != "" || len(group)+len(a.user) > 2*maxID || ctx.Err() != nil || a.eng.closed.Load() {
		return a.maySpeak(ctx, group)
	}
	key := c.Key(string(group))
	if g, s, ok := c.Get(key, c.UserKey(key, string(a.user))); ok {
		return a.eng.answerFromCache(group, a.user, groupWord(g), standingWord(s))
	}
	return a.maySpeak(ctx, group)
}

// answerFromCache returns the answer for two words from the cache. It reads the clock only if
// the answer depends on the time.
func (e *Engine) answerFromCache(group GroupID, user UserID, g groupWord, s standingWord) error {
	until, reason, err := e.decideNow(g, s)
	switch {
	case err != nil:
		return wrap(OpSpeak, group, err)
	case reason == nil:
		return nil
	}
	return e.sharedRefusal(group, user, refusal{reason, until})
}

// decideNow is decide at the current time. Only an end makes the answer depend on the time; without
// one the clock is not read.
func (e *Engine) decideNow(g groupWord, s standingWord) (until int64, reason, err error) {
	var now int64
	if s.timed() {
		if now, err = e.now(); err != nil {
			return 0, nil, err
		}
	}
	until, reason = decide(g, s, now)
	return until, reason, nil
}

// maySpeak is MaySpeak without the cache. It reads the store, and caches what it has read.
func (a Actor) maySpeak(ctx context.Context, group GroupID) error {
	return a.observe(ctx, OpSpeak, group, 0, func(a Actor) error { return wrap(OpSpeak, group, a.answerFromStore(ctx, group)) })
}

// answerFromStore takes a snapshot of the cache before it reads, so that the cache does not
// keep what a concurrent change has made outdated.
func (a Actor) answerFromStore(ctx context.Context, group GroupID) error {
	if err := a.check(group); err != nil {
		return err
	}
	c := a.eng.words
	caches := c != nil && a.tx == nil && a.isUser // a transaction reads what is not committed
	var before wordcache.Snapshot
	if caches {
		key := c.Key(string(group))
		before = c.Snapshot(key, c.UserKey(key, string(a.user)))
	}
	q := coldRead{keys: a.keys(group)}
	if err := a.view(ctx, q.read); err != nil {
		return err
	}
	if caches {
		c.Keep(before, uint64(q.group), uint64(q.me))
	}
	if !a.isUser {
		if q.group&groupLive == 0 {
			return ErrGroupNotFound
		}
		return nil
	}
	until, reason, err := a.eng.decideNow(q.group, q.me)
	if err != nil || reason == nil || reason == ErrGroupNotFound {
		return cmp.Or(err, reason)
	}
	return about(a.user, silenced(reason, until))
}

// A coldRead reads the two records that MaySpeak needs, the header of the group and the
// standing of the user, and keeps only their words. MaySpeak makes one for each call that the
// cache cannot answer. Where several processes share the store there is mostly no cache, so this is
// the path of every message, and it should allocate little.
type coldRead struct {
	keys  [][]byte
	group groupWord
	me    standingWord
	err   error
}

// read can run more than once, if the store repeats the transaction.
func (q *coldRead) read(r store.Reader) error {
	q.group, q.me, q.err = wordOfGroup(false, nil), wordOfStanding(&record.Standing{}), nil
	if err := store.VisitKeys(r, q.keys, q.see); err != nil {
		return storage(err)
	}
	return q.err
}

// see takes the value of one key: the header of the group, then the standing of the user as
// a member, then the standing of the user as an outsider. It returns whether the next key is
// needed.
func (q *coldRead) see(i int, value []byte) bool {
	if value == nil {
		return i > 0 // without a header there is no group
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

// silenced returns the cause for a result of decide.
func silenced(reason error, until int64) error {
	switch reason {
	case ErrMuted, ErrGroupMuted:
		return &MutedError{WholeGroup: reason == ErrGroupMuted, Until: instant(until)}
	case ErrBlacklisted:
		return &BlockedError{instant(until)}
	}
	return reason
}

// sharedRefusal returns the error of MaySpeak. Calls with the same group, user and refusal get
// the same error. The error contains copies of the IDs, because the IDs of the caller can be
// parts of a large string.
func (e *Engine) sharedRefusal(group GroupID, user UserID, r refusal) error {
	key := e.words.UserKey(e.words.Key(string(group)), string(user))
	if err, ok := e.refusals.Get(key, r); ok {
		return err
	}
	err := &Error{Op: OpSpeak, Group: GroupID(strings.Clone(string(group))), Err: silenced(r.reason, r.until)}
	if r.reason != ErrGroupNotFound {
		err.User = UserID(strings.Clone(string(user)))
	}
	e.refusals.Put(key, r, err)
	return err
}
