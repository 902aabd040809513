package record_test

import (
	"bytes"
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protowire"
	"pgregory.net/rapid"

	"groupkit/internal/record"
)

// texts draws any bytes: the records hold what they are given.
func texts() *rapid.Generator[string] {
	return rapid.OneOf(rapid.Just(""), rapid.String(), rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) }))
}

// numbers draws what fits, with the edges; none is negative.
func numbers() *rapid.Generator[int64] {
	return rapid.OneOf(rapid.Int64Range(0, 300), rapid.Int64Range(0, math.MaxInt64))
}

func counts() *rapid.Generator[int] {
	return rapid.Map(numbers(), func(n int64) int { return int(n) })
}

func headers() *rapid.Generator[record.Header] {
	return rapid.Custom(func(t *rapid.T) record.Header {
		flag := func(name string) bool { return rapid.Bool().Draw(t, name) }
		count := func(name string) int { return counts().Draw(t, name) }
		return record.Header{
			Name: texts().Draw(t, "name"), Description: texts().Draw(t, "description"), Avatar: texts().Draw(t, "avatar"),
			HasCustom: flag("custom"), Public: flag("public"), MembersOnly: flag("members only"), AllowInvites: flag("allow invites"),
			InviteNeedConfirm: flag("need confirm"), Muted: flag("muted"), MaxUsers: count("max"), Owner: texts().Draw(t, "owner"),
			Created: numbers().Draw(t, "created"), Modified: numbers().Draw(t, "modified"), Version: rapid.Uint64().Draw(t, "version"),
			State: rapid.Uint64Range(0, 2).Draw(t, "state"), Members: count("members"), Admins: count("admins"), Blocked: count("blocked"),
			Mutes: count("mutes"), Allowed: count("allowed"), Requests: count("requests"), Invitations: count("invitations"),
			Files: count("files"), First: rapid.Uint64().Draw(t, "first"),
		}
	})
}

func marks() *rapid.Generator[*record.Mark] {
	return rapid.Custom(func(t *rapid.T) *record.Mark {
		if !rapid.Bool().Draw(t, "there") {
			return nil
		}
		return &record.Mark{
			At: numbers().Draw(t, "at"), Until: numbers().Draw(t, "until"), By: texts().Draw(t, "by"), Reason: texts().Draw(t, "reason"),
			Version: rapid.Uint64().Draw(t, "version"), Place: rapid.Uint32().Draw(t, "place"),
		}
	})
}

func standings() *rapid.Generator[record.Standing] {
	return rapid.Custom(func(t *rapid.T) record.Standing {
		return record.Standing{
			Role: rapid.Uint8Range(0, 3).Draw(t, "role"), Joined: numbers().Draw(t, "joined"), AdminSince: numbers().Draw(t, "admin since"),
			JoinVersion: rapid.Uint64().Draw(t, "join version"), JoinPlace: rapid.Uint32().Draw(t, "join place"),
			AdminVersion: rapid.Uint64().Draw(t, "admin version"), AdminPlace: rapid.Uint32().Draw(t, "admin place"),
			Mute: marks().Draw(t, "mute"), Block: marks().Draw(t, "block"), Allow: marks().Draw(t, "allow"),
			Request: marks().Draw(t, "request"), Invitation: marks().Draw(t, "invitation"),
		}
	})
}

func files() *rapid.Generator[record.File] {
	return rapid.Custom(func(t *rapid.T) record.File {
		fixed := func(n int, name string) string { return string(rapid.SliceOfN(rapid.Byte(), n, n).Draw(t, name)) }
		return record.File{
			ID: fixed(16, "id"), Name: texts().Draw(t, "name"), Size: numbers().Draw(t, "size"), SHA256: fixed(32, "hash"),
			Owner: texts().Draw(t, "owner"), Created: numbers().Draw(t, "created"), Version: rapid.Uint64().Draw(t, "version"),
			Content: texts().Draw(t, "content"), Absent: rapid.Bool().Draw(t, "absent"),
		}
	})
}

func events() *rapid.Generator[record.Event] {
	changes := rapid.Custom(func(t *rapid.T) record.Change {
		return record.Change{Field: texts().Draw(t, "field"), Before: texts().Draw(t, "before"), After: texts().Draw(t, "after")}
	})
	return rapid.Custom(func(t *rapid.T) record.Event {
		e := record.Event{
			Kind: rapid.Uint8().Draw(t, "kind"), Cause: rapid.Uint8().Draw(t, "how"), Until: numbers().Draw(t, "until"),
			Users: some(texts()).Draw(t, "users"), Before: some(numbers()).Draw(t, "before"), Changes: some(changes).Draw(t, "changes"),
		}
		e.BySystem = rapid.Bool().Draw(t, "by system")
		if rapid.Bool().Draw(t, "with a file") {
			e.File = new(files().Draw(t, "file"))
		}
		return e
	})
}

