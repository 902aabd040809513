package groupkit

import (
	"context"
	"time"

	"groupkit/internal/record"
	"groupkit/store"
)

// An Announcement is the one text that a group shows to its members. It is the zero value
// if no announcement was ever set.
type Announcement struct {
	Text string
	By   UserID // who set it; "" is the system
	At   time.Time
}

// The operations on the announcement.
const (
	OpSetAnnouncement  Op = "set announcement"
	OpReadAnnouncement Op = "read announcement"
)

// Announcement returns the announcement of the group.
//
// Allowed: owner, admin, member, system.
// Returns ErrGroupNotFound, ErrBlacklisted or ErrNotMember; see [Actor].
func (a Actor) Announcement(ctx context.Context, group GroupID) (out Announcement, err error) {
	err = a.reading(ctx, OpReadAnnouncement, group, nil, func(r store.Reader, v *access) error {
		if err := v.authorize(seeMembers); err != nil {
			return err
		}
		text, err := loadAnnouncement(r, group)
		out = Announcement{Text: text.Text, By: UserID(text.By), At: instant(text.At)}
		return err
	})
	return out, err
}

// SetAnnouncement sets the announcement to a text of 0 to Limits.Announcement characters
// (512 by default). The empty text clears it. Setting the current text changes nothing.
//
// Allowed: owner, admin, system.
// Returns ErrInvalid if the text is too long or is not valid UTF-8.
func (a Actor) SetAnnouncement(ctx context.Context, group GroupID, text string) error {
	_, err := a.change(ctx, setAnnouncementVerb, Command{Group: group, Text: text})
	return err
}

var setAnnouncementVerb = verb{
	op: OpSetAnnouncement, action: editProfile, needs: needs{announcement: true},
	check: func(l *Limits, c *Command) error { return checkText(FieldAnnouncement, c.Text, 0, l.Announcement) },
	rule:  (*change).setAnnouncement,
}

func (c *change) setAnnouncement() error {
	if before := c.state.announcement.Text; before != c.cmd.Text {
		change := record.Change{Field: string(FieldAnnouncement), Before: before, After: c.cmd.Text}
		c.recordEvent(record.Event{Kind: uint8(AnnouncementChanged), Changes: []record.Change{change}})
	}
	return nil
}
