package grouptest

import (
	"iter"
	"runtime"
	"time"

	"github.com/stretchr/testify/require"
)

// Collect reads an iterator to its end, or to its first error.
func Collect[T any](all iter.Seq2[T, error]) ([]T, error) {
	var list []T
	for one, err := range all {
		if err != nil {
			return list, err
		}
		list = append(list, one)
	}
	return list, nil
}

// MustCollect is Collect for an iterator that must not fail.
func MustCollect[T any](t require.TestingT, all iter.Seq2[T, error]) []T {
	list, err := Collect(all)
	require.NoError(t, err)
	return list
}

// Eventually waits, a minute at most, for work that the engine does in the background.
func Eventually(t require.TestingT, is func() bool) {
	for end := time.Now().Add(time.Minute); !is(); runtime.Gosched() {
		require.True(t, time.Now().Before(end), "it has not happened within a minute")
	}
}
