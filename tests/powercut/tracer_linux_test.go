//go:build amd64 || arm64

package powercut_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"unsafe"
)

// A tracer runs a process and sees each of its system calls that changes something in a
// folder. Only one of these calls runs at a time, so that their record has one order. A write
// to the descriptor notes is a line that the process adds to the record.
type tracer struct {
	dir    string // absolute, without links
	pid    int
	record func(operation)
	called map[int]bool // threads that were seen
	err    error
}

// An operation is one change that a process asked for.
type operation struct {
	kind action
	path string // relative to the folder
	to   string // of a rename and of a link
	at   int64  // of a write: its offset; of a resize: the new size
	data []byte // of a write
	line string // of a note
}

type action int

const (
	note   action = iota
	create        // a file, if there is none with the name
	mkdir
	write
	resize
	synced // a file or a folder
	rename
	link
	remove
)

// notes is the descriptor to which the process writes its notes.
const notes = 3

// The numbers of package syscall lack these.
var renameat2, copyFileRange, seccomp = func() (a, b, c uintptr) {
	if runtime.GOARCH == "arm64" {
		return 276, 285, 277
	}
	return 316, 326, 317
}()

// watched are the numbers of the system calls at which the process stops. The tests compare
// the record with the folder at the end, and so notice if one is missing.
var watched = []uintptr{
	syscall.SYS_OPENAT, syscall.SYS_WRITE, syscall.SYS_PWRITE64, syscall.SYS_FTRUNCATE, syscall.SYS_FSYNC, syscall.SYS_FDATASYNC,
	syscall.SYS_RENAMEAT, renameat2, syscall.SYS_UNLINKAT, syscall.SYS_MKDIRAT, syscall.SYS_LINKAT, copyFileRange,
}

const (
	retTrace = 0x7ff00000 // SECCOMP_RET_TRACE
	retAllow = 0x7fff0000 // SECCOMP_RET_ALLOW

	eventClone    = 3 // PTRACE_EVENT_CLONE
	eventSeccomp  = 7 // PTRACE_EVENT_SECCOMP
	syscallStop   = syscall.SIGTRAP | 0x80
	exitKill      = 1 << 20 // PTRACE_O_EXITKILL
	traceSeccomp  = 1 << 7  // PTRACE_O_TRACESECCOMP
	getSyscallNow = 0x420e  // PTRACE_GET_SYSCALL_INFO
)

// stopAtCalls makes every thread of this process stop at the watched calls. The process must
// be traced: otherwise the calls fail.
func stopAtCalls() error {
	program := []syscall.SockFilter{{Code: syscall.BPF_LD | syscall.BPF_W | syscall.BPF_ABS}}
	for i, number := range watched {
		program = append(program, syscall.SockFilter{Code: syscall.BPF_JMP | syscall.BPF_JEQ | syscall.BPF_K, K: uint32(number), Jt: uint8(len(watched) - i)})
	}
	program = append(program, syscall.SockFilter{Code: syscall.BPF_RET | syscall.BPF_K, K: retAllow},
		syscall.SockFilter{Code: syscall.BPF_RET | syscall.BPF_K, K: retTrace})
	filter := syscall.SockFprog{Len: uint16(len(program)), Filter: &program[0]}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	const noNewPrivileges, setFilter, allThreads = 38, 1, 1
	if _, _, e := syscall.RawSyscall6(syscall.SYS_PRCTL, noNewPrivileges, 1, 0, 0, 0, 0); e != 0 {
		return e
	}
	if _, _, e := syscall.RawSyscall(seccomp, setFilter, allThreads, uintptr(unsafe.Pointer(&filter))); e != 0 {
		return e
	}
	return nil
}

// run runs a program to its end and records what it does in the folder.
func (c *tracer) run(env []string, args ...string) error {
	runtime.LockOSThread() // only the thread that began may go on
	defer runtime.UnlockOSThread()
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer func() { _ = null.Close() }()
	c.called = make(map[int]bool)
	c.pid, err = syscall.ForkExec(args[0], args, &syscall.ProcAttr{
		Env: env, Files: []uintptr{null.Fd(), null.Fd(), os.Stderr.Fd(), null.Fd()},
		Sys: &syscall.SysProcAttr{Ptrace: true, Setpgid: true},
	})
	if err != nil {
		return err
	}
	var status syscall.WaitStatus
	if _, err := syscall.Wait4(c.pid, &status, 0, nil); err != nil {
		return err
	}
	c.called[c.pid] = true
	if err := syscall.PtraceSetOptions(c.pid, syscall.PTRACE_O_TRACESYSGOOD|syscall.PTRACE_O_TRACECLONE|traceSeccomp|exitKill); err != nil {
		return err
	}
	c.resume(c.pid, 0)
	return c.loop()
}

