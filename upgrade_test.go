package groupkit_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
	"groupkit/internal/key"
	"groupkit/internal/record"
	"groupkit/store"
	"groupkit/store/memblob"
	"groupkit/store/memstore"
)

// A format1 is a store in memory with data of format 1, and its contents.
type format1 struct {
	store   store.Store
	blobs   *memblob.Blobs
	opts    groupkit.Options
	records map[string]string // as they are
}

// newFormat1 returns the Dataset as format 1 has it, and the Dataset.
func newFormat1(t grouptest.TB) (*format1, *grouptest.Dataset) {
	s := grouptest.NewDataset(t)
	f := &format1{store: memstore.New(), blobs: memblob.New(), opts: grouptest.DatasetOptions()}
	grouptest.BuiltDataset().Unpack(t, f.store, f.blobs)
	f.opts.Clock = s.Clock.Now
	grouptest.ToFormat1(t, f.store, f.blobs)
	f.records = grouptest.RawRecords(t, f.store)
	return f, s
}

// copy returns a store with the same records.
func (f *format1) copy(t require.TestingT) store.Store {
	s := memstore.New()
	grouptest.ReplaceAll(t, s, f.records)
	return s
}

func (f *format1) engine(t grouptest.TB) *grouptest.Stack {
	s := &grouptest.Stack{Store: f.store, Blobs: f.blobs, Clock: grouptest.NewClockAt(f.opts.Clock())}
	s.Open(t, f.opts, f.store, f.blobs)
	return s
}

// upgraded returns the records of a copy after an upgrade that nothing interrupts.
func (f *format1) upgraded(t *testing.T) map[string]string {
	s := f.copy(t)
	require.NoError(t, groupkit.Upgrade(t.Context(), s, &f.opts))
	return grouptest.RawRecords(t, s)
}

// TestUpgrade_Reads compares what an engine over upgraded data answers with what it answers
// over data that always had this format.
func TestUpgrade_Reads(t *testing.T) {
	t.Parallel()
	f, s := newFormat1(t)
	up := f.engine(t)
	up.RequireVerified(t)
	for _, id := range []groupkit.GroupID{grouptest.Guild, s.Rangers, grouptest.OpenGroup, grouptest.Archive} {
		want, got := s.System(), up.System()
		requireSameAnswer(t, want.Snapshot, got.Snapshot, id)
		requireSameList(t, want.Members(t.Context(), id), got.Members(t.Context(), id))
		requireSameList(t, want.Requests(t.Context(), id), got.Requests(t.Context(), id))
		requireSameList(t, want.Invitations(t.Context(), id), got.Invitations(t.Context(), id))
		requireSameList(t, want.Files(t.Context(), id), got.Files(t.Context(), id))
		requireSameList(t, want.Events(t.Context(), id, 0), got.Events(t.Context(), id, 0))
	}
	grouptest.RequireContent(t, up, grouptest.Guild, s.Chart, "a map of the north")
	require.NoError(t, up.As("carol").DeleteFile(t.Context(), grouptest.Guild, s.Chart.ID))
	require.NotContains(t, grouptest.ContentIDs(t, f.blobs), key.Content1("guild", uuid.MustParse(string(s.Chart.ID))))
	up.RequireVerified(t)
}

func requireSameAnswer[T any](t *testing.T, want, got func(context.Context, groupkit.GroupID) (T, error), id groupkit.GroupID) {
	t.Helper()
	wanted, err := want(t.Context(), id)
	require.NoError(t, err)
	is, err := got(t.Context(), id)
	require.NoError(t, err)
	require.Equal(t, wanted, is)
}

func requireSameList[T any](t *testing.T, want, got func(func(T, error) bool)) {
	t.Helper()
	wanted, err := grouptest.Collect(want)
	require.NoError(t, err)
	is, err := grouptest.Collect(got)
	require.NoError(t, err)
	require.Equal(t, wanted, is)
}

// A cutStore fails every Update after some. It can be used by this process alone.
type cutStore struct{ *grouptest.FailingStore }

func (cutStore) Exclusive() bool { return true }

