package groupkit_test

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"groupkit"
)

// The model is the whole engine once more, as plainly as it can be said: maps,
// slices, loops. It shares the public types and sentinels with the engine, and
// no code. Each verb returns what a caller gets, or the refusal, and changes the
// world only when it grants the call.

// A world is an application's groups at one instant.
type world struct {
	now      time.Time
	opts     groupkit.Options // Limits has no zero left but Groups
	known    map[groupkit.UserID]bool
	groups   map[groupkit.GroupID]*modelGroup
	deleted  map[groupkit.GroupID]bool
	touched  map[groupkit.GroupID]bool // the groups that the last call changed
	cleared  map[groupkit.GroupID]bool // and those of which it may have cleared away what had expired
	numbered int                       // how many ids were assigned
}

// A modelGroup is one group.
type modelGroup struct {
	id                                             groupkit.GroupID
	name, description, avatar, custom              string
	public, membersOnly, allowInvites, needConfirm bool
	maxUsers                                       int
	owner                                          groupkit.UserID
	created, modified                              time.Time
	version                                        uint64 // as the engines count it
	muted                                          bool

	joined      map[groupkit.UserID]time.Time // the members, the owner among them
	admins      map[groupkit.UserID]time.Time // since when
	blocks      map[groupkit.UserID]groupkit.Block
	mutes       map[groupkit.UserID]groupkit.Mute
	allowed     map[groupkit.UserID]groupkit.Allowed
	requests    map[groupkit.UserID]groupkit.Request
	invitations map[groupkit.UserID]groupkit.Invitation

	announcement groupkit.Announcement
	files        []modelFile // oldest first
}

// A caller is who makes a call, why, and at which version of the group.
type caller struct {
	system  bool
	user    groupkit.UserID
	reason  string
	version *uint64
}

// by is the name under which a caller is remembered.
func (c caller) by() groupkit.UserID {
	if c.system {
		return ""
	}
	return c.user
}

// A refusal is a call turned down: the sentinel it must match, and whom it is
// about, where the rules say so.
type refusal struct {
	is    []error // one; of a batch that failed whole, those of its entries
	batch bool
	user  groupkit.UserID
	limit int64     // the limit that was reached
	until time.Time // of a mute
}

func refuse(is error) *refusal { return &refusal{is: []error{is}} }

func refuseUser(is error, u groupkit.UserID) *refusal {
	return &refusal{is: []error{is}, user: u}
}

func refuseLimit[N int | int64](is error, limit N) *refusal {
	return &refusal{is: []error{is}, limit: int64(limit)}
}

// An entry is what a batch answers for one user.
type entry struct {
	user    groupkit.UserID
	outcome groupkit.Outcome
	until   time.Time
	refused *refusal
}

func newWorld(now time.Time, opts groupkit.Options, known map[groupkit.UserID]bool) *world {
	return &world{
		now: now, opts: opts, known: known,
		groups:  map[groupkit.GroupID]*modelGroup{},
		deleted: map[groupkit.GroupID]bool{},
		touched: map[groupkit.GroupID]bool{},
		cleared: map[groupkit.GroupID]bool{},
	}
}

// Values.

var groupIDs = regexp.MustCompile(`^[A-Za-z0-9._:-]{1,64}$`)

func validGroup(id groupkit.GroupID) bool { return groupIDs.MatchString(string(id)) }

func validUser(u groupkit.UserID) bool {
	s := string(u)
	return len(s) >= 1 && len(s) <= 128 && utf8.ValidString(s) &&
		!strings.ContainsFunc(s, unicode.IsControl) && strings.TrimSpace(s) == s
}

func validText(s string, shortest, longest int) bool {
	n := utf8.RuneCountInString(s)
	return utf8.ValidString(s) && n >= shortest && n <= longest
}

func validCustom(s string) bool { return utf8.ValidString(s) && len(s) <= 8192 }

func validDuration(d time.Duration) bool { return d > 0 || d == groupkit.Forever }

func validPage(p groupkit.Page) bool { return p.Number >= 0 && p.Size >= 0 }

// lastInstant is when everything ends that was to last for good.
var lastInstant = time.UnixMilli(4638873600000).UTC()

// after is the instant d from now; a part of a millisecond counts as a whole one.
func (w *world) after(d time.Duration) time.Time {
	if d == groupkit.Forever {
		return lastInstant
	}
	ms := d / time.Millisecond
	if d%time.Millisecond > 0 {
		ms++
	}
	return earlier(time.UnixMilli(w.now.UnixMilli()+int64(ms)).UTC(), lastInstant)
}

