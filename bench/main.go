// Command bench measures groupkit beside what one would use instead: bbolt with a schema
// written by hand, SQLite, PostgreSQL where it is installed, Casbin and a plain map for
// the check.
//
//	go run ./bench                          # everything, about a quarter of an hour
//	go run ./bench -quick                   # less of everything, under two minutes
//	go run ./bench -only join-many,page     # some of it
//	go run ./bench -markdown t.md -svg c.svg
//
// Only ratios mean anything: both sides of a row ran in turns, on the same machine, in
// the same minutes. A figure is the median of the rounds, a ratio the median of the
// ratios of the rounds.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

// A workload is something to measure.
type workload struct {
	name string
	run  func(*run) error
}

var workloads = []workload{
	{"speak-hot", speakHot},
	{"speak-writers", speakWriters},
	{"speak-cold", speakCold},
	{"join-alone", joinAlone},
	{"join-many", joinMany},
	{"join-one-group", joinOneGroup},
	{"page", page},
	{"joined-groups", joinedGroups},
	{"join-large", joinLarge},
	{"app-size", appSize},
	{"open", opening},
	{"memory", memory},
	{"bulk", bulk},
	{"bytes", size},
	{"delete", deleting},
	{"shared-join", sharedJoin},
	{"shared-read", sharedRead},
	{"shared-processes", sharedProcesses},
}

func main() {
	if at := os.Getenv(childEnv); at != "" {
		beChild(at, os.Stdin, os.Stdout)
		return
	}
	if err := command(os.Args[1:], os.Stdout, os.Stderr); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// options are what the command line says.
type options struct {
	config
	only, dir, markdown, svg string
}

func command(args []string, out, progress io.Writer) (err error) {
	o, err := parse(args, progress)
	if err != nil {
		return err
	}
	chosen, err := choose(o.only)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp(o.dir, "groupkit-bench-")
	if err != nil {
		return err
	}
	r := newRun(o.config, dir, progress)
	defer func() { err = errors.Join(err, r.close(), os.RemoveAll(dir)) }()
	for i, w := range chosen {
		r.say("%s (%d of %d)", w.name, i+1, len(chosen))
		err := w.run(r)
		r.clean()
		if err != nil {
			return fmt.Errorf("%s: %w", w.name, err)
		}
	}
	return r.report(&o, out)
}

func parse(args []string, usage io.Writer) (o options, err error) {
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.SetOutput(usage)
	quick := f.Bool("quick", false, "less of everything: under two minutes")
	memberships := f.Int("memberships", 0, "memberships of the large application (default 1000000; quick 100000)")
	rounds := f.Int("rounds", 0, "turns of each side (default 15; quick 5)")
	slice := f.Duration("slice", 0, "how long a turn is (default 300ms; quick 100ms)")
	f.StringVar(&o.only, "only", "", "workloads, with commas between them: "+strings.Join(names(), ","))
	f.StringVar(&o.dir, "dir", "", "where the files go (default the system's temporary folder)")
	f.StringVar(&o.markdown, "markdown", "", "write the table to this file, as Markdown")
	f.StringVar(&o.svg, "svg", "", "write a bar chart to this file")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	o.config = fullConfig
	if *quick {
		o.config = quickConfig
	}
	if *memberships > 0 {
		o.memberships = *memberships
	}
	if *rounds > 0 {
		o.rounds = *rounds
	}
	if *slice > 0 {
		o.slice = *slice
	}
	return o, nil
}

func names() (out []string) {
	for _, w := range workloads {
		out = append(out, w.name)
	}
	return out
}

func choose(only string) (out []workload, err error) {
	if only == "" {
		return workloads, nil
	}
	for name := range strings.SplitSeq(only, ",") {
		i := slices.Index(names(), name)
		if i < 0 {
			return nil, fmt.Errorf("no workload is called %q (there are %s)", name, strings.Join(names(), ", "))
		}
		out = append(out, workloads[i])
	}
	return out, nil
}

// report prints the machine and the table, and writes the files that are asked for.
func (r *run) report(o *options, out io.Writer) error {
	machine, err := r.machine()
	if err != nil {
		return err
	}
	for _, line := range machine {
		fmt.Fprintln(out, line)
	}
	fmt.Fprintln(out)
	if err := writeTable(out, r.rows); err != nil {
		return err
	}
	if o.markdown != "" {
		if err := create(o.markdown, func(w io.Writer) error { return writeMarkdown(w, machine, r.rows) }); err != nil {
			return err
		}
	}
	if o.svg != "" {
		return create(o.svg, func(w io.Writer) error { return writeChart(w, r.rows) })
	}
	return nil
}

func create(path string, write func(io.Writer) error) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	return errors.Join(write(f), f.Close())
}
