package groupkit_test

import (
	"bytes"
	"context"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
	"groupkit/internal/record"
	"groupkit/store"
	"groupkit/store/memblob"
)

// markedBlobs compare each mark with what the database has durably when the mark is put.
type markedBlobs struct {
	store.Blobs
	t     *testing.T
	db    *relaxedStore
	marks int
}

func (b *markedBlobs) Put(ctx context.Context, id string, r io.Reader) error {
	if id != "groupkit-mark" {
		return b.Blobs.Put(ctx, id, r)
	}
	content, err := io.ReadAll(r)
	require.NoError(b.t, err)
	mark, err := record.DecodeContentsMark(content)
	require.NoError(b.t, err)
	durable := b.db.identity(b.t)
	require.Equal(b.t, durable.Database, mark.Database)
	require.LessOrEqual(b.t, mark.Opening, durable.Opening, "a crash now would make the contents foreign")
	b.marks++
	return b.Blobs.Put(ctx, id, bytes.NewReader(content))
}

// The database has a number durably before the mark gets it: after a crash at any moment the
// contents belong to the database.
func TestContents_MarkComesLast(t *testing.T) {
	t.Parallel()
	s, kept := newRelaxedStore(), memblob.New()
	blobs := &markedBlobs{Blobs: kept, t: t, db: s}
	eng := newRelaxed(t, s, blobs)
	share(t, eng, grouptest.CreateGroup(t, eng, groupkit.NewGroup{Owner: "alice"}), "x")
	require.Equal(t, 1, blobs.marks)

	s = s.crash(t)
	blobs = &markedBlobs{Blobs: kept, t: t, db: s}
	eng = newRelaxed(t, s, blobs)
	require.Equal(t, 1, blobs.marks, "an opening counts up")
	report, err := eng.Verify(t.Context(), groupkit.VerifyOptions{})
	require.NoError(t, err)
	require.False(t, report.ForeignContents)

	s = newRelaxedStore()
	blobs = &markedBlobs{Blobs: kept, t: t, db: s}
	eng = newRelaxed(t, s, blobs)
	require.Zero(t, blobs.marks, "the contents belong to another database")
	require.NoError(t, eng.AdoptContents(t.Context()))
	require.Equal(t, 1, blobs.marks)
}
