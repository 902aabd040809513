package main

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"groupkit"
	"groupkit/cmd/groupctl/internal/term"
)

const logLong = `Log prints the events of a group, or with --all of all groups, the oldest first. With
--follow it goes on with the events as they come, until it is interrupted; it then says
how to go on after the last one. It follows a file that another process shares, and a
PostgreSQL database. A file that no process has does not change: groupctl keeps it from
being opened to write meanwhile.

--from is a version of the group; with --all it is a position, as an interrupt prints it.
--limit prints the last events only; with --from, the first ones from there.

Where the beginning of a log was removed (retention), the first line is a checkpoint.`

func (c *cli) logCommand() *cobra.Command {
	l := &logReader{cli: c}
	cmd := &cobra.Command{
		Use: "log {GROUP | --all}", Short: "Print the log of a group, or of all groups", Long: logLong,
		Example: "  groupctl log night-watch --limit 20\n  groupctl log night-watch --follow --json | jq -c 'select(.kind == \"member_muted\")'\n  groupctl log --all --follow",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case l.all == (len(args) == 1):
				return usage("want a group, or --all")
			case l.limit < 0:
				return usage("--limit %d: want 0 or more", l.limit)
			}
			ctx, cancel := context.WithCancelCause(cmd.Context())
			defer cancel(nil)
			opts := &groupkit.Options{Clock: c.now, ReadOnly: true, Hooks: groupkit.Hooks{Task: func(t groupkit.TaskInfo) {
				if t.Task == groupkit.TaskFollow { // the engine tries again and again; a person wants to know
					cancel(unreadable{t.Err})
				}
			}}}
			return c.with(ctx, opts, func(db *database) error {
				if l.all {
					return l.run(ctx, db, "")
				}
				return db.inGroup(ctx, args[0], func(db *database, group groupkit.GroupID) error { return l.run(ctx, db, group) })
			})
		},
	}
	flags := cmd.Flags()
	flags.BoolVar(&l.all, "all", false, "of all groups, in the order of the changes")
	flags.BoolVarP(&l.follow, "follow", "f", false, "go on with the events as they come")
	flags.StringVar(&l.from, "from", "", "version to begin with; with --all, position after which to begin")
	flags.IntVarP(&l.limit, "limit", "n", 0, "how many events to print; 0: all")
	return cmd
}

// A logReader prints events: first those that there are, then those that come.
type logReader struct {
	*cli
	all, follow bool
	from        string
	limit       int

	table   *term.Table
	held    []groupkit.Event // the last ones that there are, if only these are to be printed
	live    bool             // what there was is printed
	printed int
	next    string // where to go on, for --from
}

// unreadable is why following ends: new events cannot be read.
type unreadable struct{ error }

// errEnough: as many events were printed as were asked for.
var errEnough = errors.New("enough")

// run prints the events of a group, or of all groups if it is "".
func (l *logReader) run(ctx context.Context, db *database, group groupkit.GroupID) error {
	columns := []term.Column{{Head: "TIME"}, {Head: "GROUP"}, {Head: "VERSION", Kind: term.Number}, {Head: "ACTOR"}, {Head: "EVENT", Kind: term.Sentence}}
	if !l.all {
		columns = append(columns[:1], columns[2:]...)
	}
	l.table, l.next = l.out.Table(columns...), l.from
	var err error
	if l.all {
		err = l.readAll(ctx, db)
	} else {
		err = l.readGroup(ctx, db, group)
	}
	if released := l.release(); released != nil {
		return errors.Join(err, released)
	}
	failed, unread := errors.AsType[unreadable](context.Cause(ctx))
	switch {
	case err == nil, errors.Is(err, errEnough):
		return nil
	case unread:
		err = exitError{db.place.wrap(failed.error), exitStorage}
	case errors.Is(err, context.Canceled):
		err = exitError{errors.New("interrupted"), exitInterrupted}
	case !l.live:
		return err
	}
	return hint(err, "Go on with: %s", l.again(group))
}

// readGroup prints the log of a group, and with --follow what comes.
func (l *logReader) readGroup(ctx context.Context, db *database, group groupkit.GroupID) error {
	from, err := l.version()
	if err != nil {
		return err
	}
	g, err := db.System().Group(ctx, group)
	if err != nil && !errors.Is(err, groupkit.ErrGroupNotFound) { // the log of a deleted group can still be read
		return err
	}
	if l.limit > 0 && l.from == "" && g.Version > uint64(l.limit) {
		from = g.Version - uint64(l.limit) + 1
	}
	last := max(from, 1) - 1
	for e, err := range db.System().Events(ctx, group, from) {
		if err != nil {
			return err
		}
		if err := l.take(&e, version(e.Version+1)); err != nil {
			return err
		}
		if last = e.Version; e.Kind == groupkit.GroupDeleted {
			return nil
		}
	}
	if !l.follow {
		return nil
	}
	f, err := db.System().Follow(ctx, group, db.Position(last))
	if err != nil {
		return err
	}
	defer f.Close()
	if err := l.goLive(); err != nil {
		return err
	}
	for e, err := range f.All(ctx) {
		if err != nil {
			return err
		}
		if err := l.take(&e, version(e.Version+1)); err != nil || e.Kind == groupkit.GroupDeleted {
			return err
		}
	}
	return nil
}

