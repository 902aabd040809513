// Quickstart shows the main operations on a bbolt file. It creates a guild; users join;
// one is muted, one is blocked; a file is shared. Then it closes the engine, opens the
// file again and reads the data back.
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
	err = story(context.Background(), filepath.Join(dir, "guilds.db"), os.Stdout)
	if err := errors.Join(err, os.RemoveAll(dir)); err != nil {
		log.Fatal(err)
	}
}

// story runs both parts on the file at path and prints what happens.
func story(ctx context.Context, path string, out io.Writer) error {
	var guild groupkit.GroupID
	err := opened(path, func(eng *groupkit.Engine) (err error) {
		if guild, err = found(ctx, eng, out); err != nil {
			return err
		}
		if err := moderate(ctx, eng, guild, out); err != nil {
			return err
		}
		return share(ctx, eng, guild, out)
	})
	if err != nil {
		return err
	}
	fmt.Fprintln(out, "\nThe engine is closed, and the same file is opened again.")
	return opened(path, func(eng *groupkit.Engine) error {
		if err := look(ctx, eng, guild, out); err != nil {
			return err
		}
		if err := ask(ctx, eng, guild, out); err != nil {
			return err
		}
		return check(ctx, eng, guild, out)
	})
}

// opened opens the file at path, calls fn and closes the engine.
func opened(path string, fn func(*groupkit.Engine) error) error {
	eng, err := groupkit.Open(path, nil)
	if err != nil {
		return err
	}
	return errors.Join(fn(eng), eng.Close())
}

func found(ctx context.Context, eng *groupkit.Engine, out io.Writer) (groupkit.GroupID, error) {
	g, err := eng.System().CreateGroup(ctx, groupkit.NewGroup{
		Name: "Night Watch", Description: "We guard the wall.", Public: true, MembersOnly: true,
		Owner: "alice", Members: []groupkit.UserID{"bob", "carol", "mallory"},
	})
	if err != nil {
		return "", err
	}
	fmt.Fprintf(out, "alice founds the guild %q, which has %d members.\n", g.Name, g.MemberCount)

	if err := eng.As("alice").AddAdmin(ctx, g.ID, "bob"); err != nil {
		return "", err
	}
	fmt.Fprintln(out, "alice makes bob an admin.")

	outcome, err := eng.As("dave").Because("I can hold a torch").Join(ctx, g.ID)
	if err != nil {
		return "", err
	}
	fmt.Fprintf(out, "dave asks to join: %v.\n", outcome)
	if err := eng.As("bob").ApproveRequest(ctx, g.ID, "dave"); err != nil {
		return "", err
	}
	fmt.Fprintln(out, "bob lets dave in.")
	return g.ID, nil
}

func moderate(ctx context.Context, eng *groupkit.Engine, guild groupkit.GroupID, out io.Writer) error {
	if _, err := eng.As("bob").Because("spam").Mute(ctx, guild, 10*time.Minute, "carol"); err != nil {
		return err
	}
	fmt.Fprintln(out, "bob mutes carol for ten minutes, because of spam.")
	if _, err := eng.As("bob").Because("treason").Block(ctx, guild, groupkit.Forever, "mallory"); err != nil {
		return err
	}
	fmt.Fprintln(out, "bob blocks mallory for good, because of treason.")

	_, err := eng.As("dave").Mute(ctx, guild, time.Hour, "bob")
	fmt.Fprintf(out, "dave tries to mute bob: %v.\n", answer(err))
	return nil
}

func share(ctx context.Context, eng *groupkit.Engine, guild groupkit.GroupID, out io.Writer) error {
	file, err := eng.As("dave").UploadFile(ctx, guild, "map.txt", strings.NewReader("North is up.\n"))
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "dave shares %s, %d bytes.\n", file.Name, file.Size)
	if err := eng.As("alice").SetAnnouncement(ctx, guild, "Feast on Friday."); err != nil {
		return err
	}
	fmt.Fprintln(out, "alice announces a feast.")
	return nil
}

func look(ctx context.Context, eng *groupkit.Engine, guild groupkit.GroupID, out io.Writer) error {
	fmt.Fprintln(out, "\nMembers:")
	for m, err := range eng.As("alice").Members(ctx, guild) {
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "  %-6s %v\n", m.User, m.Role)
	}
	fmt.Fprintln(out, "Blacklist:")
	for b, err := range eng.As("alice").Blacklist(ctx, guild) {
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "  %s, by %s, because of %s\n", b.User, b.By, b.Reason)
	}
	text, err := eng.As("dave").Announcement(ctx, guild)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "Announcement by %s: %s\n", text.By, text.Text)
	for f, err := range eng.As("carol").Files(ctx, guild) {
		if err != nil {
			return err
		}
		text, err := read(ctx, eng.As("carol"), guild, f.ID)
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "File %s by %s: %q\n", f.Name, f.Owner, text)
	}
	return nil
}

func read(ctx context.Context, reader groupkit.Actor, guild groupkit.GroupID, file groupkit.FileID) ([]byte, error) {
	_, content, err := reader.OpenFile(ctx, guild, file)
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(content)
	return text, errors.Join(err, content.Close())
}

func ask(ctx context.Context, eng *groupkit.Engine, guild groupkit.GroupID, out io.Writer) error {
	fmt.Fprintf(out, "\nMay alice speak? %v.\n", answer(eng.As("alice").MaySpeak(ctx, guild)))
	err := eng.As("carol").MaySpeak(ctx, guild)
	muted, ok := errors.AsType[*groupkit.MutedError](err)
	if !ok {
		return fmt.Errorf("carol should be muted, but: %w", err)
	}
	fmt.Fprintf(out, "May carol speak? No, for another %v she may not.\n", time.Until(muted.Until).Round(time.Minute))
	_, err = eng.As("mallory").Join(ctx, guild)
	fmt.Fprintf(out, "May mallory come back? %v.\n", answer(err))
	return nil
}

func check(ctx context.Context, eng *groupkit.Engine, guild groupkit.GroupID, out io.Writer) error {
	fmt.Fprintln(out, "\nThe log of the guild:")
	for e, err := range eng.As("alice").Events(ctx, guild, 1) {
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "  %2d  %-20v by %-11s %v\n", e.Version, e.Kind, who(e.Actor), e.Users)
	}
	report, err := eng.Verify(ctx, groupkit.VerifyOptions{})
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "\nVerify finds %d broken rules.\n", len(report.Violations))
	return nil
}

// answer returns "Yes", or "No" with the cause of the error.
func answer(err error) string {
	if err == nil {
		return "Yes"
	}
	if e, ok := errors.AsType[*groupkit.Error](err); ok {
		return "No, " + e.Err.Error()
	}
	return err.Error()
}

func who(user groupkit.UserID) string {
	if user == "" {
		return "the system"
	}
	return string(user)
}
