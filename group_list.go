package groupkit

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"iter"
	"slices"

	"groupkit/internal/key"
	"groupkit/internal/record"
	"groupkit/store"
)

// The operations that read groups.
const (
	OpGroup      Op = "read group"
	OpListGroups Op = "list groups"
)

// Group returns the details of a group.
//
// Allowed: owner, admin, member, system; every other user if the group is public. RequestCount and
// InvitationCount are 0 for everyone except owner, admin and system. A user with a pending invitation to a private group gets only ID, Name, Description, Avatar and
// MemberCount; the other fields are zero.
// Returns ErrGroupNotFound or ErrBlacklisted; see [Actor].
func (a Actor) Group(ctx context.Context, group GroupID) (out Group, err error) {
	err = a.reading(ctx, OpGroup, group, nil, func(r store.Reader, v *access) error {
		out, err = details(r, group, v)
		return err
	})
	return out, err
}

// GroupDetails returns the details of 1 to Limits.GroupDetails groups (100 by default) in
// one call, as Group returns them. missing contains the IDs of the groups that do not exist
// or that the actor cannot see. Both results are in the order of ids. An ID of up to 255 bytes
// that is given twice is answered once.
//
// Allowed: every user, system.
// Returns ErrInvalid if ids is empty, ErrBatchTooLarge if there are too many.
func (a Actor) GroupDetails(ctx context.Context, ids []GroupID) (found []Group, missing []GroupID, err error) {
	return observeTwo(ctx, a, OpGroup, "", func(a Actor) ([]Group, []GroupID, error) { return a.groupDetails(ctx, ids) })
}

func (a Actor) groupDetails(ctx context.Context, ids []GroupID) (found []Group, missing []GroupID, err error) {
	if err := a.checkDetails(ids); err != nil {
		return nil, nil, wrap(OpGroup, "", err)
	}
	err = a.view(ctx, func(r store.Reader) error {
		found, missing = nil, nil
		if err := a.foreseeDetails(r, ids); err != nil {
			return err
		}
		seen := make(map[GroupID]bool, len(ids))
		for _, id := range ids {
			if len(id) > maxID { // a key of a map would be read to its end
				missing = append(missing, id)
				continue
			}
			if seen[id] {
				continue
			}
			seen[id] = true
			g, err := a.detail(r, id)
			switch {
			case errors.Is(err, ErrGroupNotFound), errors.Is(err, ErrBlacklisted):
				missing = append(missing, id)
			case err != nil:
				return about("", err)
			default:
				found = append(found, g)
			}
		}
		return nil
	})
	return found, missing, wrap(OpGroup, "", err)
}

func (a Actor) checkDetails(ids []GroupID) error {
	if err := a.checkActor(); err != nil {
		return err
	}
	if len(ids) == 0 {
		return invalid(FieldGroup, "is missing (1 to %d IDs)", a.eng.limits.GroupDetails)
	}
	if len(ids) > a.eng.limits.GroupDetails {
		return limited(ErrBatchTooLarge, a.eng.limits.GroupDetails, len(ids))
	}
	return nil
}

func (a Actor) detail(r store.Reader, id GroupID) (Group, error) {
	if checkGroupID(id) != nil {
		return Group{}, ErrGroupNotFound
	}
	v, err := a.access(r, id)
	if err != nil {
		return Group{}, err
	}
	return details(r, id, v)
}

// details returns the part of the group that the actor is allowed to see.
func details(r store.Reader, group GroupID, v *access) (Group, error) {
	if err := v.visibleToInvitee(); err != nil {
		return Group{}, err
	}
	if v.visible() != nil {
		h := v.head
		return Group{ID: group, Name: h.Name, Description: h.Description, Avatar: h.Avatar, MemberCount: h.Members}, nil
	}
	custom, err := loadCustom(r, group, v.head)
	g := publicGroup(group, v.head, custom)
	if err != nil || v.permits(admit) != nil {
		return g, err
	}
	g.RequestCount, g.InvitationCount = v.head.Requests, v.head.Invitations
	return g, dropExpired(r, &g, v.now)
}

// Groups iterates over all groups that the actor can see, newest first. A group that exists
// throughout is seen exactly once, even if other groups are created and deleted. The system
// sees all groups. A user sees the public groups that do not have the user on their
// blacklist, and the private groups of which the user is a member.
//
// Allowed: every user, system.
func (a Actor) Groups(ctx context.Context) iter.Seq2[Group, error] {
	return observeEach(ctx, a, OpListGroups, "", func(a Actor) iter.Seq2[Group, error] { return a.eachGroup(ctx) })
}

func (a Actor) eachGroup(ctx context.Context) iter.Seq2[Group, error] {
	return func(yield func(Group, error) bool) {
		for cursor, more := "", true; more; more = cursor != "" {
			var page []Group
			var err error
			if page, cursor, err = a.groupsPage(ctx, chunk, cursor); err != nil {
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

// GroupsPage returns one page of Groups: up to limit groups after the cursor. It also
// returns the cursor of the next page, or "" after the last page. The cursor of the first
// page is "". A limit of 0 means 10; a limit above 1000 means 1000. A cursor stays valid
// when groups are created and deleted.
//
// Allowed: every user, system.
// Returns ErrInvalid if limit is negative or cursor is not a cursor of GroupsPage.
func (a Actor) GroupsPage(ctx context.Context, limit int, cursor string) (page []Group, next string, err error) {
	return observeTwo(ctx, a, OpListGroups, "", func(a Actor) ([]Group, string, error) { return a.groupsPage(ctx, limit, cursor) })
}

func (a Actor) groupsPage(ctx context.Context, limit int, cursor string) (page []Group, next string, err error) {
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
	if len(cursor) <= maxCursor {
		from, err = base64.RawURLEncoding.DecodeString(cursor)
	}
	if err == nil {
		_, _, err = key.CutPosition(from)
	}
	if err != nil {
		return nil, invalid(FieldCursor, "%.40q is not a cursor of GroupsPage", cursor)
	}
	return from, nil
}

// groups collects one page. Public and private groups have separate creation indexes;
// positions in them are merged, newest first.
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

// positions returns up to limit positions before from, newest first, and whether there are
// more. own are the positions of the user's private groups.
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

// created reads up to limit positions before from in one creation index, newest first.
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

// ownPrivate returns the positions of the private groups of which the user is a member.
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

// listed returns the group at a position; false if the actor cannot see it.
func (a Actor) listed(r store.Reader, position []byte) (Group, bool, error) {
	_, id, err := key.CutPosition(position)
	if err != nil {
		return Group{}, false, err
	}
	v, err := a.access(r, GroupID(id))
	if err != nil || v.visible() != nil {
		return Group{}, false, err
	}
	g, err := details(r, GroupID(id), v)
	return g, err == nil, err
}