// TestUpgrade_CutOff fails the upgrade at every step, with one record in each, and goes on.
// The result is what an upgrade without interruption leaves.
func TestUpgrade_CutOff(t *testing.T) {
	t.Parallel()
	f, _ := newFormat1(t)
	want := f.upgraded(t)
	steps := 0
	for failed := true; failed; steps++ {
		s := f.copy(t)
		cut := cutStore{&grouptest.FailingStore{Store: s}}
		cut.FailAfter(steps)
		err := groupkit.UpgradeInSteps(t.Context(), cut, &f.opts, 1)
		if failed = err != nil; failed {
			require.ErrorIs(t, err, grouptest.ErrFailing)
			requireInProgress(t, s, steps > 0)
		}
		require.NoError(t, groupkit.Upgrade(t.Context(), s, &f.opts))
		require.Equal(t, want, grouptest.RawRecords(t, s), "after %d steps", steps)
	}
	require.Greater(t, steps, len(f.records))
}

// requireInProgress checks that a program of format 1 refuses data whose upgrade has begun.
func requireInProgress(t *testing.T, s store.Store, begun bool) {
	t.Helper()
	value := []byte(grouptest.RawRecords(t, s)[string(key.Format())])
	number, err := record.DecodeCount(value) // this is how format 1 reads it
	require.NoError(t, err)
	found, err := record.DecodeFormat(value)
	require.NoError(t, err)
	if !begun {
		require.Equal(t, record.Format{Number: 1}, found)
		return
	}
	require.Equal(t, 2, number)
	require.Equal(t, record.Format{Number: 2, From: 1}, found)
}

// withEveryFamily adds the records that only a crash leaves: a deletion and an upload.
func (f *format1) withEveryFamily(t *testing.T) *format1 {
	upload := record.Upload{Process: "of another time", At: 1}
	f.records["d\x02guild\x00"] = ""
	f.records["w"+key.Content1("guild", uuid.Max)] = string(upload.Encode())
	var families []byte
	for k := range f.records {
		families = append(families, k[0])
	}
	slices.Sort(families)
	require.Equal(t, "!cdgijntuw", string(slices.Compact(families)))
	return f
}

// TestUpgrade_Damaged damages each record. The upgrade names the record and changes nothing.
func TestUpgrade_Damaged(t *testing.T) {
	t.Parallel()
	f, _ := newFormat1(t)
	f.withEveryFamily(t)
	for k := range f.records {
		text := fmt.Sprintf("(key %x)", k)
		switch {
		case strings.HasSuffix(k, "\x00x"), strings.HasSuffix(k, "\x00cx"):
			continue // the custom text of a group can be any text
		case k == string(key.Format()):
			text = "the number of the format is damaged (80)"
		}
		f.requireRefused(t, text, func(records map[string]string) { records[k] = grouptest.Garbage })
	}
}

// TestUpgrade_WrongKeys flips each bit of the first byte of each key: no record is taken for
// another.
func TestUpgrade_WrongKeys(t *testing.T) {
	t.Parallel()
	f, _ := newFormat1(t)
	f.withEveryFamily(t)
	for k, v := range f.records {
		for bit := range 8 {
			wrong := string([]byte{k[0] ^ 1<<bit}) + k[1:]
			text := fmt.Sprintf("(key %x)", wrong)
			if k == string(key.Format()) {
				text = "no number of the format"
			}
			f.requireRefused(t, text, func(records map[string]string) {
				delete(records, k)
				records[wrong] = v
			})
		}
	}
}

// TestUpgrade_Refused has single records that no version has written.
func TestUpgrade_Refused(t *testing.T) {
	t.Parallel()
	f, _ := newFormat1(t)
	member, outsider := key.Group1("guild", key.Members), key.Group1("guild", key.Outsiders)
	event := string(append(key.Group1("guild", key.Events), 0, 0, 0, 0, 0, 0, 0))
	for name, c := range map[string]struct {
		text, k, v string
	}{
		"a member among the outsiders": {"record of a member", string(outsider) + "carol", f.records[string(member)+"carol"]},
		"an outsider with nothing":     {"outsider record of user \"new\" in group \"guild\"", string(outsider) + "new", ""},
		"a member without a name":      {"unknown form", string(member), f.records[string(member)+"carol"]},
		"a member with a zero byte":    {"unknown form", string(member) + "a\x00", f.records[string(member)+"carol"]},
		"a call at version 0":          {"up to version 0", event + "\x00", f.records[event+"\x03"]},
		"a file of another key":        {"ID of another file", string(key.Group1("guild", key.Files)) + "0123456789abcdef", f.file()},
		"an index of format 2":         {"unknown form", string(key.Group1("guild", key.Inviters)) + "alice\x00grace", ""},
		"a newer format":               {"format 3, this version reads formats up to 2", string(key.Format()), string(record.EncodeCount(3))},
		"an upgrade to a newer format": {"format 3", string(key.Format()), string((&record.Format{Number: 3, From: 1}).Encode())},
		"an upgrade from nowhere":      {"is damaged", string(key.Format()), string((&record.Format{Number: 2, From: 2}).Encode())},
		"more than the number":         {"is damaged", string(key.Format()), "\x08\x02\x18\x01"},
		"no number":                    {"is damaged", string(key.Format()), ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f.requireRefused(t, c.text, func(records map[string]string) { records[c.k] = c.v })
		})
	}
}

