// Quickstart tells the story of a guild on a real bbolt file: it is founded, people
// come and go, someone is muted, someone is blocked, a file is shared; then the
// engine is closed and opened again, and everything is there.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"
	"strings"
	"time"

	"groupkit"
)

func main() {
	log.SetFlags(0)
	dir, err := os.MkdirTemp("", "groupkit-quickstart-")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	if err := story(filepath.Join(dir, "guilds.db"), os.Stdout); err != nil {
		log.Fatal(err)
	}
}

// story plays both acts on the file at path and writes down what happens.
func story(path string, out io.Writer) error {
	ctx := context.Background()
	guild, err := founding(ctx, path, out)
	if err != nil {
		return err
	}
	fmt.Fprintln(out, "\nThe process ends. Another one opens the same file.")
	return reopening(ctx, path, guild, out)
}

func founding(ctx context.Context, path string, out io.Writer) (guild groupkit.GroupID, err error) {
	eng, err := groupkit.Open(path, nil)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, eng.Close()) }()

	g, err := eng.System().CreateGroup(ctx, groupkit.NewGroup{
		Name: "Night Watch", Description: "We guard the wall.", Public: true, MembersOnly: true,
		Owner: "alice", Members: []groupkit.UserID{"bob", "carol", "mallory"},
	})
	if err != nil {
		return "", err
	}
	fmt.Fprintf(out, "alice founds %q with %d members.\n", g.Name, g.MemberCount)

	if err := eng.As("alice").AddAdmin(ctx, g.ID, "bob"); err != nil {
		return "", err
	}
	fmt.Fprintln(out, "bob becomes an admin.")

	outcome, err := eng.As("dave").Because("I can hold a torch").Join(ctx, g.ID)
	if err != nil {
		return "", err
	}
	fmt.Fprintf(out, "dave knocks at the door: %v.\n", outcome)
	if err := eng.As("bob").ApproveRequest(ctx, g.ID, "dave"); err != nil {
		return "", err
	}
	fmt.Fprintln(out, "bob lets dave in.")

	if _, err := eng.As("bob").Because("spam").Mute(ctx, g.ID, 10*time.Minute, "carol"); err != nil {
		return "", err
	}
	fmt.Fprintln(out, "bob mutes carol for ten minutes, because of spam.")
	if _, err := eng.As("bob").Because("treason").Block(ctx, g.ID, groupkit.Forever, "mallory"); err != nil {
		return "", err
	}
	fmt.Fprintln(out, "bob blocks mallory for good, because of treason.")

	_, err = eng.As("dave").Mute(ctx, g.ID, time.Hour, "bob")
	fmt.Fprintf(out, "dave tries to mute bob: %v\n", short(err))

	file, err := eng.As("dave").UploadFile(ctx, g.ID, "map.txt", strings.NewReader("North is up.\n"))
	if err != nil {
		return "", err
	}
	fmt.Fprintf(out, "dave shares %s, %d bytes.\n", file.Name, file.Size)
	return g.ID, eng.As("alice").SetAnnouncement(ctx, g.ID, "Feast on Friday.")
}

func reopening(ctx context.Context, path string, guild groupkit.GroupID, out io.Writer) (err error) {
	eng, err := groupkit.Open(path, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, eng.Close()) }()

	fmt.Fprintln(out, "\nMembers:")
	for m, err := range eng.As("alice").Members(ctx, guild) {
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "  %-8s %v\n", m.User, m.Role)
	}
	text, err := eng.As("dave").Announcement(ctx, guild)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "Announcement by %s: %s\n", text.By, text.Text)
	if err := files(ctx, eng, guild, out); err != nil {
		return err
	}

	fmt.Fprintf(out, "May alice speak? %v\n", short(eng.As("alice").MaySpeak(ctx, guild)))
	err = eng.As("carol").MaySpeak(ctx, guild)
	fmt.Fprintf(out, "May carol? muted: %t\n", errors.Is(err, groupkit.ErrMuted))
	_, err = eng.As("mallory").Join(ctx, guild)
	fmt.Fprintf(out, "May mallory come back? %v\n", short(err))

	fmt.Fprintln(out, "\nThe log:")
	for e, err := range eng.As("alice").Events(ctx, guild, 1) {
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "  %2d  %-20v by %-10s %v\n", e.Version, e.Kind, who(e.Actor), e.Users)
	}
	broken, err := eng.Verify(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "\nVerify finds %d broken invariants.\n", len(broken))
	return nil
}

func files(ctx context.Context, eng *groupkit.Engine, guild groupkit.GroupID, out io.Writer) error {
	for f, err := range eng.As("carol").Files(ctx, guild) {
		if err != nil {
			return err
		}
		_, content, err := eng.As("carol").OpenFile(ctx, guild, f.ID)
		if err != nil {
			return err
		}
		text, err := io.ReadAll(content)
		if err := errors.Join(err, content.Close()); err != nil {
			return err
		}
		fmt.Fprintf(out, "File %s by %s: %q\n", f.Name, f.Owner, text)
	}
	return nil
}

// short is the cause of an error without the id of the group, which is another at
// every run.
func short(err error) string {
	var e *groupkit.Error
	switch {
	case err == nil:
		return "yes"
	case errors.As(err, &e):
		return "no, " + e.Err.Error()
	}
	return err.Error()
}

func who(user groupkit.UserID) string {
	if user == "" {
		return "the system"
	}
	return string(user)
}
