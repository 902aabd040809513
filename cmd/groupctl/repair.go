package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"groupkit"
	"groupkit/cmd/groupctl/internal/term"
)

const repairLong = `Repair reads the whole database, shows what can be done about damage, asks, and
does it in place. --dry-run shows it and changes nothing. --into PATH leaves the
database as it is and makes a repaired copy.

In place, it destroys what a damaged record still contains: back the database up
first, and keep the backup. Groups can be in use meanwhile on a server.

The exit code is 5 while something is damaged: with --dry-run, or if something is
beyond repair. It is shown with the reason, and not touched.`

func (c *cli) repairCommand() *cobra.Command {
	var into string
	cmd := &cobra.Command{
		Use: "repair", Short: "Mend what is damaged", Long: repairLong,
		Example: "  groupctl repair --db groups.db --dry-run\n  groupctl repair --db groups.db --into mended.db\n  groupctl repair --db groups.db --yes",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			p, err := c.place()
			if err != nil {
				return err
			}
			if into == "" || c.dryRun {
				return c.repair(cmd.Context(), p)
			}
			to, err := parsePlace(into)
			if err != nil || to.file == "" {
				return usage("--into %q: want a file", term.Clean(to.given))
			}
			return c.repairInto(cmd.Context(), p, to)
		},
	}
	c.yesFlag(cmd)
	c.dryRunFlag(cmd)
	cmd.Flags().StringVar(&into, "into", "", "make a repaired copy in a new file at this `path`")
	return cmd
}

// repairInto makes a copy, and repairs that.
func (c *cli) repairInto(ctx context.Context, from, to place) error {
	err := c.copy(ctx, from, to, func(groupkit.Transfer) error { return nil })
	if err != nil && exitCode(err) != exitDamaged {
		return err
	}
	c.yes = true // it is new
	err = c.repair(ctx, to)
	return stopped(err, "%s is a copy that is not repaired. To go on: groupctl repair --db %s", to.given, quote(to.given))
}

// repair plans with the database open to read, asks, and opens it to write. Repair looks again at each thing.
func (c *cli) repair(ctx context.Context, p place) error {
	var plan groupkit.RepairPlan
	err := c.at(ctx, p, &groupkit.Options{Clock: c.now, ReadOnly: true}, func(db *database) (err error) {
		progress := c.err.Progress("Looking for damage", -1, "")
		defer progress.End()
		plan, err = db.PlanRepair(ctx)
		return stopped(err, "Nothing was changed.")
	})
	if err != nil {
		return err
	}
	if c.dryRun || plan.Sound() {
		if err := c.print(plan, func() error { return c.printSteps(p, "would do", plan.Steps) }); err != nil || plan.Sound() {
			return err
		}
		return hint(exitError{errLeft, exitDamaged}, "%s", "\"groupctl repair\" without --dry-run makes the changes. Back the database up first.")
	}
	changes := 0
	for i := range plan.Steps {
		if plan.Steps[i].Beyond == "" {
			changes++
		}
	}
	if changes > 0 {
		if !c.json && !c.yes {
			if err := c.printSteps(p, "would do", plan.Steps); err != nil {
				return err
			}
		}
		if err := c.confirm(fmt.Sprintf("Make %s in place? What a damaged record still contains is lost then.", countOf(changes, "change", "changes"))); err != nil {
			return err
		}
	}
	return c.makeRepairs(ctx, p, plan)
}

func (c *cli) makeRepairs(ctx context.Context, p place, plan groupkit.RepairPlan) error {
	var report groupkit.RepairReport
	err := c.at(ctx, p, &groupkit.Options{Clock: c.now}, func(db *database) (err error) {
		report, err = db.Repair(ctx, plan)
		return stopped(err, "%d of %d changes were made, each as a whole. To go on: %s", len(report.Done), len(plan.Steps), c.again())
	})
	if err != nil {
		return err
	}
	err = c.print(report, func() error {
		return errors.Join(c.printSteps(p, "did", report.Done, report.Beyond), c.printSkipped(report.Skipped))
	})
	if err == nil && len(report.Skipped)+len(report.Beyond) > 0 {
		err = hint(exitError{errLeft, exitDamaged}, "What is beyond repair comes back only from a backup. \"groupctl export GROUP...\" saves the groups that are sound.")
	}
	return err
}

// printSteps writes steps for people: what is damaged, and what is done about it.
func (c *cli) printSteps(p place, done string, lists ...[]groupkit.RepairStep) error {
	var b strings.Builder
	for _, steps := range lists {
		for i := range steps {
			s := &steps[i]
			for _, v := range s.Violations {
				fmt.Fprintf(&b, "%s %s\n", c.out.Paint(term.Red, "damaged:"), term.Clean(v.String()))
			}
			if s.Beyond != "" {
				fmt.Fprintf(&b, "  %s %s\n", c.out.Paint(term.Yellow, "beyond repair:"), term.Clean(s.Beyond))
			} else {
				fmt.Fprintf(&b, "  %s %s\n", c.out.Paint(term.Green, done+":"), term.Clean(s.Change))
			}
		}
	}
	if b.Len() == 0 {
		fmt.Fprintf(&b, "%s: nothing is damaged\n", term.Clean(p.given))
	}
	_, err := io.WriteString(c.out, b.String())
	return err
}

func (c *cli) printSkipped(steps []groupkit.RepairStep) error {
	if len(steps) == 0 {
		return nil
	}
	return c.say("%s passed over, because the data has changed since: run it again", countOf(len(steps), "change was", "changes were"))
}
