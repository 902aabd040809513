package groupkit_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
	"groupkit/internal/key"
	"groupkit/internal/record"
)

// 8: the log has no gaps, ends at Version, and replaying it gives the state.
var logDamages = []damage{
	{"goes on after the group", changeHeader(grouptest.Guild, func(h *record.Header) { h.Version -= 2 }),
		broken(groupkit.LogTellsAll, grouptest.Guild, "", "event", "the log ends at 20, the group is at version 18")},
	{"ends before the group", removeKey(key.Event("guild", 20)),
		broken(groupkit.LogTellsAll, grouptest.Guild, "", "event", "the log ends at 19, the group is at version 20")},
	{"has a gap", removeKey(key.Event("guild", 3)),
		broken(groupkit.LogTellsAll, grouptest.Guild, "", "event", "4 follows 2")},
	{"has no beginning", removeKey(key.Event("guild", 2)),
		broken(groupkit.LogTellsAll, grouptest.Guild, "", "event", "3 follows 0")},
	{"overlaps", alter(3, func(c *record.Call) { c.Events = append(c.Events, c.Events...) }),
		broken(groupkit.LogTellsAll, grouptest.Guild, "", "event", "2 follows 2")},
	{"goes back in time", alter(3, func(c *record.Call) { c.At = 1 }),
		broken(groupkit.LogTellsAll, grouptest.Guild, "", "event", "3 is earlier than the one before")},
	{"of a deleted group ends early", func(t *testing.T, s *grouptest.Dataset) {
		s.ChangeHeader(t, grouptest.Ended, func(h *record.Header) { h.Version++ })
	}, broken(groupkit.LogTellsAll, grouptest.Ended, "", "event", "the log ends at 4, the group is at version 5")},
	{"has another name", changeHeader(grouptest.Guild, func(h *record.Header) { h.Name = "Day Watch" }),
		broken(groupkit.LogTellsAll, grouptest.Guild, "", "header", "Name is Day Watch instead of Night Watch")},
	{"was made at another time", changeHeader(grouptest.Guild, func(h *record.Header) { h.Created++ }),
		broken(groupkit.LogTellsAll, grouptest.Guild, "", "header", "Created is")},
	{"a tombstone of another time", changeHeader(grouptest.Ended, func(h *record.Header) { h.Modified++ }),
		broken(groupkit.LogTellsAll, grouptest.Ended, "", "header", "Modified is")},
	{"a tombstone that says too much", changeHeader(grouptest.Ended, func(h *record.Header) { h.Owner = "carol" }),
		broken(groupkit.LogTellsAll, grouptest.Ended, "", "header", "Owner is carol instead of")},
	{"a tombstone without a log that says too much", changeHeader(grouptest.Vanished, func(h *record.Header) { h.Owner = "carol" }),
		broken(groupkit.DeletedIsGone, grouptest.Vanished, "", "header", "it says more than a tombstone:  Owner is carol")},
	{"a tombstone of a group that lives", changeHeader(grouptest.Guild, func(h *record.Header) { h.State = record.Deleted }),
		broken(groupkit.LogTellsAll, grouptest.Guild, "", "header", "State is 2 instead of 0")},
	{"joined at another time", changeMember("carol", func(st *record.Standing) { st.Joined++ }),
		broken(groupkit.LogTellsAll, grouptest.Guild, "carol", "member", "it is not what the log tells")},
	{"is muted for longer", changeMember("ivan", func(st *record.Standing) { st.Mute.At = 1 }),
		broken(groupkit.LogTellsAll, grouptest.Guild, "ivan", "member", "it is not what the log tells")},
	{"is blocked by another", changeOutsider("erin", func(st *record.Standing) { st.Block.By = "alice" }),
		broken(groupkit.LogTellsAll, grouptest.Guild, "erin", "standing of an outsider", "it is not what the log tells")},
	{"is gone", removeKey(key.Standing("guild", "ivan", true)),
		broken(groupkit.LogTellsAll, grouptest.Guild, "ivan", "member", "the log tells of a user of whom there is no record")},
	{"says nothing", putKey(key.Standing("guild", "nobody", false), ""),
		broken(groupkit.LogTellsAll, grouptest.Guild, "nobody", "standing of an outsider", "it says nothing")},
	{"is another", putKey(key.Of("guild", key.Announcement), string((&record.Announcement{Text: "Spring"}).Encode())),
		broken(groupkit.LogTellsAll, grouptest.Guild, "", "announcement", "it is not what the log tells")},
	{"is gone", removeKey(key.Of("guild", key.Announcement)),
		broken(groupkit.LogTellsAll, grouptest.Guild, "", "announcement", "it is not what the log tells")},
	{"is another", putKey(key.Of("guild", key.Custom), "{}"),
		broken(groupkit.LogTellsAll, grouptest.Guild, "", "custom text", "it is not what the log tells")},
	{"is gone", removeKey(key.Of("guild", key.Custom)),
		broken(groupkit.LogTellsAll, grouptest.Guild, "", "custom text", "it is not what the log tells")},
	{"is missing", removeKey(grouptest.CheckpointKey(key.Header, "")),
		broken(groupkit.LogTellsAll, grouptest.Archive, "", "checkpoint", "the log was cut before 9, and its checkpoint is of version 0")},
	{"is of another version", changeHeader(grouptest.Archive, func(h *record.Header) { h.First = 8 }),
		broken(groupkit.LogTellsAll, grouptest.Archive, "", "checkpoint", "the log was cut before 8, and its checkpoint is of version 8")},
	{"of a log that is whole", putKey(append(key.Of("guild", key.Checkpoint), key.Header), string((&record.Header{Version: 1}).Encode())),
		broken(groupkit.LogTellsAll, grouptest.Guild, "", "checkpoint", "the log was cut before 1, and its checkpoint is of version 1")},
	{"knows nothing of a member", removeKey(grouptest.CheckpointKey(key.Members, "xena")),
		broken(groupkit.LogTellsAll, grouptest.Archive, "xena", "member", "it is not what the log tells")},
	{"knows of someone else", putKey(grouptest.CheckpointKey(key.Members, "nobody"), ""),
		broken(groupkit.LogTellsAll, grouptest.Archive, "nobody", "member", "the log tells of a user of whom there is no record")},
	{"of another name", grouptest.ChangeFile(func(f *record.File) { f.Name = "card.png" }),
		broken(groupkit.LogTellsAll, grouptest.Guild, "", "shared file", "the files are not those of which the log tells")},
}

