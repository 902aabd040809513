package groupkit

import (
	"context"
	"time"

	"groupkit/internal/key"
	"groupkit/store"
)

// A VerifyStage is what Verify is checking.
type VerifyStage uint8

// The stages of Verify, in their order. Quick has VerifyingGroups, VerifyingRecords and VerifyingContents.
const (
	VerifyingPages    VerifyStage = iota + 1 // how the store keeps the records
	VerifyingGroups                          // each group, and the contents of its files
	VerifyingUsers                           // the list of groups of each user
	VerifyingRecords                         // the indexes over all groups, and what is under way
	VerifyingContents                        // the list of contents; with Quick, that they are there
)

var verifyStages = [...]string{
	VerifyingPages: "pages", VerifyingGroups: "groups", VerifyingUsers: "users", VerifyingRecords: "records", VerifyingContents: "contents",
}

// String returns the stage in one word, such as "groups".
func (s VerifyStage) String() string { return name(verifyStages[:], int(s)) }

// A VerifyProgress says how far Verify is. Totals are as of its beginning.
type VerifyProgress struct {
	Stage    VerifyStage
	Groups   int   // checked, of GroupsTotal
	Users    int   // checked
	Records  int   // outside of groups and users that are checked
	Files    int   // whose contents are checked, of FilesTotal
	Bytes    int64 // of contents that are read
	Contents int   // of the list of contents that are compared

	GroupsTotal, FilesTotal int
}

// progressEvery is the least time between two calls of VerifyOptions.Progress within a stage.
const progressEvery = 100 * time.Millisecond

// A progress tells the application how far Verify is. It is called outside of transactions.
type progress struct {
	fn   func(VerifyProgress)
	now  VerifyProgress
	told time.Time
}

// step tells what is so now, unless it has just told something.
func (p *progress) step() {
	if p.fn != nil && time.Since(p.told) >= progressEvery {
		p.tell()
	}
}

func (p *progress) tell() {
	if p.fn != nil {
		p.fn(p.now)
		p.told = time.Now()
	}
}

// Write counts bytes of a content.
func (p *progress) Write(b []byte) (int, error) {
	p.now.Bytes += int64(len(b))
	p.step()
	return len(b), nil
}

// A stage is a part of Verify.
type stage struct {
	is  VerifyStage
	run func(context.Context) error
}

// stages runs one stage after another.
func (v *verifier) stages(ctx context.Context, all []stage) error {
	for _, s := range all {
		v.progress.now.Stage = s.is
		v.progress.tell()
		if err := s.run(ctx); err != nil {
			return err
		}
	}
	v.progress.tell()
	return nil
}

// totals counts groups and files, if anybody wants to know.
func (v *verifier) totals(ctx context.Context) (err error) {
	if v.progress.fn == nil {
		return nil
	}
	now := &v.progress.now
	if now.GroupsTotal, err = v.eng.countPages(ctx, key.FamilyCreation); err == nil {
		now.FilesTotal, err = v.eng.countPages(ctx, key.FamilyFiles)
	}
	return err
}

// countPages counts the records of a family, page by page.
func (e *Engine) countPages(ctx context.Context, family byte) (n int, err error) {
	rng := store.Prefix([]byte{family})
	for more := true; more; {
		page := 0
		var last []byte
		err := e.view(ctx, func(r store.Reader) (err error) {
			page = 0
			more, err = store.Visit(r, rng, func(k, _ []byte) bool {
				page++
				last = append(last[:0], k...)
				return true
			})
			return storage(err)
		})
		if err != nil {
			return n, err
		}
		n += page
		more = more && page > 0
		rng.From = append(append([]byte(nil), last...), 0)
	}
	return n, nil
}
