package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"
)

// childEnv holds the task of a process that sharedProcesses has started.
const childEnv = "GROUPKIT_BENCH_CHILD"

// A task is what a child does: it opens the database, writes a line, and joins for Slice after each
// line that it reads. Its answer to each is an outcome.
type task struct {
	URL         string
	Memberships int
	Callers     int
	First, Step int // which of the users it lets join
	Slice       time.Duration
}

// An outcome is what a child has done in one slice. An error ends the child.
type outcome struct {
	Rate    float64 // joins a second
	Retries float64 // for each transaction, since the beginning
	Error   string
}

// sharedProcesses joins durably from several processes on one database. The number of callers
// of all together stays the same.
func sharedProcesses(r *run) error {
	a := r.app(r.memberships)
	at, err := r.sharedDatabase(a)
	if at == "" {
		return err
	}
	var turns []side
	counts := []int{1, 2, 4}
	next := 0 // the first user of the next process
	for _, count := range counts {
		all, err := r.startChildren(count, task{
			URL: at, Memberships: a.memberships, Callers: max(r.callers/count, 1), First: next, Step: 1 + 2 + 4, Slice: r.slice,
		})
		next += count
		defer func() { r.say("processes: %v", all.stop()) }()
		if err != nil {
			return err
		}
		turns = append(turns, side{fmt.Sprintf("%d processes", count), all.join})
	}
	work := fmt.Sprintf("on PostgreSQL: durable joins, %d callers, %d groups", r.callers, sharedGroups)
	laps, err := r.compare("processes", turns...)
	if err != nil {
		return err
	}
	for i, count := range counts[1:] {
		r.add(fmt.Sprintf("%s, from %d processes", work, count), "/s", "itself, from one process", laps[i+1].figures(), laps[0].figures(), atLeast(0.8, 1))
	}
	for i, count := range counts {
		r.addFigure(fmt.Sprintf("%s, processes: %d: runs again of a transaction", work, count), "", median(laps[i].extras()), limit{})
	}
	return nil
}

// children are processes that join at the same time.
type children []*child

type child struct {
	command *exec.Cmd
	in      io.WriteCloser
	out     *bufio.Scanner
}

// startChildren starts processes and waits until all have opened the database. Each lets users of
// its own join.
func (r *run) startChildren(count int, t task) (all children, err error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	for range count {
		c, err := startChild(program, t)
		if err != nil {
			return all, err
		}
		all = append(all, c)
		t.First++
	}
	for _, c := range all {
		if _, err := c.answer(); err != nil {
			return all, err
		}
	}
	return all, nil
}

func startChild(program string, t task) (*child, error) {
	text, err := json.Marshal(t)
	if err != nil {
		return nil, err
	}
	c := &child{command: exec.Command(program)}
	c.command.Env = append(os.Environ(), childEnv+"="+string(text))
	c.command.Stderr = os.Stderr
	if c.in, err = c.command.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := c.command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	c.out = bufio.NewScanner(out)
	return c, c.command.Start()
}

// join lets all join at the same time. The figure is the rate of all together.
func (all children) join() (l lap, err error) {
	for _, c := range all {
		if _, err := fmt.Fprintln(c.in); err != nil {
			return l, err
		}
	}
	for _, c := range all {
		o, failed := c.answer()
		l.figure += o.Rate
		l.extra += o.Retries / float64(len(all))
		err = errors.Join(err, failed)
	}
	return l, err
}

func (c *child) answer() (o outcome, err error) {
	if !c.out.Scan() {
		return o, errors.Join(errors.New("a child has ended"), c.out.Err())
	}
	if err := json.Unmarshal(c.out.Bytes(), &o); err != nil {
		return o, err
	}
	if o.Error != "" {
		err = errors.New(o.Error)
	}
	return o, err
}

// stop ends the processes and waits for them.
func (all children) stop() (err error) {
	for _, c := range all {
		err = errors.Join(err, c.in.Close(), c.command.Wait())
	}
	return err
}

// beChild is the whole of a child process: it ends with its input.
func beChild(text string, in io.Reader, out io.Writer) {
	answers := json.NewEncoder(out)
	if err := serve(text, in, answers); err != nil {
		_ = answers.Encode(outcome{Error: err.Error()})
	}
}

func serve(text string, in io.Reader, answers *json.Encoder) (err error) {
	var t task
	if err := json.Unmarshal([]byte(text), &t); err != nil {
		return err
	}
	a := newApp(t.Memberships)
	k, err := openShared(a, t.URL, t.Callers)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, k.close()) }()
	crowd := &visitors{app: a, groups: sharedGroups, first: t.First, step: t.Step}
	if err := answers.Encode(outcome{}); err != nil {
		return err
	}
	for lines := bufio.NewScanner(in); lines.Scan(); {
		l, err := writing(t.Callers, t.Slice, func(int) error { return k.join(crowd.pass()) })
		if err != nil {
			return err
		}
		if err := answers.Encode(outcome{Rate: l.figure, Retries: k.store.retries()}); err != nil {
			return err
		}
	}
	return nil
}
