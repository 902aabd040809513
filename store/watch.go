package store

import "context"

// An Announcer is a Writer that tells the processes of a shared store what it has changed. It
// is optional.
type Announcer interface {
	// Announce makes the store tell the topic to everyone who watches, once the transaction is
	// committed. It makes no round trip of its own. A topic is not empty and has at most 2,048
	// bytes.
	Announce(topic string)
}

// A Watcher is a Store that hears what was announced, in this process or in another. It is
// optional. What it tells only wakes: the listener reads what has changed from the store, and
// also looks by itself from time to time.
type Watcher interface {
	// Watch calls changed with topics that were announced since Watch was called, until ctx
	// ends; then it returns the error of ctx. No topics means that some may have been lost. It
	// calls changed on one goroutine at a time. It returns another error if it cannot go on;
	// the caller can call it again. Returns ErrClosed after Close, and ErrNotSupported if this
	// store does not watch.
	Watch(ctx context.Context, changed func(topics []string)) error
}

// Announce announces a topic with the transaction of w, if w is an [Announcer].
func Announce(w Writer, topic string) {
	if a, ok := w.(Announcer); ok {
		a.Announce(topic)
	}
}

// Watch calls changed with what is announced; see [Watcher]. It returns [ErrNotSupported] if s
// is not a Watcher.
func Watch(ctx context.Context, s Store, changed func(topics []string)) error {
	if w, ok := s.(Watcher); ok {
		return w.Watch(ctx, changed)
	}
	return ErrNotSupported
}
