package groupkit

import (
	"bytes"
	"context"
	"iter"
	"slices"
	"sort"

	"groupkit/internal/key"
	"groupkit/store"
)

// UserData is what one group contains about one user, or a part of that. Everything in it names the
// user; an event can name other users too.
type UserData struct {
	Group   GroupID `json:"group"`
	Name    string  `json:"name,omitzero"`    // "" if the group is deleted
	Deleted bool    `json:"deleted,omitzero"` // only the log remains
	Part    int     `json:"part,omitzero"`    // the number of the part of this group, from 0 on

	Standing     *Standing     `json:"standing,omitzero"`     // in part 0; nil if the user is and has nothing in the group now
	Announcement *Announcement `json:"announcement,omitzero"` // nil if another user wrote it
	Files        []File        `json:"files,omitzero"`        // that the user uploaded, oldest first

	// What the user has given to other users, if it is in effect now. The order has no meaning.
	Mutes       []Mute       `json:"mutes,omitzero"`
	Blocks      []Block      `json:"blocks,omitzero"`
	AllowList   []Allowed    `json:"allow_list,omitzero"`
	Invitations []Invitation `json:"invitations,omitzero"`

	// Checkpoint is the state with which a log begins that Options.Retention has cut, without what
	// does not name the user: of Group it has only ID and Version. Its files are the oldest first, its
	// other lists have no order. Like a Snapshot it contains what has expired. nil if the state does not name the user.
	Checkpoint *Snapshot `json:"checkpoint,omitzero"`

	// Events are the events of the log that have the user as actor, in Users, or as the owner of
	// the file, in the order of their versions. They are as Events gives them, with the other users.
	Events []Event `json:"events,omitzero"`
}

// OpUserData is the operation of UserData.
const OpUserData Op = "read user data"

// UserData iterates over all that groups contain about one user, to hand it out: the standing, the
// files, the announcement, what the user has given to others, and the events of the log. It also
// reads the logs of deleted groups. It reads only the groups that can name the user, and these
// completely: the time depends on their size.
//
// A value is one group. A large group comes in parts, one after another, with the numbers 0, 1, 2 …
// in Part: append their lists. So the memory needed does not depend on the size of a group. The
// groups have a fixed order. A group that names the user throughout comes exactly once, even if the
// user joins or leaves meanwhile. Each part is read at an instant of its own: what is removed before
// it is read, for example by Options.Retention, is missing.
//
// Reasons are what other people wrote, and events name other users. The application must
// decide what of that it hands out. Not contained are texts that mention the user, the contents of
// files (see OpenFile), and the results that Once has recorded. After ForgetUser with Pseudonymize there
// is nothing about the user, except in groups that still block the user.
//
// Allowed: system, also about users whom Options.UserExists does not know.
// Returns ErrSystemOnly if the actor is a user, ErrInvalid if the user ID is not valid, ErrCorrupt if
// a record is damaged.
func (a Actor) UserData(ctx context.Context, user UserID) iter.Seq2[UserData, error] {
	return observeEach(ctx, a, OpUserData, "", func(a Actor) iter.Seq2[UserData, error] { return a.userData(ctx, user) })
}

func (a Actor) userData(ctx context.Context, user UserID) iter.Seq2[UserData, error] {
	return func(yield func(UserData, error) bool) {
		if err := a.checkUserData(user); err != nil {
			yield(UserData{}, wrap(OpUserData, "", err))
			return
		}
		var after []byte
		for more := true; more; {
			var groups []GroupID
			start := after // the store can run the function more than once
			err := a.view(ctx, func(r store.Reader) (err error) {
				groups, after, more, err = groupsAbout(r, user, start)
				return err
			})
			if err != nil {
				yield(UserData{}, wrap(OpUserData, "", err))
				return
			}
			for some := range slices.Chunk(groups, groupsPerLook) {
				if !a.yieldUserData(ctx, user, some, yield) {
					return
				}
			}
		}
	}
}

// groupsPerLook is the number of groups of which one transaction of UserData reads the first part.
const groupsPerLook = 16