// some draws a list that is nil rather than empty.
func some[T any](one *rapid.Generator[T]) *rapid.Generator[[]T] {
	return rapid.Map(rapid.SliceOfN(one, 0, 4), func(list []T) []T {
		if len(list) == 0 {
			return nil
		}
		return list
	})
}

func calls() *rapid.Generator[record.Call] {
	return rapid.Custom(func(t *rapid.T) record.Call {
		return record.Call{
			Actor: texts().Draw(t, "actor"), At: numbers().Draw(t, "at"), Reason: texts().Draw(t, "reason"),
			Events: rapid.SliceOfN(events(), 1, 4).Draw(t, "events"), Commit: rapid.Uint64().Draw(t, "commit"),
		}
	})
}

func outcomes() *rapid.Generator[record.Once] {
	results := rapid.Custom(func(t *rapid.T) record.Result {
		return record.Result{
			User: texts().Draw(t, "user"), Outcome: rapid.Uint8().Draw(t, "outcome"), Until: numbers().Draw(t, "until"),
			Code: rapid.Uint64().Draw(t, "code"), Text: texts().Draw(t, "text"), About: texts().Draw(t, "about"),
		}
	})
	return rapid.Custom(func(t *rapid.T) record.Once {
		o := record.Once{
			Digest: texts().Draw(t, "print"), Until: numbers().Draw(t, "until"), Group: texts().Draw(t, "group"),
			Header: some(rapid.Byte()).Draw(t, "header"), Custom: texts().Draw(t, "custom"), Outcome: rapid.Uint8().Draw(t, "outcome"),
			Ends: numbers().Draw(t, "ends"), Changed: some(texts()).Draw(t, "changed"), Results: some(results).Draw(t, "results"),
		}
		if rapid.Bool().Draw(t, "with a file") {
			o.File = new(files().Draw(t, "file"))
		}
		return o
	})
}

// TestEncode checks that every record comes back as it was, also where a later version
// has added fields that this one does not know.
func TestEncode(t *testing.T) {
	t.Parallel()
	t.Run("header", comesBack(headers(), (*record.Header).Encode, decodeHeaderTwice))
	t.Run("standing", rapid.MakeCheck(func(t *rapid.T) {
		st := standings().Draw(t, "standing")
		b := withMore(t, st.Encode())
		got, err := record.DecodeStanding(b, st.Member())
		require.NoError(t, err)
		require.Equal(t, st, got)
		_, err = record.DecodeStanding(b, !st.Member())
		require.Equal(t, st.Role != 0 && st.Role != 1, err != nil, "the place of a record has to agree with what it says")
	}))
	t.Run("call", comesBack(calls(), (*record.Call).Encode, record.DecodeCall))
	t.Run("outcome", comesBack(outcomes(), (*record.Once).Encode, record.DecodeOnce))
	t.Run("file", comesBack(files(), (*record.File).Encode, record.DecodeFile))
	t.Run("announcement", comesBack(rapid.Custom(func(t *rapid.T) record.Announcement {
		return record.Announcement{Text: texts().Draw(t, "text"), By: texts().Draw(t, "by"), At: numbers().Draw(t, "at")}
	}), (*record.Announcement).Encode, record.DecodeAnnouncement))
	t.Run("upload", comesBack(rapid.Custom(func(t *rapid.T) record.Upload {
		return record.Upload{Process: texts().Draw(t, "process"), At: numbers().Draw(t, "at")}
	}), (*record.Upload).Encode, record.DecodeUpload))
	t.Run("format", comesBack(rapid.Custom(func(t *rapid.T) record.Format {
		return record.Format{Number: counts().Draw(t, "number"), From: counts().Draw(t, "from")}
	}), (*record.Format).Encode, record.DecodeFormat))
	t.Run("count", comesBack(counts(), func(n *int) []byte { return record.EncodeCount(*n) }, record.DecodeCount))
}

// What has no number any more is the record of the same call.
func TestAppendUncommitted(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := calls().Draw(t, "call")
		b := withMore(t, c.Encode())
		cut, numbered := record.AppendUncommitted([]byte("before"), b)
		require.Equal(t, c.Commit != 0, numbered)
		if c.Commit = 0; !numbered {
			return
		}
		rest, ok := bytes.CutPrefix(cut, []byte("before"))
		require.True(t, ok)
		got, err := record.DecodeCall(rest)
		require.NoError(t, err)
		require.Equal(t, c, got)
		_, numbered = record.AppendUncommitted(nil, append(b, 0xff))
		require.False(t, numbered, "it is damaged")
	})
}

