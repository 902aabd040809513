package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// program is the built binary.
var program string

func TestMain(m *testing.M) {
	if clock := os.Getenv(childClock); clock != "" {
		os.Exit(asGroupctl(clock))
	}
	os.Exit(buildAndRun(m))
}

func buildAndRun(m *testing.M) int {
	if runtime.GOOS == "windows" {
		return 0 // there is no SIGTERM
	}
	dir, err := os.MkdirTemp("", "groupctl")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o755); err != nil { // other users run it too
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	program = filepath.Join(dir, "groupctl")
	if out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "go build: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// A process is a running groupctl.
type process struct {
	cmd    *exec.Cmd
	lines  *bufio.Scanner // of stdout
	stdout strings.Builder
	stderr lockedBuffer
	vars   map[string]string // NAME=value on stdout; of several apps the last
	bases  []string
}

// startServer starts groupctl serve on a free port and waits until it has printed where its apps are.
func startServer(t *testing.T, args ...string) *process {
	t.Helper()
	p := &process{vars: make(map[string]string)}
	p.cmd = exec.Command(program, append([]string{"serve", "--listen", "127.0.0.1:0"}, args...)...)
	p.cmd.Dir = t.TempDir()
	p.cmd.Stderr = &p.stderr
	out, err := p.cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, p.cmd.Start())
	t.Cleanup(func() { _ = p.cmd.Process.Kill(); _ = p.cmd.Wait() })
	p.lines = bufio.NewScanner(out)
	hung := time.AfterFunc(time.Minute, func() { _ = p.cmd.Process.Kill() })
	defer hung.Stop()
	for p.lines.Scan() {
		line := p.lines.Text()
		fmt.Fprintln(&p.stdout, line)
		if line == "Ready." {
			break
		}
		if name, value, ok := strings.Cut(line, "="); ok {
			p.vars[name] = value
			if name == "BASE" {
				p.bases = append(p.bases, value)
			}
		}
	}
	require.NotEmpty(t, p.bases, p.stderr.String())
	return p
}

// end sends SIGTERM and returns the exit code.
func (p *process) end(t *testing.T) int {
	t.Helper()
	require.NoError(t, p.cmd.Process.Signal(syscall.SIGTERM))
	return p.wait(t)
}

func (p *process) wait(t *testing.T) int {
	t.Helper()
	hung := time.AfterFunc(time.Minute, func() { _ = p.cmd.Process.Signal(syscall.SIGQUIT) })
	defer hung.Stop()
	for p.lines.Scan() {
		fmt.Fprintln(&p.stdout, p.lines.Text())
	}
	_ = p.cmd.Wait()
	return p.cmd.ProcessState.ExitCode()
}

// refused runs groupctl to its end and returns the exit code and what it says on stderr.
func refused(t *testing.T, args ...string) (code int, stderr string) {
	t.Helper()
	cmd := exec.Command(program, args...)
	cmd.Dir = t.TempDir()
	var errs bytes.Buffer
	cmd.Stderr = &errs
	require.NoError(t, cmd.Start())
	hung := time.AfterFunc(time.Minute, func() { _ = cmd.Process.Kill() })
	defer hung.Stop()
	_ = cmd.Wait()
	return cmd.ProcessState.ExitCode(), errs.String()
}

// A reply is what a server answers.
type reply struct {
	status int
	header http.Header
	body   map[string]any
}

// call sends a request. The body is sent as JSON, unless it is nil.
func call(t *testing.T, client *http.Client, method, url, token string, body any) reply {
	t.Helper()
	var sent io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		require.NoError(t, err)
		sent = bytes.NewReader(text)
	}
	r, err := http.NewRequestWithContext(t.Context(), method, url, sent)
	require.NoError(t, err)
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	answer, err := client.Do(r)
	require.NoError(t, err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	got := reply{status: answer.StatusCode, header: answer.Header}
	require.NoError(t, json.Unmarshal(text, &got.body), "%s", text)
	return got
}

// credentials are the body of a request for a token of the app.
func (p *process) credentials() map[string]any {
	return map[string]any{"grant_type": "client_credentials", "client_id": p.vars["CLIENT_ID"], "client_secret": p.vars["CLIENT_SECRET"]}
}

// token returns a token of the last app.
func (p *process) token(t *testing.T) string {
	t.Helper()
	got := call(t, http.DefaultClient, "POST", p.vars["BASE"]+"/token", "", p.credentials())
	require.Equal(t, 200, got.status, "%v", got.body)
	token, _ := got.body["access_token"].(string)
	require.NotEmpty(t, token)
	return token
}

// host returns the scheme, host and port.
func (p *process) host() string {
	parts := strings.Split(p.vars["BASE"], "/")
	return strings.Join(parts[:3], "/")
}

// text returns the status and the body of a page.
func text(t *testing.T, url string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	require.NoError(t, err)
	answer, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	return answer.StatusCode, string(body)
}

// A lockedBuffer is written to while a test reads it.
type lockedBuffer struct {
	mu      sync.Mutex
	text    bytes.Buffer
	changed chan struct{} // closed with the next write
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.changed != nil {
		close(b.changed)
		b.changed = nil
	}
	return b.text.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// await waits until the text has been written.
func (b *lockedBuffer) await(t *testing.T, want string) {
	t.Helper()
	for {
		b.mu.Lock()
		if strings.Contains(b.text.String(), want) {
			b.mu.Unlock()
			return
		}
		if b.changed == nil {
			b.changed = make(chan struct{})
		}
		changed := b.changed
		b.mu.Unlock()
		select {
		case <-changed:
		case <-time.After(time.Minute):
			t.Fatalf("%q was not written: %s", want, b.String())
		}
	}
}
