package groupkit

import (
	"bytes"
	"errors"

	"groupkit/internal/key"
	"groupkit/internal/record"
	"groupkit/internal/seal"
	"groupkit/store"
)

// A recordRepair is a look at one record outside of groups, or at the key of a record that belongs to no group. By then
// the groups are whole, or beyond repair.
type recordRepair struct {
	step  RepairStep
	pairs []store.Pair // what has to be written
}

// A recordLook looks at one record.
type recordLook struct {
	*recordRepair
	x      *repairer
	v      *verifier
	raw, r store.Reader
	key    []byte
	value  []byte // without its seal
	there  bool
	broken bool // the seal is broken
}

// lookAtRecord looks at the record with the key. It returns nil if nothing is wrong with it.
func (x *repairer) lookAtRecord(raw store.Reader, k []byte) (*recordRepair, error) {
	v := newVerifier(x.eng)
	l := &recordLook{
		recordRepair: &recordRepair{step: RepairStep{Key: k}},
		x:            x, v: v, raw: raw, r: &seal.Reader{Store: raw, Broken: func([]byte, error) {}}, key: k,
	}
	sealed, there, err := raw.Get(k)
	if err != nil {
		return nil, storage(err)
	}
	if l.there = there; there {
		if l.value, err = seal.Open(k, sealed); err != nil {
			l.broken = true
			v.seal(k, err)
		}
	}
	if err := l.look(); err != nil || len(v.report.Violations) == 0 {
		return nil, err
	}
	l.step.Violations = v.report.Violations
	l.step.Group, l.step.User = v.report.Violations[0].Group, v.report.Violations[0].User
	l.step.sort()
	if l.step.Group != "" && x.beyond[l.step.Group] && l.step.Change != "" {
		l.step.Change, l.step.Beyond, l.pairs = "", "the group is beyond repair", nil
	}
	return l.recordRepair, nil
}

// look finds what is wrong, and what to do about it.
func (l *recordLook) look() error {
	switch {
	case bytes.Equal(l.key, key.Format()):
		return l.format()
	case bytes.Equal(l.key, key.GroupCount()):
		return l.groupCount()
	case bytes.Equal(l.key, key.Identity()):
		return l.identity()
	case !l.there && l.key[0] != key.FamilyUsers:
		return nil
	}
	switch l.key[0] {
	case key.FamilyUsers:
		return l.user()
	case key.FamilyGroups:
		return l.groupKey()
	case key.FamilyCommits:
		return l.commit()
	case key.FamilyOutcomes, key.FamilyOutcomeExpiries:
		return l.once()
	case key.FamilyCreation, key.FamilyDeletions, key.FamilyLoads, key.FamilyRenames, key.FamilyExpiries, key.FamilyFiles:
		return l.derived("the entry is removed: it leads to nothing")
	case key.FamilyUploads:
		return l.derived("the reservation is removed; a content that it was for is listed by Verify as unknown")
	case key.FamilyToGo:
		return l.derived("the record is removed; the content stays, and is listed by Verify as unknown if no file has it")
	case key.FamilyLease:
		return l.derived("the lease is removed; an engine takes it anew")
	}
	err := l.verify()
	l.step.Beyond = "nothing leads to what the record should contain: remove it, or restore a copy"
	return err
}

// verify lets Verify check the record.
func (l *recordLook) verify() error {
	if l.broken {
		return nil
	}
	return l.v.other(l.r, store.Pair{Key: l.key, Value: l.value})
}

func (l *recordLook) set(change string, pairs ...store.Pair) { l.step.Change, l.pairs = change, pairs }

func (l *recordLook) remove(change string) { l.set(change, store.Pair{Key: l.key}) }

// derived looks at a record that follows from others.
func (l *recordLook) derived(change string) error {
	l.remove(change)
	if l.key[0] == key.FamilyLease && !bytes.Equal(l.key, key.Lease()) {
		l.set("")
		l.step.Beyond = "the key belongs to nothing that this version knows: remove it, or restore a copy"
	}
	return l.verify()
}

