package groupkit_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"groupkit"
)

// In a public group with MembersOnly, Join creates a join request. An admin approves or
// declines it.
func ExampleActor_Join() {
	eng, _ := exampleEngine(groupkit.Options{})
	defer eng.Close()
	ctx := context.Background()
	guild := exampleGuild(eng)
	alice := eng.As("alice")

	outcome, err := eng.As("bob").Join(ctx, guild)
	orDie(err)
	fmt.Println("the door is open, bob:", outcome)

	_, err = alice.UpdateGroup(ctx, guild, groupkit.GroupUpdate{MembersOnly: new(true)})
	orDie(err)
	for _, user := range []groupkit.UserID{"carol", "dave"} {
		outcome, err := eng.As(user).Because("let me in").Join(ctx, guild)
		orDie(err)
		fmt.Println(user, outcome)
	}
	for r, err := range alice.Requests(ctx, guild) {
		orDie(err)
		fmt.Printf("%s asks: %s\n", r.User, r.Reason)
	}

	orDie(alice.ApproveRequest(ctx, guild, "carol"))
	orDie(alice.Because("not now").DeclineRequest(ctx, guild, "dave"))
	err = eng.As("dave").CancelRequest(ctx, guild)
	fmt.Println("nothing left to cancel:", errors.Is(err, groupkit.ErrRequestNotFound))
	// Output:
	// the door is open, bob: joined
	// carol requested
	// dave requested
	// carol asks: let me in
	// dave asks: let me in
	// nothing left to cancel: true
}

// A user who is invited into a private group accepts or declines. Until then the user sees
// only the name, description, avatar and size of the group.
func ExampleActor_Invite() {
	eng, clock := exampleEngine(groupkit.Options{InvitationTTL: 24 * time.Hour})
	defer eng.Close()
	ctx := context.Background()
	g, err := eng.As("alice").CreateGroup(ctx, groupkit.NewGroup{Name: "Cabal", AllowInvites: true})
	orDie(err)

	outcome, err := eng.As("alice").Invite(ctx, g.ID, "bob")
	orDie(err)
	fmt.Println("bob is", outcome)
	for i, err := range eng.As("bob").PendingInvitations(ctx, "bob") {
		orDie(err)
		seen, err := eng.As("bob").Group(ctx, i.Group)
		orDie(err)
		fmt.Printf("%s invites bob into %s, members: %d\n", i.By, seen.Name, seen.MemberCount)
	}
	orDie(eng.As("bob").AcceptInvitation(ctx, g.ID))

	_, err = eng.As("bob").Invite(ctx, g.ID, "carol") // AllowInvites: members can invite
	orDie(err)
	clock.advance(24 * time.Hour)
	err = eng.As("carol").AcceptInvitation(ctx, g.ID)
	fmt.Println("too late for carol:", errors.Is(err, groupkit.ErrGroupNotFound))

	_, err = eng.As("alice").UpdateGroup(ctx, g.ID, groupkit.GroupUpdate{InviteNeedConfirm: new(false)})
	orDie(err)
	outcome, err = eng.As("alice").Invite(ctx, g.ID, "carol")
	orDie(err)
	fmt.Println("without confirmation carol has", outcome)
	// Output:
	// bob is invited
	// alice invites bob into Cabal, members: 1
	// too late for carol: true
	// without confirmation carol has joined
}
