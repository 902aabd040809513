//go:build unix

package grouptest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A Process runs a test of its own binary in another process, which answers questions: a line
// of JSON for a line of JSON. It is started for the first question, and anew when it has
// crashed.
type Process struct {
	Within time.Duration // how long an answer takes at most; a minute, unless it is set

	t      testing.TB
	test   string
	env    string
	cmd    *exec.Cmd
	alive  atomic.Pointer[os.Process]
	in     io.WriteCloser
	out    *bufio.Reader
	stderr bytes.Buffer
}

// NewProcess returns a Process that runs the test with the variable in its environment.
func NewProcess(t testing.TB, test, env string) *Process {
	return &Process{Within: time.Minute, t: t, test: test, env: env}
}

func (p *Process) start() {
	p.cmd = exec.Command(os.Args[0], "-test.run=^"+p.test+"$")
	p.cmd.Env = append(os.Environ(), p.env)
	p.stderr.Reset()
	p.cmd.Stderr = &p.stderr
	in, err := p.cmd.StdinPipe()
	out, err2 := p.cmd.StdoutPipe()
	require.NoError(p.t, errors.Join(err, err2, p.cmd.Start()))
	p.in, p.out = in, bufio.NewReader(out)
	p.alive.Store(p.cmd.Process)
}

// Kill ends the process at once, without a word, also while it answers. Any goroutine may call it.
func (p *Process) Kill() {
	if alive := p.alive.Load(); alive != nil {
		_ = alive.Kill()
	}
}

// Stop ends the process.
func (p *Process) Stop() {
	if p.cmd != nil {
		_ = p.in.Close()
		_ = p.cmd.Wait()
		p.cmd = nil
	}
}

// Ask reads the answer to a question, or returns how the process crashed. A process that takes
// too long is ended: its goroutines are printed.
func (p *Process) Ask(question, answer any) (crash string) {
	if p.cmd == nil {
		p.start()
	}
	text, err := json.Marshal(question)
	require.NoError(p.t, err)
	process := p.cmd.Process
	hung := time.AfterFunc(p.Within, func() { _ = process.Signal(syscall.SIGQUIT) })
	defer hung.Stop()
	_, _ = p.in.Write(append(text, '\n'))
	line, err := p.out.ReadBytes('\n')
	if err == nil && json.Unmarshal(line, answer) == nil {
		return ""
	}
	p.Stop()
	text = p.stderr.Bytes()
	return fmt.Sprintf("the process crashed or hung: %s%s", line, text[:min(len(text), 60_000)])
}
