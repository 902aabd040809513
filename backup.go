package groupkit

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/google/uuid"

	"groupkit/internal/archive"
	"groupkit/internal/key"
	"groupkit/internal/record"
	"groupkit/store"
)

// The operations of backups.
const (
	OpBackup      Op = "back up"
	OpCheckBackup Op = "check backup"
)

// A BackupInfo says what a backup contains.
type BackupInfo struct {
	ID      string    `json:"id"`               // of the backup
	Earlier []string  `json:"earlier,omitzero"` // the backups that it continues, in their order; nil: it stands alone
	At      time.Time `json:"at"`               // when it was begun
	Removed int       `json:"removed,omitzero"` // records of the earlier backups that are not there any more
	Transfer
}

// A Transfer says what a backup, a restore or a copy has written.
type Transfer struct {
	Records  int   `json:"records,omitzero"`  // of the engine and of the buckets of the application; those that an interrupted call has left are among them
	Contents int   `json:"contents,omitzero"` // of shared files
	Bytes    int64 `json:"bytes,omitzero"`    // of these contents

	// BrokenRecords is the number of records whose checksums do not match. They are carried as they are: reading one gives
	// ErrCorrupt, there as here.
	BrokenRecords int `json:"broken_records,omitzero"`

	// Damaged are the contents that could not be carried. In the new place their files are marked as
	// files without a content; see [Actor.PutContent].
	Damaged []DamagedContent `json:"damaged,omitzero"`
}

// Backup writes everything to w as one stream, while the engine is in use: all groups, deleted ones and results of
// Once included, the buckets of the application, and the contents of shared files, as of one instant.
// [Restore] makes a store of it, [CheckBackup] verifies it; docs/backup.md describes it. Each part has a checksum.
//
// earlier are backups that this one continues, the oldest first: one without earlier ones, and those that continue it.
// Backup then writes only what has changed since. It reads each of them from its beginning. A backup and those that it
// continues are restored together.
//
// Contents that are deleted meanwhile are removed when Backup returns. The records are read in one transaction, which lasts until
// w has taken them: let w be a local file, or something as fast. While calls change groups, Backup gives way to them: it rests two
// thirds of its time, and takes at most three times as long. The memory needed does not depend on the size of
// the store, but for about 150 bytes for each shared file.
//
// If records or contents are damaged, the backup contains the rest. It is whole and can be restored; Backup returns it with an error
// that matches ErrCorrupt, and lists the contents in BackupInfo.Damaged. After any other error what is written is cut
// off, and refused.
//
// Returns ErrInvalid if w is nil or an earlier backup is no backup or does not continue those before it, ErrCorrupt if one is
// damaged, ErrStorage if the store cannot list its buckets, ErrReadOnly if the contents could not be held: with Options.ReadOnly on a
// store that other processes can change, and on contents of another process that are no store.Holder, ErrNested inside Atomic, and the error of w.
func (e *Engine) Backup(ctx context.Context, w io.Writer, earlier ...io.ReadSeeker) (BackupInfo, error) {
	var info BackupInfo
	err := e.observe(ctx, CallInfo{Op: OpBackup}, func(*span) error {
		err := e.usable()
		if err == nil && isNil(w) {
			err = invalid("writer", "is nil")
		}
		if err == nil {
			info, err = e.backup(ctx, w, earlier)
		}
		return wrap(OpBackup, "", err)
	})
	return info, err
}

func (e *Engine) backup(ctx context.Context, w io.Writer, earlier []io.ReadSeeker) (info BackupInfo, err error) {
	b := backup{eng: e, pace: e.newPace(), kept: make(map[uuid.UUID][32]byte)}
	if b.earlier, err = openChain(b.pace.seekers(ctx, earlier), b.keep); err != nil {
		return info, err
	}
	held, h, err := e.holdContents(ctx)
	if err != nil {
		return info, err
	}
	defer h.end(ctx)
	if b.out, err = b.begin(held, w); err == nil {
		err = b.write(held, h)
	}
	if err != nil {
		return info, err
	}
	info = infoOf(b.header, &b.end)
	return info, info.damage("the backup")
}

