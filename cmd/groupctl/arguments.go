package main

import (
	"bufio"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"groupkit"
)

// users returns the users of a command line, each once. "-" stands for the lines of stdin.
func (c *cli) users(args []string) ([]groupkit.UserID, error) {
	var users []groupkit.UserID
	known := make(map[string]bool)
	add := func(user string) {
		if !known[user] {
			known[user] = true
			users = append(users, groupkit.UserID(user))
		}
	}
	read := false
	for _, arg := range args {
		switch {
		case arg != "-":
			add(arg)
			continue
		case read:
			return nil, usage(`"-" is given twice; stdin is read once`)
		}
		read = true
		if err := c.lines(add); err != nil {
			return nil, err
		}
	}
	if len(users) == 0 {
		return nil, usage("stdin has no users; want one a line")
	}
	return users, nil
}

// longestLine is the number of bytes of the longest line of stdin, more than any ID has.
const longestLine = 4096

// lines calls add for each line of stdin that is not empty.
func (c *cli) lines(add func(string)) error {
	in := bufio.NewScanner(c.stdin)
	in.Buffer(make([]byte, 0, longestLine), longestLine)
	n := 0
	for in.Scan() {
		n++
		if line := strings.TrimSuffix(in.Text(), "\r"); line != "" {
			add(line)
		}
	}
	if errors.Is(in.Err(), bufio.ErrTooLong) {
		return usage("line %d of stdin has more than %d bytes; want a user a line", n+1, longestLine)
	}
	if in.Err() != nil {
		return fmt.Errorf("stdin: %w", in.Err())
	}
	return nil
}

// A period is a time as a flag has it: as Go writes it, in days, in weeks, or forever.
type period time.Duration

func (p *period) Type() string { return "time" }

func (p *period) String() string {
	if time.Duration(*p) == groupkit.Forever {
		return "forever"
	}
	return time.Duration(*p).String()
}

// Set reads a time, such as 90s, 1h30m, 7d or 2w.
func (p *period) Set(text string) error {
	if text == "forever" {
		*p = period(groupkit.Forever)
		return nil
	}
	for unit, length := range map[string]time.Duration{"d": 24 * time.Hour, "w": 7 * 24 * time.Hour} {
		n, err := strconv.ParseInt(strings.TrimSuffix(text, unit), 10, 64)
		if !strings.HasSuffix(text, unit) || err != nil {
			continue
		}
		if n <= 0 || n > math.MaxInt64/int64(length) {
			return fmt.Errorf("want 1%s to %d%s, or forever", unit, math.MaxInt64/int64(length), unit)
		}
		*p = period(time.Duration(n) * length)
		return nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 {
		return errors.New("want a time such as 90s, 24h, 7d or forever")
	}
	*p = period(d)
	return nil
}
