package formats_test

import (
	"bytes"
	"math/rand/v2"
	"strings"

	"groupkit"
)

// The ids of groups that the application chose: a UUID, and texts that are nearly one.
const (
	chosenUUID = "01890a5d-ac96-774b-bcce-b302099a8057"
	loudUUID   = "01890A5D-AC96-774B-BCCE-B302099A8057"
	dottedID   = "room_1.main:eu-west"
)

// groups brings users in by all ways, and keeps requests and invitations pending.
func (w *writer) groups() {
	w.at("2025-03-10 09:00")
	alice, bob := w.as("alice"), w.as("bob")
	w.create(groupkit.NewGroup{ID: "lobby", Name: "Lobby", Public: true, Owner: "alice", Members: []groupkit.UserID{"bob", "carol"}})
	w.ok(
		second(w.as("dave").Join(w.ctx, "lobby")),
		second(w.as("😀").Join(w.ctx, "lobby")),
		w.sys.Because("by hand").AddMember(w.ctx, "lobby", "erin"),
		alice.AddAdmin(w.ctx, "lobby", "bob"),
		alice.AddAdmin(w.ctx, "lobby", "carol"),
		alice.RemoveAdmin(w.ctx, "lobby", "carol"),
		bob.Because("too loud").RemoveMember(w.ctx, "lobby", "erin"),
		second(w.as("erin").Join(w.ctx, "lobby")),
		alice.TransferGroup(w.ctx, "lobby", "bob"),
		w.as("alice").Leave(w.ctx, "lobby"),
		second(w.as("alice").Join(w.ctx, "lobby")),
	)
	w.create(groupkit.NewGroup{ID: "club", Name: "Club", Public: true, MembersOnly: true, Owner: "alice"})
	for _, user := range []groupkit.UserID{"bob", "carol", "dave", "erin", "日本"} {
		w.ok(second(w.as(user).Because("I am "+string(user)).Join(w.ctx, "club")))
	}
	w.ok(
		alice.ApproveRequest(w.ctx, "club", "bob"),
		alice.Because("not yet").DeclineRequest(w.ctx, "club", "carol"),
		w.as("dave").CancelRequest(w.ctx, "club"),
		second(alice.Invite(w.ctx, "club", "erin")),
		second(alice.Invite(w.ctx, "club", "frank")),
		second(w.as("frank").Join(w.ctx, "club")),
	)
	w.invitations()
	w.create(groupkit.NewGroup{ID: "solo", Name: "Solo", Owner: "bob", MaxUsers: 1})
	w.create(groupkit.NewGroup{ID: chosenUUID, Name: "A chosen UUID", Owner: "carol", Members: []groupkit.UserID{"alice"}})
	w.create(groupkit.NewGroup{ID: loudUUID, Name: "A UUID in capitals", Public: true, Owner: "carol", Members: []groupkit.UserID{"alice"}})
	w.create(groupkit.NewGroup{ID: dottedID, Name: "An id of all characters", Owner: "carol", Members: []groupkit.UserID{"alice"}})
	w.create(groupkit.NewGroup{ID: "shut", Name: "Shut", Owner: "dave", Members: []groupkit.UserID{"erin", "frank"}})
	w.ok(w.as("dave").Because("season over").DeleteGroup(w.ctx, "shut"))
	w.shared()
}

// invitations makes invitations of all ends.
func (w *writer) invitations() {
	dave := w.as("dave")
	circle, err := dave.CreateGroup(w.ctx, groupkit.NewGroup{Name: "Inner circle", AllowInvites: true, Members: []groupkit.UserID{"erin", "frank"}})
	w.ok(
		err,
		w.as("erin").AcceptInvitation(w.ctx, circle.ID),
		w.as("frank").DeclineInvitation(w.ctx, circle.ID),
		second(w.as("erin").Because("a friend of mine").Invite(w.ctx, circle.ID, "grace")),
		second(dave.InviteUsers(w.ctx, circle.ID, []groupkit.UserID{"heidi", "van der Berg", "日本"})),
		dave.CancelInvitation(w.ctx, circle.ID, "heidi"),
		second(w.sys.Invite(w.ctx, circle.ID, "alice")),
		w.sys.AddMember(w.ctx, circle.ID, "van der Berg"),
	)
	open, err := dave.CreateGroup(w.ctx, groupkit.NewGroup{Name: "No questions", InviteNeedConfirm: new(false), Members: []groupkit.UserID{"erin"}})
	w.ok(err, second(dave.Invite(w.ctx, open.ID, "frank")))
	// The inviter of a pending invitation leaves, which cancels it.
	w.create(groupkit.NewGroup{ID: "estranged", Name: "Estranged", AllowInvites: true, Owner: "dave", Members: []groupkit.UserID{"grace"}})
	w.ok(second(w.as("grace").Invite(w.ctx, "estranged", "heidi")), w.as("grace").Leave(w.ctx, "estranged"))
}

