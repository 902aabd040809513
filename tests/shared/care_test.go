package shared_test

import (
	"context"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
	"groupkit/internal/key"
	"groupkit/internal/record"
	"groupkit/internal/sharedmem"
	"groupkit/store"
	"groupkit/store/memblob"
)

// A cluster is engines that share a store and contents. Their clocks are those of the bubble.
type cluster struct {
	t     *testing.T
	data  *sharedmem.Data
	blobs *memblob.Blobs
}

// A process is an engine of a cluster.
type process struct {
	*groupkit.Engine
	store store.Store
}

func newCluster(t *testing.T) *cluster {
	return &cluster{t: t, data: sharedmem.New(sharedmem.Options{Numbers: true}), blobs: memblob.New()}
}

func (c *cluster) open() *process {
	return c.openOver(c.data.Open(), grouptest.KeptBlobs{Blobs: c.blobs})
}

// openOver is open with a store and contents of its own behaviour.
func (c *cluster) openOver(s store.Store, blobs store.Blobs) *process {
	eng, err := groupkit.New(s, blobs, &groupkit.Options{Limits: groupkit.Limits{NewMembers: 500}})
	require.NoError(c.t, err)
	synctest.Wait()
	return &process{eng, s}
}

// die makes all further calls of the process fail, as if it were gone.
func (p *process) die() { _ = p.store.Close() }

// keys returns the keys of the store with a prefix.
func (c *cluster) keys(prefix []byte) (keys []string) {
	for k := range grouptest.DumpStore(c.t, c.data.Open()) {
		if strings.HasPrefix(k, string(prefix)) {
			keys = append(keys, k)
		}
	}
	return keys
}

// lease returns the ID of the engine that has the lease of the background work, and how often it
// has moved the lease.
func (c *cluster) lease() (holder string, moves uint64) {
	value, ok := grouptest.DumpStore(c.t, c.data.Open())[string(key.Lease())]
	if !ok {
		return "", 0
	}
	l, err := record.DecodeLease([]byte(value))
	require.NoError(c.t, err)
	return l.Holder, l.Count
}

func (c *cluster) create(p *process, id groupkit.GroupID) {
	_, err := p.System().CreateGroup(c.t.Context(), groupkit.NewGroup{
		ID: id, Name: "G", Owner: "olga", MaxUsers: 500, Members: names("user", 99)})
	require.NoError(c.t, err)
}

// One engine at a time holds the lease, as long as it lives. If it dies another one takes it
// over after a while. If it closes, another one takes it when it looks next.
func TestEngine_lease(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t)
		one := c.open()
		time.Sleep(time.Second) // so that they look at different times
		two := c.open()
		time.Sleep(time.Second)
		three := c.open()
		time.Sleep(20 * time.Second)
		requireHolder := func(within time.Duration) string {
			t.Helper()
			time.Sleep(within)
			holder, moves := c.lease()
			last := moves
			require.NotEmpty(t, holder)
			for range 150 {
				time.Sleep(7 * time.Second)
				again, more := c.lease()
				require.Equal(t, holder, again)
				last = more
			}
			require.Greater(t, last, moves+50, "the holder lives")
			return holder
		}
		requireHolder(0)
		one.die()
		requireHolder(2 * time.Minute)
		two.die()
		last := requireHolder(2 * time.Minute)
		require.NoError(t, three.Close())
		released, _ := c.lease()
		require.Empty(t, released)
		four := c.open()
		require.NotEqual(t, last, requireHolder(20*time.Second))
		require.NoError(t, four.Close())
		_, _ = one.Close(), two.Close()
	})
}

// A deletion that another process began and left is finished by any living one.
func TestEngine_takesUpDeletions(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t)
		mortal, living := c.open(), c.open()
		defer living.Close()
		defer mortal.Close()
		c.create(mortal, "g")
		ctx, cancel := context.WithCancel(t.Context())
		stop := &stopping{Store: mortal.store.(*sharedmem.Store), cancel: cancel}
		dying := c.openOver(stop, grouptest.KeptBlobs{Blobs: c.blobs})
		stop.armed = true
		require.Error(t, dying.System().DeleteGroup(ctx, "g"))
		mortal.die()
		require.NotEmpty(t, c.keys(key.Deletions()))
		time.Sleep(3 * time.Minute)
		synctest.Wait()
		require.Empty(t, c.keys(key.Deletions()))
		grouptest.RequireVerified(t, living.Engine)
		_ = dying.Close()
	})
}

// Each step of a deletion moves its record, so that nobody else takes up a deletion that goes on.
func TestEngine_finishDeletion_moves(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t)
		p := c.open()
		defer p.Close()
		watched := &watching{Store: c.data.Open(), look: func() string { return strings.Join(c.values(key.Deletions()), " ") }}
		eng := c.openOver(watched, grouptest.KeptBlobs{Blobs: c.blobs})
		defer eng.Close()
		_, err := eng.System().CreateGroup(t.Context(), groupkit.NewGroup{ID: "g", Name: "G", Owner: "olga", MaxUsers: 500, Members: names("user", 400)})
		require.NoError(t, err)
		watched.seen = nil
		require.NoError(t, eng.System().DeleteGroup(t.Context(), "g"))
		require.Greater(t, len(watched.seen), 4)
		for i, value := range watched.seen[1:] {
			require.NotEqual(t, watched.seen[i], value)
		}
	})
}

