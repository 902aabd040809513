package wire

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// A pipes is a listener whose connections are pipes in memory.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func newPipes() *pipes { return &pipes{conns: make(chan net.Conn), closed: make(chan struct{})} }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "memory", Net: "pipe"} }

// dial returns the client's end of a new connection.
func (p *pipes) dial() net.Conn {
	client, server := net.Pipe()
	p.conns <- server
	return client
}

// start serves the handler over pipes, as a program does, until the test ends.
func start(t *testing.T, s *server) *pipes {
	listener := newPipes()
	web := &http.Server{Handler: s.handler, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: time.Minute}
	done := make(chan struct{})
	go func() { web.Serve(listener); close(done) }()
	t.Cleanup(func() { web.Close(); <-done })
	return listener
}

const head = "%s " + prefix + "%s HTTP/1.1\r\nHost: " + host + "\r\nAuthorization: Bearer app\r\nContent-Type: %s\r\nContent-Length: 1000\r\n\r\n"

// A body that comes slowly or not at all delays an answer by Options.Timeout, 30 s, and no more. If the body
// is needed, the answer is 503.
func TestHostile_slowBody(t *testing.T) {
	documentOf(t)
	const asJSON, asUpload = "application/json", "multipart/form-data; boundary=b"
	for name, c := range map[string]struct {
		head     string
		begin    string // of the body
		trickles bool   // the rest comes byte by byte, else not at all
		status   int
	}{
		"JSON, nothing comes":        {fmt.Sprintf(head, "POST", "/chatgroups", asJSON), `{"groupname":`, false, 503},
		"JSON, byte by byte":         {fmt.Sprintf(head, "POST", "/chatgroups", asJSON), `{"groupname":"`, true, 503},
		"token, nothing comes":       {fmt.Sprintf(head, "POST", "/token", asJSON), `{`, false, 503},
		"upload, nothing comes":      {fmt.Sprintf(head, "POST", "/chatgroups/g/share_files", asUpload), partHeader + "half", false, 503},
		"upload, no file begins":     {fmt.Sprintf(head, "POST", "/chatgroups/g/share_files", asUpload), "--b\r\n", false, 503},
		"upload, half a part's head": {fmt.Sprintf(head, "POST", "/chatgroups/g/share_files", asUpload), "--b\r\nContent-Dis", false, 503},
		"an upload to no group":      {fmt.Sprintf(head, "POST", "/chatgroups/none/share_files", asUpload), partHeader, false, 404},
		"without a good token":       {strings.Replace(fmt.Sprintf(head, "POST", "/chatgroups", asJSON), "Bearer app", "Bearer bad", 1), "", false, 401},
		"no such route":              {fmt.Sprintf(head, "POST", "/nothing", asJSON), "", false, 404},
		"a body that no route needs": {fmt.Sprintf(head, "GET", "/chatgroups/g", asJSON), "", false, 200},
		"the same, byte by byte":     {fmt.Sprintf(head, "POST", "/chatgroups/g/ban", asJSON), "", true, 200},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := setup(t)
				s.group(t, "g", "user1")
				conn, sent := start(t, s).dial(), make(chan struct{})
				defer func() { conn.Close(); <-sent }()
				began := time.Now()
				go func() {
					defer close(sent)
					io.WriteString(conn, c.head+c.begin)
					for c.trickles {
						time.Sleep(time.Second)
						if _, err := conn.Write([]byte("x")); err != nil {
							return
						}
					}
				}()
				response, err := http.ReadResponse(bufio.NewReader(conn), nil)
				require.NoError(t, err)
				body, err := io.ReadAll(response.Body)
				require.NoError(t, err)
				require.Equal(t, c.status, response.StatusCode, "%s", body)
				require.LessOrEqual(t, time.Since(began), 31*time.Second)
			})
		})
	}
}

// A client that reads a download slowly or not at all does not keep it for ever.
func TestHostile_slowDownload(t *testing.T) {
	documentOf(t)
	synctest.Test(t, func(t *testing.T) {
		s := setup(t)
		s.group(t, "g", "user1")
		id := s.upload(t, "app", "g", "f", strings.Repeat("x", 5<<20))
		conn := start(t, s).dial()
		defer conn.Close()
		go fmt.Fprintf(conn, "GET %s/chatgroups/g/share_files/%s HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer app\r\n\r\n", prefix, id, host)
		first := make([]byte, 100)
		_, err := io.ReadFull(conn, first)
		require.NoError(t, err)
		time.Sleep(2 * time.Minute)
		n, err := io.Copy(io.Discard, conn)
		require.NoError(t, err)
		require.Less(t, n, int64(1<<20), "it has ended")
	})
}

// 10,000 connections that send nothing cost little memory, stop nobody, and are closed in time.
func TestHostile_silentConnections(t *testing.T) {
	const connections = 10_000
	documentOf(t)
	synctest.Test(t, func(t *testing.T) {
		s := setup(t)
		s.group(t, "g", "user1")
		listener := start(t, s)
		before := inUse()
		var silent []net.Conn
		for range connections {
			silent = append(silent, listener.dial())
		}
		synctest.Wait()
		require.Less(t, (inUse()-before)/connections, int64(32<<10), "bytes of a connection")

		conn := listener.dial()
		defer conn.Close()
		go fmt.Fprintf(conn, "GET %s/chatgroups/g HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer app\r\n\r\n", prefix, host)
		response, err := http.ReadResponse(bufio.NewReader(conn), nil)
		require.NoError(t, err)
		require.Equal(t, 200, response.StatusCode)

		time.Sleep(11 * time.Second)
		for _, c := range silent {
			_, err := c.Read(make([]byte, 1))
			require.ErrorIs(t, err, io.EOF)
			c.Close()
		}
	})
}

// inUse returns the memory of the heap and of the stacks.
func inUse() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapInuse + m.StackInuse)
}
