package groupkit

import (
	"context"
	"errors"

	"groupkit/internal/feed"
	"groupkit/internal/wordcache"
)

// An afterCommit collects the calls of one transaction and does the work that must wait for
// the commit: it publishes events to subscribers, removes the contents of deleted files and
// finishes deletions. Every call that was added must end in run or discard; until then the
// cache does not keep what the call changes. Actor.update and Atomic use it.
type afterCommit struct {
	calls []committing
}

// A committing is a call whose transaction has not ended yet.
type committing struct {
	*change
	effects  *effects
	inFlight feed.Call         // the call, for the broker
	pending  wordcache.Pending // the words that the call changes, for the cache
}

// add adds a call. It must run before the call is written.
func (s *afterCommit) add(e *Engine, c *change, f *effects) {
	if len(c.call.Events) > 0 {
		s.calls = append(s.calls, committing{
			change: c, effects: f,
			inFlight: e.broker.Begin(string(c.id), c.firstVersion(), c.head.Version),
			pending:  e.words.Begin(c.changedWords(e.words)),
		})
	}
}

// discard drops the calls of a transaction that failed or is run again.
func (s *afterCommit) discard(e *Engine) {
	for _, c := range s.calls {
		e.words.End(c.pending)
		e.broker.End(context.Background(), c.inFlight, false, nil)
	}
	s.calls = nil
}

// run ends the transaction: it does the work of the calls if err is nil, and discards them
// otherwise.
func (s *afterCommit) run(ctx context.Context, e *Engine, err error) error {
	if err != nil {
		s.discard(e)
		return err
	}
	calls := s.calls
	s.calls = nil
	for _, c := range calls {
		e.words.End(c.pending)
		e.broker.End(context.WithoutCancel(ctx), c.inFlight, true, c.publicEvents)
	}
	for _, c := range calls {
		for _, content := range c.effects.contents {
			_ = e.blobs.Delete(context.WithoutCancel(ctx), content) // the next opening removes what is left
		}
		if c.effects.deleted {
			err = errors.Join(err, e.finishDeletion(ctx, c.id))
		}
	}
	return err
}

// firstVersion is the version of the first event of the call.
func (c *change) firstVersion() uint64 { return c.head.Version + 1 - uint64(len(c.call.Events)) }

// publicEvents are the events of the call as subscribers get them.
func (c *change) publicEvents() (events []Event) {
	for i := range c.call.Events {
		events = append(events, publicEvent(c.id, c.firstVersion()+uint64(i), &c.call, &c.call.Events[i]))
	}
	return events
}

// changedWords are the keys of the words that the call changes.
func (c *change) changedWords(words *wordcache.Cache) (keys []wordcache.Key) {
	if words == nil {
		return nil
	}
	group := words.Key(string(c.id))
	if wordOfGroup(c.loaded.existed, &c.loaded.head) != wordOfGroup(true, c.head) {
		keys = append(keys, group)
	}
	for user, before := range c.loaded.standings {
		if wordOfStanding(&before) != wordOfStanding(c.state.standing(user)) {
			keys = append(keys, words.UserKey(group, user))
		}
	}
	return keys
}
