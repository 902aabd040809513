package groupkit_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"groupkit"
)

// A block ends the membership and keeps the user out, for a time or permanently.
func ExampleActor_Block() {
	eng, clock := exampleEngine(groupkit.Options{})
	defer eng.Close()
	ctx := context.Background()
	guild := exampleGuild(eng, "bob", "mallory")
	alice := eng.As("alice")

	_, err := alice.Because("treason").Block(ctx, guild, groupkit.Forever, "mallory")
	orDie(err)
	until, err := alice.Block(ctx, guild, 24*time.Hour, "bob")
	orDie(err)
	fmt.Println("bob is out until", until.Format(time.DateTime))
	for b, err := range alice.Blacklist(ctx, guild) {
		orDie(err)
		fmt.Printf("%s, for good: %t, because: %q\n", b.User, b.Until.IsZero(), b.Reason)
	}

	err = eng.System().AddMember(ctx, guild, "mallory")
	fmt.Println("nobody lets mallory in:", errors.Is(err, groupkit.ErrBlacklisted))
	clock.advance(24 * time.Hour)
	outcome, err := eng.As("bob").Join(ctx, guild)
	orDie(err)
	fmt.Println("a day later bob has", outcome)
	orDie(alice.Unblock(ctx, guild, "mallory"))
	// Output:
	// bob is out until 2026-01-02 12:00:00
	// bob, for good: false, because: ""
	// mallory, for good: true, because: "treason"
	// nobody lets mallory in: true
	// a day later bob has joined
}

// A mute is in effect until its end, also if the user leaves and comes back.
func ExampleActor_Mute() {
	eng, clock := exampleEngine(groupkit.Options{})
	defer eng.Close()
	ctx := context.Background()
	guild := exampleGuild(eng, "bob", "carol")
	bob := eng.As("bob")

	until, err := eng.As("alice").Mute(ctx, guild, 10*time.Minute, "bob")
	orDie(err)
	fmt.Println("until", until.Format(time.TimeOnly))

	orDie(bob.Leave(ctx, guild))
	_, err = bob.Join(ctx, guild)
	orDie(err)
	if muted, ok := errors.AsType[*groupkit.MutedError](bob.MaySpeak(ctx, guild)); ok {
		fmt.Println("still muted until", muted.Until.Format(time.TimeOnly))
	}
	clock.advance(10 * time.Minute)
	fmt.Println("ten minutes later:", bob.MaySpeak(ctx, guild))

	until, err = eng.As("alice").Mute(ctx, guild, groupkit.Forever, "carol")
	orDie(err)
	fmt.Println("for good:", until.UnixMilli())
	orDie(eng.As("alice").Unmute(ctx, guild, "carol"))
	// Output:
	// until 12:10:00
	// still muted until 12:10:00
	// ten minutes later: <nil>
	// for good: 4638873600000
}

// In a muted group only the owner, admins and users on the allow list can speak.
func ExampleActor_MuteGroup() {
	eng, _ := exampleEngine(groupkit.Options{})
	defer eng.Close()
	ctx := context.Background()
	guild := exampleGuild(eng, "bob", "carol")
	alice := eng.As("alice")

	orDie(alice.MuteGroup(ctx, guild))
	orDie(alice.Allow(ctx, guild, "bob"))
	for _, user := range []groupkit.UserID{"alice", "bob", "carol"} {
		err := eng.As(user).MaySpeak(ctx, guild)
		fmt.Println(user, "speaks:", err == nil, errors.Is(err, groupkit.ErrGroupMuted))
	}

	_, err := alice.Mute(ctx, guild, time.Hour, "bob")
	orDie(err)
	err = eng.As("bob").MaySpeak(ctx, guild)
	fmt.Println("a mute of one's own comes first:", errors.Is(err, groupkit.ErrMuted))

	orDie(alice.UnmuteGroup(ctx, guild))
	fmt.Println("carol again:", eng.As("carol").MaySpeak(ctx, guild))
	// Output:
	// alice speaks: true false
	// bob speaks: true false
	// carol speaks: false true
	// a mute of one's own comes first: true
	// carol again: <nil>
}

// An expired mute has no effect. Sweep removes it and logs that it has ended.
func ExampleEngine_Sweep() {
	eng, clock := exampleEngine(groupkit.Options{})
	defer eng.Close()
	ctx := context.Background()
	guild := exampleGuild(eng, "bob")
	_, err := eng.As("alice").Mute(ctx, guild, time.Hour, "bob")
	orDie(err)

	clock.advance(2 * time.Hour)
	cleared, err := eng.Sweep(ctx)
	orDie(err)
	fmt.Println("cleared:", cleared)
	for e, err := range eng.System().Events(ctx, guild, 4) {
		orDie(err)
		fmt.Println(e.Version, e.Kind, e.Users)
	}
	// Output:
	// cleared: 1
	// 4 mute expired [bob]
}
