package groupkit_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
	"groupkit/internal/key"
	"groupkit/internal/record"
)

// A damage is one way to break an invariant, and how Verify names it.
type damage struct {
	name string
	do   func(*testing.T, *grouptest.Dataset)
	want groupkit.Violation // Problem: a part of it
}

func TestEngine_Verify(t *testing.T) {
	t.Parallel()
	t.Run("finds nothing in an intact store", func(t *testing.T) {
		t.Parallel()
		grouptest.NewDataset(t).RequireVerified(t)
	})
	for _, group := range [][]damage{
		ownerDamages, countDamages, disjointDamages, muteDamages, userDamages, deletionDamages, fileDamages, logDamages,
		viewDamages, keyDamages,
	} {
		for _, d := range group {
			t.Run(d.want.Record+"/"+d.name, func(t *testing.T) {
				t.Parallel()
				s := grouptest.NewDataset(t)
				d.do(t, s)
				requireViolation(t, s, d.want)
			})
		}
	}
}

func requireViolation(t *testing.T, s *grouptest.Dataset, want groupkit.Violation) {
	violations, err := s.Verify(t.Context())
	require.NoError(t, err)
	for _, v := range violations {
		if strings.Contains(v.Problem, want.Problem) {
			v.Problem = want.Problem
		}
		if v == want {
			return
		}
	}
	require.Fail(t, "the damage is not reported", "want %v\nhave %v", want, violations)
}

func broken(inv groupkit.Invariant, group groupkit.GroupID, user groupkit.UserID, what, problem string) groupkit.Violation {
	return groupkit.Violation{Invariant: inv, Group: group, User: user, Record: what, Problem: problem}
}

func changeHeader(group groupkit.GroupID, change func(*record.Header)) func(*testing.T, *grouptest.Dataset) {
	return func(t *testing.T, s *grouptest.Dataset) { s.ChangeHeader(t, group, change) }
}

func changeMember(user string, change func(*record.Standing)) func(*testing.T, *grouptest.Dataset) {
	return func(t *testing.T, s *grouptest.Dataset) { s.ChangeStanding(t, grouptest.Guild, user, true, change) }
}

func changeOutsider(user string, change func(*record.Standing)) func(*testing.T, *grouptest.Dataset) {
	return func(t *testing.T, s *grouptest.Dataset) { s.ChangeStanding(t, grouptest.Guild, user, false, change) }
}

func putKey(k []byte, v string) func(*testing.T, *grouptest.Dataset) {
	return func(t *testing.T, s *grouptest.Dataset) { s.Put(t, k, []byte(v)) }
}

func removeKey(k []byte) func(*testing.T, *grouptest.Dataset) {
	return func(t *testing.T, s *grouptest.Dataset) { s.Get(t, k); s.Remove(t, k) }
}

// 1: exactly one owner, who is a member and no admin.
var ownerDamages = []damage{
	{"is missing", removeKey(key.Of("guild", key.Header)), broken(groupkit.OneOwner, grouptest.Guild, "", "header", "is missing")},
	{"a second owner", changeMember("carol", func(st *record.Standing) { st.Role = 3 }),
		broken(groupkit.OneOwner, grouptest.Guild, "carol", "member", `has the role of the owner, who is "alice"`)},
	{"two owners", changeMember("carol", func(st *record.Standing) { st.Role = 3 }),
		broken(groupkit.OneOwner, grouptest.Guild, "alice", "header", "there are 2 owners")},
	{"no owner", changeMember("alice", func(st *record.Standing) { st.Role = 1 }),
		broken(groupkit.OneOwner, grouptest.Guild, "alice", "header", "there are 0 owners")},
	{"the owner is no member", removeKey(key.Standing("guild", "alice", true)),
		broken(groupkit.OneOwner, grouptest.Guild, "alice", "header", "there are 0 owners")},
	{"another is named", changeHeader(grouptest.Guild, func(h *record.Header) { h.Owner = "carol" }),
		broken(groupkit.OneOwner, grouptest.Guild, "alice", "member", `has the role of the owner, who is "carol"`)},
	{"the owner is one", putKey(key.OfUser("guild", key.Admins, "alice"), "m"),
		broken(groupkit.OneOwner, grouptest.Guild, "alice", "entry of the admin list", "the owner is an admin")},
}

