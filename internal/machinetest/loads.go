package machinetest

import (
	"bytes"
	"context"
	"encoding/json"
	"iter"
	"maps"
	"slices"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"groupkit"
	"groupkit/internal/grouptest"
	"groupkit/internal/modeltest"
	"groupkit/store"
	"groupkit/store/memblob"
	"groupkit/store/memstore"
)

// lookAtLoads loads all groups of one engine into other stores: their snapshots as JSON, their logs,
// and their states in parts. They have to be the same groups there.
func (m *machine) lookAtLoads(t *rapid.T) {
	sound := slices.DeleteFunc(slices.Clone(m.engines), func(in *instance) bool { return in.Fails })
	if len(sound) == 0 {
		return
	}
	in := modeltest.Pick(t, "loaded from", sound)
	from, ctx := in.turn(t), context.Background()
	system := from.System()
	for name, load := range map[string]func(to groupkit.Actor, id groupkit.GroupID) error{
		"snapshot": func(to groupkit.Actor, id groupkit.GroupID) error {
			s, err := system.Snapshot(ctx, id)
			require.NoError(t, err)
			text, err := json.Marshal(s)
			require.NoError(t, err)
			s = groupkit.Snapshot{}
			require.NoError(t, json.Unmarshal(text, &s))
			return grouptest.ErrorOf(to.Load(ctx, s))
		},
		"log": func(to groupkit.Actor, id groupkit.GroupID) error {
			return grouptest.ErrorOf(to.LoadFrom(ctx, id, system.Events(ctx, id, 0), groupkit.LoadOptions{}))
		},
		"parts": func(to groupkit.Actor, id groupkit.GroupID) error {
			return grouptest.ErrorOf(to.LoadFrom(ctx, id, system.SnapshotParts(ctx, id), groupkit.LoadOptions{}))
		},
	} {
		s := store.Store(memstore.New())
		if name == "log" {
			s = grouptest.NewShared()
		}
		eng, err := groupkit.New(s, memblob.New(), m.options())
		require.NoError(t, err)
		for _, id := range slices.Sorted(maps.Keys(m.world.Live)) {
			require.NoError(t, load(eng.System(), in.id(id)), name)
			m.requireLoaded(t, name, from, eng, in.id(id))
		}
		for _, u := range modeltest.Users {
			if m.world.Known != nil && !m.world.Known[u] {
				continue
			}
			requireEqual(t, collect(t, system.JoinedGroups(ctx, u)), collect(t, eng.System().JoinedGroups(ctx, u)), name+": groups of "+string(u))
		}
		report, err := eng.Verify(ctx, groupkit.VerifyOptions{})
		require.NoError(t, err)
		require.Empty(t, report.Violations, name)
		require.Empty(t, report.Loads, name)
		require.NoError(t, eng.Close())
	}
	m.lookAtExport(t, in, from)
}

// lookAtExport exports all groups of an engine, and imports them into another store. They have to be the
// same groups there, and an export of those has to be the same text.
func (m *machine) lookAtExport(t *rapid.T, in *instance, from *groupkit.Engine) {
	ctx, opts := context.Background(), groupkit.ExportOptions{Contents: true}
	var text, again bytes.Buffer
	require.NoError(t, from.System().Export(ctx, &text, opts))
	eng, err := groupkit.New(memstore.New(), memblob.New(), m.options())
	require.NoError(t, err)
	done, err := eng.System().Import(ctx, bytes.NewReader(text.Bytes()), groupkit.ImportOptions{})
	require.NoError(t, err)
	require.Equal(t, len(m.world.Live), done.Groups)
	for _, id := range slices.Sorted(maps.Keys(m.world.Live)) {
		m.requireLoaded(t, "log", from, eng, in.id(id))
	}
	require.NoError(t, eng.System().Export(ctx, &again, opts))
	require.Equal(t, text.String(), again.String())
	report, err := eng.Verify(ctx, groupkit.VerifyOptions{})
	require.NoError(t, err)
	require.Empty(t, report.Violations)
	require.Empty(t, report.Absent)
	require.NoError(t, eng.Close())
}

// requireLoaded compares a group with the one from which it was loaded.
func (m *machine) requireLoaded(t *rapid.T, name string, from, eng *groupkit.Engine, id groupkit.GroupID) {
	ctx := context.Background()
	want, err := from.System().Snapshot(ctx, id)
	require.NoError(t, err)
	got, err := eng.System().Snapshot(ctx, id)
	require.NoError(t, err)
	requireEqual(t, want, got, name)
	if name == "log" {
		requireEqual(t, collect(t, from.System().Events(ctx, id, 0)), collect(t, eng.System().Events(ctx, id, 0)), name)
	}
	for _, u := range modeltest.Users {
		spoke, speaks := from.As(u).MaySpeak(ctx, id), eng.As(u).MaySpeak(ctx, id)
		require.Equal(t, groupkit.Code(spoke), groupkit.Code(speaks), "%s: %s", name, u)
	}
}

func collect[T any](t *rapid.T, all iter.Seq2[T, error]) []T {
	out, err := grouptest.Collect(all)
	require.NoError(t, err)
	return out
}
