package main

import (
	"context"
	"errors"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"groupkit"
	"groupkit/cmd/groupctl/internal/term"
)

const backupLong = `Backup writes everything into one file: all groups, the data of the application,
and the contents of shared files, as of one instant. The database can be in use
meanwhile: on a server, or in a process that shares its file, as groupctl serve
does. "-" writes to stdout.

With --base it writes only what has changed since earlier backups: give the
complete one first, then those that continue it, in their order. Keep a backup as
long as others continue it.

The file appears when it is complete, and never takes the place of another one.`

func (c *cli) backupCommand() *cobra.Command {
	var base []string
	cmd := &cobra.Command{
		Use: "backup FILE|-", Short: "Back everything up into one file", Long: backupLong,
		Example: "  groupctl backup sunday.backup --db groups.db\n  groupctl backup monday.backup --base sunday.backup --db groups.db",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if args[0] == "-" {
				if c.json || c.out.Terminal() {
					return usage("the backup itself goes to stdout: want no --json there, and no terminal")
				}
				return c.backup(cmd.Context(), base, c.out, func(groupkit.BackupInfo) error { return nil })
			}
			return c.backupFile(cmd.Context(), base, args[0])
		},
	}
	cmd.Flags().StringArrayVar(&base, "base", nil, "earlier backup `file` that this one continues; can be given several times")
	return cmd
}

// backupFile backs up into a new file.
func (c *cli) backupFile(ctx context.Context, base []string, path string) error {
	f, err := createNew(path)
	if err != nil {
		return err
	}
	defer f.discard()
	return c.backup(ctx, base, f, func(info groupkit.BackupInfo) error {
		if err := f.complete(); err != nil {
			return err
		}
		return c.print(info, func() error { return c.printBackup(path, &info) })
	})
}

// backup writes a backup, and calls done when it is whole.
func (c *cli) backup(ctx context.Context, base []string, w io.Writer, done func(groupkit.BackupInfo) error) error {
	earlier, err := openBackups(ctx, base)
	if err != nil {
		return err
	}
	defer earlier.close()
	var info groupkit.BackupInfo
	err = c.held(ctx, func(db *database) (err error) {
		progress := c.err.Progress("Backing up", -1, "bytes")
		defer progress.End()
		info, err = db.Backup(ctx, io.MultiWriter(&cancellable{ctx: ctx, out: w}, progress), earlier.readers(nil)...)
		return err
	})
	broken := info.ID != "" && errors.Is(err, groupkit.ErrCorrupt)
	if err != nil && !broken {
		return stopped(badBackup(err), "There is no backup: what was written of it is not whole. Run it again.")
	}
	if failed := done(info); failed != nil {
		return failed
	}
	if broken {
		return damaged(err)
	}
	return nil
}

func (c *cli) printBackup(path string, info *groupkit.BackupInfo) error {
	fields := []term.Field{
		{Name: "Backup", Value: path}, {Name: "ID", Value: info.ID}, {Name: "Continues", Value: strings.Join(info.Earlier, "\n")}, {Name: "At", Value: info.At},
	}
	if len(info.Earlier) > 0 {
		fields = append(fields, term.Field{Name: "Removed", Value: term.Count(int64(info.Removed))})
	}
	if size, err := os.Stat(path); err == nil {
		fields = append(fields, term.Field{Name: "Size", Value: term.Bytes(size.Size())})
	}
	return c.out.Fields(append(fields, transferFields(&info.Transfer)...)...)
}

// badBackup gives the error about a backup file that cannot be used its exit code.
func badBackup(err error) error {
	if errors.Is(err, groupkit.ErrInvalid) {
		return exitError{err, exitDamaged}
	}
	return err
}

// backups are open files of backups.
type backups struct {
	ctx   context.Context
	files []*os.File
	size  int64 // of all
}

func openBackups(ctx context.Context, paths []string) (*backups, error) {
	b := &backups{ctx: ctx}
	for _, path := range paths {
		f, err := os.Open(path)
		if err == nil {
			b.files = append(b.files, f)
			var info os.FileInfo
			if info, err = f.Stat(); err == nil {
				b.size += info.Size()
			}
		}
		if err != nil {
			b.close()
			return nil, err
		}
	}
	return b, nil
}

func (b *backups) close() {
	for _, f := range b.files {
		_ = f.Close() // they are only read
	}
}

// readers returns the files, whose bytes are counted.
func (b *backups) readers(progress *term.Progress) (all []io.ReadSeeker) {
	for _, f := range b.files {
		all = append(all, &backupFile{ctx: b.ctx, File: f, progress: progress})
	}
	return all
}

// A backupFile is a backup that is read until its context ends.
type backupFile struct {
	*os.File

	ctx      context.Context
	progress *term.Progress // nil: nobody looks
}

func (f *backupFile) Read(p []byte) (int, error) {
	if err := f.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := f.File.Read(p)
	if f.progress != nil {
		_, _ = f.progress.Write(p[:n]) // it does not fail
	}
	return n, err
}
