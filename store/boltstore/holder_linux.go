package boltstore

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"
	"unicode"
)

// Where the system says who has which lock, and what it is called.
const (
	systemLocks = "/proc/locks"
	processName = "/proc/%d/comm"
)

// maxLocks is how many bytes of the list of locks are read: ten thousand locks, about.
const maxLocks = 1 << 20

// holder names the process that has the lock of the file, for the text of an error: "process 1234 (name)". It
// returns "" if the system does not say, as for a process of another container.
func holder(f *os.File) string {
	list, err := os.Open(systemLocks)
	if err != nil {
		return ""
	}
	defer func() { _ = list.Close() }()
	info, err := f.Stat()
	if err != nil {
		return ""
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return ""
	}
	pid := lockedBy(io.LimitReader(list, maxLocks), uint64(stat.Dev), stat.Ino)
	switch {
	case pid <= 0:
		return ""
	case pid == os.Getpid():
		return "this process"
	}
	name, err := os.ReadFile(fmt.Sprintf(processName, pid))
	if err != nil { // it has ended, or is not one of those that this process sees
		return ""
	}
	return fmt.Sprintf("process %d (%s)", pid, printable(strings.TrimSuffix(string(name), "\n")))
}

// printable replaces what cannot stand in a text: a process names itself.
func printable(name string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) || r == unicode.ReplacementChar {
			return '?'
		}
		return r
	}, name)
}

// lockedBy returns the process that has a lock of flock on a file; 0 if the list does not say. A line of the list
// is "1: FLOCK  ADVISORY  WRITE 1234 08:02:131 0 EOF"; one of a process that waits has "->" after the number.
func lockedBy(list io.Reader, device, inode uint64) (pid int) {
	major := device>>8&0xfff | device>>32&^0xfff
	minor := device&0xff | device>>12&^0xff
	file := fmt.Sprintf("%02x:%02x:%d", major, minor, inode)
	for lines := bufio.NewScanner(list); lines.Scan(); {
		words := strings.Fields(lines.Text())
		if len(words) < 6 || words[1] != "FLOCK" || words[5] != file {
			continue
		}
		if pid, err := strconv.Atoi(words[4]); err == nil && pid > 0 {
			return pid
		}
	}
	return 0
}
