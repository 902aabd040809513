package rest_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"groupkit"
)

// kinds returns what was done, in a word each.
func kinds(events ...groupkit.Event) (out []string) {
	for _, e := range events {
		out = append(out, e.Kind.String())
	}
	return out
}

func TestEvents_Live(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := setup(t)
		group := s.group(t)
		w := s.start(t)
		all := w.follow(t, "app", "/chatgroups/"+string(group)+"/events")
		latest := w.follow(t, "u-admin", "/chatgroups/"+string(group)+"/events?from=latest")
		require.NotEmpty(t, latest.id, "the client knows where to go on before anything happens")
		require.Equal(t, []string{"group created", "member joined", "admin added"}, kinds(all.event(t), all.event(t), all.event(t)))

		require.NoError(t, s.engine.As("owner").SetAnnouncement(t.Context(), group, "hello"))
		want := groupkit.AnnouncementChanged
		for _, f := range []*following{all, latest} {
			e, b := f.eventText(t)
			require.Equal(t, want, e.Kind)
			require.Equal(t, groupkit.UserID("owner"), e.Actor)
			require.Equal(t, s.engine.Position(e.Version).String(), b.id)
		}
		require.NoError(t, s.engine.System().AddMember(t.Context(), group, "user1"))
		again := w.follow(t, "u-admin", "/chatgroups/"+string(group)+"/events?from=latest", latest.id)
		require.Equal(t, groupkit.MemberJoined, again.event(t).Kind, "Last-Event-ID counts, not from")
	})
}

// A stream gives what a follower gives, and goes on without a gap from wherever it was cut off.
func TestEvents_Resume(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		calls := rapid.SliceOfN(rapid.IntRange(0, 5), 1, 12).Draw(rt, "calls")
		who := rapid.SampledFrom([]string{"app", "u-owner", "u-admin", "u-member"}).Draw(rt, "who")
		every := rapid.Bool().Draw(rt, "all groups") && who == "app"
		cut := rapid.IntRange(0, 20).Draw(rt, "cut")
		synctest.Test(t, func(t *testing.T) {
			r := &resuming{service: setup(t), who: who, every: every}
			r.run(t, calls, cut)
		})
	})
}

// A resuming is a stream that is cut off.
type resuming struct {
	*service
	group groupkit.GroupID
	who   string
	every bool // it is of all groups
}

func (r *resuming) run(t *testing.T, calls []int, cut int) {
	r.group = r.service.group(t)
	path := "/chatgroups/" + string(r.group) + "/events"
	if r.every {
		path = "/events"
	}
	for i, call := range calls {
		r.change(t, call, groupkit.UserID(fmt.Sprint("user", i%9+1)))
	}
	w := r.start(t)
	f, want := w.follow(t, r.who, path), r.given(t, "")
	require.NotEmpty(t, want)
	cut %= len(want)
	require.Equal(t, want[:cut], f.blocks(t, cut))
	f.close()
	want = r.given(t, f.id)
	f = w.follow(t, r.who, path, f.id)
	require.Equal(t, want, f.blocks(t, len(want)))
	r.change(t, 0, "")
	require.Equal(t, groupkit.AnnouncementChanged, f.event(t).Kind)
}

// given returns what a follower gives now from a position on.
func (r *resuming) given(t *testing.T, id string) (out []block) {
	from, err := groupkit.ParsePosition(id)
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	follow := func() (*groupkit.Follower, error) { return r.engine.System().FollowAll(ctx, from) }
	if !r.every {
		actor := r.engine.System()
		if user, ok := strings.CutPrefix(r.who, "u-"); ok {
			actor = r.engine.As(groupkit.UserID(user))
		}
		follow = func() (*groupkit.Follower, error) { return actor.Follow(ctx, r.group, from) }
	}
	f, err := follow()
	require.NoError(t, err)
	defer f.Close()
	for e, err := range f.All(ctx) {
		if err != nil {
			require.ErrorIs(t, err, context.DeadlineExceeded)
			break
		}
		data, err := json.Marshal(e)
		require.NoError(t, err)
		kind, err := e.Kind.MarshalText()
		require.NoError(t, err)
		out = append(out, block{id: f.Position().String(), hasID: true, kind: string(kind), data: string(data)})
	}
	return out
}

// blocks reads n events.
func (f *following) blocks(t *testing.T, n int) (out []block) {
	for range n {
		_, b := f.eventText(t)
		out = append(out, b)
	}
	if n == 0 {
		return []block{}
	}
	return out
}

