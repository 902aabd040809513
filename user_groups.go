package groupkit

import (
	"cmp"
	"context"
	"iter"
	"slices"

	"groupkit/internal/ahead"
	"groupkit/internal/key"
	"groupkit/internal/record"
	"groupkit/store"
)

// The operation of JoinedGroups.
const OpJoinedGroups Op = "list joined groups"

// A JoinedGroup is a group of a user, with the user's membership in it.
type JoinedGroup struct {
	Group
	Role Role `json:"role"`
}

// JoinedGroups iterates over the groups of which the user is a member, in any role. A
// group that the user is in throughout is seen exactly once.
//
// Allowed: the user, system. Returns ErrSystemOnly if the actor is another user,
// ErrUserNotFound if Options.UserExists does not know the user.
func (a Actor) JoinedGroups(ctx context.Context, user UserID) iter.Seq2[JoinedGroup, error] {
	return eachOfUser(ctx, a, OpJoinedGroups, user, key.UserMember, func(r store.Reader, links []link) ([]JoinedGroup, error) {
		return a.appendJoined(r, user, nil, links, new(int), len(links))
	})
}

// JoinedGroupsPage returns one page of JoinedGroups. Its permissions and errors are those
// of JoinedGroups, and ErrInvalid if the page is not valid.
func (a Actor) JoinedGroupsPage(ctx context.Context, user UserID, page Page) ([]JoinedGroup, error) {
	return observeOne(ctx, a, OpJoinedGroups, "", func(a Actor) ([]JoinedGroup, error) { return a.joinedGroupsPage(ctx, user, page) })
}

func (a Actor) joinedGroupsPage(ctx context.Context, user UserID, page Page) (out []JoinedGroup, err error) {
	skip, take, err := page.window(maxPage)
	if err == nil {
		err = a.mayAskAbout(ctx, user)
	}
	if err != nil {
		return nil, wrap(OpJoinedGroups, "", err)
	}
	err = a.view(ctx, func(r store.Reader) (err error) {
		rng := store.Prefix(key.User(string(user), key.UserMember))
		out, _, err = a.joinedPage(r, user, &rng, skip, take)
		return err
	})
	return out, wrap(OpJoinedGroups, "", err)
}

// JoinedGroupsFrom returns a part of JoinedGroups and the cursor of the next part; see [From]. It
// has the same permissions and errors, and returns ErrInvalid if from is not valid.
func (a Actor) JoinedGroupsFrom(ctx context.Context, user UserID, from From) (out []JoinedGroup, next string, err error) {
	return observeTwo(ctx, a, OpJoinedGroups, "", func(a Actor) ([]JoinedGroup, string, error) { return a.joinedGroupsFrom(ctx, user, from) })
}

func (a Actor) joinedGroupsFrom(ctx context.Context, user UserID, from From) (out []JoinedGroup, next string, err error) {
	prefix, start, err := a.enterJoined(user, from)
	if err == nil {
		err = a.mayAskAbout(ctx, user)
	}
	if err != nil {
		return nil, "", wrap(OpJoinedGroups, "", err)
	}
	err = a.view(ctx, func(r store.Reader) (err error) {
		rng := start
		next = ""
		var more bool
		if out, more, err = a.joinedPage(r, user, &rng, 0, from.limit(maxPage)); more {
			next = cursorOf(prefix, rng.From[:len(rng.From)-1])
		}
		return err
	})
	return out, next, wrap(OpJoinedGroups, "", err)
}

// enterJoined returns the prefix of the keys of the groups of the user, and the range in which
// from begins.
func (a Actor) enterJoined(user UserID, from From) (prefix []byte, rng store.Range, err error) {
	err = a.checkActor()
	if err == nil {
		err = checkUserID(FieldUser, user)
	}
	if err == nil {
		err = from.check(false)
	}
	if err != nil {
		return nil, rng, err
	}
	prefix = key.User(string(user), key.UserMember)
	rng, err = from.enter(prefix, func(rest []byte) bool {
		_, rest, err := key.CutGroupID(rest)
		return err == nil && len(rest) == 0
	})
	return prefix, rng, err
}

// joinedPage skips groups of a user and takes the next ones of the range. It advances the range,
// and reports whether more follow.
func (a Actor) joinedPage(r store.Reader, user UserID, rng *store.Range, skip, take int) (out []JoinedGroup, more bool, err error) {
	for more = true; more && len(out) < take; {
		rng.Limit = min(skip+take-len(out), store.MaxPage)
		var links []link
		if links, more, err = scanLinks(r, rng); err != nil {
			return nil, false, err
		}
		if out, err = a.appendJoined(r, user, out, links, &skip, take); err != nil {
			return nil, false, err
		}
	}
	return out, more, nil
}

// appendJoined appends the groups of links until out has take groups. It skips the first
// ones and decrements skip for each.
func (a Actor) appendJoined(r store.Reader, user UserID, out []JoinedGroup, links []link, skip *int, take int) ([]JoinedGroup, error) {
	if err := a.foreseeJoined(r, links); err != nil {
		return nil, err
	}
	if err := addRoles(r, user, links); err != nil {
		return nil, err
	}
	out = slices.Grow(out, min(len(links), take-len(out)))
	var more []incomplete
	err := headers(r, links, func(l link, h *record.Header) {
		switch {
		case *skip > 0:
			*skip--
		case len(out) < take:
			answers := a.answers(l.role())
			if h.HasCustom || hasPending(h) && answers {
				more = append(more, incomplete{len(out), h.HasCustom})
			}
			g := JoinedGroup{Group: publicGroup(l.group, h, ""), Role: l.role()}
			if answers {
				g.RequestCount, g.InvitationCount = h.Requests, h.Invitations
			}
			out = append(out, g)
		}
	})
	if err != nil {
		return nil, err
	}
	return out, a.complement(r, out, more)
}

