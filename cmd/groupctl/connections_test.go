package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// dial opens a connection on which a test writes the bytes itself. No read of it waits for ever.
func (p *process) dial(t *testing.T) net.Conn {
	t.Helper()
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", strings.TrimPrefix(p.host(), "http://"))
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	require.NoError(t, conn.SetDeadline(time.Now().Add(time.Minute)))
	return conn
}

// TestServe_SlowHeader sends a part of a header and no more.
func TestServe_SlowHeader(t *testing.T) {
	t.Parallel()
	p := startServer(t, "--header-timeout", "50ms")
	for _, sent := range []string{"", "GET / HTTP/1.1\r\n", "GET / HTTP/1.1\r\nHost: a\r\nX-A: "} {
		conn := p.dial(t)
		_, err := io.WriteString(conn, sent)
		require.NoError(t, err)
		_, err = io.ReadAll(conn)
		require.NoError(t, err, "the server closes the connection after %q", sent)
	}
	p.token(t)
}

// TestServe_Idle keeps a connection open after an answer.
func TestServe_Idle(t *testing.T) {
	t.Parallel()
	p := startServer(t, "--idle-timeout", "50ms")
	conn := p.dial(t)
	_, err := io.WriteString(conn, "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
	require.NoError(t, err)
	all, err := io.ReadAll(conn)
	require.NoError(t, err, "the server closes the connection")
	require.Contains(t, string(all), "200 OK")
}

func TestServe_LargeHeader(t *testing.T) {
	t.Parallel()
	p := startServer(t)
	conn := p.dial(t)
	go func() {
		_, _ = io.WriteString(conn, "GET /healthz HTTP/1.1\r\nHost: a\r\nX-A: "+strings.Repeat("a", 1<<20))
	}()
	line, err := bufio.NewReader(conn).ReadString('\n')
	require.NoError(t, err)
	require.Contains(t, line, "431")
}

// begin sends the header of a request for a token and waits until the server reads the body.
func (p *process) begin(t *testing.T) (conn net.Conn, in *bufio.Reader, body []byte) {
	t.Helper()
	body, err := json.Marshal(p.credentials())
	require.NoError(t, err)
	conn = p.dial(t)
	_, err = fmt.Fprintf(conn, "POST /example/chat/token HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n", len(body))
	require.NoError(t, err)
	in = bufio.NewReader(conn)
	line, err := in.ReadString('\n')
	require.NoError(t, err)
	require.Contains(t, line, "100 Continue")
	_, err = in.ReadString('\n')
	require.NoError(t, err)
	return conn, in, body
}

// TestServe_Graceful ends the process while a request runs. The request gets its answer.
func TestServe_Graceful(t *testing.T) {
	t.Parallel()
	p := startServer(t)
	conn, in, body := p.begin(t)
	require.NoError(t, p.cmd.Process.Signal(syscall.SIGTERM))
	p.stderr.await(t, "shutting down")
	_, err := conn.Write(body)
	require.NoError(t, err)
	answer, err := http.ReadResponse(in, nil)
	require.NoError(t, err)
	defer answer.Body.Close()
	require.Equal(t, 200, answer.StatusCode)
	var token map[string]any
	require.NoError(t, json.NewDecoder(answer.Body).Decode(&token))
	require.NotEmpty(t, token["access_token"])
	require.Equal(t, 0, p.wait(t), p.stderr.String())
	require.NotContains(t, p.stderr.String(), "cut off")
}

// TestServe_Events follows all groups, and a group. The streams outlive --timeout, and end with the process
// without delay.
func TestServe_Events(t *testing.T) {
	t.Parallel()
	p := startServer(t, "--users=false", "--timeout", "200ms", "--shutdown-timeout", "10m")
	token := p.token(t)
	got := call(t, http.DefaultClient, "POST", p.vars["BASE"]+"/chatgroups", token, map[string]any{"groupname": "n", "public": true, "owner": "o", "groupid": "g"})
	require.Equal(t, 200, got.status, "%v", got.body)
	var streams []*bufio.Scanner
	for _, path := range []string{"/events", "/chatgroups/g/events"} {
		conn := p.dial(t)
		_, err := fmt.Fprintf(conn, "GET /example/chat%s HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer %s\r\n\r\n", path, token)
		require.NoError(t, err)
		answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
		require.NoError(t, err)
		require.Equal(t, 200, answer.StatusCode)
		streams = append(streams, bufio.NewScanner(answer.Body))
	}
	for _, s := range streams {
		readUntil(t, s, "event: group_created")
	}
	slow := p.dial(t) // its answer comes after --timeout
	_, err := io.WriteString(slow, "POST /example/chat/token HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n")
	require.NoError(t, err)
	_, err = http.ReadResponse(bufio.NewReader(slow), nil)
	require.NoError(t, err)
	got = call(t, http.DefaultClient, "POST", p.vars["BASE"]+"/chatgroups/g/ban", token, nil)
	require.Equal(t, 200, got.status, "%v", got.body)
	for _, s := range streams {
		readUntil(t, s, "event: group_muted")
	}
	require.Equal(t, 0, p.end(t), p.stderr.String())
	require.NotContains(t, p.stderr.String(), "cut off")
	for _, s := range streams {
		for s.Scan() {
			require.NotContains(t, s.Text(), "event: end")
		}
		require.NoError(t, s.Err(), "the answer is complete")
	}
}

// readUntil reads lines up to one.
func readUntil(t *testing.T, s *bufio.Scanner, want string) {
	t.Helper()
	for s.Scan() {
		if s.Text() == want {
			return
		}
	}
	require.Fail(t, "the stream has ended", "%v", s.Err())
}

// TestServe_ShutdownTimeout ends the process while a request never ends.
func TestServe_ShutdownTimeout(t *testing.T) {
	t.Parallel()
	p := startServer(t, "--shutdown-timeout", "50ms")
	p.begin(t)
	require.Equal(t, 0, p.end(t), p.stderr.String())
	require.Contains(t, p.stderr.String(), "cut off")
}

// TestServe_SecondSignal ends the process at once, although a request runs.
func TestServe_SecondSignal(t *testing.T) {
	t.Parallel()
	p := startServer(t, "--shutdown-timeout", "10m")
	p.begin(t)
	require.NoError(t, p.cmd.Process.Signal(syscall.SIGTERM))
	p.stderr.await(t, "shutting down")
	p.end(t)
	require.Equal(t, "signal: terminated", p.cmd.ProcessState.String(), p.stderr.String())
}

// TestServe_UnreadBody announces a body and does not send it. Nobody needs it, so the answer comes,
// and then the connection closes.
func TestServe_UnreadBody(t *testing.T) {
	t.Parallel()
	p := startServer(t, "--timeout", "50ms")
	for _, path := range []string{"/healthz", "/nobody/knows/" + strings.Repeat("this", 4<<10)} {
		conn := p.dial(t)
		_, err := fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n", path)
		require.NoError(t, err)
		all, err := io.ReadAll(conn)
		require.NoError(t, err, "the server closes the connection")
		require.True(t, strings.HasPrefix(string(all), "HTTP/1.1 "), "%s", all)
	}
}

// TestServe_SlowBody announces a body that is needed and does not send it.
func TestServe_SlowBody(t *testing.T) {
	t.Parallel()
	p := startServer(t, "--timeout", "50ms")
	_, in, _ := p.begin(t)
	answer, err := http.ReadResponse(in, nil)
	require.NoError(t, err)
	defer answer.Body.Close()
	require.Equal(t, 503, answer.StatusCode)
	_, err = io.ReadAll(in)
	require.NoError(t, err, "the server closes the connection")
}

// TestServe_UnreadAnswers sends requests and reads no answer, until the server has enough.
func TestServe_UnreadAnswers(t *testing.T) {
	t.Parallel()
	p := startServer(t, "--timeout", "50ms", "--log-level", "error")
	conn := p.dial(t)
	request := fmt.Sprintf("GET /a/b/%s HTTP/1.1\r\nHost: a\r\n\r\n", strings.Repeat("c", 32<<10))
	var err error
	for err == nil {
		_, err = io.WriteString(conn, request)
	}
	require.NotErrorIs(t, err, os.ErrDeadlineExceeded, "the server closes the connection")
	p.token(t)
}
