package groupkit

import (
	"encoding/base64"
	"math"
	"strconv"
	"strings"
)

// A Position is a place in the log of a group, or in the logs of all groups: where to follow on.
// The zero Position is the beginning.
//
// A position can be kept outside of the database, as its text form or by its fields. It stays
// right when the engine is opened again, in every process, and when the database is restored from
// a backup: a Version counts only within its History.
type Position struct {
	// History is the history of the database that the Version belongs to; see Engine.History. "none": there is none
	// yet, because everything begins anew; see FollowAll.
	History string

	// Version is the Version of the group after the last event that was read. In a position
	// over all groups, it is the place of the last change in the order of all changes.
	Version uint64

	// Group is set only in a position over all groups that lies within a checkpoint: the last
	// group of which the state was read.
	Group GroupID
}

// noHistory is that of a position from which everything begins anew.
const noHistory = "none"

// Latest returns the position after the last event that there is. It stands for no history: to
// keep a position, take that of a [Follower].
func Latest() Position { return Position{Version: math.MaxUint64} }

// Position returns the position of a version of a group in the current history. It leads from
// a [Snapshot] to the events that come after it.
func (e *Engine) Position(version uint64) Position {
	return Position{History: e.History(), Version: version}
}

// String returns the text form. It contains no spaces. The text form of the zero Position is "".
func (p Position) String() string {
	if p == (Position{}) {
		return ""
	}
	text := p.History + ":" + strconv.FormatUint(p.Version, 10)
	if p.Group != "" {
		text += ":" + base64.RawURLEncoding.EncodeToString([]byte(p.Group))
	}
	return text
}

// MarshalText returns the text form.
func (p Position) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText is the inverse of MarshalText. Returns ErrInvalid if the text is not a position.
func (p *Position) UnmarshalText(text []byte) error {
	parsed, err := ParsePosition(string(text))
	if err == nil {
		*p = parsed
	}
	return err
}

// ParsePosition is the inverse of Position.String. Returns ErrInvalid if the text is not a position.
func ParsePosition(text string) (p Position, err error) {
	if text == "" {
		return p, nil
	}
	parts := strings.Split(text, ":")
	bad := invalid(FieldPosition, "%.60q is not a position", text)
	if len(text) > maxCursor || len(parts) < 2 || len(parts) > 3 {
		return p, bad
	}
	p.History = parts[0]
	if p.Version, err = strconv.ParseUint(parts[1], 10, 64); err != nil {
		return Position{}, bad
	}
	if len(parts) == 3 {
		group, err := base64.RawURLEncoding.Strict().DecodeString(parts[2])
		if err != nil || checkGroupID(GroupID(group)) != nil {
			return Position{}, bad
		}
		p.Group = GroupID(group)
	}
	if p.String() != text {
		return Position{}, bad
	}
	return p, nil
}

// check refuses a position that no engine gives. all: it is one over all groups.
func (p Position) check(all bool) error {
	switch {
	case p == Latest():
		return nil
	case p.History == "" && (p.Version > 0 || p.Group != ""):
		return invalid(FieldPosition, "has version %d without a history", p.Version)
	case p.Group != "" && !all:
		return invalid(FieldPosition, "is one over all groups")
	}
	return nil
}
