package groupkit_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
	"groupkit/store/memblob"
	"groupkit/store/memstore"
)

// What comes from outside: IDs, cursors, positions and JSON. `make fuzz` runs each target for a while.

// FuzzUserID names a user. It is refused if the rule says so; otherwise it is the user, byte for byte.
func FuzzUserID(f *testing.F) {
	for _, id := range []string{"alice", "a b", " a", "a ", "", "\x00", "\u0085", "\u00a0a", "\u200ba", "ü", "\xff", strings.Repeat("x", 255), strings.Repeat("x", 256), strings.Repeat("語", 85)} {
		f.Add(id)
	}
	eng, err := groupkit.New(memstore.New(), memblob.New(), nil)
	require.NoError(f, err)
	f.Cleanup(func() { require.NoError(f, eng.Close()) })
	f.Fuzz(func(t *testing.T, id string) {
		ctx, user, group := t.Context(), groupkit.UserID(id), groupkit.GroupID(id)
		g, err := eng.System().CreateGroup(ctx, groupkit.NewGroup{ID: group, Name: "g", Owner: user})
		if len(id) < 1 || len(id) > 255 || !utf8.ValidString(id) || strings.ContainsFunc(id, unicode.IsControl) || strings.TrimSpace(id) != id {
			require.ErrorIs(t, err, groupkit.ErrInvalid)
			require.ErrorIs(t, grouptest.ErrorOf(eng.System().Standing(ctx, "g", user)), groupkit.ErrInvalid)
			return
		}
		if errors.Is(err, groupkit.ErrGroupExists) || errors.Is(err, groupkit.ErrTooManyJoined) {
			return // this process has had it before
		}
		require.NoError(t, err)
		require.Equal(t, groupkit.Group{ID: group, Owner: user}, groupkit.Group{ID: g.ID, Owner: g.Owner})
		members := grouptest.MustCollect(t, eng.System().Members(ctx, group))
		require.Len(t, members, 1)
		require.Equal(t, user, members[0].User)
		joined := grouptest.MustCollect(t, eng.System().JoinedGroups(ctx, user))
		require.True(t, slices.ContainsFunc(joined, func(j groupkit.JoinedGroup) bool { return j.Group.ID == group }))
		require.NoError(t, eng.As(user).DeleteGroup(ctx, group))
		require.Empty(t, grouptest.MustCollect(t, eng.System().JoinedGroups(ctx, user)))
	})
}

// FuzzCursor enters every list with any cursor. It is refused, or leads to the end of the list and to nothing
// that the list does not have, and the cursors that follow lead on.
func FuzzCursor(f *testing.F) {
	s := grouptest.NewDataset(f)
	ctx := context.Background()
	lists := cursorLists(ctx, s.System())
	for _, list := range lists {
		_, next, err := list(groupkit.From{Limit: 1})
		require.NoError(f, err)
		if next != "" {
			f.Add(next, "", "", 1)
			f.Add(next[:len(next)-1], "a", "b", 2)
			f.Add(next+"A", "", "", 0)
		}
	}
	f.Add("", "zoe", "", 3)
	f.Add("\n", "", "\xff", -1)
	f.Fuzz(func(t *testing.T, cursor, after, prefix string, limit int) {
		for name, list := range lists {
			whole, next, err := list(groupkit.From{Limit: 1000})
			require.NoError(t, err)
			require.Empty(t, next, "%s has fewer entries", name)
			from := groupkit.From{Cursor: cursor, After: groupkit.UserID(after), Prefix: prefix, Limit: limit % 1001}
			var got []string
			for n := 0; ; n++ {
				require.LessOrEqual(t, n, len(whole), "%s does not end", name)
				part, next, err := list(from)
				if err != nil {
					require.ErrorIs(t, err, groupkit.ErrInvalid, name)
					require.Zero(t, n, "%s: its own cursor", name)
					break
				}
				got = append(got, part...)
				if from.Cursor = next; next == "" {
					break
				}
			}
			at := 0
			for _, one := range got { // in the order of the list, and none twice
				i := slices.Index(whole[at:], one)
				require.GreaterOrEqual(t, i, 0, "%s: %q of %q", name, got, whole)
				at += i + 1
			}
		}
	})
}

// cursorLists are the lists that have cursors, as texts.
func cursorLists(ctx context.Context, a groupkit.Actor) map[string]func(groupkit.From) ([]string, string, error) {
	return map[string]func(groupkit.From) ([]string, string, error){
		"members":     textsOf(ctx, a.MembersFrom),
		"admins":      textsOf(ctx, a.AdminsFrom),
		"blacklist":   textsOf(ctx, a.BlacklistFrom),
		"mutes":       textsOf(ctx, a.MutesFrom),
		"allow list":  textsOf(ctx, a.AllowListFrom),
		"requests":    textsOf(ctx, a.RequestsFrom),
		"invitations": textsOf(ctx, a.InvitationsFrom),
		"files":       textsOf(ctx, a.FilesFrom),
		"joined groups": func(from groupkit.From) ([]string, string, error) {
			groups, next, err := a.JoinedGroupsFrom(ctx, "alice", from)
			return jsonTexts(groups), next, err
		},
		"groups": func(from groupkit.From) ([]string, string, error) {
			groups, next, err := a.GroupsPage(ctx, from.Limit, from.Cursor)
			return jsonTexts(groups), next, err
		},
	}
}

