// Groupctl serves groups over HTTP. See
//
//	groupctl serve --help
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
)

func main() { os.Exit(run(context.Background(), os.Args[1:], os.Stdout, os.Stderr)) }

// The exit codes.
const (
	exitOK     = 0
	exitFailed = 1 // the command failed
	exitUsage  = 2 // the command line is wrong
)

// A usageError says what is wrong with the command line.
type usageError struct{ error }

func usage(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// run runs the command line and returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	began := false // the command line was right in cobra's eyes
	root := &cobra.Command{
		Use: "groupctl", Short: "Serve groups over HTTP",
		SilenceUsage: true, SilenceErrors: true,
		CompletionOptions: cobra.CompletionOptions{HiddenDefaultCmd: true},
		PersistentPreRun:  func(*cobra.Command, []string) { began = true },
	}
	root.AddCommand(serveCommand())
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitOK
	}
	fmt.Fprintln(stderr, "groupctl:", err)
	if _, wrong := errors.AsType[usageError](err); wrong || !began {
		fmt.Fprintln(stderr, `"groupctl serve --help" lists the flags.`)
		return exitUsage
	}
	return exitFailed
}
