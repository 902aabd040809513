package groupkit

import (
	"context"
	"errors"
)

// An afterCommit is what is left to do when a transaction has been committed: subscribers
// are told, deletions finished, contents of files removed.
type afterCommit struct {
	calls []committing
}

// A committing is a call that is part of a transaction under way.
type committing struct {
	*change
	effects *effects
}

// add notes a call that is about to be written.
func (s *afterCommit) add(e *Engine, c *change, f *effects) {
	if len(c.call.Events) > 0 {
		s.calls = append(s.calls, committing{c, f})
		e.hub.begin(c)
		e.cache.begin(c)
	}
}

// discard drops what an earlier run of the same transaction noted.
func (s *afterCommit) discard(e *Engine) {
	for _, c := range s.calls {
		e.cache.end(c.change)
		e.hub.end(context.Background(), c.change, false)
	}
	s.calls = nil
}

// run does what is left after the transaction that ended with err.
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
			_ = e.blobs.Delete(context.WithoutCancel(ctx), content) // what stays behind is swept at the next opening
		}
		if c.effects.deleted {
			err = errors.Join(err, e.finishDeletion(ctx, c.id))
		}
	}
	return err
}
