package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"groupkit"
	"groupkit/cmd/groupctl/internal/term"
)

func (c *cli) userCommand() *cobra.Command {
	var export bool
	cmd := &cobra.Command{
		Use: "user USER", Short: "Show what the groups have about a user",
		Long: `User lists what a user is and has in each group: the role, mutes, blocks, requests,
invitations and files. It reads only the groups that can name the user, but these with
their logs.

--export writes all that is stored about the user, with the events of the logs, as lines
of JSON, to hand it out. Reasons and events can name other people too: look through it
before. --json is the same without the events.`,
		Example: "  groupctl user bob --db groups.db\n  groupctl user bob --db groups.db --export > bob.jsonl",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.read(cmd.Context(), func(db *database) error {
				u := &userReport{cli: c, user: groupkit.UserID(args[0]), export: export, table: c.out.Table(
					term.Column{Head: "GROUP"}, term.Column{Head: "NAME", Kind: term.Text}, term.Column{Head: "WHAT", Kind: term.Text},
					sinceColumn, endsColumn, byColumn, reasonColumn)}
				return u.run(cmd.Context(), db)
			})
		},
	}
	cmd.Flags().BoolVar(&export, "export", false, "write all that is stored about the user as lines of JSON")
	return cmd
}

// A userReport writes what the groups have about a user, group by group.
type userReport struct {
	*cli
	user   groupkit.UserID
	export bool
	table  *term.Table

	found bool // something is stored about the user
	group groupkit.GroupID
	rows  int // of that group
}

func (u *userReport) run(ctx context.Context, db *database) error {
	for d, err := range db.System().UserData(ctx, u.user) {
		if err != nil {
			return err
		}
		u.found = true
		if err := u.part(&d); err != nil {
			return err
		}
	}
	if !u.found {
		return exitError{fmt.Errorf("nothing is stored about user %q", u.user), exitNotFound}
	}
	return u.table.Flush()
}

// part writes a part of what a group has.
func (u *userReport) part(d *groupkit.UserData) error {
	switch {
	case u.export:
		return u.encode(d)
	case u.json:
		d.Events, d.Checkpoint = nil, nil
		return u.encode(d)
	}
	if d.Group != u.group {
		u.group, u.rows = d.Group, 0
	}
	if s := d.Standing; s != nil {
		if err := u.standing(d, s); err != nil {
			return err
		}
	}
	for i := range d.Files {
		f := &d.Files[i]
		if err := u.row(d, "file "+quoted(f.Name)+", "+term.Bytes(f.Size), f.Created, nil, "", ""); err != nil {
			return err
		}
	}
	if d.Part == 0 && u.rows == 0 {
		return u.row(d, "named by others or in the log", time.Time{}, nil, "", "")
	}
	return nil
}

func (u *userReport) standing(d *groupkit.UserData, s *groupkit.Standing) error {
	if s.Role != groupkit.RoleOutsider {
		if err := u.row(d, s.Role.String(), s.Joined, nil, "", ""); err != nil {
			return err
		}
	}
	if m := s.Mute; m != nil {
		if err := u.row(d, "muted", m.At, ends(m.Until), actor(m.By), m.Reason); err != nil {
			return err
		}
	}
	if b := s.Block; b != nil {
		if err := u.row(d, "blocked", b.At, ends(b.Until), actor(b.By), b.Reason); err != nil {
			return err
		}
	}
	if a := s.Allowed; a != nil {
		if err := u.row(d, "on the allow list", a.At, nil, actor(a.By), a.Reason); err != nil {
			return err
		}
	}
	if r := s.Request; r != nil {
		if err := u.row(d, "asked to join", r.At, ends(r.Expires), "", r.Reason); err != nil {
			return err
		}
	}
	if i := s.Invitation; i != nil {
		return u.row(d, "invited", i.At, ends(i.Expires), actor(i.By), i.Reason)
	}
	return nil
}

func (u *userReport) row(d *groupkit.UserData, what string, since time.Time, ends any, by, reason string) error {
	u.rows++
	name := any(d.Name)
	if d.Deleted {
		name = term.Styled{Text: "(deleted)", Style: term.Faint}
	}
	return u.table.Row(d.Group, name, what, since, ends, by, reason)
}
