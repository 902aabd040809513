package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"groupkit"
	"groupkit/cmd/groupctl/internal/term"
)

// A userVerb changes something about users in a group. Each is a command: NAME GROUP USER...
type userVerb struct {
	name, short, long string
	done, do, in      string // "added" or "would add" some users "to" a group
	batch             int    // users in one call

	// One of them is set. lasting is for what lasts for a time.
	call    func(groupkit.Actor, context.Context, groupkit.GroupID, []groupkit.UserID) (groupkit.Results, error)
	lasting func(groupkit.Actor, context.Context, groupkit.GroupID, time.Duration, []groupkit.UserID) (groupkit.Results, error)

	all       func(groupkit.Actor, context.Context, groupkit.GroupID) error // with --all, about the whole group
	outsiders bool                                                          // with --outsiders, about users who are not members too
}

// batch is how many users one call of the library takes.
const batch = 60

var userVerbs = []userVerb{
	{
		name: "add", short: "Add users to a group", done: "added", do: "add", in: "to", batch: batch, call: groupkit.Actor.AddMembers,
		long: "Add makes users members at once. Nobody has to agree, and pending requests and\ninvitations of them end. A user on the blacklist is refused.",
	}, {
		name: "remove", short: "Remove users from a group", done: "removed", do: "remove", in: "from", batch: batch, call: groupkit.Actor.RemoveMembers,
		long: "Remove ends memberships. The owner cannot be removed. A mute stays: it holds again\nif the user comes back.",
	}, {
		name: "promote", short: "Make members admins", done: "promoted", do: "promote", in: "in", batch: 1, call: eachUser(groupkit.Actor.AddAdmin),
		long: "Promote makes members admins of the group.",
	}, {
		name: "demote", short: "Make admins plain members", done: "demoted", do: "demote", in: "in", batch: 1, call: eachUser(groupkit.Actor.RemoveAdmin),
		long: "Demote makes admins plain members of the group.",
	}, {
		name: "mute", short: "Forbid members to speak, or the whole group", done: "muted", do: "mute", in: "in", batch: batch, lasting: groupkit.Actor.MuteUsers, all: groupkit.Actor.MuteGroup,
		long: "Mute forbids members to speak, for a time or for ever. A new mute replaces an old\none. With --all only the owner, the admins and the allow list may speak, until\n\"groupctl unmute GROUP --all\".",
	}, {
		name: "unmute", short: "Let users speak again, or the whole group", done: "unmuted", do: "unmute", in: "in", batch: batch, call: groupkit.Actor.UnmuteUsers, all: groupkit.Actor.UnmuteGroup,
		long: "Unmute ends mutes of users, also of those who have left. With --all it ends the\nmute of the whole group; mutes of single members stay.",
	}, {
		name: "block", short: "Put users on the blacklist", done: "blocked", do: "block", in: "in", batch: batch, lasting: groupkit.Actor.BlockUsers, outsiders: true,
		long: "Block removes members and keeps them out, for a time or for ever. With --outsiders\nusers who are not members can be blocked too.",
	}, {
		name: "unblock", short: "Take users off the blacklist", done: "unblocked", do: "unblock", in: "in", batch: batch, call: groupkit.Actor.UnblockUsers,
		long: "Unblock ends blocks. It does not make anybody a member.",
	}, {
		name: "allow", short: "Put members on the allow list", done: "put", do: "put", in: "on the allow list of", batch: batch, call: groupkit.Actor.AllowUsers,
		long: "Allow lets members speak while the whole group is muted.",
	}, {
		name: "disallow", short: "Take members off the allow list", done: "took", do: "take", in: "off the allow list of", batch: batch, call: groupkit.Actor.DisallowUsers,
		long: "Disallow ends what allow has begun.",
	}, {
		name: "invite", short: "Invite users into a group", done: "invited", do: "invite", in: "to", batch: batch, call: groupkit.Actor.InviteUsers,
		long: "Invite leaves each user an invitation. Where invitations need no confirmation, and\nfor users who have asked to join, it makes the user a member at once.",
	}, {
		name: "cancel", short: "Cancel invitations", done: "cancelled the invitation of", do: "cancel the invitation of", in: "to", batch: batch, call: groupkit.Actor.CancelInvitations,
		long: "Cancel takes pending invitations back.",
	}, {
		name: "approve", short: "Approve requests to join", done: "approved the request of", do: "approve the request of", in: "to join", batch: batch, call: groupkit.Actor.ApproveRequests,
		long: "Approve makes users members who have asked to join. If the group is full, the\nrequest stays.",
	}, {
		name: "decline", short: "Decline requests to join", done: "declined the request of", do: "decline the request of", in: "to join", batch: batch, call: groupkit.Actor.DeclineRequests,
		long: "Decline ends requests to join. Who is declined can ask again.",
	},
}

