package groupkit_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
	"groupkit/internal/key"
	"groupkit/internal/record"
)

// LogComplete: the log has no gaps and ends at Version; replaying it gives the group.
var logDamages = []damage{
	{"goes on after the group", changeHeader(grouptest.Guild, func(h *record.Header) { h.Version -= 2 }),
		broken(groupkit.LogComplete, grouptest.Guild, "", "log", "ends at version 20, but the group is at version 18")},
	{"ends before the group", removeKey(key.Event("guild", 20)),
		broken(groupkit.LogComplete, grouptest.Guild, "", "log", "ends at version 19, but the group is at version 20")},
	{"has a gap", removeKey(key.Event("guild", 3)),
		broken(groupkit.LogComplete, grouptest.Guild, "", "log", "has version 4 after version 2")},
	{"has no beginning", removeKey(key.Event("guild", 2)),
		broken(groupkit.LogComplete, grouptest.Guild, "", "log", "has version 3 after version 0")},
	{"overlaps", alter(3, func(c *record.Call) { c.Events = append(c.Events, c.Events...) }),
		broken(groupkit.LogComplete, grouptest.Guild, "", "log", "has version 2 after version 2")},
	{"goes back in time", alter(3, func(c *record.Call) { c.At = 1 }),
		broken(groupkit.LogComplete, grouptest.Guild, "", "log", "goes back in time at version 3")},
	{"of a deleted group ends early", func(t *testing.T, s *grouptest.Dataset) {
		s.ChangeHeader(t, grouptest.Ended, func(h *record.Header) { h.Version++ })
	}, broken(groupkit.LogComplete, grouptest.Ended, "", "log", "ends at version 4, but the group is at version 5")},
	{"has another name", changeHeader(grouptest.Guild, func(h *record.Header) { h.Name = "Day Watch" }),
		broken(groupkit.LogComplete, grouptest.Guild, "", "header", "Name is Day Watch instead of Night Watch")},
	{"was made at another time", changeHeader(grouptest.Guild, func(h *record.Header) { h.Created++ }),
		broken(groupkit.LogComplete, grouptest.Guild, "", "header", "Created is")},
	{"a tombstone of another time", changeHeader(grouptest.Ended, func(h *record.Header) { h.Modified++ }),
		broken(groupkit.LogComplete, grouptest.Ended, "", "header", "Modified is")},
	{"a tombstone that says too much", changeHeader(grouptest.Ended, func(h *record.Header) { h.Owner = "carol" }),
		broken(groupkit.LogComplete, grouptest.Ended, "", "header", "Owner is carol instead of")},
	{"a tombstone without a log that says too much", changeHeader(grouptest.Vanished, func(h *record.Header) { h.Owner = "carol" }),
		broken(groupkit.DeletedIsGone, grouptest.Vanished, "", "header", "contains more than a tombstone: Owner is carol")},
	{"a tombstone of a group that lives", changeHeader(grouptest.Guild, func(h *record.Header) { h.State = record.Deleted }),
		broken(groupkit.LogComplete, grouptest.Guild, "", "header", "State is 2 instead of 0")},
	{"joined at another time", changeMember("carol", func(st *record.Standing) { st.Joined++ }),
		broken(groupkit.LogComplete, grouptest.Guild, "carol", "member record", "differs from the log")},
	{"is muted for longer", changeMember("ivan", func(st *record.Standing) { st.Mute.At = 1 }),
		broken(groupkit.LogComplete, grouptest.Guild, "ivan", "member record", "differs from the log")},
	{"is blocked by another", changeOutsider("erin", func(st *record.Standing) { st.Block.By = "alice" }),
		broken(groupkit.LogComplete, grouptest.Guild, "erin", "outsider record", "differs from the log")},
	{"is gone", removeKey(key.Standing("guild", "ivan", true)),
		broken(groupkit.LogComplete, grouptest.Guild, "ivan", "member record", "is missing, but the log contains the user")},
	{"says nothing", putKey(key.Standing("guild", "nobody", false), ""),
		broken(groupkit.LogComplete, grouptest.Guild, "nobody", "outsider record", "is empty")},
	{"is another", putKey(key.Of("guild", key.Announcement), string((&record.Announcement{Text: "Spring"}).Encode())),
		broken(groupkit.LogComplete, grouptest.Guild, "", "announcement", "differs from the log")},
	{"is gone", removeKey(key.Of("guild", key.Announcement)),
		broken(groupkit.LogComplete, grouptest.Guild, "", "announcement", "differs from the log")},
	{"is another", putKey(key.Of("guild", key.Custom), "{}"),
		broken(groupkit.LogComplete, grouptest.Guild, "", "custom text", "differs from the log")},
	{"is gone", removeKey(key.Of("guild", key.Custom)),
		broken(groupkit.LogComplete, grouptest.Guild, "", "custom text", "differs from the log")},
	{"is missing", removeKey(grouptest.CheckpointKey(key.Header, "")),
		broken(groupkit.LogComplete, grouptest.Archive, "", "checkpoint", "has version 0 instead of 8, because the log begins with version 9")},
	{"is of another version", changeHeader(grouptest.Archive, func(h *record.Header) { h.First = 8 }),
		broken(groupkit.LogComplete, grouptest.Archive, "", "checkpoint", "has version 8 instead of 7, because the log begins with version 8")},
	{"of a log that is whole", putKey(append(key.Of("guild", key.Checkpoint), key.Header), string((&record.Header{Version: 1}).Encode())),
		broken(groupkit.LogComplete, grouptest.Guild, "", "checkpoint", "has version 1 instead of 0, because the log begins with version 1")},
	{"knows nothing of a member", removeKey(grouptest.CheckpointKey(key.Members, "xena")),
		broken(groupkit.LogComplete, grouptest.Archive, "xena", "member record", "differs from the log")},
	{"knows of someone else", putKey(grouptest.CheckpointKey(key.Members, "nobody"), ""),
		broken(groupkit.LogComplete, grouptest.Archive, "nobody", "member record", "is missing, but the log contains the user")},
	{"of another name", grouptest.ChangeFile(func(f *record.File) { f.Name = "card.png" }),
		broken(groupkit.LogComplete, grouptest.Guild, "", "list of files", "differs from the log")},
}

