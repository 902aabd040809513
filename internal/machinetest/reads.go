package machinetest

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"iter"
	"maps"
	"slices"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"groupkit"
	"groupkit/internal/grouptest"
	"groupkit/internal/modeltest"
)

// The calls that only look.

// A list is one of the lists of a group, as an iterator and as pages.
type list[T any] struct {
	verb  string
	model func(*modeltest.World, modeltest.Caller, groupkit.GroupID) ([]T, *modeltest.Refusal)
	all   func(groupkit.Actor, context.Context, groupkit.GroupID) iter.Seq2[T, error]
	page  func(groupkit.Actor, context.Context, groupkit.GroupID, groupkit.Page) ([]T, error)
	from  func(groupkit.Actor, context.Context, groupkit.GroupID, groupkit.From) ([]T, string, error)
	user  func(T) groupkit.UserID // nil: the list is not sorted by user ID
	named func(*instance, T) T    // gives one the model's ids
	order func(a, b T) int        // nil: the model's order and no other
}

func same[T any](_ *instance, one T) T { return one }

var (
	memberList     = list[groupkit.Member]{"Members", (*modeltest.World).Members, groupkit.Actor.Members, groupkit.Actor.MembersPage, groupkit.Actor.MembersFrom, func(m groupkit.Member) groupkit.UserID { return m.User }, same[groupkit.Member], nil}
	adminList      = list[groupkit.Member]{"Admins", (*modeltest.World).Admins, groupkit.Actor.Admins, groupkit.Actor.AdminsPage, groupkit.Actor.AdminsFrom, func(m groupkit.Member) groupkit.UserID { return m.User }, same[groupkit.Member], nil}
	blacklist      = list[groupkit.Block]{"Blacklist", (*modeltest.World).Blacklist, groupkit.Actor.Blacklist, groupkit.Actor.BlacklistPage, groupkit.Actor.BlacklistFrom, func(b groupkit.Block) groupkit.UserID { return b.User }, same[groupkit.Block], nil}
	muteList       = list[groupkit.Mute]{"Mutes", (*modeltest.World).Mutes, groupkit.Actor.Mutes, groupkit.Actor.MutesPage, groupkit.Actor.MutesFrom, func(m groupkit.Mute) groupkit.UserID { return m.User }, same[groupkit.Mute], nil}
	allowList      = list[groupkit.Allowed]{"AllowList", (*modeltest.World).AllowList, groupkit.Actor.AllowList, groupkit.Actor.AllowListPage, groupkit.Actor.AllowListFrom, func(a groupkit.Allowed) groupkit.UserID { return a.User }, same[groupkit.Allowed], nil}
	requestList    = list[groupkit.Request]{"Requests", (*modeltest.World).Requests, groupkit.Actor.Requests, groupkit.Actor.RequestsPage, groupkit.Actor.RequestsFrom, nil, (*instance).namedRequest, nil}
	invitationList = list[groupkit.Invitation]{"Invitations", (*modeltest.World).Invitations, groupkit.Actor.Invitations, groupkit.Actor.InvitationsPage, groupkit.Actor.InvitationsFrom, nil, (*instance).namedInvitation, nil}
	fileList       = list[groupkit.File]{"Files", (*modeltest.World).Files, groupkit.Actor.Files, groupkit.Actor.FilesPage, groupkit.Actor.FilesFrom, nil, (*instance).namedFile, nil}
)

// allNamed is a list with the model's ids; an empty one is nil.
func allNamed[T any](in *instance, all []T, err error, named func(*instance, T) T) ([]T, error) {
	var list []T
	for _, one := range all {
		list = append(list, named(in, one))
	}
	return list, err
}

// look compares a list as the iterator gives it, and one page of it.
func (l list[T]) look(m *machine, t *rapid.T, c modeltest.Caller, id groupkit.GroupID, p groupkit.Page) {
	lists := map[*instance][]T{}
	m.ask(t, call{0, l.verb, c, id, nil,
		func(w *modeltest.World) (any, *modeltest.Refusal) { return answer(l.model(w, c, id)) },
		func(ctx context.Context, in *instance, a groupkit.Actor, id groupkit.GroupID) (any, error) {
			all, err := grouptest.Collect(l.all(a, ctx, id))
			lists[in] = all
			return ordered(t, in, all, err, l.named, l.order)
		}})
	most := 1000
	if l.verb == "Files" {
		most = m.world.Options.Limits.FilesPage
	}
	m.ask(t, call{0, l.verb + "Page", c, id, []any{p},
		func(w *modeltest.World) (any, *modeltest.Refusal) {
			if !modeltest.ValidPage(p) {
				return nil, modeltest.Refuse(groupkit.ErrInvalid)
			}
			_, no := l.model(w, c, id)
			return nil, no
		},
		func(ctx context.Context, in *instance, a groupkit.Actor, id groupkit.GroupID) (any, error) {
			page, err := l.page(a, ctx, id, p)
			if err == nil {
				requireEqual(t, append([]T{}, modeltest.Paged(lists[in], p, most)...), append([]T{}, page...), in.Name+": "+l.verb+"Page")
			}
			return nil, err
		}})
}

