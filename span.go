package groupkit

import "sync"

// A span counts the retries of one call for Hooks.Call: how often the store ran the function of a
// transaction again, or the engine ran a transaction again whose commit was lost. It is in the
// Actor of the call, and so in everything that the call does. It is nil if nobody is told: its methods
// then do nothing. One goroutine at a time uses it.
type span struct {
	fresh   bool // the transaction that has begun last has not run yet
	retries int
}

var spans = sync.Pool{New: func() any { return new(span) }}

// begin begins a transaction.
func (s *span) begin() {
	if s != nil {
		s.fresh = true
	}
}

// run counts one run of the function of the transaction.
func (s *span) run() {
	if s == nil {
		return
	}
	if !s.fresh {
		s.retries++
	}
	s.fresh = false
}
