package groupkit_test

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing/iotest"
	"unicode"

	"groupkit"
)

// A modelFile is a shared file with its content.
type modelFile struct {
	groupkit.File
	content string
}

// errBroken is what a reader gives that fails on the way.
var errBroken = errors.New("the line went dead")

// An upload is what UploadFile is given: a name, and a content of which the last
// part may never come.
type upload struct {
	name, content string
	breaks        bool
}

// SetAnnouncement puts a text up, or takes it down if it is empty.
func (w *world) SetAnnouncement(c caller, id groupkit.GroupID, text string) *refusal {
	if no := c.wrong(id, validText(text, 0, w.opts.Limits.Announcement)); no != nil {
		return no
	}
	g, no := w.as(c, id, groupkit.RoleAdmin)
	if no != nil {
		return no
	}
	if text != g.announcement.Text {
		g.announcement = groupkit.Announcement{Text: text, By: c.by(), At: w.at(g)}
		w.touch(g)
	}
	return nil
}

// Announcement shows the text that is up.
func (w *world) Announcement(c caller, id groupkit.GroupID) (groupkit.Announcement, *refusal) {
	if no := c.wrong(id, true); no != nil {
		return groupkit.Announcement{}, no
	}
	g, no := w.as(c, id, groupkit.RoleMember)
	if no != nil {
		return groupkit.Announcement{}, no
	}
	return g.announcement, nil
}

// UploadFile shares a file. An id that the engine assigns is called file-1, file-2, ….
func (w *world) UploadFile(c caller, id groupkit.GroupID, up upload) (groupkit.File, *refusal) {
	if no := c.wrong(id, validFileName(up.name)); no != nil {
		return groupkit.File{}, no
	}
	g, no := w.as(c, id, groupkit.RoleMember)
	switch {
	case no != nil:
		return groupkit.File{}, no
	case len(g.files) >= w.opts.Limits.Files:
		return groupkit.File{}, refuseLimit(groupkit.ErrTooManyFiles, w.opts.Limits.Files)
	case int64(len(up.content)) > w.opts.Limits.FileSize:
		return groupkit.File{}, refuseLimit(groupkit.ErrFileTooLarge, w.opts.Limits.FileSize)
	case up.breaks:
		return groupkit.File{}, refuse(errBroken)
	}
	w.numbered++
	f := groupkit.File{
		ID: groupkit.FileID(fmt.Sprintf("file-%09d", w.numbered)), Name: up.name, Size: int64(len(up.content)),
		SHA256: sha256.Sum256([]byte(up.content)), Owner: c.by(), Created: w.now,
	}
	g.files = append(g.files, modelFile{f, up.content})
	w.touch(g)
	return f, nil
}

func validFileName(name string) bool {
	return validText(name, 1, 255) && name != "." && name != ".." &&
		!strings.ContainsAny(name, `/\`) && !strings.ContainsFunc(name, unicode.IsControl)
}

// File shows what is known of a file.
func (w *world) File(c caller, id groupkit.GroupID, f groupkit.FileID) (groupkit.File, *refusal) {
	opened, no := w.OpenFile(c, id, f)
	return opened.File, no
}

// OpenFile reads a file.
func (w *world) OpenFile(c caller, id groupkit.GroupID, f groupkit.FileID) (modelFile, *refusal) {
	if no := c.wrong(id, true); no != nil {
		return modelFile{}, no
	}
	g, no := w.as(c, id, groupkit.RoleMember)
	if no != nil {
		return modelFile{}, no
	}
	i := g.file(f)
	if i < 0 {
		return modelFile{}, refuse(groupkit.ErrFileNotFound)
	}
	return g.files[i], nil
}

func (g *modelGroup) file(id groupkit.FileID) int {
	return slices.IndexFunc(g.files, func(f modelFile) bool { return f.ID == id })
}

// DeleteFile takes a file away: one's own, or as an admin any.
func (w *world) DeleteFile(c caller, id groupkit.GroupID, f groupkit.FileID) *refusal {
	if no := c.wrong(id, true); no != nil {
		return no
	}
	g, no := w.as(c, id, groupkit.RoleMember)
	if no != nil {
		return no
	}
	i := g.file(f)
	if i < 0 {
		return refuse(groupkit.ErrFileNotFound)
	}
	if c.system || g.files[i].Owner != c.user {
		if no := g.lowest(c, groupkit.RoleAdmin); no != nil {
			return no
		}
	}
	g.files = slices.Delete(g.files, i, i+1)
	w.touch(g)
	return nil
}

// Files lists the files, newest first.
func (w *world) Files(c caller, id groupkit.GroupID) ([]groupkit.File, *refusal) {
	if no := c.wrong(id, true); no != nil {
		return nil, no
	}
	g, no := w.as(c, id, groupkit.RoleMember)
	if no != nil {
		return nil, no
	}
	var list []groupkit.File
	for _, f := range g.files {
		list = append(list, f.File)
	}
	slices.SortFunc(list, func(a, b groupkit.File) int {
		return cmp.Or(b.Created.Compare(a.Created), cmp.Compare(fmt.Sprint(a), fmt.Sprint(b)))
	})
	return list, nil
}

// reader yields the content in small pieces.
func (u upload) reader() io.Reader {
	var r io.Reader = bytes.NewReader([]byte(u.content))
	if len(u.content) < 100 {
		r = iotest.OneByteReader(r)
	}
	if u.breaks {
		return io.MultiReader(r, iotest.ErrReader(errBroken))
	}
	return r
}