// change makes one of several changes. Some make several events, or none.
func (r *resuming) change(t *testing.T, which int, user groupkit.UserID) {
	ctx, system, err := t.Context(), r.engine.System(), error(nil)
	switch which {
	case 0:
		err = r.engine.As("owner").SetAnnouncement(ctx, r.group, fmt.Sprint("about ", user, time.Now()))
	case 1:
		err = system.AddMember(ctx, r.group, user)
	case 2:
		_, err = system.Block(ctx, r.group, groupkit.Forever, user) // of a member: two events
	case 3:
		err = system.RemoveAdmin(ctx, r.group, "admin") // begins anew
	case 4:
		_, err = system.Mute(ctx, r.group, groupkit.Forever, "member")
	case 5:
		_, err = system.CreateGroup(ctx, groupkit.NewGroup{Name: "other", Owner: "owner", Members: []groupkit.UserID{user}})
	}
	if !errors.Is(err, groupkit.ErrConflict) && !errors.Is(err, groupkit.ErrForbidden) {
		require.NoError(t, err)
	}
}

func TestEvents_MembersSeeTheirPart(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := setup(t)
		group := s.group(t)
		w, path := s.start(t), "/chatgroups/"+string(group)+"/events?from=latest"
		admin, member := w.follow(t, "u-admin", path), w.follow(t, "u-member", path)
		ctx, by := t.Context(), s.engine.As("owner").Because("spam")
		_, err := by.Mute(ctx, group, groupkit.Forever, "admin")
		require.NoError(t, err)
		_, err = by.RemoveMembers(ctx, group, []groupkit.UserID{"member"})
		require.NoError(t, err)
		require.Equal(t, []string{"muted", "member left"}, kinds(admin.event(t), admin.event(t)))
		e, b := member.eventText(t)
		require.Equal(t, groupkit.MemberLeft, e.Kind, "of the mute it hears nothing")
		require.Contains(t, b.data, "spam")
		require.NotContains(t, b.data, "owner")
		member.ends(t, "resource_not_found") // to an outsider the group is not there
		s.refused(t, request{token: "u-member", path: path, header: http.Header{"Last-Event-Id": {b.id}}}, 404,
			"resource_not_found", "grpID "+string(group)+" does not exist!")
	})
}

func TestEvents_Ends(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := setup(t)
		group, other := s.group(t), s.group(t)
		w, path := s.start(t), "/chatgroups/"+string(group)+"/events?from=latest"
		streams := []*following{w.follow(t, "app", path), w.follow(t, "u-owner", path), w.follow(t, "u-member", path)}
		all := w.follow(t, "app", "/events?from=latest")
		require.NoError(t, s.engine.System().DeleteGroup(t.Context(), group))
		for _, f := range streams {
			require.Equal(t, groupkit.GroupDeleted, f.event(t).Kind)
			f.ends(t, "resource_not_found")
		}
		require.Equal(t, groupkit.GroupDeleted, all.event(t).Kind)
		require.NoError(t, s.engine.System().MuteGroup(t.Context(), other))
		e := all.event(t)
		require.Equal(t, groupkit.GroupMuted, e.Kind)
		require.Equal(t, other, e.Group)
	})
}

func TestEvents_Refusals(t *testing.T) {
	t.Parallel()
	s := setup(t)
	group := s.group(t, func(n *groupkit.NewGroup) { n.Members = append(n.Members, "user1") })
	_, err := s.engine.System().Block(t.Context(), group, groupkit.Forever, "user1")
	require.NoError(t, err)
	path, missing := "/chatgroups/"+string(group)+"/events", "grpID "+string(group)+" does not exist!"
	s.refused(t, request{path: path, token: "-"}, 401, "group_authorization", "token is blank!")
	s.refused(t, request{path: path, token: "bad"}, 401, "group_authorization", "this token is bad, or has expired!")
	s.refused(t, request{path: path + "?access_token=app", token: "-"}, 401, "group_authorization", "token is blank!")
	s.refused(t, request{path: path, token: "u-other"}, 404, "resource_not_found", missing)
	s.refused(t, request{path: path, token: "u-user1"}, 403, "forbidden_op", "you have no permission to do this, on the blacklist of the group")
	s.refused(t, request{path: "/chatgroups/none/events"}, 404, "resource_not_found", "grpID none does not exist!")
	s.refused(t, request{path: "/events", token: "u-owner"}, 403, "forbidden_op", "you have no permission to do this, only the system may do this")
	s.refused(t, request{path: path + "?from=1"}, 400, "invalid_parameter", `position "1" is not a position`)
	s.refused(t, request{path: path, header: http.Header{"Last-Event-Id": {"latest"}}}, 400, "invalid_parameter", `position "latest" is not a position`)
	s.refused(t, request{path: path + "?from=h:1:Zw"}, 400, "invalid_parameter", "position is one over all groups")
	s.refused(t, request{path: path, method: "POST"}, 405, "method_not_allowed", "Method Not Allowed")
}

func TestEvents_Head(t *testing.T) {
	t.Parallel()
	s := setup(t)
	w := s.do(t, request{method: "HEAD", path: "/chatgroups/" + string(s.group(t)) + "/events"})
	require.Equal(t, 200, w.Code)
	require.Equal(t, "text/event-stream", w.Header().Get("Content-Type"))
	require.Empty(t, w.Body)
}
