package main

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/store/memblob"
	"groupkit/store/memstore"
)

func TestRun(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), &out))
	require.Equal(t, `WORKSPACE. Not carried over:
  user number 6: the value of "id" is of the wrong type: number
  channel number 5: the value of "created" is of the wrong type: string
  general/2019-05-06.json: groupkit keeps no messages
  c1 "general"
    member " u5": the ID begins or ends with a space
    member "u2": is there twice, and the first one counts
    joining dates of members (3): the export has none
  c2 "old plans"
    archived: no group can be, so it is muted, and only its owner and admins can speak
    member "u4": the account is deleted
    member "u9": is not in users.json
    joining dates of members (1): the export has none
    owner "u4": is not a member, so the owner is "u3"
  c3 "a name that goes on "…
    name "a name that goes on "…: it stays, but has 147 characters; a new name can have 128
    joining dates of members (2): the export has none
  c4 "empty"
    member "u4": the account is deleted
    the group: it has no member who could own it
  c1 "general again"
    joining dates of members (1): the export has none
    the group: its ID is taken, or belonged to a deleted group

ROOM. Not carried over:
  !r1:example.org "Garden Club"
    older m.room.member of "@u12:example.org": only the last one is the state
    name "Garden\nClub": a name has one line and no control characters
    knocking: nobody can ask to join a private group, so it is public
    messages (1): groupkit keeps none
    m.room.encryption: a group has nothing like it
    m.room.history_visibility: a group has nothing like it
    time of join of "@u13:example.org": not between 1970 and today
    users who left (2): the log begins with the import
    level 75 of "@u3:example.org": no role is in between, so it is admin
    level 10 of "@u5:example.org": no role is in between, so it is member
    level -1 of "@u6:example.org": there is no role below member, so it is a permanent mute
    level of "@u7:example.org": is not a member
    level 100 of "@u2:example.org": a group has one owner, so it is admin
    inviter "@u5:example.org" of "@u14:example.org": is not allowed to invite, so it is the system
    inviter "@u7:example.org" of "@u9:example.org": is not allowed to invite, so it is the system

GUILD. Not carried over:
  g1 "Harbour"
    permissions "none" of role "newcomers": not a number
    member number 7: the value of "user" is of the wrong type: string
    time of joining of "u4": "last spring" is no time
    mute of "u5": it is over
    member "u8\a": the ID has characters that no ID can have
    role "keepers" (members: 1): a group has no roles of its own, so it is admin
    role "wardens" (members: 1): a group has no roles of its own, so it is admin
    role "painters" (members: 2): a group has no roles of its own, so it is member
    role "newcomers" (members: 1): a group has no roles of its own, so it is member
    nicknames (1): groupkit knows users by their IDs alone
    times and authors of bans (2): the export has none
    channels (2): a group has no parts
    member "u6": is banned too, and the ban counts

LOADED
!r1:example.org "Garden Club": public, on request; created 2021-03-01, 7 of 200 members
  announcement: Seeds arrive in April. (@u2:example.org, 2022-04-10)
  @u13:example.org: member, joined at an unknown time
  @u1:example.org: owner, joined 2021-03-01
  @u2:example.org: admin, joined 2021-03-02
  @u3:example.org: admin, joined 2021-05-20
  @u4:example.org: admin, joined 2021-06-01
  @u5:example.org: member, joined 2021-06-02
  @u6:example.org: member, joined 2021-08-08
  @u6:example.org: muted until forever
  @u8:example.org: banned by @u2:example.org, 2021-10-31, "spam"
  @u11:example.org: asks to join, 2022-05-06, "I have seeds"
  @u9:example.org: invited by the system, 2021-08-30, ""
  @u10:example.org: invited by @u3:example.org, 2022-05-05, "knows about soil"
  @u14:example.org: invited by the system, 2022-05-07, ""
g1 "Harbour": private, members can invite; created 2020-02-29, 5 of 500 members
  description: Boats and knots
  u1: owner, joined 2020-02-29
  u2: admin, joined 2020-03-01
  u3: member, joined 2020-11-05
  u4: member, joined at an unknown time
  u5: member, joined 2022-12-24
  u3: muted until 2026-06-01
  u6: banned by the system, at an unknown time, "sank a boat"
  u9: banned by the system, at an unknown time, ""
c3 "a name that goes on and on, because nobody where it was given has ever asked how long a name of a channel may be, and so it became longer than most": public; created 2020-01-15, 2 of 200 members
  u2: owner, joined at an unknown time
  u3: member, joined at an unknown time
c2 "old plans": public, muted; created 2019-06-11, 1 of 200 members
  u3: owner, joined at an unknown time
c1 "general": public; created 2019-05-06, 3 of 200 members
  description: For everybody
  announcement: Lunch is at noon. (u2, 2023-02-01)
  u1: owner, joined at an unknown time
  u2: member, joined at an unknown time
  u3: member, joined at an unknown time

Verify finds 0 broken rules.
`, out.String())
}

