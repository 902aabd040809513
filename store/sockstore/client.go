package sockstore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"

	"groupkit/store"
)

// A Client is the other end of a socket. Its Store and its Blobs show the data; Close ends both.
type Client struct {
	path      string
	exclusive bool // the other process alone changes the data

	mu     sync.Mutex
	idle   []*line // connections between two transactions
	closed bool
}

// maxIdle is how many connections a Client keeps.
const maxIdle = 4

// Dial connects with the process that serves the socket at path.
//
// Returns an error that matches fs.ErrNotExist if there is no socket, and one of package net if
// nobody serves it.
func Dial(ctx context.Context, path string) (*Client, error) {
	c := &Client{path: path}
	l, err := c.take(ctx)
	if err != nil {
		return nil, err
	}
	c.exclusive = l.exclusive
	c.put(l)
	return c, nil
}

// Store returns the store of the other process.
func (c *Client) Store() *Store { return &Store{c} }

// Blobs returns the contents of files of the other process.
func (c *Client) Blobs() *Blobs { return &Blobs{c} }

// Stats returns what the function returns that the other process has given to Serve. Returns
// store.ErrNotSupported if it has given none.
func (c *Client) Stats(ctx context.Context) ([]byte, error) {
	var a *answer
	err := c.with(ctx, func(l *line) (err error) {
		a, err = l.ask(&question{Op: stats})
		return err
	})
	if err != nil {
		return nil, err
	}
	return a.Bytes, nil
}

// Close closes the connections. The Store and the Blobs cannot be used any more.
func (c *Client) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	for _, l := range c.idle {
		_ = l.Close() // it was between two transactions
	}
	c.idle = nil
	return nil
}

// take returns a connection that is between two transactions.
func (c *Client) take(ctx context.Context) (*line, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	c.mu.Lock()
	closed := c.closed
	var l *line
	if n := len(c.idle); n > 0 && !closed {
		l, c.idle = c.idle[n-1], c.idle[:n-1]
	}
	c.mu.Unlock()
	if closed {
		return nil, store.ErrClosed
	}
	if l != nil {
		return l, nil
	}
	conn, err := new(net.Dialer).DialContext(ctx, "unix", c.path)
	if err != nil {
		return nil, fmt.Errorf("sockstore: %w", err)
	}
	l = newLine(conn)
	a, err := l.ask(&question{Op: hello, Number: version})
	if err == nil && a.Number != version {
		err = fmt.Errorf("sockstore: the other process speaks version %d (this one %d)", a.Number, version)
	}
	if err != nil {
		_ = conn.Close() // err says more
		return nil, err
	}
	l.exclusive = a.Exclusive
	return l, nil
}

// put keeps a connection for the next transaction.
func (c *Client) put(l *line) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed || len(c.idle) == maxIdle {
		_ = l.Close() // nothing is under way on it
		return
	}
	c.idle = append(c.idle, l)
}

// with runs fn with a connection, which is closed if ctx ends or fn fails.
func (c *Client) with(ctx context.Context, fn func(*line) error) error {
	l, err := c.take(ctx)
	if err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { _ = l.Close() })
	whole := false
	defer func() { // also if fn panics
		if stop() && whole {
			c.put(l)
		} else {
			_ = l.Close() // the other side waits for more, or has failed
		}
	}()
	if err = fn(l); err != nil && ctx.Err() != nil {
		return ctx.Err() // for which the connection was closed
	}
	whole = err == nil
	return err
}

// A Store is a store.Store that reads what another process has open.
type Store struct{ c *Client }

// Observed reports whether the other process alone changes the data.
func (s *Store) Observed() bool { return s.c.exclusive }

// View runs fn on a snapshot of the store of the other process.
func (s *Store) View(ctx context.Context, fn func(store.Reader) error) error {
	var own error // of fn
	err := s.c.with(ctx, func(l *line) error {
		if _, err := l.ask(&question{Op: view}); err != nil {
			return err
		}
		for {
			v := &viewing{line: l}
			own = fn(&reader{v: v})
			if !v.again && v.err == nil {
				_, v.err = v.ask(&question{Op: end})
			}
			if !v.again {
				return v.err
			}
		}
	})
	if own != nil {
		return own
	}
	return err
}

// Update returns store.ErrReadOnly.
func (s *Store) Update(context.Context, func(store.Writer) error) error { return errReadOnly }

var errReadOnly = fmt.Errorf("%w: the data belongs to another process", store.ErrReadOnly)

// Check checks the store of the other process; see store.Checker.
func (s *Store) Check(ctx context.Context) (problems []error, err error) {
	err = s.c.with(ctx, func(l *line) error {
		a, err := l.ask(&question{Op: check})
		if err != nil {
			return err
		}
		for _, text := range a.Names {
			problems = append(problems, &remoteError{text, store.ErrCorrupt})
		}
		return nil
	})
	return problems, err
}

// Close closes the Client.
func (s *Store) Close() error { return s.c.Close() }

// A viewing is one run of the function of a View.
type viewing struct {
	*line
	again bool  // this run does not count
	err   error // of the connection, or of the other side: the View has ended
}

var errAgain = errors.New("sockstore: the snapshot has ended, and the function runs again")

