package groupkit_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
	"groupkit/store"
)

var (
	jsonNoon = time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	jsonLast = time.UnixMilli(4638873600000).UTC()
	jsonFile = groupkit.File{
		ID: "0198c0de-0000-7000-8000-000000000001", Name: "plan.txt", Size: 13, SHA256: [32]byte{0: 0xab, 31: 0x01}, Owner: "carol", Created: jsonNoon,
	}
	jsonGroup = groupkit.Group{
		ID: "guild", Name: "The Guild", Description: "two\nlines", Avatar: "a.png", Custom: `{"k":1}`, Public: true, MembersOnly: true,
		AllowInvites: true, InviteNeedConfirm: true, MaxUsers: 200, Owner: "alice", MemberCount: 3, AdminCount: 1, Muted: true,
		Created: jsonNoon, LastModified: jsonNoon.Add(1500 * time.Millisecond), Version: 42, RequestCount: 2, InvitationCount: 1,
	}
	jsonDurations = store.Durations{
		Count: 3, Sum: 3*time.Second + 1, Max: 3 * time.Second, Bins: []store.Bin{{Bound: 100 * time.Microsecond}, {Bound: time.Second, Count: 2}},
	}
	jsonMute       = groupkit.Mute{User: "carol", Until: jsonLast, By: "alice", At: jsonNoon, Reason: "noise"}
	jsonViolations = []groupkit.Violation{
		{Invariant: groupkit.CountsExact, Group: "guild", User: "bob", Record: "header", Problem: "counts 3 members, but there are 2"},
		{Invariant: groupkit.ViewsAgree, Record: "record", Problem: "cannot be read"},
	}
	jsonStep     = groupkit.RepairStep{Group: "guild", User: "bob", Violations: jsonViolations, Change: "the counts are computed"}
	jsonTransfer = groupkit.Transfer{
		Records: 70, Contents: 2, Bytes: 1 << 40, BrokenRecords: 1, Damaged: []groupkit.DamagedContent{{Group: "guild", File: jsonFile.ID, Problem: "is missing"}},
	}
	jsonBlock = groupkit.Block{User: "mallory", By: "alice", At: jsonNoon, Reason: "spam"} // permanent
)