// TestForm_bring brings everything in twice. The times are those of the exports, and the second time adds nothing.
func TestForm_bring(t *testing.T) {
	t.Parallel()
	eng := engine(t)
	files := copied(t)
	bring(t, eng, files, forms...)
	before := snapshots(t, eng)
	require.Len(t, before, 5)
	require.Equal(t, utc("2019-05-06T09:00:00Z"), before["c1"].Group.Created)
	require.Equal(t, utc("2023-02-01T10:30:00Z"), before["c1"].Announcement.At)
	room := before["!r1:example.org"]
	require.Equal(t, utc("2022-05-07T05:05:00Z"), room.Group.LastModified)
	require.Equal(t, utc("2021-10-31T23:59:00Z"), room.Blacklist[0].At)
	require.Equal(t, utc("2022-05-06T06:06:00Z"), room.Requests[0].At)
	require.Equal(t, utc("2021-08-30T12:00:00Z"), room.Invitations[0].At)
	guild := before["g1"]
	require.Equal(t, utc("2020-03-01T08:15:30.25Z"), guild.Members[1].Joined)
	require.Equal(t, utc("2020-11-05T19:00:00Z"), guild.Members[2].Joined)
	require.Equal(t, utc("2026-06-01T00:00:00Z"), guild.Mutes[0].Until)

	again := bring(t, eng, files, forms...)
	require.Equal(t, 6, strings.Count(again, "the group: its ID is taken, or belonged to a deleted group"))
	require.Equal(t, before, snapshots(t, eng))
}

// TestForm_bring_rules changes the exports so that they contain what they do not contain yet.
func TestForm_bring_rules(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		file         string
		changes      []string // old, new, old, new …
		lost, listed string
	}{
		"nothing to read in the name": {"guild/guild.json", []string{`"Harbour"`, `" \u0000 "`}, `name " \x00 ": it has nothing to read`, `g1 "group g1": private`},
		"the owner is muted":          {"guild/guild.json", []string{`"owner_id": "u1"`, `"owner_id": "u3"`}, `mute of "u3": nobody can mute the owner`, "u3: owner, joined 2020-11-05"},
		"the owner is banned":         {"guild/guild.json", []string{`{"id": "u9"}`, `{"id": "u1"}`}, `owner "u1": is not a member, so the owner is "u2"`, "u2: owner"},
		"a mute without end":          {"guild/guild.json", []string{`2026-06-01T`, `9999-06-01T`}, "", "u3: muted until forever"},
		"everybody finds the guild":   {"guild/guild.json", []string{`"max_members"`, `"discoverable": true, "max_members"`}, "", `g1 "Harbour": public;`},
		"no creation":                 {"guild/guild.json", []string{`"created_at": "2020-02-29T12:00:00Z"`, `"created_at": ""`}, "time of creation: not known, so the earliest time that is known counts, 2020-02-29", "created 2020-02-29"},
		"no time at all":              {"workspace/channels.json", []string{`1579075200`, `0`}, "the earliest time that is known counts, 2026-05-01", "created 2026-05-01"},
		"an account twice":            {"workspace/users.json", []string{`{"id": "u3"`, `{"id": "u2"`}, `user "u2": is there twice`, ""},
		"a name without ink":          {"guild/guild.json", []string{`"Harbour"`, `"\u3164"`}, "the group is refused: group.name has no visible character", ""},
		"no name of the room":         {"room/state.json", []string{`"m.room.name"`, `"m.room.nothing"`}, `name "": it has nothing`, `"group !r1:example.org"`},
		"a public room":               {"room/state.json", []string{`"knock"}`, `"public"}`}, "", `"Garden Club": public;`},
		"other rules of joining":      {"room/state.json", []string{`"knock"}`, `"guess"}`}, `join rule "guess": it is not known`, `"Garden Club": private`},
		"members invite":              {"room/state.json", []string{`"knock"}`, `"invite"}`}, "", "@u14:example.org: invited by @u5:example.org"},
		"members do not invite":       {"room/state.json", []string{`"knock"}`, `"invite"}`, `"users_default": 0`, `"users_default": 0, "invite": 50`}, `inviter "@u5:example.org" of "@u14:example.org"`, `"Garden Club": private;`},
		"the creator has no level":    {"room/state.json", []string{`{"@u1:example.org": 100, `, `{`}, "", "@u2:example.org: owner"},
		"a level that is no number":   {"room/state.json", []string{`"@u5:example.org": 10`, `"@u5:example.org": "ten"`}, `m.room.power_levels: the level "ten"`, "@u2:example.org: member"},
		"a level for everybody":       {"room/state.json", []string{`"users_default": 0`, `"users_default": 50`}, "", "@u13:example.org: admin"},
		"a membership of no kind":     {"room/state.json", []string{`"knock", "reason"`, `"waits", "reason"`}, `waits of "@u11:example.org": this membership is not known`, ""},
	} {
		files := copied(t)
		text := string(files[c.file].Data)
		for i := 0; i < len(c.changes); i += 2 {
			require.Equal(t, 1, strings.Count(text, c.changes[i]), name)
		}
		files[c.file] = &fstest.MapFile{Data: []byte(strings.NewReplacer(c.changes...).Replace(text))}
		eng := engine(t)
		require.Contains(t, bring(t, eng, files, forms...), c.lost, name)
		var listed bytes.Buffer
		require.NoError(t, list(t.Context(), eng, &listed))
		require.Contains(t, listed.String(), c.listed, name)
	}
}

