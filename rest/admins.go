package rest

import (
	"groupkit"
)

// listAdmins answers GET /chatgroups/{group}/admin.
func listAdmins(c *call) (answer, error) {
	return listed(c, c.reader().AdminsFrom, func(m *groupkit.Member) groupkit.UserID { return m.User })
}

// addAdmin answers POST /chatgroups/{group}/admin.
func addAdmin(c *call) (answer, error) {
	body, err := c.body()
	if err != nil {
		return answer{}, err
	}
	user, err := body.filled("newadmin")
	if err != nil {
		return answer{}, err
	}
	a, err := c.writer()
	if err == nil {
		err = a.AddAdmin(c.ctx, c.group(), groupkit.UserID(user))
	}
	return answer{data: struct {
		Result string `json:"result"`
		User   string `json:"newadmin"`
	}{"success", user}}, err
}

// removeAdmin answers DELETE /chatgroups/{group}/admin/{user}.
func removeAdmin(c *call) (answer, error) {
	a, err := c.writer()
	if err == nil {
		err = a.RemoveAdmin(c.ctx, c.group(), c.user())
	}
	return answer{data: struct {
		Result string          `json:"result"`
		User   groupkit.UserID `json:"oldadmin"`
	}{"success", c.user()}}, err
}