// 2: the counts are the numbers of what they count; admins are members.
var countDamages = []damage{
	{"members", changeHeader(grouptest.Guild, func(h *record.Header) { h.Members++ }),
		broken(groupkit.CountsExact, grouptest.Guild, "", "header", "it says 6 members, and there are 5")},
	{"admins", changeHeader(grouptest.Guild, func(h *record.Header) { h.Admins = 0 }),
		broken(groupkit.CountsExact, grouptest.Guild, "", "header", "it says 0 admins, and there are 1")},
	{"mutes", changeHeader(grouptest.Guild, func(h *record.Header) { h.Mutes-- }),
		broken(groupkit.CountsExact, grouptest.Guild, "", "header", "it says 1 mutes, and there are 2")},
	{"blocks", changeHeader(grouptest.Guild, func(h *record.Header) { h.Blocked += 5 }),
		broken(groupkit.CountsExact, grouptest.Guild, "", "header", "it says 7 blocks, and there are 2")},
	{"allow list", changeHeader(grouptest.Guild, func(h *record.Header) { h.Allowed = -1 }),
		broken(groupkit.CountsExact, grouptest.Guild, "", "header", "it says -1 entries of the allow list, and there are 2")},
	{"requests", changeHeader(grouptest.Guild, func(h *record.Header) { h.Requests = 0 }),
		broken(groupkit.CountsExact, grouptest.Guild, "", "header", "it says 0 join requests, and there are 2")},
	{"invitations", changeHeader(grouptest.Guild, func(h *record.Header) { h.Invitations++ }),
		broken(groupkit.CountsExact, grouptest.Guild, "", "header", "it says 3 invitations, and there are 2")},
	{"files", changeHeader(grouptest.Guild, func(h *record.Header) { h.Files = 0 }),
		broken(groupkit.CountsExact, grouptest.Guild, "", "header", "it says 0 files, and there are 2")},
	{"a member is missing", removeKey(key.Standing("guild", "carol", true)),
		broken(groupkit.CountsExact, grouptest.Guild, "", "header", "it says 5 members, and there are 4")},
	{"an admin who is none", putKey(key.OfUser("guild", key.Admins, "carol"), "m"),
		broken(groupkit.CountsExact, grouptest.Guild, "carol", "entry of the admin list", "nothing about the user puts it there")},
	{"an admin who is no member", putKey(key.OfUser("guild", key.Admins, "nobody"), "m"),
		broken(groupkit.CountsExact, grouptest.Guild, "nobody", "entry of the admin list", "nothing about the user puts it there")},
	{"an admin is not listed", removeKey(key.OfUser("guild", key.Admins, "bob")),
		broken(groupkit.CountsExact, grouptest.Guild, "bob", "entry of the admin list", "is missing, or wrong")},
	{"of the app", putKey(key.GroupCount(), string(record.EncodeCount(7))),
		broken(groupkit.CountsExact, "", "", "number of groups", "is 7, and there are 4")},
	{"of the app, unreadable", putKey(key.GroupCount(), "\x80"),
		broken(groupkit.CountsExact, "", "", "number of groups", "is 0, and there are 4")},
}

// 3: no one is on two lists that exclude each other.
var disjointDamages = []damage{
	{"a member", changeMember("carol", func(st *record.Standing) { st.Block = &record.Mark{At: 1} }),
		broken(groupkit.ListsDisjoint, grouptest.Guild, "carol", "member", "a member is on the blacklist")},
	{"of a member", changeMember("carol", func(st *record.Standing) { st.Request = &record.Mark{At: 1} }),
		broken(groupkit.ListsDisjoint, grouptest.Guild, "carol", "entry of the join requests", "it is pending for a member")},
	{"of a member", changeMember("carol", func(st *record.Standing) { st.Invitation = &record.Mark{At: 1} }),
		broken(groupkit.ListsDisjoint, grouptest.Guild, "carol", "entry of the invitations", "it is pending for a member")},
	{"of someone blocked", changeOutsider("mallory", func(st *record.Standing) { st.Request = &record.Mark{At: 1} }),
		broken(groupkit.ListsDisjoint, grouptest.Guild, "mallory", "entry of the join requests", "or someone on the blacklist")},
	{"of someone blocked", changeOutsider("mallory", func(st *record.Standing) { st.Invitation = &record.Mark{At: 1} }),
		broken(groupkit.ListsDisjoint, grouptest.Guild, "mallory", "entry of the invitations", "or someone on the blacklist")},
	{"an outsider", changeOutsider("heidi", func(st *record.Standing) { st.Allow = &record.Mark{At: 1} }),
		broken(groupkit.ListsDisjoint, grouptest.Guild, "heidi", "entry of the allow list", "an outsider is on the allow list")},
}

