package pgstore_test

import (
	"context"
	"flag"
	"testing"

	"github.com/stretchr/testify/require"

	"groupkit/internal/grouptest"
	"groupkit/internal/machinetest"
	"groupkit/store"
	"groupkit/store/pgstore"
)

// One engine, and three that take turns, answer as the model on a PostgreSQL server. A history takes
// seconds, so that few of them are the default; no other test runs beside them with their number.
func TestEngine_AnswersAsTheModel(t *testing.T) {
	at := url(t)
	if !asked {
		require.NoError(t, flag.Set("rapid.checks", "3"))
		defer func() { require.NoError(t, flag.Set("rapid.checks", checks)) }()
	}
	in := func(notify bool) func(grouptest.TB) func() (store.Store, error) {
		return func(grouptest.TB) func() (store.Store, error) {
			o := pgstore.Options{Name: newName(), Notify: notify}
			return func() (store.Store, error) { return pgstore.Open(context.Background(), at, &o) }
		}
	}
	machinetest.Run(t,
		machinetest.Side{Name: "PostgreSQL", How: machinetest.Foretold, New: in(false)},
		machinetest.Side{
			Name: "PostgreSQL, three engines", Engines: 3, New: in(true),
			How: machinetest.InTurn(machinetest.Repeated, machinetest.Foretold, machinetest.Atomically, machinetest.Plainly),
		})
}
