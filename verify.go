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

// Verify reads the whole store and the contents of all shared files, and reports each place
// where an invariant is broken. Verify can run while the store is in use: it reads each group
// and each user in one transaction, and looks again before it reports what a concurrent call
// can have changed.
//
// Returns ErrNested inside Atomic. With an error, the report contains what was found before.
func (e *Engine) Verify(ctx context.Context) (Report, error) {
	if err := e.usable(); err != nil {
		return Report{}, wrap(OpVerify, "", err)
	}
	v := newVerifier(e)
	err := v.run(ctx)
	return v.report, wrap(OpVerify, "", err)
}

// A verifier is one run of Verify. It walks over the groups, the users and the remaining
// records, and compares them with the contents of files. It continues after a violation; only
// an error of the store ends it.
type verifier struct {
	findings
	eng      *Engine
	unsealed map[string]bool // keys of the records whose seals are broken
	lately   []string        // those of them that the running transaction has found
	unread   bool            // contents are listed, but not read
	unknown  unknownContents
	report   Report
}

func newVerifier(e *Engine) *verifier {
	return &verifier{eng: e, unsealed: make(map[string]bool)}
}

// run makes the report.
func (v *verifier) run(ctx context.Context) (err error) {
	defer func() { v.report.Violations = v.all }()
	for _, walk := range []func(context.Context) error{v.pages, v.contents, v.groups, v.users, v.rest} {
		if err := walk(ctx); err != nil {
			return err
		}
	}
	v.report.UnknownContents, err = v.unknown.left(ctx, v.eng.blobs)
	return err
}

// pages checks how the store keeps its data, if it can. This finds records that a list contains
// and that cannot be found by their keys.
func (v *verifier) pages(ctx context.Context) error {
	problems, err := store.Check(ctx, v.eng.store)
	for _, problem := range problems {
		v.found(ViewsAgree, "", "", "stored data", "is damaged: %v", problem)
	}
	if errors.Is(err, store.ErrNotSupported) {
		return nil
	}
	return storage(err)
}

// contents lists the contents, and reads which of them are being uploaded.
func (v *verifier) contents(ctx context.Context) error {
	if v.eng.opts.ReadOnly {
		if err := v.eng.seeContents(ctx); err != nil {
			return err
		}
	}
	v.report.ForeignContents = v.eng.contents.are(ownedByOther)
	if err := v.unknown.list(ctx, v.eng.blobs); err != nil {
		return err
	}
	return v.view(ctx, v.unknown.reservations)
}

// groups checks one group after another, each in a transaction of its own.
func (v *verifier) groups(ctx context.Context) error {
	rng := store.Prefix(key.AllGroups())
	rng.Limit = 1
	for {
		var g *groupWalk
		var next []byte
		err := v.view(ctx, func(r store.Reader) error {
			g, next = nil, nil
			page, _, err := r.Scan(rng)
			if err != nil || len(page) == 0 {
				return storage(err)
			}
			group, _, _, err := key.CutGroup(page[0].Key)
			if err != nil {
				v.unreadable(ViewsAgree, "", "", "key of a group", page[0].Key, err)
				next = append(bytes.Clone(page[0].Key), 0)
				g = &groupWalk{}
				return nil
			}
			g = newGroupWalk(r, GroupID(group), &v.findings, v.unknown.fileNamed)
			next = store.PrefixEnd(key.Group(group))
			return g.check()
		})
		if err != nil || g == nil {
			return err
		}
		if rng.From = next; v.unread {
			continue
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
	if f.Absent {
		v.report.Absent = append(v.report.Absent, AbsentFile{group, publicFile(f)})
		return nil
	}
	what := fmt.Sprintf("content of file %q", f.Name)
	content, err := v.eng.blobs.Get(ctx, contentOf(f))
	if errors.Is(err, store.ErrNoBlob) {
		return v.missing(ctx, group, f, what)
	}
	if err != nil {
		return storage(err)
	}
	defer content.Close()
	hash := sha256.New()
	n, err := io.Copy(hash, content)
	switch {
	case err != nil:
		v.found(FilesWhole, group, UserID(f.Owner), what, "cannot be read: %v", err)
	case n != f.Size:
		v.found(FilesWhole, group, UserID(f.Owner), what, "has %d bytes instead of %d", n, f.Size)
	case string(hash.Sum(nil)) != f.SHA256:
		v.found(FilesWhole, group, UserID(f.Owner), what, "does not match its hash")
	}
	return nil
}

// missing reports that the content of a file is missing, unless the file has been deleted in
// the meantime.
func (v *verifier) missing(ctx context.Context, group GroupID, f *record.File, what string) error {
	err := v.eng.view(ctx, func(r store.Reader) error {
		_, err := loadFile(r, group, FileID(uuid.UUID([]byte(f.ID)).String()))
		return err
	})
	if err == nil {
		v.found(FilesWhole, group, UserID(f.Owner), what, "is missing")
	}
	if errors.Is(err, ErrFileNotFound) || classOf(err) == ErrCorrupt { // the walk of the group reports damage
		err = nil
	}
	return err
}

// users checks one user after another, each in a transaction of its own.
func (v *verifier) users(ctx context.Context) error {
	rng := store.Prefix(key.AllUsers())
	rng.Limit = 1
	for {
		var next []byte
		err := v.view(ctx, func(r store.Reader) error {
			next = nil
			page, _, err := r.Scan(rng)
			if err != nil || len(page) == 0 {
				return storage(err)
			}
			user, _, _, err := key.CutUser(page[0].Key)
			if err != nil {
				v.unreadable(UsersAgree, "", "", "key of a user", page[0].Key, err)
				next = append(bytes.Clone(page[0].Key), 0)
				return nil
			}
			all := key.AllOfUser(user)
			next = store.PrefixEnd(all)
			return v.user(r, UserID(user), store.Prefix(all))
		})
		if err != nil || next == nil {
			return err
		}
		rng.From = next
	}
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
				value, ok, err := r.Get(k)
				if err != nil {
					return storage(err)
				}
				if !ok {
					v.found(UsersAgree, GroupID(group), user, userEntry, "has no matching record in the group")
				} else if kind == key.UserTrace {
					if err := v.trace(r, GroupID(group), user, value); err != nil {
						return err
					}
				}
			}
		}
		return nil
	})
	if count != joined {
		v.found(UsersAgree, "", user, "group count", "is %d, but the user is in %d groups", count, joined)
	} else if kept && joined == 0 {
		v.found(UsersAgree, "", user, "group count", "is stored, but the user is in no group")
	}
	return err
}

// trace checks that a trace leads to a log. Retention removes the log of a deleted group first;
// until then the checkpoint lists the traces that are to be removed.
func (v *verifier) trace(r store.Reader, group GroupID, user UserID, header []byte) error {
	h, err := record.DecodeHeader(header)
	if err != nil || h.State != record.Deleted || h.First <= h.Version {
		return nil // the check of the group reports a header that cannot be read
	}
	listed, err := isListed(r, string(group), string(user))
	if err == nil && !listed {
		v.found(UsersAgree, group, user, userEntry, "leads to a log that has been removed")
	}
	return err
}
