package groupkit_test

import (
	"encoding/json"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"groupkit"
)

// A drawing draws values that the engine can have made.
type drawing struct{ *rapid.T }

func (d drawing) user() groupkit.UserID {
	return groupkit.UserID(rapid.StringMatching(`[a-z<&"\\ü…🙂]{1,12}`).Draw(d.T, "user"))
}

// author is a user or the system.
func (d drawing) author() groupkit.UserID {
	if rapid.Bool().Draw(d.T, "system") {
		return ""
	}
	return d.user()
}

func (d drawing) text() string { return rapid.String().Draw(d.T, "text") }

func (d drawing) count() int { return rapid.IntRange(0, 1<<30).Draw(d.T, "count") }

func (d drawing) yes() bool { return rapid.Bool().Draw(d.T, "yes") }

// moment is a time, none or the last expiry.
func (d drawing) moment() time.Time {
	switch rapid.IntRange(0, 3).Draw(d.T, "moment") {
	case 0:
		return time.Time{}
	case 1:
		return jsonLast
	}
	return time.UnixMilli(rapid.Int64Range(1, 70_000_000_000_000).Draw(d.T, "ms")).UTC()
}

// drawMany draws a list; nil if it is empty.
func drawMany[T any](d drawing, one func() T) (out []T) {
	for range rapid.IntRange(0, 4).Draw(d.T, "n") {
		out = append(out, one())
	}
	return out
}

func (d drawing) users() []groupkit.UserID { return drawMany(d, d.user) }

func (d drawing) group() groupkit.Group {
	return groupkit.Group{
		ID: groupkit.GroupID(d.user()), Name: d.text(), Description: d.text(), Avatar: d.text(), Custom: d.text(),
		Public: d.yes(), MembersOnly: d.yes(), AllowInvites: d.yes(), InviteNeedConfirm: d.yes(), MaxUsers: d.count(), Owner: d.author(),
		MemberCount: d.count(), AdminCount: d.count(), Muted: d.yes(), Created: d.moment(), LastModified: d.moment(),
		Version: rapid.Uint64().Draw(d.T, "version"), RequestCount: d.count(), InvitationCount: d.count(),
	}
}

func (d drawing) file() groupkit.File {
	f := groupkit.File{ID: jsonFile.ID, Name: d.text(), Size: int64(d.count()), Owner: d.author(), Created: d.moment()}
	copy(f.SHA256[:], rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(d.T, "hash"))
	return f
}

func (d drawing) snapshot() groupkit.Snapshot {
	in := groupkit.GroupID(d.user())
	return groupkit.Snapshot{
		Group:        d.group(),
		Announcement: groupkit.Announcement{Text: d.text(), By: d.author(), At: d.moment()},
		Members: drawMany(d, func() groupkit.Member {
			role := groupkit.Role(rapid.IntRange(0, 3).Draw(d.T, "role"))
			return groupkit.Member{User: d.user(), Role: role, Joined: d.moment(), AdminSince: d.moment()}
		}),
		Mutes: drawMany(d, func() groupkit.Mute {
			return groupkit.Mute{User: d.user(), Until: d.moment(), By: d.author(), At: d.moment(), Reason: d.text()}
		}),
		Blacklist: drawMany(d, func() groupkit.Block {
			return groupkit.Block{User: d.user(), Until: d.moment(), By: d.author(), At: d.moment(), Reason: d.text()}
		}),
		AllowList: drawMany(d, func() groupkit.Allowed {
			return groupkit.Allowed{User: d.user(), By: d.author(), At: d.moment(), Reason: d.text()}
		}),
		Requests: drawMany(d, func() groupkit.Request {
			return groupkit.Request{Group: in, User: d.user(), At: d.moment(), Expires: d.moment(), Reason: d.text()}
		}),
		Invitations: drawMany(d, func() groupkit.Invitation {
			return groupkit.Invitation{Group: in, User: d.user(), By: d.author(), At: d.moment(), Expires: d.moment(), Reason: d.text()}
		}),
		Files: drawMany(d, d.file),
	}
}

func (d drawing) event() groupkit.Event {
	e := groupkit.Event{
		Group: groupkit.GroupID(d.user()), Version: rapid.Uint64().Draw(d.T, "version"), Actor: d.author(), At: d.moment(), Reason: d.text(),
		Kind:  groupkit.EventKind(rapid.Uint8Range(1, uint8(groupkit.Checkpoint)).Draw(d.T, "kind")),
		Cause: groupkit.Cause(rapid.Uint8Range(0, uint8(groupkit.CauseForgotten)).Draw(d.T, "cause")),
		Users: d.users(), Until: d.moment(), Before: drawMany(d, d.moment), Last: d.yes(),
		Changes: drawMany(d, func() groupkit.Change {
			return groupkit.Change{Field: d.field(), Before: d.text(), After: d.text()}
		}),
	}
	if d.yes() {
		e.File = new(d.file())
	}
	if e.Kind == groupkit.Checkpoint {
		e.Checkpoint = new(d.snapshot())
	}
	return e
}

