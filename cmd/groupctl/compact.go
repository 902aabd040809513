package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"groupkit/cmd/groupctl/internal/term"
	"groupkit/store"
	"groupkit/store/boltstore"
)

const compactLong = `Compact gives the space of deleted records back to the system: it writes a new
file, compares it, and puts it in the place of the old one. No process may have
the file. The device needs room for the new file. It can be ended at any moment:
the file is then the old one or the new one.

PostgreSQL does this by itself (autovacuum).`

func (c *cli) compactCommand() *cobra.Command {
	return &cobra.Command{
		Use: "compact", Short: "Make the file as small as its content", Long: compactLong,
		Example: "  groupctl compact --db groups.db",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			p, err := c.place()
			if err != nil {
				return err
			}
			if p.file == "" {
				return usage("%q is a PostgreSQL database, which makes room by itself", p.given)
			}
			if err := p.isFile(); err != nil {
				return err
			}
			done, err := c.compact(cmd, p)
			if err != nil {
				return err
			}
			return c.print(done, func() error {
				return c.out.Fields(term.Field{Name: "Compacted", Value: p.given},
					term.Field{Name: "Before", Value: term.Bytes(done.Before)}, term.Field{Name: "After", Value: term.Bytes(done.After)})
			})
		},
	}
}

// compact does not wait for the rest of Compact after an interrupt: the process can end at any moment of it.
func (c *cli) compact(cmd *cobra.Command, p place) (done boltstore.Compacted, err error) {
	progress := c.err.Progress("Compacting", -1, "")
	defer progress.End()
	ended := make(chan error, 1)
	go func() {
		var err error
		done, err = boltstore.Compact(p.file)
		ended <- err
	}()
	select {
	case err = <-ended:
	case <-cmd.Context().Done():
		return boltstore.Compacted{}, stopped(cmd.Context().Err(), "The file is whole. To do it: %s", c.again())
	}
	if errors.Is(err, store.ErrLocked) {
		err = hint(exitError{fmt.Errorf("database %q is in use: %w", p.given, err), exitHeld}, "Stop that process first.")
	} else if err != nil {
		err = p.wrap(err)
	}
	return done, err
}
