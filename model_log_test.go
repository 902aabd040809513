package groupkit_test

import (
	"groupkit"
	"slices"
	"strconv"
	"time"
)

// mayReadLog: admins may, and the system even when the group is gone.
func (w *world) mayReadLog(c caller, id groupkit.GroupID) *refusal {
	if no := c.wrong(id, true); no != nil {
		return no
	}
	if c.system && w.deleted[id] {
		return nil
	}
	_, no := w.as(c, id, groupkit.RoleAdmin)
	return no
}

// mark is when that ends which an event of the kind would replace; zero if nothing.
func (g *modelGroup) mark(u groupkit.UserID, kind groupkit.EventKind) time.Time {
	switch kind {
	case groupkit.MemberMuted:
		return g.mutes[u].Until
	case groupkit.MemberBlocked:
		return g.blocks[u].Until
	case groupkit.JoinRequested:
		return g.requests[u].Expires
	case groupkit.MemberInvited:
		return g.invitations[u].Expires
	}
	return time.Time{}
}

// apply makes the change that an event tells of.
func (g *modelGroup) apply(e groupkit.Event) {
	switch e.Kind {
	case groupkit.GroupCreated:
		g.created, g.owner = e.At, e.Users[0]
		g.set(e.Changes)
	case groupkit.GroupUpdated:
		g.set(e.Changes)
	case groupkit.OwnerChanged:
		g.owner = e.Users[0]
	case groupkit.GroupMuted, groupkit.GroupUnmuted:
		g.muted = e.Kind == groupkit.GroupMuted
	case groupkit.AnnouncementChanged:
		g.announcement = groupkit.Announcement{Text: e.Changes[0].After, By: e.Actor, At: e.At}
	case groupkit.FileAdded:
		g.files = append(g.files, modelFile{File: *e.File})
	case groupkit.FileDeleted:
		i := g.file(e.File.ID)
		g.files = slices.Delete(g.files, i, i+1)
	}
	for _, u := range e.Users {
		g.applyTo(u, e)
	}
}

func (g *modelGroup) applyTo(u groupkit.UserID, e groupkit.Event) {
	switch e.Kind {
	case groupkit.MemberJoined:
		g.joined[u] = e.At
	case groupkit.MemberLeft:
		delete(g.joined, u)
	case groupkit.AdminAdded:
		g.admins[u] = e.At
	case groupkit.AdminRemoved:
		delete(g.admins, u)
	case groupkit.JoinRequested:
		g.requests[u] = groupkit.Request{Group: g.id, User: u, At: e.At, Expires: e.Until, Reason: e.Reason}
	case groupkit.RequestApproved, groupkit.RequestDeclined, groupkit.RequestCancelled, groupkit.RequestExpired:
		delete(g.requests, u)
	case groupkit.MemberInvited:
		g.invitations[u] = groupkit.Invitation{Group: g.id, User: u, By: e.Actor, At: e.At, Expires: e.Until, Reason: e.Reason}
	case groupkit.InvitationAccepted, groupkit.InvitationDeclined, groupkit.InvitationCancelled, groupkit.InvitationExpired:
		delete(g.invitations, u)
	case groupkit.MemberBlocked:
		g.blocks[u] = groupkit.Block{User: u, Until: e.Until, By: e.Actor, At: e.At, Reason: e.Reason}
	case groupkit.MemberUnblocked, groupkit.BlockExpired:
		delete(g.blocks, u)
	case groupkit.MemberMuted:
		g.mutes[u] = groupkit.Mute{User: u, Until: e.Until, By: e.Actor, At: e.At, Reason: e.Reason}
	case groupkit.MemberUnmuted, groupkit.MuteExpired:
		delete(g.mutes, u)
	case groupkit.MemberAllowed:
		g.allowed[u] = groupkit.Allowed{User: u, By: e.Actor, At: e.At, Reason: e.Reason}
	case groupkit.MemberDisallowed:
		delete(g.allowed, u)
	}
}

func (g *modelGroup) set(changes []groupkit.Change) {
	texts := map[groupkit.Field]*string{
		groupkit.FieldName: &g.name, groupkit.FieldDescription: &g.description,
		groupkit.FieldAvatar: &g.avatar, groupkit.FieldCustom: &g.custom,
	}
	flags := map[groupkit.Field]*bool{
		groupkit.FieldPublic: &g.public, groupkit.FieldMembersOnly: &g.membersOnly,
		groupkit.FieldAllowInvites: &g.allowInvites, groupkit.FieldInviteNeedConfirm: &g.needConfirm,
	}
	for _, c := range changes {
		if text, ok := texts[c.Field]; ok {
			*text = c.After
		}
		if flag, ok := flags[c.Field]; ok {
			*flag = c.After == "true"
		}
		if c.Field == groupkit.FieldMaxUsers {
			g.maxUsers, _ = strconv.Atoi(c.After)
		}
	}
}
