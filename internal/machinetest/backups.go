package machinetest

import (
	"bytes"
	"context"
	"io"
	"maps"
	"slices"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"groupkit"
	"groupkit/internal/grouptest"
	"groupkit/internal/key"
	"groupkit/internal/modeltest"
	"groupkit/internal/record"
	"groupkit/internal/sharedmem"
	"groupkit/store"
	"groupkit/store/memblob"
	"groupkit/store/memstore"
)

// readersOf returns readers of backups.
func readersOf(backups [][]byte) (all []io.ReadSeeker) {
	for _, b := range backups {
		all = append(all, bytes.NewReader(b))
	}
	return all
}

// backUp backs the engines up: what has changed since the last backup.
func (m *machine) backUp(t *rapid.T) {
	for _, in := range m.engines {
		var out bytes.Buffer
		info, err := in.turn(t).Backup(context.Background(), &out, readersOf(in.backups)...)
		require.NoError(t, err, in.Name)
		checked, err := groupkit.CheckBackup(bytes.NewReader(out.Bytes()))
		require.NoError(t, err, in.Name)
		require.Equal(t, info, checked, in.Name)
		in.backups = append(in.backups, out.Bytes())
	}
}

// lookAtBackups restores the backups of the engines, of which the last one was made just now, and copies what was restored. All
// of it has to be the same.
func (m *machine) lookAtBackups(t *rapid.T) {
	m.backUp(t)
	ctx := context.Background()
	for _, in := range m.engines {
		from := in.turn(t)
		restored, blobs := newPlace(t), memblob.New()
		_, err := groupkit.Restore(ctx, restored, blobs, readersOf(in.backups)...)
		require.NoError(t, err, in.Name)
		eng := m.requireSame(t, in, from, restored, blobs)
		copied, contents := newPlace(t), memblob.New()
		done, err := eng.Copy(ctx, copied, contents, groupkit.CopyOptions{})
		require.NoError(t, err, in.Name)
		var whole bytes.Buffer
		info, err := eng.Backup(ctx, &whole)
		require.NoError(t, err, in.Name)
		require.Equal(t, info.Records, done.Records, in.Name)
		require.Equal(t, info.Contents, done.Contents, in.Name)
		require.NoError(t, m.requireSame(t, in, eng, copied, contents).Close())
		require.NoError(t, eng.Close())
	}
}

// newPlace returns an empty store of one kind or another.
func newPlace(t *rapid.T) store.Store {
	switch modeltest.Number.Draw(t, "kind of store") % 3 {
	case 0:
		return memstore.New()
	case 1:
		return sharedmem.New(sharedmem.Options{Seed: 1, Rerun: 0.2, Numbers: true}).Open()
	}
	return sharedmem.New(sharedmem.Options{Seed: 2, Sizes: store.Sizes{Writes: 40, Reads: 400, Bytes: 1 << 20}}).Open()
}

// requireSame opens what was restored or copied, and compares it with an engine.
func (m *machine) requireSame(t *rapid.T, in *instance, from *groupkit.Engine, s store.Store, blobs store.Blobs) *groupkit.Engine {
	ctx, opts := context.Background(), m.options()
	opts.Limits.Groups = 0
	if !store.Exclusive(s) { // it keeps the limit of a shared store from which it comes
		opts.Limits.Groups = keptLimit(t, s)
	}
	eng, err := groupkit.New(grouptest.KeptStore{Store: s}, blobs, opts)
	require.NoError(t, err, in.Name)
	var want, got bytes.Buffer
	export := groupkit.ExportOptions{Contents: true}
	require.NoError(t, from.System().Export(ctx, &want, export))
	require.NoError(t, eng.System().Export(ctx, &got, export))
	require.Equal(t, want.String(), got.String(), in.Name)
	for _, id := range slices.Sorted(maps.Keys(m.world.Live)) {
		m.requireLoaded(t, "log", from, eng, in.id(id))
	}
	report, err := eng.Verify(ctx, groupkit.VerifyOptions{})
	require.NoError(t, err, in.Name)
	require.Empty(t, report.Violations, in.Name)
	require.Empty(t, report.Absent, in.Name)
	require.Empty(t, report.UnknownContents, in.Name)
	return eng
}

// keptLimit is the limit of groups that a store keeps, 0 if it keeps none.
func keptLimit(t *rapid.T, s store.Store) int {
	value := grouptest.DumpStore(t, s)[string(key.GroupLimit())]
	n, err := record.DecodeCount([]byte(value))
	require.NoError(t, err)
	return n
}
