package feed_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"groupkit/internal/feed"
)

// What the log has not given a writer comes later, and nothing is lost. The failure is told once.
func TestBroker_Publish_logFails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l, told := newLog(), 0
		a := newApp(t, l, func(s *feed.Source[event]) {
			s.Failed = func(err error) {
				require.ErrorIs(t, err, errBroken)
				told++
			}
		})
		one, all, other := a.follow(t, "g"), a.follow(t, ""), a.follow(t, "h")
		l.commit("g", 3)
		l.fail(errBroken)
		a.call(t, "g", 1)
		require.Empty(t, rest(t, one))
		a.call(t, "h", 1)
		require.Equal(t, versions("h", 1, 1), rest(t, other), "it needs no log")
		time.Sleep(time.Minute)
		synctest.Wait()
		reads, _ := l.counts()
		require.LessOrEqual(t, reads, 40)
		require.GreaterOrEqual(t, reads, 30)
		l.fail(nil)
		time.Sleep(3 * time.Second)
		synctest.Wait()
		require.Equal(t, versions("g", 1, 4), rest(t, one))
		require.Equal(t, append(versions("g", 1, 4), versions("h", 1, 1)...), rest(t, all))
		require.Equal(t, 1, told)
		l.counts()
		time.Sleep(time.Hour)
		reads, _ = l.counts()
		require.Zero(t, reads, "nobody else writes")
	})
}

// What other processes commit is found by looking, less and less often while nothing comes.
func TestBroker_shared_looks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLog()
		a := newApp(t, l, shared)
		l.commit("g", 5)
		one, all, other := a.follow(t, "g"), a.follow(t, ""), a.follow(t, "h")
		time.Sleep(time.Hour)
		synctest.Wait()
		reads, asked := l.counts()
		require.InDelta(t, 1800, reads/2, 10, "every two seconds, two feeds at once")
		require.InDelta(t, 3*1800, asked, 30)
		l.commit("g", 2)
		l.commit("h", 1)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		require.Equal(t, versions("g", 6, 7), rest(t, one))
		require.Equal(t, versions("h", 1, 1), rest(t, other))
		require.Equal(t, append(versions("g", 6, 7), versions("h", 1, 1)...), rest(t, all))
		l.counts()
		for range 20 { // it looks often while things come
			l.commit("g", 1)
			time.Sleep(50 * time.Millisecond)
			synctest.Wait()
		}
		require.Len(t, rest(t, one), 20)
		one.Leave()
		all.Leave()
		other.Leave()
		time.Sleep(3 * time.Second)
		l.counts()
		time.Sleep(time.Hour)
		reads, _ = l.counts()
		require.Zero(t, reads, "nobody follows")
		l.commit("g", 1)
		again := a.follow(t, "g")
		l.commit("g", 1)
		time.Sleep(50 * time.Millisecond)
		synctest.Wait()
		require.Equal(t, versions("g", 29, 29), rest(t, again))
	})
}

// A long part of the log is read page by page.
func TestBroker_shared_pages(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLog()
		l.page = 3
		a := newApp(t, l, shared)
		s, all := a.follow(t, "g"), a.follow(t, "")
		synctest.Wait()
		for range 100 {
			l.commit("g", 1)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		require.Equal(t, versions("g", 1, 100), rest(t, s))
		require.Equal(t, versions("g", 1, 100), rest(t, all))
	})
}

// A call of one's own comes at once: it is published if it is the next one of its group. If calls of
// other processes came before it, and for the feed of all groups, the log is read.
func TestBroker_shared_ownCalls(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLog()
		a := newApp(t, l, shared)
		one, idle := a.follow(t, "g"), a.follow(t, "h")
		time.Sleep(time.Minute)
		l.counts()
		a.call(t, "g", 1)
		require.Equal(t, versions("g", 1, 1), rest(t, one))
		reads, _ := l.counts()
		require.Zero(t, reads)
		l.commit("g", 2)
		a.call(t, "g", 1)
		synctest.Wait()
		require.Equal(t, versions("g", 2, 4), rest(t, one))
		_, asked := l.counts()
		require.Equal(t, 1, asked, "only this group is read")
		all := a.follow(t, "")
		time.Sleep(time.Minute)
		l.counts()
		for range 100 {
			a.call(t, "h", 1)
		}
		synctest.Wait()
		time.Sleep(20 * time.Millisecond)
		synctest.Wait()
		require.Equal(t, versions("h", 1, 100), rest(t, idle))
		require.Equal(t, versions("h", 1, 100), rest(t, all))
		reads, _ = l.counts()
		require.LessOrEqual(t, reads, 2, "many calls are one look")
	})
}

