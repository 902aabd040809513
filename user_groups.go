package groupkit

import (
	"context"
	"iter"
	"slices"

	"groupkit/internal/key"
	"groupkit/internal/record"
	"groupkit/store"
)

// The operation of JoinedGroups.
const OpJoinedGroups Op = "list joined groups"

// JoinedGroups iterates over the groups of which the user is a member, in any role. A
// group that the user is in throughout is seen exactly once.
//
// Allowed: the user, system. Returns ErrSystemOnly if the actor is another user,
// ErrUserNotFound if Options.UserExists does not know the user.
func (a Actor) JoinedGroups(ctx context.Context, user UserID) iter.Seq2[Group, error] {
	return eachOfUser(ctx, a, OpJoinedGroups, user, key.UserMember, joinedGroups)
}

// JoinedGroupsPage returns one page of JoinedGroups. Its permissions and errors are those
// of JoinedGroups, and ErrInvalid if the page is not valid.
func (a Actor) JoinedGroupsPage(ctx context.Context, user UserID, page Page) ([]Group, error) {
	skip, take, err := page.window(maxPage)
	if err == nil {
		err = a.mayAskAbout(ctx, user)
	}
	if err != nil {
		return nil, wrap(OpJoinedGroups, "", err)
	}
	var out []Group
	err = a.view(ctx, func(r store.Reader) (err error) {
		out, err = joinedPage(r, user, skip, take)
		return err
	})
	return out, wrap(OpJoinedGroups, "", err)
}

// joinedPage skips groups of a user and takes the next ones.
func joinedPage(r store.Reader, user UserID, skip, take int) (out []Group, err error) {
	rng := store.Prefix(key.User(string(user), key.UserMember))
	rng.Limit = chunk
	if skip == 0 {
		rng.Limit = take
	}
	for more := true; more && len(out) < take; {
		links, m, err := scanLinks(r, &rng)
		if err != nil {
			return nil, err
		}
		more = m
		if out, err = appendGroups(r, out, links, &skip, take); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func joinedGroups(r store.Reader, links []link) (out []Group, err error) {
	return appendGroups(r, nil, links, new(int), len(links))
}

// appendGroups appends the groups of links until out has take groups. It skips the first
// ones and decrements skip for each.
func appendGroups(r store.Reader, out []Group, links []link, skip *int, take int) ([]Group, error) {
	out = slices.Grow(out, min(len(links), take-len(out)))
	var custom []int // indexes in out of groups with a custom text
	err := headers(r, links, func(l link, h *record.Header) {
		switch {
		case *skip > 0:
			*skip--
		case len(out) < take:
			if h.HasCustom {
				custom = append(custom, len(out))
			}
			out = append(out, publicGroup(l.group, h, ""))
		}
	})
	if err != nil || len(custom) == 0 {
		return out, err
	}
	keys := make([][]byte, len(custom))
	for i, n := range custom {
		keys[i] = key.Of(string(out[n].ID), key.Custom)
	}
	err = store.VisitKeys(r, keys, func(i int, value []byte) bool {
		out[custom[i]].Custom = string(value)
		return true
	})
	return out, storage(err)
}

// A link is a record that leads from a user to a group.
type link struct {
	group GroupID
	id    []byte // the group ID as encoded in keys
	flags int
}

// scanLinks reads a page of links, advances the range, and reports whether more follow.
func scanLinks(r store.Reader, rng *store.Range) (links []link, more bool, err error) {
	var last, ids []byte
	var bad error
	links = make([]link, 0, min(rng.PageSize(), 64))
	more, err = store.Visit(r, *rng, func(k, value []byte) bool {
		last = append(last[:0], k...)
		group, id, err := key.CutUserGroup(k)
		if bad = err; err != nil {
			return false
		}
		flags, err := record.DecodeCount(value)
		if bad = err; err != nil {
			return false
		}
		ids = append(ids, id...)
		links = append(links, link{GroupID(group), ids[len(ids)-len(id) : len(ids) : len(ids)], flags})
		return true
	})
	if err != nil {
		return nil, false, storage(err)
	}
	if bad != nil {
		return nil, false, bad
	}
	if more {
		rng.From = append(last, 0)
	}
	return links, more, nil
}

// allLinks reads all links of a kind within one transaction.
func allLinks(r store.Reader, user UserID, kind byte, fn func([]link) error) error {
	rng := store.Prefix(key.User(string(user), kind))
	for more := true; more; {
		links, m, err := scanLinks(r, &rng)
		if err == nil {
			err = fn(links)
		}
		if err != nil {
			return err
		}
		more = m
	}
	return nil
}

// headers reads the headers of the linked groups and skips groups that are being deleted.
// It reuses one header: fn must not keep it, and must not read from r.
func headers(r store.Reader, links []link, fn func(link, *record.Header)) (err error) {
	var h record.Header
	var bad error
	err = store.VisitKeys(r, headerKeys(links), func(i int, value []byte) bool {
		if value == nil {
			bad = corrupt("group %q has a member, but no header", links[i].group)
			return false
		}
		if h, bad = record.DecodeHeader(value); bad == nil && h.State == record.Live {
			fn(links[i], &h)
		}
		return bad == nil
	})
	if err != nil {
		return storage(err)
	}
	return bad
}

// headerKeys returns the keys of the headers of the linked groups, in one allocation.
func headerKeys(links []link) [][]byte {
	size := 0
	for _, l := range links {
		size += len(l.id) + 2
	}
	keys, space := make([][]byte, len(links)), make([]byte, 0, size)
	for i, l := range links {
		start := len(space)
		space = key.AppendHeader(space, l.id)
		keys[i] = space[start:len(space):len(space)]
	}
	return keys
}

// eachOfUser iterates over the links of a user, part by part, like each.
func eachOfUser[T any](ctx context.Context, a Actor, op Op, user UserID, kind byte, items func(store.Reader, []link) ([]T, error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		if err := a.mayAskAbout(ctx, user); err != nil {
			yield(none, wrap(op, "", err))
			return
		}
		rng := store.Prefix(key.User(string(user), kind))
		rng.Limit = chunk
		for more := true; more; {
			var out []T
			err := a.view(ctx, func(r store.Reader) error {
				links, m, err := scanLinks(r, &rng)
				if err != nil {
					return err
				}
				more = m
				out, err = items(r, links)
				return err
			})
			if err != nil {
				yield(none, wrap(op, "", err))
				return
			}
			for _, item := range out {
				if !yield(item, nil) {
					return
				}
			}
		}
	}
}

// mayAskAbout refuses every actor except the system and the user.
func (a Actor) mayAskAbout(ctx context.Context, user UserID) error {
	if err := a.checkActor(); err != nil {
		return err
	}
	if err := checkUserID(FieldUser, user); err != nil {
		return err
	}
	if a.user != "" && a.user != user {
		return about(a.user, ErrSystemOnly)
	}
	if a.eng.opts.UserExists != nil {
		if ok, err := a.eng.opts.UserExists(ctx, user); err != nil {
			return about(user, err)
		} else if !ok {
			return about(user, ErrUserNotFound)
		}
	}
	return nil
}
