package main

import (
	"context"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"groupkit"
	"groupkit/cmd/groupctl/internal/term"
)

const completionLong = `Completion writes a script for a shell, in which the shell then completes commands,
flags, groups, users and files. Groups, users and files are looked up in the database
of --db or GROUPCTL_DB, if it answers at once.

  bash        source <(groupctl completion bash)
  zsh         source <(groupctl completion zsh)
  fish        groupctl completion fish | source
  powershell  groupctl completion powershell | Out-String | Invoke-Expression

Put the line into the file that the shell reads at its start, such as ~/.bashrc.`

func completionCommand() *cobra.Command {
	shells := map[string]func(root *cobra.Command, w io.Writer) error{
		"bash":       func(root *cobra.Command, w io.Writer) error { return root.GenBashCompletionV2(w, true) },
		"zsh":        (*cobra.Command).GenZshCompletion,
		"fish":       func(root *cobra.Command, w io.Writer) error { return root.GenFishCompletion(w, true) },
		"powershell": (*cobra.Command).GenPowerShellCompletionWithDesc,
	}
	return &cobra.Command{
		Use: "completion SHELL", Short: "Write the script for completing in a shell", Long: completionLong,
		Example:   "  groupctl completion bash >/etc/bash_completion.d/groupctl",
		Args:      cobra.MatchAll(cobra.ExactArgs(1), cobra.OnlyValidArgs),
		ValidArgs: slices.Sorted(maps.Keys(shells)),
		RunE:      func(cmd *cobra.Command, args []string) error { return shells[args[0]](cmd.Root(), cmd.OutOrStdout()) },
	}
}

// completionTime is how long a person who completes waits for the database. Tests wait longer.
var completionTime = 200 * time.Millisecond

// mostCompletions is how many groups, users or files are looked at.
const mostCompletions = 1000

// complete lets a shell complete the arguments and the flags of all commands below cmd. What an argument is stands in
// the Use of its command.
func (c *cli) complete(cmd *cobra.Command) {
	for _, sub := range cmd.Commands() {
		c.complete(sub)
	}
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		var values cobra.CompletionFunc
		switch f.Name {
		case "as", "owner", "member", "user":
			values = c.completeArgument("USER")
		case "for":
			values = cobra.FixedCompletions([]cobra.Completion{"10m", "1h", "24h", "7d", "forever"}, cobra.ShellCompDirectiveNoFileComp)
		case "owned":
			values = cobra.FixedCompletions([]cobra.Completion{"refuse", "succeed", "delete"}, cobra.ShellCompDirectiveNoFileComp)
		default:
			return
		}
		if _, set := cmd.GetFlagCompletionFunc(f.Name); !set {
			_ = cmd.RegisterFlagCompletionFunc(f.Name, values) // it fails if there are values already
		}
	})
	if words := argumentsOf(cmd); cmd.ValidArgsFunction == nil && len(cmd.ValidArgs) == 0 && cmd.Runnable() && !cmd.HasSubCommands() {
		cmd.ValidArgsFunction = func(cmd *cobra.Command, args []string, begun string) ([]cobra.Completion, cobra.ShellCompDirective) {
			if len(words) == 0 || len(args) >= len(words) && !strings.HasSuffix(words[len(words)-1], "...") {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			word := strings.TrimSuffix(words[min(len(args), len(words)-1)], "...")
			if word == "FILE" && words[0] != "GROUP" { // of the disk, not of a group
				return nil, cobra.ShellCompDirectiveDefault
			}
			return c.completeArgument(word)(cmd, args, begun)
		}
	}
}

// argumentsOf returns the arguments in the Use of a command, such as GROUP and USER... .
func argumentsOf(cmd *cobra.Command) []string {
	var words []string
	for word := range strings.FieldsSeq(strings.TrimPrefix(cmd.Use, cmd.Name())) {
		if word = strings.Trim(word, "[]{}"); word != "|" && !strings.HasPrefix(word, "-") && word != "flags" {
			words = append(words, word)
		}
	}
	return words
}

