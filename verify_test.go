package groupkit_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/key"
	"groupkit/internal/record"
)

// A damage is one way to break an invariant, and how Verify names it.
type damage struct {
	name string
	do   func(*testing.T, *town)
	want groupkit.Violation // Problem: a part of it
}

func TestEngine_Verify(t *testing.T) {
	t.Parallel()
	t.Run("finds nothing in an intact store", func(t *testing.T) {
		t.Parallel()
		newTown(t).clean(t)
	})
	for _, group := range [][]damage{
		ownerDamages, countDamages, disjointDamages, muteDamages, userDamages, deletionDamages, fileDamages, logDamages,
		viewDamages, keyDamages,
	} {
		for _, d := range group {
			t.Run(d.want.Record+"/"+d.name, func(t *testing.T) {
				t.Parallel()
				s := newTown(t)
				d.do(t, s)
				requireViolation(t, s, d.want)
			})
		}
	}
}

func requireViolation(t *testing.T, s *town, want groupkit.Violation) {
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

func changeHeader(group groupkit.GroupID, change func(*record.Header)) func(*testing.T, *town) {
	return func(t *testing.T, s *town) { s.header(t, group, change) }
}

func changeMember(user string, change func(*record.Standing)) func(*testing.T, *town) {
	return func(t *testing.T, s *town) { s.standing(t, guild, user, true, change) }
}

func changeOutsider(user string, change func(*record.Standing)) func(*testing.T, *town) {
	return func(t *testing.T, s *town) { s.standing(t, guild, user, false, change) }
}

func putKey(k []byte, v string) func(*testing.T, *town) {
	return func(t *testing.T, s *town) { s.put(t, k, []byte(v)) }
}

func removeKey(k []byte) func(*testing.T, *town) {
	return func(t *testing.T, s *town) { s.get(t, k); s.remove(t, k) }
}

// 1: exactly one owner, who is a member and no admin.
var ownerDamages = []damage{
	{"is missing", removeKey(key.Of("guild", key.Header)), broken(groupkit.OneOwner, guild, "", "header", "is missing")},
	{"a second owner", changeMember("carol", func(st *record.Standing) { st.Role = 3 }),
		broken(groupkit.OneOwner, guild, "carol", "member", `has the role of the owner, who is "alice"`)},
	{"two owners", changeMember("carol", func(st *record.Standing) { st.Role = 3 }),
		broken(groupkit.OneOwner, guild, "alice", "header", "there are 2 owners")},
	{"no owner", changeMember("alice", func(st *record.Standing) { st.Role = 1 }),
		broken(groupkit.OneOwner, guild, "alice", "header", "there are 0 owners")},
	{"the owner is no member", removeKey(key.Standing("guild", "alice", true)),
		broken(groupkit.OneOwner, guild, "alice", "header", "there are 0 owners")},
	{"another is named", changeHeader(guild, func(h *record.Header) { h.Owner = "carol" }),
		broken(groupkit.OneOwner, guild, "alice", "member", `has the role of the owner, who is "carol"`)},
	{"the owner is one", putKey(key.OfUser("guild", key.Admins, "alice"), "m"),
		broken(groupkit.OneOwner, guild, "alice", "entry of the admin list", "the owner is an admin")},
}

// 2: the counts are the numbers of what they count; admins are members.
var countDamages = []damage{
	{"members", changeHeader(guild, func(h *record.Header) { h.Members++ }),
		broken(groupkit.CountsExact, guild, "", "header", "it says 6 members, and there are 5")},
	{"admins", changeHeader(guild, func(h *record.Header) { h.Admins = 0 }),
		broken(groupkit.CountsExact, guild, "", "header", "it says 0 admins, and there are 1")},
	{"mutes", changeHeader(guild, func(h *record.Header) { h.Mutes-- }),
		broken(groupkit.CountsExact, guild, "", "header", "it says 1 mutes, and there are 2")},
	{"blocks", changeHeader(guild, func(h *record.Header) { h.Blocked += 5 }),
		broken(groupkit.CountsExact, guild, "", "header", "it says 7 blocks, and there are 2")},
	{"allow list", changeHeader(guild, func(h *record.Header) { h.Allowed = -1 }),
		broken(groupkit.CountsExact, guild, "", "header", "it says -1 entries of the allow list, and there are 2")},
	{"requests", changeHeader(guild, func(h *record.Header) { h.Requests = 0 }),
		broken(groupkit.CountsExact, guild, "", "header", "it says 0 join requests, and there are 2")},
	{"invitations", changeHeader(guild, func(h *record.Header) { h.Invitations++ }),
		broken(groupkit.CountsExact, guild, "", "header", "it says 3 invitations, and there are 2")},
	{"files", changeHeader(guild, func(h *record.Header) { h.Files = 0 }),
		broken(groupkit.CountsExact, guild, "", "header", "it says 0 files, and there are 2")},
	{"a member is missing", removeKey(key.Standing("guild", "carol", true)),
		broken(groupkit.CountsExact, guild, "", "header", "it says 5 members, and there are 4")},
	{"an admin who is none", putKey(key.OfUser("guild", key.Admins, "carol"), "m"),
		broken(groupkit.CountsExact, guild, "carol", "entry of the admin list", "nothing about the user puts it there")},
	{"an admin who is no member", putKey(key.OfUser("guild", key.Admins, "nobody"), "m"),
		broken(groupkit.CountsExact, guild, "nobody", "entry of the admin list", "nothing about the user puts it there")},
	{"an admin is not listed", removeKey(key.OfUser("guild", key.Admins, "bob")),
		broken(groupkit.CountsExact, guild, "bob", "entry of the admin list", "is missing, or wrong")},
	{"of the app", putKey(key.GroupCount(), string(record.EncodeCount(7))),
		broken(groupkit.CountsExact, "", "", "number of groups", "is 7, and there are 4")},
	{"of the app, unreadable", putKey(key.GroupCount(), "\x80"),
		broken(groupkit.CountsExact, "", "", "number of groups", "is 0, and there are 4")},
}

// 3: no one is on two lists that exclude each other.
var disjointDamages = []damage{
	{"a member", changeMember("carol", func(st *record.Standing) { st.Block = &record.Mark{At: 1} }),
		broken(groupkit.ListsDisjoint, guild, "carol", "member", "a member is on the blacklist")},
	{"of a member", changeMember("carol", func(st *record.Standing) { st.Request = &record.Mark{At: 1} }),
		broken(groupkit.ListsDisjoint, guild, "carol", "entry of the join requests", "it is pending for a member")},
	{"of a member", changeMember("carol", func(st *record.Standing) { st.Invitation = &record.Mark{At: 1} }),
		broken(groupkit.ListsDisjoint, guild, "carol", "entry of the invitations", "it is pending for a member")},
	{"of someone blocked", changeOutsider("mallory", func(st *record.Standing) { st.Request = &record.Mark{At: 1} }),
		broken(groupkit.ListsDisjoint, guild, "mallory", "entry of the join requests", "or someone on the blacklist")},
	{"of someone blocked", changeOutsider("mallory", func(st *record.Standing) { st.Invitation = &record.Mark{At: 1} }),
		broken(groupkit.ListsDisjoint, guild, "mallory", "entry of the invitations", "or someone on the blacklist")},
	{"an outsider", changeOutsider("heidi", func(st *record.Standing) { st.Allow = &record.Mark{At: 1} }),
		broken(groupkit.ListsDisjoint, guild, "heidi", "entry of the allow list", "an outsider is on the allow list")},
}

// 4: the owner is not muted, no expiry is past the last instant.
var muteDamages = []damage{
	{"the owner", changeMember("alice", func(st *record.Standing) { st.Mute = &record.Mark{Until: 4638873600000} }),
		broken(groupkit.MutesInBounds, guild, "alice", "member", "the owner is muted")},
	{"too late", changeMember("ivan", func(st *record.Standing) { st.Mute = &record.Mark{Until: 4638873600001} }),
		broken(groupkit.MutesInBounds, guild, "ivan", "entry of the mute list", "it expires at 4638873600001, after the last instant")},
	{"too late", changeOutsider("erin", func(st *record.Standing) { st.Block = &record.Mark{Until: 4638873600001} }),
		broken(groupkit.MutesInBounds, guild, "erin", "entry of the blacklist", "it expires at 4638873600001, after the last instant")},
}

// 5: users and groups agree on memberships, a user's count is right.
var userDamages = []damage{
	{"of a member is missing", removeKey(key.UserGroup("carol", "guild", true)),
		broken(groupkit.UsersAgree, guild, "carol", "entry of a group with the user", "is missing, or wrong")},
	{"of an outsider is missing", removeKey(key.UserGroup("frank", "guild", false)),
		broken(groupkit.UsersAgree, guild, "frank", "entry of a group with the user", "is missing, or wrong")},
	{"says something else", putKey(key.UserGroup("frank", "guild", false), string(record.EncodeCount(1))),
		broken(groupkit.UsersAgree, guild, "frank", "entry of a group with the user", "is missing, or wrong")},
	{"of a group that is not there", putKey(key.UserGroup("frank", "nowhere", true), ""),
		broken(groupkit.UsersAgree, "nowhere", "frank", "entry of a group with the user", "the group knows nothing of it")},
	{"of a member as an outsider", putKey(key.UserGroup("carol", "guild", false), ""),
		broken(groupkit.UsersAgree, guild, "carol", "entry of a group with the user", "the group knows nothing of it")},
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
		broken(groupkit.UsersAgree, ended, "bob", "trace of a user who is gone", "is missing")},
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
		broken(groupkit.DeletedIsGone, ended, "", "header", "1 records are left of a deleted group")},
	{"its text is left", putKey(key.Of("ended", key.Custom), "x"),
		broken(groupkit.DeletedIsGone, ended, "", "header", "1 records are left of a deleted group")},
	{"is not begun", changeHeader(guild, func(h *record.Header) { h.State = record.Deleting }),
		broken(groupkit.DeletedIsGone, guild, "", "header", "nothing says that its deletion has to go on")},
	{"is in an unknown state", changeHeader(guild, func(h *record.Header) { h.State = 3 }),
		broken(groupkit.DeletedIsGone, guild, "", "header", "is in the unknown state 3")},
	{"of a group that lives", putKey(key.Deletion("guild"), ""),
		broken(groupkit.DeletedIsGone, guild, "", "deletion under way", "the group is not being deleted")},
	{"of a group that is gone", putKey(key.Deletion("ended"), ""),
		broken(groupkit.DeletedIsGone, ended, "", "deletion under way", "the group is not being deleted")},
	{"of a group that never was", putKey(key.Deletion("nowhere"), ""),
		broken(groupkit.DeletedIsGone, "nowhere", "", "deletion under way", "the group is not being deleted")},
	{"of nothing", putKey([]byte("dx"), ""),
		broken(groupkit.DeletedIsGone, "", "", "deletion under way", "unknown form")},
	{"of a group and more", putKey(append(key.Deletion("guild"), 0), ""),
		broken(groupkit.DeletedIsGone, "", "", "deletion under way", "unknown form")},
	{"is pending", func(t *testing.T, s *town) {
		s.header(t, open, func(h *record.Header) { h.State = record.Deleting })
		s.put(t, key.Deletion("open"), nil)
	}, broken(groupkit.DeletedIsGone, open, "", "deletion under way", "is pending")},
}