// eachUser makes a batch of a call about one user.
func eachUser(call func(groupkit.Actor, context.Context, groupkit.GroupID, groupkit.UserID) error) func(groupkit.Actor, context.Context, groupkit.GroupID, []groupkit.UserID) (groupkit.Results, error) {
	return func(a groupkit.Actor, ctx context.Context, group groupkit.GroupID, users []groupkit.UserID) (groupkit.Results, error) {
		r := groupkit.Result{User: users[0], Outcome: groupkit.OutcomeDone}
		err := call(a, ctx, group, users[0])
		if e, ok := errors.AsType[*groupkit.Error](err); ok && e.User != "" { // about the user, not about the call
			r.Outcome, r.Err = groupkit.OutcomeNone, err
		} else if err != nil {
			return nil, err
		}
		return groupkit.Results{r}, err
	}
}

const usersLong = `

A user "-" stands for users on stdin, one a line. More users than one call of the
library takes are changed in several calls, each of which is made whole or not at
all. Users who are refused are named on stderr, and the exit code is 4; the others
are done.`

// verbCommand returns the command of a verb.
func (c *cli) verbCommand(v *userVerb) *cobra.Command {
	var all, outsiders bool
	duration := period(groupkit.Forever)
	var m *manner
	cmd := &cobra.Command{
		Use: v.name + " GROUP USER...", Short: v.short, Long: v.long + usersLong, Example: v.example(),
		Args: func(_ *cobra.Command, args []string) error {
			switch {
			case len(args) == 0:
				return usage("want a group and users")
			case all && len(args) > 1:
				return usage("--all is about the whole group: want no users")
			case !all && len(args) == 1:
				return usage("want users after the group")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			group := groupkit.GroupID(args[0])
			if all {
				if m.given("for") {
					return usage("--for is about users, and --all about the whole group")
				}
				return c.changeGroup(cmd.Context(), m, group, func(a groupkit.Actor) (string, error) {
					return c.said(v.done, v.do) + " group " + term.Clean(args[0]), v.all(a, cmd.Context(), group)
				})
			}
			users, err := c.users(args[1:])
			if err != nil {
				return err
			}
			b := &batches{c: c, verb: v, manner: m, group: group, users: users, duration: time.Duration(duration)}
			return b.run(cmd.Context(), groupkit.Options{BlockOutsiders: outsiders})
		},
	}
	m = c.mannerFlags(cmd)
	m.onceFlag(cmd)
	if v.lasting != nil {
		cmd.Flags().Var(&duration, "for", "`time`, such as 90s, 24h, 7d or forever")
	}
	if v.all != nil {
		cmd.Flags().BoolVar(&all, "all", false, v.do+" the whole group, instead of users")
		cmd.Use = v.name + " GROUP {USER... | --all}"
	}
	if v.outsiders {
		cmd.Flags().BoolVar(&outsiders, "outsiders", false, v.do+" users who are not members too")
	}
	return cmd
}

// example returns examples of the command of a verb.
func (v *userVerb) example() string {
	lines := fmt.Sprintf("  groupctl %s night-watch alice bob\n", v.name)
	if v.lasting != nil {
		lines += fmt.Sprintf("  groupctl %s night-watch alice --for 24h --reason spam\n", v.name)
	}
	if v.all != nil {
		lines += fmt.Sprintf("  groupctl %s night-watch --all\n", v.name)
	}
	return lines + fmt.Sprintf("  groupctl %s night-watch - --dry-run <users.txt", v.name)
}
