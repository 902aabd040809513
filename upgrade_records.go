package groupkit

import (
	"groupkit/internal/key"
	"groupkit/internal/record"
	"groupkit/store"
)

// convert returns the records that replace an old one. It decodes every record: a seal must not
// make a damaged record look sound.
func (u *upgrade) convert(p store.Pair) ([]store.Pair, error) {
	k := key.FromFormat1(p.Key)
	switch k[0] {
	case key.FamilyGroups:
		return u.convertOfGroup(k, p.Value)
	case key.FamilyUsers:
		return convertOfUser(k, p.Value)
	case key.FamilyExpiries: // standingPairs makes the entry anew
		_, _, _, _, err := key.CutExpiry(k)
		return nil, requireForm(err, len(p.Value) == 0)
	}
	return []store.Pair{{Key: k, Value: p.Value}}, checkOther1(k, p.Value)
}

// convertOfGroup converts a record of a group. A call gets a number in the order of commits:
// calls of format 1 have none, so the order is that of the groups, and of the log in each.
func (u *upgrade) convertOfGroup(k, value []byte) ([]store.Pair, error) {
	group, kind, rest, err := key.CutGroup(k)
	if err != nil {
		return nil, err
	}
	if kind != key.Events {
		return u.group.convert(kind, rest, value)
	}
	last, err := lastVersion(k)
	if err != nil {
		return nil, err
	}
	call, err := u.group.convertCall(value)
	if err != nil {
		return nil, err
	}
	u.last++
	call.Commit = u.last
	return append(commitPairs(group, last, &call), store.Pair{Key: k, Value: call.Encode()}), nil
}

// convertOfUser converts a record of a user. standingPairs makes anew what leads to groups.
func convertOfUser(k, value []byte) ([]store.Pair, error) {
	_, kind, _, err := key.CutUser(k)
	if err != nil {
		return nil, err
	}
	if kind == key.UserTrace {
		err = requireForm(nil, len(value) == 0)
	} else {
		_, err = record.DecodeCount(value)
	}
	if err != nil || kind == key.UserMember || kind == key.UserOutsider {
		return nil, err
	}
	return []store.Pair{{Key: k, Value: value}}, nil
}
