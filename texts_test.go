package groupkit_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
	"groupkit/store/memblob"
	"groupkit/store/memstore"
)

// TestIDs_OfOtherSystems uses IDs as other systems make them, everywhere an ID can be.
func TestIDs_OfOtherSystems(t *testing.T) {
	t.Parallel()
	s := grouptest.NewStack(t, groupkit.Options{})
	ctx := t.Context()
	for _, id := range []string{
		"!OGEhHVWSdvArJzumhm:example.org", "@alice:example.org", "room@conference.example.org/x", "120363025246125486@g.us",
		"group.Zm9vYmFyCg==", "19:abc@thread.tacv2", "#channel", "CN=Jane Doe,OU=Users,DC=example,DC=org", "a b/c\\d?e%f", "夜警 ☾", strings.Repeat("é", 127),
	} {
		group, user := groupkit.GroupID(id), groupkit.UserID(id)
		require.NoError(t, grouptest.ErrorOf(s.System().CreateGroup(ctx, groupkit.NewGroup{ID: group, Name: "x", Owner: user, Public: true})), id)
		require.NoError(t, grouptest.ErrorOf(s.As("guest").Join(ctx, group)))
		require.NoError(t, grouptest.ErrorOf(s.As(user).Mute(ctx, group, groupkit.Forever, "guest")))
		f, err := s.As(user).UploadFile(ctx, group, "map", strings.NewReader("x"))
		require.NoError(t, err)
		_, r, err := s.As(user).OpenFile(ctx, group, f.ID)
		require.NoError(t, err)
		require.NoError(t, r.Close())
		joined, err := grouptest.Collect(s.As(user).JoinedGroups(ctx, user))
		require.NoError(t, err)
		require.Len(t, joined, 1)
		require.Equal(t, group, joined[0].ID)
		require.NoError(t, s.As(user).DeleteGroup(ctx, group))
	}
	s.RequireVerified(t)
}

// TestTexts gives the same text at the creation of a group and in an update.
func TestTexts(t *testing.T) {
	t.Parallel()
	eng, _ := grouptest.Setup(t, groupkit.Options{})
	ctx, system, id := t.Context(), eng.System(), grouptest.CreateGroup(t, eng, groupkit.NewGroup{})
	for text, c := range map[string]struct{ name, long bool }{
		"day/night": {true, true}, "a\u200bb": {true, true}, "٣": {true, true}, "☾": {true, true}, "!": {true, true}, "👩‍👩‍👧": {true, true},
		"": {false, true}, " ": {false, true}, "\u200b\u2060": {false, true}, "\u3164": {false, true}, "\u2800": {false, true}, "\u0301": {false, true},
		"a\nb": {false, true}, "a\tb": {false, true}, "a\r\nb": {false, true},
		"a\x00": {false, false}, "\x1b[1m": {false, false}, "a\u0085": {false, false}, "a\x7f": {false, false}, "a\xff": {false, false},
	} {
		check := func(ok bool, err error, what string) {
			t.Helper()
			if ok {
				require.NoError(t, err, "%s %q", what, text)
			} else {
				require.ErrorIs(t, err, groupkit.ErrInvalid, "%s %q", what, text)
			}
		}
		check(c.name, grouptest.ErrorOf(system.CreateGroup(ctx, groupkit.NewGroup{Name: text, Owner: "alice"})), "name")
		check(c.name, update(t, system, id, groupkit.GroupUpdate{Name: &text}), "name")
		check(c.long, grouptest.ErrorOf(system.CreateGroup(ctx, groupkit.NewGroup{Name: "x", Description: text, Owner: "alice"})), "description")
		check(c.long, update(t, system, id, groupkit.GroupUpdate{Description: &text}), "description")
		check(c.long, update(t, system, id, groupkit.GroupUpdate{Avatar: &text}), "avatar")
		check(c.long, system.SetAnnouncement(ctx, id, text), "announcement")
		check(c.long, system.Because(text).SetAnnouncement(ctx, id, "x"), "reason")
	}
}

