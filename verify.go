package groupkit

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"

	"github.com/google/uuid"

	"groupkit/internal/key"
	"groupkit/internal/record"
	"groupkit/store"
)

// An Invariant is one of the rules that always hold, by its number.
type Invariant int

// The invariants that Verify checks.
const (
	OneOwner      Invariant = 1 // a live group has exactly one owner, who is a member and no admin
	CountsExact   Invariant = 2 // the counts are the numbers of what they count; admins are members
	ListsDisjoint Invariant = 3 // no one is on two lists that exclude each other
	MutesInBounds Invariant = 4 // the owner is not muted, no expiry is past the last instant
	UsersAgree    Invariant = 5 // users and groups agree on memberships, a user's count is right
	DeletedIsGone Invariant = 6 // of a deleted group only the tombstone and the log are left
	FilesWhole    Invariant = 7 // every file has its content, every content its file
	LogTellsAll   Invariant = 8 // the log has no gaps, ends at Version, and replaying it gives the state
	ViewsAgree    Invariant = 9 // lists and single answers come from records that agree
)

// A Violation is one broken invariant.
type Violation struct {
	Invariant Invariant
	Group     GroupID // the group concerned, if there is one
	User      UserID  // the user concerned, if there is one
	Record    string  // what the key that shows it stands for
	Problem   string
}

// The operation of Verify.
const OpVerify Op = "verify"

// String says all of it in one line.
func (v Violation) String() string {
	return fmt.Sprintf("invariant %d: group %q, user %q, %s: %s", v.Invariant, string(v.Group), string(v.User), v.Record, v.Problem)
}

// Verify walks the whole store and returns every broken invariant; none is what an
// intact store gives. It may run beside other calls: it reads each group, and each
// user, as of one instant. A deletion that is under way, or was cut off and not yet
// resumed, is reported as pending.
func (e *Engine) Verify(ctx context.Context) ([]Violation, error) {
	v := &verifier{eng: e}
	for _, walk := range []func(context.Context) error{v.groups, v.users, v.rest, v.contents} {
		if err := walk(ctx); err != nil {
			return v.found, wrap(OpVerify, "", err)
		}
	}
	return v.found, nil
}

type verifier struct {
	eng   *Engine
	found []Violation
}

func (v *verifier) report(inv Invariant, group GroupID, user UserID, what, format string, args ...any) {
	v.found = append(v.found, Violation{inv, group, user, what, fmt.Sprintf(format, args...)})
}

// groups checks one group after another, each in a transaction of its own.
func (v *verifier) groups(ctx context.Context) error {
	rng := store.Prefix(key.AllGroups())
	rng.Limit = 1
	for {
		var g *groupWalk
		err := v.eng.view(ctx, func(r store.Reader) error {
			g = nil
			page, _, err := r.Scan(rng)
			if err != nil || len(page) == 0 {
				return storage(err)
			}
			group, _, _, err := key.CutGroup(page[0].Key)
			if err != nil {
				v.report(ViewsAgree, "", "", "key of a group", "%x: %v", page[0].Key, err)
				rng.From = append(bytes.Clone(page[0].Key), 0)
				g = &groupWalk{}
				return nil
			}
			g = newGroupWalk(r, GroupID(group))
			g.report = v.report
			rng.From = store.PrefixEnd(key.Group(group))
			return g.check()
		})
		if err != nil || g == nil {
			return err
		}
		for _, f := range g.files {
			if err := v.file(ctx, g.id, f); err != nil {
				return err
			}
		}
	}
}

// file compares a file with its content.
func (v *verifier) file(ctx context.Context, group GroupID, f *record.File) error {
	what := fmt.Sprintf("content of file %q", f.Name)
	id := uuid.UUID([]byte(f.ID))
	content, err := v.eng.blobs.Get(ctx, key.Content(string(group), id))
	if errors.Is(err, store.ErrNoBlob) {
		if _, err := v.eng.System().File(ctx, group, FileID(id.String())); err == nil {
			v.report(FilesWhole, group, UserID(f.Owner), what, "is missing")
		}
		return nil
	}
	if err != nil {
		return storage(err)
	}
	defer content.Close()
	hash := sha256.New()
	n, err := io.Copy(hash, content)
	switch {
	case err != nil:
		v.report(FilesWhole, group, UserID(f.Owner), what, "cannot be read: %v", err)
	case n != f.Size:
		v.report(FilesWhole, group, UserID(f.Owner), what, "has %d bytes, and should have %d", n, f.Size)
	case string(hash.Sum(nil)) != f.SHA256:
		v.report(FilesWhole, group, UserID(f.Owner), what, "is not what was uploaded")
	}
	return nil
}

