package groupkit_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
	"groupkit/internal/key"
	"groupkit/internal/record"
	"groupkit/store/memblob"
	"groupkit/store/memstore"
)

// exportOf exports an engine.
func exportOf(t require.TestingT, eng *groupkit.Engine, opts groupkit.ExportOptions) string {
	var out bytes.Buffer
	require.NoError(t, eng.System().Export(context.Background(), &out, opts))
	return out.String()
}

// emptyLike opens an empty engine with the clock and the options of a Dataset.
func emptyLike(t grouptest.TB, s *grouptest.Dataset) *grouptest.Stack {
	other := &grouptest.Stack{Store: memstore.New(), Blobs: memblob.New(), Clock: s.Clock}
	other.Open(t, grouptest.DatasetOptions(), other.Store, other.Blobs)
	return other
}

// What was imported is what was exported, contents included, and is exported to the same bytes.
func TestActor_Export(t *testing.T) {
	t.Parallel()
	s := grouptest.NewDataset(t)
	large, err := s.As("alice").UploadFile(t.Context(), grouptest.Guild, "large", bytes.NewReader(make([]byte, 100_000)))
	require.NoError(t, err)
	empty, err := s.As("alice").UploadFile(t.Context(), grouptest.Guild, "empty", strings.NewReader(""))
	require.NoError(t, err)
	told := []int{}
	text := exportOf(t, s.Engine, groupkit.ExportOptions{Contents: true, Progress: func(groups int) { told = append(told, groups) }})
	require.Equal(t, []int{1, 2, 3, 4}, told)
	require.Equal(t, text, exportOf(t, s.Engine, groupkit.ExportOptions{Contents: true}), "the order is always the same")
	require.True(t, strings.HasPrefix(text, "{\"export\":1}\n"))
	require.True(t, strings.HasSuffix(text, "\n{\"done\":{\"groups\":4}}\n"))

	other := emptyLike(t, s)
	told = nil
	done, err := other.System().Import(t.Context(), strings.NewReader(text), groupkit.ImportOptions{Progress: func(groups int) { told = append(told, groups) }})
	require.NoError(t, err)
	require.Equal(t, groupkit.Imported{Groups: 4, Contents: 5}, done)
	require.Equal(t, []int{1, 2, 3, 4}, told)
	require.Equal(t, text, exportOf(t, other.Engine, groupkit.ExportOptions{Contents: true}))
	grouptest.RequireVerified(t, other.Engine)
	for _, group := range []groupkit.GroupID{grouptest.Guild, s.Rangers, grouptest.OpenGroup, grouptest.Archive} {
		want, err := s.System().Snapshot(t.Context(), group)
		require.NoError(t, err)
		got, err := other.System().Snapshot(t.Context(), group)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	for _, f := range []groupkit.File{large, empty, s.Chart, s.Rules} {
		want, got := contentIn(t, s.Engine, grouptest.Guild, f.ID), contentIn(t, other.Engine, grouptest.Guild, f.ID)
		require.Equal(t, want, got, f.Name)
	}
}

func contentIn(t *testing.T, eng *groupkit.Engine, group groupkit.GroupID, file groupkit.FileID) []byte {
	_, content, err := eng.System().OpenFile(t.Context(), group, file)
	require.NoError(t, err)
	data, err := io.ReadAll(content)
	require.NoError(t, errors.Join(err, content.Close()))
	return data
}

// Contents can be kept beside the export.
func TestActor_Export_contentsBeside(t *testing.T) {
	t.Parallel()
	s := grouptest.NewDataset(t)
	kept := make(map[string][]byte)
	name := func(group groupkit.GroupID, f groupkit.File) string { return fmt.Sprint(group, "/", f.ID) }
	text := exportOf(t, s.Engine, groupkit.ExportOptions{Content: func(_ context.Context, group groupkit.GroupID, f groupkit.File, content io.Reader) (err error) {
		kept[name(group, f)], err = io.ReadAll(content)
		return err
	}})
	require.Len(t, kept, 3)
	require.NotContains(t, text, `{"content":`)
	missing := name(grouptest.Guild, s.Rules)
	rules := kept[missing]
	delete(kept, missing)

	other := emptyLike(t, s)
	closed := 0
	opts := groupkit.ImportOptions{Existing: true, Content: func(_ context.Context, group groupkit.GroupID, f groupkit.File) (io.ReadCloser, error) {
		data, ok := kept[name(group, f)]
		if !ok {
			return nil, nil
		}
		return &closing{Reader: bytes.NewReader(data), closed: &closed}, nil
	}}
	done, err := other.System().Import(t.Context(), strings.NewReader(text), opts)
	require.NoError(t, err)
	require.Equal(t, groupkit.Imported{Groups: 4, Contents: 2}, done)
	require.Equal(t, 2, closed)
	_, _, err = other.System().OpenFile(t.Context(), grouptest.Guild, s.Rules.ID)
	require.ErrorIs(t, err, groupkit.ErrContentAbsent)
	require.NotEmpty(t, exportOf(t, other.Engine, groupkit.ExportOptions{Contents: true}), "an absent content is left out")

	kept[missing] = rules
	done, err = other.System().Import(t.Context(), strings.NewReader(text), opts)
	require.NoError(t, err)
	require.Equal(t, groupkit.Imported{Existing: 4, Contents: 1}, done)
	require.Equal(t, exportOf(t, s.Engine, groupkit.ExportOptions{Contents: true}), exportOf(t, other.Engine, groupkit.ExportOptions{Contents: true}))

	broken := errors.New("broken")
	err = s.System().Export(t.Context(), io.Discard, groupkit.ExportOptions{Content: func(context.Context, groupkit.GroupID, groupkit.File, io.Reader) error { return broken }})
	require.ErrorIs(t, err, broken)
	_, err = emptyLike(t, s).System().Import(t.Context(), strings.NewReader(text), groupkit.ImportOptions{Content: func(context.Context, groupkit.GroupID, groupkit.File) (io.ReadCloser, error) {
		return nil, broken
	}})
	require.ErrorIs(t, err, broken)
}

type closing struct {
	io.Reader
	closed *int
}

func (c *closing) Close() error { *c.closed++; return nil }

// Some groups, or one user.
func TestActor_Export_parts(t *testing.T) {
	t.Parallel()
	s := grouptest.NewDataset(t)
	text := exportOf(t, s.Engine, groupkit.ExportOptions{Groups: []groupkit.GroupID{grouptest.OpenGroup, grouptest.Guild}})
	other := emptyLike(t, s)
	_, err := other.System().Import(t.Context(), strings.NewReader(text), groupkit.ImportOptions{})
	require.NoError(t, err)
	groups, err := grouptest.Collect(other.System().Groups(t.Context()))
	require.NoError(t, err)
	require.Len(t, groups, 2)
	require.Equal(t, "{\"export\":1}\n{\"done\":{\"groups\":0}}\n", exportOf(t, s.Engine, groupkit.ExportOptions{Groups: []groupkit.GroupID{}}))

	err = s.System().Export(t.Context(), io.Discard, groupkit.ExportOptions{Groups: []groupkit.GroupID{grouptest.OpenGroup, "nowhere"}})
	require.ErrorIs(t, err, groupkit.ErrGroupNotFound)
	require.ErrorContains(t, err, `"nowhere"`)

	text = exportOf(t, s.Engine, groupkit.ExportOptions{User: "alice"})
	data, err := grouptest.Collect(s.System().UserData(t.Context(), "alice"))
	require.NoError(t, err)
	require.Equal(t, len(data)+2, strings.Count(text, "\n"))
	require.Equal(t, len(data), strings.Count(text, "\n{\"user_data\":{"))
	_, err = emptyLike(t, s).System().Import(t.Context(), strings.NewReader(text), groupkit.ImportOptions{})
	require.ErrorIs(t, err, groupkit.ErrInvalid)
	require.ErrorContains(t, err, "line 2 is data of a user")
}

// An export that is cut off after any line is refused. What was whole stays, nothing else does, and the import can be
// run again.
func TestActor_Import_cutOff(t *testing.T) {
	t.Parallel()
	s := grouptest.NewDataset(t)
	text := exportOf(t, s.Engine, groupkit.ExportOptions{Contents: true})
	lines := strings.SplitAfter(text, "\n")
	lines = lines[:len(lines)-1]
	for n := range lines {
		grouptest.Scoped(t, func(t grouptest.TB) {
			other, part := emptyLike(t, s), strings.Join(lines[:n], "")
			if n > 0 && n%2 == 1 {
				part = part[:len(part)-1-rand.IntN(min(len(lines[n-1])-1, 20))] // within a line
			}
			done, err := other.System().Import(context.Background(), strings.NewReader(part), groupkit.ImportOptions{})
			require.ErrorIs(t, err, groupkit.ErrInvalid, "%d lines", n)
			require.ErrorContains(t, err, fmt.Sprint("line ", n))
			groups, err := grouptest.Collect(other.System().Groups(context.Background()))
			require.NoError(t, err)
			require.Len(t, groups, done.Groups)
			report, err := other.Verify(context.Background(), groupkit.VerifyOptions{})
			require.NoError(t, err)
			require.Empty(t, report.Violations)
			require.Empty(t, report.Loads)
			again, err := other.System().Import(context.Background(), strings.NewReader(text), groupkit.ImportOptions{Existing: true})
			require.NoError(t, err)
			require.Equal(t, groupkit.Imported{Groups: 4 - done.Groups, Existing: done.Groups, Contents: 3 - done.Contents}, again)
			require.Equal(t, text, exportOf(t, other.Engine, groupkit.ExportOptions{Contents: true}))
		})
	}
}

// A bit that has changed is noticed, wherever it is: what is imported is what was exported, or the import is refused.
func TestActor_Import_changed(t *testing.T) {
	t.Parallel()
	s := grouptest.NewDataset(t)
	text := exportOf(t, s.Engine, groupkit.ExportOptions{Contents: true})
	refused := 0
	for range 300 {
		grouptest.Scoped(t, func(t grouptest.TB) {
			other, changed := emptyLike(t, s), []byte(text)
			changed[rand.IntN(len(changed))] ^= 1 << rand.IntN(8)
			_, err := other.System().Import(context.Background(), bytes.NewReader(changed), groupkit.ImportOptions{})
			report, failed := other.Verify(context.Background(), groupkit.VerifyOptions{})
			require.NoError(t, failed)
			require.Empty(t, report.Violations)
			require.Empty(t, report.Loads)
			if refused++; err == nil {
				refused--
				require.Equal(t, text, exportOf(t, other.Engine, groupkit.ExportOptions{Contents: true}))
			}
		})
	}
	require.Greater(t, refused, 250)
}

// Lines that do not belong where they are.
func TestActor_Import_refusals(t *testing.T) {
	t.Parallel()
	s := grouptest.NewDataset(t)
	text := exportOf(t, s.Engine, groupkit.ExportOptions{Groups: []groupkit.GroupID{grouptest.OpenGroup}})
	lines := strings.SplitAfter(text, "\n")
	first, end, done := lines[0], lines[len(lines)-3], lines[len(lines)-2]
	log := strings.Join(lines[1:len(lines)-3], "")
	for name, c := range map[string]struct{ text, want string }{
		"nothing":           {"", "line 0 is the last one, but the export goes on"},
		"no export":         {"{}\n", "line 1 has 0 parts instead of one"},
		"no JSON":           {"group,user\n", "line 1 invalid character"},
		"an event first":    {log + end + done, "line 1 is not the first line of an export of the form 1"},
		"a newer form":      {"{\"export\":2}\n", "line 1 is not the first line of an export of the form 1"},
		"two parts":         {first + "{\"export\":1,\"done\":{\"groups\":0}}\n", "line 2 has 2 parts instead of one"},
		"a second first":    {first + first, "line 2 does not belong here"},
		"a lonely end":      {first + end, "line 2 does not belong here"},
		"a lonely content":  {first + "{\"content\":{\"file\":\"x\"}}\n", "line 2 does not belong here"},
		"no end":            {first + log + done, "comes before the end of the group"},
		"another end":       {first + log + strings.Replace(end, `"open"`, `"shut"`, 1), `ends group "shut" at version`},
		"another checksum":  {first + log + strings.Replace(end, `"sha256":"`, `"sha256":"0`, 1), "has another checksum than the lines of the group"},
		"a group is gone":   {first + log + end + "{\"done\":{\"groups\":2}}\n", "says that there are 2 groups, but there are 1"},
		"something follows": {first + log + end + done + first, "follows the last one"},
		"a file it has not": {first + log + end + "{\"content\":{\"file\":\"x\",\"last\":true}}\n", "file not found"},
		"no last line feed": {strings.TrimSuffix(text, "\n"), "has no end"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			other := emptyLike(t, s)
			_, err := other.System().Import(t.Context(), strings.NewReader(c.text), groupkit.ImportOptions{})
			require.ErrorContains(t, err, c.want)
			require.True(t, errors.Is(err, groupkit.ErrInvalid) || errors.Is(err, groupkit.ErrFileNotFound), "%v", err)
			grouptest.RequireVerified(t, other.Engine)
		})
	}
	other := emptyLike(t, s)
	for range 2 {
		_, err := other.System().Import(t.Context(), strings.NewReader(text), groupkit.ImportOptions{Existing: true})
		require.NoError(t, err)
	}
	_, err := other.System().Import(t.Context(), strings.NewReader(text), groupkit.ImportOptions{})
	require.ErrorIs(t, err, groupkit.ErrGroupExists)

	for _, err := range []error{
		s.As("alice").Export(t.Context(), io.Discard, groupkit.ExportOptions{}),
		grouptest.ErrorOf(s.As("alice").Import(t.Context(), strings.NewReader(text), groupkit.ImportOptions{})),
	} {
		require.ErrorIs(t, err, groupkit.ErrSystemOnly)
	}
	for _, err := range []error{
		s.System().Export(t.Context(), nil, groupkit.ExportOptions{}),
		s.System().Export(t.Context(), io.Discard, groupkit.ExportOptions{User: "alice", Groups: []groupkit.GroupID{"open"}}),
		s.System().Export(t.Context(), io.Discard, groupkit.ExportOptions{Groups: []groupkit.GroupID{""}}),
		grouptest.ErrorOf(s.System().Import(t.Context(), nil, groupkit.ImportOptions{})),
		groupkit.Actor{}.Export(t.Context(), io.Discard, groupkit.ExportOptions{}),
	} {
		require.ErrorIs(t, err, groupkit.ErrInvalid)
	}
	require.NoError(t, s.Atomic(t.Context(), func(tx *groupkit.Tx) error {
		require.ErrorIs(t, tx.System().Export(t.Context(), io.Discard, groupkit.ExportOptions{}), groupkit.ErrNested)
		require.ErrorIs(t, s.System().Export(t.Context(), io.Discard, groupkit.ExportOptions{}), groupkit.ErrNested)
		require.ErrorIs(t, grouptest.ErrorOf(tx.System().Import(t.Context(), strings.NewReader(text), groupkit.ImportOptions{})), groupkit.ErrNested)
		return nil
	}))
	full := errors.New("full")
	require.ErrorIs(t, s.System().Export(t.Context(), writerFunc(func([]byte) (int, error) { return 0, full }), groupkit.ExportOptions{}), full)
	_, err = emptyLike(t, s).System().Import(t.Context(), io.MultiReader(strings.NewReader(first), grouptest.ReaderFunc(func([]byte) (int, error) { return 0, full })), groupkit.ImportOptions{})
	require.ErrorIs(t, err, full)
}