// enter compares a list that is entered anywhere, and read on from there in parts, with what the
// iterator gives.
func (l list[T]) enter(m *machine, t *rapid.T, c modeltest.Caller, id groupkit.GroupID, from groupkit.From) {
	m.ask(t, call{0, l.verb + "From", c, id, []any{from},
		func(w *modeltest.World) (any, *modeltest.Refusal) {
			if l.user == nil && (from.After != "" || from.Prefix != "") {
				return nil, modeltest.Refuse(groupkit.ErrInvalid)
			}
			_, no := l.model(w, c, id)
			return nil, no
		},
		func(ctx context.Context, in *instance, a groupkit.Actor, id groupkit.GroupID) (any, error) {
			want, _ := grouptest.Collect(l.all(a, ctx, id))
			if l.user != nil {
				want = modeltest.After(want, l.user, from)
			}
			got, limit := []T{}, from.Limit
			if l.verb == "Files" {
				limit = min(limit, m.world.Options.Limits.FilesPage)
			}
			for from := from; ; {
				part, next, err := l.from(a, ctx, id, from)
				if err != nil {
					return nil, err
				}
				if len(part) > limit || len(part) < limit && next != "" {
					t.Fatalf("%s: %d entries in a part of %d", in.Name, len(part), limit)
				}
				got = append(got, part...)
				if from.Cursor = next; next == "" {
					requireEqual(t, append([]T{}, want...), got, in.Name+": "+l.verb+"From")
					return nil, nil
				}
			}
		}})
}

// ordered is a list with the model's ids, in the model's order: the engine may
// choose another among what is equal.
func ordered[T any](t *rapid.T, in *instance, all []T, err error, named func(*instance, T) T, order func(a, b T) int) ([]T, error) {
	list, err := allNamed(in, all, err, named)
	if order != nil {
		if !slices.IsSortedFunc(list, order) {
			t.Fatalf("%s: the order of %v", in.Name, list)
		}
		slices.SortFunc(list, func(a, b T) int { return cmp.Or(order(a, b), cmp.Compare(fmt.Sprint(a), fmt.Sprint(b))) })
	}
	return list, err
}

// look makes a few calls that only look.
func (m *machine) look(t *rapid.T) {
	id := m.world.DrawGroup(t, nil)
	c, u, p := m.world.DrawCaller(t, id, modeltest.TheMembers), m.world.DrawUser(t, id, modeltest.TheMembers), modeltest.DrawPage(t)
	c.Version = nil
	looks := m.looks(c, id, u, p)
	from := modeltest.DrawFrom(t)
	looks = append(looks, m.entries(c, id, from)...)
	for range 3 {
		modeltest.Pick(t, "look", looks)(t)
	}
}

// looks are all calls of a caller on a group, and on a user, that only look.
func (m *machine) looks(c modeltest.Caller, id groupkit.GroupID, u groupkit.UserID, p groupkit.Page) []func(*rapid.T) {
	return []func(*rapid.T){
		func(t *rapid.T) { memberList.look(m, t, c, id, p) },
		func(t *rapid.T) { adminList.look(m, t, c, id, p) },
		func(t *rapid.T) { blacklist.look(m, t, c, id, p) },
		func(t *rapid.T) { muteList.look(m, t, c, id, p) },
		func(t *rapid.T) { allowList.look(m, t, c, id, p) },
		func(t *rapid.T) { requestList.look(m, t, c, id, p) },
		func(t *rapid.T) { invitationList.look(m, t, c, id, p) },
		func(t *rapid.T) { fileList.look(m, t, c, id, p) },
		func(t *rapid.T) { m.lookAtGroup(t, c, id) },
		func(t *rapid.T) { m.lookAtAnnouncement(t, c, id) },
		func(t *rapid.T) { m.lookAtSpeech(t, c, id) },
		func(t *rapid.T) { m.lookAtFiles(t, c, id) },
		func(t *rapid.T) { m.lookAtRole(t, c, id, u) },
		func(t *rapid.T) { m.lookAtLog(t, c, id) },
		func(t *rapid.T) { m.lookAtDetails(t, c, append(m.everyGroup(), id, "nothing-here", "no/id")) },
		func(t *rapid.T) { m.lookAtGroups(t, c, p) },
		func(t *rapid.T) { m.lookAtJoined(t, c, u, p) },
		func(t *rapid.T) { m.lookAtPending(t, c, u) },
		func(t *rapid.T) { m.lookAtUserData(t, u) },
	}
}