// file is the record of a file.
func (f *format1) file() string {
	for k, v := range f.records {
		if strings.HasPrefix(k, string(key.Group1("guild", key.Files))) {
			return v
		}
	}
	return ""
}

// requireRefused checks that data with a change is refused, and stays as it is. The error is
// that of damaged data, with the text.
func (f *format1) requireRefused(t *testing.T, text string, change func(records map[string]string)) {
	t.Helper()
	records := maps.Clone(f.records)
	change(records)
	s := memstore.New()
	grouptest.ReplaceAll(t, s, records)
	err := groupkit.Upgrade(t.Context(), s, &f.opts)
	require.ErrorIs(t, err, groupkit.ErrCorrupt, text)
	require.ErrorContains(t, err, text)
	grouptest.RequireError(t, err, groupkit.OpUpgrade, "")
	require.Equal(t, records, grouptest.RawRecords(t, s), text)
}

// TestNew_Refused opens what the upgrade refuses.
func TestNew_Refused(t *testing.T) {
	t.Parallel()
	f, _ := newFormat1(t)
	f.records[string(key.Group1("guild", key.Header))] = grouptest.Garbage
	s := f.copy(t)
	_, err := groupkit.New(s, f.blobs, &f.opts)
	require.ErrorIs(t, err, groupkit.ErrCorrupt)
	require.ErrorContains(t, err, `converting the data from format 1: header in group "guild"`)
	grouptest.RequireError(t, err, groupkit.OpOpen, "")
	require.Equal(t, f.records, grouptest.RawRecords(t, s))
}

// TestUpgrade_Upload upgrades data with an upload that a crash cut off. Nobody can say whether its
// content is of this database: the content stays, and Verify lists it.
func TestUpgrade_Upload(t *testing.T) {
	t.Parallel()
	f, _ := newFormat1(t)
	content := key.Content1("guild", uuid.Max)
	upload := record.Upload{Process: "of another time", At: 1}
	f.records["w"+content] = string(upload.Encode())
	grouptest.ReplaceAll(t, f.store, f.records)
	require.NoError(t, f.blobs.Put(t.Context(), content, strings.NewReader("half")))
	require.NoError(t, groupkit.Upgrade(t.Context(), f.store, &f.opts))
	require.Equal(t, string(upload.Encode()), grouptest.DumpStore(t, f.store)[string(key.Upload(content))])
	up := f.engine(t)
	require.NotContains(t, grouptest.DumpStore(t, f.store), string(key.Upload(content)))
	require.Contains(t, grouptest.ContentIDs(t, f.blobs), content)
	report, err := up.Verify(t.Context(), groupkit.VerifyOptions{})
	require.NoError(t, err)
	require.Empty(t, report.Violations)
	require.Len(t, report.UnknownContents, 1)
	require.Equal(t, content, report.UnknownContents[0].ID)
}

// A sharedStore can be used by several processes.
type sharedStore struct{ store.Store }