// jsonForms are values whose JSON is pinned, by the name of their file in testdata/json.
func jsonForms() map[string]any {
	snapshot := groupkit.Snapshot{
		Group:        jsonGroup,
		Announcement: groupkit.Announcement{Text: "hello", By: "alice", At: jsonNoon},
		Members: []groupkit.Member{
			{User: "alice", Role: groupkit.RoleOwner, Joined: jsonNoon}, {User: "bob", Role: groupkit.RoleAdmin, Joined: jsonNoon, AdminSince: jsonNoon.Add(time.Second)},
			{User: "carol", Role: groupkit.RoleMember, Joined: jsonNoon},
		},
		Mutes:       []groupkit.Mute{jsonMute},
		Blacklist:   []groupkit.Block{jsonBlock, {User: "oscar", Until: jsonNoon.Add(time.Hour), At: jsonNoon}},
		AllowList:   []groupkit.Allowed{{User: "bob", At: jsonNoon}},
		Requests:    []groupkit.Request{{Group: "guild", User: "dave", At: jsonNoon, Reason: "please"}},
		Invitations: []groupkit.Invitation{{Group: "guild", User: "erin", By: "bob", At: jsonNoon, Expires: jsonNoon.Add(time.Hour)}},
		Files:       []groupkit.File{jsonFile},
	}
	event := func(kind groupkit.EventKind, e groupkit.Event) groupkit.Event {
		e.Group, e.Version, e.Kind, e.At = "guild", 43, kind, jsonNoon
		return e
	}
	return map[string]any{
		"group":         jsonGroup,
		"group_empty":   groupkit.Group{ID: "g"},
		"announcement":  snapshot.Announcement,
		"snapshot":      snapshot,
		"snapshot_none": groupkit.Snapshot{Group: groupkit.Group{ID: "g"}},
		"standing":      groupkit.Standing{User: "mallory", Block: &jsonBlock},
		"standing_all": groupkit.Standing{
			User: "carol", Role: groupkit.RoleMember, Joined: jsonNoon, AdminSince: jsonNoon, Mute: &jsonMute, Block: &jsonBlock,
			Allowed: &snapshot.AllowList[0], Request: &snapshot.Requests[0], Invitation: &snapshot.Invitations[0],
		},
		"user_data": groupkit.UserData{
			Group: "guild", Name: "The Guild", Part: 1, Standing: &groupkit.Standing{User: "alice", Role: groupkit.RoleOwner, Joined: jsonNoon},
			Announcement: &snapshot.Announcement, Files: []groupkit.File{jsonFile}, Mutes: []groupkit.Mute{jsonMute}, Blocks: []groupkit.Block{jsonBlock},
			AllowList: snapshot.AllowList, Invitations: snapshot.Invitations,
			Checkpoint: &groupkit.Snapshot{Group: groupkit.Group{ID: "guild", Version: 40}, Members: []groupkit.Member{{User: "alice", Role: groupkit.RoleOwner, Joined: jsonNoon}}},
			Events:     []groupkit.Event{event(groupkit.MemberMuted, groupkit.Event{Actor: "alice", Users: grouptest.IDs{"bob"}, Until: jsonLast, Before: []time.Time{{}}, After: 42, Last: true})},
		},
		"user_data_deleted": groupkit.UserData{Group: "gone", Deleted: true, Events: []groupkit.Event{event(groupkit.GroupDeleted, groupkit.Event{Actor: "alice", Last: true})}},
		"joined_group":      groupkit.JoinedGroup{Group: jsonGroup, Role: groupkit.RoleAdmin},
		"events": []groupkit.Event{
			event(groupkit.MemberJoined, groupkit.Event{Actor: "alice", Reason: "friend", Users: grouptest.IDs{"bob", "carol"}, Cause: groupkit.CauseAdded, After: 42, Last: true}),
			event(groupkit.MemberMuted, groupkit.Event{Users: grouptest.IDs{"bob", "carol"}, Until: jsonLast, Before: []time.Time{{}, jsonNoon}}),
			event(groupkit.GroupUpdated, groupkit.Event{Actor: "alice", Changes: []groupkit.Change{
				{Field: groupkit.FieldName, Before: "a", After: "b"}, {Field: groupkit.FieldMaxUsers, Before: "10", After: "20"},
				{Field: groupkit.FieldDescription, Before: "x"},
			}}),
			event(groupkit.FileAdded, groupkit.Event{Actor: "carol", File: &jsonFile, Last: true}),
			event(groupkit.Checkpoint, groupkit.Event{Checkpoint: &groupkit.Snapshot{Group: groupkit.Group{ID: "guild", Version: 43}}, Part: 1, Last: true}),
		},
		"commands": []groupkit.Command{
			{
				Op: groupkit.OpCreateGroup, Actor: "alice", Reason: "why", Group: "g1", Users: grouptest.IDs{"alice", "bob"},
				New: &groupkit.NewGroup{
					ID: "g1", Name: "n", Description: "d", Avatar: "a", Custom: "c", Public: true, MembersOnly: true, AllowInvites: true,
					InviteNeedConfirm: new(false), MaxUsers: 5, Owner: "alice", Members: grouptest.IDs{"bob"},
				},
			},
			{Op: groupkit.OpUpdateGroup, Group: "g1", Update: &groupkit.GroupUpdate{Name: new("x"), Custom: new(""), MaxUsers: new(7), MembersOnly: new(false)}},
			{Op: groupkit.OpUpdateGroup, Group: "g1", Update: &groupkit.GroupUpdate{Description: new("d"), Avatar: new("a"), AllowInvites: new(true), InviteNeedConfirm: new(true)}},
			{Op: groupkit.OpMuteUsers, Group: "g1", Users: grouptest.IDs{"bob"}, Duration: 90 * time.Second},
			{Op: groupkit.OpMuteUsers, Group: "g1", Users: grouptest.IDs{"bob"}, Duration: 1500 * time.Microsecond},
			{Op: groupkit.OpBlockUsers, Group: "g1", Users: grouptest.IDs{"bob"}, Duration: groupkit.Forever},
			{Op: groupkit.OpForgetUser, Users: grouptest.IDs{"bob"}, Forget: &groupkit.ForgetOptions{Owned: groupkit.OwnedSucceed, Blocks: true, Pseudonymize: true}},
			{Op: groupkit.OpDeleteFile, Group: "g1", File: jsonFile.ID, Text: "t"},
		},
		"stats": groupkit.Stats{
			At: jsonNoon.Add(time.Hour), Opened: jsonNoon,
			Updates: groupkit.UpdateStats{Running: 2, Durations: jsonDurations},
			Store: store.Stats{
				Kind: "bbolt", Size: new(int64(65536)), Free: new(int64(0)), Updates: new(uint64(40)), Commits: new(uint64(3)), Largest: new(20),
				Writing: &jsonDurations, Waiting: new(1), Unsaved: new(uint64(7)), Reruns: new(uint64(0)),
				Connections: &store.Connections{Most: 16, Open: 4, Busy: 2, Waits: 9, Waited: 1500 * time.Millisecond},
			},
			Cache:     &groupkit.CacheStats{Hits: 90, Misses: 10, ErrorHits: 5, ErrorMisses: 1, Used: 80, Size: 4096, Most: 1 << 20},
			Followers: groupkit.FollowerStats{Followers: 3, Feeds: 2, Missed: 1},
			Work: groupkit.WorkStats{
				Caring: true, Uploads: 1, Loads: 2, Deletions: 3, Contents: 4,
				Pending: groupkit.Pending{Deletions: 1, Contents: 2, Uploads: 3, Pseudonyms: 4, Loads: 5},
			},
			Counts: &groupkit.Counts{Groups: 10, Public: 4, Memberships: 70, Files: 2, Requests: 3, Invitations: 1, At: jsonNoon},
		},
		"stats_none": groupkit.Stats{},
		"report": groupkit.Report{
			Violations: jsonViolations, Deletions: []groupkit.GroupID{"gone"}, Loads: []groupkit.GroupID{"coming"},
			Absent:          []groupkit.AbsentFile{{Group: "guild", File: jsonFile}},
			UnknownContents: []groupkit.UnknownContent{{ID: "0198c0de-0000-7000-8000-000000000002", Created: jsonNoon}, {ID: "x"}},
			ForeignContents: true, Omitted: groupkit.Omitted{Violations: 1, Deletions: 2, Loads: 3, Absent: 4, UnknownContents: 5},
		},
		"report_sound": groupkit.Report{},
		"repair_plan":  groupkit.RepairPlan{Steps: []groupkit.RepairStep{jsonStep, {File: jsonFile.ID, Group: "guild", Key: []byte{0, 255}, Beyond: "the device cannot read it"}}},
		"repair_report": groupkit.RepairReport{
			Done: []groupkit.RepairStep{jsonStep}, Skipped: []groupkit.RepairStep{jsonStep}, Beyond: []groupkit.RepairStep{{Beyond: "damaged"}},
		},
		"transfer": jsonTransfer,
		"backup":   groupkit.BackupInfo{ID: "0198c0de-0000-7000-8000-00000000000b", Earlier: []string{"0198c0de-0000-7000-8000-00000000000a"}, At: jsonNoon, Removed: 3, Transfer: jsonTransfer},
		"imported": groupkit.Imported{Groups: 5, Existing: 1, Contents: 2},
		"results": groupkit.Results{
			{User: "bob", Outcome: groupkit.OutcomeJoined},
			{User: "carol", Outcome: groupkit.OutcomeDone, Until: jsonLast},
			{User: "dave", Err: &groupkit.Error{Op: groupkit.OpAddMembers, Group: "guild", User: "dave", Err: groupkit.ErrAlreadyMember}},
		},
	}
}

