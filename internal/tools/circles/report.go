package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// printCircles names each circle with its files and calls. It reports whether there is none.
func printCircles(out io.Writer, calls []call, files int) bool {
	found := circles(calls)
	for _, circle := range found {
		fmt.Fprintf(out, "circle of %d files: %s\n", len(circle), strings.Join(circle, " "))
		for _, c := range calls {
			if c.from.file != c.to.file && slices.Contains(circle, c.from.file) && slices.Contains(circle, c.to.file) {
				fmt.Fprintf(out, "\t%s:%d %s -> %s %s\n", c.from.file, c.line, c.from.name, c.to.file, c.to.name)
			}
		}
	}
	inCircles := len(slices.Concat(found...))
	fmt.Fprintf(out, "circles: %d of %d files call one another in a circle\n", inCircles, files)
	return inCircles == 0
}

// printLong names each file that has more lines than most. It reports whether there is none.
func printLong(out io.Writer, lines map[string]int, most int) bool {
	short := true
	for _, file := range slices.Sorted(maps.Keys(lines)) {
		if lines[file] > most {
			fmt.Fprintf(out, "%s has %d lines (up to %d)\n", file, lines[file], most)
			short = false
		}
	}
	return short
}

// printWalk prints the files that a function enters, each with the call that enters it.
func printWalk(out io.Writer, calls []call, functions []function, name string) error {
	at := slices.IndexFunc(functions, func(f function) bool { return f.name == name })
	if at < 0 {
		return fmt.Errorf("there is no function %s", name)
	}
	for _, s := range walk(calls, functions[at]) {
		fmt.Fprintf(out, "%-20s %s", s.callee.file, s.callee.name)
		if s.caller.file != "" {
			fmt.Fprintf(out, " <- %s %s", s.caller.file, s.caller.name)
		}
		fmt.Fprintln(out)
	}
	return nil
}
