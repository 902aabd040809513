package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"groupkit"
	"groupkit/cmd/groupctl/internal/term"
	"groupkit/store"
	"groupkit/store/boltstore"
	"groupkit/store/fileblob"
	"groupkit/store/pgstore"
)

const restoreLong = `Restore makes a new database, --db, of a backup: the complete one first, then
those that continue it, in their order. It reads all of them before it writes, and
writes nothing if one is damaged. No other command opens the database before it is
complete. If it is interrupted, run it again: it goes on.

The new database has a history of its own: who follows groups gets their present
state first. It can be used beside the original.`

func (c *cli) restoreCommand() *cobra.Command {
	return &cobra.Command{
		Use: "restore FILE...", Short: "Make a new database of backups", Long: restoreLong,
		Example: "  groupctl restore sunday.backup --db restored.db\n  groupctl restore sunday.backup monday.backup --db postgres://localhost/groups",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			p, err := c.place()
			if err != nil {
				return err
			}
			done, err := c.restore(cmd.Context(), args, p)
			if err != nil {
				return stopped(badBackup(err), "The database is not complete. To go on: %s", c.again())
			}
			return c.print(done, func() error { return c.printTransfer("Restored", p, &done) })
		},
	}
}

func (c *cli) restore(ctx context.Context, paths []string, p place) (done groupkit.Transfer, err error) {
	files, err := openBackups(ctx, paths)
	if err != nil {
		return done, err
	}
	defer files.close()
	progress := c.err.Progress("Restoring", 2*files.size, "bytes") // it reads them twice
	defer progress.End()
	if p.file != "" {
		if err := p.usable(ctx); err != nil {
			return done, err
		}
		done, err = groupkit.RestoreFile(ctx, p.file, files.readers(progress)...)
		return done, taken(p, err)
	}
	for _, r := range files.readers(nil) { // before there are tables
		if _, err := groupkit.CheckBackup(r); err != nil {
			return done, err
		}
	}
	s, blobs, err := p.create(ctx)
	if err != nil {
		return done, err
	}
	done, err = groupkit.Restore(ctx, s, blobs, files.readers(progress)...)
	return done, taken(p, errors.Join(err, s.Close(), blobs.Close()))
}

// usable makes sure that a file that is there already can be that of a restore.
func (p place) usable(ctx context.Context) error {
	if _, err := os.Lstat(p.file); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	s, blobs, err := p.create(ctx)
	if err != nil {
		return err
	}
	return errors.Join(s.Close(), blobs.Close())
}

// create opens the store and the contents of a new database, or of one that was begun.
func (p place) create(ctx context.Context) (store.Store, store.Blobs, error) {
	if p.file != "" {
		s, err := boltstore.Open(p.file, nil)
		if err != nil {
			return nil, nil, taken(p, err)
		}
		return s, fileblob.New(s.Path() + ".files"), nil
	}
	s, err := pgstore.Open(ctx, p.postgres, &pgstore.Options{Name: p.app})
	if err != nil {
		return nil, nil, p.wrapServer(err)
	}
	return s, p.blobs(s, false), nil
}

// taken says what is in the way of a new database.
func taken(p place, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, groupkit.ErrNotEmpty), errors.Is(err, store.ErrCorrupt) && p.file != "" && !errors.Is(err, groupkit.ErrCorrupt):
		return hint(exitError{fmt.Errorf("database %q: %w", p.given, err), exitRefused}, "Give a place where nothing is.")
	case errors.Is(err, store.ErrLocked):
		return hint(exitError{fmt.Errorf("database %q is in use: %w", p.given, err), exitHeld}, "Give a place where nothing is.")
	}
	return err
}

// printTransfer writes for people what was written.
func (c *cli) printTransfer(what string, p place, t *groupkit.Transfer) error {
	return c.out.Fields(append([]term.Field{{Name: what, Value: p.given}}, transferFields(t)...)...)
}
