package groupkit

import (
	"bytes"
	"context"
	"slices"

	"groupkit/internal/key"
	"groupkit/store"
)

// plan finds all steps.
func (x *repairer) plan(ctx context.Context) error {
	for _, find := range []func(context.Context) error{x.pages, x.numbers, x.groups, x.records, x.users, x.single, x.contents} {
		if err := find(ctx); err != nil {
			return err
		}
	}
	return nil
}

// pages adds what is wrong with how the store keeps its data.
func (x *repairer) pages(ctx context.Context) error {
	v := newVerifier(x.eng)
	err := v.pages(ctx)
	if len(v.report.Violations) > 0 {
		x.add(RepairStep{Violations: v.report.Violations, Beyond: "the file of the store is damaged: write a new one, with boltstore.Compact if it can read this one, or with Export and Import"})
	}
	return err
}

// numbers plans the steps of keys in the index of commits that have no number. They come first: no group could get an event
// while they are there.
func (x *repairer) numbers(ctx context.Context) error {
	return x.eachRecord(ctx, store.Prefix(key.Commits()), func() func([]byte) []byte {
		return func(k []byte) []byte {
			if _, err := key.CutCommit(k); err == nil || bytes.Equal(k, key.Floor()) {
				return nil
			}
			return k
		}
	})
}

// groups plans the steps of all groups. First come those about the index of commits: else an event would get the number
// of a call that the index does not know.
func (x *repairer) groups(ctx context.Context) error {
	var damaged []GroupID
	rng := store.Prefix(key.AllGroups())
	rng.Limit = 1
	for {
		var at []byte
		err := x.view(ctx, func(raw store.Reader) error {
			at = nil
			page, _, err := raw.Scan(rng)
			if len(page) > 0 {
				at = page[0].Key
			}
			return storage(err)
		})
		if err != nil {
			return err
		}
		if at == nil {
			break
		}
		group, _, _, err := key.CutGroup(at)
		if err != nil {
			if err := x.planRecord(ctx, at); err != nil {
				return err
			}
			rng.From = append(at, 0)
			continue
		}
		rng.From = store.PrefixEnd(key.Group(group))
		g, err := x.lookAtGroup(ctx, GroupID(group))
		if err != nil {
			return err
		}
		if g == nil {
			continue
		}
		damaged = append(damaged, g.id)
		x.planNumbers(g)
	}
	return x.planGroups(ctx, damaged)
}

// planGroups plans the steps of damaged groups. A log that begins anew can leave numbers to calls of another group.
func (x *repairer) planGroups(ctx context.Context, damaged []GroupID) error {
	for _, plan := range []func(*groupRepair){x.planGroup, x.planNumbers} {
		for _, group := range damaged {
			g, err := x.lookAtGroup(ctx, group)
			if err != nil {
				return err
			}
			if g != nil {
				plan(g)
			}
		}
	}
	return nil
}

func (x *repairer) planGroup(g *groupRepair) {
	x.add(g.step)
	if g.step.Beyond == "" {
		x.dry.write(slices.Concat(g.before, g.planned(), g.after))
	}
}

func (x *repairer) planNumbers(g *groupRepair) {
	if s := g.numberStep(); s != nil {
		x.add(*s)
		x.dry.write(g.numbers)
	}
}

// records plans the steps of all records outside of groups.
func (x *repairer) records(ctx context.Context) error {
	return x.eachRecord(ctx, store.Range{}, func() func([]byte) []byte {
		return func(k []byte) []byte {
			switch {
			case k[0] == key.FamilyGroups, bytes.Equal(k, key.Identity()), bytes.Equal(k, key.Format()), bytes.Equal(k, key.GroupCount()):
				return nil
			}
			return k
		}
	})
}

// users plans the steps of the group counts of users.
func (x *repairer) users(ctx context.Context) error {
	return x.eachRecord(ctx, store.Prefix(key.AllUsers()), func() func([]byte) []byte {
		last := ""
		return func(k []byte) []byte {
			user, _, _, err := key.CutUser(k)
			if err != nil || user == last {
				return nil // records has planned what is wrong with the key
			}
			last = user
			return key.User(user, key.UserHeader)
		}
	})
}

// single plans the steps of the records that exist once.
func (x *repairer) single(ctx context.Context) error {
	for _, k := range [][]byte{key.Identity(), key.Format(), key.GroupCount()} {
		if err := x.planRecord(ctx, k); err != nil {
			return err
		}
	}
	return nil
}

// planRecord plans the step of one record.
func (x *repairer) planRecord(ctx context.Context, k []byte) error {
	var s *recordRepair
	err := x.view(ctx, func(raw store.Reader) (err error) {
		s, err = x.lookAtRecord(raw, k)
		return err
	})
	if err == nil && s != nil {
		x.add(s.step)
		x.dry.write(s.pairs)
	}
	return err
}

// eachRecord plans the steps of records. For each key of the range, the function that picks returns makes the key of the record
// to look at, or nil. picks is called for each transaction.
func (x *repairer) eachRecord(ctx context.Context, rng store.Range, picks func() func(k []byte) []byte) error {
	for more := true; more; {
		var found *recordRepair
		var next []byte
		err := x.view(ctx, func(raw store.Reader) (err error) {
			found, next = nil, nil
			page, m, err := raw.Scan(rng)
			more = m
			pick := picks()
			for i := 0; i < len(page) && err == nil && found == nil; i++ {
				next = append(bytes.Clone(page[i].Key), 0)
				if k := pick(page[i].Key); k != nil {
					found, err = x.lookAtRecord(raw, k)
				}
				more = m || i+1 < len(page)
			}
			return storage(err)
		})
		if err != nil || next == nil {
			return err
		}
		if found != nil {
			x.add(found.step)
			x.dry.write(found.pairs)
		}
		rng.From = next
	}
	return nil
}
