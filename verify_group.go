package groupkit

import (
	"cmp"
	"fmt"
	"reflect"
	"strings"

	"groupkit/internal/key"
	"groupkit/internal/record"
	"groupkit/store"
)

// A groupWalk is one group as its records show it.
type groupWalk struct {
	report func(inv Invariant, group GroupID, user UserID, what, format string, args ...any)

	r     store.Reader
	id    GroupID
	head  *record.Header
	users map[string]*record.Standing
	area  map[string]byte
	lists map[string]byte // list and user → where the entry points
	files map[string]*record.File
	text  record.Announcement
	own   string

	log      *state // what replaying the log gives
	last     uint64
	cut      uint64 // the version of the checkpoint
	copies   int    // records of the checkpoint
	leftover int    // records besides the header and the log
}

func newGroupWalk(r store.Reader, id GroupID) *groupWalk {
	return &groupWalk{
		r: r, id: id, log: newState(),
		users: make(map[string]*record.Standing), area: make(map[string]byte),
		lists: make(map[string]byte), files: make(map[string]*record.File),
	}
}

var recordNames = map[byte]string{
	key.Header: "header", key.Members: "member", key.Outsiders: "standing of an outsider", key.Admins: "entry of the admin list",
	key.Files: "shared file", key.Events: "event", key.Checkpoint: "checkpoint", key.Announcement: "announcement", key.Custom: "custom text",
}

func recordName(kind byte) string {
	if mark := listedMark(kind); mark != nil {
		return "entry of the " + mark.name
	}
	return cmp.Or(recordNames[kind], "record of an unknown kind")
}

func (g *groupWalk) broken(inv Invariant, user string, kind byte, format string, args ...any) {
	g.report(inv, g.id, UserID(user), recordName(kind), format, args...)
}

