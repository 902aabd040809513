package pgstore_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"groupkit/store"
	"groupkit/store/pgstore"
	"groupkit/store/pgstore/pgtest"
	"groupkit/store/storetest"
)

// server is the server of the tests. It is nil if PostgreSQL is not installed.
var server *pgtest.Server

func TestMain(m *testing.M) {
	code := func() int {
		s, err := pgtest.Start(context.Background(), "max_connections=400", "max_locks_per_transaction=256")
		switch {
		case errors.Is(err, pgtest.ErrNotInstalled):
		case err != nil:
			fmt.Fprintln(os.Stderr, err)
			return 1
		default:
			server = s
			defer func() { _ = s.Stop() }()
		}
		flag.Parse()
		flag.Visit(func(f *flag.Flag) { asked = asked || f.Name == "rapid.checks" })
		if !asked {
			_ = flag.Set("rapid.checks", checks) // a server takes its time
		}
		return m.Run()
	}()
	os.Exit(code)
}

// checks is how often property tests run if the command line has not asked for a number.
const checks = "30"

var asked bool

// url returns the URL of the database of the tests. It skips the test if there is no server.
func url(t testing.TB) string {
	t.Helper()
	if server == nil {
		t.Skip(pgtest.ErrNotInstalled)
	}
	return server.URL("postgres")
}

var apps atomic.Int64

// newName returns the name of an app that has no data.
func newName() string { return fmt.Sprintf("app_%d", apps.Add(1)) }

// open opens a new, empty store.
func open(t testing.TB, options pgstore.Options) *pgstore.Store {
	t.Helper()
	if options.Name == "" {
		options.Name = newName()
	}
	s, err := pgstore.Open(t.Context(), url(t), &options)
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func TestStore(t *testing.T) {
	storetest.Run(t, func(t *testing.T) store.Store { return open(t, pgstore.Options{Notify: true}) })
}
