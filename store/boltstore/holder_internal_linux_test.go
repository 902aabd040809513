package boltstore

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestLockedBy(t *testing.T) {
	const device, inode = 0xfe<<8 | 0x1, 10217135 // fe:01
	for name, row := range map[string]struct {
		list          string
		device, inode uint64
		want          int
	}{
		"a lock":                    {"1: FLOCK  ADVISORY  WRITE 1234 fe:01:10217135 0 EOF", device, inode, 1234},
		"among others":              {"1: POSIX  ADVISORY  WRITE 1 fe:01:10217135 0 EOF\n2: FLOCK  ADVISORY  READ 2 fe:01:1021713 0 EOF\n3: FLOCK  ADVISORY  READ 3 fe:01:10217135 0 EOF", device, inode, 3},
		"another device":            {"1: FLOCK  ADVISORY  WRITE 1234 fe:00:10217135 0 EOF", device, inode, 0},
		"one that waits":            {"1: FLOCK  ADVISORY  WRITE 0 fe:01:10217135 0 EOF\n1: -> FLOCK  ADVISORY  WRITE 99 fe:01:10217135 0 EOF", device, inode, 0},
		"of another container":      {"1: FLOCK  ADVISORY  WRITE -1 fe:01:10217135 0 EOF\n2: FLOCK  ADVISORY  WRITE 0 fe:01:10217135 0 EOF", device, inode, 0},
		"no process":                {"1: FLOCK  ADVISORY  WRITE <none> fe:01:10217135 0 EOF", device, inode, 0},
		"large numbers of a device": {"1: FLOCK  ADVISORY  WRITE 7 345:acd:1 0 EOF", 0x345<<8 | 0xa<<20 | 0xcd, 1, 7},
		"a list cut off":            {"1: FLOCK  ADVISORY  WRITE", device, inode, 0},
		"no list":                   {"", device, inode, 0},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, row.want, lockedBy(strings.NewReader(row.list), row.device, row.inode))
		})
	}
}

func TestPrintable(t *testing.T) {
	require.Equal(t, "groupctl", printable("groupctl"))
	require.Equal(t, "?[31mred x?", printable("\x1b[31mred x\xff"))
}
