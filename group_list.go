package groupkit

import (
	"bytes"
	"context"
	"encoding/base64"
	"iter"
	"slices"

	"groupkit/internal/key"
	"groupkit/internal/record"
	"groupkit/store"
)

// Groups iterates over the groups of the app, newest creation first. A group that
// exists from beginning to end is seen exactly once, whatever comes and goes.
//
// The system sees all of them, a user the public ones that do not blacklist it and
// the private ones it is in.
func (a Actor) Groups(ctx context.Context) iter.Seq2[Group, error] {
	return func(yield func(Group, error) bool) {
		for cursor, more := "", true; more; more = cursor != "" {
			var page []Group
			var err error
			if page, cursor, err = a.GroupsPage(ctx, chunk, cursor); err != nil {
				yield(Group{}, err)
				return
			}
			for _, g := range page {
				if !yield(g, nil) {
					return
				}
			}
		}
	}
}

// GroupsPage is a part of Groups: up to limit groups after the cursor, and the cursor
// of the next part, "" if there is none. The first part has the cursor ""; a limit of
// 0 stands for 10, more than 1000 is clamped. A cursor stays valid when groups come
// and go. It refuses with ErrInvalid.
func (a Actor) GroupsPage(ctx context.Context, limit int, cursor string) (page []Group, next string, err error) {
	from, err := a.checkGroupsPage(limit, cursor)
	if err != nil {
		return nil, "", wrap(OpListGroups, "", err)
	}
	if limit == 0 {
		limit = defaultPage
	}
	err = a.view(ctx, func(r store.Reader) (err error) {
		page, next, err = a.groups(r, min(limit, maxPage), from)
		return err
	})
	return page, next, wrap(OpListGroups, "", err)
}

func (a Actor) checkGroupsPage(limit int, cursor string) (from []byte, err error) {
	if err := a.checkActor(); err != nil {
		return nil, err
	}
	if limit < 0 {
		return nil, invalid(FieldLimit, "is %d (0 or more)", limit)
	}
	if cursor == "" {
		return nil, nil
	}
	from, err = base64.RawURLEncoding.DecodeString(cursor)
	if err == nil {
		_, _, err = key.CutPosition(from)
	}
	if err != nil {
		return nil, invalid(FieldCursor, "%.40q was not made by GroupsPage", cursor)
	}
	return from, nil
}

// groups collects a page: the positions in creation order that come from public and
// private groups, merged, newest first.
func (a Actor) groups(r store.Reader, limit int, from []byte) (page []Group, next string, err error) {
	var own [][]byte
	if a.user != "" {
		if own, err = ownPrivate(r, a.user); err != nil {
			return nil, "", err
		}
	}
	for len(page) < limit {
		positions, more, err := a.positions(r, limit-len(page), from, own)
		if err != nil {
			return nil, "", err
		}
		for _, p := range positions {
			g, ok, err := a.listed(r, p)
			if err != nil {
				return nil, "", err
			}
			if from = p; ok {
				page = append(page, g)
			}
		}
		if !more {
			return page, "", nil
		}
	}
	return page, base64.RawURLEncoding.EncodeToString(from), nil
}

// positions returns up to limit positions before from, and whether there are more.
func (a Actor) positions(r store.Reader, limit int, from []byte, own [][]byte) ([][]byte, bool, error) {
	all, more, err := created(r, true, limit, from)
	if err != nil {
		return nil, false, err
	}
	if a.user == "" {
		private, m, err := created(r, false, limit, from)
		if err != nil {
			return nil, false, err
		}
		all, more = append(all, private...), more || m
	}
	for _, p := range own {
		if from == nil || bytes.Compare(p, from) < 0 {
			all = append(all, p)
		}
	}
	slices.SortFunc(all, func(x, y []byte) int { return bytes.Compare(y, x) })
	if len(all) > limit {
		return all[:limit], true, nil
	}
	return all, more, nil
}

// created reads positions from the creation order.
func created(r store.Reader, public bool, limit int, from []byte) (positions [][]byte, more bool, err error) {
	prefix := key.Creation(public)
	rng := store.Prefix(prefix)
	rng.Reverse, rng.Limit = true, limit
	if from != nil {
		rng.To = append(bytes.Clone(prefix), from...)
	}
	for {
		page, m, err := r.Scan(rng)
		if err != nil {
			return nil, false, storage(err)
		}
		for _, p := range page {
			positions = append(positions, p.Key[len(prefix):])
		}
		if !m || len(page) == 0 || len(positions) >= limit {
			return positions, m, nil
		}
		rng.To, rng.Limit = page[len(page)-1].Key, limit-len(positions)
	}
}

// ownPrivate are the positions of the private groups that a user is in.
func ownPrivate(r store.Reader, user UserID) (positions [][]byte, err error) {
	err = allLinks(r, user, key.UserMember, func(links []link) error {
		return headers(r, links, func(l link, h *record.Header) {
			if !h.Public {
				positions = append(positions, key.Position(h.Created, string(l.group)))
			}
		})
	})
	return positions, err
}

// listed returns the group at a position, if the actor may see it.
func (a Actor) listed(r store.Reader, position []byte) (Group, bool, error) {
	_, id, err := key.CutPosition(position)
	if err != nil {
		return Group{}, false, err
	}
	v, err := a.look(r, GroupID(id))
	if err != nil || v.found() != nil {
		return Group{}, false, err
	}
	g, err := details(r, GroupID(id), v)
	return g, err == nil, err
}

// JoinedGroups iterates over the groups that a user is in, as a member of any role.
// Whatever the user is in from beginning to end is seen exactly once.
//
// The system and the user may. It refuses with ErrSystemOnly and ErrUserNotFound.
func (a Actor) JoinedGroups(ctx context.Context, user UserID) iter.Seq2[Group, error] {
	return eachOfUser(ctx, a, OpJoinedGroups, user, key.UserMember, joinedGroups)
}

// JoinedGroupsPage is one page of JoinedGroups.
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

// joinedPage passes over groups of a user and takes those that follow.
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

// appendGroups appends the groups behind links until there are take of them. It passes
// over the first ones, and counts skip down.
func appendGroups(r store.Reader, out []Group, links []link, skip *int, take int) ([]Group, error) {
	out = slices.Grow(out, min(len(links), take-len(out)))
	var custom []int // those with a custom text
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

// A link is an entry by which a user finds a group.
type link struct {
	group GroupID
	id    []byte // of the group, as it stands in keys
	flags int
}

// scanLinks reads a page of links, moves the range on, and reports whether there are more.
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

// headers reads the headers behind links and passes over groups that are being deleted.
// The header is one for all: fn must not keep it, and must not read.
func headers(r store.Reader, links []link, fn func(link, *record.Header)) (err error) {
	var h record.Header
	var bad error
	err = store.VisitKeys(r, headerKeys(links), func(i int, value []byte) bool {
		if value == nil {
			bad = corrupt("group %q, which a user is in, has no header", links[i].group)
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

// headerKeys are the keys of the headers behind links, in one allocation.
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

// eachOfUser iterates over what a user has in groups, part by part, like each.
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

// mayAskAbout refuses all but the system and the user itself.
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
