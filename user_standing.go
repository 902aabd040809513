package groupkit

import (
	"context"
	"time"

	"groupkit/store"
)

// A Standing is everything that a user is and has in one group at the time of the read. What has
// expired is not contained. A nil field means that the user has no such thing.
type Standing struct {
	User       UserID    `json:"user"`
	Role       Role      `json:"role"`                 // RoleOutsider if the user is not a member
	Joined     time.Time `json:"joined,omitzero"`      // zero if the user is not a member
	AdminSince time.Time `json:"admin_since,omitzero"` // zero if the user is not an admin

	Mute       *Mute       `json:"mute,omitzero"`
	Block      *Block      `json:"block,omitzero"`
	Allowed    *Allowed    `json:"allowed,omitzero"` // the entry on the allow list
	Request    *Request    `json:"request,omitzero"`
	Invitation *Invitation `json:"invitation,omitzero"`
}

// OpStanding is the operation of Standing.
const OpStanding Op = "read standing"

// Standing returns everything about one user in the group: the role, and the mute, block, entry on the
// allow list, join request and invitation, with their ends and reasons.
//
// Allowed: owner, admin, system. A user who can see the group can read its own standing, and so can
// a user with a pending invitation. Own standings of members and outsiders do not say who muted
// the user or put the user on the allow list: By is "".
// Returns ErrGroupNotFound, ErrNotMember or ErrRoleTooLow; see [Actor]. A user on the blacklist gets
// ErrBlacklisted, also about itself.
func (a Actor) Standing(ctx context.Context, group GroupID, user UserID) (out Standing, err error) {
	err = a.reading(ctx, OpStanding, group, checkUserID(FieldUser, user), func(r store.Reader, v *access) error {
		out = Standing{}
		st, moderator := *v.me, v.permits(moderate) == nil
		var err error
		if user == a.user {
			err = v.visibleToInvitee()
		} else if err = v.authorize(moderate); err == nil {
			st, err = loadStanding(r, group, user)
		}
		if err != nil {
			return err
		}
		renamingOf(v.head).standing(&st)
		if out = publicStanding(&entry{group: group, user: user, standing: st, now: v.now}); !moderator {
			out.hideModerators()
		}
		return nil
	})
	return out, err
}

func publicStanding(e *entry) Standing {
	m := publicMember(e)
	out := Standing{User: m.User, Role: m.Role, Joined: m.Joined, AdminSince: m.AdminSince}
	st := &e.standing
	if st.Mute.Holds(e.now) {
		out.Mute = new(muteOf(e.user, st.Mute))
	}
	if st.Block.Holds(e.now) {
		out.Block = new(blockOf(e.user, st.Block))
	}
	if st.Allow.Holds(e.now) {
		out.Allowed = new(allowedOf(e.user, st.Allow))
	}
	if st.Request.Holds(e.now) {
		out.Request = new(requestOf(e.group, e.user, st.Request))
	}
	if st.Invitation.Holds(e.now) {
		out.Invitation = new(invitationOf(e.group, e.user, st.Invitation))
	}
	return out
}

// hideModerators removes by whom the user was moderated.
func (s *Standing) hideModerators() {
	if s.Mute != nil {
		s.Mute.By = ""
	}
	if s.Allowed != nil {
		s.Allowed.By = ""
	}
}
