package groupkit

import (
	"bytes"
	"context"
	"errors"

	"groupkit/internal/key"
	"groupkit/internal/record"
	"groupkit/store"
)

// rest checks the records outside of groups and users.
func (v *verifier) rest(ctx context.Context) error {
	return v.eng.view(ctx, func(r store.Reader) error {
		n := 0
		err := scanAll(r, store.Range{}, func(page []store.Pair) error {
			for _, p := range page {
				if err := v.other(r, p, &n); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		if err := v.format(r); err != nil || v.eng.limits.Groups == 0 {
			return err
		}
		count, ok, err := r.Get(key.GroupCount())
		if err != nil || !ok {
			return storage(err)
		}
		if c, err := record.DecodeCount(count); err != nil || c != n {
			v.report(CountsExact, "", "", "number of groups", "is %d, but there are %d groups", c, n)
		}
		return nil
	})
}

// format checks the version of the stored format.
func (v *verifier) format(r store.Reader) error {
	value, _, err := r.Get(key.Format())
	if err != nil {
		return storage(err)
	}
	if n, err := record.DecodeCount(value); err != nil || n != format {
		v.report(ViewsAgree, "", "", "format version", "is %d instead of %d", n, format)
	}
	return nil
}

// other checks one record outside of groups and users, and counts the groups.
func (v *verifier) other(r store.Reader, p store.Pair, groups *int) error {
	switch family := p.Key[0]; {
	case family == 'g', family == 'u':
	case family == 'c':
		*groups++
		return v.creation(r, p.Key)
	case family == 'd':
		return v.deletion(r, p.Key)
	case family == 'i', family == 'j':
		return v.once(r, p)
	case family == 't':
		return v.expiry(r, p.Key)
	case family == 'w':
		v.upload(p)
	case !bytes.Equal(p.Key, key.Format()) && !bytes.Equal(p.Key, key.GroupCount()):
		v.report(ViewsAgree, "", "", "key", "%x has an unknown form", p.Key)
	}
	return nil
}

// deletion checks a pending deletion. It is reported even if it is sound, because data of a
// deleted group is left.
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
		v.report(DeletedIsGone, GroupID(group), "", what, "is for a group that is not being deleted")
		return nil
	}
	v.report(DeletedIsGone, GroupID(group), "", what, "is not finished")
	return nil
}

// once checks a result that is recorded for an idempotency key, or its expiry entry. Each needs
// the other.
func (v *verifier) once(r store.Reader, p store.Pair) error {
	const result, entry = "recorded result of an idempotency key", "expiry entry of a recorded result"
	if p.Key[0] == 'j' {
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
			v.report(ViewsAgree, "", "", entry, "does not match any recorded result (key %x)", p.Key)
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
		v.report(ViewsAgree, "", "", result, "has no expiry entry (key %x)", p.Key)
	}
	return storage(err)
}

func (v *verifier) upload(p store.Pair) {
	group, _, err := key.CutContent(string(p.Key[1:]))
	if err == nil {
		_, err = record.DecodeUpload(p.Value)
	}
	if err != nil {
		v.unreadable(FilesWhole, GroupID(group), "", "reservation of an upload", p.Key, err)
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
		v.report(ViewsAgree, GroupID(group), "", creationEntry, "does not match the header of a live group")
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
	v.report(ViewsAgree, GroupID(group), UserID(user), expiryEntry, "does not match the record of the user")
	return nil
}
