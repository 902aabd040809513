package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"groupkit"
	"groupkit/store/boltstore"
	"groupkit/store/pgstore/pgtest"
)

// A config says how large everything is.
type config struct {
	memberships int           // of the large application
	small       int           // of the small one
	large       int           // members of the one large group
	deleted     int           // members of a group that is deleted
	joins       int           // joins that a deletion is to disturb
	rounds      int           // how often each side has its turn
	slice       time.Duration // how long a turn is
	callers     int           // that write at once
}

var (
	fullConfig  = config{1_000_000, 10_000, 100_000, 10_000, 10_000, 15, 300 * time.Millisecond, 64}
	quickConfig = config{100_000, 10_000, 20_000, 2_000, 2_000, 5, 100 * time.Millisecond, 64}
	tinyConfig  = config{2_000, 500, 300, 130, 40, 1, 5 * time.Millisecond, 8}
)

// A run carries out workloads and keeps their rows.
type run struct {
	config
	dir      string
	progress io.Writer
	started  time.Time
	rows     []row
	apps     map[int]*app
	seeded   map[string]bool
	copies   int

	heap     []byte         // what the application has in memory besides
	server   *pgtest.Server // nil until it is needed
	noServer error          // why there is none
}

// applicationHeap is what a program has in memory besides groups. Without it the garbage
// of bbolt's commits, by hand or not, is collected up to 65 times a second.
const applicationHeap = 64 << 20

func newRun(c config, dir string, progress io.Writer) *run {
	return &run{
		config: c, dir: dir, progress: progress, started: time.Now(), apps: make(map[int]*app), seeded: make(map[string]bool),
		heap: make([]byte, applicationHeap),
	}
}

func (r *run) say(format string, args ...any) {
	fmt.Fprintf(r.progress, "%7.1f s  %s\n", time.Since(r.started).Seconds(), fmt.Sprintf(format, args...))
}

func (r *run) close() error {
	if r.server == nil {
		return nil
	}
	return r.server.Stop()
}

// app is the application of that size.
func (r *run) app(memberships int) *app {
	if r.apps[memberships] == nil {
		r.apps[memberships] = newApp(memberships)
	}
	return r.apps[memberships]
}

// compare gives each side its turn in every round. The sides take turns in being first.
func (r *run) compare(what string, sides ...side) ([]series, error) {
	out := make([]series, len(sides))
	for round := range r.rounds {
		r.say("%s: round %d of %d", what, round+1, r.rounds)
		for i := range sides {
			s := (i + round) % len(sides)
			l, err := sides[s].run()
			if err != nil {
				return nil, fmt.Errorf("%s: %s: %w", what, sides[s].name, err)
			}
			out[s] = append(out[s], l)
		}
	}
	return out, nil
}

// seedOnce makes a file by seed unless it is there, and returns a copy of it.
func (r *run) seedOnce(name string, seed func(path string) error) (string, error) {
	master := filepath.Join(r.dir, name)
	if !r.seeded[name] {
		r.say("making %s", name)
		if err := seed(master); err != nil {
			return "", fmt.Errorf("making %s: %w", name, err)
		}
		r.seeded[name] = true
	}
	r.copies++
	path := filepath.Join(r.dir, fmt.Sprintf("%d-%s", r.copies, name))
	return path, copyFile(master, path)
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Sync(), out.Close())
}

// kitFile is a file of groupkit with the application in it.
func (r *run) kitFile(a *app) (string, error) {
	return r.seedOnce(fmt.Sprintf("groupkit-%d.db", a.memberships), func(path string) error {
		k, err := openKit(a, path, boltstore.None, kitOptions())
		if err != nil {
			return err
		}
		return errors.Join(k.seed(), k.silence(), k.close())
	})
}

func (r *run) kit(a *app, opts *groupkit.Options) (*kit, error) {
	path, err := r.kitFile(a)
	if err != nil {
		return nil, err
	}
	return openKit(a, path, boltstore.Sync, opts)
}

func (r *run) raw(a *app) (*raw, error) {
	path, err := r.seedOnce(fmt.Sprintf("raw-%d.db", a.memberships), func(path string) error {
		b, err := openRaw(a, path, false)
		if err != nil {
			return err
		}
		return errors.Join(b.seed(), b.silence(), b.close())
	})
	if err != nil {
		return nil, err
	}
	return openRaw(a, path, true)
}

func (r *run) sqlite(a *app) (*sqlite, error) {
	path, err := r.seedOnce(fmt.Sprintf("sqlite-%d.db", a.memberships), func(path string) error {
		s, err := openSQLite(a, path, "OFF")
		if err != nil {
			return err
		}
		return errors.Join(s.seed(), s.close())
	})
	if err != nil {
		return nil, err
	}
	return openSQLite(a, path, "FULL")
}
