package main

import (
	"context"
	"iter"

	"github.com/spf13/cobra"

	"groupkit"
	"groupkit/cmd/groupctl/internal/term"
)

func (c *cli) rolesCommand() *cobra.Command {
	return &cobra.Command{
		Use: "roles GROUP [USER...]", Aliases: []string{"admins"}, Short: "List the owner and the admins of a group, or the roles of users",
		Long: `Roles lists the owner and the admins of a group. With users it lists these users with
their role: "outsider" if a user is not a member. With --json these are their
standings: with the mute, the block, and whatever else the group has of a user.`,
		Example: "  groupctl roles night-watch --db groups.db\n  groupctl roles night-watch bob mallory --db groups.db",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.readGroup(cmd.Context(), args[0], func(db *database, group groupkit.GroupID) error {
				table := c.out.Table(append(memberColumns[:3:3], term.Column{Head: "ADMIN SINCE", Kind: term.Time})...)
				if len(args) > 1 {
					return list(c, standings(cmd.Context(), db.System(), group, args[1:]), table, func(s groupkit.Standing) []any {
						return []any{s.User, role(s.Role), s.Joined, s.AdminSince}
					})
				}
				return list(c, leaders(cmd.Context(), db.System(), group), table, func(m groupkit.Member) []any { return append(memberRow(m), m.AdminSince) })
			})
		},
	}
}

// leaders iterates over the owner and the admins of a group.
func leaders(ctx context.Context, a groupkit.Actor, group groupkit.GroupID) iter.Seq2[groupkit.Member, error] {
	return func(yield func(groupkit.Member, error) bool) {
		g, err := a.Group(ctx, group)
		if err != nil {
			yield(groupkit.Member{}, err)
			return
		}
		s, err := a.Standing(ctx, group, g.Owner)
		if !yield(groupkit.Member{User: s.User, Role: s.Role, Joined: s.Joined, AdminSince: s.AdminSince}, err) || err != nil {
			return
		}
		for m, err := range a.Admins(ctx, group) {
			if !yield(m, err) {
				return
			}
		}
	}
}

// standings iterates over the standings of some users.
func standings(ctx context.Context, a groupkit.Actor, group groupkit.GroupID, users []string) iter.Seq2[groupkit.Standing, error] {
	return func(yield func(groupkit.Standing, error) bool) {
		for _, user := range users {
			s, err := a.Standing(ctx, group, groupkit.UserID(user))
			if !yield(s, err) || err != nil {
				return
			}
		}
	}
}