// check reads every record of the group, and then compares them.
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
			g.broken(DeletedIsGone, "", key.Header, "it says more than a tombstone: %s", unlike(stone, *g.head))
		}
		if g.copies > 0 {
			g.broken(LogTellsAll, "", key.Checkpoint, "it is left of a log that is gone")
		}
		return g.checkGone() // retention has taken the whole log
	}
	if first := max(g.head.First, 1); first != g.cut+1 {
		g.broken(LogTellsAll, "", key.Checkpoint, "the log was cut before %d, and its checkpoint is of version %d", first, g.cut)
	}
	if g.head.Version != g.last {
		g.broken(LogTellsAll, "", key.Events, "the log ends at %d, the group is at version %d", g.last, g.head.Version)
	}
	g.checkHeader()
	if g.head.State != record.Live {
		return g.checkGone()
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

// checkGone checks a group that is there for nobody any more.
func (g *groupWalk) checkGone() error {
	g.files = nil
	switch g.head.State {
	case record.Deleting:
		_, ok, err := g.r.Get(key.Deletion(string(g.id)))
		if err == nil && !ok {
			g.broken(DeletedIsGone, "", key.Header, "nothing says that its deletion has to go on")
		}
		return storage(err)
	case record.Deleted:
		if g.leftover > 0 {
			g.broken(DeletedIsGone, "", key.Header, "%d records are left of a deleted group", g.leftover)
		}
		return g.checkTraces()
	default:
		g.broken(DeletedIsGone, "", key.Header, "is in the unknown state %d", g.head.State)
	}
	return nil
}

// take files one record.
func (g *groupWalk) take(p store.Pair) {
	_, kind, rest, err := key.CutGroup(p.Key)
	if err != nil {
		g.report(ViewsAgree, g.id, "", "key of a group", "%x: %v", p.Key, err)
		return
	}
	if kind != key.Header && kind != key.Events && kind != key.Checkpoint {
		g.leftover++
	}
	if err := g.decode(kind, rest, p); err != nil {
		user := ""
		if kind == key.Members || kind == key.Outsiders || isList(kind) {
			user = string(rest)
		}
		g.broken(ViewsAgree, user, kind, "%q: %v", rest, err)
	}
}

func isList(kind byte) bool {
	return kind == key.Admins || listedMark(kind) != nil
}

func (g *groupWalk) decode(kind byte, rest []byte, p store.Pair) (err error) {
	user := string(rest)
	if isSingle(kind) && len(rest) > 0 {
		return key.ErrForm
	}
	if isList(kind) {
		if len(p.Value) != 1 {
			return key.ErrForm
		}
		g.lists[string(rune(kind))+user] = p.Value[0]
		return nil
	}
	switch kind {
	case key.Header:
		var h record.Header
		h, err = record.DecodeHeader(p.Value)
		g.head = &h
	case key.Members, key.Outsiders:
		var st record.Standing
		st, err = record.DecodeStanding(p.Value, kind == key.Members)
		if g.area[user] != 0 {
			g.broken(ViewsAgree, user, kind, "the user has two")
		}
		g.users[user], g.area[user] = &st, kind
	case key.Files:
		var f record.File
		if f, err = record.DecodeFile(p.Value); err != nil {
			return err
		}
		if f.ID != user {
			g.broken(FilesWhole, f.Owner, kind, "is kept under the id of another")
		}
		g.files[f.ID] = &f
	case key.Announcement:
		g.text, err = record.DecodeAnnouncement(p.Value)
	case key.Custom:
		g.own = string(p.Value)
	case key.Checkpoint:
		g.copies++
		if len(rest) == 0 {
			return key.ErrForm
		}
		err = g.log.take(rest[0], rest[1:], p.Value)
		g.last, g.cut = g.log.head.Version, g.log.head.Version
	case key.Events:
		return g.replay(p)
	default:
		return key.ErrForm
	}
	return err
}

// replay applies one call of the log and checks the numbers.
func (g *groupWalk) replay(p store.Pair) error {
	last, err := lastVersion(p.Key)
	if err != nil {
		return err
	}
	call, err := record.DecodeCall(p.Value)
	if err != nil {
		return err
	}
	if first := last + 1 - uint64(len(call.Events)); first != g.last+1 {
		g.broken(LogTellsAll, "", key.Events, "%d follows %d", first, g.last)
	}
	if call.At < g.log.head.Modified {
		g.broken(LogTellsAll, "", key.Events, "%d is earlier than the one before", last)
	}
	g.last = last
	for i := range call.Events {
		g.log.apply(&call, &call.Events[i])
	}
	g.log.advance(&call)
	return nil
}

func (g *groupWalk) checkOwner() {
	owners := 0
	for user, st := range g.users {
		if Role(st.Role) == RoleOwner {
			owners++
			if user != g.head.Owner {
				g.broken(OneOwner, user, key.Members, "has the role of the owner, who is %q", g.head.Owner)
			}
			if st.Mute != nil {
				g.broken(MutesInBounds, user, key.Members, "the owner is muted")
			}
			if _, ok := g.lists[string(rune(key.Admins))+user]; ok {
				g.broken(OneOwner, user, key.Admins, "the owner is an admin")
			}
		}
	}
	if owners != 1 {
		g.broken(OneOwner, g.head.Owner, key.Header, "there are %d owners", owners)
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
		g.checkCount(kind.many, *kind.count(g.head), *kind.count(&now))
	}
	g.checkCount("files", g.head.Files, len(g.files))
}

func (g *groupWalk) checkCount(name string, said, are int) {
	if said != are {
		g.broken(CountsExact, "", key.Header, "it says %d %s, and there are %d", said, name, are)
	}
}

// checkUsers compares every standing with what follows from it, and every entry of a
// list with the standing that it should follow from.
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
			g.broken(pickInvariant(list), user, list, "nothing about the user puts it there")
		}
	}
	return nil
}

func pickInvariant(list byte) Invariant {
	if list == key.Admins {
		return CountsExact
	}
	return ViewsAgree
}