// While the log is read a writer publishes a part of what is read. Nothing comes twice, and what is
// left is read again.
func TestBroker_shared_writerIsFaster(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l, gate := newLog(), make(chan bool)
		var slow atomic.Bool
		a := newApp(t, l, func(s *feed.Source[event]) {
			s.Shared = true
			s.Read = func(ctx context.Context, at []feed.Position) ([]feed.Part[event], error) {
				parts, err := l.read(ctx, at)
				if slow.Swap(false) {
					<-gate
				}
				return parts, err
			}
		})
		s := a.follow(t, "g")
		synctest.Wait()
		first := l.commit("g", 1)
		l.commit("g", 1)
		slow.Store(true)
		time.Sleep(5 * time.Second) // both are read
		a.publish(t, first)
		require.Equal(t, versions("g", 1, 1), rest(t, s))
		gate <- true
		synctest.Wait()
		time.Sleep(20 * time.Millisecond)
		synctest.Wait()
		require.Equal(t, versions("g", 2, 2), rest(t, s))
	})
}

// What the store tells makes delivery prompt. Watching is begun again when it fails.
func TestBroker_shared_watch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLog()
		var changed atomic.Pointer[func([]string)]
		ends, watches := make(chan error), 0
		a := newApp(t, l, func(s *feed.Source[event]) {
			s.Shared = true
			s.Watch = func(ctx context.Context, tell func([]string)) error {
				watches++
				changed.Store(&tell)
				select {
				case err := <-ends:
					return err
				case <-ctx.Done():
					return ctx.Err()
				}
			}
		})
		one, two := a.follow(t, "g"), a.follow(t, "h")
		time.Sleep(time.Minute)
		tell := func(groups ...string) {
			synctest.Wait()
			l.counts()
			(*changed.Load())(groups)
			synctest.Wait()
		}
		l.commit("g", 1)
		l.commit("h", 1)
		tell("g", "x")
		require.Equal(t, versions("g", 1, 1), rest(t, one))
		require.Empty(t, rest(t, two))
		time.Sleep(time.Minute)
		require.Equal(t, versions("h", 1, 1), rest(t, two))
		tell("x")
		reads, _ := l.counts()
		require.Zero(t, reads, "nobody follows it")
		l.commit("h", 1)
		tell()
		require.Equal(t, versions("h", 2, 2), rest(t, two), "some were lost")
		for range 10 {
			ends <- errBroken
			time.Sleep(2 * time.Second)
			synctest.Wait()
		}
		require.Equal(t, 11, watches)
		all := a.follow(t, "")
		time.Sleep(time.Minute)
		l.commit("x", 1)
		tell("x")
		require.Equal(t, versions("x", 1, 1), rest(t, all))
		ends <- nil
		time.Sleep(time.Minute)
		require.Equal(t, 11, watches)
		l.commit("x", 1)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		require.Equal(t, versions("x", 2, 2), rest(t, all))
	})
}

// While the log fails it is read less and less often, whatever the store tells.
func TestBroker_shared_fails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l, told := newLog(), 0
		a := newApp(t, l, func(s *feed.Source[event]) {
			s.Shared = true
			s.Failed = func(error) { told++ }
		})
		s, all := a.follow(t, "g"), a.follow(t, "")
		synctest.Wait()
		for series := range 2 {
			l.fail(errBroken)
			time.Sleep(time.Second)
			l.counts()
			for range 600 {
				a.publish(t, l.commit("g", 1))
				time.Sleep(100 * time.Millisecond)
			}
			synctest.Wait()
			reads, _ := l.counts()
			require.InDelta(t, 30, reads, 5)
			require.Equal(t, series+1, told)
			l.fail(nil)
			time.Sleep(3 * time.Second)
			synctest.Wait()
			require.Len(t, rest(t, s), 600)
			require.Len(t, rest(t, all), 600)
		}
	})
}

// Whoever waits is woken when the broker closes, and no goroutine is left.
func TestBroker_Close(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		l := newLog()
		b := feed.NewBroker(feed.Source[event]{
			Background: ctx, Read: l.read, Most: 10, Shared: true,
			Watch: func(ctx context.Context, _ func([]string)) error { <-ctx.Done(); return ctx.Err() },
		})
		s := b.Join("g")
		require.EqualValues(t, 1, s.Start(1))
		_, _, wake := s.Next()
		synctest.Wait()
		cancel()
		b.Close()
		<-wake
		late := b.Join("g")
		require.EqualValues(t, 1, late.Start(1))
		b.Publish(ctx, feed.Call{Group: "g", First: 5, Last: 5}, func() []event { return versions("g", 5, 5) })
		b.Close()
		require.True(t, b.Followed())
	})
}
