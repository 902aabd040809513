package groupkit

import (
	"math"
	"time"

	"groupkit/internal/key"
	"groupkit/internal/record"
)

// newestVersion is the highest Version with which a group can be loaded. So no later one is out of range.
const newestVersion = 1 << 62

// checkWhole returns an error with all that is wrong with a snapshot: values that no group can have, and
// rules that it breaks.
func (s *Snapshot) checkWhole() error {
	errs := FieldErrors(s.checkValues())
	out := make([]error, 0, len(errs))
	for _, e := range errs {
		out = append(out, e)
	}
	h, _ := record.DecodeHeader(headerOf(&s.Group)) // no error: headerOf encoded it
	if n := uint64(len(s.Files)); s.Group.Version > 0 && s.Group.Version <= n {
		out = append(out, invalid("group.version", "is %d, but there are %d files (at least 1 more than files)", s.Group.Version, n))
	}
	standings := s.standings()
	rules := stateRules{head: h, named: true}
	for user, st := range standings {
		by := new(record.Standing)
		if m := st.Invitation; m != nil && standings[m.By] != nil {
			by = standings[m.By]
		}
		rules.check(user, st, by)
	}
	return joinFields(append(out, rules.end()))
}

// standings returns the standings of a snapshot that can come from outside.
func (s *Snapshot) standings() map[string]*record.Standing {
	all := newState()
	for _, m := range s.Members {
		all.standing(string(m.User)).Role = uint8(m.Role)
	}
	for _, kind := range marks {
		kind.read(s, func(user UserID, mark record.Mark) { *kind.field(all.standing(string(user))) = &mark })
	}
	return all.standings
}

// checkValues returns an error with all values of a snapshot, or of a part of one, with which no group can
// be loaded.
func (s *Snapshot) checkValues() error {
	c := new(foreignCheck)
	c.within("group", func() { c.loadedGroup(&s.Group) })
	c.within("announcement", func() { c.id("text", checkText("", s.Announcement.Text, math.MaxInt)) })
	c.inList("members", len(s.Members), func(i int) {
		if m := &s.Members[i]; m.Role != RoleAdmin && !m.AdminSince.IsZero() {
			c.refuse("admin_since", "is there, but the role is %q", m.Role)
		}
	})
	c.inList("mutes", len(s.Mutes), func(i int) {
		if c.ends(s.Mutes[i].Until, s.Mutes[i].Reason); s.Mutes[i].Until.IsZero() {
			c.refuse("until", "is missing")
		}
	})
	c.inList("blacklist", len(s.Blacklist), func(i int) { c.ends(s.Blacklist[i].Until, s.Blacklist[i].Reason) })
	c.inList("allow_list", len(s.AllowList), func(i int) { c.ends(time.Time{}, s.AllowList[i].Reason) })
	c.inList("requests", len(s.Requests), func(i int) { c.ends(s.Requests[i].Expires, s.Requests[i].Reason) })
	c.inList("invitations", len(s.Invitations), func(i int) { c.ends(s.Invitations[i].Expires, s.Invitations[i].Reason) })
	return joinFields([]error{s.check(), joinFields(c.errs)})
}

func (c *foreignCheck) loadedGroup(g *Group) {
	if g.Version < 1 || g.Version > newestVersion {
		c.refuse("version", "is %d (1 to %d)", g.Version, uint64(newestVersion))
	}
	if g.Created.IsZero() {
		c.refuse("created", "is missing")
	}
	if !g.LastModified.IsZero() && g.LastModified.Before(g.Created) {
		c.refuse("last_modified", "is before created")
	}
	if g.Owner == "" {
		c.refuse("owner", "is missing")
	}
	if g.MaxUsers == 0 {
		c.refuse("max_users", "is 0 (1 or more)")
	}
	if utf8Valid := checkCustom(g.Name+g.Description+g.Avatar, math.MaxInt) == nil; utf8Valid { // else it is refused already
		c.texts(g.Name, g.Description, g.Avatar)
	}
}

