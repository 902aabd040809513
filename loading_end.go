package groupkit

import (
	"bytes"
	"context"
	"slices"

	"groupkit/internal/key"
	"groupkit/internal/record"
	"groupkit/store"
)

// eachStored calls fn with the standings that are stored, page by page.
func (l *loading) eachStored(ctx context.Context, limit int, fn func(area byte, page []store.Pair) error) error {
	for _, area := range []byte{key.Members, key.Outsiders} {
		rng := store.Prefix(key.Of(string(l.group), area))
		rng.Limit = limit
		for more := true; more; {
			var page []store.Pair
			err := l.eng.view(ctx, func(r store.Reader) (err error) {
				page, more, err = r.Scan(rng)
				return storage(err)
			})
			if err != nil || len(page) == 0 {
				if err != nil {
					return err
				}
				break
			}
			rng.From = append(bytes.Clone(page[len(page)-1].Key), 0)
			if err := fn(area, page); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkStored checks the state at the end of the log.
func (l *loading) checkStored(ctx context.Context) error {
	rules := stateRules{head: l.head}
	rules.texts(l.announcement.Text)
	prefix := len(key.Of(string(l.group), key.Members))
	err := l.eachStored(ctx, store.MaxPage, func(area byte, page []store.Pair) error {
		standings := make([]record.Standing, len(page))
		for i, p := range page {
			var err error
			if standings[i], err = record.DecodeStanding(p.Value, area == key.Members); err != nil {
				return err
			}
		}
		by, err := l.inviters(ctx, standings)
		if err != nil {
			return err
		}
		for i, p := range page {
			rules.check(string(p.Key[prefix:]), &standings[i], &by[i])
		}
		return nil
	})
	if err != nil {
		return err
	}
	return rules.end()
}

// inviters returns the standings of those who made the invitations in the standings.
func (l *loading) inviters(ctx context.Context, standings []record.Standing) (by []record.Standing, err error) {
	by = make([]record.Standing, len(standings))
	if !slices.ContainsFunc(standings, func(st record.Standing) bool { return st.Invitation != nil }) {
		return by, nil
	}
	err = l.eng.view(ctx, func(r store.Reader) (err error) {
		for i := range standings {
			if m := standings[i].Invitation; m != nil && m.By != "" {
				if by[i], err = loadStanding(r, l.group, UserID(m.By)); err != nil {
					return err
				}
			}
		}
		return nil
	})
	return by, err
}

// index writes what leads to the standings, and the counts of the users.
func (l *loading) index(ctx context.Context) error {
	limit := entries(l.eng.sizes, loadStep, 3, writesOfUser)
	return l.eachStored(ctx, limit, func(area byte, page []store.Pair) error {
		for len(page) > 0 {
			n := 0
			err := l.step(ctx, func(w store.Writer) (err error) {
				n, err = l.indexSome(w, area, page)
				return err
			})
			if err != nil {
				return err
			}
			page = page[n:]
			l.progress.Indexed += n
			l.report()
		}
		return nil
	})
}

// indexSome writes the entries of some standings of a page, as many as there is room for.
func (l *loading) indexSome(w store.Writer, area byte, page []store.Pair) (n int, err error) {
	room, prefix := newRoom(l.eng.sizes), len(key.Of(string(l.group), area))
	keys := make([][]byte, len(page))
	for i, p := range page {
		keys[i] = key.User(string(p.Key[prefix:]), key.UserHeader)
	}
	counts, err := store.GetMany(w, keys)
	if err != nil {
		return 0, storage(err)
	}
	for i, p := range page {
		st, err := record.DecodeStanding(p.Value, area == key.Members)
		if err != nil {
			return n, err
		}
		user := string(p.Key[prefix:])
		pairs := standingPairs(string(l.group), user, &st)[1:] // without the standing
		if st.Member() {
			count, err := decodeCount(counts[i])
			if err != nil {
				return n, err
			}
			pairs = append(pairs, countPair(user, count+1))
		}
		if !room.fits(pairs, 2) {
			return n, nil
		}
		if err := write(w, pairs); err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

func decodeCount(value []byte) (int, error) {
	if value == nil {
		return 0, nil
	}
	return record.DecodeCount(value)
}

// visible returns the header of the complete group.
func (l *loading) visible() record.Header {
	h := l.head
	h.State, h.HasCustom = record.Live, l.custom != ""
	if l.first > 0 {
		h.First = l.first + 1
	}
	return h
}

// finishPairs returns what the last step writes.
func (l *loading) finishPairs(c *change) []store.Pair {
	if !c.loads {
		return nil
	}
	group := string(l.group)
	c.head.Loaded = c.call.Commit
	pairs := []store.Pair{
		l.headerPair(c.head), {Key: key.Load(group)},
		{Key: key.Created(c.head.Public, c.head.Created, group), Value: []byte{}},
	}
	if l.custom != "" {
		pairs = append(pairs, store.Pair{Key: key.Of(group, key.Custom), Value: []byte(l.custom)})
	}
	if l.announcement != (record.Announcement{}) {
		pairs = append(pairs, store.Pair{Key: key.Of(group, key.Announcement), Value: l.announcement.Encode()})
	}
	if c.counter != nil {
		pairs = append(pairs, store.Pair{Key: c.counter})
	}
	if c.call.Commit > 0 {
		pairs = append(pairs, store.Pair{Key: key.Commit(c.call.Commit), Value: key.Point(group, 0)})
	}
	return c.totalWrites(pairs, c.loaded.total+1)
}
