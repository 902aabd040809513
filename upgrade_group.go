package groupkit

import (
	"cmp"
	"slices"

	"github.com/google/uuid"

	"groupkit/internal/key"
	"groupkit/internal/record"
	"groupkit/internal/seal"
	"groupkit/store"
)

// A groupUpgrade converts the records of one group from format 1. Format 1 did not store where
// in the log a membership, a request, an invitation and a file began. The log is therefore
// replayed first. What began before a log that was cut has the version 0, and is ordered by
// time.
type groupUpgrade struct {
	id         string
	checkpoint *state // the checkpoint of a log that was cut
	now        *state // the result of replaying the log

	added map[string]uint64 // file → version of the event that added it
}

// newGroupUpgrade reads the log and its checkpoint. Some of their records can already be
// converted, because the conversion was cut off.
func newGroupUpgrade(r store.Reader, group string) (g *groupUpgrade, err error) {
	g = &groupUpgrade{id: group, added: make(map[string]uint64)}
	for _, s := range []**state{&g.checkpoint, &g.now} {
		if *s, err = loadCheckpoint1(r, group); err != nil {
			return nil, err
		}
	}
	for id, f := range g.checkpoint.files {
		g.added[id] = f.Version
	}
	for _, log := range []struct {
		r      store.Reader
		prefix []byte
	}{{&seal.Reader{Store: r}, key.Of(group, key.Events)}, {r, key.Group1(group, key.Events)}} {
		err := scanAll(log.r, store.Prefix(log.prefix), func(page []store.Pair) error {
			for _, p := range page {
				if err := g.replay(p.Key[len(log.prefix):], p.Value); err != nil {
					return damaged(p.Key, err)
				}
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return g, nil
}

// replay applies one call, and notes the versions of the files that it adds. Its key has the
// version, because the log of a damaged group can have gaps.
func (g *groupUpgrade) replay(rest, value []byte) error {
	last, err := lastVersion(append(key.Of(g.id, key.Events), rest...))
	if err != nil {
		return err
	}
	call, err := g.decodeCall(value)
	if err != nil {
		return err
	}
	first := last - uint64(len(call.Events)) + 1
	if first < 1 || first > last {
		return corrupt("the call has %d events up to version %d", len(call.Events), last)
	}
	for i := range call.Events {
		e := &call.Events[i]
		if EventKind(e.Kind) == FileAdded && e.File != nil {
			g.added[e.File.ID] = first + uint64(i)
		}
		g.now.apply(&call, e)
	}
	g.now.head.Version = first - 1
	g.now.advance(&call)
	return nil
}

// loadCheckpoint1 reads the checkpoint of a group, and gives what it contains an order.
func loadCheckpoint1(r store.Reader, group string) (*state, error) {
	s, err := loadState(&seal.Reader{Store: r}, key.Of(group, key.Checkpoint), renaming{})
	if err != nil {
		return nil, err
	}
	old := key.Group1(group, key.Checkpoint)
	err = scanAll(r, store.Prefix(old), func(page []store.Pair) error {
		for _, p := range page {
			if err := s.take1(group, p.Key[len(old):], p.Value); err != nil {
				return damaged(p.Key, err)
			}
		}
		return nil
	})
	for _, f := range s.files {
		f.Version = s.head.Version
	}
	for _, kind := range marks {
		if kind.pending {
			s.orderByTime(kind)
		}
	}
	return s, err
}

// take1 adds one record of a checkpoint of format 1 to the state.
func (s *state) take1(group string, rest, value []byte) error {
	if len(rest) == 0 {
		return key.ErrForm
	}
	switch kind, rest := rest[0], rest[1:]; kind {
	case key.Files:
		f, err := file1(group, rest, value)
		if err == nil {
			s.files[f.ID] = &f
		}
		return err
	case key.Members, key.Outsiders:
		st, err := standing1(kind, rest, value)
		*s.standing(string(rest)) = st
		return err
	default:
		return s.take(renaming{}, kind, rest, value)
	}
}

// orderByTime gives marks whose versions are unknown their places, by time and user.
func (s *state) orderByTime(kind *markKind) {
	var users []string
	for user, st := range s.standings {
		if *kind.field(st) != nil {
			users = append(users, user)
		}
	}
	slices.SortFunc(users, func(a, b string) int {
		x, y := *kind.field(s.standings[a]), *kind.field(s.standings[b])
		return cmp.Or(cmp.Compare(x.At, y.At), cmp.Compare(a, b))
	})
	for i, user := range users {
		mark := *kind.field(s.standings[user])
		mark.Version, mark.Place = 0, uint32(i)
	}
}

// convert returns the records that replace a record of the group. rest is the part of its key
// after the kind.
func (g *groupUpgrade) convert(kind byte, rest, value []byte) ([]store.Pair, error) {
	switch kind {
	case key.Checkpoint:
		return g.convertCheckpoint(rest, value)
	case key.Files:
		f, err := file1(g.id, rest, value)
		if err != nil {
			return nil, err
		}
		f.Version = g.added[f.ID]
		return filePairs(g.id, &f), nil
	case key.Members, key.Outsiders:
		st, err := standing1(kind, rest, value)
		if err != nil {
			return nil, err
		}
		takePlaces(&st, g.now.standing(string(rest)))
		return standingPairs(g.id, string(rest), &st), nil
	case key.Header, key.Announcement, key.Custom:
		return []store.Pair{{Key: append(key.Of(g.id, kind), rest...), Value: value}}, newState().take(renaming{}, kind, rest, value)
	}
	isEntry := isList(kind) && isUser1(rest) && len(value) == 1 && (value[0] == key.Members || value[0] == key.Outsiders)
	return nil, requireForm(nil, isEntry) // standingPairs makes the entries anew
}

// convertCheckpoint converts one record of the checkpoint.
func (g *groupUpgrade) convertCheckpoint(rest, value []byte) ([]store.Pair, error) {
	if err := newState().take1(g.id, rest, value); err != nil {
		return nil, err
	}
	to := append(key.Of(g.id, key.Checkpoint), rest...)
	switch rest[0] {
	case key.Members, key.Outsiders:
		value = g.checkpoint.standing(string(rest[1:])).Encode()
	case key.Files:
		f := g.checkpoint.files[string(rest[1:])]
		to = append(key.Of(g.id, key.Checkpoint), key.FileRest(f.Version, uuid.UUID([]byte(f.ID)))...)
		value = f.Encode()
	}
	return []store.Pair{{Key: to, Value: value}}, nil
}

// decodeCall decodes a call of the log. Its files get the contents that their records have.
func (g *groupUpgrade) decodeCall(value []byte) (record.Call, error) {
	call, err := record.DecodeCall(value)
	for i := range call.Events {
		if f := call.Events[i].File; f != nil {
			f.Content = content1(g.id, f)
		}
	}
	return call, err
}

// convertCall converts a call of the log. An event that deletes a file says since which version
// the file was there.
func (g *groupUpgrade) convertCall(value []byte) (record.Call, error) {
	call, err := g.decodeCall(value)
	for i := range call.Events {
		if e := &call.Events[i]; EventKind(e.Kind) == FileDeleted && e.File != nil {
			e.File.Version = g.added[e.File.ID]
		}
	}
	return call, err
}

// takePlaces copies the versions and places of a standing in the replayed log.
func takePlaces(st, logged *record.Standing) {
	if st.Member() && logged.Member() {
		st.JoinVersion, st.JoinPlace = logged.JoinVersion, logged.JoinPlace
	}
	if Role(st.Role) == RoleAdmin && Role(logged.Role) == RoleAdmin {
		st.AdminVersion, st.AdminPlace = logged.AdminVersion, logged.AdminPlace
	}
	for _, kind := range marks {
		mark, from := *kind.field(st), *kind.field(logged)
		if kind.pending && mark != nil && from != nil {
			mark.Version, mark.Place = from.Version, from.Place
		}
	}
}
