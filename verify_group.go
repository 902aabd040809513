package groupkit

import (
	"fmt"
	"reflect"
	"strings"

	"groupkit/internal/key"
	"groupkit/internal/record"
	"groupkit/store"
)

// check reads every record of the group, and then compares them. A group whose log retention
// has removed completely consists of its tombstone.
func (g *groupWalk) check() error {
	err := scanAll(g.r, store.Prefix(key.Group(string(g.id))), func(page []store.Pair) error {
		for _, p := range page {
			g.take(p)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if g.head == nil {
		g.broken(OneOwner, "", key.Header, "is missing")
		return nil
	}
	if g.head.State == record.Deleted && g.head.First == g.head.Version+1 && g.last == 0 {
		if stone := tombstone(g.head); stone != *g.head {
			g.broken(DeletedIsGone, "", key.Header, "contains more than a tombstone: %s", differences(stone, *g.head))
		}
		if g.checkpointed > 0 {
			g.broken(LogComplete, "", key.Checkpoint, "is left, but the whole log has been removed")
		}
		return g.checkDeleted()
	}
	if first := max(g.head.First, 1); first != g.cut+1 {
		g.broken(LogComplete, "", key.Checkpoint, "has version %d instead of %d, because the log begins with version %d", g.cut, first-1, first)
	}
	if g.head.Version != g.last {
		g.broken(LogComplete, "", key.Events, "ends at version %d, but the group is at version %d", g.last, g.head.Version)
	}
	g.checkHeader()
	if g.head.State != record.Live {
		return g.checkDeleted()
	}
	g.checkOwner()
	g.checkCounts()
	if err := g.checkUsers(); err != nil {
		return err
	}
	g.checkReplay()
	if err := g.checkTraces(); err != nil {
		return err
	}
	return g.checkCreation()
}

// checkDeleted checks a group that is deleted or being deleted.
func (g *groupWalk) checkDeleted() error {
	g.files = nil
	switch g.head.State {
	case record.Deleting:
		_, ok, err := g.r.Get(key.Deletion(string(g.id)))
		if err == nil && !ok {
			g.broken(DeletedIsGone, "", key.Header, "is marked as being deleted, but there is no pending deletion")
		}
		return storage(err)
	case record.Deleted:
		if g.leftover > 0 {
			g.broken(DeletedIsGone, "", key.Header, "is a tombstone, but %d other records of the group are left", g.leftover)
		}
		return g.checkTraces()
	default:
		g.broken(DeletedIsGone, "", key.Header, "has the unknown state %d", g.head.State)
	}
	return nil
}

func (g *groupWalk) checkOwner() {
	owners := 0
	for user, st := range g.users {
		if Role(st.Role) == RoleOwner {
			owners++
			if user != g.head.Owner {
				g.broken(OneOwner, user, key.Members, "has the role of the owner, but the header names %q", g.head.Owner)
			}
			if st.Mute != nil {
				g.broken(MutesInBounds, user, key.Members, "has a mute, but the user is the owner")
			}
			if _, ok := g.lists[string(rune(key.Admins))+user]; ok {
				g.broken(OneOwner, user, key.Admins, "names the owner")
			}
		}
	}
	if owners != 1 {
		g.broken(OneOwner, g.head.Owner, key.Header, "names %q as the owner, but %d members have that role", g.head.Owner, owners)
	}
}

func (g *groupWalk) checkCounts() {
	var now record.Header
	for _, st := range g.users {
		if st.Member() {
			now.Members++
		}
		if Role(st.Role) == RoleAdmin {
			now.Admins++
		}
		for _, kind := range marks {
			if *kind.field(st) != nil {
				*kind.count(&now)++
			}
		}
	}
	g.checkCount("members", g.head.Members, now.Members)
	g.checkCount("admins", g.head.Admins, now.Admins)
	for _, kind := range marks {
		g.checkCount(kind.plural, *kind.count(g.head), *kind.count(&now))
	}
	g.checkCount("files", g.head.Files, len(g.files))
}

func (g *groupWalk) checkCount(name string, stored, counted int) {
	if stored != counted {
		g.broken(CountsExact, "", key.Header, "counts %d %s, but there are %d", stored, name, counted)
	}
}

// checkUsers checks that each standing has its index entries, and that each entry in a list has
// its standing.
func (g *groupWalk) checkUsers() error {
	for user, st := range g.users {
		g.checkStanding(user, st)
		for _, p := range standingPairs(string(g.id), user, st) {
			if err := g.checkPair(user, p); err != nil {
				return err
			}
		}
	}
	for entry := range g.lists {
		list, user := entry[0], entry[1:]
		if st := g.users[user]; st == nil || !listed(list, st) {
			g.broken(pickInvariant(list), user, list, "does not match the record of the user")
		}
	}
	return nil
}

// pickInvariant returns the invariant that an entry in the list belongs to.
func pickInvariant(list byte) Invariant {
	if list == key.Admins {
		return CountsExact
	}
	return ViewsAgree
}

func (g *groupWalk) checkStanding(user string, st *record.Standing) {
	if st.Empty() {
		g.broken(LogComplete, user, g.area[user], "is empty")
	}
	if st.Member() && st.Block != nil {
		g.broken(ListsDisjoint, user, key.Members, "contains a block")
	}
	for _, kind := range marks {
		mark := *kind.field(st)
		if mark == nil {
			continue
		}
		if kind.pending && (st.Member() || st.Block != nil) {
			g.broken(ListsDisjoint, user, kind.list, "is pending, but the user is a member or blocked")
		}
		if kind.membersOnly && !st.Member() {
			g.broken(ListsDisjoint, user, kind.list, "names a user who is not a member")
		}
		if mark.Until > lastExpiry {
			g.broken(MutesInBounds, user, kind.list, "expires at %d ms, later than the last instant %d ms", mark.Until, int64(lastExpiry))
		}
	}
}

// checkPair checks that a record that belongs to a standing exists.
func (g *groupWalk) checkPair(user string, p store.Pair) error {
	value, ok, err := g.r.Get(p.Key)
	if err != nil {
		return storage(err)
	}
	if ok && string(value) == string(p.Value) {
		return nil
	}
	problem := "is missing"
	if ok {
		problem = "has a wrong value"
	}
	switch p.Key[0] {
	case 'u':
		g.report(UsersAgree, g.id, UserID(user), userEntry, "%s", problem)
	case 't':
		g.report(ViewsAgree, g.id, UserID(user), expiryEntry, "%s", problem)
	default:
		_, kind, _, _ := key.CutGroup(p.Key)
		g.broken(pickInvariant(kind), user, kind, "%s", problem)
	}
	return nil
}

// checkHeader compares the header with the replayed log.
func (g *groupWalk) checkHeader() {
	want := g.log.head
	if want.State == record.Deleting && g.head.State == record.Deleted {
		want = tombstone(&want)
	}
	want.First = g.head.First // the log does not contain where it begins
	if want != *g.head {
		g.broken(LogComplete, "", key.Header, "differs from the log: %s", differences(want, *g.head))
	}
}

// checkReplay compares the other records of the group with the replayed log.
func (g *groupWalk) checkReplay() {
	for user, st := range g.log.standings {
		if g.users[user] == nil && !st.Empty() {
			g.broken(LogComplete, user, areaOf(st), "is missing, but the log contains the user")
		}
	}
	for user, st := range g.users {
		if !reflect.DeepEqual(*g.log.standing(user), *st) {
			g.broken(LogComplete, user, g.area[user], "differs from the log")
		}
	}
	if g.log.announcement != g.announcement {
		g.broken(LogComplete, "", key.Announcement, "differs from the log")
	}
	if g.log.custom != g.custom {
		g.broken(LogComplete, "", key.Custom, "differs from the log")
	}
	if !reflect.DeepEqual(g.log.files, g.files) {
		g.report(LogComplete, g.id, "", "list of files", "differs from the log")
	}
}

// checkTraces checks that a user who has no record in the group any more, but is named in its
// log, has a trace that leads to the log. A user who came back can still have a trace.
func (g *groupWalk) checkTraces() error {
	for user := range g.log.standings {
		_, ok, err := g.r.Get(key.UserGroupTrace(user, string(g.id)))
		if err != nil {
			return storage(err)
		}
		if g.users[user] == nil && !ok && !strings.HasPrefix(user, pseudonym) {
			g.report(UsersAgree, g.id, UserID(user), "trace that leads to the log", "is missing")
		}
	}
	return nil
}

// differences describes the fields in which two headers differ.
func differences(want, got record.Header) string {
	var out []string
	w, h := reflect.ValueOf(want), reflect.ValueOf(got)
	for i := range w.NumField() {
		if w.Field(i).Interface() != h.Field(i).Interface() {
			out = append(out, fmt.Sprintf("%s is %v instead of %v", w.Type().Field(i).Name, h.Field(i), w.Field(i)))
		}
	}
	return strings.Join(out, ", ")
}

func (g *groupWalk) checkCreation() error {
	_, ok, err := g.r.Get(key.Created(g.head.Public, g.head.Created, string(g.id)))
	if err == nil && !ok {
		g.report(ViewsAgree, g.id, "", creationEntry, "is missing")
	}
	return storage(err)
}