// watching looks at something after each of its Updates.
type watching struct {
	*sharedmem.Store
	look func() string
	seen []string
}

func (s *watching) Update(ctx context.Context, fn func(store.Writer) error) error {
	err := s.Store.Update(ctx, fn)
	s.seen = append(s.seen, s.look())
	return err
}

// values returns the values of the store under keys with a prefix.
func (c *cluster) values(prefix []byte) (values []string) {
	for k, v := range grouptest.DumpStore(c.t, c.data.Open()) {
		if strings.HasPrefix(k, string(prefix)) {
			values = append(values, v)
		}
	}
	return values
}

// stopping cancels a context after its next Update.
type stopping struct {
	*sharedmem.Store
	armed  bool
	cancel context.CancelFunc
}

func (s *stopping) Update(ctx context.Context, fn func(store.Writer) error) error {
	err := s.Store.Update(ctx, fn)
	if s.armed {
		s.cancel()
	}
	return err
}

// The contents of a file that a process deleted before it died go.
func TestEngine_takesUpContents(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t)
		mortal, living := c.open(), c.open()
		defer living.Close()
		defer mortal.Close()
		c.create(mortal, "g")
		f, err := mortal.System().UploadFile(t.Context(), "g", "a", strings.NewReader("content"))
		require.NoError(t, err)
		dying := c.openOver(c.data.Open(), noDelete{c.blobs})
		require.NoError(t, dying.System().DeleteFile(t.Context(), "g", f.ID))
		require.NoError(t, dying.Close()) // so that it never has the lease
		require.Len(t, grouptest.ContentIDs(t, c.blobs), 1)
		require.NotEmpty(t, c.keys(key.AllToGo()))
		time.Sleep(3 * time.Minute)
		synctest.Wait()
		require.Empty(t, grouptest.ContentIDs(t, c.blobs))
		require.Empty(t, c.keys(key.AllToGo()))
	})
}

// noDelete keeps every content, and the contents open.
type noDelete struct{ *memblob.Blobs }

func (noDelete) Delete(context.Context, string) error { return io.ErrUnexpectedEOF }

func (noDelete) Close() error { return nil }

// An upload goes on while bytes come, however slowly. One whose process has died ends.
func TestEngine_takesUpUploads(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t)
		mortal, living := c.open(), c.open()
		defer living.Close()
		c.create(mortal, "g")
		slow := func(p *process, name string, pauses ...time.Duration) error {
			_, err := p.System().UploadFile(t.Context(), "g", name, &slowly{pauses: pauses})
			return err
		}
		begun := time.Now()
		require.NoError(t, slow(mortal, "slow", repeat(30*time.Minute, 10)...))
		require.Greater(t, time.Since(begun), 4*time.Hour)
		require.Len(t, grouptest.ContentIDs(t, c.blobs), 1)

		err := slow(mortal, "stuck", 2*time.Hour)
		require.ErrorIs(t, err, groupkit.ErrStorage)
		require.ErrorContains(t, err, "got no bytes for 1h0m0s")
		require.Len(t, grouptest.ContentIDs(t, c.blobs), 1)

		_, err = mortal.System().UploadFile(t.Context(), "g", "late", &slowly{pauses: repeat(time.Minute, 2), last: 2 * time.Hour})
		require.ErrorContains(t, err, "got no bytes for 1h0m0s")
		require.Len(t, grouptest.ContentIDs(t, c.blobs), 1)

		ended := make(chan error)
		go func() { ended <- slow(mortal, "dead", time.Minute, 2*time.Hour) }()
		time.Sleep(5 * time.Minute)
		mortal.die()
		require.NotEmpty(t, c.keys(key.Uploads()))
		require.Error(t, <-ended)
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		require.Empty(t, c.keys(key.Uploads()))
		require.Len(t, grouptest.ContentIDs(t, c.blobs), 1)
		grouptest.RequireVerified(t, living.Engine)
		_ = mortal.Close()
	})
}

func repeat(d time.Duration, n int) (all []time.Duration) {
	for range n {
		all = append(all, d)
	}
	return all
}

// slowly yields a byte after each pause, and the end after the last one.
type slowly struct {
	pauses []time.Duration
	last   time.Duration
}

func (s *slowly) Read(p []byte) (int, error) {
	if len(s.pauses) == 0 {
		time.Sleep(s.last)
		return 0, io.EOF
	}
	time.Sleep(s.pauses[0])
	s.pauses = s.pauses[1:]
	p[0] = 'x'
	return 1, nil
}
