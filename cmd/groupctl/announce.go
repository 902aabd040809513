package main

import (
	"github.com/spf13/cobra"

	"groupkit"
	"groupkit/cmd/groupctl/internal/term"
)

func (c *cli) announceCommand() *cobra.Command {
	var m *manner
	cmd := &cobra.Command{
		Use: "announce GROUP TEXT", Short: "Set the announcement of a group",
		Long:    "Announce sets the announcement, a text of at most 512 characters. An empty text\nclears it.",
		Example: "  groupctl announce night-watch \"Meet at ten.\"\n  groupctl announce night-watch \"\"",
		Args:    cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			group, text := groupkit.GroupID(args[0]), args[1]
			return c.changeGroup(cmd.Context(), m, group, func(a groupkit.Actor) (string, error) {
				words := c.said("set", "set")
				if text == "" {
					words = c.said("cleared", "clear")
				}
				return words + " the announcement of " + term.Clean(args[0]), a.SetAnnouncement(cmd.Context(), group, text)
			})
		},
	}
	m = c.mannerFlags(cmd)
	m.onceFlag(cmd)
	return cmd
}
