// Mutate breaks the code on purpose, one place at a time, and requires that tests fail.
//
//	go run ./internal/tools/mutate [-run regexp] [-v] file
//
// The file lists mutations. Each names a source file, the text that is replaced, which
// must occur exactly once, the new text, and a package with the tests that must catch
// it. The source tree is not touched: the go command gets the changed files by its flag
// -overlay. A mutation that no test catches, and one that no longer fits the source or does
// not compile, is an error.
//
// To build each test binary once instead of once per mutation, mutate puts the mutations
// into the code side by side. An environment variable selects the one that is in force.
// Without it the code must pass the same tests. A mutation that cannot stand beside the
// original, such as one of a constant, has a build of its own.
package main

import (
	"flag"
	"fmt"
	"os"
	"regexp"
)

func main() {
	only := flag.String("run", "", "try only the mutations whose name matches")
	verbose := flag.Bool("v", false, "print what the tests print")
	flag.Parse()
	if flag.NArg() != 1 {
		fmt.Fprintln(os.Stderr, "usage: mutate [-run regexp] [-v] file")
		os.Exit(2)
	}
	if err := run(flag.Arg(0), *only, *verbose); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// run tries the mutations of the file and fails if one of them is not caught.
func run(file, only string, verbose bool) error {
	pattern, err := regexp.Compile(only)
	if err != nil {
		return err
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	all, err := parse(string(text))
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	var chosen []*mutation
	for i := range all {
		if pattern.MatchString(all[i].name) {
			chosen = append(chosen, &all[i])
		}
	}
	if len(chosen) == 0 {
		return fmt.Errorf("mutations: none matches %q", only)
	}
	scratch, err := os.MkdirTemp("", "mutate")
	if err != nil {
		return err
	}
	defer os.RemoveAll(scratch)
	t := &trial{scratch: scratch, verbose: verbose}
	if err := t.all(chosen); err != nil {
		return err
	}
	fmt.Printf("mutations: %d tried, %d caught\n", len(chosen), len(chosen)-t.failed)
	if t.failed > 0 {
		return fmt.Errorf("mutations: %d of %d not caught", t.failed, len(chosen))
	}
	return nil
}