// shared changes two groups and the application's own data in one transaction.
func (w *writer) shared() {
	w.ok(w.eng.Atomic(w.ctx, func(tx *groupkit.Tx) error {
		ledger, err := tx.Bucket("ledger")
		if err != nil {
			return err
		}
		sessions, err := tx.Bucket("sessions")
		if err != nil {
			return err
		}
		for user, balance := range map[string]string{"alice": "100", "bob": "", "日本": "7.50"} {
			if err := ledger.Put([]byte(user), []byte(balance)); err != nil {
				return err
			}
		}
		if err := sessions.Put([]byte{0, 0xff, 1}, bytes.Repeat([]byte{0xa5}, 40)); err != nil {
			return err
		}
		if err := tx.System().AddMember(w.ctx, "lobby", "heidi"); err != nil {
			return err
		}
		return tx.As("alice").Because("both at once").SetAnnouncement(w.ctx, "club", "Heidi is in the lobby.")
	}))
}

// texts changes every field of a group, up to the longest texts there can be.
func (w *writer) texts() {
	w.at("2025-04-10 09:00")
	alice := w.as("alice")
	w.create(groupkit.NewGroup{
		ID: "texts", Name: strings.Repeat("名", 128), Description: "One line\n\tand another/one", Avatar: "https://example.com/a.png",
		Custom: "{}", Owner: "alice", MaxUsers: 10_000, Members: []groupkit.UserID{"bob", longID},
	})
	w.ok(
		second(alice.UpdateGroup(w.ctx, "texts", groupkit.GroupUpdate{
			Name: new("Texts & <more> \u2028 \"quoted\""), Description: new(strings.Repeat("é", 512)), Avatar: new(strings.Repeat("a", 1024)),
			Custom: new(strings.Repeat("0123456789abcdef", 512)), MaxUsers: new(2000),
			MembersOnly: new(true), AllowInvites: new(true), InviteNeedConfirm: new(false),
		})),
		alice.AddAdmin(w.ctx, "texts", "bob"),
		second(w.as("bob").Because(strings.Repeat("r", 512)).UpdateGroup(w.ctx, "texts", groupkit.GroupUpdate{Avatar: new("")})),
		second(alice.UpdateGroup(w.ctx, "texts", groupkit.GroupUpdate{MembersOnly: new(false), InviteNeedConfirm: new(true), MaxUsers: new(3)})),
		alice.SetAnnouncement(w.ctx, "texts", strings.Repeat("語", 512)),
		w.as("bob").SetAnnouncement(w.ctx, "texts", ""),
		w.sys.SetAnnouncement(w.ctx, "texts", "Said by the system."),
	)
}

// longID is as long as the id of a user can be.
var longID = groupkit.UserID(strings.Repeat("ж", 64))

// files shares files of several sizes and owners.
func (w *writer) files() {
	w.at("2025-04-20 09:00")
	w.create(groupkit.NewGroup{ID: "files", Name: "Files", Public: true, Owner: "alice", Members: []groupkit.UserID{"bob", "carol"}})
	noise := make([]byte, 3000)
	random := rand.New(rand.NewPCG(1, 2)) // the same contents every time
	for i := range noise {
		noise[i] = byte(random.Uint32())
	}
	gone, err := w.as("bob").UploadFile(w.ctx, "files", "gone.txt", strings.NewReader("deleted again"))
	w.ok(
		err,
		second(w.as("alice").UploadFile(w.ctx, "files", "empty", strings.NewReader(""))),
		second(w.as("bob").Because("as promised").UploadFile(w.ctx, "files", "noise.bin", bytes.NewReader(noise))),
		second(w.sys.UploadFile(w.ctx, "files", strings.Repeat("名", 255), strings.NewReader(strings.Repeat("a line of text\n", 10_000)))),
		second(w.as("carol").UploadFile(w.ctx, "files", "carol's.txt", strings.NewReader("I leave, this stays."))),
		w.as("carol").Leave(w.ctx, "files"),
		w.as("alice").Because("out of date").DeleteFile(w.ctx, "files", gone.ID),
	)
}
