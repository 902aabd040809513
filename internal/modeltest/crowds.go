package modeltest

import (
	"slices"

	"groupkit"
)

// A Crowd is the users in some state in a group.
type Crowd func(*Group) []groupkit.UserID

// Anyone and the functions below are crowds.
func Anyone(*Group) []groupkit.UserID { return Users }

func TheOwner(g *Group) []groupkit.UserID { return []groupkit.UserID{g.Owner} }

func TheAdmins(g *Group) []groupkit.UserID { return keys(g.Admins) }

func TheMembers(g *Group) []groupkit.UserID { return keys(g.Joined) }

func TheOthers(g *Group) []groupkit.UserID {
	return slices.DeleteFunc(keys(g.Joined), func(u groupkit.UserID) bool { return u == g.Owner })
}

func TheBlocked(g *Group) []groupkit.UserID { return keys(g.Blocks) }

func TheMuted(g *Group) []groupkit.UserID { return keys(g.Mutes) }

func TheAllowed(g *Group) []groupkit.UserID { return keys(g.Allowed) }

func TheRequested(g *Group) []groupkit.UserID { return keys(g.Requests) }

func TheInvited(g *Group) []groupkit.UserID { return keys(g.Invitations) }

// TheInviters are those whose invitations are pending.
func TheInviters(g *Group) (list []groupkit.UserID) {
	for _, u := range keys(g.Invitations) {
		if by := g.Invitations[u].By; by != "" && !slices.Contains(list, by) {
			list = append(list, by)
		}
	}
	return list
}

// TheSharers are those whose files there are.
func TheSharers(g *Group) (list []groupkit.UserID) {
	for _, f := range g.Files {
		list = append(list, f.Owner)
	}
	return list
}

// TheMighty are the admins and the owner.
func TheMighty(g *Group) []groupkit.UserID { return append(keys(g.Admins), g.Owner) }

// TheStrangers have no part in the group yet.
func TheStrangers(g *Group) []groupkit.UserID {
	return slices.DeleteFunc(slices.Clone(Users), func(u groupkit.UserID) bool { return Has(g.Joined, u) || Has(g.Blocks, u) })
}

// TheCurious are those who might join.
func TheCurious(g *Group) []groupkit.UserID {
	if g.Public {
		return TheStrangers(g)
	}
	return TheInvited(g)
}
