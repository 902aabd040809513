package storetest

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"groupkit/store"
)

// relaxer returns the store as a store.Relaxer. It skips the test if the store is none.
func (s suite) relaxer(t *testing.T) store.Relaxer {
	r, ok := s.Store.(store.Relaxer)
	if !ok {
		t.Skip("the store is no Relaxer")
	}
	return r
}

// A calls records the calls of functions given to AfterSync.
type calls struct {
	mu      sync.Mutex
	made    []int
	running bool
	crossed bool // two ran at once
	changed *sync.Cond
}

func newCalls() *calls {
	c := new(calls)
	c.changed = sync.NewCond(&c.mu)
	return c
}

// fn returns a function that records its number.
func (c *calls) fn(number int) func() {
	return func() {
		c.begin()
		defer c.end(number)
	}
}

func (c *calls) begin() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.crossed = c.crossed || c.running
	c.running = true
}

func (c *calls) end(number int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.running = false
	c.made = append(c.made, number)
	c.changed.Broadcast()
}

// wait waits for n calls and returns their numbers.
func (c *calls) wait(t *testing.T, n int) []int {
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(c.made) < n {
		c.changed.Wait()
	}
	require.Len(t, c.made, n)
	require.False(t, c.crossed, "two functions ran at once")
	return append([]int(nil), c.made...)
}

var relaxedTests = map[string]func(*testing.T, suite){
	"Sync succeeds": func(t *testing.T, s suite) {
		r := s.relaxer(t)
		require.NoError(t, r.Sync(t.Context()), "with nothing to do")
		s.put(t, "a", "1")
		require.NoError(t, r.Sync(t.Context()))
		require.NoError(t, r.Sync(t.Context()), "with nothing left to do")
		require.Equal(t, "1", s.get(t, "a"))
		require.Equal(t, r.Relaxed(), store.Relaxed(s.Store))
	},
	"Sync stops with its context": func(t *testing.T, s suite) {
		r := s.relaxer(t)
		s.put(t, "a", "1")
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		require.ErrorIs(t, r.Sync(ctx), context.Canceled)
		require.NoError(t, r.Sync(t.Context()), "a later one succeeds")
	},
	"functions are called once, in order": func(t *testing.T, s suite) {
		r, c := s.relaxer(t), newCalls()
		var want []int
		r.AfterSync(c.fn(-1))
		c.wait(t, 1)
		want = append(want, -1)
		for n := range 60 {
			s.put(t, fmt.Sprint(n), "v")
			r.AfterSync(c.fn(n))
			want = append(want, n)
			if n%20 == 7 {
				require.NoError(t, r.Sync(t.Context()))
			}
		}
		require.NoError(t, r.Sync(t.Context()))
		require.Equal(t, want, c.wait(t, len(want)))
	},
	"functions among writers": func(t *testing.T, s suite) {
		const callers, rounds = 8, 30
		r, c := s.relaxer(t), newCalls()
		run(callers, func(caller int) {
			for round := range rounds {
				if err := s.Update(context.Background(), func(w store.Writer) error {
					return w.Put(fmt.Appendf(nil, "%d-%d", caller, round), nil)
				}); err != nil {
					t.Error(err)
				}
				r.AfterSync(c.fn(caller*rounds + round))
				if round%10 == caller {
					if err := r.Sync(context.Background()); err != nil {
						t.Error(err)
					}
				}
			}
		})
		require.NoError(t, r.Sync(t.Context()))
		last := make(map[int]int)
		for _, number := range c.wait(t, callers*rounds) {
			require.Equal(t, last[number/rounds], number%rounds, "the functions of one caller are in order")
			last[number/rounds]++
		}
	},
	"a function can read and add functions": func(t *testing.T, s suite) {
		r, c := s.relaxer(t), newCalls()
		s.put(t, "a", "1")
		var read string
		r.AfterSync(func() {
			read = s.get(t, "a")
			r.AfterSync(c.fn(1))
			c.fn(0)()
		})
		require.NoError(t, r.Sync(t.Context()))
		require.Equal(t, []int{0, 1}, c.wait(t, 2))
		require.Equal(t, "1", read)
	},
	"functions can wait for Updates": func(t *testing.T, s suite) {
		// No lock that an Update or a View needs is held while a function runs.
		r, c := s.relaxer(t), newCalls()
		s.put(t, "a", "1")
		finish := make(chan struct{})
		run(2, func(i int) {
			if i == 0 {
				r.AfterSync(func() {
					<-finish
					c.fn(0)()
				})
				if err := r.Sync(context.Background()); err != nil {
					t.Error(err)
				}
				return
			}
			defer close(finish)
			for n := range 20 {
				s.put(t, fmt.Sprint(n), "v")
				s.get(t, "a")
			}
		})
		c.wait(t, 1)
	},
	"Close makes durable and calls": func(t *testing.T, s suite) {
		r, c := s.relaxer(t), newCalls()
		s.put(t, "a", "1")
		r.AfterSync(c.fn(0))
		require.NoError(t, s.Close())
		c.wait(t, 1)
		require.ErrorIs(t, r.Sync(t.Context()), store.ErrClosed)
	},
}
