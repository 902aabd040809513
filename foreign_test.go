package groupkit_test

import (
	"encoding/json"
	"iter"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
)

// checkpointed is a log of a checkpoint alone.
func checkpointed(s groupkit.Snapshot) iter.Seq2[groupkit.Event, error] {
	return logOf([]groupkit.Event{{Group: s.Group.ID, Version: s.Group.Version, Kind: groupkit.Checkpoint, Checkpoint: &s, Last: true}})
}

// TestReplay_ForeignSnapshots replays snapshots that no group can have. Each is refused, with the path
// of the value.
func TestReplay_ForeignSnapshots(t *testing.T) {
	t.Parallel()
	eng := grouptest.NewFixture(t, groupkit.Options{})
	whole, _ := eng.State(t)
	text, err := json.Marshal(whole)
	require.NoError(t, err)
	far := time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)
	for want, change := range map[string]func(*groupkit.Snapshot){
		`group.id is empty`:                    func(s *groupkit.Snapshot) { s.Group.ID = "" },
		`group.owner "\xff" is not valid UTF`:  func(s *groupkit.Snapshot) { s.Group.Owner = "\xff" },
		`group.name is not valid UTF-8`:        func(s *groupkit.Snapshot) { s.Group.Name = "\xff" },
		`group.max_users is -1`:                func(s *groupkit.Snapshot) { s.Group.MaxUsers = -1 },
		`group.member_count is -1`:             func(s *groupkit.Snapshot) { s.Group.MemberCount = -1 },
		`group.admin_count is -1`:              func(s *groupkit.Snapshot) { s.Group.AdminCount = -1 },
		`group.request_count is -1`:            func(s *groupkit.Snapshot) { s.Group.RequestCount = -1 },
		`group.invitation_count is -1`:         func(s *groupkit.Snapshot) { s.Group.InvitationCount = -1 },
		`group.created is in the year 1969`:    func(s *groupkit.Snapshot) { s.Group.Created = time.UnixMilli(-1) },
		`group.last_modified is in the year`:   func(s *groupkit.Snapshot) { s.Group.LastModified = far },
		`announcement.text is not valid UTF`:   func(s *groupkit.Snapshot) { s.Announcement.Text = "\xff" },
		`announcement.by " " begins or ends`:   func(s *groupkit.Snapshot) { s.Announcement.By = " " },
		`announcement.at is in the year 1970`:  func(s *groupkit.Snapshot) { s.Announcement.At = time.UnixMilli(0) },
		`members[1].user is empty`:             func(s *groupkit.Snapshot) { s.Members[1].User = "" },
		`members[1].user "\xff" is not valid`:  func(s *groupkit.Snapshot) { s.Members[1].User = "\xff" },
		`members[1].user has 256 bytes`:        func(s *groupkit.Snapshot) { s.Members[1].User = groupkit.UserID(strings.Repeat("x", 256)) },
		`members[1].user "alice" is there tw`:  func(s *groupkit.Snapshot) { s.Members[1].User = "alice" },
		`members[1].role is "outsider"`:        func(s *groupkit.Snapshot) { s.Members[1].Role = 0 },
		`members[1].role is "unknown"`:         func(s *groupkit.Snapshot) { s.Members[1].Role = 9 },
		`members[1].joined is in the year`:     func(s *groupkit.Snapshot) { s.Members[1].Joined = far },
		`members[1].admin_since is in the ye`:  func(s *groupkit.Snapshot) { s.Members[1].AdminSince = far },
		`mutes[0].until is in the year 10000`:  func(s *groupkit.Snapshot) { s.Mutes = []groupkit.Mute{{User: "x", Until: far}} },
		`blacklist[1].user "x" is there twice`: func(s *groupkit.Snapshot) { s.Blacklist = []groupkit.Block{{User: "x"}, {User: "x"}} },
		`blacklist[0].by "\n" contains`:        func(s *groupkit.Snapshot) { s.Blacklist = []groupkit.Block{{User: "x", By: "\n"}} },
		`allow_list[0].reason is not valid`:    func(s *groupkit.Snapshot) { s.AllowList = []groupkit.Allowed{{User: "x", Reason: "\xff"}} },
		`requests[0].group is "other"`:         func(s *groupkit.Snapshot) { s.Requests = []groupkit.Request{{User: "x", Group: "other"}} },
		`invitations[0].group is "other"`:      func(s *groupkit.Snapshot) { s.Invitations = []groupkit.Invitation{{User: "x", Group: "other"}} },
		`invitations[0].by "\xff" is not`:      func(s *groupkit.Snapshot) { s.Invitations = []groupkit.Invitation{{User: "x", By: "\xff"}} },
		`files[0].id "42" is no UUID`:          func(s *groupkit.Snapshot) { s.Files[0].ID = "42" },
		`files[0].id "0198C0DE-0000-7000`:      func(s *groupkit.Snapshot) { s.Files[0].ID = "0198C0DE-0000-7000-8000-000000000001" },
		`files[1].id "0198c0de`:                func(s *groupkit.Snapshot) { s.Files = []groupkit.File{jsonFile, jsonFile} },
		`files[0].name "../x" is not a base`:   func(s *groupkit.Snapshot) { s.Files[0].Name = "../x" },
		`files[0].size is -1`:                  func(s *groupkit.Snapshot) { s.Files[0].Size = -1 },
		`files[0].created is in the year`:      func(s *groupkit.Snapshot) { s.Files[0].Created = far },
	} {
		var s groupkit.Snapshot
		require.NoError(t, json.Unmarshal(text, &s))
		require.Equal(t, whole, s)
		change(&s)
		got, err := groupkit.Replay(checkpointed(s))
		require.ErrorIs(t, err, groupkit.ErrInvalid, want)
		require.ErrorContains(t, err, want)
		require.Empty(t, got)
	}
	got, err := groupkit.Replay(checkpointed(whole))
	require.NoError(t, err)
	require.Equal(t, whole, got)
}