// A backup is a call of Backup.
type backup struct {
	eng     *Engine
	earlier []*archive.Stream
	kept    map[uuid.UUID][32]byte // the hashes of the contents that the earlier streams have, by file
	header  archive.Header
	out     *archive.Writer
	pace    *pace
	records *carried // of the snapshot
	buffer  []byte   // for the bytes of contents
	damaged []archive.Damaged
	end     archive.End
}

func (b *backup) keep(c archive.Content) {
	if id, err := key.CutContent(c.ID); err == nil {
		b.kept[id] = [32]byte(c.SHA256)
	}
}

// begin writes the header.
func (b *backup) begin(ctx context.Context, w io.Writer) (*archive.Writer, error) {
	now, err := b.eng.now()
	if err != nil {
		return nil, err
	}
	var id record.Identity
	err = b.eng.view(ctx, func(r store.Reader) (err error) {
		id, _, err = loadIdentity(r)
		return err
	})
	if err != nil && classOf(err) != ErrCorrupt { // a backup can do without
		return nil, err
	}
	b.header = archive.Header{At: instant(now), Format: format, Database: id.Database, History: id.History}
	for _, s := range b.earlier {
		b.header.Earlier = append(b.header.Earlier, s.Header.ID)
	}
	if b.header.ID, err = newUUID(now); err != nil {
		return nil, err
	}
	return archive.NewWriter(b.pace.writer(w), b.header)
}

func (b *backup) write(ctx context.Context, h *hold) error {
	runs := 0
	err := unwrapCallerError(b.eng.store.View(ctx, func(r store.Reader) error {
		if runs++; runs > 1 {
			if err := b.out.Again(); err != nil {
				return markCallerError(err)
			}
		}
		all := pairsIn(ctx, r)
		all.pace = b.pace
		b.records = newCarried(all.next)
		return markCallerError(archive.Diff(b.records.next, recordsOf(b.earlier), b.out.Put))
	}))
	if err != nil {
		return err
	}
	b.records.sorted()
	for i := range b.records.files {
		if err := b.writeContent(ctx, &b.records.files[i]); err != nil {
			return err
		}
	}
	if err := h.check(ctx); err != nil {
		return err
	}
	b.end, err = b.out.End(b.records.broken, b.damaged)
	return err
}

// writeContent writes the content of a file, unless an earlier backup has it.
func (b *backup) writeContent(ctx context.Context, f *listedFile) error {
	if hash, ok := b.kept[f.id]; ok && hash == f.hash {
		return nil
	}
	content := b.records.contentOf(f)
	r, err := openStored(ctx, b.eng.blobs, content)
	if err == nil {
		err = b.copyContent(ctx, r, content, f)
		err = errors.Join(err, r.Close())
	}
	if problem := problemOf(err); problem != "" {
		b.damaged = append(b.damaged, archive.Damaged{Group: string(f.group), File: f.id.String(), Problem: problem})
		return nil
	}
	return err
}

func (b *backup) copyContent(ctx context.Context, r io.Reader, content string, f *listedFile) error {
	if err := b.out.BeginContent(archive.Content{ID: content, Size: f.size, SHA256: f.hash[:]}); err != nil {
		return err
	}
	v := newVerifying(b.pace.reader(ctx, r), f)
	if b.buffer == nil {
		b.buffer = make([]byte, contentPart)
	}
	_, err := io.CopyBuffer(writerFunc(b.out.Data), v, b.buffer)
	problem := problemOf(err)
	if err != nil && problem == "" {
		return err
	}
	return errors.Join(err, b.out.FinishContent(v.size, problem))
}

// contentPart is how much of a content is read at once.
const contentPart = 1 << 20

// A writerFunc is an io.Writer that writes everything.
type writerFunc func([]byte) error

func (w writerFunc) Write(p []byte) (int, error) {
	if err := w(p); err != nil {
		return 0, err
	}
	return len(p), nil
}

