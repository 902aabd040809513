package modeltest

import (
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"pgregory.net/rapid"

	"groupkit"
)

// The values that the histories draw from: few users and groups, so that they meet often, and
// sometimes values that are not valid.

// Users have ids that are prefixes of one another, or hold what a key might be
// made of.
var Users = []groupkit.UserID{
	"a", "a:", "a/b", "aa", "a b", "Zoë", "用户", groupkit.UserID(strings.Repeat("m", 255)),
}

// ghost is unknown to every directory.
const ghost = groupkit.UserID("ghost")

var hostileUsers = []groupkit.UserID{
	"", " ", " a", "a ", "a\x00", "a\nb", "\xff", "a\u0085", "\u3000a", groupkit.UserID(strings.Repeat("x", 256)), groupkit.UserID(strings.Repeat("ü", 128)),
}

// ChosenGroups are ids that an application may choose.
var ChosenGroups = []groupkit.GroupID{
	"g", "g:", "!g:example.org", "gruppe/ä b", "120363@g.us", groupkit.GroupID(strings.Repeat("g", 255)),
}

// HostileGroups are ids that no group can have.
var HostileGroups = []groupkit.GroupID{
	"", "g ", "\tg", "\xff", "g\u0085", "g\x00", groupkit.GroupID(strings.Repeat("g", 256)), groupkit.GroupID(strings.Repeat("語", 86)),
}

var durations = []time.Duration{
	groupkit.Forever, time.Hour, time.Nanosecond, time.Millisecond, time.Millisecond + 1, 1500 * time.Microsecond,
	10 * time.Millisecond, time.Second, math.MaxInt64, groupkit.Forever, groupkit.Forever, 100 * time.Hour,
}

var hostileDurations = []time.Duration{0, -2, -time.Second, math.MinInt64}

// Bit and Number draw evenly. rapid's own numbers are mostly small ones, which
// would starve the verbs and users at the end of a list.
var (
	Bit    = rapid.Bool()
	Number = rapid.Custom(func(t *rapid.T) int {
		n := 0
		for range 10 {
			n *= 2
			if Bit.Draw(t, "") {
				n++
			}
		}
		return n
	})
)

// Pick draws an element of a list.
func Pick[T any](t *rapid.T, label string, from []T) T {
	return from[Number.Draw(t, label)%len(from)]
}

// Chance is true in percent of a hundred cases.
func Chance(t *rapid.T, label string, percent int) bool {
	return 1023-Number.Draw(t, label) < percent*1024/100
}

// DrawOptions draws the engine's options, and the users it knows (nil: all).
func DrawOptions(t *rapid.T) (groupkit.Options, map[groupkit.UserID]bool) {
	opts := groupkit.Options{Limits: drawLimits(t), BlockOutsiders: Bit.Draw(t, "block outsiders")}
	if Bit.Draw(t, "owner succeed") {
		opts.OwnerLeave = groupkit.OwnerSucceed
	}
	ttls := []time.Duration{0, 0, 2 * time.Millisecond, 10 * time.Millisecond, time.Second}
	opts.RequestTTL, opts.InvitationTTL = Pick(t, "request ttl", ttls), Pick(t, "invitation ttl", ttls)
	if Bit.Draw(t, "everyone exists") {
		return opts, nil
	}
	known := map[groupkit.UserID]bool{}
	for _, u := range Users {
		known[u] = true
	}
	return opts, known
}

// drawLimits draws the defaults, or what is met soon.
func drawLimits(t *rapid.T) groupkit.Limits {
	if Chance(t, "default limits", 25) {
		return groupkit.Limits{
			JoinedGroups: 500, Admins: 100, NewMembers: 100, Batch: 60, FileSize: 10 << 20, FilesPage: 1000,
			Name: 128, Description: 512, Avatar: 1024, Custom: 8 << 10, Announcement: 512, Reason: 512,
			DefaultMaxUsers: 200, MaxUsers: 10_000, ListSize: 10_000, GroupDetails: 100, Files: 10_000, Requests: 500, Invitations: 500,
		}
	}
	few := func(label string, least, most int) int { return least + Number.Draw(t, label)%(most-least+1) }
	largest := few("group size at most", 3, 5)
	return groupkit.Limits{
		JoinedGroups: few("joined groups", 2, 3), Admins: few("admins", 2, 4), NewMembers: few("new members", 2, 3),
		Batch: few("batch", 2, 3), FileSize: 8,
		Name: 11, Description: 5, Avatar: 5, Custom: 9, Announcement: 3, Reason: 512, FilesPage: 2, Groups: few("groups", 2, 4) % 4,
		DefaultMaxUsers: few("group size", 3, largest), MaxUsers: largest, ListSize: few("list size", 2, 3), GroupDetails: 3, Files: few("files", 1, 2),
		Requests: few("requests", 1, 2), Invitations: few("invitations", 1, 3),
	}
}