// TestReplay_ForeignEvents replays a log in which one event is not as events are.
func TestReplay_ForeignEvents(t *testing.T) {
	t.Parallel()
	eng := grouptest.NewFixture(t, groupkit.Options{})
	_, log := eng.State(t)
	file := slices.IndexFunc(log, func(e groupkit.Event) bool { return e.Kind == groupkit.FileAdded })
	require.Positive(t, file)
	for want, change := range map[string]func([]groupkit.Event){
		`group is empty`:                      func(log []groupkit.Event) { log[0].Group = "" },
		`actor "\xff" is not valid`:           func(log []groupkit.Event) { log[0].Actor = "\xff" },
		`at is in the year 1969`:              func(log []groupkit.Event) { log[0].At = time.UnixMilli(-1) },
		`until is in the year 12000`:          func(log []groupkit.Event) { log[1].Until = time.Date(12000, 1, 1, 0, 0, 0, 0, time.UTC) },
		`reason is not valid UTF-8`:           func(log []groupkit.Event) { log[0].Reason = "\xff" },
		`users[0] is empty`:                   func(log []groupkit.Event) { log[0].Users = grouptest.IDs{""} },
		`users is empty, although the kind`:   func(log []groupkit.Event) { log[0].Users = nil },
		`before[1] is in the year 1969`:       func(log []groupkit.Event) { log[1].Before = []time.Time{{}, time.UnixMilli(-1)} },
		`cause is 99`:                         func(log []groupkit.Event) { log[1].Cause = 99 },
		`changes[0].field "color" is unknown`: func(log []groupkit.Event) { log[0].Changes = []groupkit.Change{{Field: "color"}} },
		`changes[0].after is "yes"`: func(log []groupkit.Event) {
			log[0].Changes = []groupkit.Change{{Field: groupkit.FieldPublic, After: "yes"}}
		},
		`changes[0].after is "-3"`: func(log []groupkit.Event) {
			log[0].Changes = []groupkit.Change{{Field: groupkit.FieldMaxUsers, After: "-3"}}
		},
		`changes[0].after is "many"`: func(log []groupkit.Event) {
			log[0].Changes = []groupkit.Change{{Field: groupkit.FieldMaxUsers, After: "many"}}
		},
		`changes[0].before is not valid UTF-8`: func(log []groupkit.Event) {
			log[0].Changes = []groupkit.Change{{Field: groupkit.FieldName, Before: "\xff"}}
		},
		`file does not fit the kind`:               func(log []groupkit.Event) { log[file].File = nil },
		`file.id "x" is no UUID`:                   func(log []groupkit.Event) { log[file].File = &groupkit.File{ID: "x", Name: "x"} },
		`file does not fit the kind "group create`: func(log []groupkit.Event) { log[0].File = &jsonFile },
		`checkpoint is of group "other" at version 1`: func(log []groupkit.Event) {
			log[0].Kind, log[0].Checkpoint = groupkit.Checkpoint, &groupkit.Snapshot{Group: groupkit.Group{ID: "other", Version: 1}}
		},
		`members[0].user is empty`: func(log []groupkit.Event) {
			log[0].Kind = groupkit.Checkpoint
			log[0].Checkpoint = &groupkit.Snapshot{Group: groupkit.Group{ID: log[0].Group, Version: 1}, Members: []groupkit.Member{{Role: 1}}}
		},
	} {
		events := slices.Clone(log)
		change(events)
		_, err := groupkit.Replay(logOf(events))
		require.ErrorIs(t, err, groupkit.ErrInvalid, want)
		require.ErrorContains(t, err, want)
		require.ErrorContains(t, err, "log has at version ")
	}
}

// FuzzReplay_JSON replays what comes from JSON. Nothing panics, and what is accepted has a JSON that
// leads back to it.
func FuzzReplay_JSON(f *testing.F) {
	for _, name := range []string{"events", "snapshot", "snapshot_none"} {
		text, err := os.ReadFile(formFile(name))
		require.NoError(f, err)
		f.Add(text)
	}
	f.Add([]byte(`[{"group":"g","version":1,"kind":"group_created","users":["a"]},{"group":"g","version":2,"kind":"member_joined","users":["a","b"]},` +
		`{"group":"g","version":3,"kind":"member_blocked","users":["b","b"]},{"group":"g","version":4,"kind":"owner_changed","users":["b"]},` +
		`{"group":"g","version":5,"kind":"file_deleted","file":{"id":"0198c0de-0000-7000-8000-000000000001","name":"x"}}]`))
	f.Fuzz(func(t *testing.T, text []byte) {
		var events []groupkit.Event
		if json.Unmarshal(text, &events) == nil {
			requireReplayed(t, logOf(events))
		}
		var s groupkit.Snapshot
		if json.Unmarshal(text, &s) == nil {
			requireReplayed(t, checkpointed(s))
		}
	})
}

func requireReplayed(t *testing.T, log iter.Seq2[groupkit.Event, error]) {
	got, err := groupkit.Replay(log)
	if err != nil {
		require.ErrorIs(t, err, groupkit.ErrInvalid)
		return
	}
	text, err := json.Marshal(got)
	require.NoError(t, err)
	var back groupkit.Snapshot
	require.NoError(t, json.Unmarshal(text, &back))
	require.Equal(t, got, back)
}
