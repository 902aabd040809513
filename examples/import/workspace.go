package main

import (
	"encoding/json"
	"io/fs"
	"path"
	"time"

	"groupkit"
)

// A channel is an entry of channels.json. Its times are seconds since 1970.
type channel struct {
	ID       groupkit.GroupID  `json:"id"`
	Name     string            `json:"name"`
	Created  int64             `json:"created"`
	Creator  groupkit.UserID   `json:"creator"`
	Archived bool              `json:"is_archived"`
	Members  []groupkit.UserID `json:"members"`
	Topic    channelText       `json:"topic"`
	Purpose  channelText       `json:"purpose"`
}

type channelText struct {
	Value   string          `json:"value"`
	Creator groupkit.UserID `json:"creator"`
	LastSet int64           `json:"last_set"`
}

// An account is an entry of users.json.
type account struct {
	ID      groupkit.UserID `json:"id"`
	Deleted bool            `json:"deleted"`
	Admin   bool            `json:"is_admin"` // of the whole workspace
}

// readWorkspace reads the channels and users of a workspace. Each channel becomes a public group.
func readWorkspace(files fs.FS, e *export) error {
	var channels, users []json.RawMessage
	if err := decode(files, "workspace/channels.json", &channels); err != nil {
		return err
	}
	if err := decode(files, "workspace/users.json", &users); err != nil {
		return err
	}
	accounts := make(map[groupkit.UserID]account)
	for _, a := range entries[account](&e.losses, "user", users) {
		if _, twice := accounts[a.ID]; twice {
			e.lose("user %s: is there twice, and the first one counts", short(string(a.ID)))
			continue
		}
		accounts[a.ID] = a
	}
	for _, c := range entries[channel](&e.losses, "channel", channels) {
		if usable(&e.losses, "channel", c.ID) {
			e.drafts = append(e.drafts, c.draft(accounts))
		}
	}
	messages, err := fs.Glob(files, "workspace/*/*.json")
	for _, file := range messages {
		e.lose("%s: groupkit keeps no messages", path.Base(path.Dir(file))+"/"+path.Base(file))
	}
	return err
}

func (c *channel) draft(accounts map[groupkit.UserID]account) *draft {
	d := newDraft(c.ID)
	d.group.Public = true
	d.group.Name = d.name(c.Name)
	d.group.Description = d.text("purpose", c.Purpose.Value)
	d.group.Created = d.past("creation", time.Unix(c.Created, 0))
	if c.Creator != "" {
		d.owners = []groupkit.UserID{c.Creator}
	}
	if c.Archived {
		d.lose("archived: no group can be, so it is muted, and only its owner and admins can speak")
		d.group.Muted = true
	}
	c.addMembers(d, accounts)
	if text := d.text("topic", c.Topic.Value); text != "" {
		d.announcement = groupkit.Announcement{
			Text: text, By: d.author("topic", c.Topic.Creator), At: d.past("topic", time.Unix(c.Topic.LastSet, 0)),
		}
	}
	return d
}

// addMembers adds the members who have an account. Who administers the workspace is an admin of each group.
func (c *channel) addMembers(d *draft, accounts map[groupkit.UserID]account) {
	for _, user := range c.Members {
		a, known := accounts[user]
		switch {
		case !known:
			d.lose("member %s: is not in users.json", short(string(user)))
			continue
		case a.Deleted:
			d.lose("member %q: the account is deleted", user)
			continue
		}
		role := groupkit.RoleMember
		if a.Admin {
			role = groupkit.RoleAdmin
		}
		put(d, d.members, "member", user, groupkit.Member{User: user, Role: role})
	}
	if len(d.members) > 0 {
		d.lose("joining dates of members (%d): the export has none", len(d.members))
	}
}
