// Mutate breaks the code on purpose, one place at a time, and sees that the tests notice.
//
//	go run ./internal/tools/mutate [-run regexp] [-v] file
//
// The file lists mutations. Each names a source file, the text that is replaced, which
// must occur exactly once, the new text, and a package with the tests that have to catch
// it. The source tree is not touched: the changed file is laid over the original one with
// the -overlay flag of the go command. A mutation that no test catches, and one that no
// longer fits the source or does not compile, is an error.
package main

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"time"
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
	mutations, err := parse(string(text))
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	var tried, failed int
	for _, m := range mutations {
		if !pattern.MatchString(m.name) {
			continue
		}
		tried++
		began := time.Now()
		if err := m.try(verbose); err != nil {
			failed++
			fmt.Printf("FAIL   %s: %v\n", m.name, err)
			continue
		}
		fmt.Printf("caught %s (%.1f s)\n", m.name, time.Since(began).Seconds())
	}
	fmt.Printf("mutations: %d tried, %d caught\n", tried, tried-failed)
	if failed > 0 {
		return fmt.Errorf("mutations: %d of %d not caught", failed, tried)
	}
	if tried == 0 {
		return fmt.Errorf("mutations: none matches %q", only)
	}
	return nil
}
