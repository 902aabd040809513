package main

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
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// errNoPostgres: PostgreSQL is not installed here.
var errNoPostgres = errors.New("PostgreSQL is not installed")

// A postgresServer is a server that the benchmark has started for itself, in a
// temporary folder and on a free port of the loopback interface.
type postgresServer struct {
	bin, dir string
	port     int
	password string
	as       *syscall.SysProcAttr // whom it runs as
	process  *exec.Cmd
}

// startPostgres starts a server, as an unprivileged user if the benchmark runs as root.
func startPostgres(ctx context.Context) (s *postgresServer, err error) {
	s = &postgresServer{password: rand.Text()}
	if s.bin, err = postgresPrograms(); err != nil {
		return nil, err
	}
	if s.dir, err = os.MkdirTemp("", "groupkit-bench-postgres-"); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			_ = s.stop()
		}
	}()
	if s.port, err = freePort(); err != nil {
		return nil, err
	}
	if err := s.init(ctx); err != nil {
		return nil, err
	}
	s.process = s.command(ctx, "postgres", "-D", s.data(), "-p", strconv.Itoa(s.port), "-k", s.dir,
		"-c", "listen_addresses=127.0.0.1", "-c", "logging_collector=off")
	if err := s.process.Start(); err != nil {
		return nil, err
	}
	return s, s.await(ctx)
}

// postgresPrograms is the folder of the newest version that is installed.
func postgresPrograms() (string, error) {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb") // in the order of the versions, 10 and later
	if len(found) > 0 {
		return filepath.Dir(found[len(found)-1]), nil
	}
	if path, err := exec.LookPath("initdb"); err == nil {
		return filepath.Dir(path), nil
	}
	return "", errNoPostgres
}

func (s *postgresServer) data() string { return filepath.Join(s.dir, "data") }

func (s *postgresServer) command(ctx context.Context, name string, args ...string) *exec.Cmd {
	c := exec.CommandContext(ctx, filepath.Join(s.bin, name), args...)
	c.Dir, c.SysProcAttr = s.dir, s.as
	return c
}

func (s *postgresServer) init(ctx context.Context) (err error) {
	secret := filepath.Join(s.dir, "password")
	if err := os.WriteFile(secret, []byte(s.password), 0o600); err != nil {
		return err
	}
	if s.as, err = unprivileged(s.dir, secret); err != nil {
		return err
	}
	out, err := s.command(ctx, "initdb", "-D", s.data(), "-U", "bench", "-A", "scram-sha-256", "--pwfile="+secret,
		"-E", "UTF8", "--locale=C").CombinedOutput()
	if err != nil {
		return fmt.Errorf("initdb: %w: %s", err, out)
	}
	return nil
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	return l.Addr().(*net.TCPAddr).Port, l.Close()
}

func (s *postgresServer) url(database string) string {
	return fmt.Sprintf("postgres://bench:%s@127.0.0.1:%d/%s?sslmode=disable", s.password, s.port, database)
}

// await waits until the server answers.
func (s *postgresServer) await(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for {
		c, err := pgx.Connect(ctx, s.url("postgres"))
		if err == nil {
			return c.Close(ctx)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("PostgreSQL does not answer: %w", err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func (s *postgresServer) version() string {
	out, err := exec.Command(filepath.Join(s.bin, "postgres"), "--version").Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(out))
}

// stop ends the server and removes what it kept.
func (s *postgresServer) stop() (err error) {
	if s.process != nil && s.process.Process != nil {
		_ = s.process.Process.Signal(syscall.SIGINT)
		err = s.process.Wait()
	}
	return errors.Join(err, os.RemoveAll(s.dir))
}
