package groupkit

import (
	"fmt"
	"maps"
	"reflect"
	"strings"

	"github.com/google/uuid"

	"groupkit/internal/key"
	"groupkit/internal/record"
	"groupkit/store"
)

// check reads every record of the group, and then compares them. A group whose log retention
// has removed completely consists of its tombstone.
func (g *groupWalk) check() error {
	if err := g.checkRenaming(); err != nil {
		return err
	}
	err := scanAll(g.r, store.Prefix(key.Group(string(g.id))), func(page []store.Pair) error {
		for _, p := range page {
			g.take(p)
		}
		return g.checkCommits()
	})
	if err != nil {
		return err
	}
	if g.head == nil {
		g.broken(OneOwner, "", key.Header, "is missing")
		return nil
	}
	if g.head.State == record.Loading {
		return g.checkLoading()
	}
	if g.head.State == record.Deleted && g.head.First == g.head.Version+1 && g.last == 0 {
		if stone := tombstone(g.head); stone != *g.head {
			g.broken(DeletedIsGone, "", key.Header, "contains more than a tombstone: %s", differences(stone, *g.head))
		}
		if g.checkpointed {
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
	if err := g.checkFiles(); err != nil {
		return err
	}
	g.checkReplay()
	if err := g.checkTraces(); err != nil {
		return err
	}
	return g.checkCreation()
}

// checkRenaming reads the pending renaming of the group, before the records to which it applies, and
// checks that engines will find it. The user has no record in the group any more.
func (g *groupWalk) checkRenaming() error {
	values, err := store.GetMany(g.r, [][]byte{key.Of(string(g.id), key.Header), key.Rename(string(g.id))})
	if err != nil {
		return storage(err)
	}
	h, err := record.DecodeHeader(values[0])
	if err != nil || h.Rename == (record.Rename{}) {
		return nil // take reports a header that cannot be read
	}
	if g.names = renamingOf(&h); g.names.From == "" || g.names.To == "" {
		g.broken(LogComplete, "", key.Header, "has half a pseudonym")
	} else if values[1] == nil {
		g.broken(LogComplete, "", key.Header, "has a pseudonym that nobody will write into the log")
	}
	return nil
}

// noCommit is what is wrong with a call that the index of commits does not have.
const noCommit = "has no entry in the index of commits"

// checkCommits checks that each call of a page of the log, and the load of the group, has its entry in the
// index of commits.
func (g *groupWalk) checkCommits() error {
	keys := make([][]byte, len(g.commits))
	for i, p := range g.commits {
		keys[i] = p.Key
	}
	values, err := store.GetMany(g.r, keys)
	if err != nil {
		return storage(err)
	}
	for i, p := range g.commits {
		if string(values[i]) != string(p.Value) {
			g.broken(ViewsAgree, "", key.Events, noCommit+" for %x", p.Value)
		}
	}
	g.commits = nil
	return nil
}

// checkLoading checks a group that is being loaded. It is not there yet.
func (g *groupWalk) checkLoading() error {
	g.files = nil
	_, ok, err := g.r.Get(key.Load(string(g.id)))
	if err == nil && !ok {
		g.broken(ViewsAgree, "", key.Header, "is marked as being loaded, but nobody loads it")
	}
	return storage(err)
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

// checkUsers checks that each standing has its index entries, and that each entry in a list and
// in another index has its standing.
func (g *groupWalk) checkUsers() error {
	known := make(map[string]bool) // of the entries in indexes
	for user, st := range g.users {
		g.checkStanding(user, st)
		for _, p := range standingPairs(string(g.id), user, st) {
			if _, kind, _, err := key.CutGroup(p.Key); err == nil && (kind == key.Inviters || kind == key.Expiring) {
				known[string(p.Key)] = true
			}
			if err := g.checkPair(user, p); err != nil {
				return err
			}
		}
	}
	for _, k := range g.indexes {
		if !known[string(k)] {
			_, kind, _, _ := key.CutGroup(k)
			g.broken(ViewsAgree, "", kind, "does not match the record of a user (key %x)", k)
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

// checkFiles checks that each file has its entry in the index of files.
func (g *groupWalk) checkFiles() error {
	for _, f := range g.files {
		for _, p := range filePairs(string(g.id), f) {
			value, ok, err := g.get(p.Key)
			if err != nil {
				return err
			}
			if !ok || string(value) != string(p.Value) {
				g.broken(FilesWhole, f.Owner, key.Files, "has no entry in the index of files")
				g.lost(uuid.UUID([]byte(f.ID)))
			}
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
		g.broken(LogComplete, user, areaOf(st), "is empty")
	}
	if st.Member() && st.Block != nil {
		g.broken(ListsDisjoint, user, key.Members, "contains a block")
	}
	for _, kind := range marks {
		mark := *kind.field(st)
		if mark == nil {
			continue
		}
		if kind == invitationMark && !g.mayInvite(mark.By) {
			g.broken(InvitersMayInvite, user, kind.list, "is by %q, who is not allowed to invite", mark.By)
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

func (g *groupWalk) mayInvite(user string) bool {
	st := g.users[user]
	if st == nil {
		st = new(record.Standing)
	}
	return mayInvite(g.head, user, st)
}

// isOldLink reports whether the value of an entry in a user's list of groups is right but for the
// role, which such entries did not always have.
func (g *groupWalk) isOldLink(user string, value []byte) bool {
	return string(value) == string(record.EncodeCount(standingFlags(g.users[user])))
}

// checkPair checks that a record that belongs to a standing exists.
func (g *groupWalk) checkPair(user string, p store.Pair) error {
	value, ok, err := g.get(p.Key)
	if err != nil {
		return err
	}
	if ok && (string(value) == string(p.Value) || p.Key[0] == key.FamilyUsers && g.isOldLink(user, value)) {
		return nil
	}
	problem := "is missing"
	if ok {
		problem = "has a wrong value"
	}
	switch p.Key[0] {
	case key.FamilyUsers:
		g.found(UsersAgree, g.id, UserID(user), userEntry, "%s", problem)
	case key.FamilyExpiries:
		g.found(ViewsAgree, g.id, UserID(user), expiryEntry, "%s", problem)
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
	want.First, want.Rename, want.Loaded = g.head.First, g.head.Rename, g.head.Loaded // the log does not contain where it begins
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
			g.broken(LogComplete, user, areaOf(st), "differs from the log")
		}
	}
	if g.log.announcement != g.announcement {
		g.broken(LogComplete, "", key.Announcement, "differs from the log")
	}
	if g.log.custom != g.custom {
		g.broken(LogComplete, "", key.Custom, "differs from the log")
	} else if g.head.HasCustom != (g.custom != "") {
		g.broken(ViewsAgree, "", key.Custom, "does not match the mark in the header")
	}
	if !maps.EqualFunc(g.log.files, g.files, sameFile) {
		g.found(LogComplete, g.id, "", "list of files", "differs from the log")
	}
}

// sameFile compares a file of the log with that of the group. The log does not say whether the
// content is there.
func sameFile(logged, f *record.File) bool {
	now := *f
	now.Absent = logged.Absent
	return now == *logged
}

// checkTraces checks that a user who has no record in the group any more, but is named in its
// log, has a trace that leads to the log. A user who came back can still have a trace.
func (g *groupWalk) checkTraces() error {
	for user := range g.log.standings {
		_, ok, err := g.r.Get(key.UserGroupTrace(user, string(g.id)))
		if err != nil {
			return storage(err)
		}
		if g.users[user] == nil && !ok && !isPseudonym(user) {
			g.found(UsersAgree, g.id, UserID(user), "trace that leads to the log", "is missing")
		}
	}
	return nil
}

// get reads a record, of the group or beside it, with the pseudonym that is pending.
func (g *groupWalk) get(k []byte) (value []byte, ok bool, err error) {
	if value, ok, err = g.r.Get(k); err != nil || !ok || g.names.From == "" {
		return value, ok, storage(err)
	}
	if _, kind, _, err := key.CutGroup(k); err == nil && len(value) > 0 {
		value, err = g.names.rewrite(kind, value)
		return value, true, err
	}
	return value, true, nil
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
		g.found(ViewsAgree, g.id, "", creationEntry, "is missing")
	}
	return storage(err)
}
