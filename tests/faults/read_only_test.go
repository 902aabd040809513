package faults_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"reflect"
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
	"groupkit/store/memstore"
)

// unwritable is a store that fails the test if anything is written.
type unwritable struct {
	grouptest.KeptStore
	t *testing.T
}

func (s unwritable) Update(context.Context, func(store.Writer) error) error {
	s.t.Error("a transaction that writes was begun")
	return store.ErrReadOnly
}

// unwritableBlobs are contents that fail the test if anything is written.
type unwritableBlobs struct {
	grouptest.KeptBlobs
	t *testing.T
}

func (b unwritableBlobs) Put(context.Context, string, io.Reader) error {
	b.t.Error("a content was put")
	return store.ErrReadOnly
}

func (b unwritableBlobs) Delete(context.Context, string) error {
	b.t.Error("a content was deleted")
	return store.ErrReadOnly
}

func (b unwritableBlobs) Tidy(context.Context) error {
	b.t.Error("the contents were tidied up")
	return store.ErrReadOnly
}

// reopenToRead closes the engine of a Dataset, and opens one that must not write.
func reopenToRead(t *testing.T, s *grouptest.Dataset) {
	opts := grouptest.DatasetOptions()
	opts.ReadOnly, opts.SweepEvery = true, time.Millisecond
	opts.Retention = groupkit.Retention{MaxEvents: 1}
	opts.Guard = func(context.Context, groupkit.Command, groupkit.Scope) error {
		t.Error("the application was asked")
		return nil
	}
	s.Open(t, opts, unwritable{grouptest.KeptStore{Store: s.Store}, t}, unwritableBlobs{grouptest.KeptBlobs{Blobs: s.Blobs}, t})
}

func newReadOnlyDataset(t *testing.T) *grouptest.Dataset {
	s := grouptest.NewDatasetOver(t, grouptest.DatasetOptions(), func(s store.Store, b store.Blobs) (store.Store, store.Blobs) {
		return grouptest.KeptStore{Store: s}, grouptest.KeptBlobs{Blobs: b.(*memblob.Blobs)}
	})
	require.NoError(t, s.Close())
	reopenToRead(t, s)
	return s
}

// moreChanges are the calls that the other tables do not have.
var moreChanges = []call{
	{"Load", func(ctx context.Context, s *grouptest.Dataset) error {
		return grouptest.ErrorOf(s.System().Load(ctx, groupkit.Snapshot{Group: groupkit.Group{ID: "new", Name: "New", Owner: "yves"}}))
	}},
	{"LoadFrom", func(ctx context.Context, s *grouptest.Dataset) error {
		return grouptest.ErrorOf(s.System().LoadFrom(ctx, "new", func(func(groupkit.Event, error) bool) {}, groupkit.LoadOptions{}))
	}},
	{"PutContent", func(ctx context.Context, s *grouptest.Dataset) error {
		return s.System().PutContent(ctx, grouptest.Guild, s.Chart.ID, strings.NewReader("x"))
	}},
	{"Import", func(ctx context.Context, s *grouptest.Dataset) error {
		return grouptest.ErrorOf(s.System().Import(ctx, strings.NewReader("{}"), groupkit.ImportOptions{Existing: true}))
	}},
	{"Once", func(ctx context.Context, s *grouptest.Dataset) error {
		return s.System().Once("k").AddMember(ctx, grouptest.Guild, "frank")
	}},
}

// engineChanges are the calls of the engine itself that can write.
var engineChanges = []call{
	{"AdoptContents", func(ctx context.Context, s *grouptest.Dataset) error { return s.AdoptContents(ctx) }},
	{"Atomic", func(ctx context.Context, s *grouptest.Dataset) error {
		return s.Atomic(ctx, func(*groupkit.Tx) error { panic("is not called") })
	}},
	{"RemoveUnknownContents", func(ctx context.Context, s *grouptest.Dataset) error {
		return grouptest.ErrorOf(s.RemoveUnknownContents(ctx, 0))
	}},
	{"RenewHistory", func(ctx context.Context, s *grouptest.Dataset) error { return s.RenewHistory(ctx) }},
	{"SetGroupLimit", func(ctx context.Context, s *grouptest.Dataset) error { return s.SetGroupLimit(ctx, 9) }},
	{"Sweep", func(ctx context.Context, s *grouptest.Dataset) error { return grouptest.ErrorOf(s.Sweep(ctx)) }},
	{"Upgrade", func(ctx context.Context, s *grouptest.Dataset) error {
		return groupkit.Upgrade(ctx, unwritable{}, &groupkit.Options{ReadOnly: true})
	}},
}