// TestJSON_Forms pins the JSON of every type, and that it leads back.
func TestJSON_Forms(t *testing.T) {
	t.Parallel()
	for name, value := range jsonForms() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			requireForm(t, name, value)
			back := reflect.New(reflect.TypeOf(value))
			require.NoError(t, json.Unmarshal(readForm(t, name), back.Interface()))
			require.Equal(t, value, back.Elem().Interface())
		})
	}
}

// requireForm compares the JSON of a value with its file. With GROUPKIT_UPDATE_FORMS it writes the
// file: for new forms, because what is there never changes.
func requireForm(t *testing.T, name string, value any) {
	t.Helper()
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetIndent("", "  ")
	require.NoError(t, encoder.Encode(value))
	if os.Getenv("GROUPKIT_UPDATE_FORMS") != "" {
		require.NoError(t, os.WriteFile(formFile(name), text.Bytes(), 0o644))
	}
	require.Equal(t, string(readForm(t, name)), text.String())
}

func formFile(name string) string { return filepath.Join("testdata", "json", name+".json") }

func readForm(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(formFile(name))
	require.NoError(t, err)
	return text
}

// What a newer version wrote besides is passed over, and what is read before is not mixed in.
func TestJSON_Decoding(t *testing.T) {
	t.Parallel()
	e := groupkit.Event{Reason: "of before", Last: true, Before: []time.Time{jsonNoon}}
	require.NoError(t, json.Unmarshal([]byte(`{"group":"g","version":1,"kind":"group_muted","mood":"fine","file":null,"at":"2026-05-04T14:00:00+02:00"}`), &e))
	require.True(t, e.At.Equal(jsonNoon))
	e.At = time.Time{}
	require.Equal(t, groupkit.Event{Group: "g", Version: 1, Kind: groupkit.GroupMuted}, e)

	for into, texts := range map[any][]string{
		new(groupkit.Event): {
			`{"at":"yesterday"}`, `{"at":1700000000}`, `{"at":"2026-13-01T00:00:00Z"}`, `{"version":-1}`, `{"version":1e30}`, `{"users":"bob"}`,
			`{"before":["x"]}`, `{"file":{"sha256":"ab"}}`, `{"file":{"sha256":"` + strings.Repeat("zz", 32) + `"}}`, `{"changes":[{"after":true}]}`, `[]`, `"x"`,
		},
		new(groupkit.Snapshot): {`{"group":{"max_users":1.5}}`, `{"members":{}}`, `{"files":[{"size":"13"}]}`, `7`},
		new(groupkit.UserData): {`{"part":"1"}`, `{"events":[{"kind":"sung"}]}`, `{"standing":{"role":"king"}}`, `[]`},
		new(groupkit.Command):  {`{"duration":"soon"}`, `{"duration":600}`, `{"forget":{"owned":"sell"}}`},
		new(groupkit.Result):   {`{"outcome":"great"}`, `{"error":"x"}`},
		new(groupkit.Error):    {`{"limit":7}`, `[]`},
	} {
		for _, text := range texts {
			require.Error(t, json.Unmarshal([]byte(text), into), text)
		}
		require.ErrorContains(t, json.Unmarshal([]byte("{\"x\":\"\xff\"}"), into), "is not valid UTF-8")
	}
}

