package escalation_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/stretchr/testify/require"

	"groupkit"
)

// A mark is a mute, a block, an entry of the allow list, a request or an invitation. Nil is none.
type mark struct {
	By     groupkit.UserID
	At     time.Time
	Until  time.Time // zero: never
	Reason string
}

// A user is everything that a group says about one user.
type user struct {
	Role       groupkit.Role
	Joined     time.Time
	AdminSince time.Time

	Mute, Block, Allow, Request, Invitation *mark
}

// A state is a group at one instant. It lists no mark that has ended.
type state struct {
	Group        groupkit.Group // without the counts, LastModified and Version, which judge compares by themselves
	Announcement groupkit.Announcement
	Users        map[groupkit.UserID]user
	Files        map[groupkit.FileID]groupkit.File

	whole groupkit.Snapshot
}

// stateOf arranges a snapshot by users. It leaves out what has ended at the time.
func stateOf(s groupkit.Snapshot, now time.Time) *state {
	out := &state{Group: s.Group, Announcement: s.Announcement, Users: map[groupkit.UserID]user{}, Files: map[groupkit.FileID]groupkit.File{}, whole: s}
	g := &out.Group
	g.MemberCount, g.AdminCount, g.LastModified, g.Version = 0, 0, time.Time{}, 0
	for _, m := range s.Members {
		out.Users[m.User] = user{Role: m.Role, Joined: m.Joined, AdminSince: m.AdminSince}
	}
	set := func(u groupkit.UserID, field func(*user) **mark, m mark) {
		if !m.Until.IsZero() && !now.Before(m.Until) {
			return
		}
		of := out.Users[u]
		*field(&of) = &m
		out.Users[u] = of
	}
	for _, m := range s.Mutes {
		set(m.User, theMute, mark{m.By, m.At, m.Until, m.Reason})
	}
	for _, m := range s.Blacklist {
		set(m.User, theBlock, mark{m.By, m.At, m.Until, m.Reason})
	}
	for _, m := range s.AllowList {
		set(m.User, theAllow, mark{m.By, m.At, time.Time{}, m.Reason})
	}
	for _, m := range s.Requests {
		set(m.User, theRequest, mark{m.User, m.At, m.Expires, m.Reason})
	}
	for _, m := range s.Invitations {
		set(m.User, theInvitation, mark{m.By, m.At, m.Expires, m.Reason})
	}
	for _, f := range s.Files {
		out.Files[f.ID] = f
	}
	return out
}

func theMute(u *user) **mark       { return &u.Mute }
func theBlock(u *user) **mark      { return &u.Block }
func theAllow(u *user) **mark      { return &u.Allow }
func theRequest(u *user) **mark    { return &u.Request }
func theInvitation(u *user) **mark { return &u.Invitation }

// ended are the marks of a snapshot that have ended at the time, by the kind of the event that clears them.
func ended(s groupkit.Snapshot, now time.Time) map[groupkit.EventKind]map[groupkit.UserID]bool {
	out := map[groupkit.EventKind]map[groupkit.UserID]bool{}
	note := func(kind groupkit.EventKind, u groupkit.UserID, until time.Time) {
		if out[kind] == nil {
			out[kind] = map[groupkit.UserID]bool{}
		}
		out[kind][u] = !until.IsZero() && !now.Before(until)
	}
	for _, m := range s.Mutes {
		note(groupkit.MuteExpired, m.User, m.Until)
	}
	for _, m := range s.Blacklist {
		note(groupkit.BlockExpired, m.User, m.Until)
	}
	for _, m := range s.Requests {
		note(groupkit.RequestExpired, m.User, m.Expires)
	}
	for _, m := range s.Invitations {
		note(groupkit.InvitationExpired, m.User, m.Expires)
	}
	return out
}

// A difference is one thing of a group, or of one user in it, that is not what it was.
type difference struct {
	What  string // the row of the table
	User  groupkit.UserID
	File  groupkit.FileID
	Field groupkit.Field // of the events that say so; "" if it is no field
	By    groupkit.UserID
}

