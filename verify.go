package groupkit

import (
	"context"
	"crypto/sha256"
	"io"

	"groupkit/internal/key"
	"groupkit/internal/record"
)

// The operation of Verify.
const OpVerify Op = "verify"

// VerifyOptions are the options of [Engine.Verify]. The zero value checks everything.
type VerifyOptions struct {
	// Quick checks the header of each group, its owner, the end of its log, that each file has a content of its size, and
	// the records of which there are few: the format, the identity, the list and the number of groups, and what is under
	// way. It reads no list of users, no other part of a log and no content. It does not look for unknown contents.
	Quick bool

	// Progress is called on the goroutine of the call and outside of transactions: at the beginning of each
	// stage, in between at most ten times a second, and at the end. It is not called while the store
	// checks its pages, and while the records of one group are read. Default: not called.
	Progress func(VerifyProgress)
}

// Verify reads the whole store and the contents of all shared files, and reports each place
// where an invariant is broken. Verify can run while the store is in use: it reads each group
// and each user in one transaction, and looks again before it reports what a concurrent call
// can have changed.
//
// The memory needed grows with the users whom the log of one group names, by about 200 bytes each, and with
// nothing else. With Quick, it takes the time to read a few records for each group, and to open each content.
//
// Returns ErrNested inside Atomic. With an error, the report contains what was found before.
func (e *Engine) Verify(ctx context.Context, opts VerifyOptions) (report Report, err error) {
	err = e.observe(ctx, CallInfo{Op: OpVerify}, func(*span) (err error) {
		report, err = e.verify(ctx, opts)
		return err
	})
	return report, err
}

func (e *Engine) verify(ctx context.Context, opts VerifyOptions) (Report, error) {
	if err := e.usable(); err != nil {
		return Report{}, wrap(OpVerify, "", err)
	}
	v := newVerifier(e)
	v.progress.fn = opts.Progress
	err := v.run(ctx, opts.Quick)
	return v.report, wrap(OpVerify, "", err)
}

// run makes the report.
func (v *verifier) run(ctx context.Context, quick bool) error {
	if err := v.owner(ctx); err != nil {
		return err
	}
	if err := v.totals(ctx); err != nil {
		return err
	}
	if quick {
		return v.stages(ctx, []stage{{VerifyingGroups, v.headers}, {VerifyingRecords, v.fewRecords}, {VerifyingContents, v.sizes}})
	}
	return v.stages(ctx, []stage{
		{VerifyingPages, v.pages}, {VerifyingGroups, v.groups}, {VerifyingUsers, v.users}, {VerifyingRecords, v.allRecords}, {VerifyingContents, v.contents},
	})
}

// owner finds out whether the contents are foreign.
func (v *verifier) owner(ctx context.Context) error {
	if v.eng.opts.ReadOnly {
		if err := v.eng.seeContents(ctx); err != nil {
			return err
		}
	}
	v.report.ForeignContents = v.eng.contents.are(ownedByOther)
	return nil
}

// contents looks for contents that no record names.
func (v *verifier) contents(ctx context.Context) error {
	if v.unread {
		return nil
	}
	return v.eng.eachUnknown(ctx, func(content string) error {
		if file, err := key.CutContent(content); err != nil || !v.lost[file] {
			list(&v.report.UnknownContents, &v.report.Omitted.UnknownContents, UnknownContent{ID: content, Created: uploadBegan(content)})
		}
		return nil
	}, func(listed int) {
		v.progress.now.Contents += listed
		v.progress.step()
	})
}

func (v *verifier) allRecords(ctx context.Context) error {
	return v.records(ctx, key.FamilyGroups, key.FamilyUsers)
}

// fewRecords leaves those out of which there are as many as users or calls.
func (v *verifier) fewRecords(ctx context.Context) error {
	return v.records(ctx, key.FamilyGroups, key.FamilyUsers, key.FamilyCommits, key.FamilyExpiries,
		key.FamilyOutcomes, key.FamilyOutcomeExpiries, key.FamilyFiles)
}

// groups checks each group, and the contents of its files.
func (v *verifier) groups(ctx context.Context) error {
	return v.eachGroup(ctx, (*groupWalk).check, func(g *groupWalk) error {
		if v.unread {
			return nil
		}
		for _, f := range g.files {
			if err := v.file(ctx, g.id, f); err != nil {
				return err
			}
		}
		return nil
	})
}

// file compares a file with its content.
func (v *verifier) file(ctx context.Context, group GroupID, f *record.File) error {
	return v.withContent(ctx, group, f, func(what string, content io.Reader) {
		hash := sha256.New()
		n, err := io.Copy(io.MultiWriter(hash, &v.progress), &untilEnd{ctx, content})
		switch {
		case ctx.Err() != nil:
		case err != nil:
			v.found(FilesWhole, group, UserID(f.Owner), what, "cannot be read: %v", err)
		case n != f.Size:
			v.found(FilesWhole, group, UserID(f.Owner), what, "has %d bytes instead of %d", n, f.Size)
		case string(hash.Sum(nil)) != f.SHA256:
			v.found(FilesWhole, group, UserID(f.Owner), what, "does not match its hash")
		}
	})
}