// The parts of a content follow each other.
func TestActor_Import_mixedContents(t *testing.T) {
	t.Parallel()
	s := grouptest.NewDataset(t)
	text := exportOf(t, s.Engine, groupkit.ExportOptions{Groups: []groupkit.GroupID{grouptest.Guild}})
	body, done, _ := strings.Cut(text, `{"done":`)
	part := func(f groupkit.File, data string, last bool) string {
		return fmt.Sprintf("{\"content\":{\"file\":%q,\"data\":%q,\"last\":%v}}\n", f.ID, base64.StdEncoding.EncodeToString([]byte(data)), last)
	}
	for _, second := range []groupkit.File{s.Chart, s.Rules} {
		other := emptyLike(t, s)
		_, err := other.System().Import(t.Context(),
			strings.NewReader(body+part(s.Chart, "a map", false)+part(second, " of the north", true)+`{"done":`+done), groupkit.ImportOptions{})
		if second.ID == s.Chart.ID {
			require.NoError(t, err)
			require.Equal(t, "a map of the north", string(contentIn(t, other.Engine, grouptest.Guild, s.Chart.ID)))
			continue
		}
		require.ErrorContains(t, err, "comes before the end of the content")
		_, _, err = other.System().OpenFile(t.Context(), grouptest.Guild, s.Chart.ID)
		require.ErrorIs(t, err, groupkit.ErrContentAbsent)
	}
}

