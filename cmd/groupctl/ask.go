package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"groupkit/cmd/groupctl/internal/term"
)

// errStopped: a person has answered no.
var errStopped = errors.New("nothing was changed")

// An interrupted error is the end of a command that was interrupted.
type interrupted struct{ error }

func (e interrupted) Unwrap() error { return context.Canceled }

// yesFlag gives a command the flag --yes.
func (c *cli) yesFlag(cmd *cobra.Command) {
	cmd.Flags().BoolVarP(&c.yes, "yes", "y", false, "do not ask")
}

// dryRunFlag gives a command the flag --dry-run.
func (c *cli) dryRunFlag(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&c.dryRun, "dry-run", false, "say what would happen, and change nothing")
}

// confirm asks a question before what cannot be undone, unless --yes is given. An interrupt is no answer: it ends the
// command.
func (c *cli) confirm(question string) error {
	if c.yes {
		return nil
	}
	type answer struct {
		yes bool
		err error
	}
	answers := make(chan answer, 1)
	go func() { // what waits for a person hears no interrupt
		yes, err := c.err.Ask(c.stdin, question)
		answers <- answer{yes, err}
	}()
	select {
	case <-c.interrupted:
		c.note("")
		return interrupted{errStopped}
	case a := <-answers:
		switch {
		case errors.Is(a.err, term.ErrNobody):
			return usage("this cannot be undone, and there is no terminal to ask; give --yes")
		case a.err != nil:
			return a.err
		case !a.yes:
			return errStopped
		}
		return nil
	}
}

// confirmAbout is confirm with a question that looks into the database first. The question is not made where nobody
// is asked. An error of it is returned, before a person has to answer.
func (c *cli) confirmAbout(ctx context.Context, question func(*database) (string, error)) error {
	if c.yes || c.dryRun {
		return nil
	}
	if !c.err.Terminal() {
		return c.confirm("")
	}
	var text string
	if err := c.read(ctx, func(db *database) (err error) {
		text, err = question(db)
		return err
	}); err != nil {
		return err
	}
	return c.confirm(text)
}