// engineReads are the calls of the engine itself that write nothing.
var engineReads = []call{
	{"Bucket", func(ctx context.Context, s *grouptest.Dataset) error {
		return s.Bucket(ctx, "app", func(store.Reader) error { return nil })
	}},
	{"History", func(_ context.Context, s *grouptest.Dataset) error {
		if s.History() == "" {
			return io.ErrUnexpectedEOF
		}
		return nil
	}},
	{"Position", func(_ context.Context, s *grouptest.Dataset) error { s.Position(1); return nil }},
	{"Copy", func(ctx context.Context, s *grouptest.Dataset) error {
		return grouptest.ErrorOf(s.Copy(ctx, memstore.New(), memblob.New(), groupkit.CopyOptions{}))
	}},
	{"Stats", func(_ context.Context, s *grouptest.Dataset) error {
		if s.Stats().Opened.IsZero() {
			return io.ErrUnexpectedEOF
		}
		return nil
	}},
}

// Every call that can change something is refused, and every other one works; nothing writes.
func TestEngine_ReadOnly(t *testing.T) {
	t.Parallel()
	s := newReadOnlyDataset(t)
	before := s.DumpAll(t)
	for _, v := range slicesOf(reads, engineReads) {
		require.NoError(t, v.run(t.Context(), s), v.name)
	}
	for _, v := range slicesOf(changes, multiStep, moreChanges, engineChanges) {
		err := v.run(t.Context(), s)
		require.ErrorIs(t, err, groupkit.ErrReadOnly, v.name)
		require.NotErrorIs(t, err, groupkit.ErrStorage, v.name)
		require.Equal(t, "read_only", groupkit.Code(err), v.name)
	}
	s.RequireVerified(t)
	require.NoError(t, s.Close())
	require.Equal(t, before, s.DumpAll(t))
}

// TestEngine_ReadOnly_Table checks that the tables name every method of Engine and Actor.
func TestEngine_ReadOnly_Table(t *testing.T) {
	t.Parallel()
	named := map[string]bool{
		"As": true, "System": true, "Because": true, "IfVersion": true, "Can": true, // they return actors
		"Stats": true,                                               // reads nothing
		"Close": true, "Backup": true, "Copy": true, "Verify": true, // called beside the tables; Backup and Copy in tests/crash
	}
	for _, v := range slicesOf(changes, multiStep, moreChanges, engineChanges, reads, engineReads) {
		named[v.name] = true
	}
	for _, methods := range []reflect.Type{reflect.TypeFor[groupkit.Actor](), reflect.TypeFor[*groupkit.Engine]()} {
		for m := range methods.Methods() {
			if strings.Contains(m.Name, "__") {
				continue // a mutation of internal/tools/mutate
			}
			require.True(t, named[m.Name], m.Name)
		}
	}
}

func slicesOf(tables ...[]call) (all []call) {
	for _, table := range tables {
		all = append(all, table...)
	}
	return all
}

// Can says what would be so if the engine could write.
func TestEngine_ReadOnly_Can(t *testing.T) {
	t.Parallel()
	data, blobs := memstore.New(), memblob.New()
	s := grouptest.NewFixtureOver(t, grouptest.KeptStore{Store: data}, grouptest.KeptBlobs{Blobs: blobs}, groupkit.Options{})
	eng, err := groupkit.New(unwritable{grouptest.KeptStore{Store: data}, t}, unwritableBlobs{grouptest.KeptBlobs{Blobs: blobs}, t},
		&groupkit.Options{ReadOnly: true, Clock: s.Clock.Now})
	require.NoError(t, err)
	defer func() { require.NoError(t, eng.Close()) }()
	for _, v := range grouptest.Verbs {
		_, err := v.In(eng, s, groupkit.Actor.Can)
		require.NoError(t, err, v.Name)
		_, err = v.In(eng, s)
		require.ErrorIs(t, err, groupkit.ErrReadOnly, v.Name)
	}
	require.ErrorIs(t, eng.As("dave").Can().MuteGroup(t.Context(), s.ID), groupkit.ErrRoleTooLow)
}