func contentOf(group groupkit.GroupID, f groupkit.File) string {
	return key.Content(string(group), uuid.MustParse(string(f.ID)))
}

func changeFile(change func(*record.File)) func(*testing.T, *town) {
	return func(t *testing.T, s *town) {
		k := key.File("guild", uuid.MustParse(string(s.chart.ID)))
		f, err := record.DecodeFile(s.get(t, k))
		require.NoError(t, err)
		change(&f)
		s.put(t, k, f.Encode())
	}
}

func putContent(content string) func(*testing.T, *town) {
	return func(t *testing.T, s *town) {
		require.NoError(t, s.blobs.Put(t.Context(), contentOf(guild, s.chart), strings.NewReader(content)))
	}
}

// 7: every file has its content, every content its file.
var fileDamages = []damage{
	{"is missing", func(t *testing.T, s *town) {
		require.NoError(t, s.blobs.Delete(t.Context(), contentOf(guild, s.chart)))
	}, broken(groupkit.FilesWhole, guild, "carol", `content of file "map.png"`, "is missing")},
	{"is longer", putContent("a map of the north!"),
		broken(groupkit.FilesWhole, guild, "carol", `content of file "map.png"`, "has 19 bytes, and should have 18")},
	{"is empty", putContent(""),
		broken(groupkit.FilesWhole, guild, "carol", `content of file "map.png"`, "has 0 bytes, and should have 18")},
	{"is another", putContent("a map of the south"),
		broken(groupkit.FilesWhole, guild, "carol", `content of file "map.png"`, "is not what was uploaded")},
	{"of another size", changeFile(func(f *record.File) { f.Size++ }),
		broken(groupkit.FilesWhole, guild, "carol", `content of file "map.png"`, "has 18 bytes, and should have 19")},
	{"under another id", changeFile(func(f *record.File) { f.ID = "0123456789abcdef" }),
		broken(groupkit.FilesWhole, guild, "carol", "shared file", "is kept under the id of another")},
	{"of nothing", func(t *testing.T, s *town) {
		require.NoError(t, s.blobs.Put(t.Context(), "stray", strings.NewReader("x")))
	}, broken(groupkit.FilesWhole, "", "", `content "stray"`, "no file names it")},
	{"of a file that is gone", func(t *testing.T, s *town) {
		require.NoError(t, s.blobs.Put(t.Context(), key.Content("guild", uuid.Max), strings.NewReader("x")))
	}, broken(groupkit.FilesWhole, guild, "", `content "`+key.Content("guild", uuid.Max)+`"`, "no file names it")},
	{"cannot be read", putKey(key.Upload(key.Content("guild", uuid.Max)), "\x80"),
		broken(groupkit.FilesWhole, guild, "", "upload under way", "damaged")},
	{"of no content", putKey(key.Upload("stray"), ""),
		broken(groupkit.FilesWhole, "", "", "upload under way", "unknown form")},
}

