package modeltest

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing/iotest"

	"groupkit"
)

// A File is a shared file with its content.
type File struct {
	groupkit.File
	Content string
}

// ErrBroken is what a reader gives that fails on the way.
var ErrBroken = errors.New("the line went dead")

// An Upload is what UploadFile is given: a name, and a content of which the last
// part may never come.
type Upload struct {
	Name, Content string
	Breaks        bool
}

// SetAnnouncement puts a text up, or takes it down if it is empty.
func (w *World) SetAnnouncement(c Caller, id groupkit.GroupID, text string) *Refusal {
	if no := c.wrong(id, true); no != nil {
		return no
	}
	g, no := w.as(c, id, groupkit.RoleAdmin)
	switch {
	case no != nil:
		return no
	case text == g.Announcement.Text:
		return nil
	case !validText(text, w.Options.Limits.Announcement):
		return Refuse(groupkit.ErrInvalid)
	}
	g.Announcement = groupkit.Announcement{Text: text, By: c.by(), At: w.at(g)}
	w.Touch(g)
	return nil
}

// Announcement shows the text that is up.
func (w *World) Announcement(c Caller, id groupkit.GroupID) (groupkit.Announcement, *Refusal) {
	if no := c.wrong(id, true); no != nil {
		return groupkit.Announcement{}, no
	}
	g, no := w.as(c, id, groupkit.RoleMember)
	if no != nil {
		return groupkit.Announcement{}, no
	}
	return g.Announcement, nil
}

// UploadFile shares a file. An id that the engine assigns is called file-1, file-2, ….
func (w *World) UploadFile(c Caller, id groupkit.GroupID, up Upload) (groupkit.File, *Refusal) {
	if no := c.wrong(id, validFileName(up.Name)); no != nil {
		return groupkit.File{}, no
	}
	g, no := w.as(c, id, groupkit.RoleMember)
	switch {
	case no != nil:
		return groupkit.File{}, no
	case len(g.Files) >= w.Options.Limits.Files:
		return groupkit.File{}, refuseLimit(groupkit.ErrTooManyFiles, w.Options.Limits.Files)
	case int64(len(up.Content)) > w.Options.Limits.FileSize:
		return groupkit.File{}, refuseLimit(groupkit.ErrFileTooLarge, w.Options.Limits.FileSize)
	case up.Breaks:
		return groupkit.File{}, Refuse(ErrBroken)
	}
	w.numbered++
	f := groupkit.File{
		ID: groupkit.FileID(fmt.Sprintf("file-%09d", w.numbered)), Name: up.Name, Size: int64(len(up.Content)),
		SHA256: sha256.Sum256([]byte(up.Content)), Owner: c.by(), Created: w.Now,
	}
	g.Files = append(g.Files, File{f, up.Content})
	w.Touch(g)
	return f, nil
}

func validFileName(name string) bool {
	return validName(name, 255) && name != "." && name != ".." && !strings.ContainsAny(name, `/\`)
}

// File shows what is known of a file.
func (w *World) File(c Caller, id groupkit.GroupID, f groupkit.FileID) (groupkit.File, *Refusal) {
	opened, no := w.OpenFile(c, id, f)
	return opened.File, no
}

// OpenFile reads a file.
func (w *World) OpenFile(c Caller, id groupkit.GroupID, f groupkit.FileID) (File, *Refusal) {
	if no := c.wrong(id, true); no != nil {
		return File{}, no
	}
	g, no := w.as(c, id, groupkit.RoleMember)
	if no != nil {
		return File{}, no
	}
	i := g.FileIndex(f)
	if i < 0 {
		return File{}, Refuse(groupkit.ErrFileNotFound)
	}
	return g.Files[i], nil
}

// FileIndex is the place of a file in Files; -1 if it is not there.
func (g *Group) FileIndex(id groupkit.FileID) int {
	return slices.IndexFunc(g.Files, func(f File) bool { return f.ID == id })
}

// DeleteFile takes a file away: one's own, or as an admin any.
func (w *World) DeleteFile(c Caller, id groupkit.GroupID, f groupkit.FileID) *Refusal {
	if no := c.wrong(id, true); no != nil {
		return no
	}
	g, no := w.as(c, id, groupkit.RoleMember)
	if no != nil {
		return no
	}
	i := g.FileIndex(f)
	if i < 0 {
		return Refuse(groupkit.ErrFileNotFound)
	}
	if c.System || g.Files[i].Owner != c.User {
		if no := g.lowest(c, groupkit.RoleAdmin); no != nil {
			return no
		}
	}
	g.Files = slices.Delete(g.Files, i, i+1)
	w.Touch(g)
	return nil
}

// Files lists the files, newest first.
func (w *World) Files(c Caller, id groupkit.GroupID) ([]groupkit.File, *Refusal) {
	if no := c.wrong(id, true); no != nil {
		return nil, no
	}
	g, no := w.as(c, id, groupkit.RoleMember)
	if no != nil {
		return nil, no
	}
	var list []groupkit.File
	for _, f := range slices.Backward(g.Files) {
		list = append(list, f.File)
	}
	return list, nil
}

// Reader yields the content in small pieces.
func (u Upload) Reader() io.Reader {
	var r io.Reader = bytes.NewReader([]byte(u.Content))
	if len(u.Content) < 100 {
		r = iotest.OneByteReader(r)
	}
	if u.Breaks {
		return io.MultiReader(r, iotest.ErrReader(ErrBroken))
	}
	return r
}
