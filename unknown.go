package groupkit

import (
	"context"
	"time"
)

// The operation of RemoveUnknownContents.
const OpRemoveUnknownContents Op = "remove unknown contents"

// RemoveUnknownContents removes the contents of shared files that the database has never heard
// of, if their upload began at least olderThan ago. It returns their number. Verify lists them
// as [Report.UnknownContents]. Such contents are left, for example, by a database that was
// replaced by an older copy. Contents whose ID does not say when their upload began are never
// removed. The call reads all records.
//
// Returns ErrForeignContents if the contents belong to another database, ErrCorrupt if an
// invariant is broken, because the record of a file can be among what is damaged, ErrInvalid if
// olderThan is negative, ErrNested inside Atomic.
func (e *Engine) RemoveUnknownContents(ctx context.Context, olderThan time.Duration) (n int, err error) {
	err = e.observe(ctx, CallInfo{Op: OpRemoveUnknownContents}, func(*span) (err error) {
		n, err = e.removeOld(ctx, olderThan)
		return err
	})
	return n, err
}

func (e *Engine) removeOld(ctx context.Context, olderThan time.Duration) (n int, err error) {
	if olderThan < 0 {
		return 0, wrap(OpRemoveUnknownContents, "", invalid(FieldDuration, "is %v (0 or more)", olderThan))
	}
	if err := e.usableToWrite(); err != nil {
		return 0, wrap(OpRemoveUnknownContents, "", err)
	}
	now, err := e.now()
	if err == nil {
		n, err = e.removeUnknown(ctx, now-olderThan.Milliseconds())
	}
	return n, wrap(OpRemoveUnknownContents, "", storage(err))
}

func (e *Engine) removeUnknown(ctx context.Context, before int64) (n int, err error) {
	if ours, err := e.claimContents(ctx, true); err != nil {
		return 0, err
	} else if !ours {
		return 0, ErrForeignContents
	}
	v := newVerifier(e)
	v.unread = true
	if err := v.run(ctx, false); err != nil {
		return 0, err
	}
	if !v.report.Sound() {
		return 0, corrupt("%d invariants are broken, such as: %v", len(v.report.Violations)+v.report.Omitted.Violations, v.report.Violations[0])
	}
	err = e.eachUnknown(ctx, func(content string) error {
		if began := uploadBegan(content); began.IsZero() || began.UnixMilli() > before {
			return nil
		}
		err := e.blobs.Delete(ctx, content)
		if err == nil {
			n++
		}
		return err
	}, func(int) {})
	return n, err
}
