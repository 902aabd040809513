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

// The operation of Verify.
const OpVerify Op = "verify"

// Verify reads the whole store and returns each place where an invariant is broken. For a
// sound store it returns none. Verify can run while the store is in use: it reads each group
// and each user in one transaction. A deletion that is running, or was interrupted and not yet
// resumed, is reported as not finished.
//
// Returns ErrNested inside Atomic.
func (e *Engine) Verify(ctx context.Context) ([]Violation, error) {
	v := &verifier{eng: e}
	for _, walk := range []func(context.Context) error{v.groups, v.users, v.rest, v.contents} {
		if err := walk(ctx); err != nil {
			return v.all, wrap(OpVerify, "", err)
		}
	}
	return v.all, nil
}

// A verifier is one run of Verify. It walks over the groups, the users, the remaining records
// and the contents of files. It continues after a violation; only an error of the store ends
// it.
type verifier struct {
	findings
	eng *Engine
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
				v.unreadable(ViewsAgree, "", "", "key of a group", page[0].Key, err)
				rng.From = append(bytes.Clone(page[0].Key), 0)
				g = &groupWalk{}
				return nil
			}
			g = newGroupWalk(r, GroupID(group), &v.findings)
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
		v.report(FilesWhole, group, UserID(f.Owner), what, "has %d bytes instead of %d", n, f.Size)
	case string(hash.Sum(nil)) != f.SHA256:
		v.report(FilesWhole, group, UserID(f.Owner), what, "does not match its hash")
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
				v.unreadable(UsersAgree, "", "", "key of a user", page[0].Key, err)
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

// user checks the entries in the user's list of groups, and the group count.
func (v *verifier) user(r store.Reader, user UserID, all store.Range) error {
	count, joined, kept := 0, 0, false
	err := scanAll(r, all, func(page []store.Pair) error {
		for _, p := range page {
			_, kind, group, err := key.CutUser(p.Key)
			switch {
			case err != nil:
				v.unreadable(UsersAgree, "", user, "key of a user", p.Key, err)
			case kind == key.UserHeader:
				kept = true
				if count, err = record.DecodeCount(p.Value); err != nil {
					v.unreadable(UsersAgree, "", user, "group count", p.Key, err)
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
					v.report(UsersAgree, GroupID(group), user, userEntry, "has no matching record in the group")
				}
			}
		}
		return nil
	})
	if count != joined {
		v.report(UsersAgree, "", user, "group count", "is %d, but the user is in %d groups", count, joined)
	} else if kept && joined == 0 {
		v.report(UsersAgree, "", user, "group count", "is stored, but the user is in no group")
	}
	return err
}

// contents finds the contents that belong neither to a file nor to an upload.
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
		if _, reserved, err := r.Get(key.Upload(id)); err != nil || reserved {
			return storage(err)
		}
		group, _, _ := key.CutContent(id)
		v.report(FilesWhole, GroupID(group), "", fmt.Sprintf("content %q", id), "belongs to no file")
		return nil
	})
}
