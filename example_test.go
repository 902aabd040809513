package groupkit_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"time"

	"groupkit"
	"groupkit/store/memblob"
	"groupkit/store/memstore"
)

// exampleClock is a clock that changes only when an example moves it.
type exampleClock struct{ time.Time }

func (c *exampleClock) now() time.Time { return c.Time }

func (c *exampleClock) advance(d time.Duration) { c.Time = c.Add(d) }

// exampleEngine returns an engine in memory. Its clock shows noon on 1 January 2026.
func exampleEngine(opts groupkit.Options) (*groupkit.Engine, *exampleClock) {
	clock := &exampleClock{time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)}
	opts.Clock = clock.now
	eng, err := groupkit.New(memstore.New(), memblob.New(), &opts)
	orDie(err)
	return eng, clock
}

// exampleGuild creates a public group with the owner alice and the given members.
func exampleGuild(eng *groupkit.Engine, members ...groupkit.UserID) groupkit.GroupID {
	g, err := eng.System().CreateGroup(context.Background(), groupkit.NewGroup{
		ID: "guild", Name: "Night Watch", Public: true, Owner: "alice", Members: members,
	})
	orDie(err)
	return g.ID
}

func orDie(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

// A complete program: it opens a file, creates a group, mutes a member, and asks whether
// the member may speak.
func Example() {
	dir, err := os.MkdirTemp("", "groupkit-")
	orDie(err)
	defer os.RemoveAll(dir)
	ctx := context.Background()

	eng, err := groupkit.Open(filepath.Join(dir, "guilds.db"), nil)
	orDie(err)
	defer eng.Close()

	g, err := eng.System().CreateGroup(ctx, groupkit.NewGroup{
		Name: "Night Watch", Owner: "alice", Members: []groupkit.UserID{"bob", "carol"},
	})
	orDie(err)
	orDie(eng.As("alice").AddAdmin(ctx, g.ID, "bob"))
	_, err = eng.As("bob").Because("spam").Mute(ctx, g.ID, 10*time.Minute, "carol")
	orDie(err)

	err = eng.As("carol").MaySpeak(ctx, g.ID)
	fmt.Println("carol is muted:", errors.Is(err, groupkit.ErrMuted))
	for m, err := range eng.As("alice").Members(ctx, g.ID) {
		orDie(err)
		fmt.Println(m.User, m.Role)
	}
	// Output:
	// carol is muted: true
	// alice owner
	// bob admin
	// carol member
}

// The data of a file is there when the file is opened again.
func ExampleOpen() {
	dir, err := os.MkdirTemp("", "groupkit-")
	orDie(err)
	defer os.RemoveAll(dir)
	path, ctx := filepath.Join(dir, "guilds.db"), context.Background()

	eng, err := groupkit.Open(path, nil)
	orDie(err)
	_, err = eng.System().CreateGroup(ctx, groupkit.NewGroup{ID: "guild", Name: "Night Watch", Owner: "alice"})
	orDie(err)
	orDie(eng.Close())

	eng, err = groupkit.Open(path, nil)
	orDie(err)
	defer eng.Close()
	g, err := eng.As("alice").Group(ctx, "guild")
	orDie(err)
	fmt.Println(g.Name, "of", g.Owner)
	// Output:
	// Night Watch of alice
}

// A user creates a group and becomes its owner. The owner updates and deletes the group.
func ExampleActor_CreateGroup() {
	eng, _ := exampleEngine(groupkit.Options{})
	defer eng.Close()
	ctx := context.Background()

	g, err := eng.As("alice").CreateGroup(ctx, groupkit.NewGroup{Name: "Chess Club", Public: true})
	orDie(err)
	fmt.Printf("%s: owner %s, %d of %d members, version %d\n", g.Name, g.Owner, g.MemberCount, g.MaxUsers, g.Version)

	changed, err := eng.As("alice").UpdateGroup(ctx, g.ID, groupkit.GroupUpdate{
		Name: new("Chess Club"), Description: new("Every Tuesday."), MaxUsers: new(50),
	})
	orDie(err)
	fmt.Println("changed:", changed)

	orDie(eng.As("alice").DeleteGroup(ctx, g.ID))
	_, err = eng.As("alice").Group(ctx, g.ID)
	fmt.Println(errors.Is(err, groupkit.ErrGroupNotFound))
	// Output:
	// Chess Club: owner alice, 1 of 200 members, version 2
	// changed: [description max users]
	// true
}

// One call returns the details of many groups, and the IDs of groups that do not exist for
// the actor.
func ExampleActor_GroupDetails() {
	eng, _ := exampleEngine(groupkit.Options{})
	defer eng.Close()
	ctx := context.Background()
	guild := exampleGuild(eng)
	_, err := eng.System().CreateGroup(ctx, groupkit.NewGroup{ID: "secret", Name: "Cabal", Owner: "mallory"})
	orDie(err)

	found, missing, err := eng.As("bob").GroupDetails(ctx, []groupkit.GroupID{guild, "secret", "nothing"})
	orDie(err)
	for _, g := range found {
		fmt.Println("found:", g.Name)
	}
	fmt.Println("missing:", missing)
	// Output:
	// found: Night Watch
	// missing: [secret nothing]
}

// The owner adds and removes admins, and transfers the group to another member.
func ExampleActor_TransferGroup() {
	eng, _ := exampleEngine(groupkit.Options{})
	defer eng.Close()
	ctx := context.Background()
	guild := exampleGuild(eng, "bob", "carol")
	alice := eng.As("alice")

	orDie(alice.AddAdmin(ctx, guild, "bob"))
	orDie(alice.AddAdmin(ctx, guild, "carol"))
	orDie(alice.RemoveAdmin(ctx, guild, "carol"))
	err := eng.As("bob").RemoveMember(ctx, guild, "alice")
	fmt.Println("the owner cannot be removed:", errors.Is(err, groupkit.ErrIsOwner))

	orDie(alice.TransferGroup(ctx, guild, "bob"))
	for _, user := range []groupkit.UserID{"alice", "bob", "carol", "dave"} {
		role, err := eng.System().Role(ctx, guild, user)
		orDie(err)
		fmt.Println(user, role)
	}
	// Output:
	// the owner cannot be removed: true
	// alice member
	// bob owner
	// carol member
	// dave outsider
}

// The system adds one member or many. A batch returns one result for each user.
func ExampleActor_AddMembers() {
	eng, _ := exampleEngine(groupkit.Options{})
	defer eng.Close()
	ctx := context.Background()
	guild := exampleGuild(eng, "bob")

	results, err := eng.System().AddMembers(ctx, guild, []groupkit.UserID{"bob", "carol", "dave"})
	orDie(err) // it fails as a whole only if nobody joins
	fmt.Println("joined:", results.Succeeded())
	for _, r := range results {
		if errors.Is(r.Err, groupkit.ErrAlreadyMember) {
			fmt.Println("was there before:", r.User)
		}
	}

	orDie(eng.As("carol").Leave(ctx, guild))
	orDie(eng.As("alice").RemoveMember(ctx, guild, "dave"))
	g, err := eng.As("bob").Group(ctx, guild)
	orDie(err)
	fmt.Println("members:", g.MemberCount)
	// Output:
	// joined: [carol dave]
	// was there before: bob
	// members: 2
}

// A list is an iterator. It can also be read in pages.
func ExampleActor_Members() {
	eng, _ := exampleEngine(groupkit.Options{})
	defer eng.Close()
	ctx := context.Background()
	guild := exampleGuild(eng, "bob", "carol", "dave")

	for m, err := range eng.As("bob").Members(ctx, guild) {
		if err != nil { // the list ends with its first error
			log.Fatal(err)
		}
		fmt.Println(m.User, m.Role, m.Joined.Format(time.DateOnly))
		if m.User == "bob" {
			break
		}
	}

	page, err := eng.As("bob").MembersPage(ctx, guild, groupkit.Page{Number: 2, Size: 3})
	orDie(err)
	for _, m := range page {
		fmt.Println("second page:", m.User)
	}
	// Output:
	// alice owner 2026-01-01
	// bob member 2026-01-01
	// second page: dave
}

// All groups, newest first, with a cursor (cursor pagination). The client sends the cursor
// back with its next call.
func ExampleActor_GroupsPage() {
	eng, clock := exampleEngine(groupkit.Options{})
	defer eng.Close()
	ctx := context.Background()
	for _, name := range []string{"Archers", "Bakers", "Cooks", "Dancers", "Elders"} {
		_, err := eng.System().CreateGroup(ctx, groupkit.NewGroup{Name: name, Public: name != "Cooks", Owner: "alice"})
		orDie(err)
		clock.advance(time.Minute)
	}

	for cursor := ""; ; {
		page, next, err := eng.As("bob").GroupsPage(ctx, 2, cursor)
		orDie(err)
		fmt.Println("page:")
		for _, g := range page {
			fmt.Println(" ", g.Name)
		}
		if next == "" {
			break
		}
		cursor = next
	}
	// Output:
	// page:
	//   Elders
	//   Dancers
	// page:
	//   Bakers
	//   Archers
}

// The groups of which a user is a member.
func ExampleActor_JoinedGroups() {
	eng, _ := exampleEngine(groupkit.Options{})
	defer eng.Close()
	ctx := context.Background()
	exampleGuild(eng, "bob")

	for g, err := range eng.As("bob").JoinedGroups(ctx, "bob") {
		orDie(err)
		fmt.Println(g.Name)
	}
	for _, err := range eng.As("alice").JoinedGroups(ctx, "bob") {
		fmt.Println("of others:", errors.Is(err, groupkit.ErrSystemOnly))
	}
	// Output:
	// Night Watch
	// of others: true
}
