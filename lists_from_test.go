package groupkit_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
	"groupkit/store/memblob"
	"groupkit/store/memstore"
)

// entered are the lists of a group as they can be entered, by the names of their entries.
var entered = map[string]func(context.Context, groupkit.Actor, groupkit.GroupID, groupkit.From) ([]string, string, error){
	"members":     enteredBy(groupkit.Actor.MembersFrom, func(m groupkit.Member) groupkit.UserID { return m.User }),
	"admins":      enteredBy(groupkit.Actor.AdminsFrom, func(m groupkit.Member) groupkit.UserID { return m.User }),
	"blacklist":   enteredBy(groupkit.Actor.BlacklistFrom, func(b groupkit.Block) groupkit.UserID { return b.User }),
	"mutes":       enteredBy(groupkit.Actor.MutesFrom, func(m groupkit.Mute) groupkit.UserID { return m.User }),
	"allow list":  enteredBy(groupkit.Actor.AllowListFrom, func(a groupkit.Allowed) groupkit.UserID { return a.User }),
	"requests":    enteredBy(groupkit.Actor.RequestsFrom, func(r groupkit.Request) groupkit.UserID { return r.User }),
	"invitations": enteredBy(groupkit.Actor.InvitationsFrom, func(i groupkit.Invitation) groupkit.UserID { return i.User }),
	"files":       enteredBy(groupkit.Actor.FilesFrom, func(f groupkit.File) string { return f.Name }),
}

func enteredBy[T any, N ~string](
	from func(groupkit.Actor, context.Context, groupkit.GroupID, groupkit.From) ([]T, string, error), name func(T) N,
) func(context.Context, groupkit.Actor, groupkit.GroupID, groupkit.From) ([]string, string, error) {
	return func(ctx context.Context, a groupkit.Actor, g groupkit.GroupID, f groupkit.From) ([]string, string, error) {
		part, next, err := from(a, ctx, g, f)
		names := []string{}
		for _, one := range part {
			names = append(names, string(name(one)))
		}
		return names, next, err
	}
}

var isSortedByUser = map[string]bool{"members": true, "admins": true, "blacklist": true, "mutes": true, "allow list": true}

// TestFrom_Refuses gives arguments that are not valid to every list.
func TestFrom_Refuses(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	s := grouptest.NewDataset(t)
	cursors := map[string]string{"": base64.RawURLEncoding.EncodeToString(make([]byte, 20))}
	for name, enter := range entered {
		_, next, err := enter(ctx, s.System(), grouptest.Guild, groupkit.From{Limit: 1})
		require.NoError(t, err)
		if next != "" {
			cursors[name] = next
		}
		names, _, err := enter(ctx, s.System(), grouptest.Guild, groupkit.From{})
		require.NoError(t, err)
		require.NotEmpty(t, names)
	}
	require.Contains(t, cursors, "members")
	require.Contains(t, cursors, "files")
	for name, enter := range entered {
		wrong := map[groupkit.Field][]groupkit.From{
			groupkit.FieldLimit:  {{Limit: -1}},
			groupkit.FieldAfter:  {{After: "bad\n"}, {After: groupkit.UserID(strings.Repeat("x", 256))}},
			groupkit.FieldPrefix: {{Prefix: "bad\n"}, {Prefix: "\xff"}, {Prefix: strings.Repeat("x", 256)}},
			groupkit.FieldCursor: {{Cursor: "?"}, {Cursor: "aG9zdGlsZQ"}, {Cursor: strings.Repeat("A", 1<<20)}},
		}
		if !isSortedByUser[name] {
			wrong[groupkit.FieldAfter] = append(wrong[groupkit.FieldAfter], groupkit.From{After: "bob"})
			wrong[groupkit.FieldPrefix] = append(wrong[groupkit.FieldPrefix], groupkit.From{Prefix: "b"})
		}
		for other, cursor := range cursors {
			if other != name {
				wrong[groupkit.FieldCursor] = append(wrong[groupkit.FieldCursor], groupkit.From{Cursor: cursor})
			} else {
				b, err := base64.RawURLEncoding.DecodeString(cursor)
				require.NoError(t, err)
				wrong[groupkit.FieldCursor] = append(wrong[groupkit.FieldCursor],
					groupkit.From{Cursor: base64.RawURLEncoding.EncodeToString(b[:8])}, groupkit.From{Cursor: base64.RawURLEncoding.EncodeToString(append(b, 0))})
				require.ErrorIs(t, errorOf3(enter(ctx, s.System(), s.Rangers, groupkit.From{Cursor: cursor})), groupkit.ErrInvalid, "of another group")
			}
		}
		for field, froms := range wrong {
			for _, from := range froms {
				err := errorOf3(enter(ctx, s.System(), grouptest.Guild, from))
				require.ErrorIs(t, err, groupkit.ErrInvalid, "%s: %.100v", name, from)
				require.Equal(t, field, groupkit.FieldErrors(err)[0].Field)
				require.Less(t, len(err.Error()), 400)
			}
		}
		require.ErrorIs(t, errorOf3(enter(ctx, s.As("mallory"), s.Rangers, groupkit.From{})), groupkit.ErrGroupNotFound, "a private group")
	}
	_, next, err := s.System().JoinedGroupsFrom(ctx, "carol", groupkit.From{Limit: 1})
	require.NoError(t, err)
	require.NotEmpty(t, next)
	for _, from := range []groupkit.From{{Limit: -1}, {After: "bob"}, {Prefix: "b"}, {Cursor: "?"}, {Cursor: cursors["members"]}} {
		require.ErrorIs(t, errorOf3(s.System().JoinedGroupsFrom(ctx, "carol", from)), groupkit.ErrInvalid)
	}
	require.ErrorIs(t, errorOf3(s.System().JoinedGroupsFrom(ctx, "bob", groupkit.From{Cursor: next})), groupkit.ErrInvalid, "of another user")
	require.ErrorIs(t, errorOf3(s.As("bob").JoinedGroupsFrom(ctx, "carol", groupkit.From{Cursor: next})), groupkit.ErrSystemOnly)
}

