package groupkit

import (
	"bytes"
	"context"
	"errors"
	"slices"

	"groupkit/internal/key"
	"groupkit/internal/record"
	"groupkit/store"

	"github.com/google/uuid"
)

// records checks the records outside of groups and users, but for those of some families: page by page, each
// page in a transaction of its own. Then it checks the records of which there is one.
func (v *verifier) records(ctx context.Context, except ...byte) error {
	rng := store.Range{Limit: recordsPerView}
	for _, family := range append(slices.Sorted(slices.Values(except)), 0) {
		rng.To = nil
		if family != 0 {
			rng.To = []byte{family}
		}
		for more := true; more; {
			var page []store.Pair
			err := v.view(ctx, func(r store.Reader) (err error) {
				if page, more, err = r.Scan(rng); err != nil {
					return storage(err)
				}
				for _, p := range page {
					if err := v.other(r, p); err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				return err
			}
			if more = more && len(page) > 0; more {
				rng.From = append(bytes.Clone(page[len(page)-1].Key), 0)
			}
			v.progress.now.Records += len(page)
			v.progress.step()
		}
		rng.From = []byte{family + 1}
	}
	return v.view(ctx, v.single)
}

// recordsPerView is how many records one transaction of Verify checks.
const recordsPerView = 256

// single checks the records of which there is one.
func (v *verifier) single(r store.Reader) error {
	if _, ok, err := r.Get(key.Identity()); err != nil {
		return storage(err)
	} else if !ok {
		v.found(ViewsAgree, "", "", "identity of the database", "is missing")
	}
	if err := v.format(r); err != nil {
		return err
	}
	if most, err := groupLimit(r, &v.eng.limits, !v.eng.shared); err != nil || most == 0 {
		return err
	}
	value, ok, err := r.Get(key.GroupCount())
	if err != nil || !ok {
		return storage(err)
	}
	n, err := countRange(r, store.Prefix([]byte{key.FamilyCreation}))
	if err != nil {
		return err
	}
	if c, err := record.DecodeCount(value); err != nil || c != n {
		v.found(CountsExact, "", "", "number of groups", "is %d, but there are %d groups", c, n)
	}
	return nil
}

// format checks the version of the stored format.
func (v *verifier) format(r store.Reader) error {
	value, _, err := r.Get(key.Format())
	if err != nil {
		return storage(err)
	}
	if f, err := record.DecodeFormat(value); err != nil || f != (record.Format{Number: format}) {
		v.found(ViewsAgree, "", "", "format version", "is %d instead of %d", f.Number, format)
	}
	return nil
}

// other checks one record outside of groups and users.
func (v *verifier) other(r store.Reader, p store.Pair) error {
	switch family := p.Key[0]; {
	case family == key.FamilyCreation:
		return v.creation(r, p.Key)
	case family == key.FamilyDeletions:
		return v.deletion(r, p.Key)
	case family == key.FamilyLoads:
		return v.load(r, p)
	case family == key.FamilyRenames:
		return v.renaming(r, p.Key)
	case family == key.FamilyOutcomes, family == key.FamilyOutcomeExpiries:
		return v.once(r, p)
	case family == key.FamilyExpiries:
		return v.expiry(r, p.Key)
	case family == key.FamilyCommits:
		return v.commit(r, p)
	case family == key.FamilyFiles:
		return v.fileIndex(r, p)
	case family == key.FamilyUploads:
		v.upload(p)
	case family == key.FamilyToGo:
		return v.toGo(r, p.Key)
	case bytes.Equal(p.Key, key.Identity()):
		v.identity(p)
	case !bytes.Equal(p.Key, key.Format()) && !bytes.Equal(p.Key, key.GroupCount()) && !v.ofShared(p):
		v.found(ViewsAgree, "", "", "key", "%x has an unknown form", p.Key)
	}
	return nil
}

// ofShared checks a record that only a store which processes share has. It reports whether it is one.
func (v *verifier) ofShared(p store.Pair) bool {
	switch {
	case bytes.Equal(p.Key, key.Lease()):
		if _, err := record.DecodeLease(p.Value); err != nil {
			v.found(ViewsAgree, "", "", "lease of the background work", "cannot be decoded")
		}
	case bytes.Equal(p.Key, key.GroupLimit()):
		if _, err := record.DecodeCount(p.Value); err != nil {
			v.found(ViewsAgree, "", "", "limit of groups", "cannot be decoded")
		}
	default:
		return false
	}
	return true
}

// deletion checks a pending deletion. One that is sound is not a violation.
func (v *verifier) deletion(r store.Reader, k []byte) error {
	const what = "pending deletion"
	group, rest, err := key.CutGroupID(k[1:])
	if err != nil || len(rest) > 0 {
		v.unreadable(DeletedIsGone, "", "", what, k, key.ErrForm)
		return nil
	}
	value, ok, err := r.Get(key.Of(group, key.Header))
	if err != nil {
		return storage(err)
	}
	if h, err := record.DecodeHeader(value); !ok || err != nil || h.State != record.Deleting {
		v.found(DeletedIsGone, GroupID(group), "", what, "is for a group that is not being deleted")
		return nil
	}
	list(&v.report.Deletions, &v.report.Omitted.Deletions, GroupID(group))
	return nil
}

// load checks the lease of a load. One that is sound is not a violation.
func (v *verifier) load(r store.Reader, p store.Pair) error {
	const what = "lease of a load"
	group, rest, err := key.CutGroupID(p.Key[1:])
	if err == nil && len(rest) == 0 {
		_, err = record.DecodeLease(p.Value)
	}
	if err != nil || len(rest) > 0 {
		v.unreadable(ViewsAgree, "", "", what, p.Key, errors.Join(err, key.ErrForm))
		return nil
	}
	h, err := headerOfGroup(r, GroupID(group))
	switch {
	case err != nil && !errors.Is(err, record.ErrCorrupt):
		return err
	case err != nil || h.State != record.Loading:
		v.found(ViewsAgree, GroupID(group), "", what, "is for a group that is not being loaded")
		return nil
	}
	list(&v.report.Loads, &v.report.Omitted.Loads, GroupID(group))
	return nil
}

// renaming checks a pending renaming. One that is sound is not a violation.
func (v *verifier) renaming(r store.Reader, k []byte) error {
	const what = "pending pseudonym"
	group, rest, err := key.CutGroupID(k[1:])
	if err != nil || len(rest) > 0 {
		v.unreadable(LogComplete, "", "", what, k, key.ErrForm)
		return nil
	}
	value, ok, err := r.Get(key.Of(group, key.Header))
	if err != nil {
		return storage(err)
	}
	if h, err := record.DecodeHeader(value); !ok || err != nil || h.Rename == (record.Rename{}) {
		v.found(LogComplete, GroupID(group), "", what, "is for a group that has none")
	}
	return nil
}

// once checks a result that is recorded for an idempotency key, or its expiry entry. Each needs
// the other.
func (v *verifier) once(r store.Reader, p store.Pair) error {
	const result, entry = "recorded result of an idempotency key", "expiry entry of a recorded result"
	if p.Key[0] == key.FamilyOutcomeExpiries {
		once, err := key.CutOnceExpiry(p.Key)
		if err != nil {
			v.unreadable(ViewsAgree, "", "", entry, p.Key, err)
			return nil
		}
		value, _, err := r.Get(once)
		if err != nil {
			return storage(err)
		}
		if kept, err := record.DecodeOnce(value); err != nil || !bytes.Equal(p.Key, key.OnceExpiry(kept.Until, once)) {
			v.found(ViewsAgree, "", "", entry, "does not match any recorded result (key %x)", p.Key)
		}
		return nil
	}
	kept, err := record.DecodeOnce(p.Value)
	if err != nil {
		v.unreadable(ViewsAgree, "", "", result, p.Key, err)
		return nil
	}
	_, ok, err := r.Get(key.OnceExpiry(kept.Until, p.Key))
	if err == nil && !ok {
		v.found(ViewsAgree, "", "", result, "has no expiry entry (key %x)", p.Key)
	}
	return storage(err)
}

// commit checks that an entry of the index of commits leads to its call. The last entry can
// be empty.
func (v *verifier) commit(r store.Reader, p store.Pair) error {
	const what = "entry in the index of commits"
	if bytes.Equal(p.Key, key.LastRemoved()) || bytes.Equal(p.Key, key.Floor()) {
		if last, err := decodeNumber(p.Value); err != nil || last == 0 {
			v.unreadable(ViewsAgree, "", "", what, p.Key, record.ErrCorrupt)
		}
		return nil
	}
	number, err := key.CutCommit(p.Key)
	if err != nil {
		v.unreadable(ViewsAgree, "", "", what, p.Key, err)
		return nil
	}
	if len(p.Value) == 0 {
		if later, err := laterCommit(r, p.Key); err != nil || !later {
			return err
		}
	}
	group, version, err := key.CutPoint(p.Value)
	if err != nil {
		v.unreadable(ViewsAgree, "", "", what, p.Key, err)
		return nil
	}
	at := key.Event(group, version)
	if version == 0 { // the group was loaded
		at = key.Of(group, key.Header)
	}
	value, ok, err := r.Get(at)
	if err != nil {
		return storage(err)
	}
	if version == 0 {
		if h, err := record.DecodeHeader(value); ok && (err != nil || h.Loaded == number) {
			return nil // a damaged header is found by itself
		}
	} else if call, err := record.DecodeCall(value); ok && err == nil && call.Commit == number {
		return nil
	}
	v.found(ViewsAgree, GroupID(group), "", what, "does not match a call (number %d)", number)
	return nil
}

// laterCommit reports whether an entry with a number follows the key in the index of commits. A key of an unknown form
// has none.
func laterCommit(r store.Reader, k []byte) (bool, error) {
	rng := store.Range{From: append(slices.Clip(k), 0), To: store.PrefixEnd(key.Commits()), Limit: recordsPerView}
	for more := true; more; {
		page, rest, err := r.Scan(rng)
		if err != nil {
			return false, storage(err)
		}
		for _, p := range page {
			if _, err := key.CutCommit(p.Key); err == nil {
				return true, nil
			}
			rng.From = append(slices.Clip(p.Key), 0)
		}
		more = rest
	}
	return false, nil
}

// fileIndex checks that an entry of the index of files leads to a file.
func (v *verifier) fileIndex(r store.Reader, p store.Pair) error {
	id, group, version, err := v.fileEntry(p)
	if err != nil {
		return nil
	}
	_, ok, err := r.Get(key.File(group, version, id))
	if err == nil && !ok {
		v.found(FilesWhole, GroupID(group), "", fileEntry, "leads to no file (file %v)", id)
	}
	return storage(err)
}

// fileEntry decodes an entry of the index of files, and reports one that cannot be read.
func (v *verifier) fileEntry(p store.Pair) (id uuid.UUID, group string, version uint64, err error) {
	if id, err = uuid.FromBytes(p.Key[1:]); err == nil {
		group, version, err = key.CutPoint(p.Value)
	}
	if err != nil {
		v.unreadable(FilesWhole, "", "", fileEntry, p.Key, err)
	}
	return id, group, version, err
}

func (v *verifier) upload(p store.Pair) {
	var err error
	if !key.IsHold(p.Key) {
		_, err = key.CutContent(string(p.Key[1:]))
	}
	if err == nil {
		_, err = record.DecodeUpload(p.Value)
	}
	if err != nil {
		v.unreadable(FilesWhole, "", "", "reservation of an upload", p.Key, err)
	}
}

// toGo checks the record that a content goes. No file has it any more.
func (v *verifier) toGo(r store.Reader, k []byte) error {
	const what = "content to be removed"
	content := string(k[1:])
	file, err := key.CutContent(content)
	if err != nil {
		v.unreadable(FilesWhole, "", "", what, k, err)
		return nil
	}
	f, group, err := findFile(r, file)
	if f != nil && !f.Absent {
		v.found(FilesWhole, group, "", what, "belongs to file %v", file)
	}
	if errors.Is(storage(err), ErrCorrupt) { // the walk of the group reports it
		return nil
	}
	return err
}

func (v *verifier) identity(p store.Pair) {
	if _, err := record.DecodeIdentity(p.Value); err != nil {
		v.unreadable(ViewsAgree, "", "", "identity of the database", p.Key, err)
	}
}

func (v *verifier) creation(r store.Reader, k []byte) error {
	if len(k) < 2 {
		v.unreadable(ViewsAgree, "", "", creationEntry, k, key.ErrForm)
		return nil
	}
	at, group, err := key.CutPosition(k[2:])
	if err != nil {
		v.unreadable(ViewsAgree, "", "", creationEntry, k, err)
		return nil
	}
	value, ok, err := r.Get(key.Of(group, key.Header))
	if err != nil {
		return storage(err)
	}
	h, err := record.DecodeHeader(value)
	if !ok || err != nil || h.State != record.Live || h.Created != at || !bytes.Equal(key.Creation(h.Public), k[:2]) {
		v.found(ViewsAgree, GroupID(group), "", creationEntry, "does not match the header of a live group")
	}
	return nil
}

func (v *verifier) expiry(r store.Reader, k []byte) error {
	at, group, list, user, err := key.CutExpiry(k)
	if err != nil {
		v.unreadable(ViewsAgree, "", "", expiryEntry, k, err)
		return nil
	}
	st, err := loadStanding(r, GroupID(group), UserID(user))
	if errors.Is(err, record.ErrCorrupt) {
		return nil // the check of the group reports it
	}
	if err != nil {
		return err
	}
	if kind := listedMark(list); kind != nil {
		if mark := *kind.field(&st); mark != nil && mark.Until == at {
			return nil
		}
	}
	v.found(ViewsAgree, GroupID(group), UserID(user), expiryEntry, "does not match the record of the user")
	return nil
}
