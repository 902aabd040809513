package main

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// patience is the wait of the tests. Time is that of a bubble: nobody really waits.
const patience = 30 * time.Second

// A oneConn is a listener with one connection in memory.
type oneConn struct{ conns chan net.Conn }

func (l *oneConn) Accept() (net.Conn, error) {
	conn, ok := <-l.conns
	if !ok {
		return nil, net.ErrClosed
	}
	return conn, nil
}

func (l *oneConn) Close() error   { close(l.conns); return nil }
func (l *oneConn) Addr() net.Addr { return &net.TCPAddr{} }

// converse sends a request to a patient handler and passes what comes back to the client.
func converse(t *testing.T, request string, handler http.HandlerFunc, client func(t *testing.T, conn net.Conn)) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		l := &oneConn{conns: make(chan net.Conn, 1)}
		l.conns <- far
		server := &http.Server{Handler: patient(handler, patience), IdleTimeout: patience, ReadHeaderTimeout: patience}
		done := make(chan error)
		go func() { done <- server.Serve(l) }()
		_, err := io.WriteString(near, request)
		require.NoError(t, err)
		client(t, near)
		require.NoError(t, near.Close())
		require.NoError(t, server.Shutdown(t.Context()))
		require.ErrorIs(t, <-done, http.ErrServerClosed)
	})
}

const chunk = 64 << 10

// TestPatient_SlowReader takes an answer slowly that is made even more slowly. The handler is not
// disturbed, also if the request has a body that nobody reads.
func TestPatient_SlowReader(t *testing.T) {
	t.Parallel()
	for name, rest := range map[string]string{"without a body": "\r\n", "with a body": "Content-Length: 2\r\n\r\n{}"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var canceled error
			converse(t, "GET / HTTP/1.1\r\nHost: a\r\n"+rest, func(w http.ResponseWriter, r *http.Request) {
				for range 20 {
					_, err := w.Write(make([]byte, chunk))
					canceled = errors.Join(canceled, err, r.Context().Err())
					time.Sleep(2 * patience)
				}
			}, func(t *testing.T, conn net.Conn) {
				answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
				require.NoError(t, err)
				defer answer.Body.Close()
				for range 20 {
					_, err := io.CopyN(io.Discard, answer.Body, chunk)
					require.NoError(t, err)
					time.Sleep(patience * 3 / 4)
				}
				left, err := io.ReadAll(answer.Body)
				require.NoError(t, err)
				require.Empty(t, left)
			})
			require.NoError(t, canceled)
		})
	}
}

// TestPatient_NoReader takes nothing of an answer.
func TestPatient_NoReader(t *testing.T) {
	t.Parallel()
	var failed error
	var waited time.Duration
	converse(t, "GET / HTTP/1.1\r\nHost: a\r\n\r\n", func(w http.ResponseWriter, _ *http.Request) {
		began := time.Now()
		for failed == nil {
			_, failed = w.Write(make([]byte, chunk))
		}
		waited = time.Since(began)
	}, func(*testing.T, net.Conn) { time.Sleep(10 * patience) })
	require.ErrorIs(t, failed, os.ErrDeadlineExceeded)
	require.Equal(t, patience, waited)
}

// TestPatient_UnreadBody announces a body and sends nothing of it.
func TestPatient_UnreadBody(t *testing.T) {
	t.Parallel()
	for name, size := range map[string]int{"a short answer": 10, "a long answer": 10 * chunk} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			converse(t, "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n", func(w http.ResponseWriter, _ *http.Request) {
				_, _ = w.Write(make([]byte, size))
			}, func(t *testing.T, conn net.Conn) {
				began, in := time.Now(), bufio.NewReader(conn)
				answer, err := http.ReadResponse(in, nil)
				require.NoError(t, err)
				defer answer.Body.Close()
				require.Equal(t, patience, time.Since(began))
				body, err := io.ReadAll(answer.Body)
				require.NoError(t, err)
				require.Len(t, body, size)
				_, err = in.ReadByte()
				require.ErrorIs(t, err, io.EOF, "the connection is closed")
			})
		})
	}
}
