package feed

// A Subscriber is a place in a feed. It is used by one goroutine at a time.
type Subscriber[E any] struct {
	broker    *Broker[E]
	feed      *feed[E]
	wakeGroup *wakeGroup
	next      uint64
}

// Start says where the log ends, as it was read after Join. It returns the position from which on
// the subscriber gets everything; what is before it is in the log.
func (s *Subscriber[E]) Start(next uint64) (from uint64) {
	b, f := s.broker, s.feed
	f.turn.Lock()
	defer f.turn.Unlock()
	if f.next == 0 {
		f.next = max(next, f.known)
	}
	if b.source.Shared {
		b.want(f)
	}
	s.next = f.count.Load()
	return f.next
}

// Next returns the next events, as many as lie together, and whether some were missed
// before them because the subscriber was too slow. If it returns none there are none yet,
// and wake is closed when it is time to look again. The events are shared and must not be
// changed.
func (s *Subscriber[E]) Next() (events []E, missed bool, wake <-chan struct{}) {
	wake = *s.wakeGroup.channel.Load() // first: what is published from now on closes it
	events, at := s.feed.from(s.next)
	missed = at > s.next
	s.next = at + uint64(len(events))
	return events, missed, wake
}

// Leave gives the subscriber's place up, once.
func (s *Subscriber[E]) Leave() { s.broker.leave(s) }
