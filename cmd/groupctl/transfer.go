package main

import (
	"github.com/spf13/cobra"

	"groupkit"
	"groupkit/cmd/groupctl/internal/term"
)

func (c *cli) transferCommand() *cobra.Command {
	var m *manner
	cmd := &cobra.Command{
		Use: "transfer GROUP USER", Short: "Make a member the owner of a group",
		Long:    "Transfer makes a member the owner. The old owner becomes a plain member, and a mute\nof the new owner ends. A second transfer gives the group back.",
		Example: "  groupctl transfer night-watch bob --reason \"alice has left the company\"",
		Args:    cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			group := groupkit.GroupID(args[0])
			return c.changeGroup(cmd.Context(), m, group, func(a groupkit.Actor) (string, error) {
				return c.said("transferred", "transfer") + " " + term.Clean(args[0]) + " to " + term.Clean(args[1]),
					a.TransferGroup(cmd.Context(), group, groupkit.UserID(args[1]))
			})
		},
	}
	m = c.mannerFlags(cmd)
	m.onceFlag(cmd)
	return cmd
}
