package groupkit_test

import (
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"pgregory.net/rapid"

	"groupkit"
)

// What the histories draw from: few users and groups, so that they meet often,
// and now and then what nobody should ever pass.

// users have ids that are prefixes of one another, or hold what a key might be
// made of.
var users = []groupkit.UserID{
	"a", "a:", "a/b", "aa", "a b", "Zoë", "用户", groupkit.UserID(strings.Repeat("m", 128)),
}

// ghost is unknown to every directory.
const ghost = groupkit.UserID("ghost")

var hostileUsers = []groupkit.UserID{
	"", " ", " a", "a ", "a\x00", "a\nb", "\xff", "a\u0085", "\u3000a", groupkit.UserID(strings.Repeat("x", 129)), groupkit.UserID(strings.Repeat("x", 200)),
}

var chosenGroups = []groupkit.GroupID{"g", "g:", "g.1", "G_1-x", groupkit.GroupID(strings.Repeat("g", 64))}

var hostileGroups = []groupkit.GroupID{
	"", "g ", "g/1", "\xff", "gruppe-ä", "g\x00", groupkit.GroupID(strings.Repeat("g", 65)), groupkit.GroupID(strings.Repeat("g", 200)),
}

var durations = []time.Duration{
	groupkit.Forever, time.Hour, time.Nanosecond, time.Millisecond, time.Millisecond + 1, 1500 * time.Microsecond,
	10 * time.Millisecond, time.Second, math.MaxInt64, groupkit.Forever, groupkit.Forever, 100 * time.Hour,
}

var hostileDurations = []time.Duration{0, -2, -time.Second, math.MinInt64}

// bit and number draw evenly. rapid's own numbers are mostly small ones, which
// would starve the verbs and users at the end of a list.
var (
	bit    = rapid.Bool()
	number = rapid.Custom(func(t *rapid.T) int {
		n := 0
		for range 10 {
			n *= 2
			if bit.Draw(t, "") {
				n++
			}
		}
		return n
	})
)

func pick[T any](t *rapid.T, label string, from []T) T {
	return from[number.Draw(t, label)%len(from)]
}

// chance is true in so many of a hundred cases.
func chance(t *rapid.T, label string, percent int) bool {
	return 1023-number.Draw(t, label) < percent*1024/100
}

// options draws the engine's options, and the users it knows (nil: all).
func options(t *rapid.T) (groupkit.Options, map[groupkit.UserID]bool) {
	opts := groupkit.Options{Limits: limits(t), BlockOutsiders: bit.Draw(t, "block outsiders")}
	if bit.Draw(t, "owner succeed") {
		opts.OwnerLeave = groupkit.OwnerSucceed
	}
	ttls := []time.Duration{0, 0, 2 * time.Millisecond, 10 * time.Millisecond, time.Second}
	opts.RequestTTL, opts.InvitationTTL = pick(t, "request ttl", ttls), pick(t, "invitation ttl", ttls)
	if bit.Draw(t, "everyone exists") {
		return opts, nil
	}
	known := map[groupkit.UserID]bool{}
	for _, u := range users {
		known[u] = true
	}
	return opts, known
}

// limits draws the defaults, or what is met soon.
func limits(t *rapid.T) groupkit.Limits {
	if chance(t, "default limits", 25) {
		return groupkit.Limits{
			JoinedGroups: 500, Admins: 100, NewMembers: 100, Batch: 60, Announcement: 512, FileSize: 10 << 20, FilesPage: 1000,
			GroupSize: 200, MaxGroupSize: 10_000, Details: 100, Files: 10_000, Requests: 500, Invitations: 500,
		}
	}
	few := func(label string, least, most int) int { return least + number.Draw(t, label)%(most-least+1) }
	largest := few("group size at most", 3, 5)
	return groupkit.Limits{
		JoinedGroups: few("joined groups", 2, 3), Admins: few("admins", 2, 4), NewMembers: few("new members", 2, 3),
		Batch: few("batch", 2, 3), Announcement: 3, FileSize: 8, FilesPage: 2, Groups: few("groups", 2, 4) % 4,
		GroupSize: few("group size", 3, largest), MaxGroupSize: largest, Details: 3, Files: few("files", 1, 2),
		Requests: few("requests", 1, 2), Invitations: few("invitations", 1, 3),
	}
}

// drawGroup draws a group: mostly one that there is, and that has such a crowd.
func (w *world) drawGroup(t *rapid.T, with crowd) groupkit.GroupID {
	live := slices.Sorted(maps.Keys(w.groups))
	gone := slices.Sorted(maps.Keys(w.deleted))
	fit := slices.DeleteFunc(slices.Clone(live), func(id groupkit.GroupID) bool {
		return with != nil && len(with(w.groups[id])) == 0
	})
	switch n := number.Draw(t, "which group") % 100; {
	case n < 80 && len(fit) > 0:
		return pick(t, "group", fit)
	case n < 95 && len(live) > 0:
		return pick(t, "group", live)
	case n < 97 && len(gone) > 0:
		return pick(t, "deleted group", gone)
	case n < 98:
		return "nothing-here"
	}
	return pick(t, "hostile group", hostileGroups)
}

