package modeltest

import (
	"slices"
	"strconv"
	"time"

	"groupkit"
)

// MayReadLog: admins may, and the system even when the group is gone.
func (w *World) MayReadLog(c Caller, id groupkit.GroupID) *Refusal {
	if no := c.wrong(id, true); no != nil {
		return no
	}
	if c.System && w.Deleted[id] {
		return nil
	}
	_, no := w.as(c, id, groupkit.RoleAdmin)
	return no
}

// EndOf is when that ends which an event of the kind would replace; zero if nothing.
func (g *Group) EndOf(u groupkit.UserID, kind groupkit.EventKind) time.Time {
	switch kind {
	case groupkit.MemberMuted:
		return g.Mutes[u].Until
	case groupkit.MemberBlocked:
		return g.Blocks[u].Until
	case groupkit.JoinRequested:
		return g.Requests[u].Expires
	case groupkit.MemberInvited:
		return g.Invitations[u].Expires
	}
	return time.Time{}
}

// Apply makes the change that an event tells of.
func (g *Group) Apply(e groupkit.Event) {
	switch e.Kind {
	case groupkit.GroupCreated:
		g.Created, g.Owner = e.At, e.Users[0]
		g.set(e.Changes)
	case groupkit.GroupUpdated:
		g.set(e.Changes)
	case groupkit.OwnerChanged:
		g.Owner = e.Users[0]
	case groupkit.GroupMuted, groupkit.GroupUnmuted:
		g.Muted = e.Kind == groupkit.GroupMuted
	case groupkit.AnnouncementChanged:
		g.Announcement = groupkit.Announcement{Text: e.Changes[0].After, By: e.Actor, At: e.At}
	case groupkit.FileAdded:
		g.Files = append(g.Files, File{File: *e.File})
	case groupkit.FileDeleted:
		i := g.FileIndex(e.File.ID)
		g.Files = slices.Delete(g.Files, i, i+1)
	}
	for _, u := range e.Users {
		g.applyTo(u, e)
	}
}

func (g *Group) applyTo(u groupkit.UserID, e groupkit.Event) {
	switch e.Kind {
	case groupkit.MemberJoined:
		g.Joined[u] = e.At
	case groupkit.MemberLeft:
		delete(g.Joined, u)
	case groupkit.AdminAdded:
		g.Admins[u] = e.At
	case groupkit.AdminRemoved:
		delete(g.Admins, u)
	case groupkit.JoinRequested:
		g.Requests[u] = groupkit.Request{Group: g.ID, User: u, At: e.At, Expires: e.Until, Reason: e.Reason}
	case groupkit.RequestApproved, groupkit.RequestDeclined, groupkit.RequestCancelled, groupkit.RequestExpired:
		delete(g.Requests, u)
	case groupkit.MemberInvited:
		g.Invitations[u] = groupkit.Invitation{Group: g.ID, User: u, By: e.Actor, At: e.At, Expires: e.Until, Reason: e.Reason}
	case groupkit.InvitationAccepted, groupkit.InvitationDeclined, groupkit.InvitationCancelled, groupkit.InvitationExpired:
		delete(g.Invitations, u)
	case groupkit.MemberBlocked:
		g.Blocks[u] = groupkit.Block{User: u, Until: e.Until, By: e.Actor, At: e.At, Reason: e.Reason}
	case groupkit.MemberUnblocked, groupkit.BlockExpired:
		delete(g.Blocks, u)
	case groupkit.MemberMuted:
		g.Mutes[u] = groupkit.Mute{User: u, Until: e.Until, By: e.Actor, At: e.At, Reason: e.Reason}
	case groupkit.MemberUnmuted, groupkit.MuteExpired:
		delete(g.Mutes, u)
	case groupkit.MemberAllowed:
		g.Allowed[u] = groupkit.Allowed{User: u, By: e.Actor, At: e.At, Reason: e.Reason}
	case groupkit.MemberDisallowed:
		delete(g.Allowed, u)
	}
}

func (g *Group) set(changes []groupkit.Change) {
	texts := map[groupkit.Field]*string{
		groupkit.FieldName: &g.Name, groupkit.FieldDescription: &g.Description,
		groupkit.FieldAvatar: &g.Avatar, groupkit.FieldCustom: &g.Custom,
	}
	flags := map[groupkit.Field]*bool{
		groupkit.FieldPublic: &g.Public, groupkit.FieldMembersOnly: &g.MembersOnly,
		groupkit.FieldAllowInvites: &g.AllowInvites, groupkit.FieldInviteNeedConfirm: &g.NeedConfirm,
	}
	for _, c := range changes {
		if text, ok := texts[c.Field]; ok {
			*text = c.After
		}
		if flag, ok := flags[c.Field]; ok {
			*flag = c.After == "true"
		}
		if c.Field == groupkit.FieldMaxUsers {
			g.MaxUsers, _ = strconv.Atoi(c.After)
		}
	}
}
