package restkit

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/bcrypt"

	"groupkit/rest"
)

// TestPasswords_CheckNobody compares the work for a user who exists with that for one who does
// not: one hash of the same cost each.
func TestPasswords_CheckNobody(t *testing.T) {
	t.Parallel()
	p, err := newPasswords(bcrypt.MinCost+1, 1)
	require.NoError(t, err)
	known, err := p.hash(t.Context(), "1", "right")
	require.NoError(t, err)
	for _, hash := range [][]byte{known, nil} {
		var costs []int
		p.compare = func(hash, password []byte) error {
			cost, err := bcrypt.Cost(hash)
			require.NoError(t, err)
			costs = append(costs, cost)
			return bcrypt.CompareHashAndPassword(hash, password)
		}
		require.ErrorIs(t, p.check(t.Context(), "1", hash, "wrong"), rest.ErrCredentials)
		require.Equal(t, []int{bcrypt.MinCost + 1}, costs)
	}
	p.compare = func(_, _ []byte) error { return nil }
	require.NoError(t, p.check(t.Context(), "1", known, "x"))
	require.ErrorIs(t, p.check(t.Context(), "1", nil, "x"), rest.ErrCredentials, "no password is that of nobody")
}

// TestPasswords_Bounded checks how many hashes run, how many wait, and that the others are
// refused at once.
func TestPasswords_Bounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const concurrent = 3
		p, err := newPasswords(bcrypt.MinCost, concurrent)
		require.NoError(t, err)
		var running, refused, canceled atomic.Int32
		release := make(chan bool)
		p.compare = func(_, _ []byte) error {
			running.Add(1)
			<-release
			running.Add(-1)
			return nil
		}
		ctx, cancel := context.WithCancel(t.Context())
		var all sync.WaitGroup
		check := func() {
			switch err := p.check(ctx, "1", []byte("hash"), "x"); {
			case err == context.Canceled: //nolint:errorlint // unchanged
				canceled.Add(1)
			case err == ErrBusy: //nolint:errorlint // unchanged
				refused.Add(1)
			case err != nil:
				t.Errorf("check: %v", err)
			}
		}
		for range concurrent {
			all.Go(check)
		}
		synctest.Wait()
		for range maxWaiting*concurrent + 7 {
			all.Go(check)
		}
		synctest.Wait()
		require.EqualValues(t, concurrent, running.Load())
		require.EqualValues(t, 7, refused.Load())
		require.Zero(t, canceled.Load())

		release <- true
		synctest.Wait()
		require.EqualValues(t, concurrent, running.Load(), "the next one runs")
		cancel()
		synctest.Wait()
		require.EqualValues(t, maxWaiting*concurrent-1, canceled.Load(), "those who waited")
		close(release)
		all.Wait()
		require.Zero(t, running.Load())
		require.Zero(t, p.waiting.Load())
	})
}

// TestPrepared checks that what is hashed depends on the user and on the whole password.
func TestPrepared(t *testing.T) {
	t.Parallel()
	seen := make(map[string]bool)
	for _, id := range []string{"", "1", "2"} {
		for _, password := range []string{"", "1", "\x00", "\x00\x00"} {
			got := prepared(id, password)
			require.LessOrEqual(t, len(got), 72)
			require.NotContains(t, string(got), "\x00")
			seen[string(got)] = true
		}
	}
	require.Len(t, seen, 12)
}
