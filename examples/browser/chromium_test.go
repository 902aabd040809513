package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A chromium is a headless browser that is driven by the DevTools protocol, over a pipe.
type chromium struct {
	out *os.File // commands

	mu      sync.Mutex
	number  int
	waiting map[int]chan message
	ended   error
	loaded  chan struct{} // a page was loaded
}

// A message is a command, an answer or an event.
type message struct {
	ID      int             `json:"id,omitempty"`
	Method  string          `json:"method,omitempty"`
	Session string          `json:"sessionId,omitempty"`
	Params  any             `json:"params,omitempty"`
	Result  json.RawMessage `json:"result,omitempty"`
	Error   *struct {
		Message string `json:"message"`
	} `json:"error,omitempty"`
}

// startChromium starts a browser, which ends with the test. It reaches only 127.0.0.1.
func startChromium(t *testing.T) *chromium {
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("chromium is not installed")
	}
	theirIn, out, err := os.Pipe()
	require.NoError(t, err)
	in, theirOut, err := os.Pipe()
	require.NoError(t, err)
	cmd := exec.Command(path, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
		"--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-extensions",
		"--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", "--user-data-dir="+t.TempDir(), "--remote-debugging-pipe", "about:blank")
	cmd.Env = append(os.Environ(), "HOME="+t.TempDir())
	cmd.ExtraFiles = []*os.File{theirIn, theirOut} // 3 and 4
	require.NoError(t, cmd.Start())
	require.NoError(t, errors.Join(theirIn.Close(), theirOut.Close()))
	c := &chromium{out: out, waiting: make(map[int]chan message), loaded: make(chan struct{}, 10)}
	read := make(chan struct{})
	go func() { defer close(read); c.read(in) }()
	hung := time.AfterFunc(2*time.Minute, func() { _ = cmd.Process.Kill() })
	t.Cleanup(func() {
		_, _ = c.ask("", "Browser.close", nil)
		_ = out.Close()
		<-read
		_ = cmd.Wait()
		_ = in.Close()
		hung.Stop()
	})
	return c
}

// read reads what the browser says until it ends. Messages end with a zero byte.
func (c *chromium) read(in *os.File) {
	r := bufio.NewReader(in)
	for {
		text, err := r.ReadBytes(0)
		var m message
		if err == nil {
			err = json.Unmarshal(text[:len(text)-1], &m)
		}
		c.mu.Lock()
		if err != nil {
			c.ended = err
			for id := range c.waiting {
				close(c.waiting[id])
			}
			clear(c.waiting)
			c.mu.Unlock()
			return
		}
		if answer, ok := c.waiting[m.ID]; ok {
			answer <- m
			delete(c.waiting, m.ID)
		}
		c.mu.Unlock()
		if m.Method == "Page.loadEventFired" {
			c.loaded <- struct{}{}
		}
	}
}

// ask sends a command and waits for its answer.
func (c *chromium) ask(session, method string, params any) (json.RawMessage, error) {
	c.mu.Lock()
	if c.ended != nil {
		defer c.mu.Unlock()
		return nil, c.ended
	}
	c.number++
	id, answer := c.number, make(chan message, 1)
	c.waiting[id] = answer
	c.mu.Unlock()
	text, err := json.Marshal(message{ID: id, Method: method, Session: session, Params: params})
	if err != nil {
		return nil, err
	}
	if _, err := c.out.Write(append(text, 0)); err != nil {
		return nil, err
	}
	m, ok := <-answer
	switch {
	case !ok:
		return nil, errors.New("the browser has ended")
	case m.Error != nil:
		return nil, errors.New(method + ": " + m.Error.Message)
	}
	return m.Result, nil
}

// A tab is a page in the browser.
type tab struct {
	c       *chromium
	session string
}

// open loads a page.
func (c *chromium) open(t *testing.T, url string) *tab {
	var made struct{ TargetID string }
	c.must(t, "", "Target.createTarget", map[string]any{"url": "about:blank"}, &made)
	var attached struct{ SessionID string }
	c.must(t, "", "Target.attachToTarget", map[string]any{"targetId": made.TargetID, "flatten": true}, &attached)
	p := &tab{c, attached.SessionID}
	c.must(t, p.session, "Page.enable", nil, nil)
	c.must(t, p.session, "Page.navigate", map[string]any{"url": url}, nil)
	select {
	case <-c.loaded:
	case <-t.Context().Done():
		require.NoError(t, context.Cause(t.Context()))
	}
	return p
}

func (c *chromium) must(t *testing.T, session, method string, params, result any) {
	t.Helper()
	raw, err := c.ask(session, method, params)
	require.NoError(t, err)
	if result != nil {
		require.NoError(t, json.Unmarshal(raw, result))
	}
}

// run runs JavaScript in the page, waits for the promise that it gives, and returns the text of that.
func (p *tab) run(t *testing.T, script string) string {
	t.Helper()
	var done struct {
		Result           struct{ Value string }
		ExceptionDetails json.RawMessage
	}
	p.c.must(t, p.session, "Runtime.evaluate", map[string]any{"expression": script, "awaitPromise": true, "returnByValue": true}, &done)
	require.Empty(t, string(done.ExceptionDetails), script)
	return done.Result.Value
}

// shows waits until the element with the ID shows a text, and returns all that it shows. It fails after 30 s.
func (p *tab) shows(t *testing.T, id, text string) string {
	t.Helper()
	got := p.run(t, `new Promise((done) => {
		const element = document.getElementById(`+quote(id)+`);
		const shown = () => element.textContent.includes(`+quote(text)+`);
		const end = () => { watch.disconnect(); done(element.textContent); };
		const watch = new MutationObserver(() => shown() && end());
		watch.observe(document, { subtree: true, childList: true, characterData: true });
		setTimeout(end, shown() ? 0 : 30000);
	})`)
	require.Contains(t, got, text)
	return got
}

// quote returns a text as a JavaScript literal.
func quote(text string) string {
	b, _ := json.Marshal(text) // a text can be encoded
	return string(b)
}
