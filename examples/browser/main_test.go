package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// serve runs the example on a free port and returns its URL. Nothing goes on in the group but what a
// test does.
func serve(t *testing.T, every time.Duration) string {
	ctx, stop := context.WithCancel(t.Context())
	in, out := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := run(ctx, "127.0.0.1:0", every, out)
		_ = out.CloseWithError(err)
		ended <- err
	}()
	t.Cleanup(func() { stop(); require.NoError(t, <-ended) })
	line, err := bufio.NewReader(in).ReadString('\n')
	require.NoError(t, err)
	require.Regexp(t, `^Open http://127\.0\.0\.1:[0-9]+/ in a browser\.\n$`, line)
	return strings.TrimSuffix(strings.Fields(line)[1], "/")
}

// call calls the API and returns the answer.
func call(t *testing.T, method, url, token, body string) map[string]any {
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	require.NoError(t, err)
	r.Header.Set("Authorization", "Bearer "+token)
	answer, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer answer.Body.Close()
	var out map[string]any
	require.NoError(t, json.NewDecoder(answer.Body).Decode(&out))
	require.Equal(t, 200, answer.StatusCode, "%v", out)
	return out
}

func login(t *testing.T, base, user string) string {
	return call(t, "POST", base+"/example/chat/token", "", `{"grant_type":"password","username":"`+user+`","password":"demo"}`)["access_token"].(string)
}

// What is changed after the page was loaded appears in the page, as a member may see it.
func TestPage(t *testing.T) {
	if testing.Short() {
		t.Skip("a browser takes some seconds")
	}
	browser, base := startChromium(t), serve(t, time.Hour)
	line := newLine(t, base)
	page := browser.open(t, line.url+"/")
	alice, carol, group := login(t, base, "alice"), login(t, base, "carol"), base+"/example/chat/chatgroups/night-watch"
	page.run(t, `document.querySelector("button").click()`)
	require.Equal(t, "alice (owner)bob (member)", page.shows(t, "members", "bob"))
	require.Equal(t, "Night Watch", page.shows(t, "name", "Night"))
	page.shows(t, "state", "live")

	const markup = `<img src=x onerror=alert(1)> & "more"`
	call(t, "POST", group+"/announcement", alice, `{"announcement":`+quote(markup)+`}`)
	require.Equal(t, markup, page.shows(t, "announcement", markup))
	page.shows(t, "log", "announcement changed by alice")

	call(t, "POST", group+"/apply", carol, `{"message":"hello"}`)
	page.shows(t, "members", "carol (member)")
	line.cut()
	page.shows(t, "state", "cut off")
	call(t, "POST", group+"/mute", alice, `{"usernames":["carol"],"mute_duration":-1}`)
	call(t, "POST", group+"/mute", alice, `{"usernames":["bob"],"mute_duration":-1}`)
	require.Equal(t, "alice (owner)bob (member, muted)carol (member)", page.shows(t, "members", "muted"), "bob does not see the mute of carol")
	page.shows(t, "state", "live")
	require.Equal(t, 1, strings.Count(page.shows(t, "log", "announcement"), "announcement changed"), "nothing twice")

	call(t, "DELETE", group+"/users/bob", alice, "")
	page.shows(t, "state", "the end: you have no permission to do this")
	page.run(t, `document.querySelector("[name=username]").value = "alice"; document.querySelector("button").click()`)
	require.Contains(t, page.shows(t, "log", "member left bob by alice"), "member muted bob by alice")
	require.Equal(t, "alice (owner)carol (member, muted)", page.shows(t, "members", "alice"))
	page.run(t, `document.querySelector("[name=password]").value = "wrong"; document.querySelector("button").click()`)
	page.shows(t, "state", "invalid username or password")
}

// Something goes on in the group by itself, over and over.
func TestRun(t *testing.T) {
	t.Parallel()
	base := serve(t, time.Millisecond)
	r, err := http.NewRequestWithContext(t.Context(), "GET", base+"/example/chat/chatgroups/night-watch/events?from=latest", nil)
	require.NoError(t, err)
	r.Header.Set("Authorization", "Bearer "+login(t, base, "bob"))
	answer, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer answer.Body.Close()
	seen := make(map[string]int)
	for in := bufio.NewScanner(answer.Body); seen["announcement_changed"] < 5 && in.Scan(); {
		kind, _ := strings.CutPrefix(in.Text(), "event: ")
		seen[kind]++
	}
	for _, kind := range []string{"announcement_changed", "member_joined", "member_left", "admin_added", "admin_removed", "group_muted", "group_unmuted"} {
		require.GreaterOrEqual(t, seen[kind], 2, kind)
	}
}

// A line is a connection to a server that can be cut.
type line struct {
	url string

	mu    sync.Mutex
	conns []net.Conn
}

func newLine(t *testing.T, base string) *line {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	l := &line{url: "http://" + listener.Addr().String()}
	go func() {
		for {
			near, err := listener.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("tcp", strings.TrimPrefix(base, "http://"))
			if err != nil {
				_ = near.Close()
				continue
			}
			l.mu.Lock()
			l.conns = append(l.conns, near, far)
			l.mu.Unlock()
			go func() { _, _ = io.Copy(near, far); _ = near.Close() }()
			go func() { _, _ = io.Copy(far, near); _ = far.Close() }()
		}
	}()
	t.Cleanup(func() { _ = listener.Close(); l.cut() })
	return l
}

// cut closes all connections.
func (l *line) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range l.conns {
		_ = c.Close()
	}
	l.conns = nil
}
