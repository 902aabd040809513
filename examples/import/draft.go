package main

import (
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"groupkit"
)

// A draft is a group on its way from an export into the engine. Whoever reads an export puts in what it says. The
// draft takes what a group can have, and notes the rest. When finish has run, it breaks no rule of groups.
type draft struct {
	group        groupkit.Group
	announcement groupkit.Announcement
	members      map[groupkit.UserID]groupkit.Member
	mutes        map[groupkit.UserID]groupkit.Mute
	blocks       map[groupkit.UserID]groupkit.Block
	requests     map[groupkit.UserID]groupkit.Request
	invitations  map[groupkit.UserID]groupkit.Invitation
	owners       []groupkit.UserID // who the owner could be; the first one who is a member is
	losses
}

// usualSize is the MaxUsers of groups that are not larger: where they come from they had no such limit.
const usualSize = 200

// forever is the end of a mute that has no end.
var forever = time.Date(2116, 12, 31, 16, 0, 0, 0, time.UTC)

// newDraft returns a draft without members. InviteNeedConfirm is as it is in new groups.
func newDraft(id groupkit.GroupID) *draft {
	return &draft{
		group:       groupkit.Group{ID: id, Version: 1, MaxUsers: usualSize, InviteNeedConfirm: true},
		members:     make(map[groupkit.UserID]groupkit.Member),
		mutes:       make(map[groupkit.UserID]groupkit.Mute),
		blocks:      make(map[groupkit.UserID]groupkit.Block),
		requests:    make(map[groupkit.UserID]groupkit.Request),
		invitations: make(map[groupkit.UserID]groupkit.Invitation),
	}
}

// put puts a user on a list, once.
func put[T any](d *draft, list map[groupkit.UserID]T, what string, user groupkit.UserID, entry T) {
	if !usable(&d.losses, what, user) {
		return
	}
	if _, twice := list[user]; twice {
		d.lose("%s %q: is there twice, and the first one counts", what, user)
		return
	}
	list[user] = entry
}

// name returns the name of the group. Load takes names that are longer than Limits.Name.
func (d *draft) name(text string) string {
	out := strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, text))
	if !strings.ContainsFunc(out, func(r rune) bool { return unicode.In(r, unicode.L, unicode.N, unicode.P, unicode.S) }) {
		d.lose("name %s: it has nothing to read, so the ID is the name", short(text))
		return "group " + string(d.group.ID)
	}
	if out != text {
		d.lose("name %s: a name has one line and no control characters", short(text))
	}
	if n := utf8.RuneCountInString(out); n > 128 {
		d.lose("name %s: it stays, but has %d characters; a new name can have 128", short(out), n)
	}
	return out
}

// text returns a text of any number of lines.
func (d *draft) text(what, text string) string {
	out := strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && !strings.ContainsRune("\n\r\t", r) {
			return -1
		}
		return r
	}, text)
	if out != text {
		d.lose("%s: a text has no control characters", what)
	}
	return out
}

// past returns a time that is over. A time in the future would make all later events of the group as late.
func (d *draft) past(what string, t time.Time) time.Time {
	t = t.UTC().Truncate(time.Millisecond)
	if !t.After(time.Unix(0, 0)) || t.After(today) {
		d.lose("time of %s: not between 1970 and today", what)
		return time.Time{}
	}
	return t
}

// author returns who did something. The system has done what nobody is known to have done.
func (d *draft) author(what string, user groupkit.UserID) groupkit.UserID {
	if user == "" || !usable(&d.losses, what+" by", user) {
		return ""
	}
	return user
}
