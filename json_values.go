package groupkit

import (
	"encoding/hex"
	"encoding/json"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// A hexHash is a SHA-256 in hexadecimal digits.
type hexHash [32]byte

func (h hexHash) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, h[:]), nil }

func (h *hexHash) UnmarshalText(text []byte) error {
	if len(text) != hex.EncodedLen(len(h)) {
		return invalid("sha256", "has %d characters (%d)", len(text), hex.EncodedLen(len(h)))
	}
	if _, err := hex.Decode(h[:], text); err != nil {
		return invalid("sha256", "%s is not hexadecimal", quote(string(text)))
	}
	return nil
}

// A period is a duration as text.
type period time.Duration

const forever = "forever"

func (p period) MarshalText() ([]byte, error) {
	d := time.Duration(p)
	if d == Forever {
		return []byte(forever), nil
	}
	text := strconv.FormatInt(int64(d/time.Second), 10)
	if d < 0 && d > -time.Second {
		text = "-0"
	}
	if rest := (d % time.Second).Abs(); rest != 0 {
		digits := strconv.FormatInt(int64(time.Second+rest), 10)[1:]
		text += "." + strings.TrimRight(digits, "0")
	}
	return []byte(text + "s"), nil
}

func (p *period) UnmarshalText(text []byte) error {
	if string(text) == forever {
		*p = period(Forever)
		return nil
	}
	d, err := time.ParseDuration(string(text))
	if err != nil {
		return invalid(FieldDuration, "%s is not a duration", quote(string(text)))
	}
	*p = period(d)
	return nil
}

// decode reads JSON into a form. encoding/json would replace what is not UTF-8, so that two IDs
// could become one.
func decode(text []byte, form any) error {
	if !utf8.Valid(text) {
		return invalid("JSON", "is not valid UTF-8")
	}
	return json.Unmarshal(text, form)
}
