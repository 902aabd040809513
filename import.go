package groupkit

import (
	"bufio"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"iter"
)

// ImportOptions are the options of [Actor.Import]. The zero value is valid.
type ImportOptions struct {
	// Existing passes over groups that exist already, and brings only contents that their files do not have
	// yet. So an import that was interrupted can be run again. Default: ErrGroupExists.
	Existing bool

	// Content returns the content of a file that was kept beside the export, or nil if there is none. Import closes it.
	Content func(ctx context.Context, group GroupID, file File) (io.ReadCloser, error)

	// Progress is called after each group, on the goroutine of the call, with the number of groups that were read.
	// Default: not called.
	Progress func(groups int)
}

// Imported says what Import has done.
type Imported struct {
	Groups   int `json:"groups,omitzero"`   // that were made
	Existing int `json:"existing,omitzero"` // that were passed over
	Contents int `json:"contents,omitzero"` // that were brought
}

// Import makes the groups of an export; see [Actor.Export] and [Actor.LoadFrom]. Each group appears as a whole, after its lines are
// found to be complete and unchanged. If Import fails, the groups before remain: run it again with Existing.
// The memory needed does not depend on the size of the export.
//
// Limits are not looked at, and Options.UserExists is not asked.
//
// Allowed: system.
// Returns ErrSystemOnly if the actor is a user, ErrNested inside Atomic, ErrInvalid if r is nil, if it is no export or one that is cut
// off or changed, ErrGroupExists if a group exists and Existing is not set, the error of Content, and the error of r.
// The error names the line and the group.
func (a Actor) Import(ctx context.Context, r io.Reader, opts ImportOptions) (Imported, error) {
	return observeOne(ctx, a, OpImport, "", func(a Actor) (Imported, error) { return a.imported(ctx, r, opts) })
}

func (a Actor) imported(ctx context.Context, r io.Reader, opts ImportOptions) (Imported, error) {
	err := a.checkLoad()
	if err == nil && isNil(r) {
		err = invalid("reader", "is nil")
	}
	if err != nil {
		return Imported{}, wrap(OpImport, "", err)
	}
	x := imports{a: a, opts: opts, lines: lineReader{r: bufio.NewReaderSize(r, 1<<16), hash: sha256.New()}}
	err = x.run(ctx)
	return x.done, wrap(OpImport, x.group, err)
}

// imports are a call of Import.
type imports struct {
	a     Actor
	opts  ImportOptions
	lines lineReader
	done  Imported
	group GroupID // that is being read, or was read last
}

func (x *imports) run(ctx context.Context) error {
	l, err := x.next()
	if err == nil && l.Form != exportForm {
		err = x.lines.invalid("is not the first line of an export of the form %d", exportForm)
	}
	for err == nil {
		if l, err = x.next(); err != nil {
			return err
		}
		switch {
		case l.Event != nil:
			err = x.readGroup(ctx, l.Event)
		case l.Content != nil && x.group != "":
			err = x.readContent(ctx, l.Content)
		case l.Done != nil:
			return x.end(l.Done)
		case l.User != nil:
			err = x.lines.invalid("is data of a user, which is no group")
		default:
			err = x.lines.invalid("does not belong here")
		}
	}
	return err
}

// next returns the next line, of which there must be one.
func (x *imports) next() (exportLine, error) {
	l, err := x.lines.next()
	if errors.Is(err, io.EOF) {
		err = x.lines.invalid("is the last one, but the export goes on")
	}
	return l, err
}

// end checks that nothing is missing, and that nothing follows.
func (x *imports) end(d *exportDone) error {
	x.group = ""
	if n := x.done.Groups + x.done.Existing; d.Groups != n {
		return x.lines.invalid("says that there are %d groups, but there are %d", d.Groups, n)
	}
	if _, err := x.lines.next(); !errors.Is(err, io.EOF) {
		return errors.Join(x.lines.invalid("follows the last one"), err)
	}
	return nil
}

// errGone ends the log of a group that was deleted while it was exported.
var errGone = errors.New("the group was deleted")