// 9: lists and single answers come from records that agree.
var viewDamages = []damage{
	{"is missing", removeKey(key.OfUser("guild", key.Muted, "ivan")),
		broken(groupkit.ViewsAgree, grouptest.Guild, "ivan", "entry of the mute list", "is missing, or wrong")},
	{"points elsewhere", putKey(key.OfUser("guild", key.Muted, "ivan"), "o"),
		broken(groupkit.ViewsAgree, grouptest.Guild, "ivan", "entry of the mute list", "is missing, or wrong")},
	{"of someone who is not", putKey(key.OfUser("guild", key.Muted, "carol"), "m"),
		broken(groupkit.ViewsAgree, grouptest.Guild, "carol", "entry of the mute list", "nothing about the user puts it there")},
	{"of nobody", putKey(key.OfUser("guild", key.Blocked, "nobody"), "o"),
		broken(groupkit.ViewsAgree, grouptest.Guild, "nobody", "entry of the blacklist", "nothing about the user puts it there")},
	{"is missing", removeKey(key.OfUser("guild", key.Allowed, "dave")),
		broken(groupkit.ViewsAgree, grouptest.Guild, "dave", "entry of the allow list", "is missing, or wrong")},
	{"is missing", removeKey(key.OfUser("guild", key.Requests, "frank")),
		broken(groupkit.ViewsAgree, grouptest.Guild, "frank", "entry of the join requests", "is missing, or wrong")},
	{"is missing", removeKey(key.OfUser("guild", key.Invitations, "grace")),
		broken(groupkit.ViewsAgree, grouptest.Guild, "grace", "entry of the invitations", "is missing, or wrong")},
	{"twice", func(t *testing.T, s *grouptest.Dataset) {
		s.Put(t, key.Standing("guild", "carol", false), (&record.Standing{Mute: &record.Mark{}}).Encode())
	}, broken(groupkit.ViewsAgree, grouptest.Guild, "carol", "standing of an outsider", "the user has two")},
	{"is missing", removeKey(key.Expiry(heidisMute, "guild", key.Muted, "heidi")),
		broken(groupkit.ViewsAgree, grouptest.Guild, "heidi", "entry of what expires", "is missing")},
	{"at another time", putKey(key.Expiry(heidisMute+1, "guild", key.Muted, "heidi"), ""),
		broken(groupkit.ViewsAgree, grouptest.Guild, "heidi", "entry of what expires", "nothing expires then")},
	{"on another list", putKey(key.Expiry(heidisMute, "guild", key.Blocked, "heidi"), ""),
		broken(groupkit.ViewsAgree, grouptest.Guild, "heidi", "entry of what expires", "nothing expires then")},
	{"of another user", putKey(key.Expiry(heidisMute, "guild", key.Muted, "carol"), ""),
		broken(groupkit.ViewsAgree, grouptest.Guild, "carol", "entry of what expires", "nothing expires then")},
	{"of a group that is not there", putKey(key.Expiry(1, "nowhere", key.Muted, "heidi"), ""),
		broken(groupkit.ViewsAgree, "nowhere", "heidi", "entry of what expires", "nothing expires then")},
	{"is cut short", putKey([]byte("t123"), ""),
		broken(groupkit.ViewsAgree, "", "", "entry of what expires", "unknown form")},
	{"is missing", removeKey(key.Created(true, grouptest.Dawn.UnixMilli()+1000, "guild")),
		broken(groupkit.ViewsAgree, grouptest.Guild, "", "entry of a group in creation order", "is missing")},
	{"at another time", putKey(key.Created(true, 1, "guild"), ""),
		broken(groupkit.ViewsAgree, grouptest.Guild, "", "entry of a group in creation order", "there is no such group")},
	{"among the private ones", putKey(key.Created(false, grouptest.Dawn.UnixMilli()+1000, "guild"), ""),
		broken(groupkit.ViewsAgree, grouptest.Guild, "", "entry of a group in creation order", "there is no such group")},
	{"of a group that never was", putKey(key.Created(true, 1, "nowhere"), ""),
		broken(groupkit.ViewsAgree, "nowhere", "", "entry of a group in creation order", "there is no such group")},
	{"of a deleted group", func(t *testing.T, s *grouptest.Dataset) {
		h, err := record.DecodeHeader(s.Get(t, key.Of("ended", key.Header)))
		require.NoError(t, err)
		s.Put(t, key.Created(false, h.Created, "ended"), nil)
	}, broken(groupkit.ViewsAgree, grouptest.Ended, "", "entry of a group in creation order", "there is no such group")},
	{"is cut short", putKey([]byte("c"), ""),
		broken(groupkit.ViewsAgree, "", "", "entry of a group in creation order", "is cut short")},
	{"has no group", putKey([]byte("c\x01123"), ""),
		broken(groupkit.ViewsAgree, "", "", "entry of a group in creation order", "unknown form")},
}

