package formats_test

import (
	"encoding/hex"

	"groupkit"
)

// The shapes in which the golden file keeps what was read. Their names are the test's own.
type (
	groupShape struct {
		ID                string `json:"id"`
		Name              string `json:"name"`
		Description       string `json:"description,omitempty"`
		Avatar            string `json:"avatar,omitempty"`
		Custom            string `json:"custom,omitempty"`
		Public            bool   `json:"public,omitempty"`
		MembersOnly       bool   `json:"members_only,omitempty"`
		AllowInvites      bool   `json:"allow_invites,omitempty"`
		InviteNeedConfirm bool   `json:"invite_need_confirm,omitempty"`
		MaxUsers          int    `json:"max_users"`
		Owner             string `json:"owner"`
		Members           int    `json:"members"`
		Admins            int    `json:"admins,omitempty"`
		Muted             bool   `json:"muted,omitempty"`
		Created           string `json:"created"`
		Modified          string `json:"modified"`
		Version           uint64 `json:"version"`
	}

	memberShape struct {
		User   string `json:"user"`
		Role   string `json:"role"`
		Joined string `json:"joined"`
		Admin  string `json:"admin_since,omitempty"`
	}

	// A markShape is a mute, a block, an entry of the allow list, a join request or an
	// invitation.
	markShape struct {
		Group  string `json:"group,omitempty"`
		User   string `json:"user"`
		By     string `json:"by,omitempty"`
		At     string `json:"at"`
		Until  string `json:"until,omitempty"`
		Reason string `json:"reason,omitempty"`
	}

	announcementShape struct {
		Text string `json:"text"`
		By   string `json:"by"`
		At   string `json:"at"`
	}

	fileShape struct {
		ID      string `json:"id"`
		Name    string `json:"name"`
		Size    int64  `json:"size"`
		SHA256  string `json:"sha256"`
		Owner   string `json:"owner,omitempty"`
		Created string `json:"created"`
	}

	contentShape struct {
		File   string `json:"file"`
		Bytes  int    `json:"bytes"`
		SHA256 string `json:"sha256"`
	}

	eventShape struct {
		Version uint64        `json:"version"`
		Kind    string        `json:"kind"`
		Actor   string        `json:"actor,omitempty"`
		At      string        `json:"at"`
		Reason  string        `json:"reason,omitempty"`
		Users   []string      `json:"users,omitempty"`
		Way     string        `json:"way,omitempty"`
		Until   string        `json:"until,omitempty"`
		Before  []string      `json:"before,omitempty"`
		Changes []changeShape `json:"changes,omitempty"`
		File    *fileShape    `json:"file,omitempty"`
	}

	changeShape struct {
		Field  string `json:"field"`
		Before string `json:"before,omitempty"`
		After  string `json:"after,omitempty"`
	}

	resultShape struct {
		User    string `json:"user"`
		Outcome string `json:"outcome,omitempty"`
		Until   string `json:"until,omitempty"`
		Refused string `json:"refused,omitempty"`
		About   string `json:"about,omitempty"`
	}
)

func shapeOfGroup(g groupkit.Group) groupShape {
	return groupShape{
		ID: string(g.ID), Name: g.Name, Description: g.Description, Avatar: g.Avatar, Custom: g.Custom,
		Public: g.Public, MembersOnly: g.MembersOnly, AllowInvites: g.AllowInvites, InviteNeedConfirm: g.InviteNeedConfirm,
		MaxUsers: g.MaxUsers, Owner: string(g.Owner), Members: g.MemberCount, Admins: g.AdminCount, Muted: g.Muted,
		Created: instant(g.Created), Modified: instant(g.LastModified), Version: g.Version,
	}
}

func (r *reading) shapeOfMember(m groupkit.Member) any {
	return memberShape{string(m.User), of(r, "role", roleWords, m.Role), instant(m.Joined), instant(m.AdminSince)}
}

func shapeOfMute(m groupkit.Mute) any {
	return markShape{User: string(m.User), By: string(m.By), At: instant(m.At), Until: instant(m.Until), Reason: m.Reason}
}

func shapeOfBlock(b groupkit.Block) any {
	return markShape{User: string(b.User), By: string(b.By), At: instant(b.At), Until: instant(b.Until), Reason: b.Reason}
}

func shapeOfAllowed(a groupkit.Allowed) any {
	return markShape{User: string(a.User), By: string(a.By), At: instant(a.At), Reason: a.Reason}
}

func shapeOfRequest(q groupkit.Request) any {
	return markShape{Group: string(q.Group), User: string(q.User), At: instant(q.At), Until: instant(q.Expires), Reason: q.Reason}
}

func shapeOfInvitation(i groupkit.Invitation) any {
	return markShape{
		Group: string(i.Group), User: string(i.User), By: string(i.By), At: instant(i.At), Until: instant(i.Expires), Reason: i.Reason,
	}
}

func shapeOfAnnouncement(a groupkit.Announcement) any {
	return announcementShape{a.Text, string(a.By), instant(a.At)}
}

func shapeOfFile(f groupkit.File) any {
	return fileShape{string(f.ID), f.Name, f.Size, hex.EncodeToString(f.SHA256[:]), string(f.Owner), instant(f.Created)}
}

func (r *reading) shapeOfEvent(e groupkit.Event) any {
	shape := eventShape{
		Version: e.Version, Kind: of(r, "event", eventWords, e.Kind), Actor: string(e.Actor), At: instant(e.At), Reason: e.Reason,
		Users: texts(e.Users), Way: of(r, "way", wayWords, e.Cause), Until: instant(e.Until),
	}
	for _, before := range e.Before {
		shape.Before = append(shape.Before, instant(before))
	}
	for _, c := range e.Changes {
		shape.Changes = append(shape.Changes, changeShape{of(r, "field", fieldWords, c.Field), c.Before, c.After})
	}
	if e.File != nil {
		shape.File = new(shapeOfFile(*e.File).(fileShape))
	}
	return shape
}

func (r *reading) shapeOfResult(x groupkit.Result) any {
	return resultShape{
		User: string(x.User), Outcome: of(r, "outcome", outcomeWords, x.Outcome), Until: instant(x.Until),
		Refused: r.refusal(x.Err), About: about(x.Err),
	}
}

func texts[T ~string](list []T) (out []string) {
	for _, text := range list {
		out = append(out, string(text))
	}
	return out
}

// each makes shapes of a list.
func each[T any](list []T, shape func(T) any) []any {
	out := make([]any, len(list))
	for i, value := range list {
		out[i] = shape(value)
	}
	return out
}
