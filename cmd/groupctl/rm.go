package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"groupkit"
	"groupkit/cmd/groupctl/internal/term"
)

func (c *cli) rmCommand() *cobra.Command {
	var m *manner
	cmd := &cobra.Command{
		Use: "rm GROUP FILE...", Short: "Delete shared files of a group",
		Long:    "Rm deletes shared files with their contents. FILE is the ID of a file, or its name if\nno other file of the group has it. This cannot be undone, so it asks first.",
		Example: "  groupctl rm night-watch plan.pdf\n  groupctl rm night-watch plan.pdf map.png --yes",
		Args:    cobra.MinimumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if m.given("if-version") && len(args) > 2 {
				return usage("--if-version holds for one file, and there are %d", len(args)-1)
			}
			return c.rm(cmd.Context(), m, groupkit.GroupID(args[0]), args[1:])
		},
	}
	m = c.mannerFlags(cmd)
	c.yesFlag(cmd)
	return cmd
}

func (c *cli) rm(ctx context.Context, m *manner, group groupkit.GroupID, named []string) error {
	err := c.confirmAbout(ctx, func(db *database) (string, error) {
		for i, name := range named {
			a := m.actor(db.Engine, i)
			f, err := findFile(ctx, a, group, name)
			if err == nil {
				err = a.Can().DeleteFile(ctx, group, f.ID)
			}
			if err != nil {
				return "", err
			}
		}
		return fmt.Sprintf("Delete %s of group %s?", countOf(len(named), "file", "files"), term.Clean(string(group))), nil
	})
	if err != nil {
		return err
	}
	return c.change(ctx, groupkit.Options{}, func(db *database) error {
		for i, name := range named {
			a := m.actor(db.Engine, i)
			f, err := findFile(ctx, a, group, name)
			if err == nil {
				err = a.DeleteFile(ctx, group, f.ID)
			}
			if err != nil {
				return err
			}
			done := fmt.Sprintf("%s %s of %s", c.said("deleted", "delete"), term.Clean(f.Name), term.Clean(string(group)))
			if c.dryRun {
				err = c.saidWould(done)
			} else {
				err = c.print(f, func() error { return c.say("%s", done) })
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}