// ViewsAgree: each index entry matches a record; each record can be read.
var viewDamages = []damage{
	{"lost with its place in the checkpoint", func(t *testing.T, s *grouptest.Dataset) {
		s.Remove(t, key.Of(string(grouptest.Archive), key.Custom))
		s.Remove(t, grouptest.CheckpointKey(key.Custom, ""))
	}, broken(groupkit.ViewsAgree, grouptest.Archive, "", "custom text", "does not match the mark in the header")},
	{"is missing", removeKey(key.OfUser("guild", key.Muted, "ivan")),
		broken(groupkit.ViewsAgree, grouptest.Guild, "ivan", "entry in the mute list", "is missing")},
	{"points elsewhere", putKey(key.OfUser("guild", key.Muted, "ivan"), "o"),
		broken(groupkit.ViewsAgree, grouptest.Guild, "ivan", "entry in the mute list", "has a wrong value")},
	{"of someone who is not", putKey(key.OfUser("guild", key.Muted, "carol"), "m"),
		broken(groupkit.ViewsAgree, grouptest.Guild, "carol", "entry in the mute list", "does not match the record of the user")},
	{"of nobody", putKey(key.OfUser("guild", key.Blocked, "nobody"), "o"),
		broken(groupkit.ViewsAgree, grouptest.Guild, "nobody", "entry in the blacklist", "does not match the record of the user")},
	{"is missing", removeKey(key.OfUser("guild", key.Allowed, "dave")),
		broken(groupkit.ViewsAgree, grouptest.Guild, "dave", "entry in the allow list", "is missing")},
	{"is missing", removeArrival(key.Requests, "frank"),
		broken(groupkit.ViewsAgree, grouptest.Guild, "frank", "entry in the list of join requests", "is missing")},
	{"is missing", removeArrival(key.Invitations, "grace"),
		broken(groupkit.ViewsAgree, grouptest.Guild, "grace", "entry in the list of invitations", "is missing")},
	{"twice", func(t *testing.T, s *grouptest.Dataset) {
		s.Put(t, key.Standing("guild", "carol", false), (&record.Standing{Mute: &record.Mark{}}).Encode())
	}, broken(groupkit.ViewsAgree, grouptest.Guild, "carol", "outsider record", "is a second record of the same user")},
	{"is missing", removeKey(key.Expiry(heidisMute, "guild", key.Muted, "heidi")),
		broken(groupkit.ViewsAgree, grouptest.Guild, "heidi", "expiry entry", "is missing")},
	{"at another time", putKey(key.Expiry(heidisMute+1, "guild", key.Muted, "heidi"), ""),
		broken(groupkit.ViewsAgree, grouptest.Guild, "heidi", "expiry entry", "does not match the record of the user")},
	{"on another list", putKey(key.Expiry(heidisMute, "guild", key.Blocked, "heidi"), ""),
		broken(groupkit.ViewsAgree, grouptest.Guild, "heidi", "expiry entry", "does not match the record of the user")},
	{"of another user", putKey(key.Expiry(heidisMute, "guild", key.Muted, "carol"), ""),
		broken(groupkit.ViewsAgree, grouptest.Guild, "carol", "expiry entry", "does not match the record of the user")},
	{"of a group that is not there", putKey(key.Expiry(1, "nowhere", key.Muted, "heidi"), ""),
		broken(groupkit.ViewsAgree, "nowhere", "heidi", "expiry entry", "does not match the record of the user")},
	{"is cut short", putKey([]byte("T123"), ""),
		broken(groupkit.ViewsAgree, "", "", "expiry entry", "unknown form")},
	{"is missing", removeKey(key.Created(true, grouptest.Dawn.UnixMilli()+1000, "guild")),
		broken(groupkit.ViewsAgree, grouptest.Guild, "", "entry in the list of groups", "is missing")},
	{"at another time", putKey(key.Created(true, 1, "guild"), ""),
		broken(groupkit.ViewsAgree, grouptest.Guild, "", "entry in the list of groups", "does not match the header of a live group")},
	{"among the private ones", putKey(key.Created(false, grouptest.Dawn.UnixMilli()+1000, "guild"), ""),
		broken(groupkit.ViewsAgree, grouptest.Guild, "", "entry in the list of groups", "does not match the header of a live group")},
	{"of a group that never was", putKey(key.Created(true, 1, "nowhere"), ""),
		broken(groupkit.ViewsAgree, "nowhere", "", "entry in the list of groups", "does not match the header of a live group")},
	{"of a deleted group", func(t *testing.T, s *grouptest.Dataset) {
		h, err := record.DecodeHeader(s.Get(t, key.Of("ended", key.Header)))
		require.NoError(t, err)
		s.Put(t, key.Created(false, h.Created, "ended"), nil)
	}, broken(groupkit.ViewsAgree, grouptest.Ended, "", "entry in the list of groups", "does not match the header of a live group")},
	{"is cut short", putKey([]byte("C"), ""),
		broken(groupkit.ViewsAgree, "", "", "entry in the list of groups", "unknown form")},
	{"has no group", putKey([]byte("C\x01123"), ""),
		broken(groupkit.ViewsAgree, "", "", "entry in the list of groups", "unknown form")},
}