func errorOf3[T any](_ []T, _ string, err error) error { return err }

// TestFrom_WhileTheListChanges reads all lists in parts while entries come and go, and the one
// before the cursor goes too: who is there throughout is seen once.
func TestFrom_WhileTheListChanges(t *testing.T) {
	t.Parallel()
	for name, open := range twoStores(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx := t.Context()
			eng := open(t, groupkit.Options{BlockOutsiders: true, RequestTTL: time.Hour, InvitationTTL: time.Hour})
			sys := eng.System()
			_, err := sys.CreateGroup(ctx, groupkit.NewGroup{ID: "open", Name: "Open", Owner: "alice", Public: true, MembersOnly: true})
			require.NoError(t, err)
			users := func(kind string) (all []groupkit.UserID) {
				for i := range 40 {
					all = append(all, groupkit.UserID(fmt.Sprintf("%s%02d", kind, i)))
				}
				return all
			}
			require.NoError(t, grouptest.ErrorOf(sys.AddMembers(ctx, "open", users("m"))))
			require.NoError(t, grouptest.ErrorOf(sys.BlockUsers(ctx, "open", time.Hour, users("b"))))
			require.NoError(t, grouptest.ErrorOf(sys.MuteUsers(ctx, "open", time.Hour, users("m"))))
			require.NoError(t, grouptest.ErrorOf(sys.AllowUsers(ctx, "open", users("m"))))
			require.NoError(t, grouptest.ErrorOf(sys.InviteUsers(ctx, "open", users("i"))))
			for _, u := range users("r") {
				require.NoError(t, grouptest.ErrorOf(eng.As(u).Join(ctx, "open")))
			}
			removals := map[string]func(groupkit.UserID) error{
				"members":     func(u groupkit.UserID) error { return sys.RemoveMember(ctx, "open", u) },
				"blacklist":   func(u groupkit.UserID) error { return sys.Unblock(ctx, "open", u) },
				"mutes":       func(u groupkit.UserID) error { return sys.Unmute(ctx, "open", u) },
				"allow list":  func(u groupkit.UserID) error { return sys.Disallow(ctx, "open", u) },
				"requests":    func(u groupkit.UserID) error { return sys.DeclineRequest(ctx, "open", u) },
				"invitations": func(u groupkit.UserID) error { return sys.CancelInvitation(ctx, "open", u) },
			}
			for _, list := range []string{"allow list", "mutes", "members", "blacklist", "requests", "invitations"} {
				want, _, err := entered[list](ctx, sys, "open", groupkit.From{Limit: 1000})
				require.NoError(t, err)
				require.GreaterOrEqual(t, len(want), 40, list)
				var got []string
				for from := (groupkit.From{Limit: 3}); ; {
					part, next, err := entered[list](ctx, sys, "open", from)
					require.NoError(t, err)
					got = append(got, part...)
					if last := part[len(part)-1]; last != "alice" {
						require.NoError(t, removals[list](groupkit.UserID(last)))
					}
					if from.Cursor = next; next == "" {
						break
					}
				}
				require.Equal(t, want, got, list)
			}
		})
	}
}

