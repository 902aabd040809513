package groupkit_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	bolt "go.etcd.io/bbolt"

	"groupkit"
	"groupkit/internal/grouptest"
	"groupkit/internal/key"
	"groupkit/internal/record"
	"groupkit/store"
	"groupkit/store/boltstore"
	"groupkit/store/memblob"
	"groupkit/store/memstore"
)

// TestNew_BadOptions names the option, and what is wrong with it.
func TestNew_BadOptions(t *testing.T) {
	t.Parallel()
	bad := map[string]groupkit.Options{
		"open: Options.RequestTTL is -1ns (0 or more)":        {RequestTTL: -1},
		"open: Options.InvitationTTL is -1h0m0s (0 or more)":  {InvitationTTL: -time.Hour},
		"open: Options.KeyTTL is -1ns (0 or more)":            {KeyTTL: -1},
		"open: Options.Retention.MaxAge is -1ns (0 or more)":  {Retention: groupkit.Retention{MaxAge: -1}},
		"open: Options.Retention.MaxEvents is -1 (0 or more)": {Retention: groupkit.Retention{MaxEvents: -1}},
		"open: Options.OwnerLeave is 7 (0 or 1)":              {OwnerLeave: 7},
		"open: Limits.JoinedGroups is -1 (0 to 2147483647)":   {Limits: groupkit.Limits{JoinedGroups: -1}},
		"open: Limits.Admins is -1 (0 to 2147483647)":         {Limits: groupkit.Limits{Admins: -1}},
		"open: Limits.FileSize is -1 (0 or more)":             {Limits: groupkit.Limits{FileSize: -1}},
		"open: Limits.DefaultMaxUsers is 11 (0 to 10)":        {Limits: groupkit.Limits{DefaultMaxUsers: 11, MaxUsers: 10}},
		"open: Limits.MaxUsers is -1 (0 to 2147483647)":       {Limits: groupkit.Limits{MaxUsers: -1}},
		"open: Limits.Announcement is -5 (0 to 2147483647)":   {Limits: groupkit.Limits{Announcement: -5}},
	}
	if over, under := int64(1<<31), int64(-1<<31-1); strconv.IntSize > 32 {
		bad["open: Limits.Batch is 2147483648 (0 to 2147483647)"] = groupkit.Options{Limits: groupkit.Limits{Batch: int(over)}}
		bad["open: Limits.Invitations is -2147483649 (0 to 2147483647)"] = groupkit.Options{Limits: groupkit.Limits{Invitations: int(under)}}
	}
	for want, opts := range bad {
		eng, err := groupkit.New(memstore.New(), memblob.New(), &opts)
		require.Nil(t, eng)
		require.ErrorIs(t, err, groupkit.ErrInvalid)
		require.EqualError(t, err, want)
	}
}

// TestNew_LeavesTheStoreOpen checks that who may not open keeps what it has.
func TestNew_LeavesTheStoreOpen(t *testing.T) {
	t.Parallel()
	raw := memstore.New()
	_, err := groupkit.New(raw, memblob.New(), &groupkit.Options{OwnerLeave: 9})
	require.ErrorIs(t, err, groupkit.ErrInvalid)
	require.Empty(t, grouptest.DumpStore(t, raw))
	eng, err := groupkit.New(raw, memblob.New(), nil)
	require.NoError(t, err)
	require.NoError(t, eng.Close())
}

// TestNew_Newer refuses what a later version has written, and leaves it as it is.
func TestNew_Newer(t *testing.T) {
	t.Parallel()
	s := &grouptest.Stack{Store: memstore.New()}
	s.Put(t, key.Format(), record.EncodeCount(3))
	before := s.Dump(t)
	_, err := groupkit.New(s.Store, memblob.New(), nil)
	require.ErrorIs(t, err, store.ErrNewer)
	require.ErrorIs(t, err, groupkit.ErrCorrupt)
	require.ErrorContains(t, err, "format 3, this version reads formats up to 2")
	grouptest.RequireError(t, err, groupkit.OpOpen, "")
	require.Equal(t, before, s.Dump(t))
}