func (c *tracer) loop() error {
	for {
		var status syscall.WaitStatus
		// The process leads a group of its own: waiting for the group leaves the children of
		// other tests alone.
		thread, err := syscall.Wait4(-c.pid, &status, syscall.WALL, nil)
		switch {
		case err == syscall.EINTR:
		case err != nil:
			return err
		case status.Stopped():
			c.stopped(thread, status)
		case thread == c.pid && status.Exited() && status.ExitStatus() == 0:
			return c.err
		case thread == c.pid:
			return fmt.Errorf("the process ended with %#x", uint32(status))
		}
	}
}

// stopped lets a thread go on that has stopped.
func (c *tracer) stopped(thread int, status syscall.WaitStatus) {
	signal := status.StopSignal()
	switch {
	case signal == syscall.SIGTRAP && status.TrapCause() == eventSeccomp:
		c.call(thread)
	case signal == syscall.SIGTRAP, signal == syscallStop:
		c.resume(thread, 0)
	case signal == syscall.SIGSTOP && !c.called[thread]:
		c.called[thread] = true // a new thread begins so
		c.resume(thread, 0)
	default:
		c.resume(thread, signal)
	}
}

func (c *tracer) resume(thread int, signal syscall.Signal) {
	_ = syscall.PtraceCont(thread, int(signal)) // if it fails, the thread is dead
}

// A sysCall is a system call at its beginning or, with a result, at its end.
type sysCall struct {
	op     uint8
	_      [3]byte
	_      uint32
	_, _   uint64
	number uint64 // at the end: the result
	args   [6]uint64
	_      uint64
}

func (c *tracer) now(thread int) (s sysCall, ok bool) {
	_, _, e := syscall.RawSyscall6(syscall.SYS_PTRACE, getSyscallNow, uintptr(thread), unsafe.Sizeof(s), uintptr(unsafe.Pointer(&s)), 0, 0)
	return s, e == 0
}

// call runs one system call of a thread from its beginning to its end and records it.
func (c *tracer) call(thread int) {
	begun, ok := c.now(thread)
	var done func(int64)
	if ok {
		done = c.watch(thread, begun)
	}
	if done == nil {
		c.resume(thread, 0)
		return
	}
	for signal := syscall.Signal(0); ; {
		var status syscall.WaitStatus
		if syscall.PtraceSyscall(thread, int(signal)) != nil {
			return
		}
		if _, err := syscall.Wait4(thread, &status, syscall.WALL, nil); err != nil || !status.Stopped() {
			return
		}
		if signal = status.StopSignal(); signal == syscallStop {
			break
		}
		if signal == syscall.SIGTRAP {
			signal = 0
		}
	}
	if ended, ok := c.now(thread); ok && int64(ended.number) >= 0 {
		done(int64(ended.number))
	}
	c.resume(thread, 0)
}

// watch returns what is to be recorded when a call has succeeded, or nil.
func (c *tracer) watch(thread int, s sysCall) func(result int64) {
	a := s.args
	switch uintptr(s.number) {
	case syscall.SYS_WRITE:
		if a[0] == notes {
			return c.also(operation{kind: note, line: strings.TrimSpace(string(c.memory(thread, a[1], int(a[2]))))})
		}
		return c.written(thread, a[0], -1)
	case syscall.SYS_PWRITE64:
		return c.written(thread, a[0], int64(a[3]))
	case copyFileRange:
		return c.written(thread, a[2], -1)
	case syscall.SYS_FTRUNCATE:
		return c.onOpen(thread, a[0], operation{kind: resize, at: int64(a[1])})
	case syscall.SYS_FSYNC, syscall.SYS_FDATASYNC:
		return c.onOpen(thread, a[0], operation{kind: synced})
	case syscall.SYS_OPENAT:
		return c.opened(thread, a)
	case syscall.SYS_MKDIRAT:
		return c.onName(thread, a[0], a[1], operation{kind: mkdir})
	case syscall.SYS_UNLINKAT:
		return c.onName(thread, a[0], a[1], operation{kind: remove})
	case syscall.SYS_RENAMEAT, renameat2:
		return c.onNames(thread, a, rename)
	case syscall.SYS_LINKAT:
		return c.onNames(thread, a, link)
	}
	return nil
}

func (c *tracer) also(o operation) func(int64) { return func(int64) { c.record(o) } }

// onOpen is an operation on an open file of the folder.
func (c *tracer) onOpen(thread int, fd uint64, o operation) func(int64) {
	path, ok := c.openPath(thread, fd)
	if !ok {
		return nil
	}
	o.path = path
	return c.also(o)
}

