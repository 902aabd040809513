package sockstore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"groupkit/store"
)

const (
	patience  = time.Minute // how long a View may ask nothing, and a client may take nothing
	chunkSize = 256 << 10   // of a content
	mostLines = 64          // connections at a time
	mostReads = 4096        // keys and ranges of one question
)

// A Server answers on a socket until it is closed.
type Server struct {
	listener net.Listener
	store    store.Store
	blobs    store.Blobs
	stats    func() ([]byte, error)

	patience time.Duration

	ctx    context.Context
	cancel context.CancelFunc
	tasks  sync.WaitGroup
	slots  chan struct{}
}

// Serve answers those who Dial to the listener, in the background, until Close. Close the Server before
// the store and the blobs: a store waits for the snapshots that clients look at. stats returns
// what Client.Stats returns; it can be nil.
func Serve(l net.Listener, s store.Store, b store.Blobs, stats func() ([]byte, error)) *Server {
	return serve(l, s, b, stats, patience)
}

// At returns a function for groupkit.Options.Share: it listens at path and serves there.
func At(path string) func(store.Store, store.Blobs, func() ([]byte, error)) (io.Closer, error) {
	return func(s store.Store, b store.Blobs, stats func() ([]byte, error)) (io.Closer, error) {
		l, err := Listen(path)
		if err != nil {
			return nil, err
		}
		return Serve(l, s, b, stats), nil
	}
}

func serve(l net.Listener, s store.Store, b store.Blobs, stats func() ([]byte, error), patience time.Duration) *Server {
	srv := &Server{listener: l, store: s, blobs: b, stats: stats, patience: patience, slots: make(chan struct{}, mostLines)}
	srv.ctx, srv.cancel = context.WithCancel(context.Background())
	srv.tasks.Go(srv.accept)
	return srv
}

// Close ends all conversations, and waits until they have ended. It closes the listener.
func (s *Server) Close() error {
	s.cancel()
	err := s.listener.Close()
	s.tasks.Wait()
	return err
}

func (s *Server) accept() {
	for {
		conn, err := s.listener.Accept()
		switch {
		case s.ctx.Err() != nil || errors.Is(err, net.ErrClosed):
			if err == nil {
				_ = conn.Close() // the client sees that nobody answers
			}
			return
		case err != nil: // too many open files, or the like
			select {
			case <-time.After(100 * time.Millisecond):
			case <-s.ctx.Done():
			}
			continue
		}
		select {
		case s.slots <- struct{}{}:
		case <-s.ctx.Done():
			_ = conn.Close()
			return
		}
		s.tasks.Go(func() {
			defer func() { <-s.slots }()
			stop := context.AfterFunc(s.ctx, func() { _ = conn.Close() })
			defer stop()
			c := conversation{line: newLine(conn), Server: s}
			for c.next() {
			}
			_ = conn.Close() // the client has gone, or is not understood
		})
	}
}

// A conversation is the server's end of a connection.
type conversation struct {
	*line
	*Server
	greeted bool
}

// hear waits for a question, as long as the deadline allows.
func (c *conversation) hear(within time.Duration) (*question, bool) {
	var deadline time.Time
	if within > 0 {
		deadline = time.Now().Add(within)
	}
	if c.SetReadDeadline(deadline) != nil {
		return nil, false
	}
	var q question
	return &q, c.in.Decode(&q) == nil
}

// say answers. It returns whether the client takes it.
func (c *conversation) say(a *answer, err error) bool {
	if err != nil {
		a = &answer{Failed: failed(err)}
	}
	return c.SetWriteDeadline(time.Now().Add(c.patience)) == nil && c.out.Encode(a) == nil
}

// next does what one question between transactions asks for. It returns whether another can follow.
func (c *conversation) next() bool {
	q, ok := c.hear(0)
	if !ok {
		return false
	}
	if !c.greeted {
		c.greeted = true
		return q.Op == hello && c.say(&answer{Number: version, Exclusive: store.Exclusive(c.store)}, nil) && q.Number == version
	}
	switch q.Op {
	case view:
		return c.view()
	case content:
		return c.content(q.ID)
	case list:
		ids, more, err := c.blobs.List(c.ctx, q.ID, q.Limit)
		return c.say(&answer{Names: ids, More: more}, err)
	case check:
		problems, err := store.Check(c.ctx, c.store)
		a := &answer{}
		for _, p := range problems {
			a.Names = append(a.Names, p.Error())
		}
		return c.say(a, err)
	case hold:
		return c.hold()
	case stats:
		if c.stats == nil {
			return c.say(nil, store.ErrNotSupported)
		}
		text, err := c.stats()
		return c.say(&answer{Bytes: text}, err)
	}
	return false
}

// errGone: the client has gone, or does not ask in time.
var errGone = errors.New("sockstore: the client has gone")

// view runs a View of the store for the client. Whenever its function has ended, the client waits for an
// answer: it is that the function runs again, or the end of the View.
func (c *conversation) view() bool {
	runs := 0
	err := c.store.View(c.ctx, func(r store.Reader) error {
		runs++
		if !c.say(&answer{Again: runs > 1}, nil) {
			return errGone
		}
		for {
			q, ok := c.hear(c.patience)
			if !ok {
				return errGone
			}
			if q.Op == end {
				return nil
			}
			a, err := answerIn(r, q)
			if err != nil {
				return err
			}
			if !c.say(a, nil) {
				return errGone
			}
		}
	})
	return !errors.Is(err, errGone) && c.say(&answer{}, err)
}

// answerIn answers a question of a View.
func answerIn(r store.Reader, q *question) (*answer, error) {
	if q.Op == buckets {
		names, err := store.Buckets(r)
		return &answer{Names: names}, err
	}
	if q.Op != read {
		return nil, fmt.Errorf("%w: question %d within a View", store.ErrNotSupported, q.Op)
	}
	if n := len(q.Keys) + len(q.Ranges); n > mostReads {
		return nil, fmt.Errorf("%w: %d keys and ranges (at most %d)", store.ErrTooLarge, n, mostReads)
	}
	if q.Named {
		var err error
		if r, err = store.BucketReader(r, q.Bucket); err != nil {
			return nil, err
		}
	}
	ranges := make([]store.Range, len(q.Ranges))
	for i, s := range q.Ranges {
		ranges[i] = s.rng()
	}
	values, pages, err := store.Fetch(r, q.Keys, ranges)
	if err != nil {
		return nil, err
	}
	a := &answer{Pages: pages}
	for _, v := range values {
		a.Values = append(a.Values, value{v != nil, v})
	}
	return a, nil
}

// content sends a content in chunks.
func (c *conversation) content(id string) bool {
	r, err := c.blobs.Get(c.ctx, id)
	if err != nil {
		return c.say(nil, err)
	}
	defer r.Close()
	buf := make([]byte, chunkSize)
	for {
		n, err := io.ReadFull(r, buf)
		if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
			return c.say(nil, err)
		}
		if !c.say(&answer{Bytes: buf[:n], More: err == nil}, nil) {
			return false
		}
		if err != nil {
			return true
		}
	}
}
