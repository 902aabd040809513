package main

import (
	"bytes"
	"time"

	bolt "go.etcd.io/bbolt"

	"groupkit"
)

func (r *raw) maySpeak(group, user int) (may bool, err error) {
	err = r.db.View(func(tx *bolt.Tx) error {
		b := tx.Bucket(rawBucket)
		var space [96]byte
		var g rawGroup
		header := b.Get(r.key(space[:0], group, rawHeader, ""))
		if header == nil {
			return errNoGroup
		}
		if err := g.decode(header); err != nil {
			return err
		}
		var s rawStanding
		standing := b.Get(r.key(space[:0], group, rawMember, string(r.app.user(user))))
		if standing == nil {
			return nil // an outsider
		}
		if err := s.decode(standing); err != nil {
			return err
		}
		muted := s.until != 0 && time.Now().UnixMilli() < int64(s.until)
		silent := g.flags&rawQuiet != 0 && s.role < groupkit.RoleAdmin
		may = !muted && !silent
		return nil
	})
	return may, err
}

func (r *raw) page(group int) (members []groupkit.Member, err error) {
	err = r.db.View(func(tx *bolt.Tx) error {
		b := tx.Bucket(rawBucket)
		var space [32]byte
		if b.Get(r.key(space[:0], group, rawHeader, "")) == nil {
			return errNoGroup
		}
		prefix := r.key(space[:0], group, rawMember, "")
		members = make([]groupkit.Member, 0, groupSize)
		c := b.Cursor()
		for k, v := c.Seek(prefix); k != nil && bytes.HasPrefix(k, prefix) && len(members) < groupSize; k, v = c.Next() {
			var s rawStanding
			if err := s.decode(v); err != nil {
				return err
			}
			members = append(members, groupkit.Member{
				User: groupkit.UserID(k[len(prefix):]), Role: s.role, Joined: time.UnixMilli(int64(s.joined)).UTC(),
			})
		}
		return nil
	})
	return members, err
}

func (r *raw) joined(user int) (groups []groupkit.Group, err error) {
	err = r.db.View(func(tx *bolt.Tx) error {
		b := tx.Bucket(rawBucket)
		prefix := r.userKey(nil, string(r.app.user(user)), rawMember, noGroup)
		groups = make([]groupkit.Group, 0, travels)
		links, headers := b.Cursor(), b.Cursor()
		var space [32]byte
		for k, _ := links.Seek(prefix); k != nil && bytes.HasPrefix(k, prefix) && len(groups) < travels; k, _ = links.Next() {
			id := k[len(prefix):]
			key := append(append(append(space[:0], 'g'), id...), rawHeader)
			found, header := headers.Seek(key)
			if !bytes.Equal(found, key) {
				return errNoGroup
			}
			var g rawGroup
			if err := g.decode(header); err != nil {
				return err
			}
			groups = append(groups, g.public(id[1:]))
		}
		return nil
	})
	return groups, err
}

// public is the group as groupkit gives it.
func (g *rawGroup) public(id []byte) groupkit.Group {
	return groupkit.Group{
		ID: groupID(id), Name: string(g.name), Description: string(g.description), Avatar: string(g.avatar),
		Public: g.flags&rawPublic != 0, MembersOnly: g.flags&rawMembersOnly != 0,
		AllowInvites: g.flags&rawInvites != 0, InviteNeedConfirm: g.flags&rawConfirm != 0,
		MaxUsers: int(g.maxUsers), Owner: groupkit.UserID(g.owner), MemberCount: int(g.members), AdminCount: int(g.admins),
		Muted: g.flags&rawQuiet != 0, Created: time.UnixMilli(int64(g.created)).UTC(),
		LastModified: time.UnixMilli(int64(g.modified)).UTC(), Version: g.version,
	}
}
