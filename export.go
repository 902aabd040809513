package groupkit

import (
	"bufio"
	"context"
	"crypto/sha256"
	"errors"
	"io"
)

// ExportOptions are the options of [Actor.Export]. The zero value exports all groups, without the
// contents of their files.
type ExportOptions struct {
	// Groups are the groups to export, in their order; nil: all groups, in a fixed order.
	Groups []GroupID

	// User exports what the groups contain about one user, and no group: the values of [Actor.UserData].
	User UserID

	// Contents writes the contents of files into the export.
	Contents bool

	// Content gets the contents of files, to keep them beside the export. It reads content to its end.
	Content func(ctx context.Context, group GroupID, file File, content io.Reader) error

	// Progress is called after each group, on the goroutine of the call, with the number of groups that are
	// written. Default: not called.
	Progress func(groups int)
}

// Export writes groups as lines of JSON: the complete log of each group as Follow gives it, from the
// beginning or from the checkpoint with which it begins, and the contents of its files if that is
// asked for. docs/json.md describes the lines. [Actor.Import] makes the groups of them, in any store, with
// their IDs and times; an export of those has the same bytes. So two exports can be compared by diff.
//
// Each group is written as of one instant. What happens meanwhile is missing, or contained as a whole. A group that is
// deleted meanwhile is left out. A content that is not there yet (ErrContentAbsent) is left out. The memory needed does
// not depend on the number and the size of the groups.
//
// An export does not contain deleted groups, the buckets of the application, and the results that Once has recorded.
//
// Allowed: system.
// Returns ErrSystemOnly if the actor is a user, ErrNested inside Atomic, ErrInvalid if w is nil or if Groups and User are both
// given, ErrGroupNotFound if a group of Groups does not exist, ErrCorrupt if the log or a content is damaged, the error of
// Content, and the error of w. What is written then has no last line, and Import refuses it.
func (a Actor) Export(ctx context.Context, w io.Writer, opts ExportOptions) error {
	return a.observe(ctx, OpExport, "", 0, func(a Actor) error { return a.export(ctx, w, opts) })
}

func (a Actor) export(ctx context.Context, w io.Writer, opts ExportOptions) error {
	if err := a.checkExport(w, &opts); err != nil {
		return wrap(OpExport, "", err)
	}
	x := export{a: a, opts: opts, lines: lineWriter{bufio.NewWriter(w), sha256.New()}}
	if err := x.run(ctx); err != nil {
		return wrap(OpExport, x.group, err)
	}
	return wrap(OpExport, "", x.lines.w.Flush())
}

func (a Actor) checkExport(w io.Writer, opts *ExportOptions) error {
	switch err := a.checkActor(); {
	case err != nil:
		return err
	case a.tx != nil || a.eng.atomics.here():
		return ErrNested
	case a.user != "":
		return about(a.user, ErrSystemOnly)
	case isNil(w):
		return invalid("writer", "is nil")
	case opts.User != "" && opts.Groups != nil:
		return invalid(FieldUser, "is given beside groups")
	}
	for _, group := range opts.Groups {
		if err := checkGroupID(group); err != nil {
			return err
		}
	}
	return nil
}

// An export is a call of Export.
type export struct {
	a      Actor
	opts   ExportOptions
	lines  lineWriter
	group  GroupID // that is being written
	groups int     // that are written
}

func (x *export) run(ctx context.Context) error {
	if err := x.lines.write(exportLine{Form: exportForm}); err != nil {
		return err
	}
	write := x.writeAll
	switch {
	case x.opts.User != "":
		write = x.writeUser
	case x.opts.Groups != nil:
		write = x.writeSome
	}
	if err := write(ctx); err != nil {
		return err
	}
	x.group = ""
	return x.lines.write(exportLine{Done: &exportDone{Groups: x.groups}})
}

func (x *export) writeAll(ctx context.Context) (err error) {
	for {
		if x.group, err = x.a.nextGroup(ctx, x.group); err != nil || x.group == "" {
			return err
		}
		if err := checkGroupID(x.group); err != nil {
			return corrupt("a group cannot be written: %v", err)
		}
		if err := x.writeGroup(ctx); err != nil && !errors.Is(err, ErrGroupNotFound) {
			return err
		}
	}
}

