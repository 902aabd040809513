package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"groupkit"
	"groupkit/cmd/groupctl/internal/term"
)

// batches is a verb under way on users, in as many calls as it takes.
type batches struct {
	c        *cli
	verb     *userVerb
	manner   *manner
	group    groupkit.GroupID
	users    []groupkit.UserID
	duration time.Duration

	results groupkit.Results // so far
}

// run makes the calls one after another and prints what they did. It ends at the first call that fails as a
// whole, or between two calls if it is interrupted.
func (b *batches) run(ctx context.Context, opts groupkit.Options) error {
	if calls := (len(b.users) + b.verb.batch - 1) / b.verb.batch; calls > 1 && b.manner.given("if-version") {
		return usage("--if-version holds for one call, and %d users take %d calls", len(b.users), calls)
	}
	return b.c.change(ctx, opts, func(db *database) error {
		failed := b.calls(ctx, db)
		if err := b.report(ctx, db); err != nil {
			return err
		}
		return b.err(failed)
	})
}

func (b *batches) calls(ctx context.Context, db *database) error {
	progress := new(term.Progress)
	if len(b.users) > b.verb.batch {
		progress = b.c.err.Progress(b.verb.do, int64(len(b.users)), "users")
	}
	defer progress.End()
	call := 0
	for users := range slices.Chunk(b.users, b.verb.batch) {
		if err := ctx.Err(); err != nil {
			return err
		}
		results, err := b.call(ctx, b.manner.actor(db.Engine, call), users)
		if err != nil && (len(results) == 0 || len(results.Succeeded()) > 0) { // the call failed, not its entries
			return err
		}
		b.results = append(b.results, results...)
		if err := b.printed(results); err != nil {
			return err
		}
		progress.Set(int64(len(b.results)))
		call++
	}
	return nil
}

func (b *batches) call(ctx context.Context, a groupkit.Actor, users []groupkit.UserID) (groupkit.Results, error) {
	if b.verb.lasting != nil {
		return b.verb.lasting(a, ctx, b.group, b.duration, users)
	}
	return b.verb.call(a, ctx, b.group, users)
}

// printed prints the results of a call as lines of JSON, with --json.
func (b *batches) printed(results groupkit.Results) error {
	if !b.c.json {
		return nil
	}
	for i := range results {
		if err := b.c.encode(&results[i]); err != nil {
			return err
		}
	}
	return nil
}

// report prints for people what was done, and to whom if it was not done to all.
func (b *batches) report(ctx context.Context, db *database) error {
	done := b.results.Succeeded()
	if b.c.json || len(done) == 0 {
		return nil
	}
	if err := b.c.say("%s", b.summary(ctx, db, done)); err != nil {
		return err
	}
	if len(done) == len(b.users) {
		return nil
	}
	for _, user := range done {
		if err := b.c.say("  %s", term.Clean(string(user))); err != nil {
			return err
		}
	}
	return nil
}

// summary says in a line what was done.
func (b *batches) summary(ctx context.Context, db *database, done []groupkit.UserID) string {
	who := term.Clean(string(done[0]))
	if len(done) > 1 {
		who = countOf(len(done), "user", "users")
	}
	text := fmt.Sprintf("%s %s %s %s", b.c.said(b.verb.done, b.verb.do), who, b.verb.in, term.Clean(string(b.group)))
	if b.verb.lasting != nil {
		text += " " + b.until()
	}
	if n := b.joined(); n > 0 && b.verb.name == "invite" {
		text += fmt.Sprintf("; %s joined at once", countOf(n, "user", "users"))
	}
	if g, err := db.System().Group(ctx, b.group); err == nil && !b.c.dryRun { // what was done is said without the version too
		text += fmt.Sprintf(" (version %d)", g.Version)
	}
	return text
}

func (b *batches) until() string {
	i := slices.IndexFunc(b.results, func(r groupkit.Result) bool { return r.Err == nil })
	if b.duration == groupkit.Forever {
		return "for ever"
	}
	return "until " + b.c.out.Time(b.results[i].Until)
}

// joined returns how many users became members.
func (b *batches) joined() (n int) {
	for i := range b.results {
		if b.results[i].Outcome == groupkit.OutcomeJoined {
			n++
		}
	}
	return n
}

// err names the users who were refused, and returns the error of the command.
func (b *batches) err(failed error) error {
	if failed == nil && len(b.users) == 1 && b.results[0].Err != nil {
		return b.results[0].Err
	}
	var causes []error
	for i := range b.results {
		if err := b.results[i].Err; err != nil {
			causes = append(causes, err)
			b.c.note("%s: %s", term.Clean(string(b.results[i].User)), term.Clean(reasonOf(err)))
		}
	}
	switch {
	case failed != nil && len(b.results) > 0 && len(b.results) < len(b.users):
		return hint(fmt.Errorf("%w; %d of %d users were done before", failed, len(b.results), len(b.users)), "%s", b.goOn())
	case failed != nil:
		return failed
	case len(causes) > 0:
		return exitError{partialError{fmt.Sprintf("%d of %d users were refused", len(causes), len(b.users)), causes}, exitRefused}
	}
	return nil
}

// goOn says how to go on after the end of a command that has done some users.
func (b *batches) goOn() string {
	if b.manner.given("once") {
		return "Run the same command again: with its key nothing is done twice."
	}
	return fmt.Sprintf("Run it again with the users that are left; the next one is %q.", string(b.users[len(b.results)]))
}

// A partialError says that a part was refused.
type partialError struct {
	text   string
	causes []error
}

func (e partialError) Error() string   { return e.text }
func (e partialError) Unwrap() []error { return e.causes }

// reasonOf returns why a user was refused, without what is the same for all.
func reasonOf(err error) string {
	if e, ok := errors.AsType[*groupkit.Error](err); ok {
		return e.Err.Error()
	}
	return err.Error()
}