// users checks one user after another, each in a transaction of its own.
func (v *verifier) users(ctx context.Context) error {
	rng := store.Prefix(key.AllUsers())
	rng.Limit = 1
	for done := false; !done; {
		err := v.eng.view(ctx, func(r store.Reader) error {
			page, _, err := r.Scan(rng)
			if err != nil || len(page) == 0 {
				done = true
				return storage(err)
			}
			user, _, _, err := key.CutUser(page[0].Key)
			if err != nil {
				v.report(UsersAgree, "", "", "key of a user", "%x: %v", page[0].Key, err)
				rng.From = append(bytes.Clone(page[0].Key), 0)
				return nil
			}
			all := append(append([]byte{'u'}, user...), 0)
			rng.From = store.PrefixEnd(all)
			return v.user(r, UserID(user), store.Prefix(all))
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// user checks the user's side of memberships, and their number.
func (v *verifier) user(r store.Reader, user UserID, all store.Range) error {
	count, joined, kept := 0, 0, false
	err := scanAll(r, all, func(page []store.Pair) error {
		for _, p := range page {
			_, kind, group, err := key.CutUser(p.Key)
			switch {
			case err != nil:
				v.report(UsersAgree, "", user, "key of a user", "%x: %v", p.Key, err)
			case kind == key.UserHeader:
				kept = true
				if count, err = record.DecodeCount(p.Value); err != nil {
					v.report(UsersAgree, "", user, "number of the user's groups", "%v", err)
				}
			default:
				if kind == key.UserMember {
					joined++
				}
				k := key.Standing(group, string(user), kind == key.UserMember)
				if kind == key.UserTrace {
					k = key.Of(group, key.Header)
				}
				_, ok, err := r.Get(k)
				if err != nil {
					return storage(err)
				}
				if !ok {
					v.report(UsersAgree, GroupID(group), user, "entry of a group with the user", "the group knows nothing of it")
				}
			}
		}
		return nil
	})
	if count != joined {
		v.report(UsersAgree, "", user, "number of the user's groups", "is %d, and the user is in %d", count, joined)
	} else if kept && joined == 0 {
		v.report(UsersAgree, "", user, "number of the user's groups", "is kept, and the user is in none")
	}
	return err
}

// rest checks what stands outside of groups and users.
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
			v.report(CountsExact, "", "", "number of groups", "is %d, and there are %d", c, n)
		}
		return nil
	})
}

// format checks the number of the format.
func (v *verifier) format(r store.Reader) error {
	value, _, err := r.Get(key.Format())
	if err != nil {
		return storage(err)
	}
	if n, err := record.DecodeCount(value); err != nil || n != format {
		v.report(ViewsAgree, "", "", "format", "is %d, and should be %d", n, format)
	}
	return nil
}

// other checks one key that is neither a group's nor a user's.
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
		v.report(ViewsAgree, "", "", "key", "%x belongs to nothing", p.Key)
	}
	return nil
}

func (v *verifier) deletion(r store.Reader, k []byte) error {
	const what = "deletion under way"
	group, rest, err := key.CutGroupID(k[1:])
	if err != nil || len(rest) > 0 {
		v.report(DeletedIsGone, "", "", what, "%x: %v", k, key.ErrForm)
		return nil
	}
	value, ok, err := r.Get(key.Of(group, key.Header))
	if err != nil {
		return storage(err)
	}
	if h, err := record.DecodeHeader(value); !ok || err != nil || h.State != record.Deleting {
		v.report(DeletedIsGone, GroupID(group), "", what, "the group is not being deleted")
		return nil
	}
	v.report(DeletedIsGone, GroupID(group), "", what, "is pending")
	return nil
}

