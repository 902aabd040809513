package groupkit

import (
	"context"
	"errors"
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
	effects *effects
}

// add adds a call. It must run before the call is written.
func (s *afterCommit) add(e *Engine, c *change, f *effects) {
	if len(c.call.Events) > 0 {
		s.calls = append(s.calls, committing{c, f})
		e.hub.begin(c)
		e.cache.begin(c)
	}
}

// discard drops the calls of a transaction that failed or is run again.
func (s *afterCommit) discard(e *Engine) {
	for _, c := range s.calls {
		e.cache.end(c.change)
		e.hub.end(context.Background(), c.change, false)
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
		e.cache.end(c.change)
		e.hub.end(context.WithoutCancel(ctx), c.change, true)
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