// TestFrom_PassesOverTheExpired has lists most of which have expired: the entries in force are found,
// and the list does not end before.
func TestFrom_PassesOverTheExpired(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	s := grouptest.NewStack(t, groupkit.Options{BlockOutsiders: true})
	sys := s.System()
	_, err := sys.CreateGroup(ctx, groupkit.NewGroup{ID: "guild", Name: "Guild", Owner: "alice", MaxUsers: 1000})
	require.NoError(t, err)
	all := grouptest.Users("u", 700)
	for part := range slices.Chunk(all, 50) {
		require.NoError(t, grouptest.ErrorOf(sys.BlockUsers(ctx, "guild", time.Hour, part)))
	}
	lasting := []groupkit.UserID{all[0], all[5], all[300], all[699]}
	require.NoError(t, grouptest.ErrorOf(sys.UnblockUsers(ctx, "guild", lasting)))
	require.NoError(t, grouptest.ErrorOf(sys.BlockUsers(ctx, "guild", groupkit.Forever, lasting)))
	s.Clock.Advance(time.Hour)
	for limit := 1; limit <= 5; limit++ {
		var got []groupkit.UserID
		for from := (groupkit.From{Limit: limit}); ; {
			part, next, err := sys.BlacklistFrom(ctx, "guild", from)
			require.NoError(t, err)
			for _, b := range part {
				got = append(got, b.User)
			}
			require.True(t, len(part) == limit || next == "")
			if from.Cursor = next; next == "" {
				break
			}
		}
		require.Equal(t, lasting, got, limit)
	}
}

// TestFrom_Combined combines the places at which a list begins: the last one of them counts.
func TestFrom_Combined(t *testing.T) {
	t.Parallel()
	for name, open := range twoStores(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx := t.Context()
			eng := open(t, groupkit.Options{})
			members := grouptest.IDs{"a", "b1", "b2", "b3", "c1"}
			_, err := eng.System().CreateGroup(ctx, groupkit.NewGroup{ID: "guild", Name: "x", Owner: "a", Members: members[1:]})
			require.NoError(t, err)
			enter := func(from groupkit.From) ([]string, string) {
				names, next, err := entered["members"](ctx, eng.System(), "guild", from)
				require.NoError(t, err)
				return names, next
			}
			_, afterB1 := enter(groupkit.From{Limit: 2})
			for want, from := range map[string]groupkit.From{
				"b2 b3 c1": {Cursor: afterB1},
				"b3 c1":    {Cursor: afterB1, After: "b2"},
				"b2 b3":    {Cursor: afterB1, After: "a", Prefix: "b"},
				"c1":       {Cursor: afterB1, Prefix: "c"},
				"b1 b2 b3": {Prefix: "b", After: "a"},
				"b3":       {Prefix: "b", After: "b2x"},
				"":         {Prefix: "b", After: "c"},
			} {
				names, next := enter(from)
				require.Equal(t, want, strings.Join(names, " "), "%+v", from)
				require.Empty(t, next)
			}
			names, next := enter(groupkit.From{Cursor: afterB1, Prefix: "a"})
			require.Empty(t, names)
			require.Empty(t, next)
		})
	}
}

// TestFrom_Limit asks for no number of entries, and for more than there may be.
func TestFrom_Limit(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	s := grouptest.NewStack(t, groupkit.Options{})
	users := grouptest.Users("u", 1001)
	g, err := s.System().CreateGroup(ctx, groupkit.NewGroup{ID: "guild", Name: "x", Owner: users[0], MaxUsers: 2000})
	require.NoError(t, err)
	fill(t, s.Engine, g.ID, users[1:])
	for limit, want := range map[int]int{0: 10, 1: 1, 1000: 1000, 1001: 1000, 1 << 30: 1000} {
		part, next, err := s.System().MembersFrom(ctx, "guild", groupkit.From{Limit: limit})
		require.NoError(t, err)
		require.Len(t, part, want)
		require.NotEmpty(t, next)
	}
}

