package term

import (
	"time"

	"github.com/dustin/go-humanize"
)

// Time returns a time: exactly in UTC, and on a terminal also how far it is away.
func (s *Screen) Time(t time.Time) string {
	if t.IsZero() || !s.Terminal() {
		return s.Exact(t)
	}
	return s.Exact(t) + " (" + s.relative(t) + ")"
}

// Exact returns a time exactly, in UTC.
func (s *Screen) Exact(t time.Time) string {
	switch {
	case t.IsZero():
		return ""
	case !s.Terminal():
		return t.UTC().Format(time.RFC3339)
	}
	return t.UTC().Format("2006-01-02 15:04:05Z")
}

// shortTime returns how far a time is away.
func (s *Screen) shortTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return s.relative(t)
}

func (s *Screen) relative(t time.Time) string { return humanize.RelTime(t, s.Now(), "ago", "from now") }

// Bytes returns a number of bytes for people: 1.5 MiB.
func Bytes(n int64) string { return humanize.IBytes(uint64(max(n, 0))) }

// Count returns a number with commas: 1,234,567.
func Count(n int64) string { return humanize.Comma(n) }