// completeArgument returns what can stand for an argument with this word in a Use.
func (c *cli) completeArgument(word string) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, begun string) ([]cobra.Completion, cobra.ShellCompDirective) {
		find := func(context.Context, groupkit.Actor) ([]cobra.Completion, error) { return nil, nil }
		switch {
		case word == "GROUP":
			find = findGroups
		case word == "USER" && len(args) > 0:
			find = func(ctx context.Context, a groupkit.Actor) ([]cobra.Completion, error) {
				return findUsers(ctx, a, cmd.Name(), groupkit.GroupID(args[0]), begun)
			}
		case word == "FILE" && len(args) > 0:
			find = func(ctx context.Context, a groupkit.Actor) ([]cobra.Completion, error) {
				files, err := a.FilesPage(ctx, groupkit.GroupID(args[0]), groupkit.Page{Size: mostCompletions})
				return completions(files, err, func(f groupkit.File) (string, string) { return string(f.ID), f.Name })
			}
		case word != "USER" && word != "FILE":
			return nil, cobra.ShellCompDirectiveDefault // a path, or what only a person knows
		}
		return c.lookUp(cmd.Context(), begun, find), cobra.ShellCompDirectiveNoFileComp
	}
}

// lookUp returns what begins with a text. It returns nothing if the database does not answer in time: who completes
// waits for it.
func (c *cli) lookUp(ctx context.Context, begun string, find func(context.Context, groupkit.Actor) ([]cobra.Completion, error)) []cobra.Completion {
	ctx, cancel := context.WithTimeout(ctx, completionTime)
	defer cancel()
	answer := make(chan []cobra.Completion, 1)
	go func() {
		var found []cobra.Completion
		_ = c.read(ctx, func(db *database) (err error) { // what fails completes nothing
			found, err = find(ctx, db.System())
			return err
		})
		answer <- slices.DeleteFunc(found, func(text string) bool { return !strings.HasPrefix(text, begun) })
	}()
	select {
	case found := <-answer:
		return found
	case <-ctx.Done():
		return nil
	}
}

func findGroups(ctx context.Context, a groupkit.Actor) ([]cobra.Completion, error) {
	groups, _, err := a.GroupsPage(ctx, mostCompletions, "")
	return completions(groups, err, func(g groupkit.Group) (string, string) { return string(g.ID), g.Name })
}

// findUsers returns the users in a group whom a command is likely to name. There is no list of users who are in no group.
func findUsers(ctx context.Context, a groupkit.Actor, command string, group groupkit.GroupID, begun string) ([]cobra.Completion, error) {
	from, whole := groupkit.From{Prefix: begun, Limit: mostCompletions}, groupkit.From{Limit: mostCompletions}
	switch command {
	case "add", "invite":
		return nil, nil
	case "demote":
		users, _, err := a.AdminsFrom(ctx, group, from)
		return completions(users, err, func(m groupkit.Member) (string, string) { return string(m.User), m.Role.String() })
	case "unmute":
		users, _, err := a.MutesFrom(ctx, group, from)
		return completions(users, err, func(m groupkit.Mute) (string, string) { return string(m.User), m.Reason })
	case "unblock":
		users, _, err := a.BlacklistFrom(ctx, group, from)
		return completions(users, err, func(b groupkit.Block) (string, string) { return string(b.User), b.Reason })
	case "disallow":
		users, _, err := a.AllowListFrom(ctx, group, from)
		return completions(users, err, func(x groupkit.Allowed) (string, string) { return string(x.User), x.Reason })
	case "approve", "decline":
		users, _, err := a.RequestsFrom(ctx, group, whole)
		return completions(users, err, func(r groupkit.Request) (string, string) { return string(r.User), r.Reason })
	case "cancel":
		users, _, err := a.InvitationsFrom(ctx, group, whole)
		return completions(users, err, func(i groupkit.Invitation) (string, string) { return string(i.User), i.Reason })
	}
	users, _, err := a.MembersFrom(ctx, group, from)
	return completions(users, err, func(m groupkit.Member) (string, string) { return string(m.User), m.Role.String() })
}

// completions returns things with what says more about them, as a shell shows them: each on one line.
func completions[V any](values []V, err error, texts func(V) (value, about string)) (out []cobra.Completion, _ error) {
	for _, v := range values {
		value, about := texts(v)
		out = append(out, cobra.CompletionWithDesc(value, term.Clean(about)))
	}
	return out, err
}
