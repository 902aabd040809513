package record_test

import (
	"errors"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"groupkit/internal/record"
)

var update = flag.Bool("update", false, "write the golden files that are missing; none is ever changed")

// A sample is one record as it is, and as the golden file of its name has it.
type sample struct {
	name    string
	encoded func() []byte
	decoded func([]byte) (any, error)
	want    any
}

func sampleOf[T any](name string, want T, encode func(*T) []byte, decode func([]byte) (T, error)) sample {
	return sample{
		name: name, want: want,
		encoded: func() []byte { return encode(&want) },
		decoded: func(b []byte) (any, error) { return decode(b) },
	}
}

func decodeMember(b []byte) (record.Standing, error)   { return record.DecodeStanding(b, true) }
func decodeOutsider(b []byte) (record.Standing, error) { return record.DecodeStanding(b, false) }
func encodeCount(n *int) []byte                        { return record.EncodeCount(*n) }

// aFile is a file, by its content "map" and an id of version 7.
func aFile() record.File {
	return record.File{
		ID: "\x01\x98\x0b\x5d\xac\x96\x77\x4b\xbc\xce\xb3\x02\x09\x9a\x80\x57", Name: "carte d’été.png", Size: 10 << 20,
		SHA256: "\xe3\xb0\xc4\x42\x98\xfc\x1c\x14\x9a\xfb\xf4\xc8\x99\x6f\xb9\x24\x27\xae\x41\xe4\x64\x9b\x93\x4c\xa4\x95\x99\x1b\x78\x52\xb8\x55",
		Owner:  "carol", Created: 1772665567008,
	}
}

// golden has the records of each format. A record that was once written has to be read for
// ever: samples are added, and never changed.
var golden = map[string][]sample{"format1": format1, "format2": format2}

