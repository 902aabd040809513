package groupkit

import (
	"context"
	"errors"

	"groupkit/internal/feed"
	"groupkit/internal/wordcache"
	"groupkit/store"
)

// An afterCommit collects the calls of one transaction and does the work that must wait for
// the commit: it publishes events to followers, removes the contents of deleted files and
// finishes deletions. The cache changes with the commit. Events are published, and contents
// removed, when the commit is durable. Every call that was added must end in run or discard;
// until then the cache does not keep what the call changes. Actor.update and Atomic use it.
type afterCommit struct {
	calls []committing
}

// A committing is a call whose transaction has not ended yet.
type committing struct {
	*change
	effects *effects
	pending wordcache.Pending // the words that the call changes, for the cache
}

// add adds a call. It must run before the call is written.
func (s *afterCommit) add(e *Engine, c *change, f *effects) {
	if c.logged() {
		s.calls = append(s.calls, committing{
			change: c, effects: f,
			pending: e.words.Begin(c.changedWords(e.words)),
		})
	}
}

// discard drops the calls of a transaction that failed or is run again.
func (s *afterCommit) discard(e *Engine) {
	for _, c := range s.calls {
		e.words.End(c.pending)
	}
	s.calls = nil
}

// run ends the transaction: it does the work of the calls if err is nil, and discards them
// otherwise.
func (s *afterCommit) run(caller context.Context, e *Engine, err error) error {
	if errors.Is(err, store.ErrCommitUnknown) && e.staleness() == 0 {
		s.calls = nil // the commit can still come: the cache never keeps what it changes
	}
	if err != nil {
		s.discard(e)
		return err
	}
	calls := s.calls
	s.calls = nil
	ctx := context.WithoutCancel(caller)
	for _, c := range calls {
		e.words.End(c.pending)
	}
	if e.broker.Followed() {
		for _, c := range calls {
			store.AfterSync(e.store, func() { e.broker.Publish(ctx, c.place(), c.publicEvents) })
		}
	}
	for _, c := range calls {
		e.removeEach(ctx, c.effects.contents)
		if c.effects.deleted {
			err = errors.Join(err, e.finishDeletion(caller, c.id))
		}
	}
	return err
}

// place is the place of the call in the feeds.
func (c *change) place() feed.Call {
	if c.loads {
		return feed.Call{Group: string(c.id), First: c.head.Version, Last: c.head.Version, Number: c.call.Commit}
	}
	return feed.Call{Group: string(c.id), First: c.firstVersion(), Last: c.head.Version, Number: c.call.Commit}
}

// firstVersion is the version of the first event of the call.
func (c *change) firstVersion() uint64 { return c.head.Version + 1 - uint64(len(c.call.Events)) }

// publicEvents are the events of the call as followers get them.
func (c *change) publicEvents() []delivery {
	if c.loads {
		return []delivery{loadedDelivery(c.id, c.call.Commit)}
	}
	return deliveries(c.id, c.head.Version, &c.call)
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
