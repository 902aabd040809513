package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// A trial builds the tests and runs them over the mutations.
type trial struct {
	scratch string // a folder for what is built
	verbose bool

	mu     sync.Mutex
	builds int
	failed int
}

// all tries the mutations. It returns an error if the tests cannot be built or fail without
// a mutation.
func (t *trial) all(all []*mutation) error {
	number := make(map[*mutation]string)
	tests := make(map[string][]string) // patterns by package
	for i, m := range all {
		number[m] = strconv.Itoa(i + 1)
		tests[m.pkg] = append(tests[m.pkg], m.tests)
	}
	files, alone, err := beside(all, number)
	if err != nil {
		return err
	}
	binaries := make(map[string]string)
	for _, pkg := range slices.Sorted(maps.Keys(tests)) {
		began := time.Now()
		if binaries[pkg], err = t.build(files, pkg); err != nil {
			return fmt.Errorf("it does not compile with all mutations; try them one by one: %w", err)
		}
		out, err := t.test(binaries[pkg], pkg, strings.Join(tests[pkg], "|"), "")
		if err != nil {
			return fmt.Errorf("the tests of %s fail without a mutation: %w\n%s", pkg, err, out)
		}
		fmt.Printf("built  %s, and its tests pass without a mutation (%.1f s)\n", pkg, time.Since(began).Seconds())
	}
	var running sync.WaitGroup
	free := make(chan bool, runtime.NumCPU())
	for _, m := range all {
		free <- true
		running.Go(func() {
			defer func() { <-free }()
			began := time.Now()
			var err error
			if slices.Contains(alone, m) {
				err = t.alone(m)
			} else {
				err = t.caught(m, binaries[m.pkg], number[m])
			}
			t.report(m, err, time.Since(began))
		})
	}
	running.Wait()
	return nil
}

// alone tries a mutation with a build of its own.
func (t *trial) alone(m *mutation) error {
	binary, err := t.build(map[string]string{m.file: m.changed}, m.pkg)
	if err != nil {
		return err
	}
	defer os.Remove(binary)
	return t.caught(m, binary, "")
}

// caught returns an error if the tests pass.
func (t *trial) caught(m *mutation, binary, number string) error {
	out, err := t.test(binary, m.pkg, m.tests, number)
	if _, failed := errors.AsType[*exec.ExitError](err); failed {
		return nil
	}
	switch {
	case err != nil:
		return err
	case bytes.Contains(out, []byte("no tests to run")):
		return fmt.Errorf("no test of %s matches %q", m.pkg, m.tests)
	}
	return errors.New("no test caught it")
}

func (t *trial) report(m *mutation, err error, took time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err != nil {
		t.failed++
		fmt.Printf("FAIL   %s: %v\n", m.name, err)
		return
	}
	fmt.Printf("caught %s (%.1f s)\n", m.name, took.Seconds())
}

// read returns the parsed source of the mutation's file, from sources if it is there, and
// sets changed.
func (m *mutation) read(sources map[string]*source) (*source, error) {
	s := sources[m.file]
	if s == nil {
		text, err := os.ReadFile(m.file)
		if err != nil {
			return nil, err
		}
		if s, err = parseSource(string(text)); err != nil {
			return nil, err
		}
		sources[m.file] = s
	}
	var err error
	m.changed, err = m.apply(s.text)
	return s, err
}

// build builds the tests of a package over other contents of files, and returns the binary.
func (t *trial) build(files map[string]string, pkg string) (string, error) {
	t.mu.Lock()
	t.builds++
	dir := filepath.Join(t.scratch, strconv.Itoa(t.builds))
	t.mu.Unlock()
	if err := os.Mkdir(dir, 0o700); err != nil {
		return "", err
	}
	overlay, err := writeOverlay(dir, files)
	if err != nil {
		return "", err
	}
	binary := filepath.Join(dir, "test")
	out, err := exec.Command("go", "test", "-c", "-ldflags=-s -w", "-overlay", overlay, "-o", binary, pkg).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("go test -c: %w\n%s", err, out)
	}
	return binary, nil
}

// writeOverlay writes what the flag -overlay wants.
func writeOverlay(dir string, files map[string]string) (string, error) {
	replace := make(map[string]string)
	for name, content := range files {
		original, err := filepath.Abs(name)
		if err != nil {
			return "", err
		}
		path := filepath.Join(dir, strconv.Itoa(len(replace))+"-"+filepath.Base(name))
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			return "", err
		}
		replace[original] = path
	}
	text, err := json.Marshal(map[string]map[string]string{"Replace": replace})
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "overlay.json")
	return path, os.WriteFile(path, text, 0o600)
}

// test runs tests of a binary in the folder of their package, with one mutation in force.
// A test that hangs fails after a minute.
func (t *trial) test(binary, pkg, pattern, number string) ([]byte, error) {
	cmd := exec.Command(binary, "-test.failfast", "-test.timeout=1m", "-test.run", pattern)
	cmd.Dir = filepath.FromSlash(pkg)
	cmd.Env = append(os.Environ(), variable+"="+number)
	out, err := cmd.CombinedOutput()
	if t.verbose {
		t.mu.Lock()
		defer t.mu.Unlock()
		os.Stdout.Write(out)
	}
	return out, err
}
