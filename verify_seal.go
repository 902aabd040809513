package groupkit

import (
	"context"

	"groupkit/internal/key"
	"groupkit/store"
)

// view runs fn on a snapshot. A record whose seal is broken is reported, and left out.
// What is found counts only if it is found in the last run of fn.
func (v *verifier) view(ctx context.Context, fn func(store.Reader) error) error {
	before := v.report
	v.lately = nil
	return v.eng.viewSkipping(ctx, nil, v.seal, func(r store.Reader) error {
		v.report = before
		for _, k := range v.lately {
			delete(v.unsealed, k)
		}
		v.lately = nil
		return fn(r)
	})
}

// seal reports a record whose seal is broken, the first time that it is read. Once the list of violations is
// full it is not remembered any more.
func (v *verifier) seal(k []byte, err error) {
	if v.unsealed[string(k)] {
		return
	}
	if v.whole || len(v.unsealed) < mostListed {
		v.unsealed[string(k)] = true
		v.lately = append(v.lately, string(k))
	}
	group, user, what := recordOf(k)
	v.unreadable(ViewsAgree, GroupID(group), UserID(user), what, k, err)
}

// recordOf names the record with the key. It also names its group and its user, if the key
// contains them.
func recordOf(k []byte) (group, user, what string) {
	if group, kind, rest, err := key.CutGroup(k); err == nil {
		if kind == key.Members || kind == key.Outsiders {
			user = string(rest)
		}
		return group, user, recordName(kind)
	}
	if user, kind, group, err := key.CutUser(k); err == nil {
		if kind == key.UserHeader {
			return "", user, "group count"
		}
		return group, user, userEntry
	}
	return "", "", "record"
}