// A line that has no end is not kept in memory.
func TestActor_Import_longLine(t *testing.T) {
	t.Parallel()
	s := grouptest.NewDataset(t)
	endless := grouptest.ReaderFunc(func(p []byte) (int, error) {
		clear(p)
		return len(p), nil
	})
	_, err := s.System().Import(t.Context(), endless, groupkit.ImportOptions{})
	require.ErrorIs(t, err, groupkit.ErrInvalid)
	require.ErrorContains(t, err, "line 1 is longer than 67108864 bytes")
}

type writerFunc func(p []byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// Groups change, and are deleted, while they are exported. What is imported is how each was at some moment.
func TestActor_Export_meanwhile(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*grouptest.Dataset) error{
		"changed": func(s *grouptest.Dataset) error {
			return s.System().SetAnnouncement(context.Background(), grouptest.Guild, strings.Repeat("now ", 100))
		},
		"forgotten": func(s *grouptest.Dataset) error {
			return s.System().ForgetUser(context.Background(), "carol", groupkit.ForgetOptions{Pseudonymize: true})
		},
		"deleted": func(s *grouptest.Dataset) error {
			err := s.System().DeleteGroup(context.Background(), grouptest.Guild)
			if errors.Is(err, groupkit.ErrGroupNotFound) {
				return nil
			}
			return err
		},
		"a file is deleted": func(s *grouptest.Dataset) error {
			err := s.System().DeleteFile(context.Background(), grouptest.Guild, s.Chart.ID)
			if errors.Is(err, groupkit.ErrFileNotFound) {
				return nil
			}
			return err
		},
	} {
		for after := range 6 {
			t.Run(fmt.Sprint(name, " after ", after), func(t *testing.T) {
				t.Parallel()
				s := grouptest.NewDataset(t)
				for i := range 300 { // so that the log is longer than a page
					require.NoError(t, s.System().SetAnnouncement(t.Context(), grouptest.Guild, fmt.Sprint(i)))
				}
				var out bytes.Buffer
				writes := 0
				require.NoError(t, s.System().Export(t.Context(), writerFunc(func(p []byte) (int, error) {
					if writes++; writes == 1+after*2 {
						require.NoError(t, change(s))
					}
					return out.Write(p)
				}), groupkit.ExportOptions{Contents: true}))
				require.Greater(t, writes, 11)
				other := emptyLike(t, s)
				done, err := other.System().Import(t.Context(), bytes.NewReader(out.Bytes()), groupkit.ImportOptions{})
				require.NoError(t, err)
				require.GreaterOrEqual(t, done.Groups, 3)
				report, err := other.Verify(t.Context(), groupkit.VerifyOptions{})
				require.NoError(t, err)
				require.Empty(t, report.Violations)
				require.Empty(t, report.Loads)
			})
		}
	}
}