// format1 is every kind of record of format 1.
var format1 = []sample{
	sampleOf("header", record.Header{
		Name: "Nachtwache 夜", Description: "on the wall", Avatar: "https://example.org/a.png", HasCustom: true, Public: true,
		MembersOnly: true, AllowInvites: true, InviteNeedConfirm: true, Muted: true, MaxUsers: 10_000, Owner: "alice",
		Created: 1772665567008, Modified: 1772665999999, Version: 70_000, Members: 200, Admins: 99, Blocked: 1, Mutes: 2,
		Allowed: 3, Requests: 4, Invitations: 5, Files: 6, First: 1,
	}, (*record.Header).Encode, record.DecodeHeader),
	sampleOf("header-private", record.Header{
		Name: "n", MaxUsers: 200, Owner: "a", Created: 1, Modified: 1, Version: 2, Members: 1,
	}, (*record.Header).Encode, record.DecodeHeader),
	sampleOf("header-public", record.Header{Name: "n", Public: true}, (*record.Header).Encode, record.DecodeHeader),
	sampleOf("header-members-only", record.Header{Name: "n", MembersOnly: true}, (*record.Header).Encode, record.DecodeHeader),
	sampleOf("header-allow-invites", record.Header{Name: "n", AllowInvites: true}, (*record.Header).Encode, record.DecodeHeader),
	sampleOf("header-need-confirm", record.Header{Name: "n", InviteNeedConfirm: true}, (*record.Header).Encode, record.DecodeHeader),
	sampleOf("header-muted", record.Header{Name: "n", Muted: true}, (*record.Header).Encode, record.DecodeHeader),
	sampleOf("header-custom", record.Header{Name: "n", HasCustom: true}, (*record.Header).Encode, record.DecodeHeader),
	sampleOf("header-deleting", record.Header{State: record.Deleting, Name: "n", Owner: "a", Version: 9, Members: 3},
		(*record.Header).Encode, record.DecodeHeader),
	sampleOf("header-tombstone", record.Header{State: record.Deleted, Version: 9, Created: 1772665567008, Modified: 1772665999999, First: 3},
		(*record.Header).Encode, record.DecodeHeader),

	sampleOf("standing-member", record.Standing{Role: 1, Joined: 1772665567008}, (*record.Standing).Encode, decodeMember),
	sampleOf("standing-admin", record.Standing{
		Role: 2, Joined: 1772665567008, AdminSince: 1772665567009,
		Mute: &record.Mark{At: 1, Until: 4638873600000, By: "alice", Reason: "spam"}, Allow: &record.Mark{At: 2},
	}, (*record.Standing).Encode, decodeMember),
	sampleOf("standing-owner", record.Standing{Role: 3, Joined: 1772665567008}, (*record.Standing).Encode, decodeMember),
	sampleOf("standing-blocked", record.Standing{
		Mute: &record.Mark{At: 1, Until: 2, By: "bob"}, Block: &record.Mark{At: 3, Until: 4, By: "bob", Reason: "Übel"},
	}, (*record.Standing).Encode, decodeOutsider),
	sampleOf("standing-pending", record.Standing{
		Request: &record.Mark{At: 5, Until: 6, Reason: "please"}, Invitation: &record.Mark{At: 7, By: "alice"},
	}, (*record.Standing).Encode, decodeOutsider),
	sampleOf("standing-bare-marks", record.Standing{Mute: &record.Mark{}, Invitation: &record.Mark{}},
		(*record.Standing).Encode, decodeOutsider),

	sampleOf("call-created", record.Call{At: 1772665567008, Events: []record.Event{
		{Kind: 1, Users: []string{"alice"}, Changes: []record.Change{{Field: "name", After: "n"}, {Field: "public", After: "true"}}},
		{Kind: 7, Cause: 1, Users: []string{"alice", "bob"}},
	}}, (*record.Call).Encode, record.DecodeCall),
	sampleOf("call-updated", record.Call{Actor: "alice", At: 2, Reason: "spring", Events: []record.Event{
		{Kind: 2, Changes: []record.Change{{Field: "description", Before: "old", After: ""}, {Field: "max users", Before: "1", After: "2"}}},
	}}, (*record.Call).Encode, record.DecodeCall),
	sampleOf("call-muted", record.Call{Actor: "bob", At: 3, Events: []record.Event{
		{Kind: 22, Until: 4638873600000, Users: []string{"carol", "dave"}, Before: []int64{0, 77}},
	}}, (*record.Call).Encode, record.DecodeCall),
	sampleOf("call-blocked", record.Call{Actor: "bob", At: 4, Reason: "enough", Events: []record.Event{
		{Kind: 6, Users: []string{"carol"}}, {Kind: 28, Users: []string{"carol"}}, {Kind: 8, Cause: 8, Users: []string{"carol"}},
		{Kind: 19, Until: 99, Users: []string{"carol"}},
	}}, (*record.Call).Encode, record.DecodeCall),
	sampleOf("call-file", record.Call{Actor: "carol", At: 5, Events: []record.Event{{Kind: 30, File: new(aFile())}}},
		(*record.Call).Encode, record.DecodeCall),
	sampleOf("call-deleted", record.Call{At: 6, Events: []record.Event{{Kind: 3}}}, (*record.Call).Encode, record.DecodeCall),

	sampleOf("call-by-system", record.Call{Actor: "bob", At: 7, Events: []record.Event{
		{Kind: 24, Users: []string{"carol"}, BySystem: true}, {Kind: 25},
	}}, (*record.Call).Encode, record.DecodeCall),

	sampleOf("once-group", record.Once{
		Digest: "0123456789abcdef", Until: 1772751967008, Group: "guild", Header: (&record.Header{Name: "n", Version: 2}).Encode(), Custom: "{}",
	}, (*record.Once).Encode, record.DecodeOnce),
	sampleOf("once-file", record.Once{Digest: "p", Until: 1, File: new(aFile())}, (*record.Once).Encode, record.DecodeOnce),
	sampleOf("once-until", record.Once{Digest: "p", Until: 1, Outcome: 3, Ends: 4638873600000, Changed: []string{"name", "custom"}},
		(*record.Once).Encode, record.DecodeOnce),
	sampleOf("once-batch", record.Once{Digest: "p", Until: 1, Results: []record.Result{
		{User: "bob", Outcome: 1, Until: 2}, {User: "carol", Code: 4, Text: "already a member", About: "carol"},
	}}, (*record.Once).Encode, record.DecodeOnce),
	sampleOf("once-batch-causes", record.Once{Digest: "p", Until: 1, Results: []record.Result{
		{User: "bob", Code: 12, Text: "group is full (200 of 200)", About: "bob", Limit: &record.Limit{Value: 200, Max: 200}},
		{User: "", Code: 1, Text: "user id has 0 bytes (1 to 128)", Field: "user id", Why: "has 0 bytes (1 to 128)"},
		{User: "carol", Code: 15, Text: "list is full (0 of 0)", Limit: &record.Limit{}},
	}}, (*record.Once).Encode, record.DecodeOnce),

	sampleOf("file", aFile(), (*record.File).Encode, record.DecodeFile),
	sampleOf("file-of-system", record.File{ID: "0123456789abcdef", Name: "a", SHA256: "0123456789abcdef0123456789abcdef"},
		(*record.File).Encode, record.DecodeFile),
	sampleOf("announcement", record.Announcement{Text: "Mañana", By: "alice", At: 1772665567008},
		(*record.Announcement).Encode, record.DecodeAnnouncement),
	sampleOf("announcement-cleared", record.Announcement{At: 1}, (*record.Announcement).Encode, record.DecodeAnnouncement),
	sampleOf("upload", record.Upload{Process: "6ba7b810-9dad-11d1-80b4-00c04fd430c8", At: 1772665567008},
		(*record.Upload).Encode, record.DecodeUpload),
	sampleOf("count", 500, encodeCount, record.DecodeCount),
	sampleOf("count-zero", 0, encodeCount, record.DecodeCount),
}

