package modeltest

import (
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"groupkit"
)

// Values.

const longestID = 255 // bytes

func validGroup(id groupkit.GroupID) bool { return validID(string(id)) }

// ValidUser reports whether the engine takes the user ID.
func ValidUser(u groupkit.UserID) bool { return validID(string(u)) }

func validID(s string) bool {
	return len(s) >= 1 && len(s) <= longestID && utf8.ValidString(s) &&
		!strings.ContainsFunc(s, unicode.IsControl) && strings.TrimSpace(s) == s
}

// validName: one line, of which something can be seen.
func validName(s string, most int) bool {
	seen := false
	for _, r := range s {
		if unicode.IsControl(r) {
			return false
		}
		blank := strings.ContainsRune("\u115f\u1160\u2800\u3164\uffa0", r)
		seen = seen || !blank && (unicode.IsLetter(r) || unicode.IsNumber(r) || unicode.IsPunct(r) || unicode.IsSymbol(r))
	}
	return seen && utf8.ValidString(s) && len([]rune(s)) <= most
}

// validText: lines and tabs.
func validText(s string, most int) bool {
	for _, r := range s {
		if unicode.IsControl(r) && !strings.ContainsRune("\n\r\t", r) {
			return false
		}
	}
	return utf8.ValidString(s) && len([]rune(s)) <= most
}

func validCustom(s string, most int) bool { return utf8.ValidString(s) && len(s) <= most }

func validDuration(d time.Duration) bool { return d > 0 || d == groupkit.Forever }

func ValidPage(p groupkit.Page) bool { return p.Number >= 0 && p.Size >= 0 }
