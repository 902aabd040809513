package groupkit

import (
	"errors"
	"slices"

	"groupkit/internal/key"
	"groupkit/internal/record"
	"groupkit/store"
)

// A loaded is what a call read before its rule runs: the part of the group that the rule can
// change, and the other data that the verb needs. load fills it; after that it must not
// change, because effects compares it with the state to find what to write.
type loaded struct {
	existed      bool
	head         record.Header
	standings    map[string]record.Standing
	groups       map[string]int // stored group counts of users
	custom       string
	announcement record.Announcement
	files        map[string]*record.File

	strangers map[UserID]bool // users whom Options.UserExists does not know
	expired   []UserID        // users of the almost full list; their expired entries can be removed
	heir      UserID          // the user who becomes the owner if the owner leaves; "" if there is none
	total     int             // number of groups, if Limits.Groups is set
	reserved  bool            // the upload still has its reservation
	dropped   []store.Pair    // pairs that remove memberships in groups that are being deleted
}

func newLoaded() loaded {
	return loaded{
		standings: make(map[string]record.Standing),
		groups:    make(map[string]int),
		files:     make(map[string]*record.File),
	}
}

// load reads the group, the actor, the users of the command and what else the verb needs.
func (c *change) load(r store.Reader, n *needs) error {
	users := slices.Clone(c.cmd.Users)
	if !c.system() {
		users = append(users, c.user)
	}
	if err := c.loadGroup(r, users); err != nil {
		return err
	}
	if !c.exists && !n.creates {
		return nil
	}
	if !c.system() {
		c.me = c.state.standing(string(c.user))
	}
	if err := c.loadOthers(r, n); err != nil {
		return err
	}
	if err := c.loadTexts(r, n); err != nil {
		return err
	}
	if n.total {
		var err error
		if c.loaded.total, err = c.loadTotal(r); err != nil {
			return err
		}
	}
	if n.counts {
		return c.loadCounts(r, append(users, c.loaded.heir))
	}
	return nil
}

// loadGroup reads the header and the standings of users in one call to the store.
func (c *change) loadGroup(r store.Reader, users []UserID) error {
	users = c.missing(users)
	values, err := store.GetMany(r, key.Access(string(c.id), users...))
	if err != nil {
		return err
	}
	if values[0] != nil {
		c.exists, c.loaded.existed = true, true
		if c.state.head, err = record.DecodeHeader(values[0]); err != nil {
			return err
		}
		c.loaded.head = c.state.head
	}
	return c.keep(users, values[1:])
}

// loadOthers reads the standings of users who are not in the command.
func (c *change) loadOthers(r store.Reader, n *needs) error {
	if n.inviter {
		if m := c.me.Invitation; m != nil && m.By != "" {
			if err := c.loadStandings(r, []UserID{UserID(m.By)}); err != nil {
				return err
			}
		}
	}
	if n.owner {
		if err := c.loadStandings(r, []UserID{UserID(c.head.Owner)}); err != nil {
			return err
		}
	}
	if n.room != nil {
		if err := c.loadExpired(r, n.room); err != nil {
			return err
		}
	}
	if n.leaver != nil {
		return c.loadHeir(r, n.leaver(c))
	}
	return nil
}

// loadTexts reads the parts of a group that are not about users.
func (c *change) loadTexts(r store.Reader, n *needs) (err error) {
	if n.custom {
		c.state.custom, err = loadCustom(r, c.id, c.head)
		c.loaded.custom = c.state.custom
	}
	if n.announcement && err == nil {
		c.state.announcement, err = loadAnnouncement(r, c.id)
		c.loaded.announcement = c.state.announcement
	}
	if n.reserved && err == nil {
		_, c.loaded.reserved, err = r.Get(key.Upload(c.cmd.content))
	}
	if n.file && err == nil {
		err = c.loadFile(r)
	}
	return err
}