func (d drawing) field() groupkit.Field {
	return rapid.SampledFrom([]groupkit.Field{groupkit.FieldName, groupkit.FieldMaxUsers, groupkit.FieldUser, groupkit.FieldKey, "my own"}).Draw(d.T, "field")
}

// result draws a result whose error, if any, is one of the engine's.
func (d drawing) result() groupkit.Result {
	r := groupkit.Result{User: d.user(), Until: d.moment(), Outcome: groupkit.Outcome(rapid.Uint8Range(0, 4).Draw(d.T, "outcome"))}
	if d.yes() {
		r.Err = &groupkit.Error{Op: groupkit.OpAddMembers, Group: groupkit.GroupID(d.user()), User: d.author(), Err: d.cause()}
	}
	return r
}

func (d drawing) cause() error {
	return rapid.SampledFrom([]error{
		groupkit.ErrNotMember, groupkit.ErrStorage, groupkit.ErrIsOwner,
		&groupkit.LimitError{Err: groupkit.ErrListFull, Value: int64(d.count()), Max: int64(d.count())},
		&groupkit.FieldError{Field: d.field(), Why: d.text(), Max: d.count()},
		&groupkit.BlockedError{Until: d.moment()},
		&groupkit.MutedError{Until: d.moment(), WholeGroup: d.yes()},
		&groupkit.VersionError{Current: uint64(d.count()), Want: uint64(d.count())},
		&groupkit.OwnsError{Groups: []groupkit.GroupID{"a", groupkit.GroupID(d.user())}},
	}).Draw(d.T, "cause")
}

func requireBack[T any](t *rapid.T, value T) {
	text, err := json.Marshal(value)
	require.NoError(t, err)
	var back T
	require.NoError(t, json.Unmarshal(text, &back))
	require.Equal(t, value, back)
	again, err := json.Marshal(back)
	require.NoError(t, err)
	require.Equal(t, string(text), string(again))
}

// TestJSON_LeadsBack draws values and takes them through JSON.
func TestJSON_LeadsBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		d := drawing{rt}
		requireBack(rt, d.snapshot())
		requireBack(rt, d.event())
		requireBack(rt, groupkit.Results{d.result(), d.result()})
		requireBack(rt, groupkit.JoinedGroup{Group: d.group(), Role: groupkit.RoleAdmin})
		requireBack(rt, groupkit.Command{Op: groupkit.OpBlockUsers, Users: d.users(), Duration: time.Duration(rapid.Int64().Draw(rt, "duration"))})
	})
}

// A snapshot that Replay accepts comes out as it went in, also through JSON.
func TestJSON_ReplayedSnapshot(t *testing.T) {
	t.Parallel()
	accepted := 0
	rapid.Check(t, func(rt *rapid.T) {
		d := drawing{rt}
		s := d.snapshot()
		s.Group.RequestCount, s.Group.InvitationCount = 0, 0
		s.Members = unique(s.Members, func(m groupkit.Member) groupkit.UserID { return m.User })
		s.Mutes = unique(s.Mutes, func(m groupkit.Mute) groupkit.UserID { return m.User })
		s.Blacklist = unique(s.Blacklist, func(b groupkit.Block) groupkit.UserID { return b.User })
		s.AllowList = unique(s.AllowList, func(a groupkit.Allowed) groupkit.UserID { return a.User })
		s.Requests, s.Invitations, s.Files = nil, nil, nil
		text, err := json.Marshal(s)
		require.NoError(rt, err)
		var back groupkit.Snapshot
		require.NoError(rt, json.Unmarshal(text, &back))
		got, err := groupkit.Replay(checkpointed(back))
		if errors.Is(err, groupkit.ErrInvalid) {
			return
		}
		require.NoError(rt, err)
		require.Equal(rt, s, got)
		accepted++
	})
	require.Positive(t, accepted)
}

// unique sorts a list by user and drops users who are there twice; nil if it is empty.
func unique[T any](all []T, user func(T) groupkit.UserID) []T {
	slices.SortFunc(all, func(x, y T) int {
		if user(x) < user(y) {
			return -1
		}
		return 1
	})
	return slices.CompactFunc(all, func(x, y T) bool { return user(x) == user(y) })
}