// expires is the instant ttl from now, or never.
func (w *world) expires(ttl time.Duration) time.Time {
	if ttl == 0 {
		return time.Time{}
	}
	return w.after(ttl)
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// holds says whether what ends at that instant (never, if zero) still holds.
func (w *world) holds(end time.Time) bool { return end.IsZero() || w.now.Before(end) }

func (w *world) exists(u groupkit.UserID) bool { return w.known == nil || w.known[u] }

// The state of a user in a group.

func (g *modelGroup) role(u groupkit.UserID) groupkit.Role {
	switch {
	case u == g.owner:
		return groupkit.RoleOwner
	case has(g.admins, u):
		return groupkit.RoleAdmin
	case has(g.joined, u):
		return groupkit.RoleMember
	}
	return groupkit.RoleOutsider
}

func (w *world) blocked(g *modelGroup, u groupkit.UserID) bool {
	return has(g.blocks, u) && w.holds(g.blocks[u].Until)
}

func (w *world) muted(g *modelGroup, u groupkit.UserID) bool {
	return has(g.mutes, u) && w.holds(g.mutes[u].Until)
}

func (w *world) requested(g *modelGroup, u groupkit.UserID) bool {
	return has(g.requests, u) && w.holds(g.requests[u].Expires)
}

func (w *world) invited(g *modelGroup, u groupkit.UserID) bool {
	return has(g.invitations, u) && w.holds(g.invitations[u].Expires)
}

func has[K comparable, V any](m map[K]V, key K) bool {
	_, ok := m[key]
	return ok
}

// The checks that calls have in common.

// wrong refuses bad arguments, before anything is looked at.
func (c caller) wrong(id groupkit.GroupID, argumentsOK bool) *refusal {
	if !c.valid() || !validGroup(id) || !argumentsOK {
		return refuse(groupkit.ErrInvalid)
	}
	return nil
}

func (c caller) valid() bool {
	return (c.system || validUser(c.user)) && validText(c.reason, 0, 512)
}

// enter finds the group, unless it is none of the caller's business.
func (w *world) enter(c caller, id groupkit.GroupID) (*modelGroup, *refusal) {
	g := w.groups[id]
	if g != nil && !c.system && !g.public && g.role(c.user) == groupkit.RoleOutsider && !w.blocked(g, c.user) {
		return nil, refuse(groupkit.ErrGroupNotFound)
	}
	return w.enterInvited(c, id)
}

// enterInvited is enter for the calls that are open to whoever is invited.
func (w *world) enterInvited(c caller, id groupkit.GroupID) (*modelGroup, *refusal) {
	g := w.groups[id]
	switch {
	case g == nil:
		return nil, refuse(groupkit.ErrGroupNotFound)
	case !c.system && w.blocked(g, c.user):
		return nil, refuseUser(groupkit.ErrBlacklisted, c.user)
	case !c.system && !g.public && g.role(c.user) == groupkit.RoleOutsider && !w.invited(g, c.user):
		return nil, refuse(groupkit.ErrGroupNotFound)
	case c.version != nil && *c.version != g.version:
		return nil, refuse(groupkit.ErrVersion)
	}
	return g, nil
}

// lowest refuses a user of a lower role than the one that a call needs.
func (g *modelGroup) lowest(c caller, role groupkit.Role) *refusal {
	switch {
	case c.system || g.role(c.user) >= role:
		return nil
	case g.role(c.user) == groupkit.RoleOutsider:
		return refuseUser(groupkit.ErrNotMember, c.user)
	}
	return refuseUser(groupkit.ErrRoleTooLow, c.user)
}

// as is enter for a caller that needs at least that role.
func (w *world) as(c caller, id groupkit.GroupID, role groupkit.Role) (*modelGroup, *refusal) {
	g, no := w.enter(c, id)
	if no != nil {
		return nil, no
	}
	return g, g.lowest(c, role)
}

// over refuses to act on the owner, and on anyone whose role is not lower.
func (g *modelGroup) over(c caller, u groupkit.UserID) *refusal {
	switch {
	case g.role(u) == groupkit.RoleOutsider:
		return refuseUser(groupkit.ErrNotMember, u)
	case u == g.owner:
		return refuseUser(groupkit.ErrOwner, u)
	}
	return g.above(c, u)
}

// above refuses a user to act on anyone whose role is not lower.
func (g *modelGroup) above(c caller, u groupkit.UserID) *refusal {
	if !c.system && g.role(c.user) <= g.role(u) {
		return refuseUser(groupkit.ErrRoleTooLow, u)
	}
	return nil
}

// touch notes that a call changed the group.
func (w *world) touch(g *modelGroup) {
	w.touched[g.id] = true
	g.modified = w.at(g)
}

// at is when a change of the group is said to happen: now, but never before the last one.
func (w *world) at(g *modelGroup) time.Time { return later(g.modified, w.now) }

// each is a batch: the same single calls in order. It fails when all of them do.
func each(users []groupkit.UserID, one func(groupkit.UserID) entry) ([]entry, *refusal) {
	var all []entry
	no := &refusal{batch: true}
	granted := false
	for _, u := range users {
		e := entry{user: u, refused: refuse(groupkit.ErrInvalid)}
		if validUser(u) {
			e = one(u)
			e.user = u
		}
		all = append(all, e)
		if e.refused == nil {
			granted = true
		} else {
			no.is = append(no.is, e.refused.is...)
		}
	}
	if granted {
		return all, nil
	}
	return all, no
}

// wrongBatch is wrong for a call on several users, who are looked at one by one.
func (w *world) wrongBatch(c caller, id groupkit.GroupID, users []groupkit.UserID, argumentsOK bool) *refusal {
	if no := c.wrong(id, argumentsOK && len(users) > 0); no != nil {
		return no
	}
	if len(users) > w.opts.Limits.Batch {
		return refuseLimit(groupkit.ErrBatchTooLarge, w.opts.Limits.Batch)
	}
	return nil
}

// Lists.

// sorted is what a map holds, in the order of its keys, where keep says so.
func sorted[V any](m map[groupkit.UserID]V, keep func(groupkit.UserID) bool) []V {
	var list []V
	for _, u := range slices.Sorted(maps.Keys(m)) {
		if keep(u) {
			list = append(list, m[u])
		}
	}
	return list
}

// count is how many of the keys of a map keep chooses.
func count[V any](m map[groupkit.UserID]V, keep func(groupkit.UserID) bool) int {
	return len(sorted(m, keep))
}

// paged cuts one page out of a list.
func paged[T any](list []T, p groupkit.Page, most int) []T {
	number, size := max(p.Number, 1), p.Size
	if size == 0 {
		size = 10
	}
	size = min(size, most)
	for range number - 1 {
		if len(list) == 0 {
			break
		}
		list = list[min(size, len(list)):]
	}
	return list[:min(size, len(list))]
}
