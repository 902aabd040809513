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
	groupkit.Forever, time.Nanosecond, time.Millisecond, time.Millisecond + 1, 1500 * time.Microsecond,
	10 * time.Millisecond, time.Second, time.Hour, math.MaxInt64,
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
	largest := few("group size at most", 3, 6)
	return groupkit.Limits{
		JoinedGroups: few("joined groups", 2, 5), Admins: few("admins", 2, 4), NewMembers: few("new members", 2, 3),
		Batch: few("batch", 2, 3), Announcement: 3, FileSize: 8, FilesPage: 2, Groups: few("groups", 3, 7) % 7,
		GroupSize: few("group size", 2, largest), MaxGroupSize: largest, Details: 3, Files: few("files", 2, 3),
		Requests: few("requests", 1, 3), Invitations: few("invitations", 1, 3),
	}
}

// group draws a group: one that there is, mostly.
func (m *machine) group(t *rapid.T) groupkit.GroupID {
	live := slices.Sorted(maps.Keys(m.world.groups))
	gone := slices.Sorted(maps.Keys(m.world.deleted))
	switch n := number.Draw(t, "which group") % 100; {
	case n < 92 && len(live) > 0:
		return pick(t, "group", live)
	case n < 96 && len(gone) > 0:
		return pick(t, "deleted group", gone)
	case n < 98:
		return "nothing-here"
	}
	return pick(t, "hostile group", hostileGroups)
}

// user draws a user: often one who has to do with the group.
func (m *machine) user(t *rapid.T, id groupkit.GroupID) groupkit.UserID {
	near := m.world.groups[id].near()
	switch n := number.Draw(t, "which user") % 100; {
	case n < 40 && len(near) > 0:
		return pick(t, "user of the group", near)
	case n < 95:
		return pick(t, "user", users)
	case n < 97:
		return ghost
	}
	return pick(t, "hostile user", hostileUsers)
}

// near is everyone whom the group knows.
func (g *modelGroup) near() []groupkit.UserID {
	if g == nil {
		return nil
	}
	return slices.Compact(slices.Sorted(slices.Values(slices.Concat(keys(g.joined), keys(g.blocks), keys(g.mutes), keys(g.requests), keys(g.invitations)))))
}

func keys[V any](m map[groupkit.UserID]V) []groupkit.UserID { return slices.Sorted(maps.Keys(m)) }

// some draws users for a batch, at most one more than a small batch takes.
func (m *machine) some(t *rapid.T, id groupkit.GroupID) []groupkit.UserID {
	all := make([]groupkit.UserID, pick(t, "how many", []int{2, 1, 3, 3, 2, 1, 4, 0}))
	for i := range all {
		all[i] = m.user(t, id)
	}
	return all
}

// caller draws who makes a call on a group: often one who may.
func (m *machine) caller(t *rapid.T, id groupkit.GroupID) caller {
	c := caller{user: m.user(t, id)}
	g := m.world.groups[id]
	switch n := number.Draw(t, "who") % 100; {
	case n < 25:
		c = caller{system: true}
	case n < 45 && g != nil:
		c.user = g.owner
	case n < 55 && g != nil && len(g.admins) > 0:
		c.user = pick(t, "admin", keys(g.admins))
	case n < 65 && g != nil:
		c.user = pick(t, "member", keys(g.joined))
	case n < 80 && g != nil && len(g.requests)+len(g.invitations) > 0:
		c.user = pick(t, "waiting", append(keys(g.requests), keys(g.invitations)...))
	}
	if chance(t, "reason", 10) {
		c.reason = pick(t, "reason", []string{"spam", "zum Spaß", "x", "y", "spam", strings.Repeat("ß", 512), strings.Repeat("x", 513), "\xff"})
	}
	if g != nil && chance(t, "version", 6) {
		c.version = new(pick(t, "version", []uint64{g.version, g.version, g.version - 1, g.version + 1, 0, math.MaxUint64}))
	}
	return c
}

// duration draws how long a block or mute is to last.
func (m *machine) duration(t *rapid.T) time.Duration {
	if chance(t, "hostile duration", 4) {
		return pick(t, "duration", hostileDurations)
	}
	return pick(t, "duration", durations)
}

// text draws a text around a limit of so many characters.
func text(t *rapid.T, label string, most int) string {
	if chance(t, "hostile text", 4) {
		return pick(t, label, []string{"a/b", strings.Repeat("x", most+1), "a\xffb", strings.Repeat("語", most+1)})
	}
	return pick(t, label, []string{"x", "", "ß", "abc", "語語語", strings.Repeat("語", most)})
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
