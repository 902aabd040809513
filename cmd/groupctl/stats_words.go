package main

import (
	"fmt"
	"strings"
	"time"

	"groupkit"
	"groupkit/cmd/groupctl/internal/term"
	"groupkit/store"
)

func sizeWords(st *groupkit.Stats) string {
	switch s := &st.Store; {
	case s.Size == nil:
		return ""
	case s.Free == nil || *s.Free == 0:
		return term.Bytes(*s.Size)
	default:
		return fmt.Sprintf("%s, %s of it free", term.Bytes(*s.Size), term.Bytes(*s.Free))
	}
}

func groupWords(n *groupkit.Counts) string {
	return fmt.Sprintf("%s, %s of them public", term.Count(int64(n.Groups)), term.Count(int64(n.Public)))
}

// durationWords says how many there were and how long they took.
func durationWords(d *store.Durations) string {
	switch {
	case d == nil:
		return ""
	case d.Count == 0:
		return "none"
	}
	return fmt.Sprintf("%s, %s, the longest %s", term.Count(int64(d.Count)), latencyWords(d), short(d.Max))
}

// latencyWords says how long things took that there were.
func latencyWords(d *store.Durations) string {
	return "mean " + short(d.Sum/time.Duration(d.Count)) + within(d)
}

// within says within which time 99 % ended, as far as the histogram knows.
func within(d *store.Durations) string {
	for _, bin := range d.Bins {
		if float64(bin.Count) >= 0.99*float64(d.Count) {
			return ", 99 % within " + short(bin.Bound)
		}
	}
	return ""
}

// short returns a duration with two or three digits.
func short(d time.Duration) string {
	for unit := time.Duration(1); unit < time.Second; unit *= 10 {
		if d < 1000*unit {
			return d.Round(unit).String()
		}
	}
	return d.Round(time.Second).String()
}

// known returns a number that the store knows.
func known(n *uint64, what string) string {
	if n == nil {
		return ""
	}
	return term.Count(int64(*n)) + " " + what
}

func cacheWords(c *groupkit.CacheStats) string {
	if c == nil {
		return ""
	}
	words := fmt.Sprintf("%s of at most %s", term.Bytes(c.Used), term.Bytes(c.Most))
	if lookups := c.Hits + c.Misses; lookups > 0 {
		words += fmt.Sprintf(", %s of %s lookups", percent(c.Hits, lookups), term.Count(int64(lookups)))
	}
	return words
}

// percent returns a part in percent. Only all is 100 %.
func percent(part, all uint64) string {
	tenths := part * 1000 / all
	return fmt.Sprintf("%d.%d %%", tenths/10, tenths%10)
}

func followerWords(f *groupkit.FollowerStats) string {
	if f.Followers == 0 && f.Missed == 0 {
		return "none"
	}
	words := fmt.Sprintf("%s, feeds: %s", term.Count(int64(f.Followers)), term.Count(int64(f.Feeds)))
	if f.Missed > 0 {
		words += fmt.Sprintf(", too slow %s times", term.Count(int64(f.Missed)))
	}
	return words
}

// workWords says what is being done besides the calls, and what waits to be done.
func workWords(w *groupkit.WorkStats) string {
	var words []string
	for _, part := range []struct {
		n    int
		what string
	}{
		{w.Uploads, "uploads"}, {w.Loads, "loads"}, {w.Deletions, "deletions"}, {w.Contents, "contents to remove"},
		{w.Pending.Deletions, "pending deletions"}, {w.Pending.Contents, "pending contents"}, {w.Pending.Uploads, "pending uploads"},
		{w.Pending.Pseudonyms, "pending pseudonyms"}, {w.Pending.Loads, "pending loads"},
	} {
		if part.n > 0 {
			words = append(words, term.Count(int64(part.n))+" "+part.what)
		}
	}
	if len(words) == 0 {
		return "none"
	}
	return strings.Join(words, ", ")
}