// DrawGroup draws a group: mostly one that there is, and that has such a crowd.
func (w *World) DrawGroup(t *rapid.T, with Crowd) groupkit.GroupID {
	live := slices.Sorted(maps.Keys(w.Live))
	gone := slices.Sorted(maps.Keys(w.Deleted))
	fit := slices.DeleteFunc(slices.Clone(live), func(id groupkit.GroupID) bool {
		return with != nil && len(with(w.Live[id])) == 0
	})
	switch n := Number.Draw(t, "which group") % 100; {
	case n < 80 && len(fit) > 0:
		return Pick(t, "group", fit)
	case n < 95 && len(live) > 0:
		return Pick(t, "group", live)
	case n < 97 && len(gone) > 0:
		return Pick(t, "deleted group", gone)
	case n < 98:
		return "nothing-here"
	}
	return Pick(t, "hostile group", HostileGroups)
}

// DrawUser draws a user: often one of a crowd of the group.
func (w *World) DrawUser(t *rapid.T, id groupkit.GroupID, of Crowd) groupkit.UserID {
	n := Number.Draw(t, "which user") % 100
	if g := w.Live[id]; n < 65 && g != nil && of != nil {
		if crowd := of(g); len(crowd) > 0 {
			return Pick(t, "user of a crowd", crowd)
		}
	}
	switch {
	case n < 96:
		return Pick(t, "user", Users)
	case n < 98:
		return ghost
	}
	return Pick(t, "hostile user", hostileUsers)
}

// DrawUsers draws users for a batch, at most one more than a small batch takes.
func (w *World) DrawUsers(t *rapid.T, id groupkit.GroupID, of Crowd) []groupkit.UserID {
	all := make([]groupkit.UserID, Pick(t, "how many", []int{2, 1, 3, 3, 2, 1, 2, 3, 2, 4, 0}))
	for i := range all {
		all[i] = w.DrawUser(t, id, of)
	}
	return all
}

// DrawCaller draws who makes a call on a group: often one of a crowd, or the system,
// who is all there is to calls without a crowd.
func (w *World) DrawCaller(t *rapid.T, id groupkit.GroupID, of Crowd) Caller {
	c := Caller{User: w.DrawUser(t, id, of)}
	if Chance(t, "system", 20) || of == nil && Chance(t, "system", 60) {
		c = Caller{System: true}
	}
	if Chance(t, "reason", 10) {
		c.Reason = Pick(t, "reason", []string{"spam", "zum Spaß", "x", "y", "spam", strings.Repeat("ß", 512), strings.Repeat("x", 513), "\xff", "a\x00", "a\nb"})
	}
	if g := w.Live[id]; g != nil && Chance(t, "version", 6) {
		c.Version = new(Pick(t, "version", []uint64{g.Version, g.Version, g.Version - 1, g.Version + 1, 0, math.MaxUint64}))
	}
	return c
}

// DrawDuration draws how long a block or mute is to last.
func DrawDuration(t *rapid.T) time.Duration {
	if Chance(t, "hostile duration", 4) {
		return Pick(t, "duration", hostileDurations)
	}
	return Pick(t, "duration", durations)
}

// DrawText draws a text around a limit of so many characters.
func DrawText(t *rapid.T, label string, most int) string {
	if Chance(t, "hostile text", 4) {
		return Pick(t, label, []string{strings.Repeat("x", most+1), "a\xffb", strings.Repeat("語", most+1), "\x00", "a\x1b", "\u0085"})
	}
	return Pick(t, label, []string{"x", "", "ß", "abc", "語語語", "x", "y", "a/b", "zz", " ", "\u200b", "a\n\t", strings.Repeat("語", most)})
}

// DrawPage draws a page, a hostile one at times.
func DrawPage(t *rapid.T) groupkit.Page {
	p := groupkit.Page{Number: Number.Draw(t, "page") % 4, Size: Number.Draw(t, "page size") % 4}
	if Chance(t, "hostile page", 10) {
		hostile := []int{-1, math.MinInt, math.MaxInt, math.MaxInt / 2, 1001, 1 << (strconv.IntSize - 31)}
		p = Pick(t, "page", []groupkit.Page{
			{Number: Pick(t, "page number", hostile), Size: 1}, {Number: 1, Size: Pick(t, "page size", hostile)},
			{Number: Pick(t, "page number", hostile), Size: Pick(t, "page size", hostile)},
		})
	}
	return p
}

// DrawFrom draws where to enter a list: at its beginning, after a user who need not be on it, at the
// beginning of a user ID.
func DrawFrom(t *rapid.T) groupkit.From {
	from := groupkit.From{Limit: 1 + Number.Draw(t, "limit")%3}
	if Chance(t, "after a user", 2) {
		from.After = Pick(t, "after", Users)
	}
	if Chance(t, "at a prefix", 2) {
		from.Prefix = string([]rune(string(Pick(t, "prefix", Users)))[:1])
	}
	return from
}
