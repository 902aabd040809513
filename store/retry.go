package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

// Retry is how a store runs a transaction again that other writers have disturbed. The zero
// Retry has the defaults.
type Retry struct {
	Within time.Duration // no attempt begins later than this after the first; default: 30 s
	Pause  time.Duration // the longest pause after the first attempt; it doubles each time; default: 2 ms
	Most   time.Duration // the longest pause of all; default: 500 ms
}

// A ConflictError is what is left when Retry gives up. It matches [ErrConflict] and the error
// of the context, if that has ended.
type ConflictError struct {
	Attempts int   // how many times the transaction ran
	Last     error // the error of the last attempt
	Ended    error // the error of the context; nil if the time of Retry was over
}

// Error returns the number of attempts and the last error.
func (e *ConflictError) Error() string {
	text := fmt.Sprintf("%v (%d attempts)", e.Last, e.Attempts)
	if e.Ended != nil {
		text += ": " + e.Ended.Error()
	}
	return text
}

// Unwrap returns the errors that the error matches.
func (e *ConflictError) Unwrap() []error {
	errs := []error{ErrConflict, e.Last}
	if e.Ended != nil {
		errs = append(errs, e.Ended)
	}
	return errs
}

// Do calls attempt until its error does not match ErrConflict. Between attempts it pauses for a
// random time up to a bound, which doubles. When ctx ends, or when the time is over, it
// returns a [*ConflictError].
func (r Retry) Do(ctx context.Context, attempt func() error) error {
	within, pause, most := cmp.Or(r.Within, 30*time.Second), cmp.Or(r.Pause, 2*time.Millisecond), cmp.Or(r.Most, 500*time.Millisecond)
	began := time.Now()
	for n := 1; ; n++ {
		err := attempt()
		if !errors.Is(err, ErrConflict) {
			return err
		}
		wait := rand.N(min(pause, most) + 1)
		if time.Since(began)+wait > within {
			return &ConflictError{Attempts: n, Last: err}
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return &ConflictError{Attempts: n, Last: err, Ended: ctx.Err()}
		}
		pause = min(2*pause, most)
	}
}
