package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"groupkit"
	"groupkit/cmd/groupctl/internal/term"
)

func (c *cli) downloadCommand() *cobra.Command {
	var as string
	var force bool
	cmd := &cobra.Command{
		Use: "download GROUP FILE [PATH]", Short: "Read a shared file of a group",
		Long:    "Download writes a shared file to a path, by default to its name in this folder. The\npath \"-\" stands for stdout. FILE is the ID of the file, or its name if no other file of\nthe group has it. A path that exists is not overwritten without --force. The file is\nthere when it is complete and its hash is right.",
		Example: "  groupctl download night-watch plan.pdf\n  groupctl download night-watch plan.pdf - | lp",
		Args:    cobra.RangeArgs(2, 3),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.read(cmd.Context(), func(db *database) error {
				a := db.System()
				if cmd.Flags().Changed("as") {
					a = db.As(groupkit.UserID(as))
				}
				group := groupkit.GroupID(args[0])
				file, err := findFile(cmd.Context(), a, group, args[1])
				if err != nil {
					return err
				}
				path := file.Name
				if len(args) == 3 {
					path = args[2]
				}
				return c.download(cmd.Context(), a, group, file, path, force)
			})
		},
	}
	cmd.Flags().StringVar(&as, "as", "", "act as this `user`, with the rights of the user, instead of as the system")
	cmd.Flags().BoolVarP(&force, "force", "f", false, "overwrite the path")
	return cmd
}

// findFile returns the file of a group with an ID, or else the only one with a name.
func findFile(ctx context.Context, a groupkit.Actor, group groupkit.GroupID, named string) (groupkit.File, error) {
	file, missing := a.File(ctx, group, groupkit.FileID(named))
	if !errors.Is(missing, groupkit.ErrFileNotFound) {
		return file, missing
	}
	found := 0
	for f, err := range a.Files(ctx, group) {
		if err != nil {
			return file, err
		}
		if f.Name == named {
			file = f
			found++
		}
	}
	switch found {
	case 0:
		return file, fmt.Errorf("group %q, file %q: %w", string(group), named, groupkit.ErrFileNotFound)
	case 1:
		return file, nil
	}
	return file, usage("group %q has %d files with the name %q; want the ID of one", string(group), found, named)
}

func (c *cli) download(ctx context.Context, a groupkit.Actor, group groupkit.GroupID, file groupkit.File, path string, force bool) (err error) {
	_, content, err := a.OpenFile(ctx, group, file.ID)
	if err != nil {
		return err
	}
	defer content.Close()
	from := &interruptible{ctx, content}
	if path == "-" {
		_, err := io.Copy(c.out, from)
		return err
	}
	if _, err := os.Lstat(path); err == nil && !force {
		return hint(exitError{fmt.Errorf("%q: %w", path, fs.ErrExist), exitRefused}, "Give another path, or --force to overwrite it.")
	}
	to, err := os.CreateTemp(filepath.Dir(path), ".groupctl-*")
	if err != nil {
		return err
	}
	defer os.Remove(to.Name()) // no effect once it has its name
	progress := c.err.Progress(file.Name, file.Size, "bytes")
	_, err = io.Copy(io.MultiWriter(to, progress), from)
	progress.End()
	if err := errors.Join(err, to.Close()); err != nil {
		return err
	}
	if err := os.Rename(to.Name(), path); err != nil {
		return err
	}
	return c.print(file, func() error {
		return c.say("downloaded %s to %s (%s)", term.Clean(file.Name), term.Clean(path), term.Bytes(file.Size))
	})
}

// An interruptible reader ends with its context.
type interruptible struct {
	ctx context.Context
	io.Reader
}

func (r *interruptible) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.Reader.Read(p)
}