// ask asks a question of the View.
func (v *viewing) ask(q *question) (*answer, error) {
	if v.again {
		return nil, errAgain
	}
	if v.err != nil {
		return nil, v.err
	}
	a, err := v.line.ask(q)
	if v.err = err; err != nil {
		return nil, err
	}
	if v.again = a.Again; v.again {
		return nil, errAgain
	}
	return a, nil
}

// A reader is a store.Reader of a View.
type reader struct {
	v      *viewing
	bucket string
	named  bool
}

// Fetch returns the values of many keys and the pages of many ranges; see store.Fetcher.
func (r *reader) Fetch(keys [][]byte, ranges []store.Range) ([][]byte, []store.Page, error) {
	a, err := r.v.ask(&question{Op: read, Bucket: r.bucket, Named: r.named, Keys: keys, Ranges: spansOf(ranges)})
	if err != nil {
		return nil, nil, err
	}
	if len(a.Values) != len(keys) || len(a.Pages) != len(ranges) {
		return nil, nil, fmt.Errorf("sockstore: %d values and %d pages for %d keys and %d ranges", len(a.Values), len(a.Pages), len(keys), len(ranges))
	}
	values := make([][]byte, len(keys))
	for i, v := range a.Values {
		if v.Exists {
			values[i] = notNil(v.Bytes)
		}
	}
	for _, p := range a.Pages {
		for i := range p.Pairs {
			p.Pairs[i].Value = notNil(p.Pairs[i].Value)
		}
	}
	return values, a.Pages, nil
}

func notNil(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

func (r *reader) Get(key []byte) (value []byte, ok bool, err error) {
	values, err := r.GetMany([][]byte{key})
	if err != nil {
		return nil, false, err
	}
	return values[0], values[0] != nil, nil
}

// GetMany returns the values of many keys; see store.ManyGetter.
func (r *reader) GetMany(keys [][]byte) ([][]byte, error) {
	values, _, err := r.Fetch(keys, nil)
	return values, err
}

func (r *reader) Scan(g store.Range) (page []store.Pair, more bool, err error) {
	_, pages, err := r.Fetch(nil, []store.Range{g})
	if err != nil {
		return nil, false, err
	}
	return pages[0].Pairs, pages[0].More, nil
}

// BucketReader returns a key space of the application; see store.BucketedReader.
func (r *reader) BucketReader(name string) (store.Reader, error) {
	b := &reader{v: r.v, bucket: name, named: true}
	_, _, err := b.Fetch(nil, nil) // so that a name that the store refuses is refused here
	return b, err
}

// Buckets returns the names of the application's key spaces; see store.BucketLister.
func (r *reader) Buckets() ([]string, error) {
	a, err := r.v.ask(&question{Op: buckets})
	if err != nil {
		return nil, err
	}
	return a.Names, nil
}

// Blobs are the contents of files of another process.
type Blobs struct{ c *Client }

// Get opens a content. It cannot be sought in.
func (b *Blobs) Get(ctx context.Context, id string) (io.ReadCloser, error) {
	l, err := b.c.take(ctx)
	if err != nil {
		return nil, err
	}
	d := &download{ctx: ctx, c: b.c, line: l}
	d.stop = context.AfterFunc(ctx, func() { _ = l.Close() })
	a, err := l.ask(&question{Op: content, ID: id})
	if err != nil {
		return nil, errors.Join(d.fail(err), d.Close())
	}
	d.take(a)
	return d, nil
}

// A download is a content that is being read.
type download struct {
	ctx  context.Context
	c    *Client
	line *line
	stop func() bool
	rest []byte // that has come, and is not read
	more bool
	err  error
}

func (d *download) take(a *answer) { d.rest, d.more = a.Bytes, a.More }

// fail returns the error that the reader gets.
func (d *download) fail(err error) error {
	d.err = err
	if ended := d.ctx.Err(); ended != nil {
		d.err = ended
	}
	return d.err
}

func (d *download) Read(p []byte) (int, error) {
	for len(d.rest) == 0 && len(p) > 0 {
		switch {
		case d.err != nil:
			return 0, d.err
		case !d.more:
			return 0, io.EOF
		}
		a, err := d.line.listen()
		if err != nil {
			return 0, d.fail(err)
		}
		d.take(a)
	}
	n := copy(p, d.rest)
	d.rest = d.rest[n:]
	return n, nil
}

// Close ends the reading.
func (d *download) Close() error {
	if d.line == nil {
		return nil
	}
	l := d.line
	d.line = nil
	if d.stop() && d.err == nil && !d.more {
		d.c.put(l)
	} else {
		_ = l.Close() // what still comes is not wanted
	}
	d.rest, d.more = nil, false
	if d.err == nil {
		d.err = io.ErrClosedPipe
	}
	return nil
}

// List lists the contents; see store.Blobs.
func (b *Blobs) List(ctx context.Context, after string, limit int) (ids []string, more bool, err error) {
	err = b.c.with(ctx, func(l *line) error {
		a, err := l.ask(&question{Op: list, ID: after, Limit: limit})
		if err == nil {
			ids, more = a.Names, a.More
		}
		return err
	})
	return ids, more, err
}

// Put returns store.ErrReadOnly.
func (b *Blobs) Put(context.Context, string, io.Reader) error { return errReadOnly }

// Delete returns store.ErrReadOnly.
func (b *Blobs) Delete(context.Context, string) error { return errReadOnly }

// Close closes the Client.
func (b *Blobs) Close() error { return b.c.Close() }