// groupKey looks at a key that belongs to no group. Nobody reads it.
func (l *recordLook) groupKey() error {
	if _, _, _, err := key.CutGroup(l.key); err != nil {
		l.v.unreadable(ViewsAgree, "", "", "key of a group", l.key, err)
		l.remove("the record is removed: no group has its key")
	}
	return nil
}

// user looks at a record of a user.
func (l *recordLook) user() error {
	user, kind, group, err := key.CutUser(l.key)
	switch {
	case err != nil:
		l.v.unreadable(UsersAgree, "", UserID(user), "key of a user", l.key, err)
		l.remove("the record is removed: nobody reads its key")
		return nil
	case kind == key.UserHeader:
		return l.userCount(user)
	}
	if !l.there {
		return nil
	}
	if !l.broken {
		if err := l.v.link(l.r, UserID(user), kind, group); err != nil {
			return err
		}
	}
	if kind == key.UserTrace {
		return l.trace(user, group)
	}
	l.remove("the entry is removed: the group has no record of the user")
	return nil
}

// trace looks at an entry that leads from a user to a log. Where the log has begun anew, a list in its checkpoint names the
// traces, so that retention finds them.
func (l *recordLook) trace(user, group string) error {
	if len(l.v.report.Violations) > 0 && !l.broken {
		l.remove("the trace is removed: there is no log")
		return nil
	}
	h, err := headerOfGroup(l.r, GroupID(group))
	if err != nil {
		if errors.Is(err, record.ErrCorrupt) {
			err = nil
		}
		l.step.Beyond = "the group is beyond repair"
		return err
	}
	if l.broken {
		if h == (record.Header{State: record.Deleting}) {
			l.remove("the trace is removed: there is no group")
			return nil
		}
		l.set("the trace is written anew", tracePair(group, user))
	}
	if anew, err := l.begunAnew(group, &h); err != nil || !anew {
		return err
	}
	pairs, err := listTrace(l.r, l.key, nil)
	if err == nil && len(pairs) > 0 {
		l.v.found(UsersAgree, GroupID(group), UserID(user), "trace that leads to the log", "is not listed in the checkpoint with which the log begins anew")
		l.set("the trace is listed", append(l.pairs, pairs...)...)
	}
	return err
}

// begunAnew reports whether Repair has made the log begin anew: its first call is that of Repair.
func (l *recordLook) begunAnew(group string, h *record.Header) (bool, error) {
	if h.First <= 1 {
		return false, nil
	}
	value, ok, err := l.r.Get(key.Event(group, h.First))
	if err != nil || !ok {
		return false, storage(err)
	}
	call, err := record.DecodeCall(value)
	return err == nil && EventKind(call.Events[0].Kind) == Repaired, nil
}