// loadFile reads the file of the command. A missing file is no error: the rule returns it.
func (c *change) loadFile(r store.Reader) error {
	f, err := loadFile(r, c.id, c.cmd.File)
	if errors.Is(err, ErrFileNotFound) {
		return nil
	}
	if err == nil {
		c.state.files[f.ID], c.loaded.files[f.ID] = f, f
	}
	return err
}

// loadExpired loads the users of a list that could become full, so that the rule can remove
// expired entries.
func (c *change) loadExpired(r store.Reader, kind *markKind) error {
	if *kind.count(c.head)+max(1, len(c.cmd.Users)) <= kind.limit(c.limits) {
		return nil
	}
	prefix := key.Of(string(c.id), kind.list)
	return scanAll(r, store.Prefix(prefix), func(page []store.Pair) error {
		users := make([]UserID, len(page))
		for i, p := range page {
			users[i] = UserID(p.Key[len(prefix):])
		}
		if err := c.loadStandings(r, users); err != nil {
			return err
		}
		c.loaded.expired = append(c.loaded.expired, users...)
		return nil
	})
}

// loadHeir loads the user who becomes the owner if the leaver is the owner: the admin who
// has been an admin longest, or without admins the member who has been a member longest.
func (c *change) loadHeir(r store.Reader, leaver UserID) error {
	if leaver == "" || c.head.Owner != string(leaver) {
		return nil
	}
	list, since := byte(key.Members), func(st *record.Standing) int64 { return st.Joined }
	if c.head.Admins > 0 {
		list, since = key.Admins, func(st *record.Standing) int64 { return st.AdminSince }
	}
	var heir UserID
	var longest int64
	err := allEntries(r, c.id, list, func(e *entry) {
		if at := since(&e.standing); e.user != leaver && (heir == "" || at < longest) {
			heir, longest = e.user, at
		}
	})
	if err != nil || heir == "" {
		return err
	}
	c.loaded.heir = heir
	return c.loadStandings(r, []UserID{heir})
}

// loadStandings reads the standings of those users who are not loaded yet.
func (c *change) loadStandings(r store.Reader, users []UserID) error {
	users = c.missing(users)
	if len(users) == 0 {
		return nil
	}
	values, err := store.GetMany(r, key.Access(string(c.id), users...)[1:])
	if err != nil {
		return err
	}
	return c.keep(users, values)
}

// missing returns the users with valid IDs who are not loaded yet, without duplicates.
func (c *change) missing(users []UserID) []UserID {
	var out []UserID
	for _, user := range users {
		if _, ok := c.loaded.standings[string(user)]; ok || checkUserID(FieldUser, user) != nil || slices.Contains(out, user) {
			continue
		}
		out = append(out, user)
	}
	return out
}

// keep decodes and stores the standings of users. There are two values for each user: as a
// member and as an outsider.
func (c *change) keep(users []UserID, values [][]byte) error {
	for i, user := range users {
		st, err := decodeStanding(values[2*i], values[2*i+1])
		if err != nil {
			return err
		}
		c.loaded.standings[string(user)] = st
		*c.state.standing(string(user)) = st
	}
	return nil
}

// loadCounts reads the group counts of users. A user at the limit may still have memberships
// in groups that are being deleted. These are dropped from the count.
func (c *change) loadCounts(r store.Reader, users []UserID) error {
	for _, user := range users {
		if _, ok := c.groups[string(user)]; ok || checkUserID(FieldUser, user) != nil {
			continue
		}
		n, err := readCount(r, key.User(string(user), key.UserHeader))
		if err != nil {
			return err
		}
		c.loaded.groups[string(user)] = n
		if n >= c.limits.JoinedGroups {
			dropped, err := dropDeleted(r, user)
			if err != nil {
				return err
			}
			n -= len(dropped)
			for _, keys := range dropped {
				c.loaded.dropped = append(c.loaded.dropped, keys...)
			}
		}
		c.groups[string(user)] = n
	}
	return nil
}

// loadTotal returns the number of groups. It counts the groups if no number is stored yet.
func (c *change) loadTotal(r store.Reader) (int, error) {
	if c.limits.Groups == 0 {
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