// differences compares two states. The rows of the table are the words that it gives.
func differences(before, after *state) (out []difference) {
	b, a := &before.Group, &after.Group
	field := func(name groupkit.Field, changed bool) {
		if changed {
			out = append(out, difference{What: string(name), Field: name})
		}
	}
	field(groupkit.FieldName, b.Name != a.Name)
	field(groupkit.FieldDescription, b.Description != a.Description)
	field(groupkit.FieldAvatar, b.Avatar != a.Avatar)
	field(groupkit.FieldCustom, b.Custom != a.Custom)
	field(groupkit.FieldMaxUsers, b.MaxUsers != a.MaxUsers)
	field(groupkit.FieldMembersOnly, b.MembersOnly != a.MembersOnly)
	field(groupkit.FieldAllowInvites, b.AllowInvites != a.AllowInvites)
	field(groupkit.FieldInviteNeedConfirm, b.InviteNeedConfirm != a.InviteNeedConfirm)
	if was, is := before.Announcement, after.Announcement; was != is {
		renamed := is
		renamed.By = was.By
		what := pick(renamed == was && isPseudonym(is.By), "announcement renamed by", "announcement")
		out = append(out, difference{What: what, Field: groupkit.FieldAnnouncement, User: was.By, By: is.By})
	}
	if b.Muted != a.Muted {
		out = append(out, difference{What: "group muted"})
	}
	if b.ID != a.ID || b.Public != a.Public || !b.Created.Equal(a.Created) || b.RequestCount != a.RequestCount || b.InvitationCount != a.InvitationCount {
		out = append(out, difference{What: "never changes"})
	}
	for _, id := range union(before.Files, after.Files) {
		f, was := before.Files[id]
		g, is := after.Files[id]
		switch {
		case !was:
			out = append(out, difference{What: "file added", File: id, User: g.Owner, By: g.Owner})
		case !is:
			out = append(out, difference{What: "file deleted", File: id, User: f.Owner})
		case f != g:
			renamed := g
			renamed.Owner = f.Owner
			what := pick(renamed == f && isPseudonym(g.Owner), "file renamed owner", "never changes")
			out = append(out, difference{What: what, File: id, User: f.Owner, By: g.Owner})
		}
	}
	for _, id := range union(before.Users, after.Users) {
		out = append(out, differencesOf(id, before.Users[id], after.Users[id])...)
	}
	return out
}

func differencesOf(id groupkit.UserID, before, after user) (out []difference) {
	switch {
	case before.Role != after.Role:
		out = append(out, difference{What: before.Role.String() + " → " + after.Role.String(), User: id})
	case before.AdminSince != after.AdminSince:
		out = append(out, difference{What: "never changes", User: id})
	}
	if before.Role != groupkit.RoleOutsider && after.Role != groupkit.RoleOutsider && before.Joined != after.Joined {
		out = append(out, difference{What: "never changes", User: id})
	}
	for _, kind := range []struct {
		name  string
		field func(*user) **mark
	}{{"mute", theMute}, {"block", theBlock}, {"allow", theAllow}, {"request", theRequest}, {"invitation", theInvitation}} {
		was, is := *kind.field(&before), *kind.field(&after)
		switch {
		case was == nil && is == nil:
		case was == nil:
			out = append(out, difference{What: kind.name + " begins", User: id, By: is.By})
		case is == nil:
			out = append(out, difference{What: kind.name + " ends", User: id, By: was.By})
		case *was != *is:
			renamed := *is
			renamed.By = was.By
			what := pick(renamed == *was && isPseudonym(is.By), " renamed by", " replaced")
			out = append(out, difference{What: kind.name + what, User: id, By: is.By})
		}
	}
	return out
}

// isPseudonym reports whether a name is none that the test has given.
func isPseudonym(u groupkit.UserID) bool { return u != "" && !slices.Contains(users, u) }

// union returns the keys of both maps, sorted.
func union[K ~string, V any](a, b map[K]V) []K {
	keys := slices.AppendSeq(slices.Collect(maps.Keys(a)), maps.Keys(b))
	slices.Sort(keys)
	return slices.Compact(keys)
}

func pick[T any](first bool, a, b T) T {
	if first {
		return a
	}
	return b
}

// read returns the snapshots of the groups that live, by ID.
func read(t require.TestingT, eng *groupkit.Engine, groups []groupkit.GroupID) map[groupkit.GroupID]groupkit.Snapshot {
	out := map[groupkit.GroupID]groupkit.Snapshot{}
	for _, id := range groups {
		s, err := eng.System().Snapshot(context.Background(), id)
		if errors.Is(err, groupkit.ErrGroupNotFound) {
			continue
		}
		require.NoError(t, err)
		out[id] = s
	}
	return out
}
