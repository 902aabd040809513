package faults_test

import (
	"context"
	"io"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
	"groupkit/store"
	"groupkit/store/boltstore"
	"groupkit/store/fileblob"
	"groupkit/store/memblob"
	"groupkit/store/memstore"
)

// A blocked reader yields something, says so, and then blocks until it is released.
type blocked struct {
	reading chan struct{}
	release chan struct{}
	begun   bool
}

func newBlocked(t *testing.T) *blocked {
	b := &blocked{reading: make(chan struct{}), release: make(chan struct{})}
	t.Cleanup(func() { close(b.release) })
	return b
}

func (b *blocked) Read(p []byte) (int, error) {
	if !b.begun {
		b.begun = true
		return copy(p, "begun"), nil
	}
	close(b.reading)
	<-b.release
	return 0, io.EOF
}

// eachPlace runs a test with contents in memory and in files.
func eachPlace(t *testing.T, test func(t *testing.T, eng *groupkit.Engine, group groupkit.GroupID)) {
	for name, open := range map[string]func(t *testing.T) (store.Store, store.Blobs){
		"memory": func(*testing.T) (store.Store, store.Blobs) { return memstore.New(), memblob.New() },
		"files": func(t *testing.T) (store.Store, store.Blobs) {
			s, err := boltstore.Open(filepath.Join(t.TempDir(), "guilds.db"), nil)
			require.NoError(t, err)
			return s, fileblob.New(filepath.Join(t.TempDir(), "contents"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, contents := open(t)
			eng, err := groupkit.New(s, contents, nil)
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, eng.Close()) })
			test(t, eng, grouptest.CreateGroup(t, eng, groupkit.NewGroup{Owner: "alice"}))
		})
	}
}

// Close ends an upload whose reader blocks, and does not wait for the reader.
func TestEngine_Close_BlockedReader(t *testing.T) {
	t.Parallel()
	eachPlace(t, func(t *testing.T, eng *groupkit.Engine, group groupkit.GroupID) {
		r := newBlocked(t)
		ended := make(chan error, 1)
		go func() {
			_, err := eng.As("alice").UploadFile(context.Background(), group, "new", r)
			ended <- err
		}()
		<-r.reading
		require.NoError(t, eng.Close())
		require.ErrorIs(t, <-ended, groupkit.ErrClosed)
	})
}

// The end of the context ends an upload whose reader blocks. Nothing of it is left.
func TestActor_UploadFile_BlockedReader(t *testing.T) {
	t.Parallel()
	eachPlace(t, func(t *testing.T, eng *groupkit.Engine, group groupkit.GroupID) {
		r := newBlocked(t)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() {
			_, err := eng.As("alice").UploadFile(ctx, group, "new", r)
			ended <- err
		}()
		<-r.reading
		cancel()
		require.ErrorIs(t, <-ended, context.Canceled)
		grouptest.RequireVerified(t, eng)
	})
}

// idle is a reader that returns nothing, not even an error, so many times before each byte.
type idle struct{ times, left, bytes int }

func (r *idle) Read(p []byte) (int, error) {
	if r.left > 0 {
		r.left--
		return 0, nil
	}
	if r.bytes == 0 {
		return 0, io.EOF
	}
	r.left, r.bytes = r.times, r.bytes-1
	return copy(p, "x"), nil
}

// A reader that returns nothing for ever ends the upload; one that only hesitates does not.
func TestActor_UploadFile_NoProgress(t *testing.T) {
	t.Parallel()
	eachPlace(t, func(t *testing.T, eng *groupkit.Engine, group groupkit.GroupID) {
		f, err := eng.As("alice").UploadFile(t.Context(), group, "slow", &idle{times: 99, bytes: 5})
		require.NoError(t, err)
		require.EqualValues(t, 5, f.Size)
		_, err = eng.As("alice").UploadFile(t.Context(), group, "idle", &idle{times: 1 << 30, bytes: 2})
		require.ErrorIs(t, err, io.ErrNoProgress)
		grouptest.RequireError(t, err, groupkit.OpUploadFile, group)
		files, err := eng.As("alice").FilesPage(t.Context(), group, groupkit.Page{})
		require.NoError(t, err)
		require.Len(t, files, 1)
	})
}

// A miscounting reader returns more bytes than there is room for.
type miscounting struct{ n int }

func (r miscounting) Read(p []byte) (int, error) { return len(p) + r.n, nil }

func TestActor_UploadFile_BrokenReader(t *testing.T) {
	t.Parallel()
	eachPlace(t, func(t *testing.T, eng *groupkit.Engine, group groupkit.GroupID) {
		for _, n := range []int{1, -1 << 30} {
			_, err := eng.As("alice").UploadFile(t.Context(), group, "new", miscounting{n})
			require.ErrorContains(t, err, "reader returned")
		}
	})
}
