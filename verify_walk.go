package groupkit

import (
	"cmp"
	"reflect"

	"github.com/google/uuid"

	"groupkit/internal/key"
	"groupkit/internal/record"
	"groupkit/store"
)

// A groupWalk checks one group in one transaction. It first reads every record of the group
// with take, and replays the log on the way. Then it compares the records with each other, with
// the index entries that must exist, and with the result of the replay. The verifier makes one
// for each group and shares its findings with it. So its memory grows with the users and the files whom the log of
// one group names, and not with the length of the log.
type groupWalk struct {
	*findings

	r            store.Reader
	id           GroupID
	head         *record.Header
	names        renaming // that is pending; what is read is what readers see
	users        map[string]*record.Standing
	lists        map[string]byte // list and user → where the entry points
	indexes      [][]byte        // keys of the entries of other indexes
	commits      []store.Pair    // entries that the index of commits must contain, of the page that was read last
	files        map[string]*record.File
	announcement record.Announcement
	custom       string
	lost         func(uuid.UUID) // told of files that the index of files does not lead to, or may not

	log          *state // the result of replaying the log
	last         uint64 // the version of the last event
	cut          uint64 // the version of the checkpoint; 0 if there is none
	checkpointed bool   // there is a checkpoint; without its header its records are only to be removed
	leftover     int    // records besides the header, the log and its checkpoint
}

func newGroupWalk(r store.Reader, id GroupID, found *findings, lost func(uuid.UUID)) *groupWalk {
	return &groupWalk{
		findings: found, r: r, id: id, log: newState(), lost: lost,
		users: make(map[string]*record.Standing),
		lists: make(map[string]byte), files: make(map[string]*record.File),
	}
}

var recordNames = map[byte]string{
	key.Header: "header", key.Members: "member record", key.Outsiders: "outsider record", key.Admins: "entry in the admin list",
	key.Inviters: "entry of an inviter", key.Expiring: "expiry entry in the group",
	key.Files: "file record", key.Events: "log", key.Checkpoint: "checkpoint", key.Announcement: "announcement", key.Custom: "custom text",
}

func recordName(kind byte) string {
	if mark := listedMark(kind); mark != nil {
		return "entry in the " + mark.name
	}
	return cmp.Or(recordNames[kind], "record of an unknown kind")
}

// broken reports a violation that a record of the group shows.
func (g *groupWalk) broken(inv Invariant, user string, kind byte, format string, args ...any) {
	g.found(inv, g.id, UserID(user), recordName(kind), format, args...)
}

// take reads one record of the group.
func (g *groupWalk) take(p store.Pair) {
	_, kind, rest, err := key.CutGroup(p.Key)
	if err != nil {
		g.unreadable(ViewsAgree, g.id, "", "key of a group", p.Key, err)
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
		g.unreadable(ViewsAgree, g.id, UserID(user), recordName(kind), p.Key, err)
	}
}

func isList(kind byte) bool {
	return kind == key.Admins || listedMark(kind) != nil
}

// decode decodes one record and stores it in the walk.
func (g *groupWalk) decode(kind byte, rest []byte, p store.Pair) (err error) {
	user := string(rest)
	if isSingle(kind) && len(rest) > 0 {
		return key.ErrForm
	}
	if isList(kind) {
		user, err := listedUser(kind, rest)
		if err != nil || len(p.Value) != 1 {
			return key.ErrForm
		}
		entry := string(rune(kind)) + string(user)
		if _, twice := g.lists[entry]; twice {
			g.broken(ViewsAgree, string(user), kind, "is a second entry of the same user")
		}
		g.lists[entry] = p.Value[0]
		return nil
	}
	switch kind {
	case key.Header:
		var h record.Header
		h, err = record.DecodeHeader(p.Value)
		g.head = &h
		if err == nil && h.Loaded > 0 {
			g.commits = append(g.commits, store.Pair{Key: key.Commit(h.Loaded), Value: key.Point(string(g.id), 0)})
		}
	case key.Members, key.Outsiders:
		var st record.Standing
		st, err = record.DecodeStanding(p.Value, kind == key.Members)
		g.names.standing(&st)
		if g.users[user] != nil {
			g.broken(ViewsAgree, user, kind, "is a second record of the same user")
		}
		g.users[user] = g.asLogged(user, &st)
	case key.Inviters, key.Expiring:
		g.indexes = append(g.indexes, p.Key)
	case key.Files:
		var f record.File
		if f, err = decodeFile(rest, p.Value); err != nil {
			if _, file, bad := key.CutFile(rest); bad == nil {
				g.lost(file)
			}
			return err
		}
		g.names.swap(&f.Owner)
		g.files[f.ID] = &f
	case key.Announcement:
		g.announcement, err = record.DecodeAnnouncement(p.Value)
		g.names.swap(&g.announcement.By)
	case key.Custom:
		g.custom = string(p.Value)
	case key.Checkpoint:
		if len(rest) == 0 {
			return key.ErrForm
		}
		g.checkpointed = g.checkpointed || rest[0] == key.Header
		err = g.log.take(g.names, rest[0], rest[1:], p.Value)
		g.last, g.cut = g.log.head.Version, g.log.head.Version
	case key.Events:
		return g.replay(p)
	default:
		return key.ErrForm
	}
	return err
}

// replay applies one call of the log, and checks its version and its time.
func (g *groupWalk) replay(p store.Pair) error {
	last, err := lastVersion(p.Key)
	if err != nil {
		return err
	}
	call, err := record.DecodeCall(p.Value)
	if err != nil {
		return err
	}
	g.names.call(&call)
	if first := last + 1 - uint64(len(call.Events)); first != g.last+1 {
		g.broken(LogComplete, "", key.Events, "has version %d after version %d", first, g.last)
	}
	if call.At < g.log.head.Modified {
		g.broken(LogComplete, "", key.Events, "goes back in time at version %d", last)
	}
	g.last = last
	g.commits = append(g.commits, commitPairs(string(g.id), last, &call)...)
	for i := range call.Events {
		g.log.apply(&call, &call.Events[i])
	}
	g.log.advance(&call)
	return nil
}

// asLogged returns the standing that the log gives the user, if the stored one is the same: a large group
// then has one of them in memory.
func (g *groupWalk) asLogged(user string, st *record.Standing) *record.Standing {
	if logged := g.log.standings[user]; logged != nil && reflect.DeepEqual(logged, st) {
		return logged
	}
	return st
}
