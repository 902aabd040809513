package groupkit_test

import (
	"bytes"
	"context"
	"encoding/json"
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

// All groups go from one store into another. An export of what arrived there is the same text.
func ExampleActor_Export() {
	from, _ := exampleEngine(groupkit.Options{})
	defer from.Close()
	to, _ := exampleEngine(groupkit.Options{})
	defer to.Close()
	ctx := context.Background()
	guild := exampleGuild(from, "bob")
	orDie(from.As("alice").SetAnnouncement(ctx, guild, "Winter is coming"))

	var file, again bytes.Buffer
	orDie(from.System().Export(ctx, &file, groupkit.ExportOptions{Contents: true}))
	text := file.String()
	imported, err := to.System().Import(ctx, &file, groupkit.ImportOptions{})
	orDie(err)
	fmt.Println("groups:", imported.Groups)
	orDie(to.System().Export(ctx, &again, groupkit.ExportOptions{Contents: true}))
	fmt.Println("the same text:", again.String() == text)
	// Output:
	// groups: 1
	// the same text: true
}

// Another system has exported a group as JSON: the group comes in with its ID, its times and its
// roles. The bans of that system are the blacklist.
func ExampleActor_Load() {
	eng, _ := exampleEngine(groupkit.Options{})
	defer eng.Close()
	ctx := context.Background()

	var export groupkit.Snapshot
	orDie(json.Unmarshal([]byte(`{
		"group": {"id": "g1", "name": "Night Watch", "public": true, "max_users": 200, "owner": "u1",
			"created": "2019-05-04T12:00:00Z", "version": 1},
		"members": [
			{"user": "u1", "role": "owner", "joined": "2019-05-04T12:00:00Z"},
			{"user": "u2", "role": "admin", "joined": "2021-11-30T08:15:00Z"}],
		"blacklist": [{"user": "u3", "by": "u1", "at": "2022-02-01T00:00:00Z", "reason": "spam"}]
	}`), &export))

	g, err := eng.System().Load(ctx, export)
	orDie(err)
	fmt.Println(g.ID, g.MemberCount, g.Created.Format(time.DateOnly))
	for m, err := range eng.As("u2").Members(ctx, g.ID) {
		orDie(err)
		fmt.Println(m.User, m.Role, m.Joined.Format(time.DateOnly))
	}
	_, err = eng.As("u3").Join(ctx, g.ID)
	fmt.Println("u3 is still banned:", errors.Is(err, groupkit.ErrBlacklisted))
	// Output:
	// g1 2 2019-05-04
	// u1 owner 2019-05-04
	// u2 admin 2021-11-30
	// u3 is still banned: true
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

// UserData is all that is stored about one user, to hand it out. The events name other users: what is
// handed out does not have to.
func ExampleActor_UserData() {
	eng, clock := exampleEngine(groupkit.Options{})
	defer eng.Close()
	ctx := context.Background()
	guild := exampleGuild(eng, "bob", "carol")
	_, err := eng.As("alice").Because("spam").Mute(ctx, guild, time.Hour, "bob")
	orDie(err)
	clock.advance(2 * time.Hour)

	for data, err := range eng.System().UserData(ctx, "bob") {
		orDie(err)
		if data.Standing != nil {
			fmt.Println(data.Name, "has bob as", data.Standing.Role)
		}
		for _, e := range data.Events {
			fmt.Printf("%s %s %q\n", e.At.Format(time.DateTime), e.Kind, e.Reason)
		}
	}
	// Output:
	// Night Watch has bob as member
	// 2026-01-01 12:00:00 member joined ""
	// 2026-01-01 12:00:00 muted "spam"
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
