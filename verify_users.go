package groupkit

import (
	"bytes"
	"context"

	"groupkit/internal/key"
	"groupkit/internal/record"
	"groupkit/store"
)

// users checks one user after another, each in a transaction of its own.
func (v *verifier) users(ctx context.Context) error {
	rng := store.Prefix(key.AllUsers())
	rng.Limit = 1
	for {
		var next []byte
		err := v.view(ctx, func(r store.Reader) error {
			next = nil
			page, _, err := r.Scan(rng)
			if err != nil || len(page) == 0 {
				return storage(err)
			}
			user, _, _, err := key.CutUser(page[0].Key)
			if err != nil {
				v.unreadable(UsersAgree, "", "", "key of a user", page[0].Key, err)
				next = append(bytes.Clone(page[0].Key), 0)
				return nil
			}
			all := key.AllOfUser(user)
			next = store.PrefixEnd(all)
			return v.user(r, UserID(user), store.Prefix(all))
		})
		if err != nil || next == nil {
			return err
		}
		rng.From = next
		v.progress.now.Users++
		v.progress.step()
	}
}

// user checks the entries in the user's list of groups, and the group count.
func (v *verifier) user(r store.Reader, user UserID, all store.Range) error {
	count, joined, kept := 0, 0, false
	err := scanAll(r, all, func(page []store.Pair) error {
		for _, p := range page {
			_, kind, group, err := key.CutUser(p.Key)
			switch {
			case err != nil:
				v.unreadable(UsersAgree, "", user, "key of a user", p.Key, err)
			case kind == key.UserHeader:
				kept = true
				if count, err = record.DecodeCount(p.Value); err != nil {
					v.unreadable(UsersAgree, "", user, "group count", p.Key, err)
				}
			default:
				if kind == key.UserMember {
					joined++
				}
				if err := v.link(r, user, kind, group); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if count != joined {
		v.found(UsersAgree, "", user, "group count", "is %d, but the user is in %d groups", count, joined)
	} else if kept && joined == 0 {
		v.found(UsersAgree, "", user, "group count", "is stored, but the user is in no group")
	}
	return err
}

// link checks that an entry in the user's list of groups leads to a record of the group.
func (v *verifier) link(r store.Reader, user UserID, kind byte, group string) error {
	k := key.Standing(group, string(user), kind == key.UserMember)
	if kind == key.UserTrace {
		k = key.Of(group, key.Header)
	}
	value, ok, err := r.Get(k)
	switch {
	case err != nil:
		return storage(err)
	case !ok:
		v.found(UsersAgree, GroupID(group), user, userEntry, "has no matching record in the group")
	case kind == key.UserTrace:
		return v.trace(r, GroupID(group), user, value)
	}
	return nil
}

// trace checks that a trace leads to a log. Retention removes the log of a deleted group first;
// until then the checkpoint lists the traces that are to be removed.
func (v *verifier) trace(r store.Reader, group GroupID, user UserID, header []byte) error {
	h, err := record.DecodeHeader(header)
	if err != nil || h.State != record.Deleted || h.First <= h.Version {
		return nil // the check of the group reports a header that cannot be read
	}
	listed, err := isListed(r, string(group), string(user))
	if err == nil && !listed {
		v.found(UsersAgree, group, user, userEntry, "leads to a log that has been removed")
	}
	return err
}