// entries enter each list of a group.
func (m *machine) entries(c modeltest.Caller, id groupkit.GroupID, from groupkit.From) []func(*rapid.T) {
	return []func(*rapid.T){
		func(t *rapid.T) { memberList.enter(m, t, c, id, from) },
		func(t *rapid.T) { adminList.enter(m, t, c, id, from) },
		func(t *rapid.T) { blacklist.enter(m, t, c, id, from) },
		func(t *rapid.T) { muteList.enter(m, t, c, id, from) },
		func(t *rapid.T) { allowList.enter(m, t, c, id, from) },
		func(t *rapid.T) { requestList.enter(m, t, c, id, from) },
		func(t *rapid.T) { invitationList.enter(m, t, c, id, from) },
		func(t *rapid.T) { fileList.enter(m, t, c, id, from) },
	}
}

// lookAtEverything makes every call that only looks, as everyone on every group.
func (m *machine) lookAtEverything(t *rapid.T) {
	m.lookAtLogs(t)
	p := modeltest.DrawPage(t)
	for _, u := range append([]groupkit.UserID{""}, modeltest.Users...) {
		c := modeltest.Caller{User: u, System: u == ""}
		for _, id := range append(slices.Sorted(maps.Keys(m.world.Live)), "nothing-here") {
			other := modeltest.Users[modeltest.Number.Draw(t, "other user")%len(modeltest.Users)]
			looks := m.looks(c, id, other, p)
			for _, look := range append(looks[:14], m.entries(c, id, groupkit.From{Limit: 1 + max(p.Size, 0)%3})...) {
				look(t)
			}
			m.lookAtRole(t, c, id, u)
		}
		own := m.looks(c, "g", u, p)
		for _, look := range own[14:] {
			look(t)
		}
	}
}

// lookAtLogs verifies the engines, and replays every log.
func (m *machine) lookAtLogs(t *rapid.T) {
	for _, in := range m.engines {
		grouptest.RequireVerified(t, in.turn(t))
	}
	for _, g := range m.world.Live {
		m.requireLog(t, g)
		m.requireInviters(t, g)
	}
}

// requireInviters checks that the inviter of every pending invitation is allowed to invite.
func (m *machine) requireInviters(t *rapid.T, g *modeltest.Group) {
	for _, in := range m.engines {
		for i, err := range in.turn(t).System().Invitations(context.Background(), in.id(g.ID)) {
			require.NoError(t, err)
			require.True(t, g.MayInvite(i.By), "%s: %v", in.Name, i)
			if i.By != "" {
				err = grouptest.ErrorOf(in.turn(t).As(i.By).Can().Invite(context.Background(), in.id(g.ID), i.User))
				for _, no := range []error{groupkit.ErrRoleTooLow, groupkit.ErrNotMember, groupkit.ErrGroupNotFound, groupkit.ErrBlacklisted} {
					require.NotErrorIs(t, err, no, "%s: %v", in.Name, i)
				}
			}
		}
	}
}

func (m *machine) lookAtGroup(t *rapid.T, c modeltest.Caller, id groupkit.GroupID) {
	m.ask(t, call{0, "Group", c, id, nil,
		func(w *modeltest.World) (any, *modeltest.Refusal) { return answer(w.Group(c, id)) },
		func(ctx context.Context, in *instance, a groupkit.Actor, id groupkit.GroupID) (any, error) {
			g, err := a.Group(ctx, id)
			return in.named(g), err
		}})
}

func (m *machine) lookAtAnnouncement(t *rapid.T, c modeltest.Caller, id groupkit.GroupID) {
	m.ask(t, call{0, "Announcement", c, id, nil,
		func(w *modeltest.World) (any, *modeltest.Refusal) { return answer(w.Announcement(c, id)) },
		func(ctx context.Context, _ *instance, a groupkit.Actor, id groupkit.GroupID) (any, error) {
			return answer2(a.Announcement(ctx, id))
		}})
}

func (m *machine) lookAtSpeech(t *rapid.T, c modeltest.Caller, id groupkit.GroupID) {
	m.ask(t, call{0, "MaySpeak", c, id, nil,
		func(w *modeltest.World) (any, *modeltest.Refusal) { return nil, w.MaySpeak(c, id) },
		func(ctx context.Context, _ *instance, a groupkit.Actor, id groupkit.GroupID) (any, error) {
			return nil, a.MaySpeak(ctx, id)
		}})
}