// decodeHeaderTwice reads a header, whose state has to be the same when it is read alone.
func decodeHeaderTwice(b []byte) (record.Header, error) {
	h, err := record.DecodeHeader(b)
	state, failed := record.DecodeState(b)
	alone := record.Header{
		State: h.State, HasCustom: h.HasCustom, Public: h.Public, MembersOnly: h.MembersOnly,
		AllowInvites: h.AllowInvites, InviteNeedConfirm: h.InviteNeedConfirm, Muted: h.Muted,
	}
	if (err == nil) != (failed == nil) || state != alone {
		return h, fmt.Errorf("%+v, %v: the state alone is %+v, %v", h, err, state, failed) //nolint:errorlint // matches nothing
	}
	return h, err
}

func comesBack[T any](all *rapid.Generator[T], encode func(*T) []byte, decode func([]byte) (T, error)) func(*testing.T) {
	return rapid.MakeCheck(func(t *rapid.T) {
		want := all.Draw(t, "record")
		b := encode(&want)
		require.NotNil(t, b, "nil deletes a key")
		got, err := decode(withMore(t, b))
		require.NoError(t, err)
		require.Equal(t, want, got)
	})
}

// withMore adds fields with numbers that nothing uses.
func withMore(t *rapid.T, b []byte) []byte {
	b = bytes.Clone(b)
	switch rapid.IntRange(0, 4).Draw(t, "more") {
	case 1:
		b = protowire.AppendVarint(protowire.AppendTag(b, 100, protowire.VarintType), 1<<60)
	case 2:
		b = protowire.AppendString(protowire.AppendTag(b, 101, protowire.BytesType), "later")
	case 3:
		b = protowire.AppendFixed64(protowire.AppendTag(b, 1, protowire.Fixed64Type), 1)
	case 4:
		b = protowire.AppendFixed32(protowire.AppendTag(b, 102, protowire.Fixed32Type), 1)
	}
	return b
}

func TestMark(t *testing.T) {
	t.Parallel()
	timed, forGood := &record.Mark{Until: 10}, &record.Mark{}
	for name, c := range map[string]struct {
		mark           *record.Mark
		at             int64
		holds, expired bool
	}{
		"none":                  {nil, 5, false, false},
		"before its end":        {timed, 9, true, false},
		"at its end":            {timed, 10, false, true},
		"after its end":         {timed, 11, false, true},
		"for good, at any time": {forGood, math.MaxInt64, true, false},
	} {
		require.Equal(t, c.holds, c.mark.Holds(c.at), name)
		require.Equal(t, c.expired, c.mark.Expired(c.at), name)
	}
}

func TestStanding(t *testing.T) {
	t.Parallel()
	require.True(t, new(record.Standing).Empty())
	require.False(t, new(record.Standing).Member())
	for _, st := range []record.Standing{{Role: 1}, {Joined: 1}, {Mute: new(record.Mark)}, {Invitation: new(record.Mark)}} {
		require.False(t, st.Empty(), "%+v", st)
	}
	require.True(t, (&record.Standing{Role: 1}).Member())
}

// TestDecode_Damaged names damage that every decoder finds.
func TestDecode_Damaged(t *testing.T) {
	t.Parallel()
	sound := record.File{ID: "0123456789abcdef", SHA256: "0123456789abcdef0123456789abcdef", Size: 1}
	short, long, negative := sound, sound, sound
	short.ID, long.SHA256, negative.Size = "short", sound.SHA256+"x", -1
	for name, b := range map[string][]byte{
		"a short id": short.Encode(), "a long hash": long.Encode(), "a negative size": negative.Encode(), "nothing": nil,
	} {
		_, err := record.DecodeFile(b)
		require.ErrorIs(t, err, record.ErrCorrupt, name)
	}
	_, err := record.DecodeCall(nil)
	require.ErrorIs(t, err, record.ErrCorrupt, "a call without events")
	_, err = record.DecodeStanding((&record.Standing{Role: 4}).Encode(), true)
	require.ErrorIs(t, err, record.ErrCorrupt, "an unknown role")
	for name, decode := range decoders {
		for damage, b := range damages {
			require.ErrorIs(t, decode(b), record.ErrCorrupt, "%s: %s", name, damage)
		}
	}
	for name, b := range map[string][]byte{
		"result": protowire.AppendBytes([]byte{10<<3 | 2}, damages["a tag that is cut off"]),
		"kept":   protowire.AppendBytes([]byte{9<<3 | 2}, nil),
		"mark":   protowire.AppendBytes([]byte{4<<3 | 2}, damages["a tag that is cut off"]),
		"event":  protowire.AppendBytes([]byte{4<<3 | 2}, damages["a tag that is cut off"]),
		"change": protowire.AppendBytes([]byte{4<<3 | 2}, protowire.AppendBytes([]byte{6<<3 | 2}, []byte{0x0a})),
		"file":   protowire.AppendBytes([]byte{4<<3 | 2}, protowire.AppendBytes([]byte{7<<3 | 2}, nil)),
	} {
		decode := decoders["call"]
		switch name {
		case "mark":
			decode = decoders["standing of a member"]
		case "result", "kept":
			decode = decoders["outcome"]
		}
		require.ErrorIs(t, decode(b), record.ErrCorrupt, "inside: %s", name)
	}
}

