package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"groupkit"
)

const checkBackupLong = `Check-backup reads backups to their ends, compares all checksums, and says what
each contains. It needs no database. That the backups which one continues are
there is checked by restore, which writes nothing if one is missing.

The exit code is 5 if one is damaged, cut off or no backup.`

func (c *cli) checkBackupCommand() *cobra.Command {
	return &cobra.Command{
		Use: "check-backup FILE...", Short: "Check that backups are whole", Long: checkBackupLong,
		Example: "  groupctl check-backup sunday.backup\n  groupctl check-backup *.backup --json",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var errs []error
			for i, path := range args {
				if i > 0 && !c.json && len(errs) < i {
					if err := c.say(""); err != nil {
						return err
					}
				}
				err := c.checkBackup(cmd.Context(), path)
				if errors.Is(err, context.Canceled) {
					return stopped(err, "Run it again.")
				}
				if err != nil {
					errs = append(errs, err)
				}
			}
			return errors.Join(errs...)
		},
	}
}

func (c *cli) checkBackup(ctx context.Context, path string) error {
	files, err := openBackups(ctx, []string{path})
	if err != nil {
		return err
	}
	defer files.close()
	progress := c.err.Progress("Checking "+path, files.size, "bytes")
	info, err := groupkit.CheckBackup(files.readers(progress)[0])
	progress.End()
	if err != nil {
		return badBackup(fmt.Errorf("%q: %w", path, err))
	}
	return c.print(info, func() error { return c.printBackup(path, &info) })
}