// format2 is every kind of record with what format 2 has added.
var format2 = []sample{
	sampleOf("standing-member", record.Standing{Role: 1, Joined: 1772665567008, JoinVersion: 70_000, JoinPlace: 999},
		(*record.Standing).Encode, decodeMember),
	sampleOf("standing-admin", record.Standing{
		Role: 2, Joined: 1772665567008, AdminSince: 1772665567009, JoinVersion: 2, AdminVersion: 1 << 40, AdminPlace: 1<<32 - 1,
		Mute: &record.Mark{At: 1, Until: 4638873600000, By: "alice", Reason: "spam"},
	}, (*record.Standing).Encode, decodeMember),
	sampleOf("standing-pending", record.Standing{
		Request:    &record.Mark{At: 5, Until: 6, Reason: "please", Version: 17, Place: 0},
		Invitation: &record.Mark{At: 7, By: "alice", Version: 18, Place: 300},
	}, (*record.Standing).Encode, decodeOutsider),
	sampleOf("standing-pending-unknown-version", record.Standing{Invitation: &record.Mark{At: 7, By: "alice", Place: 9}},
		(*record.Standing).Encode, decodeOutsider),
	sampleOf("call-numbered", record.Call{Actor: "bob", At: 3, Commit: 1 << 33, Events: []record.Event{
		{Kind: 22, Until: 4638873600000, Users: []string{"carol", "dave"}, Before: []int64{0, 77}},
	}}, (*record.Call).Encode, record.DecodeCall),
	sampleOf("call-file-deleted", record.Call{Actor: "carol", At: 5, Commit: 1, Events: []record.Event{{Kind: 31, File: new(placedFile())}}},
		(*record.Call).Encode, record.DecodeCall),
	sampleOf("file", placedFile(), (*record.File).Encode, record.DecodeFile),
	sampleOf("file-old-content", oldFile(), (*record.File).Encode, record.DecodeFile),
	sampleOf("file-absent", absentFile(), (*record.File).Encode, record.DecodeFile),
	sampleOf("identity", record.Identity{
		Database: "6ba7b810-9dad-11d1-80b4-00c04fd430c8", Opening: 70_000, History: "6ba7b811-9dad-11d1-80b4-00c04fd430c8", Open: true,
	}, (*record.Identity).Encode, record.DecodeIdentity),
	sampleOf("identity-new", record.Identity{Database: "d", History: "h"}, (*record.Identity).Encode, record.DecodeIdentity),
	sampleOf("contents-mark", record.ContentsMark{Database: "6ba7b810-9dad-11d1-80b4-00c04fd430c8", Opening: 70_000},
		(*record.ContentsMark).Encode, record.DecodeContentsMark),
	sampleOf("header-renaming", record.Header{
		Name: "n", Version: 70_000, First: 3, Rewritten: 69_999, Rename: record.Rename{From: "zoe", To: "forgotten-6ba7b810-9dad-11d1-80b4-00c04fd430c8"},
	}, (*record.Header).Encode, record.DecodeHeader),
	sampleOf("format", record.Format{Number: 2}, (*record.Format).Encode, record.DecodeFormat),
	sampleOf("format-in-progress", record.Format{Number: 2, From: 1}, (*record.Format).Encode, record.DecodeFormat),
}

