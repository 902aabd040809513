package pgstore_test

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
	"groupkit/store"
	"groupkit/store/pgstore"
)

// An engine that only reads needs no permission to write, and makes no tables.
func TestOpen_ReadOnly(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	name := newName()
	reading := &pgstore.Options{Name: name, ReadOnly: true}
	_, err := pgstore.Open(ctx, url(t), reading)
	require.ErrorIs(t, err, store.ErrReadOnly)
	require.ErrorContains(t, err, "no tables")

	s := open(t, pgstore.Options{Name: name})
	writer, err := groupkit.New(s, s.Blobs(), nil)
	require.NoError(t, err)
	require.NoError(t, grouptest.ErrorOf(writer.System().CreateGroup(ctx, groupkit.NewGroup{ID: "g", Name: "x", Owner: "alice"})))
	require.NoError(t, grouptest.ErrorOf(writer.System().UploadFile(ctx, "g", "x", strings.NewReader("here be dragons"))))

	role := name + "_reader"
	admin(t, fmt.Sprintf("CREATE ROLE %s", role))
	for _, table := range []string{"records", "buckets", "contents", "chunks", "leftovers", "meta"} {
		admin(t, fmt.Sprintf("GRANT SELECT ON %s_%s TO %s", name, table, role))
	}
	config, err := pgxpool.ParseConfig(url(t))
	require.NoError(t, err)
	config.ConnConfig.RuntimeParams["role"] = role
	config.ConnConfig.RuntimeParams["default_transaction_read_only"] = "on"
	pool, err := pgxpool.NewWithConfig(ctx, config)
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	_, err = pool.Exec(ctx, fmt.Sprintf("DELETE FROM %s_records", name))
	require.Error(t, err, "the role may only read")

	r, err := pgstore.New(ctx, pool, reading)
	require.NoError(t, err)
	require.ErrorIs(t, r.Update(ctx, func(store.Writer) error { panic("is not called") }), store.ErrReadOnly)
	require.ErrorIs(t, r.Blobs().Put(ctx, "x", strings.NewReader("")), store.ErrReadOnly)
	require.ErrorIs(t, r.Blobs().Delete(ctx, "x"), store.ErrReadOnly)
	require.ErrorIs(t, r.Blobs().Tidy(ctx), store.ErrReadOnly)
	eng, err := groupkit.New(r, r.Blobs(), &groupkit.Options{ReadOnly: true})
	require.NoError(t, err)
	all, err := eng.System().FollowAll(ctx, groupkit.Position{})
	require.NoError(t, err)
	for kind := groupkit.EventKind(0); kind != groupkit.FileAdded; {
		e, err := all.Next(ctx)
		require.NoError(t, err)
		kind = e.Kind
	}
	all.Close()
	require.ErrorIs(t, eng.System().MuteGroup(ctx, "g"), groupkit.ErrReadOnly)
	require.NoError(t, eng.As("alice").MaySpeak(ctx, "g"))
	require.NoError(t, eng.System().Export(ctx, io.Discard, groupkit.ExportOptions{Contents: true}))
	grouptest.RequireVerified(t, eng)
	report, err := eng.Verify(ctx, groupkit.VerifyOptions{Quick: true})
	require.NoError(t, err)
	require.Zero(t, report)
	require.NoError(t, eng.Close())
	require.NoError(t, writer.Close())

	admin(t, fmt.Sprintf("UPDATE %s_meta SET version = 99", name))
	_, err = pgstore.Open(ctx, url(t), reading)
	require.ErrorIs(t, err, store.ErrNewer)
}
