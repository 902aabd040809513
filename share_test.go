//go:build !js && !wasip1 && !plan9 && !windows

package groupkit_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
	"groupkit/internal/sharedmem"
	"groupkit/store"
	"groupkit/store/memblob"
	"groupkit/store/memstore"
	"groupkit/store/sockstore"
)

// shortDir returns a folder with a short path: systems limit the path of a socket.
func shortDir(t *testing.T) string {
	dir, err := os.MkdirTemp("", "gk")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	return dir
}

// look opens an engine on the data behind a socket.
func look(t *testing.T, path string) (*groupkit.Engine, *sockstore.Client) {
	c, err := sockstore.Dial(t.Context(), path)
	require.NoError(t, err)
	eng, err := groupkit.New(c.Store(), c.Blobs(), &groupkit.Options{ReadOnly: true})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, eng.Close()) })
	return eng, c
}

// Who looks at a file through the socket of the process that has it sees what that process sees,
// and at once what it changes.
func TestOptions_Share(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	path := filepath.Join(shortDir(t), "x.db")
	eng, err := groupkit.Open(path, &groupkit.Options{Share: sockstore.At(path + ".sock")})
	require.NoError(t, err)
	system := eng.System()
	g := grouptest.CreateGroup(t, eng, groupkit.NewGroup{ID: "g", Owner: "alice", Members: []groupkit.UserID{"bob"}})
	file, err := eng.As("alice").UploadFile(ctx, g, "map.txt", strings.NewReader("here"))
	require.NoError(t, err)

	eyes, client := look(t, path+".sock")
	export := func(e *groupkit.Engine) string {
		var out bytes.Buffer
		require.NoError(t, e.System().Export(ctx, &out, groupkit.ExportOptions{Contents: true}))
		return out.String()
	}
	require.Equal(t, export(eng), export(eyes))
	report, err := eyes.Verify(ctx, groupkit.VerifyOptions{})
	require.NoError(t, err)
	require.True(t, report.Sound(), "%v", report.Violations)
	_, content, err := eyes.As("bob").OpenFile(ctx, g, file.ID)
	require.NoError(t, err)
	text, err := io.ReadAll(content)
	require.NoError(t, err)
	require.Equal(t, "here", string(text))
	require.NoError(t, content.Close())

	require.NoError(t, eyes.As("bob").MaySpeak(ctx, g))
	_, err = system.Mute(ctx, g, time.Hour, "bob")
	require.NoError(t, err)
	require.ErrorIs(t, eyes.As("bob").MaySpeak(ctx, g), groupkit.ErrMuted, "nothing is kept of what another process changes")
	require.ErrorIs(t, eyes.System().Unmute(ctx, g, "bob"), groupkit.ErrReadOnly)

	one, err := eyes.System().Follow(ctx, g, groupkit.Latest())
	require.NoError(t, err)
	defer one.Close()
	all, err := eyes.System().FollowAll(ctx, groupkit.Latest())
	require.NoError(t, err)
	defer all.Close()
	require.NoError(t, system.MuteGroup(ctx, g))
	for _, f := range []*groupkit.Follower{one, all} {
		e, err := f.Next(ctx)
		require.NoError(t, err)
		require.Equal(t, groupkit.GroupMuted, e.Kind)
	}

	figures, err := client.Stats(ctx)
	require.NoError(t, err)
	var stats groupkit.Stats
	require.NoError(t, json.Unmarshal(figures, &stats))
	require.Equal(t, "bbolt", stats.Store.Kind)

	require.NoError(t, eng.Close())
	require.NoFileExists(t, path+".sock")
	require.ErrorIs(t, grouptest.ErrorOf(eyes.System().Group(ctx, g)), groupkit.ErrStorage)
}

// A View that somebody else has open does not keep the process from closing.
func TestOptions_ShareClose(t *testing.T) {
	t.Parallel()
	path := filepath.Join(shortDir(t), "x.db")
	eng, err := groupkit.Open(path, &groupkit.Options{Share: sockstore.At(path + ".sock")})
	require.NoError(t, err)
	c, err := sockstore.Dial(t.Context(), path+".sock")
	require.NoError(t, err)
	require.Error(t, c.Store().View(t.Context(), func(r store.Reader) error {
		require.NoError(t, eng.Close())
		_, _, err := r.Get([]byte("x"))
		return err
	}))
	require.NoError(t, c.Close())
}

// What cannot be offered is refused, and leaves nothing behind.
func TestOptions_ShareRefused(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	dir := shortDir(t)
	path := filepath.Join(dir, "s")
	_, err := groupkit.New(sharedmem.New(sharedmem.Options{}).Open(), memblob.New(), &groupkit.Options{Share: sockstore.At(path)})
	require.ErrorIs(t, err, groupkit.ErrInvalid)
	_, err = groupkit.New(memstore.New(), memblob.New(), &groupkit.Options{Share: sockstore.At(filepath.Join(dir, "none", "s"))})
	require.ErrorIs(t, err, os.ErrNotExist)
	_, err = groupkit.New(memstore.New(), memblob.New(), &groupkit.Options{Share: sockstore.At(path), ReadOnly: true})
	require.ErrorIs(t, err, groupkit.ErrReadOnly)
	require.NoFileExists(t, path, "the engine was not opened")
	_, err = groupkit.New(memstore.New(), memblob.New(), &groupkit.Options{Share: func(store.Store, store.Blobs, func() ([]byte, error)) (io.Closer, error) {
		return nil, io.ErrNoProgress
	}})
	require.ErrorIs(t, err, io.ErrNoProgress)

	s := memstore.New()
	eng, err := groupkit.New(s, memblob.New(), &groupkit.Options{Share: sockstore.At(path)})
	require.NoError(t, err)
	c, err := sockstore.Dial(ctx, path)
	require.NoError(t, err)
	_, err = groupkit.New(c.Store(), c.Blobs(), nil)
	require.ErrorIs(t, err, groupkit.ErrReadOnly, "the data of another process")
	_, err = groupkit.New(c.Store(), c.Blobs(), &groupkit.Options{ReadOnly: true, Share: sockstore.At(path + "2")})
	require.ErrorIs(t, err, groupkit.ErrInvalid)
	_, err = groupkit.New(memstore.New(), memblob.New(), &groupkit.Options{Share: sockstore.At(path)})
	require.ErrorIs(t, err, os.ErrExist)
	require.NoError(t, c.Close())
	require.NoError(t, eng.Close())
	_, err = net.Dial("unix", path)
	require.ErrorIs(t, err, os.ErrNotExist)
}