// foreseeJoined reads in one round trip what appendJoined reads of the linked groups, but for
// what has expired.
func (a Actor) foreseeJoined(r store.Reader, links []link) error {
	if !a.eng.shared {
		return nil
	}
	keys := headerKeys(links)
	for _, l := range links {
		keys = append(keys, key.Of(string(l.group), key.Custom))
	}
	return storage(ahead.Foresee(r, keys))
}

// answers reports whether the actor can see the requests and invitations of a group in which the
// user has the role.
func (a Actor) answers(role Role) bool {
	return a.user == "" || granted(admit, role) == yes
}

// complement reads the custom texts of groups, and corrects the counts of what is pending.
func (a Actor) complement(r store.Reader, groups []JoinedGroup, which []incomplete) error {
	if len(which) == 0 {
		return nil
	}
	now, err := a.eng.now()
	if err != nil {
		return err
	}
	keys := make([][]byte, len(which))
	var pending []store.Range
	for i, w := range which {
		keys[i] = key.Of(string(groups[w.index].ID), key.Custom)
		pending = append(pending, expiredIn(&groups[w.index].Group, now)...)
	}
	if err := ahead.Foresee(r, keys, pending...); err != nil {
		return storage(err)
	}
	var missing error
	err = store.VisitKeys(r, keys, func(i int, value []byte) bool {
		g := &groups[which[i].index]
		g.Custom = string(value)
		if which[i].custom && value == nil {
			missing = noCustom(g.ID)
		}
		return missing == nil
	})
	if err = cmp.Or(storage(err), missing); err != nil {
		return err
	}
	for _, w := range which {
		if err := dropExpired(r, &groups[w.index].Group, now); err != nil {
			return err
		}
	}
	return nil
}

// incomplete is a group in a list that has parts in other records.
type incomplete struct {
	index  int
	custom bool // the group has a custom text
}

// A link is a record that leads from a user to a group.
type link struct {
	group GroupID
	id    []byte // the group ID as encoded in keys
	flags int    // of the marks, and the role; see linkFlags
}

func (l *link) role() Role { return Role(l.flags >> roleShift) }

// addRoles reads the roles of links that do not have them yet.
func addRoles(r store.Reader, user UserID, links []link) error {
	for i := range links {
		if links[i].role() != RoleOutsider {
			continue
		}
		st, err := loadStanding(r, links[i].group, user)
		if err != nil {
			return err
		}
		if !st.Member() {
			return corrupt("group %q has no record of its member %q", links[i].group, user)
		}
		links[i].flags = linkFlags(&st)
	}
	return nil
}

// scanLinks reads a page of links, advances the range, and reports whether more follow.
func scanLinks(r store.Reader, rng *store.Range) (links []link, more bool, err error) {
	var last, ids []byte
	var bad error
	var texts record.Texts
	space := make([]byte, 0, 36)
	links = make([]link, 0, min(rng.PageSize(), 64))
	more, err = store.Visit(r, *rng, func(k, value []byte) bool {
		last = append(last[:0], k...)
		group, id, err := key.CutUserGroup(space, k)
		if bad = err; err != nil {
			return false
		}
		flags, err := record.DecodeCount(value)
		if bad = err; err != nil {
			return false
		}
		ids = append(ids, id...)
		links = append(links, link{GroupID(texts.Of(group)), ids[len(ids)-len(id) : len(ids) : len(ids)], flags})
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
	var texts record.Texts
	var bad error
	err = store.VisitKeys(r, headerKeys(links), func(i int, value []byte) bool {
		if value == nil {
			bad = corrupt("group %q has a member, but no header", links[i].group)
			return false
		}
		if h, bad = texts.DecodeHeader(value); bad == nil && h.State == record.Live {
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
	keys, space := make([][]byte, 0, len(links)), make([]byte, 0, keySpace(links))
	for _, l := range links {
		keys, space = appendKey(keys, key.AppendHeader(space, l.id))
	}
	return keys
}

// keySpace returns the bytes of the keys of the headers.
func keySpace(links []link) (size int) {
	for _, l := range links {
		size += len(l.id) + 2
	}
	return size
}

// appendKey appends a key, and returns the space that is left after it.
func appendKey(keys [][]byte, k []byte) (all [][]byte, space []byte) {
	return append(keys, k[:len(k):len(k)]), k[len(k):]
}

// eachOfUser iterates over the links of a user, part by part, like each.
func eachOfUser[T any](ctx context.Context, a Actor, op Op, user UserID, kind byte, items func(store.Reader, []link) ([]T, error)) iter.Seq2[T, error] {
	return observeEach(ctx, a, op, "", func(a Actor) iter.Seq2[T, error] { return eachLink(ctx, a, op, user, kind, items) })
}

func eachLink[T any](ctx context.Context, a Actor, op Op, user UserID, kind byte, items func(store.Reader, []link) ([]T, error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		if err := a.mayAskAbout(ctx, user); err != nil {
			yield(none, wrap(op, "", err))
			return
		}
		start := store.Prefix(key.User(string(user), kind))
		start.Limit = chunk
		for more := true; more; {
			var out []T
			rng := start
			err := a.view(ctx, func(r store.Reader) error {
				rng = start
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
			start = rng
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
