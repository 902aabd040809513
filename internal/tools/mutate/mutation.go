package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// A mutation is one place that is broken on purpose.
type mutation struct {
	name     string
	file     string // below the current folder
	old, new string
	pkg      string // the package whose tests have to catch it
	tests    string // a pattern of their names
}

// parse reads a list of mutations. A block begins with its name behind "# ", has lines
// "file F" and "test PACKAGE PATTERN", and the lines of the old text behind "- " and of the
// new text behind "+ ". Lines outside of a block are remarks.
func parse(text string) (all []mutation, err error) {
	var m *mutation
	for i, line := range strings.Split(text, "\n") {
		word, rest, _ := strings.Cut(line, " ")
		if word == "#" {
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

// try runs the tests over the changed source. They have to fail.
func (m *mutation) try(verbose bool) error {
	source, err := os.ReadFile(m.file)
	if err != nil {
		return err
	}
	changed, err := m.apply(string(source))
	if err != nil {
		return err
	}
	overlay, clean, err := overlay(m.file, changed)
	if err != nil {
		return err
	}
	defer clean()
	out, err := exec.Command("go", "test", "-count=1", "-failfast", "-overlay", overlay, "-vet=off", "-run", m.tests, m.pkg).CombinedOutput()
	if verbose {
		os.Stdout.Write(out)
	}
	if _, failed := errors.AsType[*exec.ExitError](err); !failed && err != nil {
		return err
	}
	switch {
	case bytes.Contains(out, []byte("[build failed]")):
		return fmt.Errorf("it does not compile:\n%s", out)
	case bytes.Contains(out, []byte("no tests to run")):
		return fmt.Errorf("no test of %s matches %q", m.pkg, m.tests)
	case err == nil:
		return errors.New("no test caught it")
	}
	return nil
}

// overlay writes what the -overlay flag wants.
func overlay(file, content string) (path string, clean func(), err error) {
	dir, err := os.MkdirTemp("", "mutate")
	if err != nil {
		return "", nil, err
	}
	clean = func() { _ = os.RemoveAll(dir) }
	original, err := filepath.Abs(file)
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "changed.go"), []byte(content), 0o600)
	}
	if err == nil {
		var text []byte
		text, err = json.Marshal(map[string]map[string]string{"Replace": {original: filepath.Join(dir, "changed.go")}})
		path = filepath.Join(dir, "overlay.json")
		if err == nil {
			err = os.WriteFile(path, text, 0o600)
		}
	}
	if err != nil {
		clean()
		return "", nil, err
	}
	return path, clean, nil
}
