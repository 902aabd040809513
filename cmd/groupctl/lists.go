package main

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/spf13/cobra"

	"groupkit"
	"groupkit/cmd/groupctl/internal/term"
)

// A listing is a list of a group, as a command.
type listing[V any] struct {
	name, short string
	columns     []term.Column
	values      func(groupkit.Actor, context.Context, groupkit.GroupID) iter.Seq2[V, error]
	row         func(V) []any
}

func (l listing[V]) command(c *cli) *cobra.Command {
	return &cobra.Command{
		Use: l.name + " GROUP", Short: l.short,
		Example: "  groupctl " + l.name + " night-watch --db groups.db",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.readGroup(cmd.Context(), args[0], func(db *database, group groupkit.GroupID) error {
				return list(c, l.values(db.System(), cmd.Context(), group), c.out.Table(l.columns...), l.row)
			})
		},
	}
}

// Columns of several lists.
var (
	userColumn    = term.Column{Head: "USER"}
	byColumn      = term.Column{Head: "BY"}
	reasonColumn  = term.Column{Head: "REASON", Kind: term.Text}
	sinceColumn   = term.Column{Head: "SINCE", Kind: term.Time}
	endsColumn    = term.Column{Head: "ENDS", Kind: term.Time}
	createdColumn = term.Column{Head: "CREATED", Kind: term.Time}
)

// ends returns the cell of an end.
func ends(t time.Time) any {
	if endless(t) {
		return "never"
	}
	return t
}

// lastEnd is the last end that there can be: that of a mute for ever.
var lastEnd = time.Date(2116, 12, 31, 16, 0, 0, 0, time.UTC)

// endless reports whether an end never comes.
func endless(t time.Time) bool { return t.IsZero() || !t.Before(lastEnd) }

// listCommands returns the commands for the small lists of a group.
func (c *cli) listCommands() []*cobra.Command {
	marked := []term.Column{userColumn, sinceColumn, endsColumn, byColumn, reasonColumn}
	return []*cobra.Command{
		listing[groupkit.Mute]{"mutes", "List the muted users of a group", marked, groupkit.Actor.Mutes, func(m groupkit.Mute) []any {
			return []any{m.User, m.At, ends(m.Until), actor(m.By), m.Reason}
		}}.command(c),
		listing[groupkit.Block]{"blacklist", "List the blocked users of a group", marked, groupkit.Actor.Blacklist, func(b groupkit.Block) []any {
			return []any{b.User, b.At, ends(b.Until), actor(b.By), b.Reason}
		}}.command(c),
		listing[groupkit.Allowed]{
			"allow-list", "List who can speak while the whole group is muted", []term.Column{userColumn, sinceColumn, byColumn, reasonColumn},
			groupkit.Actor.AllowList, func(a groupkit.Allowed) []any { return []any{a.User, a.At, actor(a.By), a.Reason} },
		}.command(c),
		listing[groupkit.Request]{
			"requests", "List the pending requests to join a group", []term.Column{userColumn, sinceColumn, endsColumn, reasonColumn},
			groupkit.Actor.Requests, func(r groupkit.Request) []any { return []any{r.User, r.At, ends(r.Expires), r.Reason} },
		}.command(c),
		listing[groupkit.Invitation]{"invitations", "List the pending invitations into a group", marked, groupkit.Actor.Invitations, func(i groupkit.Invitation) []any {
			return []any{i.User, i.At, ends(i.Expires), actor(i.By), i.Reason}
		}}.command(c),
		listing[groupkit.File]{
			"files", "List the shared files of a group, the newest first",
			[]term.Column{{Head: "ID"}, {Head: "NAME", Kind: term.Text}, {Head: "SIZE", Kind: term.Number}, {Head: "OWNER"}, createdColumn},
			groupkit.Actor.Files, func(f groupkit.File) []any { return []any{f.ID, f.Name, term.Bytes(f.Size), actor(f.Owner), f.Created} },
		}.command(c),
	}
}

var memberColumns = []term.Column{userColumn, {Head: "ROLE"}, {Head: "JOINED", Kind: term.Time}}

func memberRow(m groupkit.Member) []any { return []any{m.User, role(m.Role), m.Joined} }

// role returns the cell of a role.
func role(r groupkit.Role) any {
	if r >= groupkit.RoleAdmin {
		return term.Styled{Text: r.String(), Style: term.Green}
	}
	return term.Styled{Text: r.String()}
}

func (c *cli) membersCommand() *cobra.Command {
	return &cobra.Command{
		Use: "members GROUP", Short: "List the members of a group",
		Long:    "Members lists the members of a group by user ID, and until when they are muted.",
		Example: "  groupctl members night-watch --db groups.db\n  groupctl members night-watch --json | jq -r 'select(.role == \"admin\").user'",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.readGroup(cmd.Context(), args[0], func(db *database, group groupkit.GroupID) error {
				muted := c.mutes(cmd.Context(), db, group)
				defer muted.stop()
				table := c.out.Table(append(memberColumns[:3:3], term.Column{Head: "MUTED UNTIL", Kind: term.Time})...)
				err := list(c, db.System().Members(cmd.Context(), group), table, func(m groupkit.Member) []any { return append(memberRow(m), muted.until(m.User)) })
				return errors.Join(err, muted.err)
			})
		},
	}
}

// mutedUsers reads the mutes of a group beside its members: both are sorted by user ID.
type mutedUsers struct {
	next func() (groupkit.Mute, error, bool)
	stop func()
	mute groupkit.Mute // the last one read
	more bool
	err  error
}

func (c *cli) mutes(ctx context.Context, db *database, group groupkit.GroupID) *mutedUsers {
	m := &mutedUsers{more: true}
	m.next, m.stop = iter.Pull2(db.System().Mutes(ctx, group))
	return m
}

// until returns the cell of the end of a user's mute.
func (m *mutedUsers) until(user groupkit.UserID) any {
	for m.more && m.mute.User < user {
		if m.mute, m.err, m.more = m.next(); m.err != nil {
			m.more = false
		}
	}
	if m.mute.User != user {
		return nil
	}
	if endless(m.mute.Until) {
		return "for ever"
	}
	return m.mute.Until
}