// What another engine has left half done is shown as it is, and stays.
func TestEngine_ReadOnly_LeftHalfDone(t *testing.T) {
	t.Parallel()
	s := grouptest.NewDatasetOver(t, grouptest.DatasetOptions(), func(s store.Store, b store.Blobs) (store.Store, store.Blobs) {
		return grouptest.KeptStore{Store: s}, grouptest.KeptBlobs{Blobs: b.(*memblob.Blobs)}
	})
	require.NoError(t, s.Close())
	upload := "0198e000-0000-7000-8000-000000000001"
	s.ChangeHeader(t, grouptest.OpenGroup, func(h *record.Header) { h.State = record.Deleting })
	s.Put(t, key.Deletion("open"), nil)
	s.Put(t, key.Of("new", key.Header), (&record.Header{State: record.Loading}).Encode())
	s.Put(t, key.Load("new"), (&record.Lease{Holder: "x"}).Encode())
	s.ChangeHeader(t, grouptest.Guild, func(h *record.Header) { h.Rename = record.Rename{From: "dave", To: "~x"} })
	s.Put(t, key.Rename("guild"), nil)
	s.Put(t, key.ToGo(upload), []byte{})
	s.Put(t, key.Upload(upload), (&record.Upload{Process: "x", At: 1}).Encode())
	id, err := record.DecodeIdentity(s.Get(t, key.Identity()))
	require.NoError(t, err)
	id.Open = true // and it was not closed
	s.Put(t, key.Identity(), id.Encode())
	require.NoError(t, s.Blobs.Put(t.Context(), upload, strings.NewReader("half")))
	before := s.DumpAll(t)

	reopenToRead(t, s)
	require.Equal(t, id.History, s.History())
	_, err = s.System().Group(t.Context(), grouptest.OpenGroup)
	require.ErrorIs(t, err, groupkit.ErrGroupNotFound)
	_, err = s.System().Group(t.Context(), "new")
	require.ErrorIs(t, err, groupkit.ErrGroupNotFound)
	report, err := s.Verify(t.Context(), groupkit.VerifyOptions{})
	require.NoError(t, err)
	require.Equal(t, []groupkit.GroupID{grouptest.OpenGroup}, report.Deletions)
	require.Equal(t, []groupkit.GroupID{"new"}, report.Loads)
	require.False(t, report.ForeignContents)
	s.Clock.Advance(2 * grouptest.Month)
	require.NoError(t, s.Close())
	require.Equal(t, before, s.DumpAll(t))
}

// Contents that belong to another database are noticed, and left alone.
func TestEngine_ReadOnly_ForeignContents(t *testing.T) {
	t.Parallel()
	s := newReadOnlyDataset(t)
	for _, c := range []struct {
		mark    record.ContentsMark
		foreign bool
	}{
		{record.ContentsMark{Database: "other", Opening: 1}, true},
		{markOf(t, s, 1), true}, // of a newer state
		{markOf(t, s, 0), false},
	} {
		require.NoError(t, s.Blobs.Put(t.Context(), grouptest.ContentsMark, bytes.NewReader(c.mark.Encode())))
		report, err := s.Verify(t.Context(), groupkit.VerifyOptions{})
		require.NoError(t, err)
		require.Equal(t, c.foreign, report.ForeignContents)
		reopenToRead(t, s)
		report, err = s.Verify(t.Context(), groupkit.VerifyOptions{})
		require.NoError(t, err)
		require.Equal(t, c.foreign, report.ForeignContents)
	}
}

func markOf(t *testing.T, s *grouptest.Dataset, later uint64) record.ContentsMark {
	id, err := record.DecodeIdentity(s.Get(t, key.Identity()))
	require.NoError(t, err)
	return record.ContentsMark{Database: id.Database, Opening: id.Opening + later}
}

