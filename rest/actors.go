package rest

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"

	"groupkit"
)

// reader returns the caller as an actor for reads.
func (c *call) reader() groupkit.Actor { return c.actor(c.app.Engine) }

// actor returns the caller as an actor of an engine or a transaction.
func (c *call) actor(of groupkit.Scope) groupkit.Actor {
	if c.caller.System {
		return of.System()
	}
	return of.As(c.caller.User)
}

// writer returns the caller as an actor for one change, with the conditions of the headers:
// If-Match is IfVersion, Idempotency-Key is Once.
func (c *call) writer() (groupkit.Actor, error) {
	return c.conditional(c.reader())
}

func (c *call) conditional(a groupkit.Actor) (groupkit.Actor, error) {
	if key, ok := c.key(); ok {
		a = a.Once(key)
	}
	version, ok, err := c.ifMatch()
	if ok {
		a = a.IfVersion(version)
	}
	return a, err
}

// key returns the idempotency key, if one was sent.
func (c *call) key() (string, bool) {
	values := c.asked.Header["Idempotency-Key"]
	if len(values) == 0 {
		return "", false
	}
	return values[0], true
}

// secondKey returns the key of the second change of a request with that key.
func secondKey(key string) string {
	sum := sha256.Sum256([]byte("second change of\n" + key))
	return hex.EncodeToString(sum[:])
}

// etag returns the entity tag of a version of a group. A version means the same only within one
// history. A caller who is only invited does not see the version: there is no tag.
func (c *call) etag(version uint64) string {
	if version == 0 {
		return ""
	}
	return `"` + c.app.Engine.History() + "-" + strconv.FormatUint(version, 10) + `"`
}

// ifMatch returns the version that If-Match asks for, if it asks for one. A tag of another history,
// and every tag that etag has not made, fits no group.
func (c *call) ifMatch() (version uint64, ok bool, err error) {
	values := c.asked.Header["If-Match"]
	if len(values) == 0 {
		return 0, false, nil
	}
	value := strings.TrimSpace(values[0])
	if value == "*" && len(values) == 1 {
		return 0, false, nil
	}
	if strings.HasPrefix(value, "W/") {
		return 0, false, otherHistory // a weak tag fits nothing
	}
	tag, isTag := quoted(value)
	if !isTag || len(values) > 1 {
		return 0, false, invalid("If-Match must be one entity tag")
	}
	history, number, _ := cutLast(tag, "-")
	version, malformed := strconv.ParseUint(number, 10, 64)
	if malformed != nil || history != c.app.Engine.History() {
		return 0, false, otherHistory
	}
	return version, true, nil
}

// quoted returns what one pair of quotes contains.
func quoted(text string) (string, bool) {
	if len(text) < 2 || text[0] != '"' || text[len(text)-1] != '"' {
		return "", false
	}
	text = text[1 : len(text)-1]
	return text, !strings.Contains(text, `"`)
}

// cutLast is strings.Cut at the last separator.
func cutLast(text, separator string) (before, after string, found bool) {
	if i := strings.LastIndex(text, separator); i >= 0 {
		return text[:i], text[i+len(separator):], true
	}
	return text, "", false
}
