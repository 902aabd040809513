package groupkit

import (
	"errors"
	"slices"

	"groupkit/internal/key"
	"groupkit/internal/record"
	"groupkit/store"
)

// load reads the group, the actor, the users that the command names, and what the
// command needs besides.
func (u *unit) load(r store.Reader) error {
	users := slices.Clone(u.cmd.Users)
	if !u.system() {
		users = append(users, u.user)
	}
	if err := u.loadGroup(r, users); err != nil {
		return err
	}
	if !u.exists && u.cmd.Op != OpCreateGroup {
		return nil
	}
	if !u.system() {
		u.me = u.of(u.user)
	}
	if err := u.loadInviter(r); err != nil {
		return err
	}
	if err := u.loadExpired(r); err != nil {
		return err
	}
	if err := u.loadHeir(r); err != nil {
		return err
	}
	if err := u.loadRest(r); err != nil {
		return err
	}
	if u.cmd.Op.moves() {
		return u.loadCounts(r, append(users, u.heir))
	}
	return nil
}

// loadRest reads what single commands need.
func (u *unit) loadRest(r store.Reader) (err error) {
	switch u.cmd.Op {
	case OpUpdateGroup:
		u.state.custom, err = loadCustom(r, u.id, u.head)
		u.before.custom = u.state.custom
	case OpSetAnnouncement:
		u.state.announcement, err = loadAnnouncement(r, u.id)
		u.before.announcement = u.state.announcement
	case OpTransferGroup: // the system is not the one who gives the group away
		err = u.loadStandings(r, []UserID{UserID(u.head.Owner)})
	case OpUploadFile:
		if u.cmd.content != "" {
			_, u.announced, err = r.Get(key.Upload(u.cmd.content))
		}
	case OpDeleteFile:
		err = u.loadFile(r)
	case OpCreateGroup, OpDeleteGroup, OpLeave, OpForgetUser:
		u.total, err = u.loadTotal(r)
	}
	return err
}

// moves reports whether the operation may make members of users, or end memberships.
func (op Op) moves() bool {
	switch op {
	case OpAddMembers, OpRemoveMembers, OpLeave, OpJoin, OpApproveRequest, OpInviteUsers, OpAcceptInvitation, OpBlockUsers, OpCreateGroup, OpForgetUser:
		return true
	}
	return false
}

// loadGroup reads the header and the standings of users in one round trip.
func (u *unit) loadGroup(r store.Reader, users []UserID) error {
	users = u.missing(users)
	values, err := store.GetMany(r, key.Look(string(u.id), users...))
	if err != nil {
		return err
	}
	if values[0] != nil {
		u.exists, u.existed = true, true
		if u.state.head, err = record.DecodeHeader(values[0]); err != nil {
			return err
		}
		u.before.head = u.state.head
	}
	return u.keep(users, values[1:])
}

// loadInviter reads the standing of the one whose invitation the actor may answer.
func (u *unit) loadInviter(r store.Reader) error {
	if u.system() || u.me.Invitation == nil || u.me.Invitation.By == "" {
		return nil
	}
	return u.loadStandings(r, []UserID{UserID(u.me.Invitation.By)})
}

// loadExpired finds what can be cleared away if the list that the command adds to is full.
func (u *unit) loadExpired(r store.Reader) error {
	h := &u.state.head
	list, count, most := byte(0), 0, u.limits.MaxGroupSize
	switch u.cmd.Op {
	case OpMuteUsers:
		list, count = key.Muted, h.Mutes
	case OpBlockUsers:
		list, count = key.Blocked, h.Blocked
	case OpJoin:
		list, count, most = key.Requests, h.Requests, u.limits.Requests
	case OpInviteUsers:
		list, count, most = key.Invitations, h.Invitations, u.limits.Invitations
	}
	if list == 0 || count+max(1, len(u.cmd.Users)) <= most {
		return nil
	}
	prefix := key.Of(string(u.id), list)
	return scanAll(r, store.Prefix(prefix), func(page []store.Pair) error {
		users := make([]UserID, len(page))
		for i, p := range page {
			users[i] = UserID(p.Key[len(prefix):])
		}
		if err := u.loadStandings(r, users); err != nil {
			return err
		}
		u.expired = append(u.expired, users...)
		return nil
	})
}

