// Package formats_test holds databases of the formats that were in use against what was
// read of them then.
//
// testdata has one database a format, with two golden files: what Verify reports of it,
// and everything that the public API reads of it. Both are in words of the test's own, so
// that no name and no text of the library is in them. A later version reads the same of the
// database; what it means to read differently stands line by line in a file of changes.
package formats_test

import (
	"cmp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/store"
	"groupkit/store/boltstore"
	"groupkit/store/fileblob"
)

// A format is a format that databases were written in. Its name is that of its files in
// testdata: the database, what is read of it, and what Verify reports.
type format struct {
	name    string
	kinds   []string // of its records
	kindOf  func(k []byte) (kind, group, user string)
	opening int64  // Updates that an opening makes of it once it is up to date
	changes string // the file of what is read differently today

	// The content of an upload that was cut off, if it stays: nobody can say whether it is of
	// this database.
	unknown string
}

var (
	format1 = format{"format1", format1Kinds, kindOf1, 2, "format1.changes.txt", "0266696c657300-01977308-1902-7960-b4a8-6d5d08f8c355"}
	format2 = format{"format2", format2Kinds, kindOf2, 1, "", ""}
)

// everyFormat runs a test with the database of each format.
func everyFormat(t *testing.T, test func(t *testing.T, f format, path string)) {
	for _, f := range []format{format1, format2} {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			test(t, f, unpack(t, f.name+".tar.gz"))
		})
	}
}

func (f format) scan(t *testing.T, path string) keys { return scan(t, path, f.kindOf) }

// reads is what has to be read of the database.
func (f format) reads(t *testing.T) string {
	text := goldenText(t, f.name+".reads.json")
	if f.changes != "" {
		text = changed(t, text, goldenText(t, f.changes))
	}
	return text
}

// left is what Verify reports of the database when nothing of what was cut off is left to do.
func (f format) left() string {
	if f.unknown == "" {
		return ""
	}
	return unknownContent(f.unknown)
}

// TestFormats_HoldEveryKindOfRecord looks at the keys in the files.
func TestFormats_HoldEveryKindOfRecord(t *testing.T) {
	t.Parallel()
	everyFormat(t, func(t *testing.T, f format, path string) {
		f.scan(t, path).requireEveryKind(t, f.kinds)
	})
}

// TestFormats_Read holds everything that can be read of a database against the golden
// files. What was cut off stays so, as nothing can be written once it is up to date.
func TestFormats_Read(t *testing.T) {
	t.Parallel()
	everyFormat(t, func(t *testing.T, f format, path string) {
		all := f.scan(t, path)
		eng := f.openShut(t, path)
		r := read(t, eng, all)
		requireText(t, goldenText(t, f.name+".verify.txt")+f.left(), findings(t, eng))
		requireText(t, f.reads(t), r.text())
		r.requireEveryWord("event pseudonyms", "event repaired") // which came later
	})
}

// TestFormats_Resume opens a database as a program does. What was cut off is finished,
// and no answer changes by that.
func TestFormats_Resume(t *testing.T) {
	t.Parallel()
	everyFormat(t, func(t *testing.T, f format, path string) {
		all := f.scan(t, path)
		d := openWhole(t, path, groupkit.Options{})
		d.waitUntilResumed(f.left())
		requireText(t, f.reads(t), read(t, d.eng, all).text())
	})
}

// openShut brings a database up to date, and opens it so that nothing more can be written.
func (f format) openShut(t *testing.T, path string) *groupkit.Engine {
	t.Helper()
	s, err := boltstore.Open(path, &boltstore.Options{Durability: boltstore.None})
	require.NoError(t, err)
	require.NoError(t, groupkit.Upgrade(t.Context(), s, lastOptions()))
	g := newGate(s, f.opening)
	return start(t, g, newBlobGate(fileblob.New(path+".files"), true, g.changed), groupkit.Options{})
}

// lastOptions are those of an engine whose time is the last instant of the database.
func lastOptions() *groupkit.Options {
	return &groupkit.Options{
		Limits: groupkit.Limits{Groups: counted}, Clock: func() time.Time { return lastInstant },
	}
}

// start makes an engine whose time is the last instant of the database.
func start(t *testing.T, s store.Store, blobs store.Blobs, opts groupkit.Options) *groupkit.Engine {
	t.Helper()
	opts.Limits.Groups = cmp.Or(opts.Limits.Groups, counted)
	opts.Clock = lastOptions().Clock
	eng, err := groupkit.New(s, blobs, &opts)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, eng.Close()) })
	return eng
}

// findings are what Verify reports, in the words of the test.
func findings(t *testing.T, eng *groupkit.Engine) string {
	t.Helper()
	report, err := eng.Verify(t.Context(), groupkit.VerifyOptions{})
	require.NoError(t, err)
	require.False(t, report.ForeignContents)
	var lines []string
	for _, v := range report.Violations {
		lines = append(lines, finding(v)+"\n")
	}
	for _, group := range report.Deletions {
		lines = append(lines, finding(groupkit.Violation{Invariant: groupkit.DeletedIsGone, Group: group})+"\n")
	}
	for _, content := range report.UnknownContents {
		lines = append(lines, unknownContent(content.ID))
	}
	slices.Sort(lines)
	return strings.Join(lines, "")
}

func unknownContent(id string) string { return "unknown content " + id + "\n" }
