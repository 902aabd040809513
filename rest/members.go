package rest

import (
	"groupkit"
)

// listMembers answers GET /chatgroups/{group}/users: a page, or, if a cursor or a limit is sent, a
// part with a cursor.
func listMembers(c *call) (answer, error) {
	query := c.query()
	if query.Has("cursor") || query.Has("limit") {
		return membersFrom(c)
	}
	members, err := c.reader().MembersPage(c.ctx, c.group(), c.pageParams(maxPage))
	if err != nil {
		return answer{}, err
	}
	out := make([]affiliation, len(members))
	for i, m := range members {
		if m.Role == groupkit.RoleOwner {
			out[i].Owner = m.User
		} else {
			out[i].Member = m.User
		}
	}
	return counted(out), nil
}

// membersFrom answers with a part of the members under their roles, and with the time when they
// joined if that is asked for.
func membersFrom(c *call) (answer, error) {
	from := groupkit.From{Cursor: c.cursorParam(), Limit: c.limitParam()}
	members, next, err := c.reader().MembersFrom(c.ctx, c.group(), from)
	if err != nil {
		return answer{}, err
	}
	times := c.query().Get("joined_time") == "true"
	out := make([]affiliation, len(members))
	for i, m := range members {
		switch m.Role {
		case groupkit.RoleOwner:
			out[i].Owner = m.User
		case groupkit.RoleAdmin:
			out[i].Admin = m.User
		default:
			out[i].Member = m.User
		}
		if times {
			out[i].Joined = millis(m.Joined)
		}
	}
	a := counted(out)
	a.cursor = next
	return a, nil
}

func addMembers(a groupkit.Actor) batch    { return a.AddMembers }
func removeMembers(a groupkit.Actor) batch { return a.RemoveMembers }

// addNamedMembers answers POST /chatgroups/{group}/users/{user}.
func addNamedMembers(c *call) (answer, error) {
	users, err := c.users()
	if err != nil {
		return answer{}, err
	}
	if len(users) > 1 {
		return addListedMembers(c, users)
	}
	results, err := c.run(addMembers, users, nil)
	return c.oneOrMany("add_member", results, err)
}

// addBodyMembers answers POST /chatgroups/{group}/users.
func addBodyMembers(c *call) (answer, error) {
	users, err := c.bodyUsers()
	if err != nil {
		return answer{}, err
	}
	return addListedMembers(c, users)
}

// addListedMembers answers with those who joined.
func addListedMembers(c *call, users []groupkit.UserID) (answer, error) {
	results, err := c.run(addMembers, users, nil)
	if err != nil {
		return answer{}, err
	}
	return answer{data: struct {
		New    []groupkit.UserID `json:"newmembers"`
		Group  groupkit.GroupID  `json:"groupid"`
		Action string            `json:"action"`
	}{results.Succeeded(), c.group(), "add_member"}}, nil
}

// removeNamedMembers answers DELETE /chatgroups/{group}/users/{user}.
func removeNamedMembers(c *call) (answer, error) {
	results, err := c.runFor((*call).users, removeMembers, nil)
	return c.oneOrMany("remove_member", results, err)
}
