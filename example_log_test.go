package groupkit_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"time"

	"groupkit"
)

// Replication: a snapshot and the events after it are a copy of a group. Replaying the
// whole log gives the same state.
func ExampleReplay() {
	eng, _ := exampleEngine(groupkit.Options{})
	defer eng.Close()
	ctx := context.Background()
	guild := exampleGuild(eng, "bob", "carol")
	orDie(eng.As("alice").AddAdmin(ctx, guild, "bob"))
	orDie(eng.As("carol").Leave(ctx, guild))

	snapshot, err := eng.As("alice").Snapshot(ctx, guild)
	orDie(err)
	for _, m := range snapshot.Members {
		fmt.Println(m.User, m.Role)
	}
	replayed, err := groupkit.Replay(eng.As("alice").Events(ctx, guild, 1))
	orDie(err)
	fmt.Println("the log gives the same state:", reflect.DeepEqual(snapshot, replayed))
	// Output:
	// alice owner
	// bob admin
	// the log gives the same state: true
}

// With a retention of one day the log begins with a checkpoint. The events after it keep
// their numbers.
func ExampleRetention() {
	eng, clock := exampleEngine(groupkit.Options{Retention: groupkit.Retention{MaxAge: 24 * time.Hour}})
	defer eng.Close()
	ctx := context.Background()
	guild := exampleGuild(eng, "bob")
	clock.advance(48 * time.Hour)
	orDie(eng.As("bob").Leave(ctx, guild))

	_, err := eng.Sweep(ctx)
	orDie(err)
	for e, err := range eng.As("alice").Events(ctx, guild, 1) {
		orDie(err)
		fmt.Println(e.Version, e.Kind, e.Users)
		if e.Checkpoint != nil {
			fmt.Println("  members then:", len(e.Checkpoint.Members))
		}
	}
	// Output:
	// 2 checkpoint []
	//   members then: 2
	// 3 member left [bob]
}

// When an account is deleted, ForgetUser removes the user from all groups, and the user ID
// from the logs.
func ExampleActor_ForgetUser() {
	eng, _ := exampleEngine(groupkit.Options{})
	defer eng.Close()
	ctx := context.Background()
	guild := exampleGuild(eng, "bob", "carol")
	orDie(eng.As("alice").AddAdmin(ctx, guild, "bob"))

	err := eng.System().ForgetUser(ctx, "alice", groupkit.ForgetOptions{})
	if owns, ok := errors.AsType[*groupkit.OwnsError](err); ok {
		fmt.Println("alice still owns", owns.Groups)
	}

	orDie(eng.System().ForgetUser(ctx, "alice", groupkit.ForgetOptions{Owned: groupkit.OwnedSucceed, Pseudonymize: true}))
	g, err := eng.System().Group(ctx, guild)
	orDie(err)
	fmt.Println("the owner is now", g.Owner)
	named := false
	for e, err := range eng.System().Events(ctx, guild, 1) {
		orDie(err)
		named = named || e.Actor == "alice"
		for _, user := range e.Users {
			named = named || user == "alice"
		}
	}
	fmt.Println("the log names alice:", named)
	// Output:
	// alice still owns [guild]
	// the owner is now bob
	// the log names alice: false
}
