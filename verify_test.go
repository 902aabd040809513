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
		viewDamages, keyDamages, inviterDamages,
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
	requireViolationOf(t, s, groupkit.VerifyOptions{}, want)
}

func requireViolationOf(t *testing.T, s *grouptest.Dataset, opts groupkit.VerifyOptions, want groupkit.Violation) {
	report, err := s.Verify(t.Context(), opts)
	require.NoError(t, err)
	require.False(t, report.Sound())
	for _, v := range report.Violations {
		if strings.Contains(v.Problem, want.Problem) {
			v.Problem = want.Problem
		}
		if v == want {
			return
		}
	}
	require.Fail(t, "the damage is not reported", "want %v\nhave %v", want, report.Violations)
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

// removeArrival removes a user's entry of a list that is in the order of arrival.
func removeArrival(list byte, user string) func(*testing.T, *grouptest.Dataset) {
	return func(t *testing.T, s *grouptest.Dataset) {
		for _, k := range s.Keys(t, key.Of("guild", list)) {
			if strings.HasSuffix(k, user) {
				s.Remove(t, []byte(k))
			}
		}
	}
}

// OneOwner: a group has exactly one owner, who is a member and not an admin.
var ownerDamages = []damage{
	{"is missing", removeKey(key.Of("guild", key.Header)), broken(groupkit.OneOwner, grouptest.Guild, "", "header", "is missing")},
	{"a second owner", changeMember("carol", func(st *record.Standing) { st.Role = 3 }),
		broken(groupkit.OneOwner, grouptest.Guild, "carol", "member record", `has the role of the owner, but the header names "alice"`)},
	{"two owners", changeMember("carol", func(st *record.Standing) { st.Role = 3 }),
		broken(groupkit.OneOwner, grouptest.Guild, "alice", "header", `names "alice" as the owner, but 2 members have that role`)},
	{"no owner", changeMember("alice", func(st *record.Standing) { st.Role = 1 }),
		broken(groupkit.OneOwner, grouptest.Guild, "alice", "header", `names "alice" as the owner, but 0 members have that role`)},
	{"the owner is no member", removeKey(key.Standing("guild", "alice", true)),
		broken(groupkit.OneOwner, grouptest.Guild, "alice", "header", `names "alice" as the owner, but 0 members have that role`)},
	{"another is named", changeHeader(grouptest.Guild, func(h *record.Header) { h.Owner = "carol" }),
		broken(groupkit.OneOwner, grouptest.Guild, "alice", "member record", `has the role of the owner, but the header names "carol"`)},
	{"the owner is one", putKey(key.OfUser("guild", key.Admins, "alice"), "m"),
		broken(groupkit.OneOwner, grouptest.Guild, "alice", "entry in the admin list", "names the owner")},
}

// CountsExact: each count is the number of what it counts; admins are members.
var countDamages = []damage{
	{"members", changeHeader(grouptest.Guild, func(h *record.Header) { h.Members++ }),
		broken(groupkit.CountsExact, grouptest.Guild, "", "header", "counts 6 members, but there are 5")},
	{"admins", changeHeader(grouptest.Guild, func(h *record.Header) { h.Admins = 0 }),
		broken(groupkit.CountsExact, grouptest.Guild, "", "header", "counts 0 admins, but there are 1")},
	{"mutes", changeHeader(grouptest.Guild, func(h *record.Header) { h.Mutes-- }),
		broken(groupkit.CountsExact, grouptest.Guild, "", "header", "counts 1 mutes, but there are 2")},
	{"blocks", changeHeader(grouptest.Guild, func(h *record.Header) { h.Blocked += 5 }),
		broken(groupkit.CountsExact, grouptest.Guild, "", "header", "counts 7 blocks, but there are 2")},
	{"allow list", changeHeader(grouptest.Guild, func(h *record.Header) { h.Allowed = -1 }),
		broken(groupkit.CountsExact, grouptest.Guild, "", "header", "counts -1 users on the allow list, but there are 2")},
	{"requests", changeHeader(grouptest.Guild, func(h *record.Header) { h.Requests = 0 }),
		broken(groupkit.CountsExact, grouptest.Guild, "", "header", "counts 0 join requests, but there are 2")},
	{"invitations", changeHeader(grouptest.Guild, func(h *record.Header) { h.Invitations++ }),
		broken(groupkit.CountsExact, grouptest.Guild, "", "header", "counts 3 invitations, but there are 2")},
	{"files", changeHeader(grouptest.Guild, func(h *record.Header) { h.Files = 0 }),
		broken(groupkit.CountsExact, grouptest.Guild, "", "header", "counts 0 files, but there are 2")},
	{"a member is missing", removeKey(key.Standing("guild", "carol", true)),
		broken(groupkit.CountsExact, grouptest.Guild, "", "header", "counts 5 members, but there are 4")},
	{"an admin who is none", putKey(key.OfUser("guild", key.Admins, "carol"), "m"),
		broken(groupkit.CountsExact, grouptest.Guild, "carol", "entry in the admin list", "does not match the record of the user")},
	{"an admin who is no member", putKey(key.OfUser("guild", key.Admins, "nobody"), "m"),
		broken(groupkit.CountsExact, grouptest.Guild, "nobody", "entry in the admin list", "does not match the record of the user")},
	{"an admin is not listed", removeKey(key.OfUser("guild", key.Admins, "bob")),
		broken(groupkit.CountsExact, grouptest.Guild, "bob", "entry in the admin list", "is missing")},
	{"of the app", putKey(key.GroupCount(), string(record.EncodeCount(7))),
		broken(groupkit.CountsExact, "", "", "number of groups", "is 7, but there are 4 groups")},
	{"of the app, unreadable", putKey(key.GroupCount(), "\x80"),
		broken(groupkit.CountsExact, "", "", "number of groups", "is 0, but there are 4 groups")},
}

// ListsDisjoint: no user is on two lists that exclude each other.
var disjointDamages = []damage{
	{"a member", changeMember("carol", func(st *record.Standing) { st.Block = &record.Mark{At: 1} }),
		broken(groupkit.ListsDisjoint, grouptest.Guild, "carol", "member record", "contains a block")},
	{"of a member", changeMember("carol", func(st *record.Standing) { st.Request = &record.Mark{At: 1} }),
		broken(groupkit.ListsDisjoint, grouptest.Guild, "carol", "entry in the list of join requests", "is pending, but the user is a member or blocked")},
	{"of a member", changeMember("carol", func(st *record.Standing) { st.Invitation = &record.Mark{At: 1} }),
		broken(groupkit.ListsDisjoint, grouptest.Guild, "carol", "entry in the list of invitations", "is pending, but the user is a member or blocked")},
	{"of someone blocked", changeOutsider("mallory", func(st *record.Standing) { st.Request = &record.Mark{At: 1} }),
		broken(groupkit.ListsDisjoint, grouptest.Guild, "mallory", "entry in the list of join requests", "is pending, but the user is a member or blocked")},
	{"of someone blocked", changeOutsider("mallory", func(st *record.Standing) { st.Invitation = &record.Mark{At: 1} }),
		broken(groupkit.ListsDisjoint, grouptest.Guild, "mallory", "entry in the list of invitations", "is pending, but the user is a member or blocked")},
	{"an outsider", changeOutsider("heidi", func(st *record.Standing) { st.Allow = &record.Mark{At: 1} }),
		broken(groupkit.ListsDisjoint, grouptest.Guild, "heidi", "entry in the allow list", "names a user who is not a member")},
}

// MutesInBounds: the owner is not muted; no expiry is later than the last instant.
var muteDamages = []damage{
	{"the owner", changeMember("alice", func(st *record.Standing) { st.Mute = &record.Mark{Until: 4638873600000} }),
		broken(groupkit.MutesInBounds, grouptest.Guild, "alice", "member record", "has a mute, but the user is the owner")},
	{"too late", changeMember("ivan", func(st *record.Standing) { st.Mute = &record.Mark{Until: 4638873600001} }),
		broken(groupkit.MutesInBounds, grouptest.Guild, "ivan", "entry in the mute list", "expires at 4638873600001 ms, later than the last instant 4638873600000 ms")},
	{"too late", changeOutsider("erin", func(st *record.Standing) { st.Block = &record.Mark{Until: 4638873600001} }),
		broken(groupkit.MutesInBounds, grouptest.Guild, "erin", "entry in the blacklist", "expires at 4638873600001 ms, later than the last instant 4638873600000 ms")},
}

// UsersAgree: users and groups agree on memberships; each user's group count is exact.
var userDamages = []damage{
	{"of a member is missing", removeKey(key.UserGroup("carol", "guild", true)),
		broken(groupkit.UsersAgree, grouptest.Guild, "carol", "entry in the user's list of groups", "is missing")},
	{"of an outsider is missing", removeKey(key.UserGroup("frank", "guild", false)),
		broken(groupkit.UsersAgree, grouptest.Guild, "frank", "entry in the user's list of groups", "is missing")},
	{"says something else", putKey(key.UserGroup("frank", "guild", false), string(record.EncodeCount(1))),
		broken(groupkit.UsersAgree, grouptest.Guild, "frank", "entry in the user's list of groups", "has a wrong value")},
	{"of a group that is not there", putKey(key.UserGroup("frank", "nowhere", true), ""),
		broken(groupkit.UsersAgree, "nowhere", "frank", "entry in the user's list of groups", "has no matching record in the group")},
	{"of a member as an outsider", putKey(key.UserGroup("carol", "guild", false), ""),
		broken(groupkit.UsersAgree, grouptest.Guild, "carol", "entry in the user's list of groups", "has no matching record in the group")},
	{"is too high", putKey(key.User("carol", key.UserHeader), string(record.EncodeCount(3))),
		broken(groupkit.UsersAgree, "", "carol", "group count", "is 3, but the user is in 2 groups")},
	{"is missing", removeKey(key.User("carol", key.UserHeader)),
		broken(groupkit.UsersAgree, "", "carol", "group count", "is 0, but the user is in 2 groups")},
	{"is there for no group", putKey(key.User("frank", key.UserHeader), string(record.EncodeCount(1))),
		broken(groupkit.UsersAgree, "", "frank", "group count", "is 1, but the user is in 0 groups")},
	{"is there and says none", putKey(key.User("frank", key.UserHeader), ""),
		broken(groupkit.UsersAgree, "", "frank", "group count", "is stored, but the user is in no group")},
	{"cannot be read", putKey(key.User("carol", key.UserHeader), "\x80"),
		broken(groupkit.UsersAgree, "", "carol", "group count", "damaged")},
	{"of a group that never was", putKey(key.UserGroupTrace("frank", "nowhere"), ""),
		broken(groupkit.UsersAgree, "nowhere", "frank", "entry in the user's list of groups", "has no matching record in the group")},
	{"of a group that is deleted", removeKey(key.UserGroupTrace("bob", "ended")),
		broken(groupkit.UsersAgree, grouptest.Ended, "bob", "trace that leads to the log", "is missing")},
	{"of a group whose log is gone", putKey(key.UserGroupTrace("bob", "vanished"), ""),
		broken(groupkit.UsersAgree, grouptest.Vanished, "bob", "entry in the user's list of groups", "leads to a log that has been removed")},
	{"belongs to nobody", putKey([]byte("Ucarol"), ""),
		broken(groupkit.UsersAgree, "", "", "key of a user", "unknown form")},
	{"is of an unknown kind", putKey(key.UserGroup("carol", "guild", true)[:7], ""),
		broken(groupkit.UsersAgree, "", "carol", "key of a user", "unknown form")},
	{"a header with a group", putKey(key.AppendGroupID(key.User("carol", key.UserHeader), "guild"), string(record.EncodeCount(2))),
		broken(groupkit.UsersAgree, "", "carol", "key of a user", "unknown form")},
}

// DeletedIsGone: only the tombstone and the log remain of a deleted group.
var deletionDamages = []damage{
	{"a member is left", putKey(key.Standing("ended", "bob", true), ""),
		broken(groupkit.DeletedIsGone, grouptest.Ended, "", "header", "is a tombstone, but 1 other records of the group are left")},
	{"its text is left", putKey(key.Of("ended", key.Custom), "x"),
		broken(groupkit.DeletedIsGone, grouptest.Ended, "", "header", "is a tombstone, but 1 other records of the group are left")},
	{"is not begun", changeHeader(grouptest.Guild, func(h *record.Header) { h.State = record.Deleting }),
		broken(groupkit.DeletedIsGone, grouptest.Guild, "", "header", "is marked as being deleted, but there is no pending deletion")},
	{"is in an unknown state", changeHeader(grouptest.Guild, func(h *record.Header) { h.State = 4 }),
		broken(groupkit.DeletedIsGone, grouptest.Guild, "", "header", "has the unknown state 4")},
	{"says that it is being loaded", changeHeader(grouptest.Guild, func(h *record.Header) { h.State = record.Loading }),
		broken(groupkit.ViewsAgree, grouptest.Guild, "", "header", "is marked as being loaded, but nobody loads it")},
	{"of a load of a group that lives", putKey(key.Load("guild"), ""),
		broken(groupkit.ViewsAgree, grouptest.Guild, "", "lease of a load", "is for a group that is not being loaded")},
	{"of a group that lives", putKey(key.Deletion("guild"), ""),
		broken(groupkit.DeletedIsGone, grouptest.Guild, "", "pending deletion", "is for a group that is not being deleted")},
	{"of a group that is gone", putKey(key.Deletion("ended"), ""),
		broken(groupkit.DeletedIsGone, grouptest.Ended, "", "pending deletion", "is for a group that is not being deleted")},
	{"of a group that never was", putKey(key.Deletion("nowhere"), ""),
		broken(groupkit.DeletedIsGone, "nowhere", "", "pending deletion", "is for a group that is not being deleted")},
	{"of nothing", putKey([]byte("Dx"), ""),
		broken(groupkit.DeletedIsGone, "", "", "pending deletion", "unknown form")},
	{"of a group and more", putKey(append(key.Deletion("guild"), 0), ""),
		broken(groupkit.DeletedIsGone, "", "", "pending deletion", "unknown form")},
}

// InvitersMayInvite: the inviter of each pending invitation is allowed to invite.
var inviterDamages = []damage{
	{"by a stranger", changeOutsider("grace", func(st *record.Standing) { st.Invitation.By = "nobody" }),
		broken(groupkit.InvitersMayInvite, grouptest.Guild, "grace", "entry in the list of invitations", `is by "nobody", who is not allowed to invite`)},
	{"by a member of a public group", changeOutsider("grace", func(st *record.Standing) { st.Invitation.By = "carol" }),
		broken(groupkit.InvitersMayInvite, grouptest.Guild, "grace", "entry in the list of invitations", `is by "carol", who is not allowed to invite`)},
	{"by an owner who is none", changeMember("alice", func(st *record.Standing) { st.Role = uint8(groupkit.RoleMember) }),
		broken(groupkit.InvitersMayInvite, grouptest.Guild, "grace", "entry in the list of invitations", `is by "alice", who is not allowed to invite`)},
}

// FilesWhole: each file has its content, of its size and hash.
var fileDamages = []damage{
	{"is missing", func(t *testing.T, s *grouptest.Dataset) {
		require.NoError(t, s.Blobs.Delete(t.Context(), grouptest.ContentID(s.Chart)))
	}, broken(groupkit.FilesWhole, grouptest.Guild, "carol", `content of file "map.png"`, "is missing")},
	{"is longer", grouptest.PutContent("a map of the north!"),
		broken(groupkit.FilesWhole, grouptest.Guild, "carol", `content of file "map.png"`, "has 19 bytes instead of 18")},
	{"is empty", grouptest.PutContent(""),
		broken(groupkit.FilesWhole, grouptest.Guild, "carol", `content of file "map.png"`, "has 0 bytes instead of 18")},
	{"is another", grouptest.PutContent("a map of the south"),
		broken(groupkit.FilesWhole, grouptest.Guild, "carol", `content of file "map.png"`, "does not match its hash")},
	{"of another size", grouptest.ChangeFile(func(f *record.File) { f.Size++ }),
		broken(groupkit.FilesWhole, grouptest.Guild, "carol", `content of file "map.png"`, "has 18 bytes instead of 19")},
	{"under another id", grouptest.ChangeFile(func(f *record.File) { f.ID = "0123456789abcdef" }),
		broken(groupkit.ViewsAgree, grouptest.Guild, "", "file record", "of another file")},
	{"cannot be read", putKey(key.Upload(key.Content(uuid.Max)), "\x80"),
		broken(groupkit.FilesWhole, "", "", "reservation of an upload", "damaged")},
	{"of no content", putKey(key.Upload("stray"), ""),
		broken(groupkit.FilesWhole, "", "", "reservation of an upload", "unknown form")},
	{"of no content", putKey(key.ToGo("groupkit-mark"), ""),
		broken(groupkit.FilesWhole, "", "", "content to be removed", "unknown form")},
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
	v := broken(groupkit.CountsExact, grouptest.Guild, "", "header", "counts 6 members, but there are 5")
	require.Equal(t, `group "guild": the header counts 6 members, but there are 5 (rule: exact counts)`, v.String())
	v = broken(groupkit.ViewsAgree, grouptest.Guild, "ivan", "entry in the mute list", "is missing")
	require.Equal(t, `user "ivan" in group "guild": the entry in the mute list is missing (rule: indexes and records agree)`, v.String())
	v = broken(groupkit.UsersAgree, "", "carol", "group count", "is 3, but the user is in 2 groups")
	require.Equal(t, `user "carol": the group count is 3, but the user is in 2 groups (rule: users and groups agree)`, v.String())
	v = broken(groupkit.ViewsAgree, "", "", "format version", "is 0 instead of 1")
	require.Equal(t, `the format version is 0 instead of 1 (rule: indexes and records agree)`, v.String())
}

func TestInvariant_String(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for i := groupkit.OneOwner; i <= groupkit.InvitersMayInvite; i++ {
		require.NotEqual(t, "unknown", i.String(), "%d", i)
		require.False(t, seen[i.String()], "%d", i)
		seen[i.String()] = true
	}
	require.Equal(t, "unknown", groupkit.Invariant(0).String())
	require.Equal(t, "unknown", (groupkit.InvitersMayInvite + 1).String())
}