func (g *groupWalk) checkStanding(user string, st *record.Standing) {
	if st.Empty() {
		g.broken(LogTellsAll, user, g.area[user], "it says nothing")
	}
	if st.Member() && st.Block != nil {
		g.broken(ListsDisjoint, user, key.Members, "a member is on the blacklist")
	}
	for _, kind := range marks {
		mark := *kind.field(st)
		if mark == nil {
			continue
		}
		if kind.pending && (st.Member() || st.Block != nil) {
			g.broken(ListsDisjoint, user, kind.list, "it is pending for a member, or someone on the blacklist")
		}
		if kind.membersOnly && !st.Member() {
			g.broken(ListsDisjoint, user, kind.list, "an outsider is on the %s", kind.name)
		}
		if mark.Until > lastExpiry {
			g.broken(MutesInBounds, user, kind.list, "it expires at %d, after the last instant", mark.Until)
		}
	}
}

// checkPair checks that a record which follows from a standing is there.
func (g *groupWalk) checkPair(user string, p store.Pair) error {
	value, ok, err := g.r.Get(p.Key)
	if err != nil {
		return storage(err)
	}
	if ok && string(value) == string(p.Value) {
		return nil
	}
	switch p.Key[0] {
	case 'u':
		g.report(UsersAgree, g.id, UserID(user), "entry of a group with the user", "is missing, or wrong")
	case 't':
		g.report(ViewsAgree, g.id, UserID(user), "entry of what expires", "is missing")
	default:
		_, kind, _, _ := key.CutGroup(p.Key)
		g.broken(pickInvariant(kind), user, kind, "is missing, or wrong")
	}
	return nil
}

// checkHeader compares the header with what the log tells.
func (g *groupWalk) checkHeader() {
	want := g.log.head
	if want.State == record.Deleting && g.head.State == record.Deleted {
		want = tombstone(&want)
	}
	want.First = g.head.First // the log cannot know where it begins
	if want != *g.head {
		g.broken(LogTellsAll, "", key.Header, "it is not what the log tells: %s", unlike(want, *g.head))
	}
}

// checkReplay compares the rest of the group with what its log tells.
func (g *groupWalk) checkReplay() {
	for user := range g.log.standings {
		if st := g.users[user]; st == nil && !g.log.standings[user].Empty() {
			g.broken(LogTellsAll, user, key.Members, "the log tells of a user of whom there is no record")
		}
	}
	for user, st := range g.users {
		if !reflect.DeepEqual(*g.log.standing(user), *st) {
			g.broken(LogTellsAll, user, g.area[user], "it is not what the log tells")
		}
	}
	if g.log.announcement != g.text {
		g.broken(LogTellsAll, "", key.Announcement, "it is not what the log tells")
	}
	if g.log.custom != g.own {
		g.broken(LogTellsAll, "", key.Custom, "it is not what the log tells")
	}
	if !reflect.DeepEqual(g.log.files, g.files) {
		g.broken(LogTellsAll, "", key.Files, "the files are not those of which the log tells")
	}
}

// checkTraces checks that users of whom nothing is so any more find the log that names
// them. Those who came back may still have such a trace.
func (g *groupWalk) checkTraces() error {
	for user := range g.log.standings {
		_, ok, err := g.r.Get(key.UserGroupTrace(user, string(g.id)))
		if err != nil {
			return storage(err)
		}
		if g.users[user] == nil && !ok && !strings.HasPrefix(user, pseudonym) {
			g.report(UsersAgree, g.id, UserID(user), "trace of a user who is gone", "is missing")
		}
	}
	return nil
}

// unlike names the fields in which two headers differ.
func unlike(want, got record.Header) (out string) {
	w, h := reflect.ValueOf(want), reflect.ValueOf(got)
	for i := range w.NumField() {
		if w.Field(i).Interface() != h.Field(i).Interface() {
			out += fmt.Sprintf(" %s is %v instead of %v", w.Type().Field(i).Name, h.Field(i), w.Field(i))
		}
	}
	return out
}

func (g *groupWalk) checkCreation() error {
	_, ok, err := g.r.Get(key.Created(g.head.Public, g.head.Created, string(g.id)))
	if err == nil && !ok {
		g.report(ViewsAgree, g.id, "", "entry of a group in creation order", "is missing")
	}
	return storage(err)
}