// TestFiles_InParts reads files by pages and by cursor, while the file before the cursor goes.
func TestFiles_InParts(t *testing.T) {
	t.Parallel()
	for name, open := range twoStores(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx := t.Context()
			eng := open(t, groupkit.Options{Limits: groupkit.Limits{FilesPage: 3}})
			sys, id := eng.System(), grouptest.CreateGroup(t, eng, groupkit.NewGroup{})
			for i := range 8 {
				_, err := sys.UploadFile(ctx, id, fmt.Sprint("f", i), strings.NewReader("x"))
				require.NoError(t, err)
			}
			all := grouptest.MustCollect(t, sys.Files(ctx, id))
			require.Len(t, all, 8)
			for n, want := range [][]groupkit.File{all[:3], all[3:6], all[6:], nil} {
				page, err := sys.FilesPage(ctx, id, groupkit.Page{Number: n + 1, Size: 5})
				require.NoError(t, err)
				require.Equal(t, append([]groupkit.File{}, want...), append([]groupkit.File{}, page...), "page %d", n+1)
			}
			var got []groupkit.File
			for from := (groupkit.From{Limit: 5}); ; from.Limit = 0 {
				part, next, err := sys.FilesFrom(ctx, id, from)
				require.NoError(t, err)
				require.LessOrEqual(t, len(part), 3)
				got = append(got, part...)
				if from.Cursor == "" { // the first part
					require.NoError(t, sys.DeleteFile(ctx, id, part[len(part)-1].ID))
				}
				if from.Cursor = next; next == "" {
					break
				}
			}
			require.Equal(t, all, got)
		})
	}
}

// TestActor_Standing says what each kind of actor learns.
func TestActor_Standing(t *testing.T) {
	t.Parallel()
	for name, open := range twoStores(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx := t.Context()
			now := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
			eng := open(t, groupkit.Options{Clock: func() time.Time { return now }, BlockOutsiders: true})
			alice, sys := eng.As("alice"), eng.System()
			_, err := sys.CreateGroup(ctx, groupkit.NewGroup{ID: "guild", Name: "Guild", Owner: "alice", Members: []groupkit.UserID{"bob", "carol"}})
			require.NoError(t, err)
			require.NoError(t, grouptest.ErrorOf(alice.Because("loud").Mute(ctx, "guild", time.Hour, "bob")))
			require.NoError(t, alice.Allow(ctx, "guild", "bob"))
			require.NoError(t, grouptest.ErrorOf(alice.Because("welcome").Invite(ctx, "guild", "dave")))
			require.NoError(t, grouptest.ErrorOf(sys.Because("spam").Block(ctx, "guild", time.Hour, "eve")))

			whole := groupkit.Standing{
				User: "bob", Role: groupkit.RoleMember, Joined: now,
				Mute:    &groupkit.Mute{User: "bob", Until: now.Add(time.Hour), By: "alice", At: now, Reason: "loud"},
				Allowed: &groupkit.Allowed{User: "bob", By: "alice", At: now},
			}
			for _, a := range []groupkit.Actor{alice, sys} {
				got, err := a.Standing(ctx, "guild", "bob")
				require.NoError(t, err)
				require.Equal(t, whole, got)
			}
			got, err := eng.As("bob").Standing(ctx, "guild", "bob")
			require.NoError(t, err)
			whole.Mute.By, whole.Allowed.By = "", ""
			require.Equal(t, whole, got, "not by whom")
			got, err = eng.As("dave").Standing(ctx, "guild", "dave")
			require.NoError(t, err)
			require.Equal(t, groupkit.Standing{User: "dave", Invitation: &groupkit.Invitation{Group: "guild", User: "dave", By: "alice", At: now, Reason: "welcome"}}, got)
			text, err := json.Marshal(got)
			require.NoError(t, err)
			require.NotContains(t, string(text), "Mute")
			require.NotContains(t, string(text), "Joined")
			got, err = alice.Standing(ctx, "guild", "eve")
			require.NoError(t, err)
			require.Equal(t, &groupkit.Block{User: "eve", Until: now.Add(time.Hour), At: now, Reason: "spam"}, got.Block)
			got, err = alice.Standing(ctx, "guild", "nobody")
			require.NoError(t, err)
			require.Equal(t, groupkit.Standing{User: "nobody"}, got)

			refused := func(a groupkit.Actor, g groupkit.GroupID, u groupkit.UserID, want error) {
				_, err := a.Standing(ctx, g, u)
				require.ErrorIs(t, err, want)
				grouptest.RequireError(t, err, groupkit.OpStanding, g)
			}
			refused(eng.As("bob"), "guild", "carol", groupkit.ErrRoleTooLow)
			refused(eng.As("eve"), "guild", "eve", groupkit.ErrBlacklisted)
			refused(eng.As("mallory"), "guild", "mallory", groupkit.ErrGroupNotFound)
			refused(eng.As("dave"), "guild", "bob", groupkit.ErrGroupNotFound)
			refused(alice, "nowhere", "bob", groupkit.ErrGroupNotFound)
			refused(alice, "guild", "", groupkit.ErrInvalid)

			now = now.Add(time.Hour)
			got, err = alice.Standing(ctx, "guild", "bob")
			require.NoError(t, err)
			require.Nil(t, got.Mute, "it has expired")
			got, err = eng.As("eve").Standing(ctx, "guild", "eve")
			require.ErrorIs(t, err, groupkit.ErrGroupNotFound)
			require.Zero(t, got)
		})
	}
}