func (m *machine) lookAtRole(t *rapid.T, c modeltest.Caller, id groupkit.GroupID, u groupkit.UserID) {
	m.ask(t, call{0, "Role", c, id, []any{u},
		func(w *modeltest.World) (any, *modeltest.Refusal) { return answer(w.Role(c, id, u)) },
		func(ctx context.Context, _ *instance, a groupkit.Actor, id groupkit.GroupID) (any, error) {
			return answer2(a.Role(ctx, id, u))
		}})
	m.ask(t, call{0, "Standing", c, id, []any{u},
		func(w *modeltest.World) (any, *modeltest.Refusal) { return answer(w.Standing(c, id, u)) },
		func(ctx context.Context, in *instance, a groupkit.Actor, id groupkit.GroupID) (any, error) {
			s, err := a.Standing(ctx, id, u)
			if s.Request != nil {
				s.Request = new(in.namedRequest(*s.Request))
			}
			if s.Invitation != nil {
				s.Invitation = new(in.namedInvitation(*s.Invitation))
			}
			return s, err
		}})
}

// lookAtFiles reads a file of the group, and one of another group.
func (m *machine) lookAtFiles(t *rapid.T, c modeltest.Caller, id groupkit.GroupID) {
	for _, g := range m.world.Live {
		if len(g.Files) > 0 {
			m.lookAtFile(t, c, id, g.Files[len(g.Files)-1].ID)
		}
	}
	m.lookAtFile(t, c, id, "no-file")
}

func (m *machine) lookAtFile(t *rapid.T, c modeltest.Caller, id groupkit.GroupID, f groupkit.FileID) {
	m.ask(t, call{0, "File", c, id, []any{f},
		func(w *modeltest.World) (any, *modeltest.Refusal) { return answer(w.File(c, id, f)) },
		func(ctx context.Context, in *instance, a groupkit.Actor, id groupkit.GroupID) (any, error) {
			got, err := a.File(ctx, id, in.file(f))
			return in.namedFile(got), err
		}})
	m.ask(t, call{0, "OpenFile", c, id, []any{f},
		func(w *modeltest.World) (any, *modeltest.Refusal) { return answer(w.OpenFile(c, id, f)) },
		func(ctx context.Context, in *instance, a groupkit.Actor, id groupkit.GroupID) (any, error) {
			got, r, err := a.OpenFile(ctx, id, in.file(f))
			if err != nil {
				return nil, err
			}
			content, err := io.ReadAll(r)
			require.NoError(t, r.Close())
			return modeltest.File{File: in.namedFile(got), Content: string(content)}, err
		}})
}

func (m *machine) lookAtDetails(t *rapid.T, c modeltest.Caller, ids []groupkit.GroupID) {
	limit := m.world.Options.Limits.GroupDetails
	for _, ids := range [][]groupkit.GroupID{ids[:min(limit, len(ids))], ids, slices.Concat(ids, ids)} {
		m.ask(t, call{0, "GroupDetails", c, "", []any{ids},
			func(w *modeltest.World) (any, *modeltest.Refusal) { return answer(w.GroupDetails(c, ids)) },
			func(ctx context.Context, in *instance, a groupkit.Actor, _ groupkit.GroupID) (any, error) {
				var theirs []groupkit.GroupID
				for _, id := range ids {
					theirs = append(theirs, in.id(id))
				}
				found, missing, err := a.GroupDetails(ctx, theirs)
				var d modeltest.Details
				for _, g := range found {
					d.Found = append(d.Found, in.named(g))
				}
				for _, id := range missing {
					d.Missing = append(d.Missing, in.name1(id))
				}
				return d, err
			}})
	}
}

