package groupkit

import (
	"bytes"
	"context"
	"errors"

	"groupkit/internal/key"
	"groupkit/internal/record"
	"groupkit/internal/seal"
	"groupkit/internal/wordcache"
	"groupkit/store"
)

// errChanged: a call has changed the group since it was looked at.
var errChanged = errors.New("the group has changed")

// view runs fn on a snapshot of the records with their seals, or on what they would be.
func (x *repairer) view(ctx context.Context, fn func(raw store.Reader) error) error {
	if err := x.eng.usable(); err != nil {
		return err
	}
	return unwrapCallerError(x.eng.store.View(ctx, func(r store.Reader) error {
		if x.dry != nil {
			r = x.dry.over(r)
		}
		return markCallerError(fn(r))
	}))
}

// update runs fn in a transaction. raw reads the records with their seals. For w, records whose seals are broken
// do not exist.
func (x *repairer) update(ctx context.Context, fn func(raw store.Reader, w store.Writer) error) error {
	return x.updateLogged(ctx, func(raw store.Reader, w store.Writer, _ *afterCommit) error { return fn(raw, w) })
}

// updateLogged is update for a transaction that adds events.
func (x *repairer) updateLogged(ctx context.Context, fn func(store.Reader, store.Writer, *afterCommit) error) error {
	var after afterCommit
	defer func() { after.discard(x.eng) }()
	err := x.eng.decided(ctx, &after, true, func() error {
		if err := x.eng.usable(); err != nil {
			return err
		}
		return unwrapCallerError(x.eng.store.Update(ctx, func(raw store.Writer) error {
			after.discard(x.eng)
			w := seal.NewWriter(raw)
			w.Broken = func([]byte, error) {}
			err := fn(raw, w, &after)
			switch {
			case err != nil:
			case x.eng.closed.Load():
				err = ErrClosed
			default:
				err = ctx.Err()
			}
			return markCallerError(err)
		}))
	})
	return after.run(ctx, x.eng, err)
}

// makeGroup writes what was found about a group. Everything but the end can be written in any number of transactions:
// until the end is written, another look finds the same. The end is one transaction: the header, the event, and
// the header of the checkpoint with which the log begins anew. Each transaction reads the header of the group, which every change
// of the group writes.
func (x *repairer) makeGroup(ctx context.Context, g *groupRepair) error {
	release := x.forgetWords(g)
	defer release()
	if err := x.writeParts(ctx, g, g.before); err != nil {
		return err
	}
	if err := x.end(ctx, g); err != nil {
		return err
	}
	if err := x.writeParts(ctx, nil, g.after); err != nil { // which nobody reads any more
		return err
	}
	if g.deletes {
		return x.eng.finishDeletion(ctx, g.id)
	}
	return nil
}

// forgetWords keeps the cache from keeping what the repair changes.
func (x *repairer) forgetWords(g *groupRepair) (release func()) {
	words := x.eng.words
	if words == nil {
		return func() {}
	}
	group := words.Key(string(g.id))
	keys := []wordcache.Key{group}
	for user := range g.users {
		keys = append(keys, words.UserKey(group, user))
	}
	pending := words.Begin(keys)
	return func() { words.End(pending) }
}

// writeParts writes pairs that need not be written together. With a group, it stops when a call changes it.
func (x *repairer) writeParts(ctx context.Context, g *groupRepair, pairs []store.Pair) error {
	for len(pairs) > 0 {
		room, n := newRoom(x.eng.sizes), 0
		for n < len(pairs) && n < store.MaxPage && room.fits(pairs[n:n+1], 1) {
			n++
		}
		err := x.update(ctx, func(raw store.Reader, w store.Writer) error {
			if err := g.unchanged(raw); err != nil {
				return err
			}
			return write(w, pairs[:n])
		})
		if err != nil {
			return err
		}
		pairs = pairs[n:]
	}
	return nil
}

// unchanged returns errChanged if a call has written the header of the group.
func (g *groupRepair) unchanged(raw store.Reader) error {
	if g == nil {
		return nil
	}
	value, ok, err := raw.Get(key.Of(string(g.id), key.Header))
	switch {
	case err != nil:
		return storage(err)
	case ok != (g.sealed != nil) || !bytes.Equal(value, g.sealed):
		return errChanged
	}
	return nil
}

// end writes the end, with the event if there is one.
func (x *repairer) end(ctx context.Context, g *groupRepair) error {
	return x.updateLogged(ctx, func(raw store.Reader, w store.Writer, after *afterCommit) error {
		if err := g.unchanged(raw); err != nil {
			return err
		}
		if g.cut && g.shared {
			if err := raiseRemoved(w, g.indexed); err != nil {
				return err
			}
		}
		if g.reason == "" {
			return write(w, g.ending())
		}
		return x.record(raw, w, after, g.id, g.head, g.reason, g.end)
	})
}

// raiseRemoved notes that entries of the index of commits of a shared store are going to be removed.
func raiseRemoved(w store.Writer, entries []store.Pair) error {
	index, err := beginRemoval(w, true)
	if err != nil {
		return err
	}
	for _, p := range entries {
		number, err := key.CutCommit(p.Key)
		if err != nil {
			return err
		}
		index.last = max(index.last, number)
	}
	return write(w, index.end())
}

// record adds the event Repaired to a group with the header, as a call of the system, and writes the pairs with it.
func (x *repairer) record(raw store.Reader, w store.Writer, after *afterCommit, group GroupID, h record.Header, reason string, pairs []store.Pair) error {
	c, err := x.eng.System().begin(&Command{Op: OpRepair, Group: group, Reason: reason})
	if err != nil {
		return err
	}
	c.exists, c.loaded.existed = true, true
	c.loaded.head, *c.head = h, h
	c.recordEvent(record.Event{Kind: uint8(Repaired)})
	if err := c.finish(false); err != nil {
		return err
	}
	if err := c.number(w, numbering{w, raw}, len(after.calls)); err != nil {
		return err
	}
	c.mark()
	f := c.effects(&verb{also: func(*change) []store.Pair { return pairs }})
	after.add(x.eng, c, f)
	store.Announce(w, string(group))
	if err := x.eng.refuseTooLarge(f.pairs); err != nil {
		return err
	}
	return write(w, f.pairs)
}

// A numbering writer scans the index of commits with the entries whose seals are broken: their numbers are taken.
type numbering struct {
	store.Writer
	raw store.Reader
}

func (n numbering) Scan(g store.Range) (page []store.Pair, more bool, err error) {
	page, more, err = n.raw.Scan(g)
	for i, p := range page {
		page[i].Value = p.Value[:max(len(p.Value)-seal.Size, 0)]
	}
	return page, more, err
}

// Number returns the number of the transaction; see [store.Numberer].
func (n numbering) Number() (uint64, error) { return store.Number(n.Writer) }

// Settled returns the bound of the settled numbers; see [store.Settler].
func (n numbering) Settled() (uint64, error) { return store.Settled(n.Writer) }
