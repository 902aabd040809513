package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"groupkit"
	"groupkit/cmd/groupctl/internal/term"
)

func (c *cli) deleteCommand() *cobra.Command {
	var m *manner
	cmd := &cobra.Command{
		Use: "delete GROUP", Short: "Delete a group with all that is in it",
		Long: "Delete deletes a group with its members, its lists and its files. Its ID is never\nused again. This cannot be undone, so it asks first. The log stays for as long as the\napp keeps logs. If it is interrupted, the group is gone for everybody, and the next\nprocess that opens the database removes the rest.\n\n" +
			"With --json the answer is the group as it was.",
		Example: "  groupctl delete night-watch\n  groupctl delete night-watch --yes --reason \"project has ended\"",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, group := cmd.Context(), groupkit.GroupID(args[0])
			err := c.confirmAbout(ctx, func(db *database) (string, error) {
				if err := m.actor(db.Engine, 0).Can().DeleteGroup(ctx, group); err != nil {
					return "", err
				}
				g, err := db.System().Group(ctx, group)
				return fmt.Sprintf("Delete group %s (%s, %s) with its lists and files?", term.Clean(args[0]), term.Clean(g.Name), countOf(g.MemberCount, "member", "members")), err
			})
			if err != nil {
				return err
			}
			return c.change(ctx, groupkit.Options{}, func(db *database) error {
				g, err := db.System().Group(ctx, group)
				if err != nil { // DeleteGroup says why, or that it was done before
					g.ID = group
				}
				if err := m.actor(db.Engine, 0).DeleteGroup(ctx, group); err != nil {
					return err
				}
				done := c.said("deleted", "delete") + " group " + term.Clean(args[0])
				if c.dryRun {
					return c.saidWould(done)
				}
				return c.print(g, func() error { return c.say("%s", done) })
			})
		},
	}
	m = c.mannerFlags(cmd)
	m.onceFlag(cmd)
	c.yesFlag(cmd)
	return cmd
}
