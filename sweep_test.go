package groupkit_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
	"groupkit/store"
	"groupkit/store/memblob"
	"groupkit/store/memstore"
)

func TestEngine_Sweep(t *testing.T) {
	t.Parallel()
	t.Run("at the same time as others", func(t *testing.T) {
		t.Parallel()
		eng, clock := grouptest.Setup(t, groupkit.Options{})
		g := grouptest.CreateGroup(t, eng, groupkit.NewGroup{Members: grouptest.Users("user", 40)})
		for range 20 {
			require.NoError(t, grouptest.ErrorOf(eng.System().MuteUsers(t.Context(), g, time.Minute, grouptest.Users("user", 40))))
			clock.Advance(time.Minute)
			var sweeps sync.WaitGroup
			errs, cleared := make([]error, 8), make([]int, 8)
			for i := range errs {
				sweeps.Go(func() { cleared[i], errs[i] = eng.Sweep(t.Context()) })
			}
			sweeps.Wait()
			all := 0
			for i := range errs {
				require.NoError(t, errs[i])
				all += cleared[i]
			}
			require.Equal(t, 40, all, "each is cleared once")
		}
		grouptest.RequireVerified(t, eng)
	})
}

func TestEngine_ClearsAwayWhatHadExpired(t *testing.T) {
	t.Parallel()
	t.Run("of a user before it changes something else about the user", func(t *testing.T) {
		t.Parallel()
		eng, clock := grouptest.Setup(t, groupkit.Options{})
		g := grouptest.CreateGroup(t, eng, groupkit.NewGroup{Members: []groupkit.UserID{"bob"}})
		require.NoError(t, grouptest.ErrorOf(eng.As("alice").Mute(t.Context(), g, time.Minute, "bob")))
		clock.Advance(time.Minute)
		require.NoError(t, eng.As("alice").Because("farewell").RemoveMember(t.Context(), g, "bob"))
		var told []string
		for e, err := range eng.System().Events(t.Context(), g, 3) {
			require.NoError(t, err)
			told = append(told, e.Kind.String()+" by "+string(e.Actor)+": "+e.Reason)
		}
		require.Equal(t, []string{"muted by alice: ", "mute expired by : ", "member left by alice: farewell"}, told)
	})
}

func TestOptions_SweepEvery(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		eng, err := groupkit.New(memstore.New(), memblob.New(), &groupkit.Options{SweepEvery: time.Hour})
		require.NoError(t, err)
		id := grouptest.CreateGroup(t, eng, groupkit.NewGroup{Members: []groupkit.UserID{"bob", "carol"}})
		for user, d := range map[groupkit.UserID]time.Duration{"bob": time.Minute, "carol": 90 * time.Minute} {
			_, err := eng.As("alice").Mute(t.Context(), id, d, user)
			require.NoError(t, err)
		}
		sub, err := eng.System().Follow(t.Context(), id, groupkit.Latest())
		require.NoError(t, err)
		for i, user := range []groupkit.UserID{"bob", "carol"} {
			e, err := sub.Next(t.Context()) // nobody else does anything: time passes until it comes
			require.NoError(t, err)
			require.Equal(t, groupkit.MuteExpired, e.Kind)
			require.Equal(t, []groupkit.UserID{user}, e.Users)
			require.Equal(t, time.Duration(i+1)*time.Hour, time.Since(begun))
		}
		sub.Close()
		require.NoError(t, eng.Close())
		require.Equal(t, 2*time.Hour, time.Since(begun), "Close waits for no sweep")
	})
}

// Without the option nothing is swept.
func TestOptions_SweepEvery_Never(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		eng, err := groupkit.New(memstore.New(), memblob.New(), nil)
		require.NoError(t, err)
		id := grouptest.CreateGroup(t, eng, groupkit.NewGroup{Members: []groupkit.UserID{"bob"}})
		_, err = eng.As("alice").Mute(t.Context(), id, time.Minute, "bob")
		require.NoError(t, err)
		time.Sleep(1000 * time.Hour)
		n, err := eng.Sweep(t.Context())
		require.NoError(t, err)
		require.Equal(t, 1, n)
		require.NoError(t, eng.Close())
	})
}

// A sweep that fails is logged, and the next one is tried.
func TestOptions_SweepEvery_Fails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &sickStore{Store: memstore.New()}
		var log bytes.Buffer
		eng, err := groupkit.New(s, memblob.New(), &groupkit.Options{SweepEvery: time.Hour, Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelWarn}))})
		require.NoError(t, err)
		synctest.Wait() // until the opening has resumed what was cut off: nothing
		id := grouptest.CreateGroup(t, eng, groupkit.NewGroup{Members: []groupkit.UserID{"bob"}})
		_, err = eng.As("alice").Mute(t.Context(), id, time.Minute, "bob")
		require.NoError(t, err)
		s.sick.Store(true)
		time.Sleep(2*time.Hour + time.Second)
		s.sick.Store(false)
		synctest.Wait()
		require.Equal(t, 2, bytes.Count(log.Bytes(), []byte("level=ERROR")), log.String())
		require.Contains(t, log.String(), errSick.Error())
		time.Sleep(time.Hour)
		synctest.Wait()
		n, err := eng.Sweep(t.Context())
		require.NoError(t, err)
		require.Zero(t, n, "it has been swept already")
		require.NoError(t, eng.Close())
		require.Equal(t, 2, bytes.Count(log.Bytes(), []byte("\n")), log.String())
	})
}

// Close stops a sweep that is under way, without a word in the log.
func TestOptions_SweepEvery_Close(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &sickStore{Store: memstore.New()}
		var log bytes.Buffer
		eng, err := groupkit.New(s, memblob.New(), &groupkit.Options{SweepEvery: time.Hour, Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelWarn}))})
		require.NoError(t, err)
		synctest.Wait() // as above
		s.stuck.Store(true)
		time.Sleep(time.Hour + time.Minute)
		begun := time.Now()
		require.NoError(t, eng.Close())
		require.Zero(t, time.Since(begun))
		require.Empty(t, log.String())
	})
}

var errSick = errors.New("the disk is not well")

// A sickStore fails to read while it is sick, and while it is stuck as long as its caller
// waits.
type sickStore struct {
	store.Store
	sick, stuck atomic.Bool
}

func (s *sickStore) Exclusive() bool { return true }

func (s *sickStore) View(ctx context.Context, fn func(store.Reader) error) error {
	if s.sick.Load() {
		return errSick
	}
	if s.stuck.Load() {
		<-ctx.Done()
		return ctx.Err()
	}
	return s.Store.View(ctx, fn)
}