// 4: the owner is not muted, no expiry is past the last instant.
var muteDamages = []damage{
	{"the owner", changeMember("alice", func(st *record.Standing) { st.Mute = &record.Mark{Until: 4638873600000} }),
		broken(groupkit.MutesInBounds, grouptest.Guild, "alice", "member", "the owner is muted")},
	{"too late", changeMember("ivan", func(st *record.Standing) { st.Mute = &record.Mark{Until: 4638873600001} }),
		broken(groupkit.MutesInBounds, grouptest.Guild, "ivan", "entry of the mute list", "it expires at 4638873600001, after the last instant")},
	{"too late", changeOutsider("erin", func(st *record.Standing) { st.Block = &record.Mark{Until: 4638873600001} }),
		broken(groupkit.MutesInBounds, grouptest.Guild, "erin", "entry of the blacklist", "it expires at 4638873600001, after the last instant")},
}

// 5: users and groups agree on memberships, a user's count is right.
var userDamages = []damage{
	{"of a member is missing", removeKey(key.UserGroup("carol", "guild", true)),
		broken(groupkit.UsersAgree, grouptest.Guild, "carol", "entry of a group with the user", "is missing, or wrong")},
	{"of an outsider is missing", removeKey(key.UserGroup("frank", "guild", false)),
		broken(groupkit.UsersAgree, grouptest.Guild, "frank", "entry of a group with the user", "is missing, or wrong")},
	{"says something else", putKey(key.UserGroup("frank", "guild", false), string(record.EncodeCount(1))),
		broken(groupkit.UsersAgree, grouptest.Guild, "frank", "entry of a group with the user", "is missing, or wrong")},
	{"of a group that is not there", putKey(key.UserGroup("frank", "nowhere", true), ""),
		broken(groupkit.UsersAgree, "nowhere", "frank", "entry of a group with the user", "the group knows nothing of it")},
	{"of a member as an outsider", putKey(key.UserGroup("carol", "guild", false), ""),
		broken(groupkit.UsersAgree, grouptest.Guild, "carol", "entry of a group with the user", "the group knows nothing of it")},
	{"is too high", putKey(key.User("carol", key.UserHeader), string(record.EncodeCount(3))),
		broken(groupkit.UsersAgree, "", "carol", "number of the user's groups", "is 3, and the user is in 2")},
	{"is missing", removeKey(key.User("carol", key.UserHeader)),
		broken(groupkit.UsersAgree, "", "carol", "number of the user's groups", "is 0, and the user is in 2")},
	{"is there for no group", putKey(key.User("frank", key.UserHeader), string(record.EncodeCount(1))),
		broken(groupkit.UsersAgree, "", "frank", "number of the user's groups", "is 1, and the user is in 0")},
	{"is there and says none", putKey(key.User("frank", key.UserHeader), ""),
		broken(groupkit.UsersAgree, "", "frank", "number of the user's groups", "is kept, and the user is in none")},
	{"cannot be read", putKey(key.User("carol", key.UserHeader), "\x80"),
		broken(groupkit.UsersAgree, "", "carol", "number of the user's groups", "damaged")},
	{"of a group that never was", putKey(key.UserGroupTrace("frank", "nowhere"), ""),
		broken(groupkit.UsersAgree, "nowhere", "frank", "entry of a group with the user", "the group knows nothing of it")},
	{"of a group that is deleted", removeKey(key.UserGroupTrace("bob", "ended")),
		broken(groupkit.UsersAgree, grouptest.Ended, "bob", "trace of a user who is gone", "is missing")},
	{"belongs to nobody", putKey([]byte("ucarol"), ""),
		broken(groupkit.UsersAgree, "", "", "key of a user", "unknown form")},
	{"is of an unknown kind", putKey(key.UserGroup("carol", "guild", true)[:7], ""),
		broken(groupkit.UsersAgree, "", "carol", "key of a user", "unknown form")},
	{"a header with a group", putKey(key.AppendGroupID(key.User("carol", key.UserHeader), "guild"), string(record.EncodeCount(2))),
		broken(groupkit.UsersAgree, "", "carol", "key of a user", "unknown form")},
}

