package main

import (
	"context"
	"errors"
	"os"

	"github.com/spf13/cobra"

	"groupkit"
)

const copyLong = `Copy copies everything from one database into a new one, of any kind: all groups,
the data of the application, and the contents of shared files, as of one instant.
At the end it reads both and compares them. No command opens the new database
before it is complete. If it is interrupted, run it again: it goes on, and also
brings what has changed since.

To move, stop what changes the source first, copy, and go on with the new one.
What changes after copy has begun is not in the copy.

SOURCE and TARGET are databases as --db has them. --app and --contents are about
the one in PostgreSQL.`

func (c *cli) copyCommand() *cobra.Command {
	return &cobra.Command{
		Use: "copy SOURCE TARGET", Short: "Copy everything into a new database", Long: copyLong,
		Example: "  groupctl copy groups.db postgres://localhost/groups\n  groupctl copy postgres://localhost/groups groups.db",
		Args:    cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if c.db != "" {
				return usage("--db %q: copy has SOURCE and TARGET", c.db)
			}
			from, to, err := c.copyPlaces(args[0], args[1])
			if err != nil {
				return err
			}
			return c.copy(cmd.Context(), from, to, func(done groupkit.Transfer) error {
				return c.print(done, func() error { return c.printTransfer("Copied to", to, &done) })
			})
		},
	}
}

func (c *cli) copyPlaces(source, target string) (from, to place, err error) {
	if from, err = parsePlace(source); err != nil {
		return from, to, usage("SOURCE: %w", err)
	}
	if to, err = parsePlace(target); err != nil {
		return from, to, usage("TARGET: %w", err)
	}
	if (c.app != "" || c.contents != "") && (from.postgres == "") == (to.postgres == "") {
		return from, to, usage("--app and --contents are about one PostgreSQL database, and there are none or two")
	}
	for _, p := range []*place{&from, &to} {
		if p.postgres != "" {
			p.app, p.contents = c.app, c.contents
		}
	}
	if from == to || sameFile(from.file, to.file) {
		return from, to, usage("SOURCE and TARGET are the same: %q", from.given)
	}
	return from, to, nil
}

func sameFile(a, b string) bool {
	infoA, errA := os.Stat(a)
	infoB, errB := os.Stat(b)
	return errA == nil && errB == nil && os.SameFile(infoA, infoB)
}

// copy copies a database, and calls done when the copy is complete.
func (c *cli) copy(ctx context.Context, from, to place, done func(groupkit.Transfer) error) error {
	return c.heldAt(ctx, from, func(db *database) (err error) {
		s, blobs, err := to.create(ctx)
		if err != nil {
			return err
		}
		progress := c.err.Progress("Copying", -1, "records")
		t, err := db.Copy(ctx, s, blobs, groupkit.CopyOptions{Progress: func(t groupkit.Transfer) { progress.Set(int64(t.Records + t.Contents)) }})
		progress.End()
		err = errors.Join(taken(to, err), s.Close(), blobs.Close())
		broken := errors.Is(err, groupkit.ErrCorrupt) && (len(t.Damaged) > 0 || t.BrokenRecords > 0)
		if err != nil && !broken {
			return stopped(err, "The copy is not complete. To go on: %s", c.again())
		}
		if failed := done(t); failed != nil {
			return failed
		}
		if broken {
			return damaged(err)
		}
		return nil
	})
}