// lookAtGroups goes through all groups, as an iterator and by cursor.
func (m *machine) lookAtGroups(t *rapid.T, c modeltest.Caller, p groupkit.Page) {
	list := func(w *modeltest.World) (any, *modeltest.Refusal) { return answer(w.Groups(c)) }
	m.ask(t, call{0, "Groups", c, "", nil, list,
		func(ctx context.Context, in *instance, a groupkit.Actor, _ groupkit.GroupID) (any, error) {
			all, err := grouptest.Collect(a.Groups(ctx))
			return ordered(t, in, all, err, (*instance).named, modeltest.NewestGroup)
		}})
	limit := max(1, p.Size%4)
	m.ask(t, call{0, "GroupsPage", c, "", []any{limit}, list,
		func(ctx context.Context, in *instance, a groupkit.Actor, _ groupkit.GroupID) (any, error) {
			var all []groupkit.Group
			for cursor := ""; ; {
				page, next, err := a.GroupsPage(ctx, limit, cursor)
				if err != nil {
					return nil, err
				}
				if len(page) > limit || len(page) == 0 && next != "" {
					t.Fatalf("%s: %d groups on a page of %d", in.Name, len(page), limit)
				}
				all = append(all, page...)
				if next == "" {
					return ordered(t, in, all, nil, (*instance).named, modeltest.NewestGroup)
				}
				cursor = next
			}
		}})
	for cursor, limit := range map[string]int{"": -1, "\xffhostile": 1, "aG9zdGlsZQ": 1} {
		m.ask(t, call{0, "GroupsPage", c, "", []any{limit, cursor},
			func(*modeltest.World) (any, *modeltest.Refusal) { return nil, modeltest.Refuse(groupkit.ErrInvalid) },
			func(ctx context.Context, _ *instance, a groupkit.Actor, _ groupkit.GroupID) (any, error) {
				return answer2(groupsPage(ctx, a, limit, cursor))
			}})
	}
}

func groupsPage(ctx context.Context, a groupkit.Actor, limit int, cursor string) ([]groupkit.Group, error) {
	page, _, err := a.GroupsPage(ctx, limit, cursor)
	return page, err
}

func (m *machine) lookAtJoined(t *rapid.T, c modeltest.Caller, u groupkit.UserID, p groupkit.Page) {
	m.ask(t, call{0, "JoinedGroups", c, "", []any{u},
		func(w *modeltest.World) (any, *modeltest.Refusal) { return answer(w.JoinedGroups(c, u)) },
		func(ctx context.Context, in *instance, a groupkit.Actor, _ groupkit.GroupID) (any, error) {
			all, err := grouptest.Collect(a.JoinedGroups(ctx, u))
			if err == nil && modeltest.ValidPage(p) {
				page, err := a.JoinedGroupsPage(ctx, u, p)
				require.NoError(t, err)
				requireEqual(t, append([]groupkit.JoinedGroup{}, modeltest.Paged(all, p, 1000)...), append([]groupkit.JoinedGroup{}, page...), in.Name+": JoinedGroupsPage")
				var again []groupkit.JoinedGroup
				for from := (groupkit.From{Limit: 1 + max(p.Size, 0)%3}); ; {
					part, next, err := a.JoinedGroupsFrom(ctx, u, from)
					require.NoError(t, err)
					again = append(again, part...)
					if from.Cursor = next; next == "" {
						break
					}
				}
				requireEqual(t, all, again, in.Name+": JoinedGroupsFrom")
			}
			all, err = allNamed(in, all, err, (*instance).namedJoined)
			slices.SortFunc(all, modeltest.JoinedOrder)
			return all, err
		}})
	m.ask(t, call{0, "JoinedGroupsPage", c, "", []any{u},
		func(w *modeltest.World) (any, *modeltest.Refusal) {
			if !modeltest.ValidPage(p) {
				return 0, modeltest.Refuse(groupkit.ErrInvalid)
			}
			all, no := w.JoinedGroups(c, u)
			return len(modeltest.Paged(all, p, 1000)), no
		},
		func(ctx context.Context, _ *instance, a groupkit.Actor, _ groupkit.GroupID) (any, error) {
			all, err := a.JoinedGroupsPage(ctx, u, p)
			return len(all), err
		}})
}

func (m *machine) lookAtPending(t *rapid.T, c modeltest.Caller, u groupkit.UserID) {
	m.ask(t, call{0, "PendingRequests", c, "", []any{u},
		func(w *modeltest.World) (any, *modeltest.Refusal) { return answer(w.PendingRequests(c, u)) },
		func(ctx context.Context, in *instance, a groupkit.Actor, _ groupkit.GroupID) (any, error) {
			all, err := grouptest.Collect(a.PendingRequests(ctx, u))
			all, err = allNamed(in, all, err, (*instance).namedRequest)
			slices.SortFunc(all, modeltest.RequestOrder)
			return all, err
		}})
	m.ask(t, call{0, "PendingInvitations", c, "", []any{u},
		func(w *modeltest.World) (any, *modeltest.Refusal) { return answer(w.PendingInvitations(c, u)) },
		func(ctx context.Context, in *instance, a groupkit.Actor, _ groupkit.GroupID) (any, error) {
			all, err := grouptest.Collect(a.PendingInvitations(ctx, u))
			all, err = allNamed(in, all, err, (*instance).namedInvitation)
			slices.SortFunc(all, modeltest.InvitationOrder)
			return all, err
		}})
}
