package main

import (
	"encoding/binary"
	"time"

	"github.com/google/uuid"
	bolt "go.etcd.io/bbolt"

	"groupkit"
)

func groupID(id []byte) groupkit.GroupID { return groupkit.GroupID(uuid.UUID(id).String()) }

// maxJoined is in how many groups a user may be.
const maxJoined = 500

func (r *raw) join(group, user int) error {
	return r.db.Update(func(tx *bolt.Tx) error { return r.joinIn(tx.Bucket(rawBucket), group, user) })
}

// joinIn checks what groupkit checks of a join, and puts what groupkit puts.
func (r *raw) joinIn(b *bolt.Bucket, group, user int) error {
	name, now := string(r.app.user(user)), time.Now().UnixMilli()
	header := r.key(nil, group, rawHeader, "")
	member := r.key(nil, group, rawMember, name)
	count := r.userKey(nil, name, rawCount, noGroup)
	var g rawGroup
	value := b.Get(header)
	if value == nil {
		return errNoGroup
	}
	if err := g.decode(value); err != nil {
		return err
	}
	groups, _ := binary.Uvarint(b.Get(count))
	switch {
	case b.Get(member) != nil, b.Get(r.key(nil, group, rawOutsider, name)) != nil:
		return errRefused
	case g.flags&rawMembersOnly != 0, g.members >= g.maxUsers, groups >= maxJoined:
		return errRefused
	}
	g.members++
	g.version++
	g.modified = uint64(now)
	s := rawStanding{role: groupkit.RoleMember, joined: uint64(now)}
	event := binary.BigEndian.AppendUint64(r.key(nil, group, rawEvent, ""), g.version)
	return put(b,
		header, g.encode(),
		event, rawCall(name, now),
		member, s.encode(),
		r.userKey(nil, name, rawMember, group), []byte{},
		count, binary.AppendUvarint(nil, groups+1))
}

// put puts keys and values, which take turns.
func put(b *bolt.Bucket, pairs ...[]byte) error {
	for i := 0; i < len(pairs); i += 2 {
		if err := b.Put(pairs[i], pairs[i+1]); err != nil {
			return err
		}
	}
	return nil
}

// seed brings the application's groups into being, many in one transaction.
func (r *raw) seed() error {
	for from := 0; from < len(r.app.ids); from += seedGroups {
		err := r.db.Update(func(tx *bolt.Tx) error {
			for group := from; group < min(from+seedGroups, len(r.app.ids)); group++ {
				if err := r.create(tx.Bucket(rawBucket), group); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// create puts a group with its members, which has to be new, and its first event.
func (r *raw) create(b *bolt.Bucket, group int) error {
	a, now := r.app, uint64(time.Now().UnixMilli())
	header := r.key(nil, group, rawHeader, "")
	if b.Get(header) != nil {
		return errRefused
	}
	g := rawGroup{
		flags: rawPublic | rawConfirm, maxUsers: roomy, members: uint32(a.size(group)), created: now, modified: now, version: 2,
		owner: []byte(a.user(a.member(group, 0))), name: []byte(a.name(group)),
		description: []byte(a.description(group)), avatar: []byte(a.avatar(group)),
	}
	event := g.encode()
	for j := range a.size(group) {
		name := string(a.user(a.member(group, j)))
		s := rawStanding{role: groupkit.RoleMember, joined: now}
		if j == 0 {
			s.role = groupkit.RoleOwner
		}
		if err := r.putMember(b, group, name, &s); err != nil {
			return err
		}
		event = append(binary.AppendUvarint(event, uint64(len(name))), name...)
	}
	created := append(binary.BigEndian.AppendUint64([]byte{'c', 1}, now), a.ids[group][:]...)
	return put(b,
		header, g.encode(),
		created, []byte{},
		binary.BigEndian.AppendUint64(r.key(nil, group, rawEvent, ""), g.version), event)
}

func (r *raw) putMember(b *bolt.Bucket, group int, name string, s *rawStanding) error {
	count := r.userKey(nil, name, rawCount, noGroup)
	groups, _ := binary.Uvarint(b.Get(count))
	if groups >= maxJoined {
		return errRefused
	}
	return put(b,
		r.key(nil, group, rawMember, name), s.encode(),
		r.userKey(nil, name, rawMember, group), []byte{},
		count, binary.AppendUvarint(nil, groups+1))
}

// silence mutes whom the application wants silent.
func (r *raw) silence() error {
	return r.db.Update(func(tx *bolt.Tx) error {
		b := tx.Bucket(rawBucket)
		for group := range r.app.full() {
			if err := r.mute(b, group, string(r.app.user(r.app.member(group, mutedPlace)))); err != nil {
				return err
			}
			if !r.app.quiet(group) {
				continue
			}
			if err := r.muteGroup(b, group); err != nil {
				return err
			}
		}
		return nil
	})
}

func (r *raw) mute(b *bolt.Bucket, group int, name string) error {
	key := r.key(nil, group, rawMember, name)
	var s rawStanding
	if err := s.decode(b.Get(key)); err != nil {
		return err
	}
	s.until = uint64(forGood.UnixMilli())
	return put(b,
		key, s.encode(),
		r.key(nil, group, rawMuted, name), []byte{})
}

func (r *raw) muteGroup(b *bolt.Bucket, group int) error {
	key := r.key(nil, group, rawHeader, "")
	var g rawGroup
	if err := g.decode(b.Get(key)); err != nil {
		return err
	}
	g.flags |= rawQuiet
	return b.Put(key, g.encode())
}