// A group that is deleted while its state is written has no end in the export, and does not appear.
func TestActor_Export_gone(t *testing.T) {
	t.Parallel()
	s := grouptest.NewDataset(t)
	_, err := s.System().LoadFrom(t.Context(), "huge", largeParts(4000), groupkit.LoadOptions{})
	require.NoError(t, err)
	var out bytes.Buffer
	require.NoError(t, s.System().Export(t.Context(), writerFunc(func(p []byte) (int, error) {
		if n, err := out.Write(p); !bytes.Contains(out.Bytes(), []byte(`"m5"`)) || err != nil {
			return n, err
		}
		err := s.System().DeleteGroup(t.Context(), "huge")
		if errors.Is(err, groupkit.ErrGroupNotFound) {
			err = nil
		}
		return len(p), err
	}), groupkit.ExportOptions{}))
	require.Contains(t, out.String(), "\n{\"gone\":\"huge\"}\n")
	other := emptyLike(t, s)
	done, err := other.System().Import(t.Context(), bytes.NewReader(out.Bytes()), groupkit.ImportOptions{})
	require.NoError(t, err)
	require.Equal(t, groupkit.Imported{Groups: 4}, done)
	report, err := other.Verify(t.Context(), groupkit.VerifyOptions{})
	require.NoError(t, err)
	require.Empty(t, report.Violations)
	require.Empty(t, report.Loads)
}