// Records that cannot be read, and keys that stand for nothing.
var keyDamages = []damage{
	{"is garbage", putKey(key.Of("guild", key.Header), grouptest.Garbage),
		broken(groupkit.ViewsAgree, grouptest.Guild, "", "header", "damaged")},
	{"is garbage", putKey(key.Standing("guild", "carol", true), grouptest.Garbage),
		broken(groupkit.ViewsAgree, grouptest.Guild, "carol", "member record", "damaged")},
	{"is garbage", putKey(key.Standing("guild", "frank", false), grouptest.Garbage),
		broken(groupkit.ViewsAgree, grouptest.Guild, "frank", "outsider record", "damaged")},
	{"is garbage", putKey(key.OfUser("guild", key.Muted, "ivan"), "xyz"),
		broken(groupkit.ViewsAgree, grouptest.Guild, "ivan", "entry in the mute list", "unknown form")},
	{"is garbage", grouptest.ChangeFileBytes(grouptest.Garbage), broken(groupkit.ViewsAgree, grouptest.Guild, "", "file record", "damaged")},
	{"is garbage", putKey(key.Event("guild", 3), grouptest.Garbage), broken(groupkit.ViewsAgree, grouptest.Guild, "", "log", "damaged")},
	{"of a deleted group is garbage", putKey(key.Event("ended", 3), grouptest.Garbage), broken(groupkit.ViewsAgree, grouptest.Ended, "", "log", "damaged")},
	{"has no version", putKey(key.Of("guild", key.Events), ""), broken(groupkit.ViewsAgree, grouptest.Guild, "", "log", "unknown form")},
	{"is garbage", putKey(key.Of("guild", key.Announcement), grouptest.Garbage),
		broken(groupkit.ViewsAgree, grouptest.Guild, "", "announcement", "damaged")},
	{"is garbage", putKey(key.Of("ended", key.Header), grouptest.Garbage), broken(groupkit.ViewsAgree, grouptest.Ended, "", "header", "damaged")},
	{"of nothing", putKey([]byte("Gx"), ""), broken(groupkit.ViewsAgree, "", "", "key of a group", "unknown form")},
	{"without a kind", putKey(key.Group("guild"), ""), broken(groupkit.ViewsAgree, "", "", "key of a group", "unknown form")},
	{"with a UUID as text", putKey([]byte("G\x0201890a5d-ac96-774b-bcce-b302099a8057\x00h"), ""),
		broken(groupkit.ViewsAgree, "", "", "key of a group", "unknown form")},
	{"of someone", putKey(key.OfUser("guild", key.Announcement, "carol"), ""), broken(groupkit.ViewsAgree, grouptest.Guild, "", "announcement", "unknown form")},
	{"of someone", putKey(grouptest.CheckpointKey(key.Header, "carol"), ""), broken(groupkit.ViewsAgree, grouptest.Archive, "", "checkpoint", "unknown form")},
	{"of no kind", putKey(key.Of("guild", 'Z'), ""), broken(groupkit.ViewsAgree, grouptest.Guild, "", "record of an unknown kind", "unknown form")},
	{"of no family", putKey([]byte("zebra"), ""), broken(groupkit.ViewsAgree, "", "", "key", "7a65627261 has an unknown form")},
	{"has more behind it", putKey([]byte("!!"), ""), broken(groupkit.ViewsAgree, "", "", "key", "2121 has an unknown form")},
	{"has more behind it", putKey([]byte("NN"), ""), broken(groupkit.ViewsAgree, "", "", "key", "4e4e has an unknown form")},
	{"is garbage", putKey(key.Once("bob", "allow ivan"), grouptest.Garbage),
		broken(groupkit.ViewsAgree, "", "", "recorded result of an idempotency key", "damaged")},
	{"is missing", removeKey(key.Once("bob", "allow ivan")),
		broken(groupkit.ViewsAgree, "", "", "expiry entry of a recorded result", "does not match any recorded result")},
	{"lives for ever", func(t *testing.T, s *grouptest.Dataset) {
		for _, k := range s.Keys(t, key.OnceExpiries()) {
			s.Remove(t, []byte(k))
		}
	}, broken(groupkit.ViewsAgree, "", "", "recorded result of an idempotency key", "has no expiry entry")},
	{"ends at another time", putKey(key.OnceExpiry(1, key.Once("bob", "allow ivan")), ""),
		broken(groupkit.ViewsAgree, "", "", "expiry entry of a recorded result", "does not match any recorded result")},
	{"is cut short", putKey([]byte("J1"), ""),
		broken(groupkit.ViewsAgree, "", "", "expiry entry of a recorded result", "unknown form")},
	{"is of a group", putKey(key.OnceExpiry(1, key.Of("guild", key.Header)), ""),
		broken(groupkit.ViewsAgree, "", "", "expiry entry of a recorded result", "unknown form")},
	{"is garbage", putKey(grouptest.CheckpointKey(key.Members, "xena"), grouptest.Garbage), broken(groupkit.ViewsAgree, grouptest.Archive, "", "checkpoint", "damaged")},
	{"is of no kind", putKey(grouptest.CheckpointKey('Z', ""), ""), broken(groupkit.ViewsAgree, grouptest.Archive, "", "checkpoint", "unknown form")},
	{"is nothing", putKey(key.Of("archive", key.Checkpoint), ""), broken(groupkit.ViewsAgree, grouptest.Archive, "", "checkpoint", "unknown form")},
	{"of a log that is gone", putKey(append(key.Of("vanished", key.Checkpoint), key.Header), ""),
		broken(groupkit.LogComplete, grouptest.Vanished, "", "checkpoint", "is left, but the whole log has been removed")},
	{"is missing", removeKey(key.Format()), broken(groupkit.ViewsAgree, "", "", "format version", "is 0 instead of 2")},
	{"is another", putKey(key.Format(), string(record.EncodeCount(7))), broken(groupkit.ViewsAgree, "", "", "format version", "is 7 instead of 2")},
	{"is garbage", putKey(key.Format(), grouptest.Garbage), broken(groupkit.ViewsAgree, "", "", "format version", "is 0 instead of 2")},
}
