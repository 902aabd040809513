package groupkit

import (
	"cmp"
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

	invited   []UserID        // users with a pending invitation of somebody in losers
	losers    []UserID        // users whose pending invitations are all in invited
	strangers map[UserID]bool // users whom Options.UserExists does not know
	expired   []UserID        // users of the almost full list; their expired entries can be removed
	heir      UserID          // the user who becomes the owner if the owner leaves; "" if there is none
	total     int             // number of groups, if it is limited
	most      int             // the limit of groups; 0: none
	reserved  bool            // the upload still has its reservation
	goes      bool            // the content is recorded as to go
	hidden    map[string]int  // memberships of users in groups that are being loaded; they do not count yet
	recounted map[string]bool // users of whom memberships are dropped; their counts are written in any case
	lease     record.Lease    // of whoever loads the group; the zero value if nobody does
	traced    bool            // the log contains the user of the command, who has no standing; see needs.trace
	dropped   []store.Pair    // pairs that remove memberships in groups that are being deleted
}

func newLoaded() loaded {
	return loaded{
		standings: make(map[string]record.Standing),
		groups:    make(map[string]int),
		recounted: make(map[string]bool),
		hidden:    make(map[string]int),
		files:     make(map[string]*record.File),
	}
}

// loadFirst reads the group, the actor and the users of the command: what every verb needs, and
// all that checking the permission needs.
func (c *change) loadFirst(r store.Reader) error {
	c.users = slices.DeleteFunc(slices.Clone(c.cmd.Users), func(user UserID) bool { return checkUserID(FieldUser, user) != nil })
	users := slices.Clone(c.users)
	if !c.system() {
		users = append(users, c.user)
	}
	if err := c.loadGroup(r, users); err != nil {
		return err
	}
	if !c.system() {
		c.me = c.state.standing(string(c.user))
	}
	return nil
}

