package groupkit_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
)

// A lostEnd is what a disk has lost although it said that it was saved: bbolt opens an earlier state of the file,
// while the contents of files are as they were.
type lostEnd struct {
	opts groupkit.Options
	none bool // no file was ever shared
	call func(*testing.T, *groupkit.Engine, groupkit.FileID)
	// lose returns the file that the disk has, of the file before the last opening, before the last call, and after it.
	lose func(opening, call, after []byte) []byte
	// contents changes the folder of contents.
	contents func(t *testing.T, folder string)
}

// What tells of a loss.
type toldLoss struct {
	Lost       bool // the last call is not there
	Warned     bool // by the log, when the database is opened
	Foreign    bool // by Report.ForeignContents: nothing is removed until AdoptContents
	NewHistory bool // whoever follows from a position of before gets a checkpoint
	Unknown    int  // by Report.UnknownContents
	Violations int  // by Verify, and by OpenFile
}

func someCall(t *testing.T, eng *groupkit.Engine, _ groupkit.FileID) {
	require.NoError(t, eng.System().AddMember(t.Context(), "g", "carol"))
}

func someUpload(t *testing.T, eng *groupkit.Engine, _ groupkit.FileID) {
	require.NoError(t, grouptest.ErrorOf(eng.System().UploadFile(t.Context(), "g", "b", strings.NewReader("new"))))
}

func someDeletion(t *testing.T, eng *groupkit.Engine, file groupkit.FileID) {
	require.NoError(t, eng.System().DeleteFile(t.Context(), "g", file))
}

func beforeOpening(opening, _, _ []byte) []byte { return opening }
func beforeCall(_, call, _ []byte) []byte       { return call }
func nothing(_, _, after []byte) []byte         { return after }

// withoutLastMeta zeroes the meta page that was written last, as a disk does that has lost the page alone.
func withoutLastMeta(_, _, after []byte) []byte {
	out, size := bytes.Clone(after), os.Getpagesize()
	commit := func(page int) uint64 { return binary.NativeEndian.Uint64(out[page*size+16+48:]) }
	last := 0
	if commit(1) > commit(0) {
		last = 1
	}
	clear(out[last*size : (last+1)*size])
	return out
}

// removeContents removes the mark among the contents, or all but the mark.
func removeContents(mark bool) func(*testing.T, string) {
	return func(t *testing.T, folder string) {
		removed := 0
		err := filepath.WalkDir(folder, func(path string, d os.DirEntry, err error) error {
			if err == nil && !d.IsDir() && strings.HasSuffix(d.Name(), "groupkit-mark") == mark {
				removed++
				err = os.Remove(path)
			}
			return err
		})
		require.NoError(t, err)
		require.Equal(t, 1, removed)
	}
}

// TestOpen_lostEnd says which losses of a disk that lies are told, and which are not. docs/durability.md has it too.
func TestOpen_lostEnd(t *testing.T) {
	t.Parallel()
	relaxed, never := groupkit.Options{Durability: groupkit.SyncInterval}, groupkit.Options{Durability: groupkit.SyncNever}
	for name, row := range map[string]struct {
		lostEnd
		told toldLoss
	}{
		// The contents remember the last opening: what reaches back before it is told, whatever was lost.
		"the last opening and a call":     {lostEnd{call: someCall, lose: beforeOpening}, toldLoss{Lost: true, Warned: true, Foreign: true, NewHistory: true}},
		"the last opening and an upload":  {lostEnd{call: someUpload, lose: beforeOpening}, toldLoss{Lost: true, Warned: true, Foreign: true, NewHistory: true, Unknown: 1}},
		"the last opening and a deletion": {lostEnd{call: someDeletion, lose: beforeOpening}, toldLoss{Lost: true, Warned: true, Foreign: true, NewHistory: true, Violations: 1}},

		// Within the last opening, what had to do with contents is told by Verify.
		"an upload":            {lostEnd{call: someUpload, lose: beforeCall}, toldLoss{Lost: true, Unknown: 1}},
		"a deletion of a file": {lostEnd{call: someDeletion, lose: beforeCall}, toldLoss{Lost: true, Violations: 1}},

		// With relaxed durability the end can be lost in any crash: there is a new history, and a warning says so.
		"a call, never synced": {lostEnd{opts: never, call: someCall, lose: beforeCall}, toldLoss{Lost: true, Warned: true, NewHistory: true}},
		"a call, relaxed":      {lostEnd{opts: relaxed, call: someCall, lose: beforeCall}, toldLoss{Lost: true, Warned: true, NewHistory: true}},

		// Nothing tells of these.
		"a call":             {lostEnd{call: someCall, lose: beforeCall}, toldLoss{Lost: true}},
		"the last meta page": {lostEnd{call: someCall, lose: withoutLastMeta}, toldLoss{Lost: true}},
		"the last opening and a call, no contents": {lostEnd{none: true, call: someCall, lose: beforeOpening}, toldLoss{Lost: true}},

		// The database is there, and contents are not.
		"a content":          {lostEnd{call: someCall, lose: nothing, contents: removeContents(false)}, toldLoss{Violations: 1}},
		"the contents' mark": {lostEnd{call: someCall, lose: nothing, contents: removeContents(true)}, toldLoss{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, row.told, row.happens(t))
		})
	}
}