func (x *export) writeSome(ctx context.Context) error {
	for _, x.group = range x.opts.Groups {
		if err := x.writeGroup(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (x *export) writeUser(ctx context.Context) error {
	for data, err := range x.a.UserData(ctx, x.opts.User) {
		if err == nil {
			err = x.lines.write(exportLine{User: &data})
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// writeGroup writes one group.
func (x *export) writeGroup(ctx context.Context) error {
	g, err := x.a.Group(ctx, x.group)
	if err != nil {
		return err
	}
	files, gone, err := x.writeLog(ctx, g.Version)
	if err != nil || gone {
		return err
	}
	if err := x.writeContents(ctx, files); err != nil {
		return err
	}
	if x.groups++; x.opts.Progress != nil {
		x.opts.Progress(x.groups)
	}
	return nil
}

// writeLog writes the log up to the version. It returns the files that the group has then.
func (x *export) writeLog(ctx context.Context, version uint64) (files map[FileID]bool, gone bool, err error) {
	f, err := x.a.Follow(ctx, x.group, Position{})
	if err != nil {
		return nil, false, err
	}
	defer f.Close()
	x.lines.sum()
	files = make(map[FileID]bool)
	within := false // a checkpoint of several parts
	for n := 0; ; n++ {
		e, there, err := f.present(ctx)
		if err == nil && !there {
			err = corrupt("the log of group %q does not lead to version %d", string(x.group), version)
		}
		if n > 0 && (errors.Is(err, ErrGroupNotFound) || err == nil && e.Kind == GroupDeleted) {
			return nil, true, x.lines.write(exportLine{Gone: x.group})
		}
		if err != nil {
			return nil, false, err
		}
		switch e.Kind {
		case Checkpoint:
			if e.Part == 0 {
				clear(files)
			}
			for i := range e.Checkpoint.Files {
				files[e.Checkpoint.Files[i].ID] = true
			}
			within = !e.Last
		case FileAdded:
			files[e.File.ID] = true
		case FileDeleted:
			delete(files, e.File.ID)
		}
		if err := x.lines.write(exportLine{Event: &e}); err != nil {
			return nil, false, err
		}
		if !within && e.Last && e.Version >= version {
			return files, false, x.lines.write(exportLine{End: &exportEnd{Group: x.group, Version: e.Version, SHA256: x.lines.sum()}})
		}
	}
}

// writeContents writes the contents of those files that the group still has.
func (x *export) writeContents(ctx context.Context, files map[FileID]bool) error {
	if len(files) == 0 || !x.opts.Contents && x.opts.Content == nil {
		return nil
	}
	for f, err := range x.a.Files(ctx, x.group) {
		if err == nil && files[f.ID] {
			err = x.writeContent(ctx, f)
		}
		if err != nil && !errors.Is(err, ErrContentAbsent) && !errors.Is(err, ErrFileNotFound) {
			if errors.Is(err, ErrGroupNotFound) {
				return nil // deleted since: what is written is how it was
			}
			return err
		}
	}
	return nil
}

func (x *export) writeContent(ctx context.Context, f File) error {
	if x.opts.Content != nil {
		if err := x.give(ctx, f); err != nil {
			return err
		}
	}
	if !x.opts.Contents {
		return nil
	}
	_, content, err := x.a.OpenFile(ctx, x.group, f.ID)
	if err != nil {
		return err
	}
	defer func() { _ = content.Close() }()
	for {
		data := make([]byte, contentChunk)
		n, err := io.ReadFull(content, data)
		last := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
		if err != nil && !last {
			return err
		}
		if err := x.lines.write(exportLine{Content: &exportContent{File: f.ID, Data: data[:n], Last: last}}); err != nil || last {
			return err
		}
	}
}

// give gives the content of a file to the application.
func (x *export) give(ctx context.Context, f File) error {
	_, content, err := x.a.OpenFile(ctx, x.group, f.ID)
	if err != nil {
		return err
	}
	return errors.Join(x.opts.Content(ctx, x.group, f, content), content.Close())
}
