package main

import (
	"context"
	"encoding/json"
	"math"
	"time"

	"github.com/spf13/cobra"

	"groupkit"
	"groupkit/cmd/groupctl/internal/term"
)

const statsLong = `Stats prints the numbers of the process that has the database and shares it: commits,
latencies, the cache, followers, work. If no process has the file it prints what there is:
the size, groups, memberships. Both have the numbers of groups and of what they have:
those that the process has counted itself (Options.CountEvery), or counted now.

--watch shows them again and again, with rates, until it is interrupted: on a terminal it
paints the screen anew, otherwise it writes a line an interval. Latencies are those of
the interval. A process that shares its file is needed for that.`

func (c *cli) statsCommand() *cobra.Command {
	var watch bool
	var interval time.Duration
	cmd := &cobra.Command{
		Use: "stats", Short: "Print or watch the numbers of a database", Long: statsLong,
		Example: "  groupctl stats --db groups.db\n  groupctl stats --db groups.db --watch\n  groupctl stats --db groups.db --watch --interval 10s --json >> stats.jsonl",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if interval < leastInterval {
				return usage("--interval %v: want %v or more", interval, leastInterval)
			}
			if watch {
				return c.withCounts(cmd.Context(), recountEvery, func(db *database, _ <-chan error) error { return c.watchStats(cmd.Context(), db, interval) })
			}
			return c.withCounts(cmd.Context(), math.MaxInt64, func(db *database, counted <-chan error) error {
				st, err := db.stats(cmd.Context())
				if err == nil && st.Counts == nil {
					st.Counts, err = db.count(cmd.Context(), counted)
				}
				if err != nil {
					return err
				}
				return c.print(st, func() error { return c.out.Fields(statsFields(db, st)...) })
			})
		},
	}
	cmd.Flags().BoolVarP(&watch, "watch", "w", false, "print them again and again, with rates")
	cmd.Flags().DurationVar(&interval, "interval", time.Second, "how often to print with --watch")
	return cmd
}

const leastInterval = 100 * time.Millisecond

// recountEvery is how often the groups are counted while the numbers are watched.
const recountEvery = time.Minute

// withCounts opens the database to read it, begins to count its groups, and runs fn. counted gets the error of the first count.
func (c *cli) withCounts(ctx context.Context, every time.Duration, fn func(db *database, counted <-chan error) error) error {
	counted := make(chan error, 1)
	opts := &groupkit.Options{Clock: c.now, ReadOnly: true, CountEvery: every, Hooks: groupkit.Hooks{Task: func(t groupkit.TaskInfo) {
		if t.Task == groupkit.TaskCount {
			select {
			case counted <- t.Err:
			default:
			}
		}
	}}}
	return c.with(ctx, opts, func(db *database) error { return fn(db, counted) })
}

// stats returns the numbers of the engine that has the database: that of another process, or this one.
func (d *database) stats(ctx context.Context) (*groupkit.Stats, error) {
	st := new(groupkit.Stats)
	if d.shared == nil {
		*st = d.Engine.Stats()
		return st, nil
	}
	text, err := d.shared.Stats(ctx)
	if err != nil {
		return nil, d.place.wrap(err)
	}
	return st, json.Unmarshal(text, st)
}

// count waits until the groups are counted.
func (d *database) count(ctx context.Context, counted <-chan error) (*groupkit.Counts, error) {
	select {
	case err := <-counted:
		return d.Engine.Stats().Counts, err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// statsFields returns what is known about the database, and about the process that has it.
func statsFields(db *database, st *groupkit.Stats) []term.Field {
	fields := []term.Field{{Name: "Database", Value: db.place.given}, {Name: "Store", Value: st.Store.Kind}, {Name: "Size", Value: sizeWords(st)}}
	fields = append(fields, countFields(st.Counts)...)
	if db.shared == nil {
		return fields
	}
	return append(fields,
		term.Field{Name: "Opened", Value: st.Opened},
		term.Field{Name: "Changes", Value: durationWords(&st.Updates.Durations)},
		term.Field{Name: "Running", Value: number(st.Updates.Running)},
		term.Field{Name: "Commits", Value: durationWords(st.Store.Writing)},
		term.Field{Name: "Not durable", Value: known(st.Store.Unsaved, "commits")},
		term.Field{Name: "Cache", Value: cacheWords(st.Cache)},
		term.Field{Name: "Followers", Value: followerWords(&st.Followers)},
		term.Field{Name: "Work", Value: workWords(&st.Work)},
	)
}

func countFields(n *groupkit.Counts) []term.Field {
	if n == nil {
		return nil
	}
	return []term.Field{
		{Name: "Groups", Value: groupWords(n)},
		{Name: "Memberships", Value: term.Count(int64(n.Memberships))},
		{Name: "Files", Value: term.Count(int64(n.Files))},
		{Name: "Requests", Value: term.Count(int64(n.Requests))},
		{Name: "Invitations", Value: term.Count(int64(n.Invitations))},
	}
}
