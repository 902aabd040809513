package groupkit_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"groupkit"
	"groupkit/store/memblob"
	"groupkit/store/memstore"
)

// For tests: an engine in memory, with a clock that the test moves.
func ExampleNew() {
	now := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	eng, err := groupkit.New(memstore.New(), memblob.New(), &groupkit.Options{
		Clock: func() time.Time { return now },
	})
	orDie(err)
	defer eng.Close()
	ctx := context.Background()
	guild := exampleGuild(eng, "bob")

	_, err = eng.As("alice").Mute(ctx, guild, time.Hour, "bob")
	orDie(err)
	fmt.Println("muted:", errors.Is(eng.As("bob").MaySpeak(ctx, guild), groupkit.ErrMuted))
	now = now.Add(time.Hour)
	fmt.Println("an hour later:", eng.As("bob").MaySpeak(ctx, guild))
	// Output:
	// muted: true
	// an hour later: <nil>
}

// Backup writes everything while the engine is in use. RestoreFile makes a file of it that Open opens, and a folder with
// the contents of shared files. Verify checks the restored data.
func ExampleEngine_Backup() {
	dir, err := os.MkdirTemp("", "groupkit-")
	orDie(err)
	defer os.RemoveAll(dir)
	ctx := context.Background()
	eng, err := groupkit.Open(filepath.Join(dir, "guilds.db"), nil)
	orDie(err)
	defer eng.Close()
	guild := exampleGuild(eng, "bob")

	backup, err := os.Create(filepath.Join(dir, "sunday.backup"))
	orDie(err)
	defer backup.Close()
	_, err = eng.Backup(ctx, backup)
	orDie(err)

	orDie(eng.System().AddMember(ctx, guild, "carol"))
	changes, err := os.Create(filepath.Join(dir, "monday.backup"))
	orDie(err)
	defer changes.Close()
	_, err = eng.Backup(ctx, changes, backup) // only what has changed since
	orDie(err)

	path := filepath.Join(dir, "restored.db")
	_, err = groupkit.RestoreFile(ctx, path, backup, changes)
	orDie(err)
	restored, err := groupkit.Open(path, nil)
	orDie(err)
	defer restored.Close()
	report, err := restored.Verify(ctx, groupkit.VerifyOptions{})
	orDie(err)
	g, err := restored.As("bob").Group(ctx, guild)
	orDie(err)
	fmt.Printf("%s: %d members, %d broken rules\n", g.Name, g.MemberCount, len(report.Violations))
	// Output:
	// Night Watch: 3 members, 0 broken rules
}

// With UserExists only users whom the application knows can enter a group.
func ExampleOptions_userExists() {
	accounts := map[groupkit.UserID]bool{"alice": true, "bob": true}
	eng, _ := exampleEngine(groupkit.Options{
		UserExists: func(_ context.Context, user groupkit.UserID) (bool, error) { return accounts[user], nil },
	})
	defer eng.Close()
	ctx := context.Background()
	guild := exampleGuild(eng)

	fmt.Println("bob:", eng.System().AddMember(ctx, guild, "bob"))
	err := eng.System().AddMember(ctx, guild, "nobody")
	fmt.Println("nobody is unknown:", errors.Is(err, groupkit.ErrUserNotFound))
	// Output:
	// bob: <nil>
	// nobody is unknown: true
}

// When the owner leaves, the longest-serving admin becomes the owner.
func ExampleOwnerPolicy() {
	eng, _ := exampleEngine(groupkit.Options{OwnerLeave: groupkit.OwnerSucceed})
	defer eng.Close()
	ctx := context.Background()
	guild := exampleGuild(eng, "bob", "carol")
	orDie(eng.As("alice").AddAdmin(ctx, guild, "carol"))

	orDie(eng.As("alice").Leave(ctx, guild))
	g, err := eng.System().Group(ctx, guild)
	orDie(err)
	fmt.Println("the owner is now", g.Owner)
	// Output:
	// the owner is now carol
}

// A Guard applies a rule of the application to every change. Here only users of level
// 10 and above can join.
func ExampleOptions_guardJoin() {
	levels := map[groupkit.UserID]int{"bob": 12, "carol": 3}
	errLevel := errors.New("level 10 is needed")
	eng, _ := exampleEngine(groupkit.Options{
		Guard: func(_ context.Context, cmd groupkit.Command, _ groupkit.Scope) error {
			if cmd.Op == groupkit.OpJoin && levels[cmd.Actor] < 10 {
				return errLevel
			}
			return nil
		},
	})
	defer eng.Close()
	ctx := context.Background()
	guild := exampleGuild(eng)

	for _, user := range []groupkit.UserID{"bob", "carol"} {
		_, err := eng.As(user).Join(ctx, guild)
		fmt.Println(user, "is refused:", errors.Is(err, errLevel))
	}
	// Output:
	// bob is refused: false
	// carol is refused: true
}