func (a Actor) checkUserData(user UserID) error {
	if err := a.checkActor(); err != nil {
		return err
	}
	if err := checkUserID(FieldUser, user); err != nil {
		return err
	}
	if a.user != "" {
		return about(a.user, ErrSystemOnly)
	}
	return nil
}

// yieldUserData yields all parts of some groups. It returns false if the iteration has ended.
func (a Actor) yieldUserData(ctx context.Context, user UserID, groups []GroupID, yield func(UserData, error) bool) bool {
	walks := make([]userWalk, len(groups))
	for i, group := range groups {
		walks[i] = userWalk{user: user, group: group}
	}
	err := a.readUserData(ctx, walks)
	for i := range walks {
		for w := &walks[i]; ; {
			if err != nil {
				yield(UserData{}, err)
				return false
			}
			if part, ok := w.take(); ok && !yield(part, nil) {
				return false
			}
			if !w.more {
				break
			}
			err = a.readUserData(ctx, walks[i:i+1])
		}
	}
	return true
}

// readUserData reads the next part of each walk, in one transaction and one round trip.
func (a Actor) readUserData(ctx context.Context, walks []userWalk) error {
	now, err := a.eng.now()
	if err != nil {
		return wrap(OpUserData, "", err)
	}
	var group GroupID
	var read []userWalk
	err = a.view(ctx, func(r store.Reader) error {
		group, read = "", slices.Clone(walks)
		var keys [][]byte
		var ranges []store.Range
		for i := range read {
			keys, ranges = append(keys, read[i].keys()...), append(ranges, read[i].rest())
		}
		values, pages, err := store.Fetch(r, keys, ranges)
		if err != nil {
			return storage(err)
		}
		for i := range read {
			n := len(keys) / len(read)
			if err := read[i].read(values[i*n:(i+1)*n], pages[i], now); err != nil {
				group = read[i].group
				return err
			}
		}
		return nil
	})
	copy(walks, read)
	return wrap(OpUserData, group, err)
}

// groupsAbout returns the next groups that can name the user, in the order of their keys, and whether
// more follow. A group can be in each of three lists, and can go from one to another: they are
// read side by side.
func groupsAbout(r store.Reader, user UserID, after []byte) (groups []GroupID, last []byte, more bool, err error) {
	kinds := []byte{key.UserMember, key.UserOutsider, key.UserTrace}
	prefix := len(key.User(string(user), kinds[0]))
	var ranges []store.Range
	for _, kind := range kinds {
		rng := store.Prefix(key.User(string(user), kind))
		if rng.Limit = chunk; after != nil {
			rng.From = append(append(rng.From[:prefix:prefix], after...), 0)
		}
		ranges = append(ranges, rng)
	}
	_, pages, err := store.Fetch(r, nil, ranges)
	if err != nil {
		return nil, nil, false, storage(err)
	}
	ids, last := merged(pages, prefix)
	for _, id := range ids {
		group, rest, err := key.CutGroupID(id)
		if err != nil || len(rest) > 0 {
			return nil, nil, false, key.ErrForm
		}
		groups = append(groups, GroupID(group))
	}
	return groups, last, last != nil, nil
}

// merged returns the rests of the keys of sorted pages, sorted, each once, up to where all pages are
// known. last is the place after which to go on; nil if nothing follows.
func merged(pages []store.Page, prefix int) (rests [][]byte, last []byte) {
	for _, p := range pages {
		for _, pair := range p.Pairs {
			rests = append(rests, pair.Key[prefix:])
		}
		if p.More && len(p.Pairs) > 0 {
			if end := p.Pairs[len(p.Pairs)-1].Key[prefix:]; last == nil || bytes.Compare(end, last) < 0 {
				last = bytes.Clone(end)
			}
		}
	}
	slices.SortFunc(rests, bytes.Compare)
	rests = slices.CompactFunc(rests, bytes.Equal)
	if last == nil {
		return rests, nil
	}
	return rests[:sort.Search(len(rests), func(i int) bool { return bytes.Compare(rests[i], last) > 0 })], last
}
