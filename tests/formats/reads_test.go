package formats_test

import (
	"bytes"
	"context"
	"encoding/json"
	"iter"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"groupkit"
)

// A reading makes a text of everything that the public API tells of a database: one line
// for each thing that was read.
type reading struct {
	t    *testing.T
	ctx  context.Context
	eng  *groupkit.Engine
	all  keys
	live []groupkit.GroupID
	out  strings.Builder
	seen map[string]bool // words that were needed
}

// A line is one thing that was read.
type line struct {
	What  string `json:"what"`
	Group string `json:"group,omitempty"`
	User  string `json:"user,omitempty"`
	Got   any    `json:"got"`
}

// read reads everything in the database whose keys are given.
func read(t *testing.T, eng *groupkit.Engine, all keys) *reading {
	r := &reading{t: t, ctx: t.Context(), eng: eng, all: all, seen: make(map[string]bool)}
	r.app()
	for _, group := range all.groups {
		id := groupkit.GroupID(group)
		if slices.Contains(r.live, id) {
			r.group(id)
		}
		r.log(id)
		r.standings(id)
	}
	for _, user := range all.users {
		r.user(groupkit.UserID(user))
	}
	r.buckets()
	r.calls()
	return r
}

// text is what was read, as JSON with one line for each thing.
func (r *reading) text() string { return "[\n" + strings.TrimSuffix(r.out.String(), ",\n") + "\n]\n" }

func (r *reading) add(what string, group groupkit.GroupID, user groupkit.UserID, got any) {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	require.NoError(r.t, encoder.Encode(line{what, string(group), string(user), got}))
	r.out.WriteString(strings.TrimSuffix(text.String(), "\n") + ",\n")
}

// addAll adds a line for each thing in a list.
func (r *reading) addAll(what string, group groupkit.GroupID, got []any) {
	for _, one := range got {
		r.add(what, group, "", one)
	}
}

