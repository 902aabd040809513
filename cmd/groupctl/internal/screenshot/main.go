// Screenshot makes docs/stats.svg: it starts groupctl serve, makes traffic, runs groupctl stats --watch on a terminal beside
// it, and draws what the terminal shows at the end. Run it in the root of the repository:
//
//	go run ./cmd/groupctl/internal/screenshot
package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/creack/pty"
)

const (
	picture = "docs/stats.svg"
	columns = 100
	rows    = 20
	writers = 40
	takes   = 20 * time.Second
)

func main() {
	if err := run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "screenshot:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) (err error) {
	dir, err := os.MkdirTemp("", "screenshot")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	program := filepath.Join(dir, "groupctl")
	if out, err := exec.CommandContext(ctx, "go", "build", "-o", program, "./cmd/groupctl").CombinedOutput(); err != nil {
		return fmt.Errorf("go build: %w\n%s", err, out)
	}
	server, err := serve(ctx, program, dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.stop()) }()
	busy, stop := context.WithCancel(ctx)
	defer stop()
	var traffic sync.WaitGroup
	for i := range writers {
		traffic.Go(func() { server.write(busy, i) })
	}
	for range 3 {
		traffic.Go(func() { server.follow(busy) })
	}
	defer traffic.Wait()
	defer stop()
	shown, err := watch(ctx, program, dir)
	if err != nil {
		return err
	}
	screen := newScreen(rows, columns)
	screen.write(shown)
	return os.WriteFile(picture, screen.svg("groupctl stats --watch"), 0o600)
}

// watch runs stats --watch on a terminal and returns what the terminal got.
func watch(ctx context.Context, program, dir string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, program, "stats", "--watch", "--interval", "500ms", "--db", "groups.db")
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "TERM=xterm", "NO_COLOR=")
	f, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: rows + 1, Cols: columns})
	if err != nil {
		return nil, err
	}
	defer f.Close()
	timer := time.AfterFunc(takes, func() { _ = cmd.Process.Signal(os.Interrupt) })
	defer timer.Stop()
	shown, _ := io.ReadAll(f) // Linux ends the reading with an error when the other side is closed
	return shown, cmd.Wait()
}

// A server is a running groupctl serve.
type server struct {
	cmd   *exec.Cmd
	vars  map[string]string
	token string
	group string
}

func serve(ctx context.Context, program, dir string) (*server, error) {
	s := &server{cmd: exec.CommandContext(ctx, program, "serve", "--listen", "127.0.0.1:0", "--users=false", "--log-level", "error"), vars: make(map[string]string)}
	s.cmd.Dir, s.cmd.Stderr = dir, os.Stderr
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() && lines.Text() != "Ready." {
		if name, value, ok := strings.Cut(lines.Text(), "="); ok {
			s.vars[name] = value
		}
	}
	var token struct {
		AccessToken string `json:"access_token"`
	}
	err = s.call(ctx, "/token", map[string]any{"grant_type": "client_credentials", "client_id": s.vars["CLIENT_ID"], "client_secret": s.vars["CLIENT_SECRET"]}, &token)
	s.token = token.AccessToken
	for i := 0; err == nil && i < 25; i++ {
		var made struct {
			Data struct {
				GroupID string `json:"groupid"`
			} `json:"data"`
		}
		err = s.call(ctx, "/chatgroups", map[string]any{"groupname": fmt.Sprint("Guild ", i), "public": i%3 > 0, "owner": "alice", "members": []string{"bob", "carol", fmt.Sprint("user-", i)}}, &made)
		s.group = made.Data.GroupID
	}
	if err != nil {
		return nil, errors.Join(err, s.stop())
	}
	return s, nil
}

// stop ends the server.
func (s *server) stop() error {
	return errors.Join(s.cmd.Process.Signal(syscall.SIGTERM), s.cmd.Wait())
}

func (s *server) call(ctx context.Context, path string, body, answer any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.vars["BASE"]+path, bytes.NewReader(text))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+s.token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", path, resp.Status)
	}
	if answer == nil {
		_, err = io.Copy(io.Discard, resp.Body)
		return err
	}
	return json.NewDecoder(resp.Body).Decode(answer)
}

// write changes a group again and again, now more and now less often.
func (s *server) write(ctx context.Context, i int) {
	for n := 0; ctx.Err() == nil; n++ {
		_ = s.call(context.WithoutCancel(ctx), "/chatgroups/"+s.group+"/announcement", map[string]any{"announcement": fmt.Sprint("Meet at ", i, ":", n%60)}, nil)
		if pause := time.Duration(time.Now().Unix()%7) * 5 * time.Millisecond; pause > 0 {
			select {
			case <-time.After(pause):
			case <-ctx.Done():
			}
		}
	}
}

// follow reads the events of all groups.
func (s *server) follow(ctx context.Context) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.vars["BASE"]+"/events", nil)
	if err != nil {
		return
	}
	req.Header.Set("Authorization", "Bearer "+s.token)
	if resp, err := http.DefaultClient.Do(req); err == nil {
		_, _ = io.Copy(io.Discard, resp.Body) // until ctx ends
		resp.Body.Close()
	}
}