// alter changes the call in the log of the guild whose last event has the version.
func alter(version uint64, change func(*record.Call)) func(*testing.T, *town) {
	return func(t *testing.T, s *town) {
		k := key.Event("guild", version)
		c, err := record.DecodeCall(s.get(t, k))
		require.NoError(t, err)
		change(&c)
		s.put(t, k, c.Encode())
	}
}

// 8: the log has no gaps, ends at Version, and replaying it gives the state.
var logDamages = []damage{
	{"goes on after the group", changeHeader(guild, func(h *record.Header) { h.Version -= 2 }),
		broken(groupkit.LogTellsAll, guild, "", "event", "the log ends at 20, the group is at version 18")},
	{"ends before the group", removeKey(key.Event("guild", 20)),
		broken(groupkit.LogTellsAll, guild, "", "event", "the log ends at 19, the group is at version 20")},
	{"has a gap", removeKey(key.Event("guild", 3)),
		broken(groupkit.LogTellsAll, guild, "", "event", "4 follows 2")},
	{"has no beginning", removeKey(key.Event("guild", 2)),
		broken(groupkit.LogTellsAll, guild, "", "event", "3 follows 0")},
	{"overlaps", alter(3, func(c *record.Call) { c.Events = append(c.Events, c.Events...) }),
		broken(groupkit.LogTellsAll, guild, "", "event", "2 follows 2")},
	{"goes back in time", alter(3, func(c *record.Call) { c.At = 1 }),
		broken(groupkit.LogTellsAll, guild, "", "event", "3 is earlier than the one before")},
	{"of a deleted group ends early", func(t *testing.T, s *town) {
		s.header(t, ended, func(h *record.Header) { h.Version++ })
	}, broken(groupkit.LogTellsAll, ended, "", "event", "the log ends at 4, the group is at version 5")},
	{"has another name", changeHeader(guild, func(h *record.Header) { h.Name = "Day Watch" }),
		broken(groupkit.LogTellsAll, guild, "", "header", "Name is Day Watch instead of Night Watch")},
	{"was made at another time", changeHeader(guild, func(h *record.Header) { h.Created++ }),
		broken(groupkit.LogTellsAll, guild, "", "header", "Created is")},
	{"a tombstone of another time", changeHeader(ended, func(h *record.Header) { h.Modified++ }),
		broken(groupkit.LogTellsAll, ended, "", "header", "Modified is")},
	{"a tombstone that says too much", changeHeader(ended, func(h *record.Header) { h.Owner = "carol" }),
		broken(groupkit.LogTellsAll, ended, "", "header", "Owner is carol instead of")},
	{"a tombstone without a log that says too much", changeHeader(vanished, func(h *record.Header) { h.Owner = "carol" }),
		broken(groupkit.DeletedIsGone, vanished, "", "header", "it says more than a tombstone:  Owner is carol")},
	{"a tombstone of a group that lives", changeHeader(guild, func(h *record.Header) { h.State = record.Deleted }),
		broken(groupkit.LogTellsAll, guild, "", "header", "State is 2 instead of 0")},
	{"joined at another time", changeMember("carol", func(st *record.Standing) { st.Joined++ }),
		broken(groupkit.LogTellsAll, guild, "carol", "member", "it is not what the log tells")},
	{"is muted for longer", changeMember("ivan", func(st *record.Standing) { st.Mute.At = 1 }),
		broken(groupkit.LogTellsAll, guild, "ivan", "member", "it is not what the log tells")},
	{"is blocked by another", changeOutsider("erin", func(st *record.Standing) { st.Block.By = "alice" }),
		broken(groupkit.LogTellsAll, guild, "erin", "standing of an outsider", "it is not what the log tells")},
	{"is gone", removeKey(key.Standing("guild", "ivan", true)),
		broken(groupkit.LogTellsAll, guild, "ivan", "member", "the log tells of a user of whom there is no record")},
	{"says nothing", putKey(key.Standing("guild", "nobody", false), ""),
		broken(groupkit.LogTellsAll, guild, "nobody", "standing of an outsider", "it says nothing")},
	{"is another", putKey(key.Of("guild", key.Announcement), string((&record.Announcement{Text: "Spring"}).Encode())),
		broken(groupkit.LogTellsAll, guild, "", "announcement", "it is not what the log tells")},
	{"is gone", removeKey(key.Of("guild", key.Announcement)),
		broken(groupkit.LogTellsAll, guild, "", "announcement", "it is not what the log tells")},
	{"is another", putKey(key.Of("guild", key.Custom), "{}"),
		broken(groupkit.LogTellsAll, guild, "", "custom text", "it is not what the log tells")},
	{"is gone", removeKey(key.Of("guild", key.Custom)),
		broken(groupkit.LogTellsAll, guild, "", "custom text", "it is not what the log tells")},
	{"is missing", removeKey(checkpointKey(key.Header, "")),
		broken(groupkit.LogTellsAll, archive, "", "checkpoint", "the log was cut before 9, and its checkpoint is of version 0")},
	{"is of another version", changeHeader(archive, func(h *record.Header) { h.First = 8 }),
		broken(groupkit.LogTellsAll, archive, "", "checkpoint", "the log was cut before 8, and its checkpoint is of version 8")},
	{"of a log that is whole", putKey(append(key.Of("guild", key.Checkpoint), key.Header), string((&record.Header{Version: 1}).Encode())),
		broken(groupkit.LogTellsAll, guild, "", "checkpoint", "the log was cut before 1, and its checkpoint is of version 1")},
	{"knows nothing of a member", removeKey(checkpointKey(key.Members, "xena")),
		broken(groupkit.LogTellsAll, archive, "xena", "member", "it is not what the log tells")},
	{"knows of someone else", putKey(checkpointKey(key.Members, "nobody"), ""),
		broken(groupkit.LogTellsAll, archive, "nobody", "member", "the log tells of a user of whom there is no record")},
	{"of another name", changeFile(func(f *record.File) { f.Name = "card.png" }),
		broken(groupkit.LogTellsAll, guild, "", "shared file", "the files are not those of which the log tells")},
}