// CheckBackup reads a backup to its end and returns what it contains. It verifies each part, but not that
// the backups that it continues are there.
//
// Returns ErrInvalid if r is nil or no backup, ErrCorrupt if the backup is damaged, cut off, or was written by a newer version; the error
// names the part. Returns the error of r.
func CheckBackup(r io.Reader) (BackupInfo, error) {
	if isNil(r) {
		return BackupInfo{}, wrap(OpCheckBackup, "", invalid(fieldBackup, "is a nil reader"))
	}
	s, err := archive.Check(r, describe)
	if err == nil {
		err = checkHeader(&s.Header)
	}
	if err != nil {
		return BackupInfo{}, wrap(OpCheckBackup, "", backupError(err))
	}
	return infoOf(s.Header, &s.End), nil
}

const fieldBackup Field = "backup"

func backupError(err error) error {
	if errors.Is(err, archive.ErrNoBackup) {
		return invalid(fieldBackup, "does not begin as a backup of groupkit")
	}
	return err
}

func checkHeader(h *archive.Header) error {
	if h.Format > format || h.Format < 1 {
		return fmt.Errorf("%w: the backup has records of format %d, this version knows formats up to %d", store.ErrNewer, h.Format, format)
	}
	return nil
}

// openChain opens backups that continue one another. With keep it passes over the bytes of contents, and gives keep the
// contents that are whole.
func openChain(backups []io.ReadSeeker, keep func(archive.Content)) (chain []*archive.Stream, err error) {
	var before []uuid.UUID
	for i, rs := range backups {
		if isNil(rs) {
			return nil, invalid(fieldBackup, "%d is a nil reader", i+1)
		}
		var s *archive.Stream
		if keep != nil {
			s, err = archive.OpenSkimmed(rs, describe, keep)
		} else {
			s, err = archive.Open(rs, describe)
		}
		if err == nil {
			err = checkHeader(&s.Header)
		}
		if p, ok := errors.AsType[*archive.PartError](err); ok && len(backups) > 1 {
			p.Backup = i + 1
		}
		if err != nil {
			return nil, backupError(err)
		}
		if !slices.Equal(s.Header.Earlier, before) {
			return nil, invalid(fieldBackup, "%d (%v) continues %v, but comes after %v", i+1, s.Header.ID, s.Header.Earlier, before)
		}
		before = append(before, s.Header.ID)
		chain = append(chain, s)
	}
	return chain, nil
}

// recordsOf returns the records that backups which continue one another have together.
func recordsOf(chain []*archive.Stream) archive.Source {
	sources := make([]archive.Source, len(chain))
	for i, s := range chain {
		sources[i] = s.Records()
	}
	return archive.Merge(sources...)
}

func infoOf(h archive.Header, e *archive.End) BackupInfo {
	t := Transfer{Records: e.Records, Contents: e.Contents, Bytes: e.Bytes, BrokenRecords: e.Broken}
	for _, d := range e.Damaged {
		t.Damaged = append(t.Damaged, DamagedContent{GroupID(d.Group), FileID(d.File), d.Problem})
	}
	info := BackupInfo{ID: h.ID.String(), At: h.At.UTC(), Removed: e.Deletes, Transfer: t}
	for _, id := range h.Earlier {
		info.Earlier = append(info.Earlier, id.String())
	}
	return info
}

// damage returns an error if something is damaged, though what was written is whole.
func (t *Transfer) damage(what string) error {
	switch {
	case len(t.Damaged) > 0:
		d := t.Damaged[0]
		return corrupt("%s is whole, but %d records do not match their checksums, and %d contents could not be read, such as that of file %s in group %s: it %s",
			what, t.BrokenRecords, len(t.Damaged), quote(string(d.File)), quote(string(d.Group)), d.Problem)
	case t.BrokenRecords > 0:
		return corrupt("%s is whole, but %d records do not match their checksums", what, t.BrokenRecords)
	}
	return nil
}
