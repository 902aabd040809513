package formats_test

import (
	"strings"

	"groupkit"
)

// moderation mutes and blocks for a time and for good, and lifts what can be lifted. Much
// of it has expired by the last day, and nobody has cleared it away.
func (w *writer) moderation() {
	w.at("2025-03-20 09:00")
	alice, bob := w.as("alice"), w.as("bob")
	w.create(groupkit.NewGroup{
		ID: "court", Name: "Court", Public: true, Owner: "alice", MaxUsers: 100, Members: append(fans(1, 20), "bob", "carol", "dave", "日本"),
	})
	w.ok(
		alice.AddAdmin(w.ctx, "court", "bob"),
		alice.AddAdmin(w.ctx, "court", "carol"),
		second(alice.Because("own court").Mute(w.ctx, "court", groupkit.Forever, "carol")),
		second(bob.Because("spam").MuteUsers(w.ctx, "court", 200*day, fans(1, 4))),
		second(bob.Mute(w.ctx, "court", 3*day, "日本")),
		second(bob.Because("again").MuteUsers(w.ctx, "court", groupkit.Forever, fans(3, 6))),
		bob.Unmute(w.ctx, "court", "fan-006"),
		second(w.sys.Mute(w.ctx, "court", 100*day, "dave")),
		w.as("dave").Leave(w.ctx, "court"),
		second(bob.Because("threats").BlockUsers(w.ctx, "court", groupkit.Forever, fans(7, 8))),
		second(bob.Block(w.ctx, "court", 365*day, "fan-009")),
		second(alice.Block(w.ctx, "court", 10*day, "fan-010")),
		second(alice.BlockUsers(w.ctx, "court", groupkit.Forever, fans(11, 12))),
		alice.Because("an appeal").Unblock(w.ctx, "court", "fan-011"),
		alice.MuteGroup(w.ctx, "court"),
		second(bob.Because("witness").AllowUsers(w.ctx, "court", append(fans(13, 15), "fan-001"))),
		bob.Disallow(w.ctx, "court", "fan-015"),
		w.as("fan-014").Leave(w.ctx, "court"),
		second(w.as("fan-014").Join(w.ctx, "court")),
		bob.RemoveMember(w.ctx, "court", "fan-016"),
	)
	w.create(groupkit.NewGroup{ID: "quiet", Name: "Quiet for a while", Owner: "carol", Members: []groupkit.UserID{"alice", "bob"}})
	w.ok(
		second(w.as("carol").Mute(w.ctx, "quiet", 500*day, "bob")),
		w.as("carol").MuteGroup(w.ctx, "quiet"),
		w.as("carol").UnmuteGroup(w.ctx, "quiet"),
		w.as("carol").TransferGroup(w.ctx, "quiet", "bob"),
	)
}

// crowd makes a large group, and one that the last day deletes.
func (w *writer) crowd() {
	w.at("2025-04-01 09:00")
	w.create(groupkit.NewGroup{ID: "stadium", Name: "Stadium", Public: true, Owner: "alice", MaxUsers: 500, Members: fans(1, 100)})
	w.admit("stadium", fans(101, 295))
	for _, user := range []groupkit.UserID{"bob", "carol", "dave"} {
		w.ok(second(w.as(user).Join(w.ctx, "stadium")))
	}
	w.ok(
		w.as("alice").AddAdmin(w.ctx, "stadium", "fan-100"),
		w.as("alice").AddAdmin(w.ctx, "stadium", "carol"),
		second(w.as("carol").MuteUsers(w.ctx, "stadium", 120*day, fans(200, 240))),
		second(w.as("carol").BlockUsers(w.ctx, "stadium", groupkit.Forever, fans(290, 292))),
		w.as("alice").TransferGroup(w.ctx, "stadium", "fan-100"),
	)
	w.create(groupkit.NewGroup{
		ID: doomed, Name: "Doomed", Description: "To be deleted", Custom: "goes", Public: true, MembersOnly: true, Owner: "alice",
		MaxUsers: 300, Members: fans(1, 100),
	})
	w.admit(doomed, fans(101, 150))
	alice := w.as("alice")
	w.ok(
		alice.AddAdmin(w.ctx, doomed, "fan-001"),
		alice.SetAnnouncement(w.ctx, doomed, "This will go."),
		second(alice.UploadFile(w.ctx, doomed, "goes too.txt", strings.NewReader("This content goes."))),
		second(alice.MuteUsers(w.ctx, doomed, 300*day, fans(140, 150))),
		second(alice.Block(w.ctx, doomed, groupkit.Forever, "fan-002")),
		alice.Allow(w.ctx, doomed, "fan-149"),
		second(w.as("fan-200").Join(w.ctx, doomed)),
		second(alice.Invite(w.ctx, doomed, "fan-201")),
		w.as("fan-003").Leave(w.ctx, doomed),
	)
}

// doomed is the group whose deletion is cut off.
const doomed = "doomed"

// expiry lets requests, invitations, mutes and blocks expire: some are cleared away, some
// are not, and some expire after the last day.
func (w *writer) expiry() {
	w.at("2025-05-10 09:00")
	w.create(groupkit.NewGroup{
		ID: "waiting-room", Name: "Waiting room", Public: true, MembersOnly: true, Owner: "alice", Members: fans(1, 6),
	})
	w.pending("early", 1)
	w.at("2025-05-20 09:00")
	w.ok(second(w.eng.Sweep(w.ctx)))
	w.at("2025-06-01 09:00")
	w.pending("late", 3)
	w.at("2025-06-14 09:00")
	w.ok(
		second(w.as("ann").Join(w.ctx, "waiting-room")),
		second(w.as("alice").Invite(w.ctx, "waiting-room", "ben")),
		second(w.as("alice").Because("from outside").Block(w.ctx, "waiting-room", 7*day, "outsider")),
	)
}

// pending makes one of each that ends within days: about users whose names begin with the
// word, and about two fans.
func (w *writer) pending(word groupkit.UserID, fan int) {
	alice := w.as("alice")
	w.ok(
		second(w.as(word+" guest").Join(w.ctx, "waiting-room")),
		second(alice.Invite(w.ctx, "waiting-room", word+" friend")),
		second(alice.MuteUsers(w.ctx, "waiting-room", 2*day, fans(fan, fan))),
		second(alice.BlockUsers(w.ctx, "waiting-room", 2*day, fans(fan+1, fan+1))),
	)
}

// owners lets owners leave: one has an heir, one was the last.
func (w *writer) owners() {
	w.at("2025-06-10 09:00")
	w.create(groupkit.NewGroup{ID: "heirs", Name: "Heirs", Owner: "dave", Members: []groupkit.UserID{"erin", "frank"}})
	w.create(groupkit.NewGroup{ID: "last-one", Name: "The last one", Owner: "dave"})
	w.ok(w.as("dave").Leave(w.ctx, "heirs"), w.as("dave").Leave(w.ctx, "last-one"))
	// The outcome of this call has lived its life by the last day, and is there still.
	w.ok(w.as("erin").Once("old").SetAnnouncement(w.ctx, "heirs", "It is mine now."))
}