func placedFile() record.File {
	f := aFile()
	f.Version = 70_000
	return f
}

func oldFile() record.File {
	f := placedFile()
	f.Content = "026775696c6400-01980b5d-ac96-774b-bcce-b302099a8057"
	return f
}

func absentFile() record.File {
	f := placedFile()
	f.Absent = true
	return f
}

func TestGolden(t *testing.T) {
	t.Parallel()
	for format, samples := range golden {
		for _, g := range samples {
			t.Run(format+" "+g.name, func(t *testing.T) {
				t.Parallel()
				b, err := os.ReadFile(goldenFile(format, g.name))
				if errors.Is(err, fs.ErrNotExist) && *update {
					b = g.encoded()
					require.NoError(t, os.MkdirAll(filepath.Dir(goldenFile(format, g.name)), 0o755))
					require.NoError(t, os.WriteFile(goldenFile(format, g.name), b, 0o644))
					err = nil
				}
				require.NoError(t, err)
				got, err := g.decoded(b)
				require.NoError(t, err)
				require.Equal(t, g.want, got)
				require.Equal(t, b, g.encoded())
			})
		}
	}
}

// TestGolden_NoneForgotten finds golden files that no sample reads any more.
func TestGolden_NoneForgotten(t *testing.T) {
	t.Parallel()
	for format, samples := range golden {
		known := make(map[string]bool)
		for _, g := range samples {
			require.False(t, known[g.name], "two samples of %s are named %s", format, g.name)
			known[g.name] = true
		}
		names, err := filepath.Glob(goldenFile(format, "*"))
		require.NoError(t, err)
		require.Len(t, names, len(samples))
		for _, name := range names {
			require.True(t, known[strings.TrimSuffix(filepath.Base(name), ".golden")], name)
		}
	}
}

// TestFormat_Old checks that format 1, which reads only a number, takes the format of data that
// is being converted for format 2.
func TestFormat_Old(t *testing.T) {
	t.Parallel()
	n, err := record.DecodeCount((&record.Format{Number: 2, From: 1}).Encode())
	require.NoError(t, err)
	require.Equal(t, 2, n)
	f, err := record.DecodeFormat(record.EncodeCount(1))
	require.NoError(t, err)
	require.Equal(t, record.Format{Number: 1}, f)
}

func goldenFile(format, name string) string {
	return filepath.Join("testdata", format, name+".golden")
}
