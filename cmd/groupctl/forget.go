package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"groupkit"
	"groupkit/cmd/groupctl/internal/term"
)

const forgetLong = `Forget ends all that users are in any group: memberships, roles, mutes, allow-list
entries, requests and invitations. Blocks stay, unless --blocks is given. With
--pseudonymize the logs, files and lists of the groups name a pseudonym instead of
the user. This cannot be undone, so it asks first.

Each group is changed by itself. If forget is interrupted, the same command goes on.`

func (c *cli) forgetCommand() *cobra.Command {
	var opts groupkit.ForgetOptions
	m := &manner{dryRun: &c.dryRun}
	cmd := &cobra.Command{
		Use: "forget USER...", Short: "End all that users are in any group", Long: forgetLong,
		Example: "  groupctl forget alice --owned succeed --pseudonymize\n  groupctl forget alice bob --dry-run",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			users, err := c.users(args)
			if err != nil {
				return err
			}
			return c.forget(cmd.Context(), m, users, opts)
		},
	}
	m.given = cmd.Flags().Changed
	flags := cmd.Flags()
	flags.StringVar(&m.reason, "reason", "", "`text` for the logs of the groups")
	m.onceFlag(cmd)
	flags.TextVar(&opts.Owned, "owned", groupkit.OwnedRefuse, "what becomes of groups that the user owns: refuse, succeed (another member becomes the owner) or delete")
	flags.BoolVar(&opts.Blocks, "blocks", false, "end blocks too")
	flags.BoolVar(&opts.Pseudonymize, "pseudonymize", false, "replace the user's ID by pseudonyms")
	c.dryRunFlag(cmd)
	c.yesFlag(cmd)
	return cmd
}

// forget forgets one user after another. It ends at the first who is refused.
func (c *cli) forget(ctx context.Context, m *manner, users []groupkit.UserID, opts groupkit.ForgetOptions) error {
	err := c.confirmAbout(ctx, func(db *database) (string, error) {
		for i, user := range users {
			if err := m.actor(db.Engine, i).Can().ForgetUser(ctx, user, opts); err != nil {
				return "", err
			}
		}
		return fmt.Sprintf("Forget %s in all groups?", someUsers(users)), nil
	})
	if err != nil {
		return err
	}
	return c.change(ctx, groupkit.Options{}, func(db *database) error {
		for i, user := range users {
			if err := m.actor(db.Engine, i).ForgetUser(ctx, user, opts); err != nil {
				return hint(err, "%s", forgetHint(err, user))
			}
			done := groupkit.Result{User: user, Outcome: groupkit.OutcomeDone}
			if err := c.print(&done, func() error { return c.say("%s %s", c.said("forgot", "forget"), term.Clean(string(user))) }); err != nil {
				return err
			}
		}
		return nil
	})
}

// someUsers names a few users, or says how many there are.
func someUsers(users []groupkit.UserID) string {
	const most = 5
	if len(users) > most {
		return countOf(len(users), "user", "users")
	}
	names := make([]string, len(users))
	for i, user := range users {
		names[i] = term.Clean(string(user))
	}
	return strings.Join(names, ", ")
}

// forgetHint says how to go on after user was not forgotten.
func forgetHint(err error, user groupkit.UserID) string {
	if errors.Is(err, groupkit.ErrIsOwner) {
		return "--owned succeed gives the groups to other members, --owned delete deletes them."
	}
	return fmt.Sprintf("The users before %q are forgotten. Run the same command again: it goes on.", string(user))
}
