package groupkit

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"

	"github.com/google/uuid"

	"groupkit/internal/key"
	"groupkit/internal/record"
	"groupkit/internal/seal"
	"groupkit/store"
)

// contents plans the steps of the contents of files. They are those that no record leads to the right bytes of: missing,
// or others than the record of the file says.
func (x *repairer) contents(ctx context.Context) error {
	rng := store.Prefix(key.AllGroups())
	for more := true; more; {
		var page []store.Pair
		err := x.view(ctx, func(raw store.Reader) (err error) {
			page, more, err = raw.Scan(rng)
			return storage(err)
		})
		if err != nil || len(page) == 0 {
			return err
		}
		for _, p := range page {
			if err := x.planContent(ctx, p.Key); err != nil {
				return err
			}
		}
		rng.From = append(page[len(page)-1].Key, 0)
	}
	return nil
}

// planContent plans the step of the content of a file, if the key is that of one.
func (x *repairer) planContent(ctx context.Context, k []byte) error {
	group, kind, rest, err := key.CutGroup(k)
	if err != nil || kind != key.Files || x.beyond[GroupID(group)] {
		return nil
	}
	_, file, err := key.CutFile(rest)
	if err != nil {
		return nil // the step of the group removes it
	}
	c, err := x.lookAtContent(ctx, GroupID(group), FileID(file.String()))
	if err == nil && c != nil {
		x.add(c.step)
	}
	return err
}

// A contentRepair is a look at a content that is not that of its file.
type contentRepair struct {
	step RepairStep
	file *record.File
}

// lookAtContent looks at the content of a file. It returns nil if nothing is wrong with it, or if there is no such file
// in a group that lives.
func (x *repairer) lookAtContent(ctx context.Context, group GroupID, file FileID) (*contentRepair, error) {
	f, err := x.fileNow(ctx, group, file)
	if err != nil || f == nil || f.Absent {
		return nil, err
	}
	c := &contentRepair{step: RepairStep{Group: group, User: UserID(f.Owner), File: file}, file: f}
	problem, unread, err := x.eng.compareContent(ctx, f)
	switch {
	case errors.Is(err, store.ErrNoBlob):
		if f, err := x.fileNow(ctx, group, file); err != nil || f == nil {
			return nil, err // a call has deleted it
		}
		problem = "is missing"
	case err != nil:
		return nil, storage(err)
	case unread != nil:
		problem = fmt.Sprintf("cannot be read: %v", unread)
		c.step.Beyond = "the place of the contents cannot be read: look at the device"
	case problem == "":
		return nil, nil
	}
	c.step.Violations = []Violation{{FilesWhole, group, UserID(f.Owner), contentOfFile(f), problem}}
	if c.step.Beyond == "" {
		c.step.Change = "the content is marked as absent, and stays as it is until PutContent brings the right one"
	}
	return c, nil
}

func (x *repairer) fileNow(ctx context.Context, group GroupID, file FileID) (f *record.File, err error) {
	err = x.view(ctx, func(raw store.Reader) (err error) {
		f, err = x.fileOf(&seal.Reader{Store: raw, Broken: func([]byte, error) {}}, group, file)
		return err
	})
	return f, err
}

// fileOf returns a file of a group that lives; nil if there is none.
func (x *repairer) fileOf(r store.Reader, group GroupID, file FileID) (*record.File, error) {
	live, err := isLive(r, group)
	if err != nil || !live {
		return nil, ignoreCorrupt(err)
	}
	f, err := loadFile(r, group, file)
	if errors.Is(err, ErrFileNotFound) {
		return nil, nil
	}
	return f, ignoreCorrupt(err)
}

// ignoreCorrupt returns nil for a damaged record, which another look reports. A store that calls itself damaged is
// no such record.
func ignoreCorrupt(err error) error {
	if classOf(storage(err)) == ErrCorrupt && !errors.Is(err, store.ErrCorrupt) {
		return nil
	}
	return err
}

// makeContent marks a content as absent.
func (x *repairer) makeContent(ctx context.Context, s *RepairStep) (made bool, err error) {
	c, err := x.lookAtContent(ctx, s.Group, s.File)
	if err != nil || c == nil || !c.step.equals(s) {
		return false, err
	}
	err = x.updateLogged(ctx, func(raw store.Reader, w store.Writer, after *afterCommit) error {
		now, err := x.fileOf(w, s.Group, s.File)
		if made = now != nil && *now == *c.file; err != nil || !made {
			return err
		}
		h, err := headerOfGroup(w, s.Group)
		if err != nil {
			return err
		}
		absent := *now
		absent.Absent = true
		id := uuid.UUID([]byte(now.ID))
		pair := store.Pair{Key: key.File(string(s.Group), now.Version, id), Value: absent.Encode()}
		return x.record(raw, w, after, s.Group, h, fmt.Sprintf("repaired: the content of file %s is marked as absent", id), []store.Pair{pair})
	})
	return made, err
}

// contentOfFile names the content of a file.
func contentOfFile(f *record.File) string { return fmt.Sprintf("content of file %q", f.Name) }

// compareContent says how a content differs from what the record of its file says; "" if it does not.
// unread is the error of a content that is there and cannot be read to its end.
func (e *Engine) compareContent(ctx context.Context, f *record.File) (problem string, unread, err error) {
	content, err := e.blobs.Get(ctx, contentOf(f))
	if err != nil {
		return "", nil, err
	}
	defer content.Close()
	hash := sha256.New()
	n, unread := io.Copy(hash, &untilEnd{ctx, content})
	switch {
	case ctx.Err() != nil:
		return "", nil, ctx.Err()
	case unread != nil:
	case n != f.Size:
		problem = fmt.Sprintf("has %d bytes instead of %d", n, f.Size)
	case string(hash.Sum(nil)) != f.SHA256:
		problem = "does not match its hash"
	}
	return problem, unread, nil
}
