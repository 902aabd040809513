package feed_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"groupkit/internal/feed"
)

// An event is a version of a group.
type event struct {
	group   string
	version uint64
}

func versions(group string, first, last uint64) (events []event) {
	for v := first; v <= last; v++ {
		events = append(events, event{group, v})
	}
	return events
}

// A log has the calls of some groups, as a store has them. It is a feed.Log.
type log struct {
	page int // calls that it returns at most; 0: all

	mu      sync.Mutex
	calls   []feed.Call
	heads   map[string]uint64
	failing error
	reads   int // how often it was read
	asked   int // for how many feeds
}

func newLog() *log { return &log{heads: make(map[string]uint64)} }

// commit is a call with some events. Nobody has published it yet.
func (l *log) commit(group string, events uint64) feed.Call {
	l.mu.Lock()
	defer l.mu.Unlock()
	first := l.heads[group] + 1
	c := feed.Call{Group: group, First: first, Last: first + events - 1, Number: uint64(len(l.calls)) + 1}
	l.heads[group] = c.Last
	l.calls = append(l.calls, c)
	return c
}

// position is where a subscriber begins that joins now.
func (l *log) position(group string) uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	if group == "" {
		return uint64(len(l.calls)) + 1
	}
	return l.heads[group] + 1
}

var errBroken = errors.New("the log is broken")

func (l *log) fail(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.failing = err
}

// counts returns how often the log was read, and for how many feeds, since the last call.
func (l *log) counts() (reads, asked int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	defer func() { l.reads, l.asked = 0, 0 }()
	return l.reads, l.asked
}

func (l *log) read(_ context.Context, at []feed.Position) (parts []feed.Part[event], err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.reads++
	l.asked += len(at)
	if l.failing != nil {
		return nil, l.failing
	}
	for _, p := range at {
		parts = append(parts, l.part(p))
	}
	return parts, nil
}

func (l *log) part(at feed.Position) (part feed.Part[event]) {
	part.Next = at.Next
	n := 0
	for _, c := range l.calls {
		next := c.Last + 1
		if at.Group == "" {
			next = c.Number + 1
		}
		if at.Group != "" && at.Group != c.Group || next <= at.Next || at.Before > 0 && next > at.Before {
			continue
		}
		if n++; l.page > 0 && n > l.page {
			part.More = true
			break
		}
		part.Events, part.Next = append(part.Events, versions(c.Group, c.First, c.Last)...), next
	}
	return part
}

// An app is a broker over a log.
type app struct {
	*feed.Broker[event]
	log *log
}

// newApp makes a broker. change changes its source before.
func newApp(t *testing.T, l *log, change func(*feed.Source[event])) *app {
	ctx, cancel := context.WithCancel(t.Context())
	s := feed.Source[event]{
		Background: ctx, Read: l.read, Most: 2,
		Failed: func(err error) { t.Errorf("reading the log: %v", err) },
	}
	if change != nil {
		change(&s)
	}
	a := &app{feed.NewBroker(s), l}
	t.Cleanup(func() {
		cancel()
		a.Close()
	})
	return a
}

func shared(s *feed.Source[event]) { s.Shared = true }

// follow joins a feed at its end.
func (a *app) follow(t *testing.T, group string) *feed.Subscriber[event] {
	s := a.Join(group)
	s.Start(a.log.position(group))
	return s
}

// publish publishes calls.
func (a *app) publish(t *testing.T, calls ...feed.Call) {
	for _, c := range calls {
		a.Publish(t.Context(), c, func() []event { return versions(c.Group, c.First, c.Last) })
	}
}

// call commits and publishes a call.
func (a *app) call(t *testing.T, group string, events uint64) {
	a.publish(t, a.log.commit(group, events))
}

// rest is what a subscriber has not had yet.
func rest(t *testing.T, s *feed.Subscriber[event]) (all []event) {
	for {
		events, missed, _ := s.Next()
		require.False(t, missed)
		if len(events) == 0 {
			return all
		}
		all = append(all, events...)
	}
}

// ofGroup are the events of a group.
func ofGroup(group string, events []event) []event {
	return slices.DeleteFunc(slices.Clone(events), func(e event) bool { return e.group != group })
}
