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
	Text string    `json:"text,omitzero"`
	By   UserID    `json:"by,omitzero"` // who set it; "" is the system
	At   time.Time `json:"at,omitzero"`
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
		out = Announcement{}
		if err := v.authorize(seeMembers); err != nil {
			return err
		}
		text, err := loadAnnouncement(r, group, v.head)
		out = Announcement{Text: text.Text, By: UserID(text.By), At: instant(text.At)}
		return err
	})
	return out, err
}

// SetAnnouncement sets the announcement to a text of 0 to Limits.Announcement characters
// (512 by default). The empty text clears it. Setting the current text changes nothing and is
// never refused.
//
// Allowed: owner, admin, system.
// Returns ErrInvalid if the text is too long, is not valid UTF-8 or contains control characters
// other than line breaks and tabs.
func (a Actor) SetAnnouncement(ctx context.Context, group GroupID, text string) error {
	_, err := a.change(ctx, setAnnouncementVerb, Command{Group: group, Text: text})
	return err
}

var setAnnouncementVerb = verb{
	op: OpSetAnnouncement, action: editProfile, needs: needs{announcement: true}, rule: (*change).setAnnouncement,
}

func (c *change) setAnnouncement() error {
	before := c.state.announcement.Text
	if before == c.cmd.Text {
		return nil
	}
	if err := checkText(FieldAnnouncement, c.cmd.Text, c.limits.Announcement); err != nil {
		return err
	}
	change := record.Change{Field: string(FieldAnnouncement), Before: before, After: c.cmd.Text}
	c.recordEvent(record.Event{Kind: uint8(AnnouncementChanged), Changes: []record.Change{change}})
	return nil
}