// 9: lists and single answers come from records that agree.
var viewDamages = []damage{
	{"is missing", removeKey(key.OfUser("guild", key.Muted, "ivan")),
		broken(groupkit.ViewsAgree, guild, "ivan", "entry of the mute list", "is missing, or wrong")},
	{"points elsewhere", putKey(key.OfUser("guild", key.Muted, "ivan"), "o"),
		broken(groupkit.ViewsAgree, guild, "ivan", "entry of the mute list", "is missing, or wrong")},
	{"of someone who is not", putKey(key.OfUser("guild", key.Muted, "carol"), "m"),
		broken(groupkit.ViewsAgree, guild, "carol", "entry of the mute list", "nothing about the user puts it there")},
	{"of nobody", putKey(key.OfUser("guild", key.Blocked, "nobody"), "o"),
		broken(groupkit.ViewsAgree, guild, "nobody", "entry of the blacklist", "nothing about the user puts it there")},
	{"is missing", removeKey(key.OfUser("guild", key.Allowed, "dave")),
		broken(groupkit.ViewsAgree, guild, "dave", "entry of the allow list", "is missing, or wrong")},
	{"is missing", removeKey(key.OfUser("guild", key.Requests, "frank")),
		broken(groupkit.ViewsAgree, guild, "frank", "entry of the join requests", "is missing, or wrong")},
	{"is missing", removeKey(key.OfUser("guild", key.Invitations, "grace")),
		broken(groupkit.ViewsAgree, guild, "grace", "entry of the invitations", "is missing, or wrong")},
	{"twice", func(t *testing.T, s *town) {
		s.put(t, key.Standing("guild", "carol", false), (&record.Standing{Mute: &record.Mark{}}).Encode())
	}, broken(groupkit.ViewsAgree, guild, "carol", "standing of an outsider", "the user has two")},
	{"is missing", removeKey(key.Expiry(heidisMute, "guild", key.Muted, "heidi")),
		broken(groupkit.ViewsAgree, guild, "heidi", "entry of what expires", "is missing")},
	{"at another time", putKey(key.Expiry(heidisMute+1, "guild", key.Muted, "heidi"), ""),
		broken(groupkit.ViewsAgree, guild, "heidi", "entry of what expires", "nothing expires then")},
	{"on another list", putKey(key.Expiry(heidisMute, "guild", key.Blocked, "heidi"), ""),
		broken(groupkit.ViewsAgree, guild, "heidi", "entry of what expires", "nothing expires then")},
	{"of another user", putKey(key.Expiry(heidisMute, "guild", key.Muted, "carol"), ""),
		broken(groupkit.ViewsAgree, guild, "carol", "entry of what expires", "nothing expires then")},
	{"of a group that is not there", putKey(key.Expiry(1, "nowhere", key.Muted, "heidi"), ""),
		broken(groupkit.ViewsAgree, "nowhere", "heidi", "entry of what expires", "nothing expires then")},
	{"is cut short", putKey([]byte("t123"), ""),
		broken(groupkit.ViewsAgree, "", "", "entry of what expires", "unknown form")},
	{"is missing", removeKey(key.Created(true, dawn.UnixMilli()+1000, "guild")),
		broken(groupkit.ViewsAgree, guild, "", "entry of a group in creation order", "is missing")},
	{"at another time", putKey(key.Created(true, 1, "guild"), ""),
		broken(groupkit.ViewsAgree, guild, "", "entry of a group in creation order", "there is no such group")},
	{"among the private ones", putKey(key.Created(false, dawn.UnixMilli()+1000, "guild"), ""),
		broken(groupkit.ViewsAgree, guild, "", "entry of a group in creation order", "there is no such group")},
	{"of a group that never was", putKey(key.Created(true, 1, "nowhere"), ""),
		broken(groupkit.ViewsAgree, "nowhere", "", "entry of a group in creation order", "there is no such group")},
	{"of a deleted group", func(t *testing.T, s *town) {
		h, err := record.DecodeHeader(s.get(t, key.Of("ended", key.Header)))
		require.NoError(t, err)
		s.put(t, key.Created(false, h.Created, "ended"), nil)
	}, broken(groupkit.ViewsAgree, ended, "", "entry of a group in creation order", "there is no such group")},
	{"is cut short", putKey([]byte("c"), ""),
		broken(groupkit.ViewsAgree, "", "", "entry of a group in creation order", "is cut short")},
	{"has no group", putKey([]byte("c\x01123"), ""),
		broken(groupkit.ViewsAgree, "", "", "entry of a group in creation order", "unknown form")},
}

