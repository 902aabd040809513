// Package formats_test holds databases of the formats that were in use against what was
// read of them then.
//
// testdata has one database a format, with two golden files: what Verify reports of it,
// and everything that the public API reads of it. Both are in words of the test's own, so
// that no name and no text of the library is in them. A new version reads the same of the
// old database; where it means to read something else, the line of the golden file that
// changes says what users will see.
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

// opening is how many Updates the opening itself makes of a database of format 1, before
// it goes on with what was cut off: one that has the present format is opened as it is.
const opening = 0

// TestFormat1_HoldsEveryKindOfRecord looks at the keys in the file.
func TestFormat1_HoldsEveryKindOfRecord(t *testing.T) {
	t.Parallel()
	scan(t, unpack(t, "format1.tar.gz")).requireEveryKind(t)
}

// TestFormat1_Reads holds everything that can be read of the database against the golden
// files. What was cut off stays so, as nothing can be written.
func TestFormat1_Reads(t *testing.T) {
	t.Parallel()
	path := unpack(t, "format1.tar.gz")
	all := scan(t, path)
	eng := openShut(t, path)
	r := read(t, eng, all)
	if *golden {
		r.writeGolden()
	}
	requireGolden(t, "format1.verify.txt", findings(t, eng))
	requireGolden(t, "format1.reads.json", r.text())
	r.requireEveryWord()
}

// TestFormat1_Resumes opens the database as a program does. What was cut off is finished,
// and no answer changes by that.
func TestFormat1_Resumes(t *testing.T) {
	t.Parallel()
	path := unpack(t, "format1.tar.gz")
	all := scan(t, path)
	d := openWhole(t, path, groupkit.Options{})
	d.waitUntilResumed()
	requireGolden(t, "format1.reads.json", read(t, d.eng, all).text())
}

// openShut opens a database of which nothing can be written.
func openShut(t *testing.T, path string) *groupkit.Engine {
	t.Helper()
	s, err := boltstore.Open(path, nil)
	require.NoError(t, err)
	g := newGate(s, opening)
	return start(t, g, newBlobGate(fileblob.New(path+".files"), true, g.changed), groupkit.Options{})
}

// start makes an engine whose time is the last instant of the database.
func start(t *testing.T, s store.Store, blobs store.Blobs, opts groupkit.Options) *groupkit.Engine {
	t.Helper()
	opts.Limits.Groups = cmp.Or(opts.Limits.Groups, counted)
	opts.Clock = func() time.Time { return lastInstant }
	eng, err := groupkit.New(s, blobs, &opts)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, eng.Close()) })
	return eng
}

// findings are what Verify reports, in the words of the test.
func findings(t *testing.T, eng *groupkit.Engine) string {
	t.Helper()
	found, err := eng.Verify(t.Context())
	require.NoError(t, err)
	var lines []string
	for _, v := range found {
		lines = append(lines, finding(v)+"\n")
	}
	slices.Sort(lines)
	return strings.Join(lines, "")
}
