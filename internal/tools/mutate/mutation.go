package main

import (
	"fmt"
	"strings"
)

// A mutation is one place that is broken on purpose.
type mutation struct {
	name     string
	file     string // below the current folder
	old, new string
	pkg      string // the package whose tests must catch it
	tests    string // a pattern of their names

	changed string // the whole file with the new text; read sets it
}

// parse reads a list of mutations. A block begins with its name behind "# ", has lines
// "file F" and "test PACKAGE PATTERN", and the lines of the old text behind "- " and of the
// new text behind "+ ". Lines before the first block are remarks.
func parse(text string) (all []mutation, err error) {
	var m *mutation
	names := make(map[string]bool)
	for i, line := range strings.Split(text, "\n") {
		word, rest, _ := strings.Cut(line, " ")
		if word == "#" {
			if names[rest] {
				return nil, fmt.Errorf("line %d: there are two mutations %q", i+1, rest)
			}
			names[rest] = true
			all = append(all, mutation{name: rest})
			m = &all[len(all)-1]
			continue
		}
		if m == nil {
			continue
		}
		switch word {
		case "":
		case "file":
			m.file = rest
		case "test":
			m.pkg, m.tests, _ = strings.Cut(rest, " ")
		case "-":
			m.old += rest + "\n"
		case "+":
			m.new += rest + "\n"
		default:
			return nil, fmt.Errorf("line %d: %q is not understood", i+1, line)
		}
	}
	for _, m := range all {
		if m.file == "" || m.old == "" || m.pkg == "" || m.tests == "" {
			return nil, fmt.Errorf("mutation %q lacks a file, an old text, a package or tests", m.name)
		}
	}
	return all, nil
}

// apply returns the changed source. Indentation at the beginning of a line does not count.
func (m *mutation) apply(source string) (string, error) {
	lines, old := strings.Split(source, "\n"), strings.Split(strings.TrimSuffix(m.old, "\n"), "\n")
	at := -1
	for i := 0; i+len(old) <= len(lines); i++ {
		if !alike(lines[i:i+len(old)], old) {
			continue
		}
		if at >= 0 {
			return "", fmt.Errorf("the old text occurs in lines %d and %d of %s", at+1, i+1, m.file)
		}
		at = i
	}
	if at < 0 {
		return "", fmt.Errorf("the old text does not occur in %s", m.file)
	}
	out := append([]string{}, lines[:at]...)
	if m.new != "" {
		out = append(out, strings.TrimSuffix(m.new, "\n"))
	}
	return strings.Join(append(out, lines[at+len(old):]...), "\n"), nil
}

func alike(lines, old []string) bool {
	for i := range old {
		if strings.TrimSpace(lines[i]) != strings.TrimSpace(old[i]) {
			return false
		}
	}
	return true
}
