package rest

import (
	"errors"

	"groupkit"
)

// A details is the description of one group. The order of the fields is the order on the wire.
type details struct {
	ID                groupkit.GroupID `json:"id"`
	Name              string           `json:"name"`
	Description       string           `json:"description"`
	MembersOnly       bool             `json:"membersonly"`
	AllowInvites      bool             `json:"allowinvites"`
	InviteNeedConfirm bool             `json:"invite_need_confirm"`
	MaxUsers          int              `json:"maxusers"`
	Owner             groupkit.UserID  `json:"owner"`
	Created           int64            `json:"created"`
	Custom            string           `json:"custom"`
	Mute              bool             `json:"mute"`
	Count             int              `json:"affiliations_count"`
	Avatar            string           `json:"avatar,omitempty"`
	Affiliations      []affiliation    `json:"affiliations"`
	Public            bool             `json:"public"`
}

// An affiliation is a user of a group under the name of the role.
type affiliation struct {
	Owner  groupkit.UserID `json:"owner,omitempty"`
	Admin  groupkit.UserID `json:"admin,omitempty"`
	Member groupkit.UserID `json:"member,omitempty"`
	Joined int64           `json:"joined_time,omitempty"`
}

// A missingGroup stands in the place of a group that does not exist.
type missingGroup struct {
	ID    groupkit.GroupID `json:"id"`
	Error string           `json:"error"`
}

// readGroups answers GET /chatgroups/{group}, which can be a list of IDs.
func readGroups(c *call) (answer, error) {
	ids := names[groupkit.GroupID](c.r.PathValue("group"))
	switch len(ids) {
	case 0:
		return readGroup(c, c.group())
	case 1:
		return readGroup(c, ids[0])
	}
	found, missing, err := c.reader().GroupDetails(c.ctx, ids)
	if err != nil {
		return answer{}, err
	}
	if len(found) == 0 {
		return answer{}, &groupkit.Error{Op: groupkit.OpGroup, Group: missing[0], Err: groupkit.ErrGroupNotFound}
	}
	return c.detailsOf(ids, found)
}

// readGroup answers for one group, and says its version.
func readGroup(c *call, id groupkit.GroupID) (answer, error) {
	g, err := c.reader().Group(c.ctx, id)
	if err != nil {
		return answer{}, err
	}
	d, err := c.details(&g)
	if err != nil {
		return answer{}, err
	}
	a := counted([]details{d})
	a.etag = c.etag(g.Version)
	return a, nil
}

// detailsOf returns the groups in the order of their IDs, and an entry in the place of each that
// is missing. It counts those that exist.
func (c *call) detailsOf(ids []groupkit.GroupID, found []groupkit.Group) (answer, error) {
	out, count := make([]any, 0, len(ids)), 0
	for _, id := range ids {
		if len(found) > 0 && found[0].ID == id {
			d, err := c.details(&found[0])
			found = found[1:]
			if err == nil {
				out, count = append(out, d), count+1
				continue
			}
			if !isMissing(err) { // else it was deleted meanwhile
				return answer{}, err
			}
		}
		out = append(out, missingGroup{id, "group id doesn't exist"})
	}
	return answer{data: out, count: &count}, nil
}

// details returns the description of a group with its members. A caller who may not see the
// members finds the owner alone.
func (c *call) details(g *groupkit.Group) (details, error) {
	d := details{
		ID: g.ID, Name: g.Name, Description: g.Description, MembersOnly: g.MembersOnly, AllowInvites: g.AllowInvites,
		InviteNeedConfirm: g.InviteNeedConfirm, MaxUsers: g.MaxUsers, Owner: g.Owner, Created: millis(g.Created),
		Custom: g.Custom, Mute: g.Muted, Count: g.MemberCount, Avatar: g.Avatar, Public: g.Public,
		Affiliations: make([]affiliation, 0, min(g.MemberCount, maxPage)),
	}
	owner, err := d.readMembers(c, g)
	if errors.Is(err, groupkit.ErrNotMember) || g.Version == 0 && isMissing(err) { // an outsider, or one who is invited
		err = nil
	} else if err == nil {
		d.Count = len(d.Affiliations) + 1
	}
	if owner != "" {
		d.Affiliations = append(d.Affiliations, affiliation{Owner: owner})
	}
	return d, err
}

// readMembers appends all members but the owner, and returns the owner.
func (d *details) readMembers(c *call, g *groupkit.Group) (owner groupkit.UserID, err error) {
	owner = g.Owner
	from := groupkit.From{Limit: min(max(g.MemberCount, 1), maxPage)} // room is made for so many
	for {
		page, next, err := c.reader().MembersFrom(c.ctx, g.ID, from)
		if err != nil {
			return owner, err
		}
		for i := range page {
			if page[i].Role == groupkit.RoleOwner {
				owner = page[i].User
			} else {
				d.Affiliations = append(d.Affiliations, affiliation{Member: page[i].User})
			}
		}
		if from.Cursor = next; next == "" {
			return owner, nil
		}
	}
}
