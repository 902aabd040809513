package groupkit

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// An error that is logged names the group and the cause, and no user, however errors are put together.
func TestWithoutUser(t *testing.T) {
	t.Parallel()
	disk := errors.New("disk")
	muted := &Error{Op: OpSweep, Group: "g", User: "carol", Err: fmt.Errorf("%w: %w", ErrStorage, disk)}
	for _, err := range []error{muted, about("carol", muted), errors.Join(muted, about("carol", disk)), wrap(OpSweep, "g", errors.Join(muted))} {
		require.Contains(t, err.Error(), "carol")
		bare := withoutUser(err)
		require.NotContains(t, bare.Error(), "carol")
		require.ErrorIs(t, bare, disk)
		require.Equal(t, errors.Is(err, ErrStorage), errors.Is(bare, ErrStorage))
	}
	require.Equal(t, `sweep: group "g": storage failed: disk`, withoutUser(muted).Error())
	require.Equal(t, disk, withoutUser(disk))
}
