package escalation_test

import (
	"context"
	"fmt"
	"slices"

	"groupkit"
	"groupkit/internal/grouptest"
)

// judgeState returns what is wrong with a group after a step, whoever made it.
func (s *step) judgeState() (wrong []string) {
	g, whole := s.after.Group, s.after.whole
	say := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	roles := map[groupkit.Role]int{}
	for id, u := range s.after.Users {
		roles[u.Role]++
		member := u.Role != groupkit.RoleOutsider
		switch {
		case u.Role == groupkit.RoleOwner && (id != g.Owner || u.Mute != nil):
			say("owner %q of a group of %q, muted %v", id, g.Owner, u.Mute)
		case member && (u.Block != nil || u.Request != nil || u.Invitation != nil):
			say("member %q is blocked, asks or is invited: %+v", id, u)
		case u.Block != nil && (u.Request != nil || u.Invitation != nil || u.Allow != nil):
			say("%q is blocked, and asks, is invited or is on the allow list", id)
		case !member && u.Allow != nil:
			say("outsider %q is on the allow list", id)
		case u.Invitation != nil && u.Invitation.By != "" && !s.mayInvite(u.Invitation.By):
			say("%q was invited by %q, who may not invite", id, u.Invitation.By)
		case u.Mute != nil && u.Mute.Until.UnixMilli() > 4638873600000:
			say("%q is muted until %v", id, u.Mute.Until)
		}
	}
	members := roles[groupkit.RoleOwner] + roles[groupkit.RoleAdmin] + roles[groupkit.RoleMember]
	if roles[groupkit.RoleOwner] != 1 || whole.Group.MemberCount != members || whole.Group.AdminCount != roles[groupkit.RoleAdmin] {
		say("%d owners, %d members counted as %d, %d admins counted as %d", roles[groupkit.RoleOwner], members, whole.Group.MemberCount,
			roles[groupkit.RoleAdmin], whole.Group.AdminCount)
	}
	var before groupkit.Group
	if s.before != nil {
		before = s.before.whole.Group
	}
	if n := whole.Group.MemberCount; n > before.MemberCount && n > g.MaxUsers {
		say("the group grew to %d members of %d", n, g.MaxUsers)
	}
	if n := whole.Group.AdminCount + 1; n > before.AdminCount+1 && n > s.opts.Limits.Admins {
		say("the group grew to %d admins and owners", n)
	}
	return wrong
}

// judgeUsers compares the groups of every user with the members of every group.
func judgeUsers(eng *groupkit.Engine, groups map[groupkit.GroupID]groupkit.Snapshot) (wrong []string) {
	for _, u := range users {
		is := map[groupkit.GroupID]groupkit.Role{}
		for id, s := range groups {
			if i := slices.IndexFunc(s.Members, func(m groupkit.Member) bool { return m.User == u }); i >= 0 {
				is[id] = s.Members[i].Role
			}
		}
		joined, err := grouptest.Collect(eng.System().JoinedGroups(context.Background(), u))
		if err != nil {
			return []string{err.Error()}
		}
		for _, g := range joined {
			if role, ok := is[g.Group.ID]; !ok || role != g.Role {
				wrong = append(wrong, fmt.Sprintf("%q is listed as %v of %q", u, g.Role, g.Group.ID))
			}
		}
		if len(joined) != len(is) {
			wrong = append(wrong, fmt.Sprintf("%q is in %d groups, of which %d are listed", u, len(is), len(joined)))
		}
	}
	return wrong
}