// FuzzImport: no input makes Import panic, or leaves half of a group.
func FuzzImport(f *testing.F) {
	s := grouptest.NewDataset(f)
	text := exportOf(f, s.Engine, groupkit.ExportOptions{Contents: true})
	f.Add(text)
	f.Add(text[:len(text)/2])
	f.Add("{\"export\":1}\n{\"event\":{\"group\":\"g\",\"version\":1,\"kind\":\"group_created\",\"last\":true}}\n")
	f.Add("{\"export\":1}\n{\"event\":{\"group\":\"g\",\"version\":1,\"kind\":\"checkpoint\",\"last\":true,\"checkpoint\":{}}}\n{\"gone\":\"g\"}\n")
	f.Fuzz(func(t *testing.T, text string) {
		grouptest.Scoped(t, func(t grouptest.TB) {
			other := emptyLike(t, s)
			_, _ = other.System().Import(context.Background(), strings.NewReader(text), groupkit.ImportOptions{})
			report, err := other.Verify(context.Background(), groupkit.VerifyOptions{})
			require.NoError(t, err)
			require.Empty(t, report.Violations)
			require.Empty(t, report.Loads)
		})
	})
}

// The time of a group that is exported later is that of its events.
func TestActor_Import_keepsTimes(t *testing.T) {
	t.Parallel()
	s := grouptest.NewDataset(t)
	want, err := s.System().Group(t.Context(), grouptest.Guild)
	require.NoError(t, err)
	text := exportOf(t, s.Engine, groupkit.ExportOptions{})
	s.Clock.Advance(1000 * time.Hour)
	other := emptyLike(t, s)
	_, err = other.System().Import(t.Context(), strings.NewReader(text), groupkit.ImportOptions{})
	require.NoError(t, err)
	got, err := other.System().Group(t.Context(), grouptest.Guild)
	require.NoError(t, err)
	require.Equal(t, want.LastModified, got.LastModified)
	require.Equal(t, want.Created, got.Created)
}

