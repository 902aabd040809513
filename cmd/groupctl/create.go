package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"groupkit"
	"groupkit/cmd/groupctl/internal/term"
	"groupkit/store/memblob"
	"groupkit/store/memstore"
)

const createLong = `Create makes a group with its owner and its first members. Without an ID the group
gets a new one, which is the answer. Users act on groups that exist, so the
database must exist, too: --init makes it.

With --as the user is the owner, the group gets a new ID, and members are invited,
unless --invite-need-confirm=false.`

func (c *cli) createCommand() *cobra.Command {
	var g groupkit.NewGroup
	var members []string
	var confirm, init bool
	var m *manner
	cmd := &cobra.Command{
		Use: "create [GROUP]", Short: "Make a group", Long: createLong,
		Example: "  groupctl create night-watch --name \"Night Watch\" --owner alice --member bob\n" +
			"  groupctl create --name Forum --owner alice --public --db new.db --init",
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				g.ID = groupkit.GroupID(args[0])
			}
			for _, user := range members {
				g.Members = append(g.Members, groupkit.UserID(user))
			}
			if m.given("invite-need-confirm") {
				g.InviteNeedConfirm = &confirm
			}
			return c.create(cmd.Context(), m, g, init)
		},
	}
	m = c.mannerFlags(cmd)
	m.onceFlag(cmd)
	flags := cmd.Flags()
	flags.StringVar((*string)(&g.Owner), "owner", "", "`user` who owns the group")
	flags.StringArrayVar(&members, "member", nil, "`user` who is a member from the start; can be given several times")
	flags.BoolVar(&g.Public, "public", false, "everybody can see the group and join it; this never changes")
	flags.BoolVar(&init, "init", false, "make the database if it does not exist")
	groupFlags(flags, groupSettings{&g.Name, &g.Description, &g.Avatar, &g.Custom, &g.MaxUsers, &g.MembersOnly, &g.AllowInvites, &confirm})
	return cmd
}

func (c *cli) create(ctx context.Context, m *manner, g groupkit.NewGroup, init bool) error {
	do := func(db *database) error { return c.createIn(ctx, m, db, g) }
	if !init {
		return c.change(ctx, groupkit.Options{}, do)
	}
	p, err := c.place()
	if err != nil {
		return err
	}
	there, err := p.exists(ctx)
	if err != nil {
		return err
	}
	if !there { // what is refused makes no database
		if err := c.tryCreate(ctx, m, g); err != nil || c.dryRun {
			return errors.Join(err, c.saidInit(err, p, g))
		}
		return c.writeNew(ctx, do)
	}
	return c.change(ctx, groupkit.Options{}, do)
}

// tryCreate makes the group in a database of its own that nobody sees.
func (c *cli) tryCreate(ctx context.Context, m *manner, g groupkit.NewGroup) error {
	eng, err := groupkit.New(memstore.New(), memblob.New(), &groupkit.Options{Clock: c.now})
	if err != nil {
		return err
	}
	defer eng.Close()
	_, err = m.actor(eng, 0).CreateGroup(ctx, g)
	return err
}

func (c *cli) saidInit(err error, p place, g groupkit.NewGroup) error {
	if err != nil {
		return nil
	}
	return c.saidWould(fmt.Sprintf("would make database %q and %s", p.given, createWords("create", g.ID)))
}

func (c *cli) createIn(ctx context.Context, m *manner, db *database, g groupkit.NewGroup) error {
	made, err := m.actor(db.Engine, 0).CreateGroup(ctx, g)
	if err != nil {
		return err
	}
	if c.dryRun {
		return c.saidWould("would " + createWords("create", g.ID))
	}
	return c.print(made, func() error {
		return c.say("%s (%s)", createWords("created", made.ID), countOf(made.MemberCount, "member", "members"))
	})
}

func createWords(verb string, id groupkit.GroupID) string {
	if id == "" {
		return verb + " a group"
	}
	return verb + " group " + term.Clean(string(id))
}