// 6: of a deleted group only the tombstone and the log are left.
var deletionDamages = []damage{
	{"a member is left", putKey(key.Standing("ended", "bob", true), ""),
		broken(groupkit.DeletedIsGone, grouptest.Ended, "", "header", "1 records are left of a deleted group")},
	{"its text is left", putKey(key.Of("ended", key.Custom), "x"),
		broken(groupkit.DeletedIsGone, grouptest.Ended, "", "header", "1 records are left of a deleted group")},
	{"is not begun", changeHeader(grouptest.Guild, func(h *record.Header) { h.State = record.Deleting }),
		broken(groupkit.DeletedIsGone, grouptest.Guild, "", "header", "nothing says that its deletion has to go on")},
	{"is in an unknown state", changeHeader(grouptest.Guild, func(h *record.Header) { h.State = 3 }),
		broken(groupkit.DeletedIsGone, grouptest.Guild, "", "header", "is in the unknown state 3")},
	{"of a group that lives", putKey(key.Deletion("guild"), ""),
		broken(groupkit.DeletedIsGone, grouptest.Guild, "", "deletion under way", "the group is not being deleted")},
	{"of a group that is gone", putKey(key.Deletion("ended"), ""),
		broken(groupkit.DeletedIsGone, grouptest.Ended, "", "deletion under way", "the group is not being deleted")},
	{"of a group that never was", putKey(key.Deletion("nowhere"), ""),
		broken(groupkit.DeletedIsGone, "nowhere", "", "deletion under way", "the group is not being deleted")},
	{"of nothing", putKey([]byte("dx"), ""),
		broken(groupkit.DeletedIsGone, "", "", "deletion under way", "unknown form")},
	{"of a group and more", putKey(append(key.Deletion("guild"), 0), ""),
		broken(groupkit.DeletedIsGone, "", "", "deletion under way", "unknown form")},
	{"is pending", func(t *testing.T, s *grouptest.Dataset) {
		s.ChangeHeader(t, grouptest.OpenGroup, func(h *record.Header) { h.State = record.Deleting })
		s.Put(t, key.Deletion("open"), nil)
	}, broken(groupkit.DeletedIsGone, grouptest.OpenGroup, "", "deletion under way", "is pending")},
}

// 7: every file has its content, every content its file.
var fileDamages = []damage{
	{"is missing", func(t *testing.T, s *grouptest.Dataset) {
		require.NoError(t, s.Blobs.Delete(t.Context(), grouptest.ContentID(grouptest.Guild, s.Chart)))
	}, broken(groupkit.FilesWhole, grouptest.Guild, "carol", `content of file "map.png"`, "is missing")},
	{"is longer", grouptest.PutContent("a map of the north!"),
		broken(groupkit.FilesWhole, grouptest.Guild, "carol", `content of file "map.png"`, "has 19 bytes, and should have 18")},
	{"is empty", grouptest.PutContent(""),
		broken(groupkit.FilesWhole, grouptest.Guild, "carol", `content of file "map.png"`, "has 0 bytes, and should have 18")},
	{"is another", grouptest.PutContent("a map of the south"),
		broken(groupkit.FilesWhole, grouptest.Guild, "carol", `content of file "map.png"`, "is not what was uploaded")},
	{"of another size", grouptest.ChangeFile(func(f *record.File) { f.Size++ }),
		broken(groupkit.FilesWhole, grouptest.Guild, "carol", `content of file "map.png"`, "has 18 bytes, and should have 19")},
	{"under another id", grouptest.ChangeFile(func(f *record.File) { f.ID = "0123456789abcdef" }),
		broken(groupkit.FilesWhole, grouptest.Guild, "carol", "shared file", "is kept under the id of another")},
	{"of nothing", func(t *testing.T, s *grouptest.Dataset) {
		require.NoError(t, s.Blobs.Put(t.Context(), "stray", strings.NewReader("x")))
	}, broken(groupkit.FilesWhole, "", "", `content "stray"`, "no file names it")},
	{"of a file that is gone", func(t *testing.T, s *grouptest.Dataset) {
		require.NoError(t, s.Blobs.Put(t.Context(), key.Content("guild", uuid.Max), strings.NewReader("x")))
	}, broken(groupkit.FilesWhole, grouptest.Guild, "", `content "`+key.Content("guild", uuid.Max)+`"`, "no file names it")},
	{"cannot be read", putKey(key.Upload(key.Content("guild", uuid.Max)), "\x80"),
		broken(groupkit.FilesWhole, grouptest.Guild, "", "upload under way", "damaged")},
	{"of no content", putKey(key.Upload("stray"), ""),
		broken(groupkit.FilesWhole, "", "", "upload under way", "unknown form")},
}

// alter changes the call in the log of the guild whose last event has the version.
func alter(version uint64, change func(*record.Call)) func(*testing.T, *grouptest.Dataset) {
	return func(t *testing.T, s *grouptest.Dataset) {
		k := key.Event("guild", version)
		c, err := record.DecodeCall(s.Get(t, k))
		require.NoError(t, err)
		change(&c)
		s.Put(t, k, c.Encode())
	}
}

// heidisMute is when the mute of heidi ends, in milliseconds.
var heidisMute = grouptest.Dawn.Add(3*time.Second + time.Hour).UnixMilli()

func TestViolation_String(t *testing.T) {
	t.Parallel()
	v := broken(groupkit.UsersAgree, grouptest.Guild, "carol", "number of the user's groups", "is 3, and the user is in 2")
	require.Equal(t, `invariant 5: group "guild", user "carol", number of the user's groups: is 3, and the user is in 2`, v.String())
}
