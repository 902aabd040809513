package feed

import (
	"context"
	"maps"
	"slices"
	"time"
)

const (
	// shortestPause and longestPause are between two looks at all feeds. The pause doubles while
	// nothing comes.
	shortestPause = 50 * time.Millisecond
	longestPause  = 2 * time.Second

	// rest is between two looks at feeds that are due, so that many calls become one look.
	rest = 10 * time.Millisecond
)

// want has a feed read from the log soon, in the background.
func (b *Broker[E]) want(feeds ...*feed[E]) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.wantLocked(feeds...)
}

func (b *Broker[E]) wantLocked(feeds ...*feed[E]) {
	for _, f := range feeds {
		f.due = true
	}
	if b.closed {
		return
	}
	b.wanted = true
	if !b.pulling {
		b.pulling = true
		b.tasks.Go(b.pull)
	}
	select {
	case b.kick <- struct{}{}:
	default:
	}
}

// pull reads from the log what the callers have not published. On a store that other processes
// change it looks at all feeds again and again, while there are any; on a store of one's own
// it runs only when reading has failed, until it succeeds. Watch and writers have it look at
// single feeds at once. That only makes delivery prompt; the looks at all feeds make it
// certain.
func (b *Broker[E]) pull() {
	ctx, stop := context.WithCancel(b.source.Background)
	defer stop()
	if b.source.Watch != nil {
		b.tasks.Go(func() { b.watch(ctx) })
	}
	p := pace{pause: shortestPause}
	for all := true; ctx.Err() == nil; all = p.wait(ctx, b.kick) {
		at, feeds := b.positions(all)
		if all && len(at) == 0 && b.rests() {
			return
		}
		heard, err := b.look(ctx, at, feeds)
		if err != nil && !p.failing && ctx.Err() == nil {
			b.source.Failed(err)
		}
		p.looked(all, heard, err != nil)
	}
}

// rests ends pull, unless a feed has become due.
func (b *Broker[E]) rests() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.pulling = b.wanted
	return !b.pulling
}

// positions returns where to read on in all feeds, or in those that are due.
func (b *Broker[E]) positions(all bool) (at []Position, feeds []*feed[E]) {
	for _, f := range b.candidates(all) {
		f.turn.Lock()
		p := Position{Group: f.group, Next: f.next}
		if !b.source.Shared {
			p.Before = f.known
		}
		if f.next > 0 && (b.source.Shared || f.next < f.known) {
			at, feeds = append(at, p), append(feeds, f)
		}
		f.turn.Unlock()
	}
	return at, feeds
}

func (b *Broker[E]) candidates(all bool) (feeds []*feed[E]) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, f := range b.feeds {
		if all || f.due {
			feeds = append(feeds, f)
		}
		f.due = false
	}
	b.wanted = false
	return feeds
}

// look reads feeds from their positions on, and publishes what it finds.
func (b *Broker[E]) look(ctx context.Context, at []Position, feeds []*feed[E]) (heard bool, err error) {
	for some := range slices.Chunk(at, b.source.Most) {
		parts, err := b.source.Read(ctx, some)
		if err != nil {
			return heard, err
		}
		for i, part := range parts {
			f := feeds[i]
			heard = heard || part.Next > some[i].Next
			if b.take(f, some[i].Next, part) {
				b.want(f)
			}
		}
		feeds = feeds[len(some):]
	}
	return heard, nil
}

// take publishes what was read from a position on, and reports whether there can be more. If a
// writer has published in between, what was read is not used.
func (b *Broker[E]) take(f *feed[E], from uint64, part Part[E]) (more bool) {
	f.turn.Lock()
	defer f.turn.Unlock()
	if f.next != from {
		return f.next < part.Next
	}
	f.add(part.Events, part.Next)
	if len(part.Events) > 0 {
		f.wake(b.source.Background)
	}
	return part.More || from < f.next && f.next < f.known
}

// watch has the feeds of changed groups read, and watches again after an error.
func (b *Broker[E]) watch(ctx context.Context) {
	pause := shortestPause
	for {
		err := b.source.Watch(ctx, func(groups []string) {
			pause = shortestPause
			b.changed(groups)
		})
		if err == nil || ctx.Err() != nil {
			return
		}
		sleep(ctx, pause)
		pause = min(2*pause, longestPause)
	}
}

// changed has the feeds of the groups read, or all feeds if there are no groups.
func (b *Broker[E]) changed(groups []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	var feeds []*feed[E]
	if len(groups) == 0 {
		feeds = slices.Collect(maps.Values(b.feeds))
	} else if f := b.feeds[""]; f != nil {
		feeds = append(feeds, f)
	}
	for _, g := range groups {
		if f := b.feeds[g]; f != nil {
			feeds = append(feeds, f)
		}
	}
	if len(feeds) > 0 {
		b.wantLocked(feeds...)
	}
}

// A pace is when to look at all feeds.
type pace struct {
	pause   time.Duration // after the next look that finds nothing
	due     time.Time     // when to look at all feeds
	kicked  bool          // the last look was at single feeds
	failing bool
}

// looked says what the last look has found.
func (p *pace) looked(all, heard, failed bool) {
	p.kicked, p.failing = !all, failed
	if !failed && (heard || !all) {
		p.pause = shortestPause
	}
	due := time.Now().Add(p.pause)
	if all || failed || due.Before(p.due) {
		p.due = due
	}
	p.pause = min(2*p.pause, longestPause)
}

// wait waits for the next look, and reports whether it is one at all feeds. While reading
// fails nothing makes it earlier.
func (p *pace) wait(ctx context.Context, kick <-chan struct{}) (all bool) {
	if p.failing {
		kick = nil
	} else if p.kicked {
		sleep(ctx, rest)
	}
	timer := time.NewTimer(time.Until(p.due))
	defer timer.Stop()
	select {
	case <-kick:
		return false
	case <-timer.C:
	case <-ctx.Done():
	}
	return true
}

func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}
