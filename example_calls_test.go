package groupkit_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"

	"groupkit"
)

// Can is a dry run: it reports whether a call would succeed and changes nothing. A client
// uses it to show only the buttons that work.
func ExampleActor_Can() {
	eng, _ := exampleEngine(groupkit.Options{})
	defer eng.Close()
	ctx := context.Background()
	guild := exampleGuild(eng, "bob", "carol")

	for _, user := range []groupkit.UserID{"alice", "bob"} {
		_, err := eng.As(user).Can().Mute(ctx, guild, time.Minute, "carol")
		fmt.Printf("can %s mute carol? %t\n", user, err == nil)
	}
	fmt.Println("carol may speak:", eng.As("carol").MaySpeak(ctx, guild) == nil)
	// Output:
	// can alice mute carol? true
	// can bob mute carol? false
	// carol may speak: true
}

// A client that lost the answer repeats the call with the same idempotency key. The call is
// not done a second time.
func ExampleActor_Once() {
	eng, _ := exampleEngine(groupkit.Options{})
	defer eng.Close()
	ctx := context.Background()

	for range 2 {
		g, err := eng.As("alice").Once("request 4711").CreateGroup(ctx, groupkit.NewGroup{Name: "Night Watch"})
		orDie(err)
		fmt.Println(g.Name)
	}
	groups, err := eng.As("alice").JoinedGroupsPage(ctx, "alice", groupkit.Page{})
	orDie(err)
	fmt.Println("groups:", len(groups))

	_, err = eng.As("alice").Once("request 4711").CreateGroup(ctx, groupkit.NewGroup{Name: "Day Watch"})
	fmt.Println("the key of another call:", errors.Is(err, groupkit.ErrKeyReused))
	// Output:
	// Night Watch
	// Night Watch
	// groups: 1
	// the key of another call: true
}

// A game takes gold and adds a member in one transaction: both or neither. The gold is in
// the same store as the groups.
func ExampleEngine_Atomic() {
	eng, _ := exampleEngine(groupkit.Options{})
	defer eng.Close()
	ctx := context.Background()
	guild := exampleGuild(eng)

	// pay changes the gold of a player by an amount, which can be negative.
	pay := func(tx *groupkit.Tx, user groupkit.UserID, amount int64) error {
		gold, err := tx.Bucket("gold")
		if err != nil {
			return err
		}
		value, ok, err := gold.Get([]byte(user))
		if err != nil {
			return err
		}
		var has int64
		if ok {
			has = int64(binary.BigEndian.Uint64(value))
		}
		if has+amount < 0 {
			return fmt.Errorf("%s has %d gold", user, has)
		}
		return gold.Put([]byte(user), binary.BigEndian.AppendUint64(nil, uint64(has+amount)))
	}
	orDie(eng.Atomic(ctx, func(tx *groupkit.Tx) error { return pay(tx, "bob", 150) }))

	for _, user := range []groupkit.UserID{"bob", "carol", "bob"} {
		err := eng.Atomic(ctx, func(tx *groupkit.Tx) error {
			if err := pay(tx, user, -50); err != nil {
				return err
			}
			return tx.System().AddMember(ctx, guild, user) // refused: the gold is not taken
		})
		switch {
		case errors.Is(err, groupkit.ErrAlreadyMember):
			fmt.Println(user, "is a member already and pays nothing")
		case err != nil:
			fmt.Println("not admitted:", err)
		default:
			fmt.Println(user, "pays and is admitted")
		}
	}
	// Output:
	// bob pays and is admitted
	// not admitted: carol has 0 gold
	// bob is a member already and pays nothing
}

// A Guard sees every change and can refuse it. Here it refuses announcements that contain
// a certain word.
func ExampleOptions() {
	errWord := errors.New("mind your words")
	eng, _ := exampleEngine(groupkit.Options{
		Guard: func(_ context.Context, cmd groupkit.Command, _ groupkit.Scope) error {
			if cmd.Op == groupkit.OpSetAnnouncement && strings.Contains(cmd.Text, "dragon") {
				return errWord
			}
			return nil
		},
	})
	defer eng.Close()
	ctx := context.Background()
	guild := exampleGuild(eng)

	err := eng.As("alice").SetAnnouncement(ctx, guild, "The dragon is asleep.")
	fmt.Println(errors.Is(err, groupkit.ErrVetoed), errors.Is(err, errWord))
	fmt.Println(err)
	// Output:
	// true true
	// set announcement: group "guild": refused by the application: mind your words
}

// A follower gives each event of a group when the event is durable.
func ExampleActor_Follow() {
	eng, _ := exampleEngine(groupkit.Options{})
	defer eng.Close()
	ctx := context.Background()
	guild := exampleGuild(eng)

	follow, err := eng.As("alice").Follow(ctx, guild, groupkit.Latest())
	orDie(err)
	defer follow.Close()

	_, err = eng.As("bob").Join(ctx, guild)
	orDie(err)
	orDie(eng.As("alice").AddAdmin(ctx, guild, "bob"))
	orDie(eng.As("alice").DeleteGroup(ctx, guild))

	for e, err := range follow.All(ctx) {
		if err != nil {
			fmt.Println("the end:", errors.Is(err, groupkit.ErrGroupNotFound))
			break
		}
		fmt.Println(e.Version, e.Kind, e.Users)
	}
	// Output:
	// 3 member joined [bob]
	// 4 admin added [bob]
	// 5 group deleted []
	// the end: true
}
