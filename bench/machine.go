package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"time"
)

// machine describes what everything ran on: the machine, the versions, and what the disk
// and the clock cost here whoever asks.
func (r *run) machine() ([]string, error) {
	fsync, err := syncLatency(r.dir)
	if err != nil {
		return nil, err
	}
	lines := []string{
		fmt.Sprintf("%s, %d logical CPUs, %s/%s%s", processor(), runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, kernel()),
		fmt.Sprintf("%s, %s", runtime.Version(), strings.Join(modules(), ", ")),
		fmt.Sprintf("write and fsync of 4 KiB in %s: median %s, p99 %s", r.dir, fsync[0], fsync[1]),
		fmt.Sprintf("time.Now: %d ns", clockCost()),
	}
	if r.server != nil {
		version, err := serverVersion(r.server)
		if err != nil {
			return nil, err
		}
		lines = append(lines, version)
	}
	return lines, nil
}

func processor() string {
	text, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(text)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "unnamed processor"
}

func kernel() string {
	text, err := os.ReadFile("/proc/sys/kernel/osrelease")
	if err != nil {
		return ""
	}
	return " " + strings.TrimSpace(string(text))
}

// modules are the versions of those that groupkit is compared with.
func modules() (out []string) {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return nil
	}
	named := []string{"go.etcd.io/bbolt", "modernc.org/sqlite", "github.com/casbin/casbin/v2", "github.com/jackc/pgx/v5"}
	for _, dep := range info.Deps {
		if slices.Contains(named, dep.Path) {
			out = append(out, dep.Path+" "+dep.Version)
		}
	}
	return out
}

// syncLatency is how long a write of a page and its sync take: the median, and the 99th
// percentile.
func syncLatency(dir string) (out [2]time.Duration, err error) {
	f, err := os.Create(filepath.Join(dir, "fsync"))
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, f.Close(), os.Remove(f.Name())) }()
	page := make([]byte, 4096)
	took := make([]time.Duration, 300)
	for i := range took {
		start := time.Now()
		if _, err := f.WriteAt(page, int64(i%16)*4096); err != nil {
			return out, err
		}
		if err := f.Sync(); err != nil {
			return out, err
		}
		took[i] = time.Since(start)
	}
	took = took[20:] // the first ones make the file
	const digits = 10 * time.Microsecond
	return [2]time.Duration{percentile(took, 0.5).Round(digits), percentile(took, 0.99).Round(digits)}, nil
}

func clockCost() int64 {
	const n = 1 << 18
	start := time.Now()
	for range n {
		_ = time.Now()
	}
	return time.Since(start).Nanoseconds() / n
}