// load reads what else the verb needs. It runs after the check of the permission, because it can
// read a lot.
func (c *change) load(r store.Reader, n *needs) error {
	if !c.exists && !n.creates {
		return nil
	}
	if err := c.loadOthers(r, n); err != nil {
		return err
	}
	if err := c.loadTexts(r, n); err != nil {
		return err
	}
	if n.total {
		var err error
		if c.loaded.most, err = groupLimit(r, c.limits, !c.shared); err != nil {
			return err
		}
		if c.loaded.total, err = c.loadTotal(r); err != nil {
			return err
		}
	}
	if n.counts {
		return c.loadCounts(r, append(slices.Clone(c.users), c.user, c.loaded.heir))
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
	if n.inviters {
		if err := c.loadInviters(r); err != nil {
			return err
		}
	}
	if n.owner {
		if err := c.loadStandings(r, []UserID{UserID(c.head.Owner)}); err != nil {
			return err
		}
	}
	if n.losers != noLosers && c.head.Invitations > 0 {
		if err := c.loadInvitations(r, n.losers); err != nil {
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

// loadInviters loads those who invited the users of the command.
func (c *change) loadInviters(r store.Reader) error {
	var inviters []UserID
	for _, user := range c.users {
		if m := c.loaded.standings[string(user)].Invitation; m != nil {
			inviters = append(inviters, UserID(m.By))
		}
	}
	return c.loadStandings(r, inviters)
}

// loadInvitations loads the pending invitations of the users who can lose the right to invite.
// A user who does not have the right has no pending invitations.
func (c *change) loadInvitations(r store.Reader, who losers) error {
	var users []UserID
	switch who {
	case actorLoses:
		users = []UserID{c.user}
	case usersLose:
		users = c.users
	case ownerLoses:
		users = []UserID{UserID(c.head.Owner)}
	case anyoneLoses:
		if u := c.cmd.Update; u == nil || u.AllowInvites != nil && *u.AllowInvites != c.head.AllowInvites {
			return c.loadAllInvitations(r)
		}
	}
	for _, user := range users {
		st, ok := c.loaded.standings[string(user)]
		if !ok || !mayInvite(c.head, string(user), &st) {
			continue
		}
		invited, err := invitedBy(r, c.id, string(user))
		if err != nil {
			return err
		}
		c.loaded.invited = append(c.loaded.invited, invited...)
		c.loaded.losers = append(c.loaded.losers, user)
	}
	return c.loadStandings(r, c.loaded.invited)
}

// loadAllInvitations loads all pending invitations except those of the system, and their
// inviters.
func (c *change) loadAllInvitations(r store.Reader) error {
	err := allEntries(r, c.id, key.Invitations, func(e *entry) {
		if by := e.standing.Invitation.By; by != "" {
			c.loaded.invited = append(c.loaded.invited, e.user)
			c.loaded.losers = append(c.loaded.losers, UserID(by))
		}
	})
	if err != nil {
		return err
	}
	slices.Sort(c.loaded.losers)
	c.loaded.losers = slices.Compact(c.loaded.losers)
	for _, users := range [][]UserID{c.loaded.invited, c.loaded.losers} {
		for part := range slices.Chunk(users, store.MaxPage) {
			if err := c.loadStandings(r, part); err != nil {
				return err
			}
		}
	}
	return nil
}

// invitedBy returns the users who have a pending invitation of the inviter.
func invitedBy(r store.Reader, group GroupID, inviter string) (users []UserID, err error) {
	prefix := key.InvitedBy(string(group), inviter)
	err = scanAll(r, store.Prefix(prefix), func(page []store.Pair) error {
		for _, p := range page {
			users = append(users, UserID(p.Key[len(prefix):]))
		}
		return nil
	})
	return users, err
}

// loadTexts reads the parts of a group that are not about users.
func (c *change) loadTexts(r store.Reader, n *needs) (err error) {
	if n.custom {
		c.state.custom, err = loadCustom(r, c.id, c.head)
		c.loaded.custom = c.state.custom
	}
	if n.announcement && err == nil {
		c.state.announcement, err = loadAnnouncement(r, c.id, c.head)
		c.loaded.announcement = c.state.announcement
	}
	if n.reserved && err == nil {
		_, c.loaded.reserved, err = r.Get(key.Upload(c.cmd.content))
		if err == nil {
			_, c.loaded.goes, err = r.Get(key.ToGo(c.cmd.content))
		}
	}
	if n.file && err == nil {
		err = c.loadFile(r)
	}
	if n.lease && err == nil {
		c.loaded.lease, err = loadLease(r, key.Load(string(c.id)))
	}
	if n.trace && err == nil {
		_, c.loaded.traced, err = r.Get(key.UserGroupTrace(string(c.cmd.Users[0]), string(c.id)))
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
		renamingOf(c.head).swap(&f.Owner)
		c.state.files[f.ID], c.loaded.files[f.ID] = f, f
	}
	return err
}

// loadExpired loads the users whose entries in a list have expired, if the list could become
// full, so that the rule can remove these entries.
func (c *change) loadExpired(r store.Reader, kind *markKind) error {
	if *kind.count(c.head)+max(1, len(c.cmd.Users)) <= kind.limit(c.limits) {
		return nil
	}
	prefix := key.ExpiringIn(string(c.id), kind.list)
	defer func() { slices.Sort(c.loaded.expired) }()
	return scanAll(r, store.Range{From: prefix, To: key.ExpiringBefore(string(c.id), kind.list, c.now+1)}, func(page []store.Pair) error {
		users := make([]UserID, len(page))
		for i, p := range page {
			_, _, user, err := key.CutExpiring(p.Key[len(prefix)-1:])
			if err != nil {
				return err
			}
			users[i] = UserID(user)
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
	list := byte(key.Members)
	if c.head.Admins > 0 {
		list = key.Admins
	}
	var heir UserID
	var longest record.Standing
	err := allEntries(r, c.id, list, func(e *entry) {
		if e.user != leaver && (heir == "" || isSenior(list, &e.standing, &longest)) {
			heir, longest = e.user, e.standing
		}
	})
	if err != nil || heir == "" {
		return err
	}
	c.loaded.heir = heir
	return c.loadStandings(r, []UserID{heir})
}

// isSenior reports whether a member has been a member, or an admin an admin, longer than
// another. An unknown version, 0, is from before all known ones; then the time decides.
func isSenior(list byte, a, b *record.Standing) bool {
	if list == key.Admins {
		return cmp.Or(cmp.Compare(a.AdminVersion, b.AdminVersion), cmp.Compare(a.AdminPlace, b.AdminPlace),
			cmp.Compare(a.AdminSince, b.AdminSince)) < 0
	}
	return cmp.Or(cmp.Compare(a.JoinVersion, b.JoinVersion), cmp.Compare(a.JoinPlace, b.JoinPlace),
		cmp.Compare(a.Joined, b.Joined)) < 0
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
		renamingOf(c.head).standing(&st)
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
			hidden, err := membershipsInLoads(r, user)
			if err != nil {
				return err
			}
			n -= hidden
			c.loaded.hidden[string(user)] = hidden
			c.loaded.recounted[string(user)] = len(dropped) > 0
			for _, keys := range dropped {
				c.loaded.dropped = append(c.loaded.dropped, keys...)
			}
		}
		c.groups[string(user)] = n
	}
	return nil
}

// loadTotal returns the number of groups, if it is limited.
func (c *change) loadTotal(r store.Reader) (int, error) {
	if c.loaded.most == 0 {
		return 0, nil
	}
	return countedGroups(r)
}