// readGroup makes a group of the lines that begin with the event.
func (x *imports) readGroup(ctx context.Context, first *Event) error {
	x.group = first.Group
	exists, err := x.exists(ctx)
	switch {
	case err != nil:
		return err
	case exists:
		for _, err = range x.log(first) {
			if err != nil {
				break
			}
		}
	default:
		_, err = x.a.LoadFrom(ctx, x.group, x.log(first), LoadOptions{})
	}
	switch {
	case errors.Is(err, errGone):
		x.group = ""
		return nil
	case err != nil:
		return err
	case exists:
		x.done.Existing++
	default:
		x.done.Groups++
	}
	if err := x.bringContents(ctx); err != nil {
		return err
	}
	if x.opts.Progress != nil {
		x.opts.Progress(x.done.Groups + x.done.Existing)
	}
	return nil
}

// exists reports whether the group is to be passed over.
func (x *imports) exists(ctx context.Context) (bool, error) {
	if !x.opts.Existing {
		return false, nil
	}
	_, err := x.a.Group(ctx, x.group)
	if errors.Is(err, ErrGroupNotFound) {
		return false, nil
	}
	return err == nil, err
}

// log iterates over the events of the group, of which the first has been read.
func (x *imports) log(first *Event) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		version := first.Version
		if !yield(*first, nil) {
			return
		}
		for {
			l, err := x.next()
			switch {
			case err != nil:
			case l.Event != nil:
				version = l.Event.Version
				if !yield(*l.Event, nil) {
					return
				}
				continue
			case l.Gone == x.group:
				x.lines.sum()
				err = errGone
			case l.End == nil:
				err = x.lines.invalid("comes before the end of the group")
			case l.End.Group != x.group || l.End.Version != version:
				err = x.lines.invalid("ends group %s at version %d instead of %d", quote(string(l.End.Group)), l.End.Version, version)
			case l.End.SHA256 != x.lines.sum():
				err = x.lines.invalid("has another checksum than the lines of the group")
			default:
				return
			}
			yield(Event{}, err)
			return
		}
	}
}

// readContent brings a content that begins with the line.
func (x *imports) readContent(ctx context.Context, first *exportContent) error {
	c := &contentLines{x: x, file: first.File, data: first.Data, last: first.Last}
	err := x.put(ctx, first.File, c)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, c) // of a content that is there already
	return err
}

// put brings a content. In a group that existed, the file can have been deleted since.
func (x *imports) put(ctx context.Context, file FileID, content io.Reader) error {
	r := &noticed{Reader: content}
	err := x.a.PutContent(ctx, x.group, file, r)
	switch {
	case err == nil && r.read:
		x.done.Contents++
	case x.opts.Existing && errors.Is(err, ErrFileNotFound):
		return nil
	}
	return err
}

// noticed notices whether a content is read: one that is there already is not.
type noticed struct {
	io.Reader
	read bool
}

func (n *noticed) Read(p []byte) (int, error) {
	n.read = true
	return n.Reader.Read(p)
}

// bringContents brings the contents that the application has kept.
func (x *imports) bringContents(ctx context.Context) error {
	if x.opts.Content == nil {
		return nil
	}
	for f, err := range x.a.Files(ctx, x.group) {
		if err != nil {
			return err
		}
		content, err := x.opts.Content(ctx, x.group, f)
		if err != nil {
			return err
		}
		if isNil(content) {
			continue
		}
		if err := errors.Join(x.put(ctx, f.ID, content), content.Close()); err != nil {
			return err
		}
	}
	return nil
}

// contentLines read the content of a file from lines.
type contentLines struct {
	x    *imports
	file FileID
	data []byte
	last bool
}

func (c *contentLines) Read(p []byte) (n int, err error) {
	for len(c.data) == 0 {
		if c.last {
			return 0, io.EOF
		}
		l, err := c.x.next()
		if err != nil {
			return 0, err
		}
		if l.Content == nil || l.Content.File != c.file {
			return 0, c.x.lines.invalid("comes before the end of the content of %s", quote(string(c.file)))
		}
		c.data, c.last = l.Content.Data, l.Content.Last
	}
	n = copy(p, c.data)
	c.data = c.data[n:]
	return n, nil
}