// checkpointKey is the key of a record of the archive's checkpoint.
func checkpointKey(kind byte, rest string) []byte {
	return append(append(key.Of("archive", key.Checkpoint), kind), rest...)
}

// heidisMute is when the mute of heidi ends, in milliseconds.
var heidisMute = dawn.Add(3*time.Second + time.Hour).UnixMilli()

// garbage is bytes that no decoder takes.
const garbage = "\x80"

// Records that cannot be read, and keys that stand for nothing.
var keyDamages = []damage{
	{"is garbage", putKey(key.Of("guild", key.Header), garbage),
		broken(groupkit.ViewsAgree, guild, "", "header", "damaged")},
	{"is garbage", putKey(key.Standing("guild", "carol", true), garbage),
		broken(groupkit.ViewsAgree, guild, "carol", "member", "damaged")},
	{"is garbage", putKey(key.Standing("guild", "frank", false), garbage),
		broken(groupkit.ViewsAgree, guild, "frank", "standing of an outsider", "damaged")},
	{"is garbage", putKey(key.OfUser("guild", key.Muted, "ivan"), "xyz"),
		broken(groupkit.ViewsAgree, guild, "ivan", "entry of the mute list", "unknown form")},
	{"is garbage", changeFileBytes(garbage), broken(groupkit.ViewsAgree, guild, "", "shared file", "damaged")},
	{"is garbage", putKey(key.Event("guild", 3), garbage), broken(groupkit.ViewsAgree, guild, "", "event", "damaged")},
	{"of a deleted group is garbage", putKey(key.Event("ended", 3), garbage), broken(groupkit.ViewsAgree, ended, "", "event", "damaged")},
	{"has no version", putKey(key.Of("guild", key.Events), ""), broken(groupkit.ViewsAgree, guild, "", "event", "unknown form")},
	{"is garbage", putKey(key.Of("guild", key.Announcement), garbage),
		broken(groupkit.ViewsAgree, guild, "", "announcement", "damaged")},
	{"is garbage", putKey(key.Of("ended", key.Header), garbage), broken(groupkit.ViewsAgree, ended, "", "header", "damaged")},
	{"of nothing", putKey([]byte("gx"), ""), broken(groupkit.ViewsAgree, "", "", "key of a group", "unknown form")},
	{"without a kind", putKey(key.Group("guild"), ""), broken(groupkit.ViewsAgree, "", "", "key of a group", "unknown form")},
	{"with a UUID as text", putKey([]byte("g\x0201890a5d-ac96-774b-bcce-b302099a8057\x00h"), ""),
		broken(groupkit.ViewsAgree, "", "", "key of a group", "unknown form")},
	{"of someone", putKey(key.OfUser("guild", key.Announcement, "carol"), ""), broken(groupkit.ViewsAgree, guild, "", "announcement", "unknown form")},
	{"of someone", putKey(checkpointKey(key.Header, "carol"), ""), broken(groupkit.ViewsAgree, archive, "", "checkpoint", "unknown form")},
	{"of no kind", putKey(key.Of("guild", 'Z'), ""), broken(groupkit.ViewsAgree, guild, "", "record of an unknown kind", "unknown form")},
	{"of no family", putKey([]byte("zebra"), ""), broken(groupkit.ViewsAgree, "", "", "key", "7a65627261 belongs to nothing")},
	{"has more behind it", putKey([]byte("!!"), ""), broken(groupkit.ViewsAgree, "", "", "key", "2121 belongs to nothing")},
	{"has more behind it", putKey([]byte("nn"), ""), broken(groupkit.ViewsAgree, "", "", "key", "6e6e belongs to nothing")},
	{"is garbage", putKey(key.Once("bob", "allow ivan"), garbage),
		broken(groupkit.ViewsAgree, "", "", "outcome of an idempotency key", "damaged")},
	{"is missing", removeKey(key.Once("bob", "allow ivan")),
		broken(groupkit.ViewsAgree, "", "", "outcome of an idempotency key", "no outcome lives until then")},
	{"lives for ever", func(t *testing.T, s *town) {
		for _, k := range s.keys(t, key.OnceExpiries()) {
			s.remove(t, []byte(k))
		}
	}, broken(groupkit.ViewsAgree, "", "", "outcome of an idempotency key", "nothing says that it ends")},
	{"ends at another time", putKey(key.OnceExpiry(1, key.Once("bob", "allow ivan")), ""),
		broken(groupkit.ViewsAgree, "", "", "outcome of an idempotency key", "no outcome lives until then")},
	{"is cut short", putKey([]byte("j1"), ""),
		broken(groupkit.ViewsAgree, "", "", "outcome of an idempotency key", "unknown form")},
	{"is of a group", putKey(key.OnceExpiry(1, key.Of("guild", key.Header)), ""),
		broken(groupkit.ViewsAgree, "", "", "outcome of an idempotency key", "unknown form")},
	{"is garbage", putKey(checkpointKey(key.Members, "xena"), garbage), broken(groupkit.ViewsAgree, archive, "", "checkpoint", "damaged")},
	{"is of no kind", putKey(checkpointKey('Z', ""), ""), broken(groupkit.ViewsAgree, archive, "", "checkpoint", "unknown form")},
	{"is nothing", putKey(key.Of("archive", key.Checkpoint), ""), broken(groupkit.ViewsAgree, archive, "", "checkpoint", "unknown form")},
	{"of a log that is gone", putKey(append(key.Of("vanished", key.Checkpoint), key.Header), ""),
		broken(groupkit.LogTellsAll, vanished, "", "checkpoint", "it is left of a log that is gone")},
	{"is missing", removeKey(key.Format()), broken(groupkit.ViewsAgree, "", "", "format", "is 0, and should be 1")},
	{"is another", putKey(key.Format(), string(record.EncodeCount(7))), broken(groupkit.ViewsAgree, "", "", "format", "is 7, and should be 1")},
	{"is garbage", putKey(key.Format(), garbage), broken(groupkit.ViewsAgree, "", "", "format", "is 0, and should be 1")},
}

func changeFileBytes(v string) func(*testing.T, *town) {
	return func(t *testing.T, s *town) {
		s.put(t, key.File("guild", uuid.MustParse(string(s.chart.ID))), []byte(v))
	}
}

func TestViolation_String(t *testing.T) {
	t.Parallel()
	v := broken(groupkit.UsersAgree, guild, "carol", "number of the user's groups", "is 3, and the user is in 2")
	require.Equal(t, `invariant 5: group "guild", user "carol", number of the user's groups: is 3, and the user is in 2`, v.String())
}
