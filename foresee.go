package groupkit

import (
	"slices"

	"github.com/google/uuid"

	"groupkit/internal/ahead"
	"groupkit/internal/key"
	"groupkit/store"
)

// foresee reads in one round trip what the call will probably read: everything that follows from
// its arguments alone. What depends on the group itself, such as the heir of its owner, is read
// where it is needed. It also tells the store that the call changes the group. w is nil in a dry
// run. On a store of one's own it does nothing.
func (a Actor) foresee(r store.Reader, w store.Writer, v *verb, cmd *Command) (store.Reader, error) {
	if !a.eng.shared {
		return r, nil
	}
	if w != nil {
		store.Claim(w, key.Of(string(cmd.Group), key.Header))
	}
	r = ahead.Over(r)
	return r, storage(ahead.Foresee(r, a.foreseen(v, cmd)))
}

// foreseen returns the keys that the call will probably read.
func (a Actor) foreseen(v *verb, cmd *Command) [][]byte {
	users := slices.DeleteFunc(slices.Clone(cmd.Users), func(user UserID) bool { return checkUserID(FieldUser, user) != nil })
	if a.user != "" {
		users = append(users, a.user)
	}
	group := string(cmd.Group)
	keys := key.Access(group, users...)
	if a.eng.unordered {
		keys = append(keys, key.Floor(), key.LastRemoved())
	}
	if a.key != nil {
		keys = append(keys, key.Once(string(a.user), *a.key), key.Deletion(group))
	}
	if v.needs.counts {
		for _, user := range users {
			keys = append(keys, key.User(string(user), key.UserHeader))
		}
	}
	if v.needs.total {
		keys = append(keys, key.GroupCount(), key.GroupLimit())
	}
	if v.needs.custom {
		keys = append(keys, key.Of(group, key.Custom))
	}
	if v.needs.announcement {
		keys = append(keys, key.Of(group, key.Announcement))
	}
	if v.needs.trace {
		keys = append(keys, key.UserGroupTrace(string(cmd.Users[0]), group))
	}
	if v.needs.lease {
		keys = append(keys, key.Load(group))
	}
	if v.needs.reserved {
		keys = append(keys, key.Upload(cmd.content), key.ToGo(cmd.content))
	}
	if id, err := uuid.Parse(string(cmd.File)); v.needs.file && err == nil {
		keys = append(keys, key.FileIndex(id))
	}
	return keys
}