func TestJSON_Durations(t *testing.T) {
	t.Parallel()
	for d, text := range map[time.Duration]string{
		groupkit.Forever: "forever", time.Nanosecond: "0.000000001s", time.Hour: "3600s", 2*time.Second + 500*time.Millisecond: "2.5s",
		-1500 * time.Millisecond: "-1.5s", -time.Millisecond: "-0.001s", 1<<63 - 1: "9223372036.854775807s", -1 << 63: "-9223372036.854775808s",
	} {
		got, err := json.Marshal(groupkit.Command{Duration: d})
		require.NoError(t, err)
		require.JSONEq(t, `{"op":"","duration":"`+text+`"}`, string(got))
		var back groupkit.Command
		require.NoError(t, json.Unmarshal(got, &back))
		require.Equal(t, d, back.Duration)
	}
	var c groupkit.Command
	require.NoError(t, json.Unmarshal([]byte(`{"duration":"1h30m"}`), &c))
	require.Equal(t, 90*time.Minute, c.Duration)
}

// jsonErrors are errors with everything that an error can contain.
func jsonErrors() []error {
	in := func(op groupkit.Op, user groupkit.UserID, err error) error {
		return &groupkit.Error{Op: op, Group: "guild", User: user, Err: err}
	}
	name := &groupkit.FieldError{Field: groupkit.FieldName, Why: "has 600 characters (at most 128)", Max: 128}
	return []error{
		in(groupkit.OpAddMembers, "carol", &groupkit.LimitError{Err: groupkit.ErrGroupFull, Value: 200, Max: 200}),
		in(groupkit.OpUpdateGroup, "", name),
		in(groupkit.OpSpeak, "carol", &groupkit.MutedError{Until: jsonLast}),
		in(groupkit.OpSpeak, "carol", &groupkit.MutedError{WholeGroup: true}),
		in(groupkit.OpJoin, "mallory", &groupkit.BlockedError{Until: jsonNoon}),
		in(groupkit.OpMuteGroup, "", &groupkit.VersionError{Current: 20, Want: 0}),
		&groupkit.Error{Op: groupkit.OpForgetUser, User: "bob", Err: &groupkit.OwnsError{Groups: []groupkit.GroupID{"a", "b"}}},
		in(groupkit.OpMuteGroup, "alice", fmt.Errorf("%w: %w", groupkit.ErrVetoed, errors.New("not on sundays"))),
		in(groupkit.OpMuteGroup, "", fmt.Errorf("%w: disk is full", groupkit.ErrStorage)),
		in(groupkit.OpMuteGroup, "", errors.New("context canceled")),
	}
}