// version returns the version to begin with.
func (l *logReader) version() (uint64, error) {
	if l.from == "" {
		return 0, nil
	}
	n, err := strconv.ParseUint(l.from, 10, 64)
	if err != nil {
		return 0, usage("--from %q: want a version of the group, such as 12", l.from)
	}
	return n, nil
}

func version(n uint64) string { return strconv.FormatUint(n, 10) }

// readAll prints the logs of all groups, and with --follow what comes.
func (l *logReader) readAll(ctx context.Context, db *database) error {
	from, err := groupkit.ParsePosition(l.from)
	if err != nil {
		return usage("--from %q: want a position, as an interrupted \"log --all\" prints it", l.from)
	}
	end, err := endOfLogs(ctx, db)
	if err != nil {
		return err
	}
	f, err := db.System().FollowAll(ctx, from)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := l.catchUp(ctx, f, end); err != nil || !l.follow {
		return err
	}
	if err := l.goLive(); err != nil {
		return err
	}
	for e, err := range f.All(ctx) {
		if err != nil {
			return err
		}
		if err := l.take(&e, f.Position().String()); err != nil {
			return err
		}
	}
	return nil
}

// catchUp prints the events up to the end. The follower can get there without an event: behind a checkpoint of all groups. So
// the waiting for one is broken off, and its position looked at.
func (l *logReader) catchUp(ctx context.Context, f *groupkit.Follower, end groupkit.Position) error {
	const pause = 100 * time.Millisecond
	for wait := pause; !reached(f.Position(), end); {
		brief, cancel := context.WithTimeout(ctx, wait)
		e, err := f.Next(brief)
		cancel()
		switch {
		case ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded):
			wait *= 2 // the storage can be slow
			continue
		case err != nil:
			return err
		}
		wait = pause
		if err := l.take(&e, f.Position().String()); err != nil {
			return err
		}
	}
	l.next = f.Position().String()
	return nil
}

// endOfLogs returns the position after the last event that there is.
func endOfLogs(ctx context.Context, db *database) (groupkit.Position, error) {
	f, err := db.System().FollowAll(ctx, groupkit.Latest())
	if err != nil {
		return groupkit.Position{}, err
	}
	defer f.Close()
	return f.Position(), nil
}

// reached reports whether a position is at the end or behind it. The beginning of everything has no history.
func reached(p, end groupkit.Position) bool {
	return p.Group == "" && (p.History == end.History || p.History == "") && p.Version >= end.Version
}

// take prints an event, or holds it back as long as it can be one of the last. next is where to go on after it.
func (l *logReader) take(e *groupkit.Event, next string) error {
	l.next = next
	if l.limit > 0 && l.from == "" && !l.live {
		if l.held = append(l.held, *e); len(l.held) > l.limit {
			l.held = l.held[1:]
		}
		return nil
	}
	if err := l.print(e); err != nil {
		return err
	}
	if l.printed++; l.from != "" && l.printed == l.limit {
		return errEnough
	}
	if l.live {
		return l.table.Flush()
	}
	return nil
}

func (l *logReader) print(e *groupkit.Event) error {
	if l.json {
		return l.encode(e)
	}
	at := term.Styled{Text: l.out.Exact(e.At), Style: term.Faint}
	by := any(e.Actor)
	if e.Actor == "" {
		by = term.Styled{Text: actor(""), Style: term.Faint}
	}
	if l.all {
		return l.table.Row(at, e.Group, e.Version, by, describe(l.out, e))
	}
	return l.table.Row(at, e.Version, by, describe(l.out, e))
}

// goLive prints what was held back. From now on each event is written when it comes.
func (l *logReader) goLive() error {
	err := l.release()
	l.live = true
	return err
}

// release prints what was held back.
func (l *logReader) release() error {
	for i := range l.held {
		if err := l.print(&l.held[i]); err != nil {
			return err
		}
	}
	l.held = nil
	return l.table.Flush()
}

// again returns the command line that goes on after the last event.
func (l *logReader) again(group groupkit.GroupID) string {
	args := []string{"log", string(group)}
	if l.all {
		args[1] = "--all"
	}
	if l.next != "" {
		args = append(args, "--from", l.next)
	}
	for _, flag := range []struct {
		name string
		set  bool
	}{{"--follow", l.follow}, {"--json", l.json}} {
		if flag.set {
			args = append(args, flag.name)
		}
	}
	return l.line(args...)
}
