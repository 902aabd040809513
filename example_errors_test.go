package groupkit_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"groupkit"
)

// Test errors with errors.Is, either for one sentinel or for its class. Find the details
// with errors.As.
func ExampleError() {
	eng, _ := exampleEngine(groupkit.Options{})
	defer eng.Close()
	ctx := context.Background()
	guild := exampleGuild(eng, "bob", "carol")

	_, err := eng.As("bob").Mute(ctx, guild, time.Minute, "carol")
	switch {
	case errors.Is(err, groupkit.ErrRoleTooLow):
		fmt.Println("bob is no admin")
	case errors.Is(err, groupkit.ErrForbidden): // the class: all other refusals of this kind
		fmt.Println("bob may not")
	}

	var e *groupkit.Error
	if errors.As(err, &e) {
		fmt.Printf("%s: %v (group %s, user %s)\n", e.Op, e.Err, e.Group, e.User)
	}
	fmt.Println(err)
	// Output:
	// bob is no admin
	// mute: role is too low (group guild, user bob)
	// mute: user "bob" in group "guild": role is too low
}

// The error of a limit contains the limit and the value.
func ExampleLimitError() {
	eng, _ := exampleEngine(groupkit.Options{Limits: groupkit.Limits{DefaultMaxUsers: 2}})
	defer eng.Close()
	ctx := context.Background()
	guild := exampleGuild(eng, "bob")

	_, err := eng.As("carol").Join(ctx, guild)
	fmt.Println(errors.Is(err, groupkit.ErrGroupFull), errors.Is(err, groupkit.ErrLimit))
	if limit, ok := errors.AsType[*groupkit.LimitError](err); ok {
		fmt.Println(limit.Value, "of", limit.Max)
	}
	// Output:
	// true true
	// 2 of 2
}

// An update reports every field that is not valid.
func ExampleFieldError() {
	eng, _ := exampleEngine(groupkit.Options{})
	defer eng.Close()
	ctx := context.Background()
	guild := exampleGuild(eng)

	_, err := eng.As("alice").UpdateGroup(ctx, guild, groupkit.GroupUpdate{
		Name: new(""), Description: new(strings.Repeat("é", 513)), Avatar: new("crow.png"),
	})
	fmt.Println(errors.Is(err, groupkit.ErrInvalid))
	if field, ok := errors.AsType[*groupkit.FieldError](err); ok {
		fmt.Println("the first is", field.Field)
	}
	fmt.Println(err)
	// Output:
	// true
	// the first is name
	// update group: group "guild": name is empty; description has 513 characters (at most 512)
}

// The reason of a call is in the log, and in the mute or block that the call creates.
func ExampleActor_Because() {
	eng, _ := exampleEngine(groupkit.Options{})
	defer eng.Close()
	ctx := context.Background()
	guild := exampleGuild(eng, "bob")

	orDie(eng.As("alice").Because("moved away").RemoveMember(ctx, guild, "bob"))
	for e, err := range eng.As("alice").Events(ctx, guild, 3) {
		orDie(err)
		fmt.Printf("%d %v %v by %s: %s\n", e.Version, e.Kind, e.Users, e.Actor, e.Reason)
	}
	// Output:
	// 3 member left [bob] by alice: moved away
}

// Optimistic locking: a change is refused if the group has changed since it was read.
func ExampleActor_IfVersion() {
	eng, _ := exampleEngine(groupkit.Options{})
	defer eng.Close()
	ctx := context.Background()
	guild := exampleGuild(eng, "bob")
	alice := eng.As("alice")

	g, err := alice.Group(ctx, guild)
	orDie(err)
	orDie(eng.As("bob").Leave(ctx, guild)) // meanwhile

	err = alice.IfVersion(g.Version).DeleteGroup(ctx, guild)
	if v, ok := errors.AsType[*groupkit.VersionError](err); ok {
		fmt.Printf("the group is at version %d, not %d\n", v.Current, v.Want)
	}
	fmt.Println(errors.Is(err, groupkit.ErrVersion))
	// Output:
	// the group is at version 3, not 2
	// true
}
