package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"

	"github.com/spf13/cobra"

	"groupkit"
	"groupkit/cmd/groupctl/internal/term"
)

// lookCommands returns the commands that only read.
func (c *cli) lookCommands() []*cobra.Command {
	commands := []*cobra.Command{c.lsCommand(), c.showCommand(), c.membersCommand(), c.rolesCommand(), c.userCommand(), c.logCommand(), c.statsCommand()}
	return append(commands, c.listCommands()...)
}

// list writes the values of a sequence: each as a line of JSON with --json, else as a row of a table.
func list[V any](c *cli, values iter.Seq2[V, error], table *term.Table, row func(V) []any) error {
	for v, err := range values {
		if err == nil {
			if c.json {
				err = c.encode(v)
			} else {
				err = table.Row(row(v)...)
			}
		}
		if err != nil {
			return errors.Join(err, table.Flush())
		}
	}
	return table.Flush()
}

// readGroup opens the database to read it and runs fn about a group. If the group does not exist, the error names groups that
// a person can have meant.
func (c *cli) readGroup(ctx context.Context, given string, fn func(db *database, group groupkit.GroupID) error) error {
	return c.read(ctx, func(db *database) error { return db.inGroup(ctx, given, fn) })
}

// inGroup runs fn about a group; see readGroup.
func (d *database) inGroup(ctx context.Context, given string, fn func(db *database, group groupkit.GroupID) error) error {
	err := fn(d, groupkit.GroupID(given))
	if errors.Is(err, groupkit.ErrGroupNotFound) {
		return hint(err, "%s", d.meant(ctx, given))
	}
	return err
}

// meantAmong is among how many groups, the newest, one is looked for that a person can have meant.
const meantAmong = 1000

// meant says which group a person can have meant.
func (d *database) meant(ctx context.Context, given string) string {
	groups, _, err := d.System().GroupsPage(ctx, meantAmong, "")
	if err == nil {
		for _, g := range groups {
			if strings.EqualFold(string(g.ID), given) || strings.EqualFold(g.Name, given) || strings.HasPrefix(string(g.ID), given) {
				return fmt.Sprintf("Did you mean %s (%s)?", term.Clean(string(g.ID)), term.Clean(g.Name))
			}
		}
	}
	return `"groupctl ls" lists the groups.`
}

func (c *cli) lsCommand() *cobra.Command {
	return &cobra.Command{
		Use: "ls", Short: "List the groups",
		Long:    "Ls lists all groups, the newest first.",
		Example: "  groupctl ls --db groups.db\n  groupctl ls --db groups.db --json | jq -r .id",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.read(cmd.Context(), func(db *database) error {
				table := c.out.Table(
					term.Column{Head: "ID"}, term.Column{Head: "NAME", Kind: term.Text}, term.Column{Head: "OWNER"},
					term.Column{Head: "MEMBERS", Kind: term.Number}, term.Column{Head: "ACCESS"}, term.Column{Head: "MODIFIED", Kind: term.Time})
				return list(c, db.System().Groups(cmd.Context()), table, func(g groupkit.Group) []any {
					return []any{g.ID, g.Name, g.Owner, g.MemberCount, access(&g), g.LastModified}
				})
			})
		},
	}
}

// access says who can join a group.
func access(g *groupkit.Group) string {
	switch {
	case g.Public && g.MembersOnly:
		return "on request"
	case g.Public:
		return "public"
	}
	return "private"
}
