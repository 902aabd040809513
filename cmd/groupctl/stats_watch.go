package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"groupkit"
	"groupkit/cmd/groupctl/internal/term"
	"groupkit/store"
)

// watchStats writes the numbers of the process that has the database at each interval until ctx ends.
func (c *cli) watchStats(ctx context.Context, db *database, interval time.Duration) error {
	if db.shared == nil {
		return hint(fmt.Errorf("no process shares the database %q, so there is nothing to watch", db.place.given),
			"A process shares its file with Options.Share, as groupctl serve does. Without --watch the numbers of the database are printed.")
	}
	w := &statsWatch{cli: c, db: db}
	if c.out.Terminal() && !c.json {
		w.live = c.out.Live()
		defer w.live.End()
	} else {
		w.table = c.out.Table(term.Column{Head: "TIME"}, term.Column{Head: " CHANGES/S", Kind: term.Number}, term.Column{Head: "    MEAN", Kind: term.Number},
			term.Column{Head: " COMMITS/S", Kind: term.Number}, term.Column{Head: "    MEAN", Kind: term.Number}, term.Column{Head: "LOOKUPS/S", Kind: term.Number},
			term.Column{Head: "   HITS", Kind: term.Number}, term.Column{Head: "FOLLOWERS", Kind: term.Number}, term.Column{Head: "      SIZE", Kind: term.Number})
	}
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		if err := w.show(ctx); errors.Is(err, context.Canceled) {
			return nil
		} else if err != nil {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// A statsWatch shows the numbers of a process again and again.
type statsWatch struct {
	*cli
	db    *database
	live  *term.Live  // nil: not on a terminal
	table *term.Table // nil: on a terminal

	last    *groupkit.Stats // those shown last
	changes []float64       // a second, the last ones
	lookups []float64
}

// remembered is how many intervals the history has.
const remembered = 40

func (w *statsWatch) show(ctx context.Context) error {
	st, err := w.db.stats(ctx)
	if err != nil {
		return err
	}
	if st.Counts == nil {
		st.Counts = w.db.Engine.Stats().Counts // of the engine that reads through the socket
	}
	var r *rates
	if w.last != nil {
		r = ratesOf(w.last, st)
		w.changes, w.lookups = remember(w.changes, r.changes), remember(w.lookups, r.lookups)
	}
	w.last = st
	switch {
	case w.json:
		return w.encode(st)
	case w.live != nil:
		return w.live.Paint(w.paint(st, r))
	case r == nil: // rates need two
		return nil
	}
	if err := w.table.Row(w.out.Exact(st.At), perSecond(r.changes), mean(&r.updating), perSecond(r.commits), mean(&r.writing),
		perSecond(r.lookups), r.hitRate(), st.Followers.Followers, size(st)); err != nil {
		return err
	}
	return w.table.Flush()
}

func remember(values []float64, v float64) []float64 {
	values = append(values, v)
	return values[max(len(values)-remembered, 0):]
}

// paint returns the lines of the screen.
func (w *statsWatch) paint(st *groupkit.Stats, r *rates) (lines [][]term.Styled) {
	line := func(name, value, picture string) {
		if value != "" {
			lines = append(lines, []term.Styled{{Text: fmt.Sprintf("%-12s", name), Style: term.Bold}, {Text: fmt.Sprintf("%-42s ", value)}, {Text: picture, Style: term.Cyan}})
		}
	}
	lines = append(lines, []term.Styled{
		{Text: w.db.place.given, Style: term.Cyan}, {Text: "  " + st.Store.Kind + ", open for " + st.At.Sub(st.Opened).Truncate(time.Second).String()},
		{Text: "  " + w.out.Exact(st.At), Style: term.Faint},
	}, nil)
	if r != nil {
		line("Changes", perSecond(r.changes)+" /s"+latency(&r.updating), term.Sparkline(w.changes))
		line("Commits", perSecond(r.commits)+" /s"+latency(&r.writing), "")
	}
	line("Running", number(st.Updates.Running), "")
	line("Not durable", known(st.Store.Unsaved, "commits"), "")
	if c := st.Cache; c != nil {
		if r != nil && c.Hits+c.Misses > 0 { // else nobody asks whether a user may speak
			line("Lookups", perSecond(r.lookups)+" /s", term.Sparkline(w.lookups))
			if hits := r.hitRate(); hits != "" {
				line("  hits", hits, term.Bar(float64(r.hits)/float64(r.hits+r.misses), remembered))
			}
		}
		line("Cache", fmt.Sprintf("%s of at most %s", term.Bytes(c.Used), term.Bytes(c.Most)), term.Bar(float64(c.Used)/float64(max(c.Most, 1)), remembered))
	}
	line("Followers", followerWords(&st.Followers), "")
	line("Work", workWords(&st.Work), "")
	line("Size", sizeWords(st), "")
	for _, f := range countFields(st.Counts) {
		line(f.Name, fmt.Sprint(f.Value), "")
	}
	return append(lines, nil, []term.Styled{{Text: "Ctrl-C ends it.", Style: term.Faint}})
}

func latency(d *store.Durations) string {
	if d.Count == 0 {
		return ""
	}
	return ", " + latencyWords(d)
}

// rates are what happened between two Stats.
type rates struct {
	changes, commits, lookups float64 // a second
	updating, writing         store.Durations
	hits, misses              uint64
}

// ratesOf returns what happened from one to the other. If the process or its clock began anew in between, it is nothing.
func ratesOf(a, b *groupkit.Stats) *rates {
	r := new(rates)
	seconds := b.At.Sub(a.At).Seconds()
	if seconds <= 0 || !a.Opened.Equal(b.Opened) {
		return r
	}
	r.updating = since(&a.Updates.Durations, &b.Updates.Durations)
	r.changes = float64(r.updating.Count) / seconds
	if a.Store.Writing != nil && b.Store.Writing != nil {
		r.writing = since(a.Store.Writing, b.Store.Writing)
		r.commits = float64(r.writing.Count) / seconds
	}
	if a.Cache != nil && b.Cache != nil {
		r.hits, r.misses = b.Cache.Hits-a.Cache.Hits, b.Cache.Misses-a.Cache.Misses
		r.lookups = float64(r.hits+r.misses) / seconds
	}
	return r
}

// since returns the durations that b has and a does not. The longest of them is not known.
func since(a, b *store.Durations) store.Durations {
	d := store.Durations{Count: b.Count - a.Count, Sum: b.Sum - a.Sum}
	for i := range min(len(a.Bins), len(b.Bins)) {
		d.Bins = append(d.Bins, store.Bin{Bound: b.Bins[i].Bound, Count: b.Bins[i].Count - a.Bins[i].Count})
	}
	return d
}

// hitRate returns the part of the lookups that the cache answered; "" if there were none.
func (r *rates) hitRate() string {
	if r.hits+r.misses == 0 {
		return ""
	}
	return percent(r.hits, r.hits+r.misses)
}

func perSecond(rate float64) string {
	if rate < 10 {
		return fmt.Sprintf("%.1f", rate)
	}
	return term.Count(int64(rate + 0.5))
}

func mean(d *store.Durations) string {
	if d.Count == 0 {
		return ""
	}
	return short(d.Sum / time.Duration(d.Count))
}

func size(st *groupkit.Stats) string {
	if st.Store.Size == nil {
		return ""
	}
	return term.Bytes(*st.Store.Size)
}
