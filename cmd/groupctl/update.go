package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"groupkit"
	"groupkit/cmd/groupctl/internal/term"
)

// groupSettings are the fields of a group that can be changed.
type groupSettings struct {
	name, description, avatar, custom      *string
	maxUsers                               *int
	membersOnly, allowInvites, needConfirm *bool
}

// groupFlags adds the flags of the fields.
func groupFlags(flags *pflag.FlagSet, f groupSettings) {
	flags.StringVar(f.name, "name", "", "name of the group: `text` of 1 to 128 characters")
	flags.StringVar(f.description, "description", "", "description: `text` of at most 512 characters")
	flags.StringVar(f.avatar, "avatar", "", "avatar: `text` of at most 1024 characters, such as a URL")
	flags.StringVar(f.custom, "custom", "", "`text` of the app's own, at most 8192 bytes")
	flags.IntVar(f.maxUsers, "max-users", 0, "how many members the group can have: a `number` of 1 to 10000")
	flags.BoolVar(f.membersOnly, "members-only", false, "who joins a public group needs an approval")
	flags.BoolVar(f.allowInvites, "allow-invites", false, "members can invite into a private group")
	flags.BoolVar(f.needConfirm, "invite-need-confirm", true, "who is invited must accept the invitation")
}

func (c *cli) updateCommand() *cobra.Command {
	var name, description, avatar, custom string
	var maxUsers int
	var membersOnly, allowInvites, needConfirm bool
	var m *manner
	cmd := &cobra.Command{
		Use: "update GROUP", Short: "Change the name, the texts and the settings of a group",
		Long: "Update changes the fields that are given, all or none. An empty text clears a field.\nWhether a group is public, and its ID, never change.",
		Example: "  groupctl update night-watch --name \"Night Watch\" --max-users 500\n" +
			"  groupctl update night-watch --members-only=false --if-version 12",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			u := groupkit.GroupUpdate{
				Name: given(m, "name", name), Description: given(m, "description", description), Avatar: given(m, "avatar", avatar),
				Custom: given(m, "custom", custom), MaxUsers: given(m, "max-users", maxUsers),
				MembersOnly: given(m, "members-only", membersOnly), AllowInvites: given(m, "allow-invites", allowInvites),
				InviteNeedConfirm: given(m, "invite-need-confirm", needConfirm),
			}
			if u == (groupkit.GroupUpdate{}) {
				return usage("there is nothing to change; want a flag such as --name")
			}
			group := groupkit.GroupID(args[0])
			return c.changeGroup(cmd.Context(), m, group, func(a groupkit.Actor) (string, error) {
				fields, err := a.UpdateGroup(cmd.Context(), group, u)
				return c.updated(args[0], fields), err
			})
		},
	}
	m = c.mannerFlags(cmd)
	m.onceFlag(cmd)
	groupFlags(cmd.Flags(), groupSettings{&name, &description, &avatar, &custom, &maxUsers, &membersOnly, &allowInvites, &needConfirm})
	return cmd
}

// given returns the value of a flag, or nil if the flag is not given.
func given[V any](m *manner, flag string, value V) *V {
	if !m.given(flag) {
		return nil
	}
	return &value
}

// updated says which fields of a group were changed.
func (c *cli) updated(group string, fields []groupkit.Field) string {
	if c.dryRun { // which fields would change is not known
		return "would update group " + term.Clean(group)
	}
	if len(fields) == 0 {
		return fmt.Sprintf("group %s is so already", term.Clean(group))
	}
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = string(f)
	}
	return fmt.Sprintf("changed %s of group %s", strings.Join(names, ", "), term.Clean(group))
}
