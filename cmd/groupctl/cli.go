package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"groupkit/cmd/groupctl/internal/term"
)

// A cli is one run of groupctl, with what is around it.
type cli struct {
	stdin io.Reader
	out   *term.Screen // the answer, and nothing else
	err   *term.Screen // errors, questions, progress
	env   func(string) string
	now   func() time.Time

	// What the flags of all commands say.
	db       string // as --db has it; see database
	contents string
	app      string
	json     bool
	yes      bool
	dryRun   bool

	args        []string        // the command line
	interrupted <-chan struct{} // closed when the command is to end
}

func newCLI(stdin io.Reader, stdout, stderr *os.File, env func(string) string, now func() time.Time) *cli {
	return &cli{stdin: stdin, out: term.NewScreen(stdout, env, now), err: term.NewScreen(stderr, env, now), env: env, now: now}
}

const rootLong = `Groupctl looks into databases of groupkit, changes, checks, saves and mends
them, and serves them over HTTP.

A database is a file, or a URL: file:PATH or postgres://USER@HOST/NAME. It is
given with --db or in the environment variable GROUPCTL_DB. The contents of
shared files are beside a file, in PATH.files; with PostgreSQL they are in the
same database, or in the folder --contents.

What only looks changes nothing, and works while another process has the file,
if that process shares it (Options.Share; groupctl serve does).

The answer goes to stdout, everything else to stderr. With --json the answer is
JSON: one value for one thing, a value a line for many.`

// command returns groupctl as a command with all its commands.
func (c *cli) command() *cobra.Command {
	root := &cobra.Command{
		Use: "groupctl", Short: "Look into, change, check, save, mend and serve databases of groups", Long: rootLong,
		Example:       "  groupctl ls --db groups.db\n  GROUPCTL_DB=groups.db groupctl add night-watch alice",
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          cobra.NoArgs,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	flags := root.PersistentFlags()
	flags.StringVar(&c.db, "db", "", "database: a file, file:PATH or postgres://… (default: $GROUPCTL_DB)")
	flags.StringVar(&c.contents, "contents", "", "folder with the contents of shared files, if they are not in the PostgreSQL database")
	flags.StringVar(&c.app, "app", "", `name of the app in a PostgreSQL database (default "groupkit")`)
	flags.BoolVar(&c.json, "json", false, "answer in JSON")
	root.AddGroup(
		&cobra.Group{ID: lookGroup, Title: "Look:"},
		&cobra.Group{ID: changeGroup, Title: "Change, as the system:"},
		&cobra.Group{ID: careGroup, Title: "Check, save, move and mend:"},
		&cobra.Group{ID: serveGroup, Title: "Serve:"},
		&cobra.Group{ID: otherGroup, Title: "Other:"},
	)
	for id, commands := range map[string][]*cobra.Command{
		lookGroup:   append(c.lookCommands(), c.downloadCommand()),
		changeGroup: c.changeCommands(),
		careGroup:   c.careCommands(),
		serveGroup:  {c.serveCommand()},
		otherGroup:  {completionCommand(), manCommand()},
	} {
		for _, cmd := range commands {
			cmd.GroupID = id
			root.AddCommand(cmd)
		}
	}
	root.AddCommand(exitCodesTopic())
	root.SetHelpCommandGroupID(otherGroup)
	root.SetHelpFunc(writeHelp)
	root.SetUsageFunc(writeUsage)
	c.complete(root)
	return root
}

// The groups of commands in the help.
const (
	lookGroup   = "look"
	changeGroup = "change"
	careGroup   = "care"
	serveGroup  = "serve"
	otherGroup  = "other"
)

// run runs the command line and returns the exit code.
func (c *cli) run(ctx context.Context, args []string) int {
	c.args, c.interrupted = args, ctx.Done()
	root := c.command()
	root.SetArgs(args)
	root.SetIn(c.stdin)
	root.SetOut(c.out)
	root.SetErr(c.err)
	began := false // the command line was right in cobra's eyes
	root.PersistentPreRun = func(*cobra.Command, []string) { began = true }
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil {
		return exitOK
	}
	if !began {
		err = usageError{err}
	}
	return c.fail(cmd, err)
}

// print writes one value: as JSON with --json, else with the function.
func (c *cli) print(v any, people func() error) error {
	if !c.json {
		return people()
	}
	return c.encode(v)
}

// encode writes a value as a line of JSON.
func (c *cli) encode(v any) error {
	enc := json.NewEncoder(c.out)
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// note writes a line for people beside the answer.
func (c *cli) note(format string, args ...any) {
	fmt.Fprintf(c.err, format+"\n", args...) // an answer does not fail for want of a note
}

// line returns a command line of groupctl for the same database, to be pasted into a shell.
func (c *cli) line(args ...string) string {
	if p, err := c.place(); err == nil && c.db != "" {
		args = append(args, "--db", p.given)
	}
	for _, flag := range []struct{ name, value string }{{"--app", c.app}, {"--contents", c.contents}} {
		if flag.value != "" {
			args = append(args, flag.name, flag.value)
		}
	}
	for i, arg := range args {
		args[i] = quote(arg)
	}
	return "groupctl " + strings.Join(args, " ")
}

// quote returns an argument for a shell.
func quote(arg string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./:@%+=,", r)
	}
	if arg != "" && strings.IndexFunc(arg, func(r rune) bool { return !plain(r) }) < 0 {
		return arg
	}
	return "'" + strings.ReplaceAll(arg, "'", `'\''`) + "'"
}
