package main

import (
	"context"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"groupkit"
	"groupkit/cmd/groupctl/internal/term"
)

func (c *cli) uploadCommand() *cobra.Command {
	var name string
	var m *manner
	cmd := &cobra.Command{
		Use: "upload GROUP PATH...", Short: "Share files in a group",
		Long:    "Upload shares files of at most 10 MiB in a group. The path \"-\" stands for stdin, and\n--as-name for the name that members see. The answer is the ID of each file.",
		Example: "  groupctl upload night-watch plan.pdf map.png\n  date | groupctl upload night-watch - --as-name now.txt",
		Args:    cobra.MinimumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			switch paths := args[1:]; {
			case m.given("as-name") && len(paths) > 1:
				return usage("--as-name names one file, and there are %d", len(paths))
			case m.given("if-version") && len(paths) > 1:
				return usage("--if-version holds for one file, and there are %d", len(paths))
			}
			return c.change(cmd.Context(), groupkit.Options{}, func(db *database) error {
				for i, path := range args[1:] {
					as := filepath.Base(path)
					if m.given("as-name") {
						as = name
					}
					if err := c.upload(cmd.Context(), m.actor(db.Engine, i), groupkit.GroupID(args[0]), path, as); err != nil {
						return err
					}
				}
				return nil
			})
		},
	}
	m = c.mannerFlags(cmd)
	m.onceFlag(cmd)
	cmd.Flags().StringVar(&name, "as-name", "", "`name` of the file in the group")
	return cmd
}

func (c *cli) upload(ctx context.Context, a groupkit.Actor, group groupkit.GroupID, path, name string) error {
	content, size := c.stdin, int64(-1)
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		if info, err := f.Stat(); err == nil {
			size = info.Size()
		}
		content = f
	}
	progress := c.err.Progress(name, size, "bytes")
	file, err := a.UploadFile(ctx, group, name, io.TeeReader(content, progress))
	progress.End()
	if err != nil {
		return err
	}
	if c.dryRun {
		return c.saidWould("would upload " + term.Clean(name) + " to " + term.Clean(string(group)))
	}
	return c.print(file, func() error {
		return c.say("uploaded %s to %s as %s (%s)", term.Clean(file.Name), term.Clean(string(group)), file.ID, term.Bytes(file.Size))
	})
}