// A crowd is the users in some state in a group.
type crowd func(*modelGroup) []groupkit.UserID

func anyone(*modelGroup) []groupkit.UserID       { return users }
func theOwner(g *modelGroup) []groupkit.UserID   { return []groupkit.UserID{g.owner} }
func theAdmins(g *modelGroup) []groupkit.UserID  { return keys(g.admins) }
func theMembers(g *modelGroup) []groupkit.UserID { return keys(g.joined) }
func theOthers(g *modelGroup) []groupkit.UserID {
	return slices.DeleteFunc(keys(g.joined), func(u groupkit.UserID) bool { return u == g.owner })
}
func theBlocked(g *modelGroup) []groupkit.UserID   { return keys(g.blocks) }
func theMuted(g *modelGroup) []groupkit.UserID     { return keys(g.mutes) }
func theAllowed(g *modelGroup) []groupkit.UserID   { return keys(g.allowed) }
func theRequested(g *modelGroup) []groupkit.UserID { return keys(g.requests) }
func theInvited(g *modelGroup) []groupkit.UserID   { return keys(g.invitations) }

// theSharers are those whose files there are.
func theSharers(g *modelGroup) (list []groupkit.UserID) {
	for _, f := range g.files {
		list = append(list, f.Owner)
	}
	return list
}

// theMighty are those who may do most things; theStrangers have no part in the group yet.
func theMighty(g *modelGroup) []groupkit.UserID { return append(keys(g.admins), g.owner) }

func theStrangers(g *modelGroup) []groupkit.UserID {
	return slices.DeleteFunc(slices.Clone(users), func(u groupkit.UserID) bool { return has(g.joined, u) || has(g.blocks, u) })
}

// theCurious are those who might join.
func theCurious(g *modelGroup) []groupkit.UserID {
	if g.public {
		return theStrangers(g)
	}
	return theInvited(g)
}

func keys[V any](m map[groupkit.UserID]V) []groupkit.UserID { return slices.Sorted(maps.Keys(m)) }

// drawUser draws a user: often one of a crowd of the group.
func (w *world) drawUser(t *rapid.T, id groupkit.GroupID, of crowd) groupkit.UserID {
	n := number.Draw(t, "which user") % 100
	if g := w.groups[id]; n < 65 && g != nil && of != nil {
		if crowd := of(g); len(crowd) > 0 {
			return pick(t, "user of a crowd", crowd)
		}
	}
	switch {
	case n < 96:
		return pick(t, "user", users)
	case n < 98:
		return ghost
	}
	return pick(t, "hostile user", hostileUsers)
}

// drawUsers draws users for a batch, at most one more than a small batch takes.
func (w *world) drawUsers(t *rapid.T, id groupkit.GroupID, of crowd) []groupkit.UserID {
	all := make([]groupkit.UserID, pick(t, "how many", []int{2, 1, 3, 3, 2, 1, 2, 3, 2, 4, 0}))
	for i := range all {
		all[i] = w.drawUser(t, id, of)
	}
	return all
}

// drawCaller draws who makes a call on a group: often one of a crowd, or the system,
// who is all there is to calls without a crowd.
func (w *world) drawCaller(t *rapid.T, id groupkit.GroupID, of crowd) caller {
	c := caller{user: w.drawUser(t, id, of)}
	if chance(t, "system", 20) || of == nil && chance(t, "system", 60) {
		c = caller{system: true}
	}
	if chance(t, "reason", 10) {
		c.reason = pick(t, "reason", []string{"spam", "zum Spaß", "x", "y", "spam", strings.Repeat("ß", 512), strings.Repeat("x", 513), "\xff"})
	}
	if g := w.groups[id]; g != nil && chance(t, "version", 6) {
		c.version = new(pick(t, "version", []uint64{g.version, g.version, g.version - 1, g.version + 1, 0, math.MaxUint64}))
	}
	return c
}

// drawDuration draws how long a block or mute is to last.
func drawDuration(t *rapid.T) time.Duration {
	if chance(t, "hostile duration", 4) {
		return pick(t, "duration", hostileDurations)
	}
	return pick(t, "duration", durations)
}

// text draws a text around a limit of so many characters.
func text(t *rapid.T, label string, most int) string {
	if chance(t, "hostile text", 4) {
		return pick(t, label, []string{strings.Repeat("x", most+1), "a\xffb", strings.Repeat("語", most+1)})
	}
	return pick(t, label, []string{"x", "", "ß", "abc", "語語語", "x", "y", "a/b", "zz", strings.Repeat("語", most)})
}

// page draws a page, a hostile one at times.
func page(t *rapid.T) groupkit.Page {
	p := groupkit.Page{Number: number.Draw(t, "page") % 4, Size: number.Draw(t, "page size") % 4}
	if chance(t, "hostile page", 10) {
		hostile := []int{-1, math.MinInt, math.MaxInt, math.MaxInt / 2, 1001, 1 << 33}
		p = pick(t, "page", []groupkit.Page{
			{Number: pick(t, "page number", hostile), Size: 1}, {Number: 1, Size: pick(t, "page size", hostile)},
			{Number: pick(t, "page number", hostile), Size: pick(t, "page size", hostile)},
		})
	}
	return p
}
