package main

import (
	"context"
	"io"

	"github.com/spf13/cobra"

	"groupkit"
	"groupkit/cmd/groupctl/internal/term"
)

const exportLong = `Export writes groups as lines of JSON: the whole log of each group, from which
"groupctl import" makes the group again, in any database. Without a group it
writes all groups. With --user it writes what the groups contain about one user,
to hand it out. It works while another process has the file, if that process
shares it.

Each group is written as of one instant. An export that was not finished has no
last line, and import refuses it.`

func (c *cli) exportCommand() *cobra.Command {
	var opts groupkit.ExportOptions
	var user, output string
	cmd := &cobra.Command{
		Use: "export [GROUP...]", Short: "Write groups as lines of JSON", Long: exportLong,
		Example: "  groupctl export --db groups.db > groups.jsonl\n  groupctl export night-watch --files -o watch.jsonl --db groups.db\n  groupctl export --user alice --db groups.db",
		RunE: func(cmd *cobra.Command, args []string) error {
			if user != "" && len(args) > 0 {
				return usage("--user %q is given beside groups", user)
			}
			opts.User = groupkit.UserID(user)
			for _, group := range args {
				opts.Groups = append(opts.Groups, groupkit.GroupID(group))
			}
			if output == "" || output == "-" {
				return c.export(cmd.Context(), c.out, opts)
			}
			f, err := createNew(output)
			if err != nil {
				return err
			}
			defer f.discard()
			if err := c.export(cmd.Context(), f, opts); err != nil {
				return err
			}
			return f.complete()
		},
	}
	cmd.Flags().StringVar(&user, "user", "", "export what the groups contain about this `user`")
	cmd.Flags().BoolVar(&opts.Contents, "files", false, "with the contents of shared files")
	cmd.Flags().StringVarP(&output, "output", "o", "", "write to a new `file` instead of stdout")
	return cmd
}

func (c *cli) export(ctx context.Context, w io.Writer, opts groupkit.ExportOptions) error {
	return c.read(ctx, func(db *database) error {
		progress := new(term.Progress)
		if w != io.Writer(c.out) || !c.out.Terminal() { // else it would be among the lines
			progress = c.err.Progress("Exporting", -1, "groups")
		}
		defer progress.End()
		opts.Progress = func(groups int) { progress.Set(int64(groups)) }
		err := db.System().Export(ctx, &cancellable{ctx: ctx, out: w}, opts)
		return stopped(err, "The export is not complete, and import refuses it. Run it again.")
	})
}
