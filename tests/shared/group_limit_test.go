package shared_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
	"groupkit/internal/sharedmem"
	"groupkit/store/memblob"
)

// All engines of a store have one limit of groups, whatever their options say.
func TestEngine_SetGroupLimit(t *testing.T) {
	t.Parallel()
	ctx, data := t.Context(), sharedmem.New(sharedmem.Options{})
	open := func(most int) (*groupkit.Engine, error) {
		return groupkit.New(data.Open(), memblob.New(), &groupkit.Options{Limits: groupkit.Limits{Groups: most}})
	}
	create := func(e *groupkit.Engine, id string) error {
		_, err := e.System().CreateGroup(ctx, groupkit.NewGroup{ID: groupkit.GroupID(id), Name: "G", Owner: "olga"})
		return err
	}
	one, err := open(2)
	require.NoError(t, err)
	defer one.Close()
	for _, most := range []int{0, 1, 3} {
		_, err := open(most)
		field, ok := errors.AsType[*groupkit.FieldError](err)
		require.True(t, ok, "%v", err)
		require.EqualValues(t, "Limits.Groups", field.Field)
		require.ErrorContains(t, err, fmt.Sprintf("is %d, but all engines of this store have 2", most))
	}
	other, err := open(2)
	require.NoError(t, err)
	defer other.Close()
	require.NoError(t, create(one, "a"))
	require.NoError(t, create(other, "b"))
	require.ErrorIs(t, create(one, "c"), groupkit.ErrTooManyGroups)

	require.NoError(t, one.SetGroupLimit(ctx, 3))
	require.NoError(t, create(other, "c"))
	require.ErrorIs(t, create(other, "d"), groupkit.ErrTooManyGroups)
	require.NoError(t, one.SetGroupLimit(ctx, 0))
	require.NoError(t, create(other, "d"))
	grouptest.RequireVerified(t, one)
	require.NoError(t, other.SetGroupLimit(ctx, 4)) // what was not counted is counted now
	require.ErrorIs(t, create(one, "e"), groupkit.ErrTooManyGroups)
	require.NoError(t, one.System().DeleteGroup(ctx, "a"))
	require.NoError(t, create(one, "e"))
	grouptest.RequireVerified(t, other)

	require.ErrorIs(t, one.SetGroupLimit(ctx, -1), groupkit.ErrInvalid)
	alone, err := groupkit.New(grouptest.NewBolt(t), memblob.New(), nil)
	require.NoError(t, err)
	defer alone.Close()
	require.ErrorIs(t, alone.SetGroupLimit(ctx, 1), groupkit.ErrInvalid)
	require.ErrorIs(t, (*groupkit.Engine)(nil).SetGroupLimit(ctx, 1), groupkit.ErrClosed)
}

// Engines that create and delete at once never pass the limit, and count exactly.
func TestEngine_SetGroupLimit_concurrently(t *testing.T) {
	t.Parallel()
	ctx, data := t.Context(), sharedmem.New(sharedmem.Options{Rerun: 0.2})
	var engines [3]*groupkit.Engine
	for i := range engines {
		eng, err := groupkit.New(data.Open(), memblob.New(), &groupkit.Options{Limits: groupkit.Limits{Groups: 5}})
		require.NoError(t, err)
		defer eng.Close()
		engines[i] = eng
	}
	var all sync.WaitGroup
	for i, eng := range engines {
		all.Go(func() {
			for n := range 30 {
				id := groupkit.GroupID(fmt.Sprintf("%d-%d", i, n))
				_, err := eng.System().CreateGroup(ctx, groupkit.NewGroup{ID: id, Name: "G", Owner: "olga"})
				if err != nil && !errors.Is(err, groupkit.ErrTooManyGroups) {
					t.Error(err)
				}
				if err == nil && n%3 > 0 {
					if err := eng.System().DeleteGroup(ctx, id); err != nil {
						t.Error(err)
					}
				}
				if n == 20 && i == 0 {
					if err := eng.SetGroupLimit(ctx, 7); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	all.Wait()
	groups, _, err := engines[0].System().GroupsPage(ctx, 100, "")
	require.NoError(t, err)
	require.Len(t, groups, 7)
	grouptest.RequireVerified(t, engines[1])
}
