package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"groupkit"
	"groupkit/cmd/groupctl/internal/term"
)

const importLong = `Import makes the groups of an export, with their IDs and times, beside the groups
that are there. It reads FILE, or stdin. A group appears as a whole, or not at all.
If import fails or is interrupted, the groups before remain: run it again with
--existing, which passes over groups that exist, and brings contents of files that
are still missing.

Limits are not looked at: they bind what users do.`

func (c *cli) importCommand() *cobra.Command {
	var opts groupkit.ImportOptions
	var make bool
	cmd := &cobra.Command{
		Use: "import [FILE|-]", Short: "Make groups of an export", Long: importLong,
		Example: "  groupctl import groups.jsonl --db other.db --init\n  groupctl import groups.jsonl --db other.db --existing",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if _, err := c.place(); err != nil {
				return err
			}
			in, size, err := c.importFrom(args)
			if err != nil {
				return err
			}
			defer in.Close()
			open := c.write
			if make {
				open = c.writeNew
			}
			var done groupkit.Imported
			err = open(cmd.Context(), func(db *database) (err error) {
				done, err = c.runImport(cmd.Context(), db, in, size, opts)
				return err
			})
			if err != nil {
				return err
			}
			return c.print(done, func() error {
				return c.say("imported %s; %s; %s brought", countOf(done.Groups, "group", "groups"),
					countOf(done.Existing, "was there already", "were there already"), countOf(done.Contents, "content", "contents"))
			})
		},
	}
	cmd.Flags().BoolVar(&opts.Existing, "existing", false, "pass over groups that exist")
	cmd.Flags().BoolVar(&make, "init", false, "make the database if there is none")
	return cmd
}

// importFrom opens what is to be read. The size is -1 if it is not known.
func (c *cli) importFrom(args []string) (io.ReadCloser, int64, error) {
	if len(args) == 0 || args[0] == "-" {
		if f, ok := c.stdin.(*os.File); ok && len(args) == 0 && term.NewScreen(f, c.env, c.now).Terminal() {
			return nil, 0, usage("nothing comes from stdin but what is typed: want FILE, or - to type")
		}
		return io.NopCloser(c.stdin), -1, nil
	}
	f, err := os.Open(args[0])
	if err != nil {
		return nil, 0, err
	}
	size := int64(-1)
	if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
		size = info.Size()
	}
	return f, size, nil
}

func (c *cli) runImport(ctx context.Context, db *database, in io.Reader, size int64, opts groupkit.ImportOptions) (groupkit.Imported, error) {
	progress := c.err.Progress("Importing", size, "bytes")
	defer progress.End()
	done, err := db.System().Import(ctx, io.TeeReader(&cancellable{ctx: ctx, in: in}, progress), opts)
	if err == nil {
		return done, nil
	}
	goOn := "Nothing was changed."
	if done.Groups+done.Contents > 0 {
		goOn = fmt.Sprintf("%s complete. To go on: %s", countOf(done.Groups, "group is", "groups are"), c.again("--existing"))
	}
	if errors.Is(err, groupkit.ErrGroupExists) {
		goOn = "With --existing it passes over groups that exist: " + c.again("--existing")
	}
	if err = stopped(err, "%s", goOn); exitCode(err) == exitInterrupted {
		return done, err
	}
	return done, hint(err, "%s", goOn)
}