// Data that would have to be written first is refused, and not written.
func TestNew_ReadOnly_Refused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		store  store.Store
		format *record.Format
		want   error
		text   string
	}{
		"no data":            {grouptest.NewBolt(t), nil, groupkit.ErrReadOnly, "no data yet: open it once without ReadOnly"},
		"no data, shared":    {sharedmem.New(sharedmem.Options{}).Open(), nil, groupkit.ErrReadOnly, "no data yet: open it once without ReadOnly"},
		"older":              {grouptest.NewBolt(t), &record.Format{Number: 1}, store.ErrOlder, "has format 1, this version needs format 2: open it once without ReadOnly"},
		"older, shared":      {sharedmem.New(sharedmem.Options{}).Open(), &record.Format{Number: 1}, store.ErrOlder, "call Upgrade"},
		"half brought up":    {grouptest.NewBolt(t), &record.Format{Number: 2, From: 1}, store.ErrOlder, "from format 1 to format 2 was interrupted: open it once"},
		"newer":              {grouptest.NewBolt(t), &record.Format{Number: 3}, store.ErrNewer, "format 3"},
		"records, no format": {grouptest.NewBolt(t), &record.Format{}, groupkit.ErrCorrupt, "damaged"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if c.format != nil {
				grouptest.PutAll(t, c.store, map[string]string{string(key.Format()): string(c.format.Encode())})
			}
			before := grouptest.RawRecords(t, c.store)
			blobs := memblob.New()
			_, err := groupkit.New(unwritableBy(t, c.store), unwritableBlobs{grouptest.KeptBlobs{Blobs: blobs}, t}, &groupkit.Options{ReadOnly: true})
			require.ErrorIs(t, err, c.want)
			require.ErrorContains(t, err, c.text)
			grouptest.RequireError(t, err, groupkit.OpOpen, "")
			require.Equal(t, before, grouptest.RawRecords(t, c.store))
		})
	}
}

func unwritableBy(t *testing.T, s store.Store) store.Store {
	return unwritable{grouptest.KeptStore{Store: s}, t}
}

// unwritableShared is an unwritable store that knows in what order its transactions became visible.
type unwritableShared struct {
	*sharedmem.Store
	t *testing.T
}

func (s unwritableShared) Update(context.Context, func(store.Writer) error) error {
	s.t.Error("a transaction that writes was begun")
	return store.ErrReadOnly
}

func (unwritableShared) Close() error { return nil }

// On a store that processes share, an engine that only reads hears of what the others do. If the store
// does not know the order of its commits, the others find it out.
func TestEngine_ReadOnly_Shared(t *testing.T) {
	t.Parallel()
	for _, numbers := range []bool{true, false} {
		t.Run(fmt.Sprintf("numbers %t", numbers), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { readOnlyShared(t, numbers) })
		})
	}
}

func readOnlyShared(t *testing.T, numbers bool) {
	data, blobs := sharedmem.New(sharedmem.Options{Numbers: numbers, Notify: true}), memblob.New()
	writer, err := groupkit.New(data.Open(), grouptest.KeptBlobs{Blobs: blobs}, &groupkit.Options{Limits: groupkit.Limits{Groups: 7}})
	require.NoError(t, err)
	defer func() { require.NoError(t, writer.Close()) }()
	require.NoError(t, grouptest.ErrorOf(writer.System().CreateGroup(t.Context(), groupkit.NewGroup{ID: "g", Name: "x", Owner: "alice"})))

	eng, err := groupkit.New(unwritableShared{data.Open(), t}, unwritableBlobs{grouptest.KeptBlobs{Blobs: blobs}, t}, &groupkit.Options{ReadOnly: true})
	require.NoError(t, err, "another limit of groups does not matter")
	defer func() { require.NoError(t, eng.Close()) }()
	require.ErrorIs(t, eng.System().MuteGroup(t.Context(), "g"), groupkit.ErrReadOnly)
	require.ErrorIs(t, grouptest.ErrorOf(eng.Backup(t.Context(), io.Discard)), groupkit.ErrReadOnly)
	require.NoError(t, eng.As("alice").MaySpeak(t.Context(), "g"))

	one, err := eng.System().Follow(t.Context(), "g", groupkit.Latest())
	require.NoError(t, err)
	defer one.Close()
	all, err := eng.System().FollowAll(t.Context(), groupkit.Latest())
	require.NoError(t, err)
	defer all.Close()
	require.NoError(t, writer.System().MuteGroup(t.Context(), "g"))
	e, err := one.Next(t.Context())
	require.NoError(t, err)
	require.Equal(t, groupkit.GroupMuted, e.Kind)
	began := time.Now()
	for e.Kind = 0; e.Kind != groupkit.GroupMuted; {
		e, err = all.Next(t.Context())
		require.NoError(t, err)
	}
	require.LessOrEqual(t, time.Since(began), grouptest.Either(numbers, 2*time.Second, 20*time.Second))
	grouptest.RequireVerified(t, eng)
}