// TestJSON_Errors pins the JSON of errors. What comes back has the same text and matches the same.
func TestJSON_Errors(t *testing.T) {
	t.Parallel()
	errs := jsonErrors()
	requireForm(t, "errors", errs)
	var back []*groupkit.Error
	require.NoError(t, json.Unmarshal(readForm(t, "errors"), &back))
	require.Len(t, back, len(errs))
	for i, err := range errs {
		requireSameError(t, err, back[i])
		require.Equal(t, groupkit.Code(err), groupkit.Code(back[i]))
		require.Equal(t, groupkit.FieldErrors(err), groupkit.FieldErrors(back[i]))
		if i < 7 {
			require.Equal(t, err, error(back[i]), "with its details")
		}
	}
}

// TestJSON_EngineErrors has errors as the engine makes them, with several causes.
func TestJSON_EngineErrors(t *testing.T) {
	t.Parallel()
	s := grouptest.NewDataset(t)
	ctx := t.Context()
	_, fields := s.As("alice").UpdateGroup(ctx, grouptest.Guild, groupkit.GroupUpdate{Name: new("\x01"), MaxUsers: new(2)})
	results, all := s.System().RemoveMembers(ctx, grouptest.Guild, grouptest.IDs{"alice", "nobody"})
	for _, err := range []error{fields, all, results[0].Err, results[1].Err, s.As("ivan").MaySpeak(ctx, grouptest.Guild)} {
		text, failed := json.Marshal(err)
		require.NoError(t, failed)
		var back groupkit.Error
		require.NoError(t, json.Unmarshal(text, &back))
		requireSameError(t, err, &back)
		require.Equal(t, groupkit.FieldErrors(err), groupkit.FieldErrors(&back))
		again, failed := json.Marshal(&back)
		require.NoError(t, failed)
		require.Equal(t, string(text), string(again))
	}
	require.Len(t, groupkit.FieldErrors(fields), 2)
	text, err := json.Marshal(results)
	require.NoError(t, err)
	var again groupkit.Results
	require.NoError(t, json.Unmarshal(text, &again))
	requireSame(t, results, again)
}

// An error with a code of a newer version matches its class. It is never lost.
func TestJSON_ErrorsOfNewerVersions(t *testing.T) {
	t.Parallel()
	var e groupkit.Error
	require.NoError(t, json.Unmarshal([]byte(`{"code":"too_sunny","class":"forbidden","message":"the sun shines","op":"sing_song","user":"bob","limit":{"value":1,"max":2}}`), &e))
	require.EqualError(t, &e, `sing song: user "bob": the sun shines`)
	require.ErrorIs(t, &e, groupkit.ErrForbidden)
	require.NoError(t, json.Unmarshal([]byte(`{"code":"too_sunny","message":"the sun shines"}`), &e))
	require.Empty(t, groupkit.Code(&e))
	require.NoError(t, json.Unmarshal([]byte(`{"code":"forbidden","causes":[null]}`), &e))
	require.NotPanics(t, func() { _ = e.Error() })
	require.NoError(t, json.Unmarshal([]byte(`{}`), &e))
	require.NoError(t, e.Err)
	var r groupkit.Result
	require.NoError(t, json.Unmarshal([]byte(`{"user":"bob","error":{"code":"not_member","message":"not a member of the group"}}`), &r))
	require.Equal(t, groupkit.ErrNotMember, r.Err)
	text, err := json.Marshal((*groupkit.Error)(nil))
	require.NoError(t, err)
	require.Equal(t, "null", string(text))
}