// written is a write to an open file. Without an offset it ends where the file is afterwards.
// The new bytes are read from the file.
func (c *tracer) written(thread int, fd uint64, at int64) func(int64) {
	path, ok := c.openPath(thread, fd)
	if !ok {
		return nil
	}
	return func(n int64) {
		if at < 0 {
			at = c.position(thread, fd) - n
		}
		c.record(operation{kind: write, path: path, at: at, data: c.bytes(thread, fd, at, n)})
	}
}

func (c *tracer) opened(thread int, a [6]uint64) func(int64) {
	path, ok := c.namedPath(thread, a[0], a[1])
	if !ok || a[2]&(syscall.O_CREAT|syscall.O_TRUNC) == 0 {
		return nil
	}
	_, err := os.Lstat(filepath.Join(c.dir, path))
	return func(int64) {
		if err != nil {
			c.record(operation{kind: create, path: path})
		} else if a[2]&syscall.O_TRUNC != 0 {
			c.record(operation{kind: resize, path: path})
		}
	}
}

func (c *tracer) onName(thread int, dir, name uint64, o operation) func(int64) {
	path, ok := c.namedPath(thread, dir, name)
	if !ok {
		return nil
	}
	o.path = path
	return c.also(o)
}

func (c *tracer) onNames(thread int, a [6]uint64, kind action) func(int64) {
	from, ok := c.namedPath(thread, a[0], a[1])
	to, also := c.namedPath(thread, a[2], a[3])
	if ok != also {
		c.err = fmt.Errorf("%q goes to %q across the border of the folder", from, to)
	}
	if !ok || !also {
		return nil
	}
	return c.also(operation{kind: kind, path: from, to: to})
}

// within returns a path relative to the folder. ok is false if it is not in the folder.
func (c *tracer) within(path string) (string, bool) {
	path, err := filepath.Rel(c.dir, path)
	return path, err == nil && path != ".." && !strings.HasPrefix(path, "../")
}

// openPath returns the path of an open file. A file that was deleted has none.
func (c *tracer) openPath(thread int, fd uint64) (string, bool) {
	path, err := os.Readlink(fmt.Sprintf("/proc/%d/fd/%d", thread, int32(fd)))
	if err != nil || strings.HasSuffix(path, " (deleted)") {
		return "", false
	}
	return c.within(path)
}

func (c *tracer) namedPath(thread int, dir, name uint64) (string, bool) {
	path := string(c.memory(thread, name, -1))
	if !filepath.IsAbs(path) {
		from := "cwd"
		if at := int32(dir); at != -100 { // AT_FDCWD
			from = fmt.Sprint("fd/", at)
		}
		folder, err := os.Readlink(fmt.Sprintf("/proc/%d/%s", thread, from))
		if err != nil {
			return "", false
		}
		path = filepath.Join(folder, path)
	}
	return c.within(path)
}

// memory reads n bytes of the process, or a text that ends with 0 if n is negative.
func (c *tracer) memory(thread int, at uint64, n int) []byte {
	f, err := os.Open(fmt.Sprintf("/proc/%d/mem", thread))
	if err != nil {
		c.err = err
		return nil
	}
	defer func() { _ = f.Close() }()
	if n >= 0 {
		b := make([]byte, n)
		n, _ := f.ReadAt(b, int64(at))
		return b[:n]
	}
	const page = 4096 // what follows the text may not be there
	for text := []byte(nil); ; {
		b := make([]byte, page-at%page)
		n, err := f.ReadAt(b, int64(at))
		if end := bytes.IndexByte(b[:n], 0); end >= 0 {
			return append(text, b[:end]...)
		}
		if err != nil {
			c.err = err
			return text
		}
		text, at = append(text, b...), at+uint64(n)
	}
}

// position returns the offset at which the next write of an open file begins.
func (c *tracer) position(thread int, fd uint64) int64 {
	info, err := os.ReadFile(fmt.Sprintf("/proc/%d/fdinfo/%d", thread, int32(fd)))
	fields := strings.Fields(string(info))
	at := slices.Index(fields, "pos:")
	if err != nil || at < 0 {
		c.err = fmt.Errorf("no position of %d: %w", fd, err)
		return 0
	}
	pos, err := strconv.ParseInt(fields[at+1], 10, 64)
	if err != nil {
		c.err = err
	}
	return pos
}

func (c *tracer) bytes(thread int, fd uint64, at, n int64) []byte {
	f, err := os.Open(fmt.Sprintf("/proc/%d/fd/%d", thread, int32(fd)))
	if err != nil {
		c.err = err
		return nil
	}
	defer func() { _ = f.Close() }()
	b := make([]byte, n)
	read, _ := f.ReadAt(b, at)
	return b[:read]
}
