package key

import "bytes"

// User returns the key, or the prefix of the keys, of one kind of record of the user.
func User(user string, kind byte) []byte { return userPrefix(user, kind, 0) }

func userPrefix(user string, kind byte, more int) []byte {
	b := make([]byte, 0, 1+len(user)+2+more)
	b = append(append(b, FamilyUsers), user...)
	return append(b, 0, kind)
}

func userGroup(user string, kind byte, group string) []byte {
	return AppendGroupID(userPrefix(user, kind, idLen(group)), group)
}

// AllUsers returns the prefix of all records of all users.
func AllUsers() []byte { return []byte{FamilyUsers} }

// AllOfUser returns the prefix of all records of the user.
func AllOfUser(user string) []byte {
	return append(append([]byte{FamilyUsers}, user...), 0)
}

// UserGroup returns the key of the record that leads from the user to the group.
func UserGroup(user, group string, member bool) []byte {
	if member {
		return userGroup(user, UserMember, group)
	}
	return userGroup(user, UserOutsider, group)
}

// UserGroupTrace returns the key of the record that leads from the user to a group that
// the user was in.
func UserGroupTrace(user, group string) []byte {
	return userGroup(user, UserTrace, group)
}

// CutUser splits a key of a user. group is empty for the user's header.
func CutUser(k []byte) (user string, kind byte, group string, err error) {
	if len(k) == 0 || k[0] != FamilyUsers {
		return "", 0, "", ErrForm
	}
	name, rest, ok := bytes.Cut(k[1:], []byte{0})
	if !ok || len(name) == 0 || len(rest) == 0 {
		return "", 0, "", ErrForm
	}
	if rest[0] == UserHeader && len(rest) == 1 {
		return string(name), UserHeader, "", nil
	}
	if rest[0] != UserMember && rest[0] != UserOutsider && rest[0] != UserTrace {
		return "", 0, "", ErrForm
	}
	group, rest2, err := CutGroupID(rest[1:])
	if err != nil || len(rest2) != 0 {
		return "", 0, "", ErrForm
	}
	return string(name), rest[0], group, nil
}

// CutUserGroup returns the group ID in the key of a record that leads from a user to a
// group, as text and as encoded in keys. The text is a part of k or of the space, to which up
// to 36 bytes are appended.
func CutUserGroup(space, k []byte) (group, id []byte, err error) {
	end := bytes.IndexByte(k, 0)
	if len(k) == 0 || k[0] != FamilyUsers || end < 0 || len(k) < end+2 {
		return nil, nil, ErrForm
	}
	id = k[end+2:]
	group, rest, err := cutGroupID(space, id)
	if err != nil || len(rest) != 0 {
		return nil, nil, ErrForm
	}
	return group, id, nil
}
