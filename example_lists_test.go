package groupkit_test

import (
	"context"
	"fmt"
	"time"

	"groupkit"
)

// A list can be entered at a user ID or at a prefix, and read on with a cursor. The client sends
// the cursor back with its next call.
func ExampleFrom() {
	eng, _ := exampleEngine(groupkit.Options{})
	defer eng.Close()
	ctx := context.Background()
	guild := exampleGuild(eng, "bob", "carl", "carol", "cindy", "dave")

	from := groupkit.From{Prefix: "c", Limit: 2}
	for {
		members, next, err := eng.As("bob").MembersFrom(ctx, guild, from)
		orDie(err)
		for _, m := range members {
			fmt.Println(m.User)
		}
		if next == "" {
			break
		}
		fmt.Println("more:")
		from.Cursor = next
	}

	after, _, err := eng.As("bob").MembersFrom(ctx, guild, groupkit.From{After: "christa", Limit: 1})
	orDie(err)
	fmt.Println("after christa, who is not a member:", after[0].User)
	// Output:
	// carl
	// carol
	// more:
	// cindy
	// after christa, who is not a member: cindy
}

// Standing is everything about one user in one group, in one read: what a client shows beside a
// name.
func ExampleActor_Standing() {
	eng, _ := exampleEngine(groupkit.Options{})
	defer eng.Close()
	ctx := context.Background()
	guild := exampleGuild(eng, "bob", "carol")
	_, err := eng.As("alice").Because("spam").Mute(ctx, guild, 10*time.Minute, "bob")
	orDie(err)

	for _, actor := range []groupkit.UserID{"alice", "bob"} {
		s, err := eng.As(actor).Standing(ctx, guild, "bob")
		orDie(err)
		fmt.Printf("to %s: %s since %s, muted until %s by %q: %s\n", actor, s.Role,
			s.Joined.Format(time.DateOnly), s.Mute.Until.Format(time.TimeOnly), s.Mute.By, s.Mute.Reason)
	}
	_, err = eng.As("carol").Standing(ctx, guild, "bob")
	fmt.Println("to carol:", groupkit.Code(err))
	// Output:
	// to alice: member since 2026-01-01, muted until 12:10:00 by "alice": spam
	// to bob: member since 2026-01-01, muted until 12:10:00 by "": spam
	// to carol: role_too_low
}
