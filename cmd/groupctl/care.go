package main

import (
	"context"
	"errors"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"groupkit"
	"groupkit/cmd/groupctl/internal/term"
)

// careCommands returns the commands that check, save, move and mend.
func (c *cli) careCommands() []*cobra.Command {
	return []*cobra.Command{
		c.verifyCommand(), c.repairCommand(), c.backupCommand(), c.checkBackupCommand(), c.restoreCommand(), c.copyCommand(),
		c.exportCommand(), c.importCommand(), c.compactCommand(), c.upgradeCommand(),
	}
}

// held opens the database of the command line to read it while contents are held, as a backup does. On a server the hold is written.
func (c *cli) held(ctx context.Context, fn func(*database) error) error {
	p, err := c.place()
	if err != nil {
		return err
	}
	return c.heldAt(ctx, p, fn)
}

func (c *cli) heldAt(ctx context.Context, p place, fn func(*database) error) error {
	return c.at(ctx, p, &groupkit.Options{Clock: c.now, ReadOnly: p.postgres == ""}, fn)
}

// stopped says how to go on after an interrupt. Other errors stay as they are.
func stopped(err error, format string, args ...any) error {
	if !errors.Is(err, context.Canceled) {
		return err
	}
	return hint(interrupted{errors.New("interrupted")}, format, args...)
}

// again returns the command line that is running, to be pasted into a shell, with flags that are to be added. It has no
// passwords.
func (c *cli) again(flags ...string) string {
	words := []string{"groupctl"}
	for _, arg := range append(append([]string(nil), c.args...), flags...) {
		value := arg
		if flag, after, ok := strings.Cut(arg, "="); ok && strings.HasPrefix(flag, "-") {
			value = after
		}
		if p, err := parsePlace(value); err == nil && p.postgres != "" {
			arg = strings.TrimSuffix(arg, value) + p.given
		}
		words = append(words, quote(arg))
	}
	return strings.Join(words, " ")
}

// A cancellable reads and writes until its context ends, also if what it reads from or writes to hangs.
type cancellable struct {
	ctx context.Context
	in  io.Reader
	out io.Writer
}

type transferred struct {
	n   int
	err error
}

func (c *cancellable) Read(p []byte) (int, error) {
	return c.do(p, func(own []byte) (n int, err error) { return c.in.Read(own) })
}

func (c *cancellable) Write(p []byte) (int, error) {
	return c.do(append([]byte(nil), p...), c.out.Write)
}

// do gives the function a buffer of its own where it could go on after the end.
func (c *cancellable) do(p []byte, fn func([]byte) (int, error)) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	own := make([]byte, len(p))
	copy(own, p)
	done := make(chan transferred, 1)
	go func() {
		n, err := fn(own)
		done <- transferred{n, err}
	}()
	select {
	case t := <-done:
		copy(p, own[:max(t.n, 0)])
		return t.n, t.err
	case <-c.ctx.Done():
		return 0, c.ctx.Err()
	}
}

// transferFields are the lines about what was written.
func transferFields(t *groupkit.Transfer) []term.Field {
	fields := []term.Field{{Name: "Records", Value: term.Count(int64(t.Records))}, {Name: "Contents", Value: contents(t)}}
	if t.BrokenRecords > 0 {
		fields = append(fields, term.Field{Name: "Broken records", Value: term.Count(int64(t.BrokenRecords))})
	}
	var damaged []string
	for _, d := range t.Damaged {
		damaged = append(damaged, "file "+term.Clean(string(d.File))+" in group "+term.Clean(string(d.Group))+": it "+d.Problem)
	}
	return append(fields, term.Field{Name: "Damaged", Value: strings.Join(damaged, "\n")})
}

func contents(t *groupkit.Transfer) string {
	if t.Contents == 0 {
		return "none"
	}
	return term.Count(int64(t.Contents)) + " (" + term.Bytes(t.Bytes) + ")"
}

// damaged is the error about damage that something has been carried with.
func damaged(err error) error {
	return hint(exitError{err, exitDamaged}, damagedAdvice)
}
