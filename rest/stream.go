package rest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"groupkit"
)

// A stream sends the events of a follower as Server-Sent Events. It takes an event from the
// follower when the client has taken the one before, so that a slow client costs no memory. Only
// the goroutine of the request uses it.
type stream struct {
	c        *call
	ctx      context.Context // ends with the request, and with Handler.EndStreams
	follower *groupkit.Follower
	control  *http.ResponseController
	out      bytes.Buffer // what flush sends next
	id       string       // what the client goes on with
	damaged  bool         // the follower has just found the log damaged
}

// errGone says that the client does not take what is sent.
var errGone = errors.New("rest: the client of a stream is gone")

// serve sends until the right to follow ends, the client is gone, or the server stops.
func (s *stream) serve() {
	header := s.c.w.Header()
	header["Content-Type"] = eventType
	header["Cache-Control"] = noStore
	header["X-Accel-Buffering"] = noBuffering // for nginx
	s.c.w.WriteHeader(http.StatusOK)
	if s.c.asked.Method == http.MethodHead {
		return
	}
	err := s.comment()
	for err == nil {
		if err = s.relay(); err == nil {
			err = s.signOfLife()
		}
	}
	s.end(err)
	s.lift()
}

var (
	eventType   = []string{"text/event-stream"}
	noStore     = []string{"no-store"}
	noBuffering = []string{"no"}
)

// relay sends events until a sign of life is due.
func (s *stream) relay() error {
	ctx, cancel := context.WithTimeout(s.ctx, s.c.h.opts.KeepAlive)
	defer cancel()
	for ctx.Err() == nil {
		e, err := s.follower.Next(ctx)
		switch {
		case err == nil:
			s.damaged = false
			if err := s.event(&e); err != nil {
				return err
			}
		case ctx.Err() != nil:
		case errors.Is(err, groupkit.ErrCorrupt) && !s.damaged: // a checkpoint follows
			s.damaged = true
			s.c.report(err)
		default:
			return err
		}
	}
	return s.ctx.Err()
}

// event sends an event.
func (s *stream) event(e *groupkit.Event) error {
	kind, err := e.Kind.MarshalText()
	if err != nil {
		return err
	}
	data, err := json.Marshal(e)
	if err != nil {
		return err
	}
	return s.send(string(kind), data)
}

// send sends data, which has no line breaks, with the position after it.
func (s *stream) send(kind string, data []byte) error {
	s.id = s.follower.Position().String()
	for _, text := range []string{"id: ", s.id, "\nevent: ", kind, "\ndata: "} {
		s.out.WriteString(text)
	}
	s.out.Write(data)
	s.out.WriteString("\n\n")
	return s.flush()
}

// comment sends a comment. If the position has changed without an event, the comment tells the
// client from where to go on; it makes no event of an id alone.
func (s *stream) comment() error {
	s.out.WriteString(":\n")
	if id := s.follower.Position().String(); id != s.id {
		s.id = id
		s.out.WriteString("id: " + id + "\n")
	}
	s.out.WriteString("\n")
	return s.flush()
}

// signOfLife sends a comment, if the token is still good.
func (s *stream) signOfLife() error {
	caller, err := s.c.authenticate()
	switch {
	case err != nil:
		return err
	case caller != s.c.caller:
		return badToken
	}
	return s.comment()
}

// end tells the client why the stream ends, if it ends for good. Otherwise the client comes again.
func (s *stream) end(err error) {
	if s.ctx.Err() != nil || errors.Is(err, errGone) {
		return
	}
	f := faultOf(s.c, err, nil)
	if f.status >= http.StatusInternalServerError {
		s.c.report(err)
		return
	}
	data, err := json.Marshal(f.body(s.c.began, s.c.h.opts.Clock()))
	if err != nil {
		panic(err) // see writeJSON
	}
	_ = s.send("end", data)
}

// flush sends what is in the buffer. The client has Options.Timeout for each piece of it. Between two
// sendings there is no deadline: that of the server is for a whole answer, and would end the stream.
func (s *stream) flush() error {
	defer s.keepBuffer()
	for s.out.Len() > 0 {
		_ = s.control.SetWriteDeadline(time.Now().Add(s.c.h.opts.Timeout)) // not every connection knows deadlines
		if _, err := s.c.w.Write(s.out.Next(pieceSize)); err != nil {
			return errGone
		}
	}
	if err := s.control.Flush(); err != nil {
		if errors.Is(err, errors.ErrUnsupported) {
			s.c.report(err)
		}
		return errGone
	}
	s.lift()
	return nil
}

const pieceSize = 32 << 10

// lift lifts the deadline of writing, also that of the server.
func (s *stream) lift() { _ = s.control.SetWriteDeadline(time.Time{}) }

// keepBuffer empties the buffer, and lets go of a large one.
func (s *stream) keepBuffer() {
	s.out.Reset()
	if s.out.Cap() > keptBuffer {
		s.out = bytes.Buffer{}
	}
}