// TestSentinel has the code of every sentinel, literally, both ways.
func TestSentinel(t *testing.T) {
	t.Parallel()
	codes := map[string]error{
		"not_found": groupkit.ErrNotFound, "forbidden": groupkit.ErrForbidden, "limit_reached": groupkit.ErrLimit,
		"invalid_argument": groupkit.ErrInvalid, "conflict": groupkit.ErrConflict, "storage_failed": groupkit.ErrStorage,
		"group_not_found": groupkit.ErrGroupNotFound, "user_not_found": groupkit.ErrUserNotFound, "file_not_found": groupkit.ErrFileNotFound,
		"content_absent":    groupkit.ErrContentAbsent,
		"request_not_found": groupkit.ErrRequestNotFound, "invitation_not_found": groupkit.ErrInvitationNotFound,
		"not_member": groupkit.ErrNotMember, "already_member": groupkit.ErrAlreadyMember, "is_owner": groupkit.ErrIsOwner,
		"role_too_low": groupkit.ErrRoleTooLow, "blacklisted": groupkit.ErrBlacklisted, "not_blacklisted": groupkit.ErrNotBlacklisted,
		"muted": groupkit.ErrMuted, "group_muted": groupkit.ErrGroupMuted, "not_muted": groupkit.ErrNotMuted,
		"already_admin": groupkit.ErrAlreadyAdmin, "not_admin": groupkit.ErrNotAdmin, "already_allowed": groupkit.ErrAlreadyAllowed,
		"not_allowed": groupkit.ErrNotAllowed, "system_only": groupkit.ErrSystemOnly, "vetoed": groupkit.ErrVetoed,
		"group_full": groupkit.ErrGroupFull, "too_many_admins": groupkit.ErrTooManyAdmins, "too_many_groups": groupkit.ErrTooManyGroups,
		"too_many_joined": groupkit.ErrTooManyJoined, "batch_too_large": groupkit.ErrBatchTooLarge, "file_too_large": groupkit.ErrFileTooLarge,
		"too_many_files": groupkit.ErrTooManyFiles, "too_many_requests": groupkit.ErrTooManyRequests,
		"too_many_invitations": groupkit.ErrTooManyInvitations, "list_full": groupkit.ErrListFull,
		"version_changed": groupkit.ErrVersion, "group_exists": groupkit.ErrGroupExists, "key_reused": groupkit.ErrKeyReused,
		"foreign_contents": groupkit.ErrForeignContents, "closed": groupkit.ErrClosed, "clock_out_of_range": groupkit.ErrClock,
		"read_only": groupkit.ErrReadOnly,
		"not_empty": groupkit.ErrNotEmpty, "unfinished": groupkit.ErrUnfinished,
		"corrupt": groupkit.ErrCorrupt, "nested": groupkit.ErrNested, "unknown_outcome": groupkit.ErrUnknownOutcome,
	}
	require.Nil(t, groupkit.Sentinel(""))
	require.Nil(t, groupkit.Sentinel("group full"))
	for code, err := range codes {
		require.Same(t, err, groupkit.Sentinel(code), code)
		require.Equal(t, code, groupkit.Code(fmt.Errorf("wrapped: %w", err)))
		text, failed := json.Marshal(groupkit.Results{{User: "bob", Err: err}, {User: "bob", Err: &groupkit.Error{Op: groupkit.OpJoin, Err: err}}})
		require.NoError(t, failed)
		var back groupkit.Results
		require.NoError(t, json.Unmarshal(text, &back))
		for _, r := range back {
			require.ErrorIs(t, r.Err, err)
			require.Equal(t, code, groupkit.Code(r.Err))
			for other := range grouptest.Classes {
				require.Equal(t, errors.Is(err, other), errors.Is(r.Err, other), "%s: %v", code, other)
			}
		}
		require.EqualError(t, back[0].Err, err.Error())
	}
	for sentinel, class := range grouptest.Classes {
		require.NotNil(t, codes[groupkit.Code(sentinel)], "%v is missing in this test", sentinel)
		require.NotNil(t, codes[groupkit.Code(class)])
	}
}
