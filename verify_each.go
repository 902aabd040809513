package groupkit

import (
	"bytes"
	"context"
	"errors"
	"io"

	"github.com/google/uuid"

	"groupkit/internal/key"
	"groupkit/internal/record"
	"groupkit/store"
)

// A verifier is one run of Verify. It walks over the groups, the users and the remaining
// records, and compares them with the contents of files. It continues after a violation; only
// an error of the store ends it.
type verifier struct {
	findings
	eng      *Engine
	progress progress
	unsealed map[string]bool // keys of the records whose seals are broken
	lately   []string        // those of them that the running transaction has found
	unread   bool            // contents are neither read nor listed

	lost map[uuid.UUID]bool // files that the index of files does not lead to, or may not
}

func newVerifier(e *Engine) *verifier {
	return &verifier{eng: e, unsealed: make(map[string]bool), lost: make(map[uuid.UUID]bool)}
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

// eachGroup checks one group after another, each in a transaction of its own. It calls after when that has ended.
func (v *verifier) eachGroup(ctx context.Context, check, after func(*groupWalk) error) error {
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
			g = newGroupWalk(r, GroupID(group), &v.findings, v.lose)
			next = store.PrefixEnd(key.Group(group))
			return check(g)
		})
		if err != nil || g == nil {
			return err
		}
		if g.head != nil && g.head.State == record.Live {
			v.progress.now.Groups++
		}
		v.progress.step()
		if err := after(g); err != nil {
			return err
		}
		rng.From = next
	}
}

// withContent calls fn with the content of a file, and with what it is called in a violation. It reports a content that is missing.
func (v *verifier) withContent(ctx context.Context, group GroupID, f *record.File, fn func(what string, content io.Reader)) error {
	v.progress.now.Files++
	defer v.progress.step()
	if f.Absent {
		list(&v.report.Absent, &v.report.Omitted.Absent, AbsentFile{group, publicFile(f)})
		return nil
	}
	what := contentOfFile(f)
	content, err := v.eng.blobs.Get(ctx, contentOf(f))
	if errors.Is(err, store.ErrNoBlob) {
		return v.missing(ctx, group, f, what)
	}
	if err != nil {
		return storage(err)
	}
	fn(what, content)
	if err := ctx.Err(); err != nil { // what fn has seen of the content says nothing
		return errors.Join(err, content.Close())
	}
	return storage(content.Close())
}

// untilEnd reads until a context ends.
type untilEnd struct {
	ctx context.Context
	io.Reader
}

func (u *untilEnd) Read(p []byte) (int, error) {
	if err := u.ctx.Err(); err != nil {
		return 0, err
	}
	return u.Reader.Read(p)
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

// lose notes a file whose content is not unknown, although nothing may lead from it to the file. If there are many,
// so are the violations.
func (v *verifier) lose(file uuid.UUID) {
	if len(v.lost) < mostListed {
		v.lost[file] = true
	}
}
