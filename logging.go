package groupkit

import (
	"errors"
	"time"

	"groupkit/store"
)

// What the engine tells Options.Logger. Every message and every key of an attribute stands in this file, so that
// nothing private is among them: no name, text or reason, and of an *Error not the user.
// Messages and keys do not change.
const (
	logOpened     = "groupkit: opened"
	logClosed     = "groupkit: closed"
	logUnclosed   = "groupkit: closing failed"
	logFailed     = "groupkit: background work failed"
	logNewHistory = "groupkit: a new history begins"
	logForeign    = "groupkit: the contents of files belong to another database, or to a newer state of this one: none is removed until AdoptContents is called"
	logUpgrade    = "groupkit: the data is being brought up to date"
	logUpgraded   = "groupkit: the data is up to date"
	logResuming   = "groupkit: what was cut off is being finished"
	logResumed    = "groupkit: what was cut off is finished"
	logSettled    = "groupkit: the work after the opening has ended"
	logLease      = "groupkit: the background work of the store"
)

// logOpened tells of an opening.
func (e *Engine) logOpened(took time.Duration) {
	attrs := []any{"store", e.storeKind()}
	if s, ok := e.store.(interface{ Path() string }); ok {
		attrs = append(attrs, "path", s.Path())
	}
	attrs = append(attrs, "shared", e.shared, "read_only", e.opts.ReadOnly, "format", format, "history", e.presentHistory(), "opening", e.opening.Load(), "took", took)
	e.opts.Logger.Info(logOpened, attrs...)
}

// storeKind is the kind of the store; "other" if it does not say it.
func (e *Engine) storeKind() string {
	if kind := store.StatsOf(e.store).Kind; kind != "" {
		return kind
	}
	return "other"
}

// logClose tells how closing has ended.
func (e *Engine) logClose(err error) {
	if err != nil {
		e.opts.Logger.Error(logUnclosed, failure(err)...)
		return
	}
	e.opts.Logger.Info(logClosed, "store", e.storeKind(), "history", e.presentHistory())
}

// failed tells that background work has failed, unless the engine is closed.
func (e *Engine) failed(task Task, err error) {
	if err != nil && !e.closed.Load() {
		e.opts.Logger.Error(logFailed, append([]any{"task", string(task)}, failure(err)...)...)
	}
}

// logNewHistory tells that versions can be used again for other events.
func (e *Engine) logNewHistory(before, reason string) {
	e.opts.Logger.Warn(logNewHistory, "reason", reason, "before", before, "history", e.presentHistory())
}

func (e *Engine) logForeignContents() {
	e.opts.Logger.Warn(logForeign, "history", e.presentHistory(), "opening", e.opening.Load())
}

// logUpgrade tells of an upgrade that begins, or goes on.
func (e *Engine) logUpgrade(from int, resumed bool) {
	e.opts.Logger.Info(logUpgrade, "store", e.storeKind(), "from", from, "to", format, "resumed", resumed)
}

func (e *Engine) logUpgraded(from int, took time.Duration) {
	e.opts.Logger.Info(logUpgraded, "store", e.storeKind(), "from", from, "to", format, "took", took)
}

// logResuming tells what the engines before have left. Nobody knows how many contents that is.
func (e *Engine) logResuming(p *Pending) {
	e.opts.Logger.Info(logResuming, "deletions", p.Deletions, "loads", p.Loads, "pseudonyms", p.Pseudonyms, "contents", p.Contents > 0)
}

func (e *Engine) logResumed(took time.Duration) { e.opts.Logger.Info(logResumed, "took", took) }

func (e *Engine) logSettled() { e.opts.Logger.Debug(logSettled) }

// logLease tells that this engine does the background work of a shared store, or no longer.
func (e *Engine) logLease(held bool) { e.opts.Logger.Info(logLease, "held", held) }

// failure returns the attributes of an error.
func failure(err error) []any {
	return []any{"code", Code(err), "err", withoutUser(err).Error()}
}

// withoutUser removes the users from the errors of the engine that err consists of. Its text no longer names them, except
// where a record is damaged.
func withoutUser(err error) error {
	switch e := err.(type) { //nolint:errorlint // it walks the tree itself
	case *Error:
		return &Error{Op: e.Op, Group: e.Group, Err: withoutUser(e.Err)}
	case interface{ Unwrap() []error }:
		all := e.Unwrap()
		if joined := errors.Join(all...); joined != nil && joined.Error() == err.Error() { // not a text of its own
			var bare []error
			for _, one := range all {
				bare = append(bare, withoutUser(one))
			}
			return errors.Join(bare...)
		}
	}
	return err
}