// TestForm_bring_badEntries replaces each value of the exports by bad ones, one at a time. Nothing panics, the engine
// refuses nothing that the drafts have let pass, and what is loaded breaks no rule.
func TestForm_bring_badEntries(t *testing.T) {
	t.Parallel()
	bad := []any{
		nil, true, -1, int64(math.MaxInt64), 1e300, "", " ", "u1", "\x00\u202e", strings.Repeat("é", 200), "9999-12-31T23:59:59Z", "0000-01-01T00:00:00Z",
		[]any{}, []any{nil, "u2"}, map[string]any{}, map[string]any{"id": nil},
	}
	step := 4 // entries are alike, so each kind of value still meets each bad one
	if testing.Short() {
		step = len(bad)
	}
	tried := 0
	for i, name := range []string{"workspace/channels.json", "workspace/users.json", "room/state.json", "guild/guild.json"} {
		files := copied(t)
		form := forms[max(0, i-1)]
		original := files[name].Data
		for n := range replacers(decoded(t, original)) {
			for k := n % step; k < len(bad); k += step {
				root := decoded(t, original)
				replacers(root)[n](bad[k])
				text, err := json.Marshal(root)
				require.NoError(t, err)
				files[name] = &fstest.MapFile{Data: text}
				eng := opened(t)
				out := bring(t, eng, files, form)
				require.NoError(t, eng.Close())
				require.NotContains(t, out, "refused", "%s", text)
				tried++
			}
		}
	}
	require.Greater(t, tried, 5000/step)
}

// TestForm_bring_unreadable has files that are missing, or no JSON.
func TestForm_bring_unreadable(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "{", "[1", "\xff", "null", "[]", "{}", "7"} {
		files := copied(t)
		for name := range files {
			files[name] = &fstest.MapFile{Data: []byte(text)}
		}
		eng := engine(t)
		bring(t, eng, files, forms...)
		require.Empty(t, snapshots(t, eng), text)
	}
	out := bring(t, engine(t), fstest.MapFS{}, forms...)
	require.Equal(t, 3, strings.Count(out, "  all of it: open "))
}

// replacers returns for each value in a decoded JSON text, however deep, a function that replaces it.
func replacers(root any) (out []func(any)) {
	switch in := root.(type) {
	case []any:
		for i := range in {
			out = append(append(out, func(v any) { in[i] = v }), replacers(in[i])...)
		}
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(in)) {
			out = append(append(out, func(v any) { in[name] = v }), replacers(in[name])...)
		}
	}
	return out
}

func decoded(t *testing.T, text []byte) (out any) {
	require.NoError(t, json.Unmarshal(text, &out))
	return out
}

// copied returns a copy of the exports that a test can change.
func copied(t *testing.T) fstest.MapFS {
	out := make(fstest.MapFS)
	files, err := fs.Sub(embedded, "exports")
	require.NoError(t, err)
	require.NoError(t, fs.WalkDir(files, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := fs.ReadFile(files, path)
		out[path] = &fstest.MapFile{Data: text}
		return err
	}))
	return out
}

func engine(t *testing.T) *groupkit.Engine {
	eng := opened(t)
	t.Cleanup(func() { _ = eng.Close() })
	return eng
}

func opened(t *testing.T) *groupkit.Engine {
	eng, err := groupkit.New(memstore.New(), memblob.New(), &groupkit.Options{Clock: func() time.Time { return today }})
	require.NoError(t, err)
	return eng
}

// bring imports exports and checks what is there then.
func bring(t *testing.T, eng *groupkit.Engine, files fs.FS, forms ...form) string {
	var out bytes.Buffer
	for i := range forms {
		require.NoError(t, forms[i].bring(t.Context(), eng, files, &out))
	}
	report, err := eng.Verify(t.Context(), groupkit.VerifyOptions{})
	require.NoError(t, err)
	require.Empty(t, report.Violations)
	return out.String()
}

func snapshots(t *testing.T, eng *groupkit.Engine) map[groupkit.GroupID]groupkit.Snapshot {
	out := make(map[groupkit.GroupID]groupkit.Snapshot)
	for g, err := range eng.System().Groups(t.Context()) {
		require.NoError(t, err)
		s, err := eng.System().Snapshot(t.Context(), g.ID)
		require.NoError(t, err)
		out[g.ID] = s
	}
	return out
}

func utc(text string) time.Time {
	out, err := time.Parse(time.RFC3339, text)
	if err != nil {
		panic(err)
	}
	return out
}