// TestTexts_AlreadySo lowers the limits below what a group has. Updates refuse only new values.
func TestTexts_AlreadySo(t *testing.T) {
	t.Parallel()
	s, blobs := memstore.New(), memblob.New()
	eng, err := groupkit.New(grouptest.KeptStore{Store: s}, grouptest.KeptBlobs{Blobs: blobs}, nil)
	require.NoError(t, err)
	long := strings.Repeat("x", 100)
	g, err := eng.System().CreateGroup(t.Context(), groupkit.NewGroup{Name: long, Description: long, Avatar: long, Custom: long, MaxUsers: 1000, Owner: "alice"})
	require.NoError(t, err)
	require.NoError(t, eng.System().SetAnnouncement(t.Context(), g.ID, long))
	require.NoError(t, eng.Close())
	eng, err = groupkit.New(s, blobs, &groupkit.Options{Limits: groupkit.Limits{Announcement: 5, Name: 5, Description: 5, Avatar: 5, Custom: 5, MaxUsers: 10}})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, eng.Close()) })
	same := groupkit.GroupUpdate{Name: &long, Description: &long, Avatar: &long, Custom: &long, MaxUsers: new(1000)}
	require.NoError(t, update(t, eng.System(), g.ID, same))
	other := long + "y"
	err = update(t, eng.System(), g.ID, groupkit.GroupUpdate{Name: &other, Description: &other, Avatar: &other, Custom: &other, MaxUsers: new(999)})
	require.Len(t, groupkit.FieldErrors(err), 5)
	require.NoError(t, update(t, eng.System(), g.ID, groupkit.GroupUpdate{Name: new("short"), Description: &long}))
	require.NoError(t, eng.System().SetAnnouncement(t.Context(), g.ID, long))
	require.ErrorIs(t, eng.System().SetAnnouncement(t.Context(), g.ID, other), groupkit.ErrInvalid)
}

// TestError_Quote gives texts that are too long to be quoted.
func TestError_Quote(t *testing.T) {
	t.Parallel()
	eng, _ := grouptest.Setup(t, groupkit.Options{})
	ctx, id := t.Context(), grouptest.CreateGroup(t, eng, groupkit.NewGroup{})
	long := strings.Repeat("長", 1<<20)
	alice := eng.As("alice")
	for name, err := range map[string]error{
		"name":         update(t, alice, id, groupkit.GroupUpdate{Name: new(long)}),
		"user":         alice.AddAdmin(ctx, id, groupkit.UserID(long)),
		"bytes":        alice.AddAdmin(ctx, id, groupkit.UserID(long+"\xff")),
		"group":        alice.DeleteGroup(ctx, groupkit.GroupID(long)),
		"actor":        eng.As(groupkit.UserID(long)).DeleteGroup(ctx, id),
		"reason":       alice.Because(long).DeleteGroup(ctx, id),
		"file":         grouptest.ErrorOf(alice.UploadFile(ctx, id, long, strings.NewReader("x"))),
		"file ID":      alice.DeleteFile(ctx, id, groupkit.FileID(long)),
		"announcement": alice.SetAnnouncement(ctx, id, long),
		"key":          alice.Once(long).MuteGroup(ctx, id),
		"batch":        grouptest.ErrorOf(alice.RemoveMembers(ctx, id, []groupkit.UserID{groupkit.UserID(long)})),
		"cursor":       pageError(ctx, alice, long),
	} {
		require.Error(t, err, name)
		require.Less(t, len(err.Error()), 2000, name)
	}
}

func pageError(ctx context.Context, a groupkit.Actor, cursor string) error {
	_, _, err := a.GroupsPage(ctx, 10, cursor)
	return err
}

// TestActor_CreateGroup_ManyNames is refused without a look at all the names.
func TestActor_CreateGroup_ManyNames(t *testing.T) {
	t.Parallel()
	eng, _ := grouptest.Setup(t, groupkit.Options{})
	var users []groupkit.UserID
	for i := range 40_000 {
		users = append(users, groupkit.UserID(fmt.Sprint(i)))
	}
	_, err := eng.System().CreateGroup(t.Context(), groupkit.NewGroup{Name: "x", Owner: "alice", Members: users})
	require.ErrorIs(t, err, groupkit.ErrBatchTooLarge)
	twice := append(users[:100:100], users[:100]...)
	require.NoError(t, grouptest.ErrorOf(eng.System().CreateGroup(t.Context(), groupkit.NewGroup{Name: "x", Owner: "0", Members: append(twice, "0")})))
}
