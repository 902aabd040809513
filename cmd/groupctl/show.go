package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"groupkit"
	"groupkit/cmd/groupctl/internal/term"
)

func (c *cli) showCommand() *cobra.Command {
	return &cobra.Command{
		Use: "show GROUP", Short: "Show all about a group",
		Long:    "Show prints the details of a group, its numbers and its announcement. With --json\nit prints the group, without the announcement.",
		Example: "  groupctl show night-watch --db groups.db",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.readGroup(cmd.Context(), args[0], func(db *database, group groupkit.GroupID) error {
				g, err := db.System().Group(cmd.Context(), group)
				if err != nil {
					return err
				}
				a, err := db.System().Announcement(cmd.Context(), group)
				if err != nil {
					return err
				}
				return c.print(g, func() error { return c.out.Fields(groupFields(c.out, &g, &a)...) })
			})
		},
	}
}

func groupFields(s *term.Screen, g *groupkit.Group, a *groupkit.Announcement) []term.Field {
	muted := any("")
	if g.Muted {
		muted = term.Styled{Text: "the whole group", Style: term.Yellow}
	}
	by := ""
	if !a.At.IsZero() {
		by = "by " + actor(a.By) + ", " + s.Time(a.At)
	}
	return []term.Field{
		{Name: "ID", Value: term.Styled{Text: string(g.ID), Style: term.Cyan}},
		{Name: "Name", Value: g.Name},
		{Name: "Description", Value: g.Description},
		{Name: "Avatar", Value: g.Avatar},
		{Name: "Custom", Value: g.Custom},
		{Name: "Access", Value: accessWords(g)},
		{Name: "Owner", Value: term.Styled{Text: string(g.Owner), Style: term.Cyan}},
		{Name: "Members", Value: fmt.Sprintf("%s of %s", term.Count(int64(g.MemberCount)), term.Count(int64(g.MaxUsers)))},
		{Name: "Admins", Value: number(g.AdminCount)},
		{Name: "Requests", Value: number(g.RequestCount)},
		{Name: "Invitations", Value: number(g.InvitationCount)},
		{Name: "Muted", Value: muted},
		{Name: "Created", Value: g.Created},
		{Name: "Modified", Value: g.LastModified},
		{Name: "Version", Value: g.Version},
		{Name: "Announcement", Value: strings.TrimSuffix(a.Text, "\n")},
		{Name: "Announced", Value: by},
	}
}

// number returns a number for a field; nothing for 0.
func number(n int) string {
	if n == 0 {
		return ""
	}
	return term.Count(int64(n))
}

// accessWords says how users come into a group.
func accessWords(g *groupkit.Group) string {
	words := access(g)
	switch {
	case g.Public && g.MembersOnly:
		words = "public, joining on request"
	case !g.Public && g.AllowInvites:
		words += ", members can invite"
	}
	if g.InviteNeedConfirm {
		words += ", an invitation must be accepted"
	}
	return words
}

// actor names who did something.
func actor(user groupkit.UserID) string {
	if user == "" {
		return "(system)"
	}
	return string(user)
}
