package rest_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"groupkit"
)

// A network is a listener whose connections are pipes in memory, so that a test can wait for
// everything in a bubble.
type network struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (n *network) Accept() (net.Conn, error) {
	select {
	case c := <-n.conns:
		return c, nil
	case <-n.closed:
		return nil, net.ErrClosed
	}
}

func (n *network) Close() error {
	n.once.Do(func() { close(n.closed) })
	return nil
}

func (n *network) Addr() net.Addr { return &net.UnixAddr{Name: "memory", Net: "pipe"} }

func (n *network) dial(context.Context, string, string) (net.Conn, error) {
	client, server := net.Pipe()
	n.conns <- server
	return client, nil
}

// A web is a server that serves a service over a network, with a client.
type web struct {
	server    *http.Server
	client    *http.Client
	transport *http.Transport
}

// start serves the service until the test ends. change may change the server.
func (s *service) start(t testing.TB, change ...func(*http.Server)) *web {
	n := &network{conns: make(chan net.Conn), closed: make(chan struct{})}
	w := &web{server: &http.Server{Handler: s.handler}}
	for _, change := range change {
		change(w.server)
	}
	w.transport = &http.Transport{DialContext: n.dial, DisableKeepAlives: true}
	w.client = &http.Client{Transport: w.transport}
	done := make(chan struct{})
	go func() { defer close(done); _ = w.server.Serve(n) }()
	t.Cleanup(func() { w.transport.CloseIdleConnections(); _ = w.server.Close(); <-done })
	return w
}

// A following is a stream of events as its client sees it.
type following struct {
	answer *http.Response
	in     *bufio.Reader
	hangUp context.CancelFunc
	id     string // the last one
}

// open makes a GET request.
func (w *web) open(t testing.TB, q request) *following {
	ctx, cancel := context.WithCancel(t.Context())
	r, err := http.NewRequestWithContext(ctx, "GET", "http://host/org/app"+q.path, strings.NewReader(q.body))
	require.NoError(t, err)
	maps.Copy(r.Header, q.header)
	r.Header.Set("Authorization", "Bearer "+q.token)
	answer, err := w.client.Do(r)
	require.NoError(t, err)
	f := &following{answer: answer, in: bufio.NewReader(answer.Body), hangUp: cancel}
	t.Cleanup(f.close)
	return f
}

func (f *following) close() {
	f.hangUp()
	_ = f.answer.Body.Close()
}

// follow opens a stream and reads the comment with which it begins.
func (w *web) follow(t testing.TB, token, path string, lastID ...string) *following {
	q := request{path: path, token: token, header: http.Header{}}
	for _, id := range lastID {
		q.header.Set("Last-Event-ID", id)
	}
	f := w.open(t, q)
	require.Equal(t, 200, f.answer.StatusCode)
	require.Equal(t, "text/event-stream", f.answer.Header.Get("Content-Type"))
	require.Equal(t, "no-store", f.answer.Header.Get("Cache-Control"))
	require.True(t, f.block(t).comment)
	return f
}

// A block is what stands between two empty lines of a stream.
type block struct {
	comment        bool
	id, kind, data string
	hasID          bool
}

// block reads the next block. A block at the end of the stream is empty.
func (f *following) block(t testing.TB) (b block) {
	for {
		line, err := f.in.ReadString('\n')
		if err != nil {
			require.True(t, errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF), err)
			require.Empty(t, line)
			return b
		}
		name, value, ok := strings.Cut(strings.TrimSuffix(line, "\n"), ":")
		value = strings.TrimPrefix(value, " ")
		switch {
		case line == "\n":
			return b
		case !ok:
			require.Fail(t, "not a field", line)
		case name == "":
			b.comment = true
		case name == "id":
			b.id, b.hasID, f.id = value, true, value
		case name == "event":
			b.kind = value
		case name == "data":
			b.data = value
		default:
			require.Fail(t, "not a field", line)
		}
	}
}

// event reads the next block, which must be an event.
func (f *following) event(t testing.TB) groupkit.Event {
	e, _ := f.eventText(t)
	return e
}

func (f *following) eventText(t testing.TB) (e groupkit.Event, b block) {
	b = f.block(t)
	require.NotEqual(t, "end", b.kind, b.data)
	require.True(t, b.hasID, "%+v", b)
	require.NoError(t, json.Unmarshal([]byte(b.data), &e), "%+v", b)
	word, err := e.Kind.MarshalText()
	require.NoError(t, err)
	require.Equal(t, string(word), b.kind)
	return e, b
}

// ends reads the event that ends the stream, and the end.
func (f *following) ends(t testing.TB, code string) {
	b := f.block(t)
	require.Equal(t, "end", b.kind, "%+v", b)
	var o object
	require.NoError(t, json.Unmarshal([]byte(b.data), &o))
	require.Equal(t, code, o["error"], b.data)
	require.Len(t, o, 5, "the five fields of an error")
	require.Equal(t, block{}, f.block(t))
}

// quiet requires that the next block comes after d, is a comment, and has no id.
func (f *following) quiet(t testing.TB, d time.Duration) {
	began := time.Now()
	require.Equal(t, block{comment: true}, f.block(t))
	require.Equal(t, d, time.Since(began))
}