var damages = map[string][]byte{
	"a tag that is cut off":         {0x80},
	"a number that is cut off":      {0x08, 0x80},
	"a text that is cut off":        {0x0a, 0x05, 'a'},
	"a field with the number 0":     {0x00, 0x00},
	"a fixed value that is cut off": {0x09, 0x00},
	"a number that is too long":     append([]byte{0x08}, bytes.Repeat([]byte{0xff}, 11)...),
	"the end of a group":            {0x0c},
}

var decoders = map[string]func([]byte) error{
	"header":                  func(b []byte) error { _, err := record.DecodeHeader(b); return err },
	"state of a group":        func(b []byte) error { _, err := record.DecodeState(b); return err },
	"standing of a member":    func(b []byte) error { _, err := record.DecodeStanding(b, true); return err },
	"standing of an outsider": func(b []byte) error { _, err := record.DecodeStanding(b, false); return err },
	"call":                    func(b []byte) error { _, err := record.DecodeCall(b); return err },
	"file":                    func(b []byte) error { _, err := record.DecodeFile(b); return err },
	"announcement":            func(b []byte) error { _, err := record.DecodeAnnouncement(b); return err },
	"upload":                  func(b []byte) error { _, err := record.DecodeUpload(b); return err },
	"outcome":                 func(b []byte) error { _, err := record.DecodeOnce(b); return err },
	"count":                   func(b []byte) error { _, err := record.DecodeCount(b); return err },
	"format":                  func(b []byte) error { _, err := record.DecodeFormat(b); return err },
}

// fuzz runs a decoder over anything. What it takes it has to write back so that it
// reads the same again; what it does not take is damaged, and says so.
func fuzz[T any](f *testing.F, encode func(*T) []byte, decode func([]byte) (T, error)) {
	for _, samples := range golden {
		for _, g := range samples {
			f.Add(g.encoded())
		}
	}
	for _, b := range damages {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := decode(b)
		if err != nil {
			require.ErrorIs(t, err, record.ErrCorrupt)
			return
		}
		written := encode(&got)
		again, err := decode(written)
		require.NoError(t, err)
		require.Equal(t, written, encode(&again), "%+v", got)
	})
}

func FuzzDecodeCall(f *testing.F)   { fuzz(f, (*record.Call).Encode, record.DecodeCall) }
func FuzzDecodeFile(f *testing.F)   { fuzz(f, (*record.File).Encode, record.DecodeFile) }
func FuzzDecodeOnce(f *testing.F)   { fuzz(f, (*record.Once).Encode, record.DecodeOnce) }
func FuzzDecodeUpload(f *testing.F) { fuzz(f, (*record.Upload).Encode, record.DecodeUpload) }

func FuzzDecodeHeader(f *testing.F) { fuzz(f, (*record.Header).Encode, decodeHeaderTwice) }

func FuzzDecodeAnnouncement(f *testing.F) {
	fuzz(f, (*record.Announcement).Encode, record.DecodeAnnouncement)
}

func FuzzDecodeMember(f *testing.F) {
	fuzz(f, (*record.Standing).Encode, func(b []byte) (record.Standing, error) { return record.DecodeStanding(b, true) })
}

func FuzzDecodeOutsider(f *testing.F) {
	fuzz(f, (*record.Standing).Encode, func(b []byte) (record.Standing, error) { return record.DecodeStanding(b, false) })
}

func FuzzDecodeCount(f *testing.F) {
	fuzz(f, func(n *int) []byte { return record.EncodeCount(*n) }, record.DecodeCount)
}

func FuzzDecodeFormat(f *testing.F) { fuzz(f, (*record.Format).Encode, record.DecodeFormat) }

func FuzzDecodeIdentity(f *testing.F) { fuzz(f, (*record.Identity).Encode, record.DecodeIdentity) }

func FuzzDecodeContentsMark(f *testing.F) {
	fuzz(f, (*record.ContentsMark).Encode, record.DecodeContentsMark)
}

func FuzzDecodeLease(f *testing.F) { fuzz(f, (*record.Lease).Encode, record.DecodeLease) }
