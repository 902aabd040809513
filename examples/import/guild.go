package main

import (
	"encoding/json"
	"io/fs"
	"strconv"
	"time"

	"groupkit"
)

// A guild is the content of guild.json. Its times are those of RFC 3339.
type guild struct {
	ID          groupkit.GroupID  `json:"id"`
	Name        string            `json:"name"`
	Description string            `json:"description"`
	Owner       groupkit.UserID   `json:"owner_id"`
	Created     string            `json:"created_at"`
	MaxMembers  int               `json:"max_members"`
	Listed      bool              `json:"discoverable"`
	Roles       []json.RawMessage `json:"roles"`
	Members     []json.RawMessage `json:"members"`
	Bans        []json.RawMessage `json:"bans"`
	Channels    []json.RawMessage `json:"channels"`
}

// A guildRole is a role that the guild has made for itself.
type guildRole struct {
	ID          string `json:"id"`
	Name        string `json:"name"`
	Permissions string `json:"permissions"` // a number whose bits are the permissions
}

// What a role can do that makes its members admins: remove members, ban them, or everything.
const adminPermissions = 1<<1 | 1<<2 | 1<<3

type guildUser struct {
	ID groupkit.UserID `json:"id"`
}

type guildMember struct {
	User       guildUser `json:"user"`
	Nickname   string    `json:"nick"`
	Roles      []string  `json:"roles"`
	Joined     string    `json:"joined_at"`
	MutedUntil string    `json:"communication_disabled_until"`
}

type guildBan struct {
	User   guildUser `json:"user"`
	Reason string    `json:"reason"`
}

// readGuild reads a guild, which becomes one group. It is private unless everybody can find it.
func readGuild(files fs.FS, e *export) error {
	var g guild
	if err := decode(files, "guild/guild.json", &g); err != nil {
		return err
	}
	if !usable(&e.losses, "guild", g.ID) {
		return nil
	}
	d := newDraft(g.ID)
	e.drafts = append(e.drafts, d)
	d.group.Name = d.name(g.Name)
	d.group.Description = d.text("description", g.Description)
	d.group.Public, d.group.AllowInvites = g.Listed, !g.Listed
	d.group.MaxUsers = max(d.group.MaxUsers, g.MaxMembers)
	d.group.Created = d.rfc3339("creation", g.Created)
	if g.Owner != "" {
		d.owners = []groupkit.UserID{g.Owner}
	}
	g.addMembers(d)
	g.addBans(d)
	if n := len(g.Channels); n > 0 {
		d.lose("channels (%d): a group has no parts", n)
	}
	return nil
}

// addMembers adds the members with their roles and mutes.
func (g *guild) addMembers(d *draft) {
	admins, had := g.adminRoles(d), make(map[string]int)
	nicknames := 0
	for _, in := range entries[guildMember](&d.losses, "member", g.Members) {
		what := "joining of " + short(string(in.User.ID))
		m := groupkit.Member{User: in.User.ID, Role: groupkit.RoleMember, Joined: d.rfc3339(what, in.Joined)}
		for _, role := range in.Roles {
			if had[role]++; admins[role] {
				m.Role = groupkit.RoleAdmin
			}
		}
		if in.Nickname != "" {
			nicknames++
		}
		put(d, d.members, "member", m.User, m)
		if in.MutedUntil != "" {
			d.muteUntil(m.User, in.MutedUntil)
		}
	}
	for _, role := range entries[guildRole](&losses{}, "role", g.Roles) {
		nearest := groupkit.RoleMember
		if admins[role.ID] {
			nearest = groupkit.RoleAdmin
		}
		d.lose("role %s (members: %d): a group has no roles of its own, so it is %v", short(role.Name), had[role.ID], nearest)
	}
	if nicknames > 0 {
		d.lose("nicknames (%d): groupkit knows users by their IDs alone", nicknames)
	}
}

// adminRoles returns the roles that make admins.
func (g *guild) adminRoles(d *draft) map[string]bool {
	out := make(map[string]bool)
	for _, role := range entries[guildRole](&d.losses, "role", g.Roles) {
		bits, err := strconv.ParseUint(role.Permissions, 10, 64)
		if err != nil {
			d.lose("permissions %s of role %s: not a number", short(role.Permissions), short(role.Name))
		}
		if bits&adminPermissions != 0 {
			out[role.ID] = true
		}
	}
	return out
}

// muteUntil mutes a member until a time that has not come yet.
func (d *draft) muteUntil(user groupkit.UserID, text string) {
	until, err := time.Parse(time.RFC3339, text)
	switch {
	case err != nil:
		d.lose("mute of %s: %s is no time", short(string(user)), short(text))
		return
	case !until.After(today):
		d.lose("mute of %s: it is over", short(string(user)))
		return
	case until.After(forever):
		until = forever
	}
	put(d, d.mutes, "muted", user, groupkit.Mute{User: user, Until: until})
}

func (g *guild) addBans(d *draft) {
	for _, ban := range entries[guildBan](&d.losses, "ban", g.Bans) {
		put(d, d.blocks, "banned", ban.User.ID, groupkit.Block{User: ban.User.ID, Reason: d.text("reason", ban.Reason)})
	}
	if n := len(d.blocks); n > 0 {
		d.lose("times and authors of bans (%d): the export has none", n)
	}
}

// rfc3339 reads a time that is over.
func (d *draft) rfc3339(what, text string) time.Time {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		d.lose("time of %s: %s is no time", what, short(text))
		return time.Time{}
	}
	return d.past(what, t)
}
