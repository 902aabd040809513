// Package pgtest starts PostgreSQL servers for tests and measurements.
package pgtest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// ErrNotInstalled: PostgreSQL is not installed here.
var ErrNotInstalled = errors.New("PostgreSQL is not installed")

// A Server is a PostgreSQL server of its own, in a temporary folder and on a free port of the
// loopback interface. A crash of the machine can lose its data; a crash of the server cannot.
type Server struct {
	bin, dir string
	port     int
	password string
	as       *syscall.SysProcAttr // whom it runs as
	process  *exec.Cmd
	settings []string
}

// Start starts a server, as an unprivileged user if the caller is root. settings are parameters of
// the server, such as "max_connections=200"; "fsync=on" makes commits as durable as usual. Returns ErrNotInstalled if there is no PostgreSQL.
func Start(ctx context.Context, settings ...string) (s *Server, err error) {
	s = &Server{password: rand.Text(), settings: settings}
	if s.bin, err = programs(); err != nil {
		return nil, err
	}
	if s.dir, err = os.MkdirTemp("", "groupkit-postgres-"); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			_ = s.Stop()
		}
	}()
	if s.port, err = freePort(); err != nil {
		return nil, err
	}
	if err := s.init(ctx); err != nil {
		return nil, err
	}
	return s, s.launch(ctx)
}

// programs is the folder of the newest version that is installed.
func programs() (string, error) {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb") // in the order of the versions, 10 and later
	if len(found) > 0 {
		return filepath.Dir(found[len(found)-1]), nil
	}
	if path, err := exec.LookPath("initdb"); err == nil {
		return filepath.Dir(path), nil
	}
	return "", ErrNotInstalled
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	return l.Addr().(*net.TCPAddr).Port, l.Close()
}

func (s *Server) data() string { return filepath.Join(s.dir, "data") }

func (s *Server) command(name string, args ...string) *exec.Cmd {
	c := exec.Command(filepath.Join(s.bin, name), args...)
	c.Dir, c.SysProcAttr = s.dir, s.as
	return c
}

func (s *Server) init(context.Context) (err error) {
	secret := filepath.Join(s.dir, "password")
	if err := os.WriteFile(secret, []byte(s.password), 0o600); err != nil {
		return err
	}
	if s.as, err = unprivileged(s.dir, secret); err != nil {
		return err
	}
	out, err := s.command("initdb", "-D", s.data(), "-U", "test", "-A", "scram-sha-256", "--pwfile="+secret,
		"-E", "UTF8", "--locale=C", "--no-sync").CombinedOutput()
	if err != nil {
		return fmt.Errorf("initdb: %w: %s", err, out)
	}
	return nil
}

// launch starts the process and waits until it answers.
func (s *Server) launch(ctx context.Context) error {
	args := []string{"-D", s.data(), "-p", strconv.Itoa(s.port), "-k", s.dir, "-c", "listen_addresses=127.0.0.1",
		"-c", "logging_collector=off", "-c", "fsync=off"}
	for _, setting := range s.settings {
		args = append(args, "-c", setting)
	}
	s.process = s.command("postgres", args...)
	if err := s.process.Start(); err != nil {
		return err
	}
	return s.await(ctx)
}

// await waits until the server answers.
func (s *Server) await(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		c, err := pgx.Connect(ctx, s.URL("postgres"))
		if err == nil {
			return c.Close(ctx)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("PostgreSQL does not answer: %w", err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// URL is the URL of a database of the server. The database "postgres" is always there.
func (s *Server) URL(database string) string {
	return fmt.Sprintf("postgres://test:%s@127.0.0.1:%d/%s?sslmode=disable", s.password, s.port, database)
}

// Crash ends the server as a crash does, and starts it again.
func (s *Server) Crash(ctx context.Context) error {
	if err := s.end(syscall.SIGQUIT); err != nil {
		return err
	}
	return s.launch(ctx)
}

// Restart ends the server and its connections, and starts it again.
func (s *Server) Restart(ctx context.Context) error {
	if err := s.end(syscall.SIGINT); err != nil {
		return err
	}
	return s.launch(ctx)
}

// end ends the process, which can exit with any code.
func (s *Server) end(signal os.Signal) error {
	if err := s.process.Process.Signal(signal); err != nil {
		return err
	}
	err := s.process.Wait()
	if _, exited := errors.AsType[*exec.ExitError](err); exited {
		return nil
	}
	return err
}

// Stop ends the server and removes its data.
func (s *Server) Stop() (err error) {
	if s.process != nil && s.process.Process != nil {
		err = s.end(syscall.SIGQUIT)
	}
	return errors.Join(err, os.RemoveAll(s.dir))
}