// once checks an outcome that is kept for an idempotency key, or the entry by which it
// is found at the end of its life: each needs the other.
func (v *verifier) once(r store.Reader, p store.Pair) error {
	const what = "outcome of an idempotency key"
	if p.Key[0] == 'j' {
		once, err := key.CutOnceExpiry(p.Key)
		if err != nil {
			v.report(ViewsAgree, "", "", what, "%x: %v", p.Key, err)
			return nil
		}
		value, _, err := r.Get(once)
		if err != nil {
			return storage(err)
		}
		if kept, err := record.DecodeOnce(value); err != nil || !bytes.Equal(p.Key, key.OnceExpiry(kept.Until, once)) {
			v.report(ViewsAgree, "", "", what, "%x: no outcome lives until then", p.Key)
		}
		return nil
	}
	kept, err := record.DecodeOnce(p.Value)
	if err != nil {
		v.report(ViewsAgree, "", "", what, "%x: %v", p.Key, err)
		return nil
	}
	_, ok, err := r.Get(key.OnceExpiry(kept.Until, p.Key))
	if err == nil && !ok {
		v.report(ViewsAgree, "", "", what, "%x: nothing says that it ends", p.Key)
	}
	return storage(err)
}

func (v *verifier) upload(p store.Pair) {
	group, _, err := key.CutContent(string(p.Key[1:]))
	if err == nil {
		_, err = record.DecodeUpload(p.Value)
	}
	if err != nil {
		v.report(FilesWhole, GroupID(group), "", "upload under way", "%x: %v", p.Key, err)
	}
}

func (v *verifier) creation(r store.Reader, k []byte) error {
	const what = "entry of a group in creation order"
	if len(k) < 2 {
		v.report(ViewsAgree, "", "", what, "%x is cut short", k)
		return nil
	}
	at, group, err := key.CutPosition(k[2:])
	if err != nil {
		v.report(ViewsAgree, "", "", what, "%x: %v", k, err)
		return nil
	}
	value, ok, err := r.Get(key.Of(group, key.Header))
	if err != nil {
		return storage(err)
	}
	h, err := record.DecodeHeader(value)
	if !ok || err != nil || h.State != record.Live || h.Created != at || !bytes.Equal(key.Creation(h.Public), k[:2]) {
		v.report(ViewsAgree, GroupID(group), "", what, "there is no such group")
	}
	return nil
}

func (v *verifier) expiry(r store.Reader, k []byte) error {
	const what = "entry of what expires"
	at, group, list, user, err := key.CutExpiry(k)
	if err != nil {
		v.report(ViewsAgree, "", "", what, "%x: %v", k, err)
		return nil
	}
	st, err := loadStanding(r, GroupID(group), UserID(user))
	if errors.Is(err, record.ErrCorrupt) {
		return nil // which is reported where the standing is
	}
	if err != nil {
		return err
	}
	if kind := listedMark(list); kind != nil {
		if mark := *kind.field(&st); mark != nil && mark.Until == at {
			return nil
		}
	}
	v.report(ViewsAgree, GroupID(group), UserID(user), what, "nothing expires then")
	return nil
}

// contents finds contents that belong to nothing.
func (v *verifier) contents(ctx context.Context) error {
	for after, more := "", true; more; {
		ids, m, err := v.eng.blobs.List(ctx, after, store.MaxPage)
		if err != nil {
			return storage(err)
		}
		for _, id := range ids {
			after = id
			if err := v.content(ctx, id); err != nil {
				return err
			}
		}
		more = m && len(ids) > 0
	}
	return nil
}

func (v *verifier) content(ctx context.Context, id string) error {
	return v.eng.view(ctx, func(r store.Reader) error {
		named, err := isNamed(r, id)
		if err != nil || named {
			return err
		}
		if _, announced, err := r.Get(key.Upload(id)); err != nil || announced {
			return storage(err)
		}
		group, _, _ := key.CutContent(id)
		v.report(FilesWhole, GroupID(group), "", fmt.Sprintf("content %q", id), "no file names it")
		return nil
	})
}
