package rest

import (
	"groupkit"
)

// readAnnouncement answers GET /chatgroups/{group}/announcement.
func readAnnouncement(c *call) (answer, error) {
	a, err := c.reader().Announcement(c.ctx, c.group())
	return answer{count: new(0), data: struct {
		Text string `json:"announcement"`
	}{a.Text}}, err
}

// setAnnouncement answers POST /chatgroups/{group}/announcement.
func setAnnouncement(c *call) (answer, error) {
	body, err := c.body()
	if err != nil {
		return answer{}, err
	}
	if !body.has("announcement") {
		return answer{}, noAnnouncement
	}
	text, err := body.text("announcement")
	if err != nil {
		return answer{}, err
	}
	a, err := c.writer()
	if err == nil {
		err = a.SetAnnouncement(c.ctx, c.group(), text)
	}
	return answer{data: struct {
		ID     groupkit.GroupID `json:"id"`
		Result bool             `json:"result"`
	}{c.group(), true}}, err
}