// Records that cannot be read, and keys that stand for nothing.
var keyDamages = []damage{
	{"is garbage", putKey(key.Of("guild", key.Header), grouptest.Garbage),
		broken(groupkit.ViewsAgree, grouptest.Guild, "", "header", "damaged")},
	{"is garbage", putKey(key.Standing("guild", "carol", true), grouptest.Garbage),
		broken(groupkit.ViewsAgree, grouptest.Guild, "carol", "member", "damaged")},
	{"is garbage", putKey(key.Standing("guild", "frank", false), grouptest.Garbage),
		broken(groupkit.ViewsAgree, grouptest.Guild, "frank", "standing of an outsider", "damaged")},
	{"is garbage", putKey(key.OfUser("guild", key.Muted, "ivan"), "xyz"),
		broken(groupkit.ViewsAgree, grouptest.Guild, "ivan", "entry of the mute list", "unknown form")},
	{"is garbage", grouptest.ChangeFileBytes(grouptest.Garbage), broken(groupkit.ViewsAgree, grouptest.Guild, "", "shared file", "damaged")},
	{"is garbage", putKey(key.Event("guild", 3), grouptest.Garbage), broken(groupkit.ViewsAgree, grouptest.Guild, "", "event", "damaged")},
	{"of a deleted group is garbage", putKey(key.Event("ended", 3), grouptest.Garbage), broken(groupkit.ViewsAgree, grouptest.Ended, "", "event", "damaged")},
	{"has no version", putKey(key.Of("guild", key.Events), ""), broken(groupkit.ViewsAgree, grouptest.Guild, "", "event", "unknown form")},
	{"is garbage", putKey(key.Of("guild", key.Announcement), grouptest.Garbage),
		broken(groupkit.ViewsAgree, grouptest.Guild, "", "announcement", "damaged")},
	{"is garbage", putKey(key.Of("ended", key.Header), grouptest.Garbage), broken(groupkit.ViewsAgree, grouptest.Ended, "", "header", "damaged")},
	{"of nothing", putKey([]byte("gx"), ""), broken(groupkit.ViewsAgree, "", "", "key of a group", "unknown form")},
	{"without a kind", putKey(key.Group("guild"), ""), broken(groupkit.ViewsAgree, "", "", "key of a group", "unknown form")},
	{"with a UUID as text", putKey([]byte("g\x0201890a5d-ac96-774b-bcce-b302099a8057\x00h"), ""),
		broken(groupkit.ViewsAgree, "", "", "key of a group", "unknown form")},
	{"of someone", putKey(key.OfUser("guild", key.Announcement, "carol"), ""), broken(groupkit.ViewsAgree, grouptest.Guild, "", "announcement", "unknown form")},
	{"of someone", putKey(grouptest.CheckpointKey(key.Header, "carol"), ""), broken(groupkit.ViewsAgree, grouptest.Archive, "", "checkpoint", "unknown form")},
	{"of no kind", putKey(key.Of("guild", 'Z'), ""), broken(groupkit.ViewsAgree, grouptest.Guild, "", "record of an unknown kind", "unknown form")},
	{"of no family", putKey([]byte("zebra"), ""), broken(groupkit.ViewsAgree, "", "", "key", "7a65627261 belongs to nothing")},
	{"has more behind it", putKey([]byte("!!"), ""), broken(groupkit.ViewsAgree, "", "", "key", "2121 belongs to nothing")},
	{"has more behind it", putKey([]byte("nn"), ""), broken(groupkit.ViewsAgree, "", "", "key", "6e6e belongs to nothing")},
	{"is garbage", putKey(key.Once("bob", "allow ivan"), grouptest.Garbage),
		broken(groupkit.ViewsAgree, "", "", "outcome of an idempotency key", "damaged")},
	{"is missing", removeKey(key.Once("bob", "allow ivan")),
		broken(groupkit.ViewsAgree, "", "", "outcome of an idempotency key", "no outcome lives until then")},
	{"lives for ever", func(t *testing.T, s *grouptest.Dataset) {
		for _, k := range s.Keys(t, key.OnceExpiries()) {
			s.Remove(t, []byte(k))
		}
	}, broken(groupkit.ViewsAgree, "", "", "outcome of an idempotency key", "nothing says that it ends")},
	{"ends at another time", putKey(key.OnceExpiry(1, key.Once("bob", "allow ivan")), ""),
		broken(groupkit.ViewsAgree, "", "", "outcome of an idempotency key", "no outcome lives until then")},
	{"is cut short", putKey([]byte("j1"), ""),
		broken(groupkit.ViewsAgree, "", "", "outcome of an idempotency key", "unknown form")},
	{"is of a group", putKey(key.OnceExpiry(1, key.Of("guild", key.Header)), ""),
		broken(groupkit.ViewsAgree, "", "", "outcome of an idempotency key", "unknown form")},
	{"is garbage", putKey(grouptest.CheckpointKey(key.Members, "xena"), grouptest.Garbage), broken(groupkit.ViewsAgree, grouptest.Archive, "", "checkpoint", "damaged")},
	{"is of no kind", putKey(grouptest.CheckpointKey('Z', ""), ""), broken(groupkit.ViewsAgree, grouptest.Archive, "", "checkpoint", "unknown form")},
	{"is nothing", putKey(key.Of("archive", key.Checkpoint), ""), broken(groupkit.ViewsAgree, grouptest.Archive, "", "checkpoint", "unknown form")},
	{"of a log that is gone", putKey(append(key.Of("vanished", key.Checkpoint), key.Header), ""),
		broken(groupkit.LogTellsAll, grouptest.Vanished, "", "checkpoint", "it is left of a log that is gone")},
	{"is missing", removeKey(key.Format()), broken(groupkit.ViewsAgree, "", "", "format", "is 0, and should be 1")},
	{"is another", putKey(key.Format(), string(record.EncodeCount(7))), broken(groupkit.ViewsAgree, "", "", "format", "is 7, and should be 1")},
	{"is garbage", putKey(key.Format(), grouptest.Garbage), broken(groupkit.ViewsAgree, "", "", "format", "is 0, and should be 1")},
}