// happens makes the calls, loses what is to be lost, opens the database again, and returns what tells of it.
func (l *lostEnd) happens(t *testing.T) (told toldLoss) {
	path := filepath.Join(t.TempDir(), "groups.db")
	read := func() []byte {
		content, err := os.ReadFile(path)
		require.NoError(t, err)
		return content
	}
	open := func(path string, opts groupkit.Options) *groupkit.Engine {
		eng, err := groupkit.Open(path, &opts)
		require.NoError(t, err)
		t.Cleanup(func() { _ = eng.Close() })
		return eng
	}
	eng := open(path, l.opts)
	_, err := eng.System().CreateGroup(t.Context(), groupkit.NewGroup{ID: "g", Name: "g", Owner: "alice", Members: grouptest.IDs{"bob"}})
	require.NoError(t, err)
	var file groupkit.File
	if !l.none {
		file, err = eng.System().UploadFile(t.Context(), "g", "a", strings.NewReader("kept"))
		require.NoError(t, err)
	}
	require.NoError(t, eng.Close())
	opening := read()

	eng = open(path, l.opts)
	history := eng.History()
	require.NoError(t, grouptest.ErrorOf(eng.Verify(t.Context(), groupkit.VerifyOptions{}))) // the work in the background has begun and ended
	require.NoError(t, eng.System().MuteGroup(t.Context(), "g"))
	g, err := eng.System().Group(t.Context(), "g")
	require.NoError(t, err)
	saved, err := eng.System().Follow(t.Context(), "g", eng.Position(g.Version-1))
	require.NoError(t, err)
	require.NoError(t, grouptest.ErrorOf(saved.Next(t.Context()))) // it is on the disk
	call := read()
	l.call(t, eng, file.ID)
	last, err := eng.System().Group(t.Context(), "g")
	require.NoError(t, err)
	after := read() // the power fails before Close
	require.NoError(t, eng.Close())

	require.NoError(t, os.WriteFile(path, l.lose(opening, call, after), 0o600))
	if l.contents != nil {
		l.contents(t, path+".files")
	}
	var log bytes.Buffer
	opts := l.opts
	opts.Logger = slog.New(slog.NewTextHandler(&log, nil))
	eng = open(path, opts)
	report, err := eng.Verify(t.Context(), groupkit.VerifyOptions{})
	require.NoError(t, err)
	told.Warned = strings.Contains(log.String(), "level=WARN")
	told.Foreign, told.Unknown, told.Violations = report.ForeignContents, len(report.UnknownContents), len(report.Violations)
	if g, err = eng.System().Group(t.Context(), "g"); err == nil {
		told.Lost = g.Version < last.Version
	}
	told.NewHistory = eng.History() != history
	if told.Violations > 0 {
		_, content, err := eng.System().OpenFile(t.Context(), "g", file.ID)
		if err == nil {
			_, err = io.Copy(io.Discard, content)
			err = errors.Join(err, content.Close())
		}
		require.ErrorIs(t, err, groupkit.ErrCorrupt)
	}
	return told
}
