package storetest

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"groupkit/store"
)

// check checks the store. It skips the test if the store cannot.
func (s suite) check(t *testing.T) {
	t.Helper()
	problems, err := store.Check(t.Context(), s.Store)
	if errors.Is(err, store.ErrNotSupported) {
		t.Skip("the store can't check itself")
	}
	require.NoError(t, err)
	require.Empty(t, problems)
}

var checkTests = map[string]func(*testing.T, suite){
	"a sound store has no problems": func(t *testing.T, s suite) {
		s.check(t)
		for round := range 5 {
			s.update(t, func(w store.Writer) {
				for n := range 500 {
					put(t, w, fmt.Sprintf("%04d", n*7+round), fmt.Sprint(n))
					require.NoError(t, w.Delete(fmt.Appendf(nil, "%04d", n*3)))
				}
			})
			s.check(t)
		}
	},
	"stops when its context has ended": func(t *testing.T, s suite) {
		s.check(t)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := store.Check(ctx, s.Store)
		require.ErrorIs(t, err, context.Canceled)
	},
	"after Close": func(t *testing.T, s suite) {
		s.check(t)
		require.NoError(t, s.Close())
		_, err := store.Check(t.Context(), s.Store)
		require.ErrorIs(t, err, store.ErrClosed)
	},
}
