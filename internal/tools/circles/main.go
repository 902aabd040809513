// Circles checks the files of a package: their calls run down and never come back.
//
// The files of a package form a graph: file A points to file B if a function in A calls a
// function or method that B declares, or refers to it. A circle in that graph is a set of
// files of which none can be read, or changed, without the others. Circles names each
// circle with its files and their calls, and exits with 1. It also exits with 1 for a file
// that is too long.
//
//	go run ./internal/tools/circles                    # the package in this directory
//	go run ./internal/tools/circles -from Actor.Mute   # the files that Actor.Mute enters
//
// References are resolved by types. The place where a function value is made of a function
// counts as a call of it, and so does the use of a package variable that holds functions.
// These do not count: tests; the use of types, constants and other variables; calls of
// interface methods and of function values, because the types do not say which function
// is reached.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
)

func main() {
	from := flag.String("from", "", "print the files that this function enters, for instance Actor.Mute")
	most := flag.Int("lines", 420, "the most lines that a file may have")
	flag.Usage = func() {
		fmt.Fprintf(flag.CommandLine.Output(), "usage: circles [flags] [package]\n")
		flag.PrintDefaults()
	}
	flag.Parse()
	if flag.NArg() > 1 {
		flag.Usage()
		os.Exit(2)
	}
	pattern := "."
	if flag.NArg() == 1 {
		pattern = flag.Arg(0)
	}
	ok, err := run(os.Stdout, pattern, *from, *most)
	if err != nil {
		fmt.Fprintf(os.Stderr, "circles: %v\n", err)
		os.Exit(2)
	}
	if !ok {
		os.Exit(1)
	}
}

// run prints the report that is asked for, and says whether the package passes.
func run(out io.Writer, pattern, from string, most int) (bool, error) {
	p, err := load(pattern)
	if err != nil {
		return false, err
	}
	calls := p.calls()
	if from != "" {
		return true, printWalk(out, calls, p.functions(), from)
	}
	short := printLong(out, p.lines(), most)
	return printCircles(out, calls, len(p.files)) && short, nil
}