// A log that does not lead to the version of its group is damaged: nobody waits for what never comes.
func TestActor_Export_damaged(t *testing.T) {
	t.Parallel()
	for _, version := range []uint64{0, 1000} {
		s := grouptest.NewDataset(t)
		s.ChangeHeader(t, grouptest.OpenGroup, func(h *record.Header) { h.Version = version })
		err := s.System().Export(t.Context(), io.Discard, groupkit.ExportOptions{Groups: []groupkit.GroupID{grouptest.OpenGroup}})
		require.ErrorIs(t, err, groupkit.ErrCorrupt, version)
		require.ErrorContains(t, err, `"open"`)
	}
}

// A checkpoint that lies before the log which begins with it would come again and again: the export ends.
func TestActor_Export_damagedCheckpoint(t *testing.T) {
	t.Parallel()
	s := grouptest.NewDataset(t)
	at := grouptest.CheckpointKey(key.Header, "")
	h, err := record.DecodeHeader(s.Get(t, at))
	require.NoError(t, err)
	h.Version = 1
	s.Put(t, at, h.Encode())
	err = s.System().Export(t.Context(), io.Discard, groupkit.ExportOptions{Groups: []groupkit.GroupID{grouptest.Archive}})
	require.ErrorIs(t, err, groupkit.ErrCorrupt)
}
