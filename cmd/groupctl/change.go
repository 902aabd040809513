package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"groupkit"
	"groupkit/store"
)

// changeCommands returns the commands that change groups.
func (c *cli) changeCommands() []*cobra.Command {
	commands := []*cobra.Command{
		c.createCommand(), c.updateCommand(), c.announceCommand(), c.transferCommand(), c.deleteCommand(),
		c.uploadCommand(), c.rmCommand(), c.forgetCommand(),
	}
	for i := range userVerbs {
		commands = append(commands, c.verbCommand(&userVerbs[i]))
	}
	return commands
}

// A manner is how a change is made: by whom, why, and under which conditions. Flags set it.
type manner struct {
	as, reason, once string
	ifVersion        uint64
	dryRun           *bool
	given            func(flag string) bool
}

// mannerFlags gives a command the flags of a manner.
func (c *cli) mannerFlags(cmd *cobra.Command) *manner {
	m := &manner{dryRun: &c.dryRun, given: cmd.Flags().Changed}
	flags := cmd.Flags()
	flags.StringVar(&m.as, "as", "", "act as this `user`, with the rights of the user, instead of as the system")
	flags.StringVar(&m.reason, "reason", "", "`text` for the log of the group")
	flags.Uint64Var(&m.ifVersion, "if-version", 0, "do it only while the group has this `version`")
	c.dryRunFlag(cmd)
	return m
}

// onceFlag gives a command the flag --once.
func (m *manner) onceFlag(cmd *cobra.Command) {
	cmd.Flags().StringVar(&m.once, "once", "", "`key` of this change: with the same key it is not made twice")
}

// actor returns who makes a change. A command of several calls numbers them from 0, because each needs a key of its own.
func (m *manner) actor(eng *groupkit.Engine, call int) groupkit.Actor {
	a := eng.System()
	if m.given("as") {
		a = eng.As(groupkit.UserID(m.as))
	}
	if m.given("reason") {
		a = a.Because(m.reason)
	}
	if m.given("if-version") {
		a = a.IfVersion(m.ifVersion)
	}
	switch {
	case m.given("once") && call > 0:
		a = a.Once(fmt.Sprintf("%s#%d", m.once, call+1))
	case m.given("once"):
		a = a.Once(m.once)
	}
	if *m.dryRun {
		a = a.Can()
	}
	return a
}

// change opens the database to change it, or with --dry-run to read it, and runs fn.
func (c *cli) change(ctx context.Context, opts groupkit.Options, fn func(*database) error) error {
	opts.Clock, opts.ReadOnly = c.now, c.dryRun
	return c.with(ctx, &opts, fn)
}

// said returns the words for what was done, or with --dry-run for what would be done.
func (c *cli) said(done, do string) string {
	if c.dryRun {
		return "would " + do
	}
	return done
}

// changeGroup makes one change of one group. Then it prints the group, with --json, or what was done. With --dry-run
// there is no group to print.
func (c *cli) changeGroup(ctx context.Context, m *manner, group groupkit.GroupID, call func(groupkit.Actor) (done string, err error)) error {
	return c.change(ctx, groupkit.Options{}, func(db *database) error {
		done, err := call(m.actor(db.Engine, 0))
		if err != nil {
			return err
		}
		if c.dryRun {
			return c.saidWould(done)
		}
		g, err := db.System().Group(ctx, group)
		if err != nil {
			return err
		}
		return c.print(g, func() error { return c.say("%s (version %d)", done, g.Version) })
	})
}

// saidWould prints what a dry run found.
func (c *cli) saidWould(text string) error {
	if c.json {
		return nil
	}
	return c.say("%s", text)
}

// say writes a line for people as the answer.
func (c *cli) say(format string, args ...any) error {
	_, err := fmt.Fprintf(c.out, format+"\n", args...)
	return err
}

const damagedAdvice = "\"groupctl verify\" says what is damaged, \"groupctl repair\" what can be done."

// advice says what to do next about an error of the library. It returns "" if the error says it all.
func advice(err error) string {
	for _, a := range []struct {
		is   error
		text string
	}{
		{errNoSpace, "Free space on the device, and run it again."},
		{groupkit.ErrGroupNotFound, "\"groupctl ls\" lists the groups."},
		{groupkit.ErrVersion, "Look what has changed, and run it again with the present version, or without --if-version."},
		{groupkit.ErrKeyReused, "Give each change a key of its own with --once."},
		{groupkit.ErrUnknownOutcome, "Look whether it was made. With --once a change can be run again without being made twice."},
		{groupkit.ErrGroupFull, "\"groupctl update GROUP --max-users N\" makes room."},
		{groupkit.ErrIsOwner, "\"groupctl transfer GROUP USER\" makes somebody else the owner."},
		{groupkit.ErrBlacklisted, "\"groupctl unblock GROUP USER\" takes a user off the blacklist."},
		{groupkit.ErrCorrupt, damagedAdvice}, {store.ErrCorrupt, damagedAdvice},
		{groupkit.ErrSystemOnly, "Run it without --as."},
		{groupkit.ErrGroupExists, "An ID is used once, also if its group was deleted. Without an ID the group gets a new one."},
	} {
		if is(err, a.is) {
			return a.text
		}
	}
	return ""
}
