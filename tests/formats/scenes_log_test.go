package formats_test

import (
	"strings"

	"groupkit"
)

// winter makes groups whose logs are cut later on: the checkpoint of one of them holds
// every kind of record that a checkpoint can hold.
func (w *writer) winter() {
	w.at("2025-01-05 10:00")
	alice, bob := w.as("alice"), w.as("bob")
	w.create(groupkit.NewGroup{
		ID: "archive", Name: "Archive", Public: true, Owner: "alice", MaxUsers: 50,
		Members: []groupkit.UserID{"bob", "carol", "dave", "erin", "ivan", "judy", "Zoë"},
	})
	w.ok(
		alice.SetAnnouncement(w.ctx, "archive", "All of it is kept."),
		alice.AddAdmin(w.ctx, "archive", "bob"),
		second(alice.UpdateGroup(w.ctx, "archive", groupkit.GroupUpdate{Custom: new(`{"shelf":7}`), MembersOnly: new(true)})),
		second(w.as("ivan").UploadFile(w.ctx, "archive", "minutes.txt", strings.NewReader("Minutes of the first meeting.\n"))),
		second(w.as("carol").UploadFile(w.ctx, "archive", "draft.txt", strings.NewReader("A draft.\n"))),
		second(alice.Because("spam").Mute(w.ctx, "archive", groupkit.Forever, "carol")),
		second(bob.MuteUsers(w.ctx, "archive", 400*day, []groupkit.UserID{"dave", "ivan"})),
		second(alice.Because("insults").Block(w.ctx, "archive", groupkit.Forever, "erin")),
		second(alice.Block(w.ctx, "archive", 500*day, "judy")),
		alice.Because("the voice of the house").Allow(w.ctx, "archive", "Zoë"),
		second(w.as("heidi").Because("let me in").Join(w.ctx, "archive")),
		second(bob.Because("you know best").Invite(w.ctx, "archive", "grace")),
		w.sys.AddMember(w.ctx, "archive", "frank"),
		w.as("frank").Because("no time").Leave(w.ctx, "archive"),
	)
	w.create(groupkit.NewGroup{Name: "Cut to the checkpoint", Owner: "ruth", Members: []groupkit.UserID{"ivan", "日本"}})
	w.create(groupkit.NewGroup{ID: "old-hall", Name: "Old hall", Owner: "alice", Members: []groupkit.UserID{"bob"}})
	w.create(groupkit.NewGroup{ID: "half-hall", Name: "Half of a hall", Public: true, Owner: "carol", Members: []groupkit.UserID{"ivan", "dave"}})
	w.ok(second(w.as("ivan").UploadFile(w.ctx, "half-hall", "plan.txt", strings.NewReader("A plan."))))
	w.at("2025-01-07 12:00")
	w.ok(alice.Because("sold").DeleteGroup(w.ctx, "old-hall"))
	w.at("2025-02-20 09:00")
	w.ok(
		w.as("carol").DeleteGroup(w.ctx, "half-hall"),
		alice.MuteGroup(w.ctx, "archive"),
		second(bob.Mute(w.ctx, "archive", 30*day, "Zoë")),
	)
}

// spring cuts the logs of winter, and then forgets users whom checkpoints name.
func (w *writer) spring() {
	w.at("2025-03-01 08:00")
	w.ok(
		second(w.eng.Sweep(w.ctx)),
		w.sys.Because("asked for it").ForgetUser(w.ctx, "ivan", groupkit.ForgetOptions{Pseudonymize: true}),
		w.sys.ForgetUser(w.ctx, "judy", groupkit.ForgetOptions{}),
		w.as("bob").SetAnnouncement(w.ctx, "archive", "Most of it is kept."),
	)
}

// forgotten forgets users in all ways: with a pseudonym and without, blocked ones, and
// owners, whose groups go to an heir or are deleted.
func (w *writer) forgotten() {
	w.at("2025-05-02 09:00")
	kim := w.as("kim")
	w.create(groupkit.NewGroup{
		ID: "crew", Name: "Crew", Public: true, Owner: "kim",
		Members: []groupkit.UserID{"mallory", "trudy", "victor", "owen", "olga", "peter"},
	})
	w.ok(
		kim.AddAdmin(w.ctx, "crew", "peter"),
		kim.SetAnnouncement(w.ctx, "crew", "By someone who will be forgotten."),
		second(kim.UploadFile(w.ctx, "crew", "left behind.txt", strings.NewReader("The file stays."))),
		second(kim.Mute(w.ctx, "crew", groupkit.Forever, "victor")),
		kim.Allow(w.ctx, "crew", "victor"),
		second(kim.Invite(w.ctx, "crew", "walter")),
		second(kim.Block(w.ctx, "crew", groupkit.Forever, "mallory")),
		second(kim.Block(w.ctx, "crew", groupkit.Forever, "trudy")),
	)
	w.create(groupkit.NewGroup{ID: "inherited", Name: "Inherited", Owner: "owen", Members: []groupkit.UserID{"peter", "victor"}})
	w.create(groupkit.NewGroup{ID: "with-its-owner", Name: "Gone with its owner", Owner: "olga", Members: []groupkit.UserID{"peter"}})
	w.at("2025-05-03 09:00")
	pseudonym := groupkit.ForgetOptions{Pseudonymize: true}
	succeed, remove := pseudonym, pseudonym
	succeed.Owned, remove.Owned = groupkit.OwnedSucceed, groupkit.OwnedDelete
	w.ok(
		w.sys.ForgetUser(w.ctx, "kim", succeed),
		w.sys.ForgetUser(w.ctx, "mallory", pseudonym), // who stays blocked, under the name
		w.sys.ForgetUser(w.ctx, "trudy", groupkit.ForgetOptions{Pseudonymize: true, Blocks: true}),
		w.sys.ForgetUser(w.ctx, "owen", groupkit.ForgetOptions{Owned: groupkit.OwnedSucceed}),
		w.sys.ForgetUser(w.ctx, "olga", remove),
	)
}