// TestOpen_BadFile opens what cannot be opened: an error says why.
func TestOpen_BadFile(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		make func(t *testing.T, path string)
		want []error
	}{
		"a text":     {writeFile("This is the story of a guild."), []error{groupkit.ErrCorrupt, store.ErrCorrupt}},
		"zeroes":     {writeFile(strings.Repeat("\x00", 1<<16)), []error{groupkit.ErrCorrupt}},
		"truncated":  {truncated, []error{groupkit.ErrCorrupt}},
		"a folder":   {func(t *testing.T, path string) { require.NoError(t, os.Mkdir(path, 0o700)) }, []error{groupkit.ErrCorrupt}},
		"locked":     {locked, []error{groupkit.ErrStorage, store.ErrLocked}},
		"newer":      {newer, []error{groupkit.ErrCorrupt, store.ErrNewer}},
		"no folder":  {func(*testing.T, string) {}, []error{groupkit.ErrStorage, os.ErrNotExist}},
		"no records": {foreign, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "groups.db")
			if c.want != nil && c.want[len(c.want)-1] == os.ErrNotExist {
				path = filepath.Join(path, "deeper")
			}
			c.make(t, path)
			eng, err := groupkit.Open(path, nil)
			if c.want == nil {
				require.NoError(t, err)
				require.NoError(t, eng.Close())
				return
			}
			for _, want := range c.want {
				require.ErrorIs(t, err, want)
			}
			grouptest.RequireError(t, err, groupkit.OpOpen, "")
		})
	}
}

func writeFile(text string) func(*testing.T, string) {
	return func(t *testing.T, path string) { require.NoError(t, os.WriteFile(path, []byte(text), 0o600)) }
}

func truncated(t *testing.T, path string) {
	eng, err := groupkit.Open(path, nil)
	require.NoError(t, err)
	require.NoError(t, grouptest.ErrorOf(eng.System().CreateGroup(t.Context(), groupkit.NewGroup{Name: "x", Owner: "alice"})))
	require.NoError(t, eng.Close())
	require.NoError(t, os.Truncate(path, 3*int64(os.Getpagesize())))
}

func locked(t *testing.T, path string) {
	eng, err := groupkit.Open(path, nil)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, eng.Close()) })
}

// newer is a file whose records are in a format of the future.
func newer(t *testing.T, path string) {
	s, err := boltstore.Open(path, nil)
	require.NoError(t, err)
	require.NoError(t, s.Update(t.Context(), func(w store.Writer) error { return w.Put(key.Format(), record.EncodeCount(9)) }))
	require.NoError(t, s.Close())
}

// foreign is a file of another application, which may hold the engine's records too.
func foreign(t *testing.T, path string) {
	db, err := bolt.Open(path, 0o600, nil)
	require.NoError(t, err)
	require.NoError(t, db.Update(func(tx *bolt.Tx) error { return grouptest.ErrorOf(tx.CreateBucket([]byte("shop"))) }))
	require.NoError(t, db.Close())
}

// TestOpen_AfterARefusal opens a file again that was refused, or locked, before.
func TestOpen_AfterARefusal(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "groups.db")
	_, err := groupkit.Open(path, &groupkit.Options{OwnerLeave: 9})
	require.ErrorIs(t, err, groupkit.ErrInvalid)
	eng, err := groupkit.Open(path, nil)
	require.NoError(t, err, "the lock has been given back")
	_, err = groupkit.Open(path, nil)
	require.ErrorIs(t, err, store.ErrLocked)
	require.NoError(t, eng.Close())
	eng, err = groupkit.Open(path, nil)
	require.NoError(t, err)
	require.NoError(t, eng.Close())
	require.ErrorIs(t, grouptest.ErrorOf(eng.Backup(t.Context(), io.Discard)), groupkit.ErrClosed)
}

// TestEngine_Close_Fails has a store that fails to close: it is said, each time.
func TestEngine_Close_Fails(t *testing.T) {
	t.Parallel()
	eng, err := groupkit.New(unclosable{memstore.New()}, memblob.New(), nil)
	require.NoError(t, err)
	for range 2 {
		err := eng.Close()
		require.ErrorIs(t, err, errBoom)
		grouptest.RequireError(t, err, groupkit.OpClose, "")
	}
}

type unclosable struct{ store.Store }

func (unclosable) Close() error { return errBoom }

var errBoom = errors.New("boom")
