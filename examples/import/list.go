package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"groupkit"
)

// list prints all groups.
func list(ctx context.Context, eng *groupkit.Engine, out io.Writer) error {
	fmt.Fprintln(out, "LOADED")
	for g, err := range eng.System().Groups(ctx) {
		if err != nil {
			return err
		}
		s, err := eng.System().Snapshot(ctx, g.ID)
		if err != nil {
			return err
		}
		show(&s, out)
	}
	return nil
}

// show prints a group, with a line for each entry.
func show(s *groupkit.Snapshot, out io.Writer) {
	g := &s.Group
	fmt.Fprintf(out, "%s %q: %s; created %s, %d of %d members\n", g.ID, g.Name, access(g), day(g.Created), g.MemberCount, g.MaxUsers)
	line := func(format string, args ...any) { fmt.Fprintf(out, "  "+format+"\n", args...) }
	if g.Description != "" {
		line("description: %s", g.Description)
	}
	if a := &s.Announcement; a.Text != "" {
		line("announcement: %s (%s, %s)", a.Text, author(a.By), day(a.At))
	}
	for _, m := range s.Members {
		line("%s: %v, joined %s", m.User, m.Role, day(m.Joined))
	}
	for _, m := range s.Mutes {
		line("%s: muted until %s", m.User, day(m.Until))
	}
	for _, b := range s.Blacklist {
		line("%s: banned by %s, %s, %q", b.User, author(b.By), day(b.At), b.Reason)
	}
	for _, r := range s.Requests {
		line("%s: asks to join, %s, %q", r.User, day(r.At), r.Reason)
	}
	for _, i := range s.Invitations {
		line("%s: invited by %s, %s, %q", i.User, author(i.By), day(i.At), i.Reason)
	}
}

// access says who can join, and who can speak.
func access(g *groupkit.Group) string {
	text := "private"
	switch {
	case g.MembersOnly:
		text = "public, on request"
	case g.Public:
		text = "public"
	case g.AllowInvites:
		text = "private, members can invite"
	}
	if g.Muted {
		text += ", muted"
	}
	return text
}

func author(user groupkit.UserID) string {
	if user == "" {
		return "the system"
	}
	return string(user)
}

// day returns the day of a time. The end of what has no end is forever.
func day(t time.Time) string {
	switch {
	case t.IsZero():
		return "at an unknown time"
	case t.Equal(forever):
		return "forever"
	}
	return t.Format(time.DateOnly)
}