// TestUpgrade_Shared has a store that several processes can use. An engine does not upgrade it,
// Upgrade does, also if two processes call it at once.
func TestUpgrade_Shared(t *testing.T) {
	t.Parallel()
	f, _ := newFormat1(t)
	shared := sharedStore{f.copy(t)}
	_, err := groupkit.New(shared, f.blobs, &f.opts)
	require.ErrorIs(t, err, store.ErrOlder)
	require.ErrorIs(t, err, groupkit.ErrStorage)
	require.ErrorContains(t, err, "the data has format 1, this version needs format 2: call Upgrade")
	require.Equal(t, f.records, grouptest.RawRecords(t, shared))

	require.NoError(t, groupkit.Upgrade(t.Context(), shared, &f.opts))
	want := grouptest.RawRecords(t, shared)
	require.Contains(t, want, string(key.Commit(1)), "calls have numbers")
	require.NoError(t, groupkit.Upgrade(t.Context(), shared, &f.opts), "again")
	require.Equal(t, want, grouptest.RawRecords(t, shared))

	both := sharedStore{f.copy(t)}
	upgrade := func() {
		if err := groupkit.UpgradeInSteps(t.Context(), both, &f.opts, 3); err != nil {
			t.Error(err)
		}
	}
	grouptest.Concurrently(upgrade, upgrade)
	require.Equal(t, want, grouptest.RawRecords(t, both))

	eng, err := groupkit.New(both, grouptest.KeptBlobs{Blobs: f.blobs}, &f.opts)
	require.NoError(t, err)
	grouptest.RequireVerified(t, eng)
	require.NoError(t, eng.Close())
}

// TestUpgrade_Empty has a store without data: an engine begins it, Upgrade leaves it alone.
func TestUpgrade_Empty(t *testing.T) {
	t.Parallel()
	s := memstore.New()
	require.NoError(t, groupkit.Upgrade(t.Context(), s, nil))
	require.Empty(t, grouptest.RawRecords(t, s))
	err := groupkit.Upgrade(t.Context(), s, &groupkit.Options{OwnerLeave: 9})
	require.ErrorIs(t, err, groupkit.ErrInvalid)
}

// A measuredStore notes the largest number of writes in one transaction.
type measuredStore struct {
	store.Store
	most, updates int
}

func (s *measuredStore) Update(ctx context.Context, fn func(store.Writer) error) error {
	s.updates++
	return s.Store.Update(ctx, func(w store.Writer) error {
		counted := &measuredWriter{Writer: w}
		defer func() { s.most = max(s.most, counted.n) }()
		return fn(counted)
	})
}

type measuredWriter struct {
	store.Writer
	n int
}

func (w *measuredWriter) Put(k, v []byte) error { w.n++; return w.Writer.Put(k, v) }

func (w *measuredWriter) Delete(k []byte) error { w.n++; return w.Writer.Delete(k) }

// TestUpgrade_LargeGroup upgrades a group of 10,000 members whose log of 2,000 events has been
// cut, in transactions of a limited size.
func TestUpgrade_LargeGroup(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("10,000 members")
	}
	opts := grouptest.LargeGroupOptions()
	opts.Retention = groupkit.Retention{MaxEvents: 2000}
	s := grouptest.NewStack(t, opts)
	grouptest.NewLargeGroup(t, s, 10_000)
	for i := range 2000 {
		s.Clock.Advance(time.Second)
		require.NoError(t, s.As("alice").SetAnnouncement(t.Context(), grouptest.LargeGroup, fmt.Sprint(i)))
	}
	require.NoError(t, grouptest.ErrorOf(s.Sweep(t.Context())))
	want, err := s.System().Snapshot(t.Context(), grouptest.LargeGroup)
	require.NoError(t, err)

	old := &measuredStore{Store: memstore.New()}
	grouptest.ReplaceAll(t, old.Store, grouptest.RawRecords(t, s.Store))
	grouptest.ToFormat1(t, old.Store, s.Blobs)
	records := len(grouptest.RawRecords(t, old.Store))
	opts.Clock = s.Clock.Now
	require.NoError(t, groupkit.Upgrade(t.Context(), old, &opts))
	require.LessOrEqual(t, old.most, 6*groupkit.UpgradeStep)
	require.Greater(t, old.updates, records/groupkit.UpgradeStep)
	require.Less(t, old.updates, 2*records/groupkit.UpgradeStep)
	eng, err := groupkit.New(old, grouptest.KeptBlobs{Blobs: s.Blobs}, &opts)
	require.NoError(t, err)
	defer func() { require.NoError(t, eng.Close()) }()
	got, err := eng.System().Snapshot(t.Context(), grouptest.LargeGroup)
	require.NoError(t, err)
	require.ElementsMatch(t, want.Files, got.Files) // they came at one instant, so their order is not known
	want.Files, got.Files = nil, nil
	require.Equal(t, want, got)
	grouptest.RequireVerified(t, eng)
}
