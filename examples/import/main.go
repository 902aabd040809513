// Import brings groups in from three exports of other systems, in the forms in which they come: the channels
// and users of a workspace, the state events of a room, and a guild with its members. The groups keep their IDs and
// their times. The program prints what it could not carry over, and why, and then what it has loaded. The
// exports are in the folder exports; nobody in them is real.
package main

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"os"
	"time"

	"groupkit"
	"groupkit/store/memblob"
	"groupkit/store/memstore"
)

//go:embed exports
var embedded embed.FS

// today is when the import happens. The clock stands still, so that the output is always the same.
var today = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

func main() {
	log.SetFlags(0)
	if err := run(context.Background(), os.Stdout); err != nil {
		log.Fatal(err)
	}
}

// run imports the three exports into an engine in memory and prints what is there.
func run(ctx context.Context, out io.Writer) (err error) {
	files, err := fs.Sub(embedded, "exports")
	if err != nil {
		return err
	}
	eng, err := groupkit.New(memstore.New(), memblob.New(), &groupkit.Options{Clock: func() time.Time { return today }})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, eng.Close()) }()
	for _, f := range forms {
		if err := f.bring(ctx, eng, files, out); err != nil {
			return err
		}
	}
	if err := list(ctx, eng, out); err != nil {
		return err
	}
	report, err := eng.Verify(ctx, groupkit.VerifyOptions{})
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "\nVerify finds %d broken rules.\n", len(report.Violations))
	return nil
}

// A form is a form of exports. Its read makes drafts of the groups in the files.
type form struct {
	title string
	read  func(files fs.FS, e *export) error
}

// The three exports have the same users. Where two systems can have the same ID by chance, a prefix tells their users
// and groups apart.
var forms = []form{
	{"WORKSPACE", readWorkspace},
	{"ROOM", readRooms},
	{"GUILD", readGuild},
}

// An export is what an export contains: its groups, and losses that belong to none of them.
type export struct {
	drafts []*draft
	losses
}

// bring imports an export. What cannot be carried over is printed. An error is one of the engine.
func (f *form) bring(ctx context.Context, eng *groupkit.Engine, files fs.FS, out io.Writer) error {
	e := new(export)
	if err := f.read(files, e); err != nil {
		e.lose("all of it: %s", why(err))
	}
	for _, d := range e.drafts {
		if err := d.load(ctx, eng); err != nil {
			return err
		}
	}
	fmt.Fprintf(out, "%s. Not carried over:\n", f.title)
	e.print(out, "  ")
	for _, d := range e.drafts {
		if len(d.losses) > 0 {
			fmt.Fprintf(out, "  %s %s\n", d.group.ID, short(d.group.Name))
		}
		d.print(out, "    ")
	}
	fmt.Fprintln(out)
	return nil
}

// load makes a group of the draft. A group that was brought in before stays as it is, so an import that was cut off
// can be repeated.
func (d *draft) load(ctx context.Context, eng *groupkit.Engine) error {
	snapshot, ok := d.finish()
	if !ok {
		return nil
	}
	_, err := eng.System().Load(ctx, snapshot)
	switch {
	case errors.Is(err, groupkit.ErrGroupExists):
		d.lose("the group: its ID is taken, or belonged to a deleted group")
	case errors.Is(err, groupkit.ErrInvalid):
		for _, field := range groupkit.FieldErrors(err) {
			d.lose("the group is refused: %v", field)
		}
	default:
		return err
	}
	return nil
}
