//go:build unix

package cluster_test

import (
	"context"
	"math/rand/v2"
	"net"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

// lostAnswers says how many answers of the server come for each one that is lost.
const lostAnswers = 100

// newLine returns a line to a server, and its URL.
func newLine(t *testing.T, server string) (*line, string) {
	to, err := url.Parse(server)
	require.NoError(t, err)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	line := &line{to: to.Host, open: make(map[net.Conn]bool)}
	line.all.Go(func() { line.serve(l) })
	t.Cleanup(func() {
		_ = l.Close()
		line.cut()
		line.all.Wait()
	})
	to.Host = l.Addr().String()
	return line, to.String()
}

// A line carries connections to a server. While it is bad it loses, now and then, an answer with its
// connection: then nobody knows whether what was asked was done, and mostly it was.
type line struct {
	to  string
	all sync.WaitGroup
	bad atomic.Bool

	mu   sync.Mutex
	open map[net.Conn]bool
}

func (l *line) serve(from net.Listener) {
	for {
		client, err := from.Accept()
		if err != nil {
			return
		}
		server, err := new(net.Dialer).DialContext(context.Background(), "tcp", l.to)
		if err != nil { // it is down
			_ = client.Close()
			continue
		}
		l.mu.Lock()
		l.open[client], l.open[server] = true, true
		l.mu.Unlock()
		l.all.Go(func() { l.carry(server, client, false) })
		l.all.Go(func() { l.carry(client, server, true) })
	}
}

// carry carries bytes until one end is closed, or until it loses what it carries.
func (l *line) carry(to, from net.Conn, answers bool) {
	defer func() {
		_, _ = to.Close(), from.Close()
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.open, from)
	}()
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		if n > 0 && answers && l.bad.Load() && rand.IntN(lostAnswers) == 0 {
			return
		}
		if n > 0 {
			if _, err := to.Write(buffer[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return // io.EOF as well
		}
	}
}

// cut closes all connections.
func (l *line) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for c := range l.open {
		_ = c.Close()
	}
}