// loadHeir finds who becomes owner if the owner leaves, or is forgotten.
func (u *unit) loadHeir(r store.Reader) error {
	leaver, succeed := u.user, u.cmd.Op == OpLeave && u.policy == OwnerSucceed
	if u.cmd.Op == OpForgetUser {
		leaver, succeed = u.cmd.Users[0], u.cmd.Forget.Owned == OwnedSucceed
	}
	if !succeed || u.state.head.Owner != string(leaver) {
		return nil
	}
	list, since := byte(key.Members), func(st *record.Standing) int64 { return st.Joined }
	if u.state.head.Admins > 0 {
		list, since = key.Admins, func(st *record.Standing) int64 { return st.AdminSince }
	}
	var longest int64
	err := allEntries(r, u.id, list, func(e *entry) {
		if at := since(&e.standing); e.user != leaver && (u.heir == "" || at < longest) {
			u.heir, longest = e.user, at
		}
	})
	if err != nil || u.heir == "" {
		return err
	}
	return u.loadStandings(r, []UserID{u.heir})
}

// loadStandings reads the standings of users that are not loaded yet.
func (u *unit) loadStandings(r store.Reader, users []UserID) error {
	users = u.missing(users)
	if len(users) == 0 {
		return nil
	}
	values, err := store.GetMany(r, key.Look(string(u.id), users...)[1:])
	if err != nil {
		return err
	}
	return u.keep(users, values)
}

// missing returns the valid ones of users that are not loaded, each once.
func (u *unit) missing(users []UserID) []UserID {
	var out []UserID
	for _, user := range users {
		if _, ok := u.before.standings[string(user)]; ok || checkUserID(FieldUser, user) != nil || slices.Contains(out, user) {
			continue
		}
		out = append(out, user)
	}
	return out
}

// keep takes loaded standings in: two values a user, as member and as outsider.
func (u *unit) keep(users []UserID, values [][]byte) error {
	for i, user := range users {
		st, err := decodeStanding(values[2*i], values[2*i+1])
		if err != nil {
			return err
		}
		u.before.standings[string(user)] = st
		*u.state.standing(string(user)) = st
	}
	return nil
}

// loadCounts reads in how many groups each of users is. For one at the limit it
// first drops the entries of groups that are being deleted.
func (u *unit) loadCounts(r store.Reader, users []UserID) error {
	for _, user := range users {
		if _, ok := u.groups[string(user)]; ok || checkUserID(FieldUser, user) != nil {
			continue
		}
		n, err := readCount(r, key.User(string(user), key.UserHeader))
		if err != nil {
			return err
		}
		u.before.groups[string(user)] = n
		if n >= u.limits.JoinedGroups {
			dropped, err := dropDeleted(r, user)
			if err != nil {
				return err
			}
			n -= len(dropped)
			for _, keys := range dropped {
				u.writes = append(u.writes, keys...)
			}
		}
		u.groups[string(user)] = n
	}
	return nil
}

// loadTotal is the number of groups in the app, counted if nobody has yet.
func (u *unit) loadTotal(r store.Reader) (int, error) {
	if u.limits.Groups == 0 {
		return 0, nil
	}
	value, ok, err := r.Get(key.GroupCount())
	if err != nil {
		return 0, storage(err)
	}
	if ok {
		return record.DecodeCount(value)
	}
	n := 0
	for _, public := range []bool{true, false} {
		err := scanAll(r, store.Prefix(key.Creation(public)), func(page []store.Pair) error {
			n += len(page)
			return nil
		})
		if err != nil {
			return 0, err
		}
	}
	return n, nil
}

// loadFile reads the file that the command names, if it is there.
func (u *unit) loadFile(r store.Reader) error {
	f, err := loadFile(r, u.id, u.cmd.File)
	if errors.Is(err, ErrFileNotFound) {
		return nil
	}
	if err == nil {
		u.state.files[f.ID], u.before.files[f.ID] = f, f
	}
	return err
}