// TestGroup_PendingCounts says who sees the counts, that they leave out what has expired, and that
// a repeated CreateGroup gives them again.
func TestGroup_PendingCounts(t *testing.T) {
	t.Parallel()
	for name, open := range twoStores(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx := t.Context()
			now := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
			eng := open(t, groupkit.Options{Clock: func() time.Time { return now }, RequestTTL: time.Hour, InvitationTTL: 2 * time.Hour})
			for range 2 {
				g, err := eng.As("alice").Once("k").CreateGroup(ctx, groupkit.NewGroup{Name: "Guild", Members: []groupkit.UserID{"dave"}})
				require.NoError(t, err)
				require.Equal(t, 1, g.InvitationCount)
			}
			_, err := eng.System().CreateGroup(ctx, groupkit.NewGroup{ID: "open", Name: "Open", Owner: "alice", Public: true, MembersOnly: true, Members: []groupkit.UserID{"bob"}})
			require.NoError(t, err)
			for _, u := range []groupkit.UserID{"r1", "r2"} {
				require.NoError(t, grouptest.ErrorOf(eng.As(u).Join(ctx, "open")))
			}
			require.NoError(t, grouptest.ErrorOf(eng.System().InviteUsers(ctx, "open", []groupkit.UserID{"i1"})))
			counts := func(a groupkit.Actor, user groupkit.UserID) (all [][2]int) {
				g, err := a.Group(ctx, "open")
				require.NoError(t, err)
				found, _, err := a.GroupDetails(ctx, []groupkit.GroupID{"open"})
				require.NoError(t, err)
				all = append(all, [2]int{g.RequestCount, g.InvitationCount}, [2]int{found[0].RequestCount, found[0].InvitationCount})
				for _, j := range grouptest.MustCollect(t, a.JoinedGroups(ctx, user)) {
					if j.ID == "open" {
						all = append(all, [2]int{j.RequestCount, j.InvitationCount})
					}
				}
				return all
			}
			both := func(requests, invitations int) [][2]int {
				return slices.Repeat([][2]int{{requests, invitations}}, 3)
			}
			require.Equal(t, both(2, 1), counts(eng.As("alice"), "alice"))
			require.Equal(t, both(2, 1), counts(eng.System(), "bob"))
			require.Equal(t, both(0, 0), counts(eng.As("bob"), "bob"))
			require.Equal(t, both(0, 0)[:2], counts(eng.As("zoe"), "zoe"))
			now = now.Add(time.Hour)
			require.Equal(t, both(0, 1), counts(eng.As("alice"), "alice"))
			now = now.Add(time.Hour)
			require.Equal(t, both(0, 0), counts(eng.As("alice"), "alice"))
		})
	}
}

// twoStores opens engines in memory and in a file of bbolt.
func twoStores(t *testing.T) map[string]func(*testing.T, groupkit.Options) *groupkit.Engine {
	t.Helper()
	return map[string]func(*testing.T, groupkit.Options) *groupkit.Engine{
		"memory": func(t *testing.T, opts groupkit.Options) *groupkit.Engine {
			eng, err := groupkit.New(memstore.New(), memblob.New(), &opts)
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, eng.Close()) })
			return eng
		},
		"bbolt": func(t *testing.T, opts groupkit.Options) *groupkit.Engine {
			eng, err := groupkit.Open(filepath.Join(t.TempDir(), "guilds.db"), &opts)
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, eng.Close()) })
			return eng
		},
	}
}