// app reads what is asked of no single group.
func (r *reading) app() {
	system := r.eng.System()
	var ids []groupkit.GroupID
	for _, g := range collect(r, system.Groups(r.ctx)) {
		r.live = append(r.live, g.ID)
	}
	r.add("groups", "", "", r.live)
	for cursor, more := "", true; more; more = cursor != "" {
		page, next, err := system.GroupsPage(r.ctx, 7, cursor)
		require.NoError(r.t, err)
		for _, g := range page {
			ids = append(ids, g.ID)
		}
		cursor = next
	}
	require.Equal(r.t, r.live, ids)
	for _, g := range r.all.groups {
		if id := groupkit.GroupID(g); !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	found, missing, err := system.GroupDetails(r.ctx, append(ids, "never-was"))
	require.NoError(r.t, err)
	require.Len(r.t, found, len(r.live))
	for _, g := range found {
		one, err := system.Group(r.ctx, g.ID)
		require.NoError(r.t, err)
		require.Equal(r.t, one, g)
	}
	r.add("missing groups", "", "", missing)
}

// group reads everything that is so of a live group.
func (r *reading) group(id groupkit.GroupID) {
	system := r.eng.System()
	g, err := system.Group(r.ctx, id)
	require.NoError(r.t, err)
	r.add("group", id, "", shapeOfGroup(g))
	text, err := system.Announcement(r.ctx, id)
	require.NoError(r.t, err)
	r.add("announcement", id, "", shapeOfAnnouncement(text))
	r.addAll("member", id, each(listed(r, id, system.Members, system.MembersPage), r.shapeOfMember))
	r.addAll("admin", id, each(listed(r, id, system.Admins, system.AdminsPage), r.shapeOfMember))
	r.addAll("mute", id, each(listed(r, id, system.Mutes, system.MutesPage), shapeOfMute))
	r.addAll("block", id, each(listed(r, id, system.Blacklist, system.BlacklistPage), shapeOfBlock))
	r.addAll("allow", id, each(listed(r, id, system.AllowList, system.AllowListPage), shapeOfAllowed))
	r.addAll("request", id, each(listed(r, id, system.Requests, system.RequestsPage), shapeOfRequest))
	r.addAll("invitation", id, each(listed(r, id, system.Invitations, system.InvitationsPage), shapeOfInvitation))
	r.files(id)
	r.snapshot(id)
	following, err := system.Follow(r.ctx, id, groupkit.Latest())
	require.NoError(r.t, err)
	require.Equal(r.t, g.Version, following.Position().Version)
	following.Close()
}

// files reads what is known of the files of a group, and their contents.
func (r *reading) files(id groupkit.GroupID) {
	system := r.eng.System()
	for _, f := range listed(r, id, system.Files, system.FilesPage) {
		r.add("file", id, "", shapeOfFile(f))
		one, err := system.File(r.ctx, id, f.ID)
		require.NoError(r.t, err)
		require.Equal(r.t, f, one)
		r.add("content", id, "", r.content(id, f.ID))
	}
}

// snapshot reads a group at once. What it holds besides the lists is what has expired and
// was not cleared away.
func (r *reading) snapshot(id groupkit.GroupID) {
	s, err := r.eng.System().Snapshot(r.ctx, id)
	require.NoError(r.t, err)
	r.add("snapshot: group", id, "", shapeOfGroup(s.Group))
	r.add("snapshot: announcement", id, "", shapeOfAnnouncement(s.Announcement))
	r.addAll("snapshot: member", id, each(s.Members, r.shapeOfMember))
	r.addAll("snapshot: mute", id, each(s.Mutes, shapeOfMute))
	r.addAll("snapshot: block", id, each(s.Blacklist, shapeOfBlock))
	r.addAll("snapshot: allow", id, each(s.AllowList, shapeOfAllowed))
	r.addAll("snapshot: request", id, each(s.Requests, shapeOfRequest))
	r.addAll("snapshot: invitation", id, each(s.Invitations, shapeOfInvitation))
	r.addAll("snapshot: file", id, each(s.Files, shapeOfFile))
	replayed, err := groupkit.Replay(r.eng.System().Events(r.ctx, id, 0))
	require.NoError(r.t, err)
	require.Equal(r.t, s, replayed)
}

// log reads the log of a group, be it live or deleted.
func (r *reading) log(id groupkit.GroupID) {
	events := collect(r, r.eng.System().Events(r.ctx, id, 0))
	for _, e := range events {
		r.add("event", id, "", r.shapeOfEvent(e))
		if e.Checkpoint != nil {
			r.checkpoint(id, e.Checkpoint)
		}
	}
	if len(events) > 1 {
		half := events[len(events)/2:]
		require.Equal(r.t, half, collect(r, r.eng.System().Events(r.ctx, id, half[0].Version)))
	}
}

// checkpoint is the state with which a log begins that was cut.
func (r *reading) checkpoint(id groupkit.GroupID, s *groupkit.Snapshot) {
	r.add("checkpoint: group", id, "", shapeOfGroup(s.Group))
	r.add("checkpoint: announcement", id, "", shapeOfAnnouncement(s.Announcement))
	r.addAll("checkpoint: member", id, each(s.Members, r.shapeOfMember))
	r.addAll("checkpoint: mute", id, each(s.Mutes, shapeOfMute))
	r.addAll("checkpoint: block", id, each(s.Blacklist, shapeOfBlock))
	r.addAll("checkpoint: allow", id, each(s.AllowList, shapeOfAllowed))
	r.addAll("checkpoint: request", id, each(s.Requests, shapeOfRequest))
	r.addAll("checkpoint: invitation", id, each(s.Invitations, shapeOfInvitation))
	r.addAll("checkpoint: file", id, each(s.Files, shapeOfFile))
}

// listed reads a list of a group, which is the same as an iterator and in pages.
func listed[T any](
	r *reading, id groupkit.GroupID, all func(context.Context, groupkit.GroupID) iter.Seq2[T, error],
	page func(context.Context, groupkit.GroupID, groupkit.Page) ([]T, error),
) []T {
	list := collect(r, all(r.ctx, id))
	var paged []T
	for n := 1; ; n++ {
		part, err := page(r.ctx, id, groupkit.Page{Number: n, Size: 100})
		require.NoError(r.t, err)
		if paged = append(paged, part...); len(part) < 100 {
			break
		}
	}
	require.Equal(r.t, list, paged)
	return list
}

// collect reads an iterator to its end.
func collect[T any](r *reading, all iter.Seq2[T, error]) (list []T) {
	for one, err := range all {
		require.NoError(r.t, err)
		list = append(list, one)
	}
	return list
}
