package cdkblob_test

import (
	"bytes"
	"context"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gocloud.dev/blob/memblob"

	"groupkit"
	"groupkit/store/cdkblob"
	"groupkit/store/memstore"
)

// The engine keeps the contents of files in a bucket: it uploads, reads ranges, deletes and verifies.
func TestEngine(t *testing.T) {
	ctx, bucket := t.Context(), memblob.OpenBucket(nil)
	contents := over(t, bucket, "guilds/")
	eng, err := groupkit.New(memstore.New(), contents, nil)
	require.NoError(t, err)
	t.Cleanup(func() { _ = eng.Close() })
	alice := eng.As("alice")
	g, err := alice.CreateGroup(ctx, groupkit.NewGroup{Name: "Night Watch"})
	require.NoError(t, err)
	plan := make([]byte, 300_000)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(plan)

	file, err := alice.UploadFile(ctx, g.ID, "plan.bin", bytes.NewReader(plan))
	require.NoError(t, err)
	other, err := alice.UploadFile(ctx, g.ID, "notes.txt", strings.NewReader("the wall is high"))
	require.NoError(t, err)
	_, err = alice.UploadFile(ctx, g.ID, "broken.bin", io.MultiReader(bytes.NewReader(plan), failing{}))
	require.ErrorIs(t, err, io.ErrClosedPipe)
	require.Len(t, list(t, contents), 3, "two contents, and the mark of the database")

	opened, content, err := alice.OpenFile(ctx, g.ID, file.ID)
	require.NoError(t, err)
	require.Equal(t, file, opened)
	all, err := io.ReadAll(content)
	require.NoError(t, err)
	require.True(t, bytes.Equal(plan, all))
	for _, part := range []string{"bytes=0-9", "bytes=299990-", "bytes=-1", "bytes=1000-200000"} {
		require.Equal(t, served(plan, part), served(content, part), part)
	}
	require.NoError(t, content.Close())
	require.Empty(t, verified(t, eng).UnknownContents)

	require.NoError(t, alice.DeleteFile(ctx, g.ID, file.ID))
	require.Len(t, list(t, contents), 2)
	require.NoError(t, contents.Put(ctx, "foreign", strings.NewReader("x")))
	require.Equal(t, "foreign", verified(t, eng).UnknownContents[0].ID)

	_, content, err = alice.OpenFile(ctx, g.ID, other.ID)
	require.NoError(t, err)
	require.NoError(t, content.Close())
	for _, id := range list(t, contents) {
		require.NoError(t, contents.Delete(ctx, id))
	}
	_, _, err = alice.OpenFile(ctx, g.ID, other.ID)
	require.ErrorIs(t, err, groupkit.ErrCorrupt, "the content is missing")
	report, err := eng.Verify(ctx, groupkit.VerifyOptions{})
	require.NoError(t, err)
	require.Len(t, report.Violations, 1)
}

// A bucket that cannot be reached does not damage the files.
func TestEngine_withoutBucket(t *testing.T) {
	ctx, bucket := t.Context(), memblob.OpenBucket(nil)
	eng, err := groupkit.New(memstore.New(), over(t, bucket, ""), nil)
	require.NoError(t, err)
	t.Cleanup(func() { _ = eng.Close() })
	g, err := eng.As("alice").CreateGroup(ctx, groupkit.NewGroup{Name: "Night Watch"})
	require.NoError(t, err)
	file, err := eng.As("alice").UploadFile(ctx, g.ID, "plan.bin", strings.NewReader("map"))
	require.NoError(t, err)
	require.NoError(t, bucket.Close())
	_, _, err = eng.As("alice").OpenFile(ctx, g.ID, file.ID)
	require.ErrorIs(t, err, groupkit.ErrStorage)
	require.NotErrorIs(t, err, groupkit.ErrCorrupt)
}

func verified(t *testing.T, eng *groupkit.Engine) groupkit.Report {
	report, err := eng.Verify(t.Context(), groupkit.VerifyOptions{})
	require.NoError(t, err)
	require.Empty(t, report.Violations)
	return report
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, io.ErrClosedPipe }

// served returns what http.ServeContent gives of a part of the content.
func served(content any, part string) string {
	seeker, ok := content.(io.ReadSeeker)
	if !ok {
		seeker = bytes.NewReader(content.([]byte))
	}
	r := httptest.NewRequestWithContext(context.Background(), http.MethodGet, "/", nil)
	r.Header.Set("Range", part)
	w := httptest.NewRecorder()
	http.ServeContent(w, r, "plan.bin", time.Time{}, seeker)
	return w.Header().Get("Content-Range") + w.Body.String()
}

func Example() {
	ctx := context.Background()
	contents, err := cdkblob.Open(ctx, "mem://?prefix=guilds/", nil) // or s3://…, gs://…, azblob://…
	if err != nil {
		panic(err)
	}
	eng, err := groupkit.New(memstore.New(), contents, nil)
	if err != nil {
		panic(err)
	}
	defer eng.Close()
}