func textsOf[T any](ctx context.Context, list func(context.Context, groupkit.GroupID, groupkit.From) ([]T, string, error)) func(groupkit.From) ([]string, string, error) {
	return func(from groupkit.From) ([]string, string, error) {
		items, next, err := list(ctx, grouptest.Guild, from)
		return jsonTexts(items), next, err
	}
}

func jsonTexts[T any](items []T) (out []string) {
	for _, item := range items {
		text, err := json.Marshal(item)
		out = append(out, string(text)+grouptest.Either(err == nil, "", "not JSON"))
	}
	return out
}

// FuzzPosition reads positions. What is one has exactly one text, and whoever follows from it gets an event, an
// error, or waits.
func FuzzPosition(f *testing.F) {
	s := grouptest.NewDataset(f)
	for _, p := range []groupkit.Position{{}, groupkit.Latest(), s.Position(3), s.Position(1 << 40), {History: "none"}, {History: s.History(), Version: 2, Group: grouptest.Guild}} {
		f.Add(p.String())
		f.Add(p.String() + ":")
	}
	f.Add("h:01")
	f.Add("h:1:Zw==")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := groupkit.ParsePosition(text)
		if err != nil {
			require.ErrorIs(t, err, groupkit.ErrInvalid)
			return
		}
		require.Equal(t, text, p.String())
		ctx, cancel := context.WithCancel(context.Background())
		one, err1 := s.System().Follow(ctx, grouptest.Guild, p)
		all, err2 := s.System().FollowAll(ctx, p)
		cancel() // what there is comes all the same
		for i, err := range []error{err1, err2} {
			if err != nil {
				require.ErrorIs(t, err, groupkit.ErrInvalid)
				continue
			}
			follower := []*groupkit.Follower{one, all}[i]
			if e, err := follower.Next(ctx); err == nil {
				require.NotZero(t, e.Kind)
			} else {
				require.ErrorIs(t, err, context.Canceled)
			}
			follower.Close()
		}
	})
}

// FuzzJSON reads each type from any JSON. What it takes it writes back so that it reads the same again.
func FuzzJSON(f *testing.F) {
	entries, err := os.ReadDir("testdata/json")
	require.NoError(f, err)
	for _, entry := range entries {
		text, err := os.ReadFile("testdata/json/" + entry.Name())
		require.NoError(f, err)
		f.Add(text)
		var parts []json.RawMessage // also each value of the files that have several
		if json.Unmarshal(text, &parts) == nil {
			for _, part := range parts {
				f.Add([]byte(part))
			}
		}
	}
	f.Add([]byte(`{"users":[],"changes":[],"members":null,"before":[null],"created":"2026-05-04T12:00:00.123456789+02:00"}`))
	f.Add([]byte(`{"error":{"causes":[{"code":"x"},null],"fields":[{}],"limit":{}},"until":"9999-12-31T23:59:59.999999999Z"}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		rereads[groupkit.Group](t, text)
		rereads[groupkit.Snapshot](t, text)
		rereads[groupkit.Event](t, text)
		rereads[groupkit.Command](t, text)
		rereads[groupkit.Result](t, text)
		rereads[groupkit.Results](t, text)
		rereads[groupkit.Error](t, text)
		rereads[groupkit.Standing](t, text)
		rereads[groupkit.JoinedGroup](t, text)
		rereads[groupkit.UserData](t, text)
		rereads[groupkit.File](t, text)
		rereads[groupkit.Announcement](t, text)
		rereads[groupkit.NewGroup](t, text)
		rereads[groupkit.GroupUpdate](t, text)
		rereads[groupkit.ForgetOptions](t, text)
		rereads[groupkit.Position](t, text)
	})
}

// rereads reads a value, writes it, reads that, and writes it again.
func rereads[T any](t *testing.T, text []byte) {
	t.Helper()
	var value, again T
	if json.Unmarshal(text, &value) != nil {
		return
	}
	written, err := json.Marshal(&value)
	if err != nil {
		require.ErrorIs(t, err, groupkit.ErrInvalid, "%T of %s", value, text)
		return
	}
	require.NoError(t, json.Unmarshal(written, &again), "%T of %s", value, text)
	twice, err := json.Marshal(&again)
	require.NoError(t, err)
	require.Equal(t, string(written), string(twice), "%T of %s", value, text)
}