// texts checks the texts of a group, without limits.
func (c *foreignCheck) texts(name, description, avatar string) {
	c.id("name", checkName(FieldName, name, math.MaxInt))
	c.id("description", checkText(FieldDescription, description, math.MaxInt))
	c.id("avatar", checkText(FieldAvatar, avatar, math.MaxInt))
}

// ends checks the end of a mark, and its reason.
func (c *foreignCheck) ends(until time.Time, reason string) {
	if !until.IsZero() && millis(until) > lastExpiry {
		c.refuse("until", "is %s, later than the last instant %s", until.UTC().Format(time.RFC3339), instant(lastExpiry).Format(time.RFC3339))
	}
	c.id("reason", checkText("", reason, math.MaxInt))
}

// stateRules check the rules that hold in every group, user by user.
type stateRules struct {
	head   record.Header
	errs   []error
	owners int
	now    record.Header // counts what there is
	named  bool          // the header comes from a snapshot: only the counts that are given are compared
}

// texts checks the texts that the events of a log have made.
func (r *stateRules) texts(announcement string) {
	c := new(foreignCheck)
	c.within("group", func() { c.texts(r.head.Name, r.head.Description, r.head.Avatar) })
	c.within("announcement", func() { c.id("text", checkText("", announcement, math.MaxInt)) })
	r.errs = append(r.errs, c.errs...)
}

func (r *stateRules) refuse(list Field, format string, args ...any) {
	r.errs = append(r.errs, invalid(list, format, args...))
}

// check checks the standing of a user. by is the standing of the one who invited the user.
func (r *stateRules) check(user string, st, by *record.Standing) {
	who := quote(user)
	owns := Role(st.Role) == RoleOwner
	if st.Member() {
		r.now.Members++
	}
	if Role(st.Role) == RoleAdmin {
		r.now.Admins++
	}
	if owns {
		r.owners++
	}
	if owns && user != r.head.Owner {
		r.refuse("members", "has %s as the owner, but the group has %s", who, quote(r.head.Owner))
	}
	for _, kind := range marks {
		mark := *kind.field(st)
		if mark == nil {
			continue
		}
		*kind.count(&r.now)++
		list := jsonLists[kind.list]
		switch {
		case kind == muteMark && owns:
			r.refuse(list, "has %s, who is the owner", who)
		case kind == blockMark && st.Member(), kind.pending && st.Member():
			r.refuse(list, "has %s, who is a member", who)
		case kind.pending && st.Block != nil:
			r.refuse(list, "has %s, who is on the blacklist", who)
		case kind.membersOnly && !st.Member():
			r.refuse(list, "has %s, who is not a member", who)
		}
		if kind == invitationMark && mark.By != "" && !mayInvite(&r.head, mark.By, by) {
			r.refuse(list, "has %s, invited by %s, who is not allowed to invite", who, quote(mark.By))
		}
		if mark.Until > lastExpiry {
			r.refuse(list, "has %s until %d ms, later than the last instant %d ms", who, mark.Until, int64(lastExpiry))
		}
	}
}

var jsonLists = map[byte]Field{
	key.Muted: "mutes", key.Blocked: "blacklist", key.Allowed: "allow_list", key.Requests: "requests", key.Invitations: "invitations",
}

// end returns an error with all that is wrong, or nil.
func (r *stateRules) end() error {
	if r.owners != 1 || r.head.Owner == "" {
		r.refuse("members", "has %d owners (1: %s)", r.owners, quote(r.head.Owner))
	}
	count := func(field Field, stated, counted int) {
		if stated != counted && (stated != 0 || !r.named) {
			r.refuse(field, "is %d, but there are %d", stated, counted)
		}
	}
	count("group.member_count", r.head.Members, r.now.Members)
	count("group.admin_count", r.head.Admins, r.now.Admins)
	for _, kind := range marks {
		if !r.named {
			count(jsonLists[kind.list], *kind.count(&r.head), *kind.count(&r.now))
		}
	}
	return joinFields(r.errs)
}
