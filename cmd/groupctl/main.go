// Groupctl looks into databases of groupkit, changes, checks, saves and mends them, and serves them over HTTP. See
//
//	groupctl --help
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() { os.Exit(runProcess(os.Args[1:], time.Now)) }

// runProcess is groupctl as a process. The first signal ends what runs at a safe place, a second one ends the process.
func runProcess(args []string, now func() time.Time) (code int) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	return newCLI(os.Stdin, os.Stdout, os.Stderr, os.Getenv, now).run(ctx, args)
}
