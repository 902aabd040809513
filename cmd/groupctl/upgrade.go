package main

import (
	"context"
	"errors"
	"path/filepath"

	"github.com/spf13/cobra"

	"groupkit"
	"groupkit/store/pgstore"
)

const upgradeLong = `Upgrade brings a database of an older version of groupkit up to date. No other
process may use it. Of a file it keeps the old one beside it, as PATH.format1. If
it is interrupted, run it again. A program that opens a file to write it does the
same; a database in PostgreSQL is brought up to date only by a command.

An older version cannot open the database any more.`

func (c *cli) upgradeCommand() *cobra.Command {
	return &cobra.Command{
		Use: "upgrade", Short: "Bring a database of an older version up to date", Long: upgradeLong,
		Example: "  groupctl upgrade --db groups.db",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			p, err := c.place()
			if err != nil {
				return err
			}
			kept, err := c.upgrade(cmd.Context(), p)
			if err != nil {
				return stopped(err, "No engine opens it before it is complete. To go on: %s", c.again())
			}
			return c.print(map[string]any{"kept": kept}, func() error {
				err := c.say("%s is up to date", p.given)
				for _, path := range kept {
					err = errors.Join(err, c.say("the old file is %s", path))
				}
				return err
			})
		},
	}
}

// upgrade brings a database up to date, and returns the copies of the old file that it has made.
func (c *cli) upgrade(ctx context.Context, p place) (kept []string, err error) {
	if p.file == "" {
		return []string{}, c.upgradeServer(ctx, p)
	}
	before := copies(p.file)
	db, err := p.open(ctx, &groupkit.Options{Clock: c.now})
	if err != nil {
		return nil, err
	}
	if err := p.wrap(db.Close()); err != nil {
		return nil, err
	}
	return copies(p.file)[len(before):], nil
}

// copies returns the copies of old formats of a file, in the order of their making.
func copies(path string) []string {
	found, _ := filepath.Glob(path + ".format*") // the pattern is right
	if found == nil {
		found = []string{}
	}
	return found
}

func (c *cli) upgradeServer(ctx context.Context, p place) error {
	s, err := pgstore.Open(ctx, p.postgres, &pgstore.Options{Name: p.app, ReadOnly: true})
	if err != nil {
		return p.wrapServer(err)
	}
	if err := s.Close(); err != nil {
		return p.wrapServer(err)
	}
	if s, err = pgstore.Open(ctx, p.postgres, &pgstore.Options{Name: p.app}); err != nil {
		return p.wrapServer(err)
	}
	return p.wrap(errors.Join(groupkit.Upgrade(ctx, s, &groupkit.Options{Clock: c.now}), s.Close()))
}
