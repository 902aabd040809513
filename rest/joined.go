package rest

import (
	"math"

	"groupkit"
)

// A namedGroup is an entry of the list of a user's groups and of the public groups.
type namedGroup struct {
	ID   groupkit.GroupID `json:"groupid"`
	Name string           `json:"groupname"`
}

// listJoined answers GET /users/{user}/joined_chatgroups: a page if one is asked for, else all.
func listJoined(c *call) (answer, error) {
	query := c.query()
	out := []namedGroup{}
	if query.Has("pagenum") || query.Has("pagesize") {
		groups, err := c.reader().JoinedGroupsPage(c.ctx, c.user(), c.pageParams(defaultPage))
		for i := range groups {
			out = append(out, namedGroup{groups[i].ID, groups[i].Name})
		}
		return counted(out), err
	}
	for g, err := range c.reader().JoinedGroups(c.ctx, c.user()) {
		if err != nil {
			return answer{}, err
		}
		out = append(out, namedGroup{g.ID, g.Name})
	}
	return counted(out), nil
}

// A standing is an entry of the groups of a user with the user's role.
type standing struct {
	ID           groupkit.GroupID `json:"groupId"`
	Name         string           `json:"name"`
	Owner        groupkit.UserID  `json:"owner"`
	Description  string           `json:"description"`
	Public       bool             `json:"public"`
	MembersOnly  bool             `json:"membersonly"`
	AllowInvites bool             `json:"allowinvites"`
	MaxUsers     int              `json:"maxusers"`
	Count        int              `json:"affiliations_count"`
	Permission   string           `json:"permission"` // owner, admin or member
	Disabled     bool             `json:"disabled"`   // always false
	Created      int64            `json:"created"`
}

// The pages of GET /chatgroups/user/{user}, which count from 0.
const (
	standingPage    = 5
	maxStandingPage = 20
)

// listStandings answers GET /chatgroups/user/{user}.
func listStandings(c *call) (answer, error) {
	size := c.numberParam("pagesize", 1, standingPage, maxStandingPage)
	page := c.numberParam("pagenum", 0, 0, math.MaxInt/maxStandingPage-1)
	first, total, entities := page*size, 0, []any{}
	for g, err := range c.reader().JoinedGroups(c.ctx, c.user()) {
		if err != nil {
			return answer{}, err
		}
		if total >= first && len(entities) < size {
			entities = append(entities, standing{
				ID: g.ID, Name: g.Name, Owner: g.Owner, Description: g.Description, Public: g.Public,
				MembersOnly: g.MembersOnly, AllowInvites: g.AllowInvites, MaxUsers: g.MaxUsers,
				Count: g.MemberCount, Permission: g.Role.String(), Created: millis(g.Created),
			})
		}
		total++
	}
	return answer{entities: entities, total: &total}, nil
}

// examined is how many groups one request for public groups reads at most. A page can therefore
// have less entries than asked for, and a cursor.
const examined = 10 * maxPage

// listPublic answers GET /publicchatgroups.
func listPublic(c *call) (answer, error) {
	limit, cursor, out := c.limitParam(), c.cursorParam(), []namedGroup{}
	for read := 0; len(out) < limit && read < examined; {
		groups, next, err := c.reader().GroupsPage(c.ctx, limit-len(out), cursor)
		if err != nil {
			return answer{}, err
		}
		for i := range groups {
			if groups[i].Public {
				out = append(out, namedGroup{groups[i].ID, groups[i].Name})
			}
		}
		read += max(len(groups), examined/maxPage)
		if cursor = next; next == "" {
			break
		}
	}
	a := counted(out)
	a.cursor = cursor
	return a, nil
}
