package groupkit

import (
	"context"
	"iter"
	"time"
)

// Hooks are functions that tell the application what the engine does: for metrics, traces and a log
// of slow calls. A nil function costs nothing. The zero value has no hooks.
//
// A hook is called outside of transactions, after everything is done: it cannot change, delay or
// prevent a commit. It runs on the goroutine of the call, so the caller waits for it. It can call the
// engine; those calls are told too. If it panics, the panic goes to the caller, although the
// call has had its effect. In the background a panic ends the process, as that of any goroutine does. Calls run
// at the same time, and so do their hooks.
type Hooks struct {
	// Call is called once after each call of the API, with the context of the call: after each method
	// of Actor and Engine that has an Op, also if it was refused. An iterator is told when its loop ends, each loop once. What a
	// call does by other calls is part of it. Not told are
	//
	//   - answers of MaySpeak from memory; [Engine.Stats] counts them;
	//   - calls of the actors of a Tx, because the transaction is still open, and calls that return ErrNested inside
	//     Atomic: Atomic is told as a whole;
	//   - Open, New and Upgrade; Options.Logger gets them;
	//   - the methods of a Follower. Follow and FollowAll are told when they return;
	//   - a call that ends with a panic of the application's own code.
	Call func(ctx context.Context, c CallInfo)

	// Task is called after each piece of background work; see [Task].
	Task func(t TaskInfo)
}

// CallInfo is what Hooks.Call is told about a call.
type CallInfo struct {
	Op    Op
	Group GroupID // "" if the call is about no single group
	Users int     // how many users the call names as its targets; 0 for reads

	// Err is the error that the call returned, of an iterator the one with which it ended.
	Err error

	// Code is Code(Err): "" if the call succeeded, and for errors that are not from the engine, such as context.Canceled.
	Code string

	// Duration is the time from the call until it returned. That of an iterator includes the body of the loop, that of UploadFile the
	// time in which its reader waited.
	Duration time.Duration

	// Retries is how often a transaction of the call had to run again. It is 0 on a store of one's own.
	Retries int
}

// A Task is a kind of background work.
type Task string

// The kinds of background work.
const (
	TaskResume    Task = "resume"           // what was cut off is finished, once after each opening
	TaskCare      Task = "care"             // a look at a shared store, every 15 s: what other processes have left is finished
	TaskSweep     Task = "sweep"            // a Sweep by Options.SweepEvery
	TaskRetention Task = "retention"        // the part of any Sweep that cuts logs, if Options.Retention is set
	TaskContents  Task = "remove contents"  // contents of deleted files are removed, after they had to wait for the disk
	TaskCount     Task = "count"            // groups and memberships are counted by Options.CountEvery
	TaskCompare   Task = "compare contents" // whether the contents of files belong to the database is found out; logged only if it fails
	TaskFollow    Task = "follow"           // reading events for followers has begun to fail, and is tried again
	TaskLoad      Task = "remove load"      // what a load that failed has stored is removed
)

// TaskInfo is what Hooks.Task is told about background work.
type TaskInfo struct {
	Task     Task
	Err      error
	Code     string // Code(Err)
	Duration time.Duration
}

// observe runs a call of the API and tells Hooks.Call of it, unless it is part of another call or of a
// transaction.
func (a Actor) observe(ctx context.Context, op Op, group GroupID, users int, run func(Actor) error) error {
	if !a.observed() {
		return run(a)
	}
	return a.eng.observe(ctx, CallInfo{Op: op, Group: group, Users: users}, func(s *span) error {
		inner := a
		inner.span = s
		return run(inner)
	})
}

// observed reports whether Hooks.Call is told of the calls of the actor.
func (a Actor) observed() bool {
	return a.eng != nil && a.eng.opts.Hooks.Call != nil && a.span == nil && a.tx == nil
}

// observeOne is Actor.observe for a call that returns a value.
func observeOne[T any](ctx context.Context, a Actor, op Op, group GroupID, run func(Actor) (T, error)) (out T, err error) {
	err = a.observe(ctx, op, group, 0, func(a Actor) (err error) {
		out, err = run(a)
		return err
	})
	return out, err
}

// observeTwo is Actor.observe for a call that returns two values.
func observeTwo[T, U any](ctx context.Context, a Actor, op Op, group GroupID, run func(Actor) (T, U, error)) (out T, more U, err error) {
	err = a.observe(ctx, op, group, 0, func(a Actor) (err error) {
		out, more, err = run(a)
		return err
	})
	return out, more, err
}

// observeEach is Actor.observe for an iterator. Each loop over it is one call.
func observeEach[T any](ctx context.Context, a Actor, op Op, group GroupID, each func(Actor) iter.Seq2[T, error]) iter.Seq2[T, error] {
	if !a.observed() {
		return each(a)
	}
	return func(yield func(T, error) bool) {
		_ = a.observe(ctx, op, group, 0, func(a Actor) (ended error) {
			for item, err := range each(a) {
				ended = err
				if !yield(item, err) {
					break
				}
			}
			return ended
		})
	}
}

// quietly returns the system as an actor of whose calls nobody is told: they are part of other work.
func (e *Engine) quietly() Actor { return Actor{eng: e, span: new(span)} }

// observe runs a call and tells Hooks.Call of it.
func (e *Engine) observe(ctx context.Context, c CallInfo, run func(*span) error) error {
	if !e.opened() || e.opts.Hooks.Call == nil {
		return run(nil)
	}
	s := spans.Get().(*span)
	*s = span{}
	began := time.Now()
	c.Err = run(s)
	c.Duration, c.Code, c.Retries = time.Since(began), Code(c.Err), s.retries
	spans.Put(s)
	if c.Err == nil || !e.atomics.here() {
		e.opts.Hooks.Call(ctx, c)
	}
	return c.Err
}

// observeTask runs background work, and tells Hooks.Task of it.
func (e *Engine) observeTask(task Task, run func() error) error {
	if e.opts.Hooks.Task == nil {
		return run()
	}
	began := time.Now()
	err := run()
	e.opts.Hooks.Task(TaskInfo{Task: task, Err: err, Code: Code(err), Duration: time.Since(began)})
	return err
}
