package modeltest

import (
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"groupkit"
)

// Values.

var groupIDs = regexp.MustCompile(`^[A-Za-z0-9._:-]{1,64}$`)

func validGroup(id groupkit.GroupID) bool { return groupIDs.MatchString(string(id)) }

func validUser(u groupkit.UserID) bool {
	s := string(u)
	return len(s) >= 1 && len(s) <= 128 && utf8.ValidString(s) &&
		!strings.ContainsFunc(s, unicode.IsControl) && strings.TrimSpace(s) == s
}

func validText(s string, shortest, longest int) bool {
	n := utf8.RuneCountInString(s)
	return utf8.ValidString(s) && n >= shortest && n <= longest
}

func validCustom(s string) bool { return utf8.ValidString(s) && len(s) <= 8192 }

func validDuration(d time.Duration) bool { return d > 0 || d == groupkit.Forever }

func ValidPage(p groupkit.Page) bool { return p.Number >= 0 && p.Size >= 0 }
