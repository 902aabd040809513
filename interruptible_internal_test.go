package groupkit

import (
	"context"
	"io"
	"testing"

	"github.com/stretchr/testify/require"
)

// A Read that was interrupted delivers nothing to a later one.
func TestInterruptible_ReadAgain(t *testing.T) {
	t.Parallel()
	source, late := io.Pipe()
	ctx, cancel := context.WithCancel(t.Context())
	r := newInterruptible(ctx, t.Context(), source)
	cancel()
	_, err := r.Read(make([]byte, 4))
	require.ErrorIs(t, err, context.Canceled)
	_, err = late.Write([]byte("late")) // returns when the interrupted Read has taken it
	require.NoError(t, err)
	for range 200 { // either answer could be ready
		n, err := r.Read(make([]byte, 4))
		require.ErrorIs(t, err, context.Canceled)
		require.Zero(t, n)
	}
}