// userCount looks at the number of groups of a user.
func (l *recordLook) userCount(user string) error {
	joined := 0
	err := scanAll(l.r, store.Prefix(key.User(user, key.UserMember)), func(page []store.Pair) error {
		for _, p := range page {
			if _, _, _, err := key.CutUser(p.Key); err == nil {
				joined++
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	count, err := decodeCount(l.value)
	switch {
	case l.broken:
	case err != nil:
		l.v.unreadable(UsersAgree, "", UserID(user), "group count", l.key, err)
	case count != joined:
		l.v.found(UsersAgree, "", UserID(user), "group count", "is %d, but the user is in %d groups", count, joined)
	case l.there && joined == 0:
		l.v.found(UsersAgree, "", UserID(user), "group count", "is stored, but the user is in no group")
	}
	l.set("the group count is computed", countPair(user, joined))
	return nil
}

// commit looks at an entry of the index of commits. The last one is the counter, too, of a store of one's own; on a shared store a
// record says up to where entries were removed.
func (l *recordLook) commit() error {
	if bytes.Equal(l.key, key.LastRemoved()) || bytes.Equal(l.key, key.Floor()) {
		l.step.Beyond = "nothing leads to what the record should contain: restore a copy"
		return l.verify()
	}
	if err := l.verify(); err != nil || len(l.v.report.Violations) == 0 {
		return err
	}
	number, err := key.CutCommit(l.key)
	if err != nil {
		l.remove("the entry is removed: no call has its number")
		return nil
	}
	pairs := []store.Pair{{Key: l.key}}
	if l.x.eng.shared {
		index, err := beginRemoval(l.r, true)
		if err != nil {
			return err
		}
		index.last = max(index.last, number)
		pairs = append(pairs, index.end()...)
	} else {
		last, _, err := lastCommit(numberReader{l.raw})
		if err != nil {
			return err
		}
		if last == number {
			pairs[0].Value = []byte{}
		}
	}
	l.set("the entry is removed: it leads to no call", pairs...)
	return nil
}

// once looks at a recorded result, or at its expiry entry.
func (l *recordLook) once() error {
	if err := l.verify(); err != nil {
		return err
	}
	if l.key[0] == key.FamilyOutcomes && !l.broken {
		if kept, err := record.DecodeOnce(l.value); err == nil {
			l.set("the expiry entry is written", store.Pair{Key: key.OnceExpiry(kept.Until, l.key), Value: []byte{}})
			return nil
		}
	}
	if l.key[0] == key.FamilyOutcomeExpiries {
		l.remove("the entry is removed: it leads to no recorded result")
		return l.keepExpiry()
	}
	l.remove("the recorded result is removed: a call that is repeated with its key runs again")
	return nil
}

// keepExpiry writes an expiry entry anew whose seal is broken, but that a recorded result needs.
func (l *recordLook) keepExpiry() error {
	once, err := key.CutOnceExpiry(l.key)
	if err != nil {
		return nil
	}
	value, _, err := l.r.Get(once)
	if err != nil {
		return storage(err)
	}
	if kept, err := record.DecodeOnce(value); value != nil && err == nil && bytes.Equal(l.key, key.OnceExpiry(kept.Until, once)) {
		l.set("the entry is written anew", store.Pair{Key: l.key, Value: []byte{}})
	}
	return nil
}

// format looks at the number of the format. The engine has read it when it opened the store.
func (l *recordLook) format() error {
	l.set("the format version is written anew", store.Pair{Key: l.key, Value: (&record.Format{Number: format}).Encode()})
	if f, err := record.DecodeFormat(l.value); l.there && err == nil && f.Number > format {
		l.set("")
		l.step.Beyond = "another version of the program can have written it: close the engine, and open the data with that version"
	}
	return l.v.format(l.r)
}

// groupCount looks at the number of groups.
func (l *recordLook) groupCount() error {
	most, err := groupLimit(l.r, &l.x.eng.limits, !l.x.eng.shared)
	if err != nil && !errors.Is(err, record.ErrCorrupt) {
		return err
	}
	if !l.there || err != nil || most == 0 && !l.broken {
		return nil // the look at the limit says what is wrong with it
	}
	n := 0
	err = scanAll(l.r, store.Prefix([]byte{key.FamilyCreation}), func(page []store.Pair) error {
		n += len(page)
		return nil
	})
	if err != nil {
		return err
	}
	if c, err := record.DecodeCount(l.value); !l.broken && (err != nil || c != n) {
		l.v.found(CountsExact, "", "", "number of groups", "is %d, but there are %d groups", c, n)
	}
	l.set("the number of groups is computed", store.Pair{Key: l.key, Value: record.EncodeCount(n)})
	return nil
}

// identity looks at the identity of the database.
func (l *recordLook) identity() error {
	l.step.Beyond = "nothing leads to the identity: restore a copy, or export the groups into a new store"
	if !l.there || l.broken {
		l.v.found(ViewsAgree, "", "", "identity of the database", "is missing")
	}
	if !l.there {
		return nil
	}
	return l.verify()
}

// A numberReader is numbering for reads.
type numberReader struct{ store.Reader }

func (n numberReader) Scan(g store.Range) (page []store.Pair, more bool, err error) {
	page, more, err = n.Reader.Scan(g)
	for i, p := range page {
		page[i].Value = p.Value[:max(len(p.Value)-seal.Size, 0)]
	}
	return page, more, err
}
