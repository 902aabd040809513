package rest

import (
	"groupkit"
)

// listAllowed answers GET /chatgroups/{group}/white/users.
func listAllowed(c *call) (answer, error) {
	return listed(c, c.reader().AllowListFrom, func(a *groupkit.Allowed) groupkit.UserID { return a.User })
}

func allow(a groupkit.Actor) batch    { return a.AllowUsers }
func disallow(a groupkit.Actor) batch { return a.DisallowUsers }

// addNamedAllowed answers POST /chatgroups/{group}/white/users/{user}.
func addNamedAllowed(c *call) (answer, error) {
	results, err := c.runFor((*call).users, allow, nil)
	return c.oneOrMany("add_user_whitelist", results, err)
}

// addBodyAllowed answers POST /chatgroups/{group}/white/users.
func addBodyAllowed(c *call) (answer, error) {
	results, err := c.runFor((*call).bodyUsers, allow, nil)
	return c.many("add_user_whitelist", results, err)
}

// removeAllowed answers DELETE /chatgroups/{group}/white/users/{user}.
func removeAllowed(c *call) (answer, error) {
	results, err := c.runFor((*call).users, disallow, nil)
	return c.many("remove_user_whitelist", results, err)
}
