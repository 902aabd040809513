package formats_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/store/boltstore"
	"groupkit/store/fileblob"
)

var write = flag.Bool("write", false, "make the database of format 2 again, and its golden files")

// TestFormat2_Generator makes a database with every kind of record. It documents how the
// database in testdata was made, and shows that the present code still makes one such.
//
//	go test ./tests/formats -run TestFormat2_Generator -write
//
// made testdata/format2.tar.gz and its golden files. The database of a format that has been
// released is never made again: what it holds is what users have on their disks. A later
// format gets a database of its own. That of format 1 was made by the code of its time.
func TestFormat2_Generator(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	w := &writer{t: t, ctx: t.Context(), path: filepath.Join(dir, database)}
	w.everything()
	all := format2.scan(t, w.path)
	all.requireEveryKind(t, format2.kinds)
	packed := pack(t, dir)
	eng := format2.openShut(t, w.path)
	r := read(t, eng, all)
	r.requireEveryWord("event repaired") // which only a damaged database gets
	if *write {
		for name, content := range map[string]string{
			".tar.gz": string(packed), ".verify.txt": findings(t, eng), ".reads.json": r.text(),
		} {
			require.NoError(t, os.WriteFile(filepath.Join("testdata", format2.name+name), []byte(content), 0o644))
		}
	}
}

// A writer makes a database, in several sessions with one engine each.
type writer struct {
	t     *testing.T
	ctx   context.Context
	path  string
	clock atomic.Int64     // milliseconds
	eng   *groupkit.Engine // of the session
	sys   groupkit.Actor
	gate  *gate
	blobs *blobGate
}

// counted is the number of groups in the app. An engine without that limit would take the
// number of groups out of the store.
const counted = 1000

func (w *writer) everything() {
	w.session(groupkit.Options{}, w.winter)
	w.session(groupkit.Options{Retention: groupkit.Retention{MaxAge: 30 * day, MaxEvents: 100}}, w.spring)
	w.session(groupkit.Options{Limits: groupkit.Limits{Groups: counted}}, w.groups, w.moderation, w.crowd, w.texts, w.files, w.forgotten, w.packed)
	w.session(groupkit.Options{
		Limits: groupkit.Limits{Groups: counted}, RequestTTL: 2 * day, InvitationTTL: 3 * day,
		BlockOutsiders: true, OwnerLeave: groupkit.OwnerSucceed,
	}, w.expiry, w.owners)
	tight := groupkit.Limits{Groups: counted, JoinedGroups: 5, MaxUsers: 4, ListSize: 4, Invitations: 2}
	w.session(groupkit.Options{Limits: tight}, w.once)
	w.session(groupkit.Options{Limits: groupkit.Limits{Groups: counted}}, w.lastDay)
}

// session opens the database, runs scenes and closes it.
func (w *writer) session(opts groupkit.Options, scenes ...func()) {
	s, err := boltstore.Open(w.path, &boltstore.Options{Durability: boltstore.None})
	require.NoError(w.t, err)
	w.gate = newGate(s, unlimited)
	w.blobs = newBlobGate(fileblob.New(w.path+".files"), false, w.gate.changed)
	opts.Clock = w.tick
	opts.UserExists = func(_ context.Context, user groupkit.UserID) (bool, error) { return user != "nobody", nil }
	w.eng, err = groupkit.New(w.gate, w.blobs, &opts)
	require.NoError(w.t, err)
	w.sys = w.eng.System()
	for _, scene := range scenes {
		scene()
	}
	require.NoError(w.t, w.eng.Close())
}

// at sets the clock.
func (w *writer) at(text string) {
	at, err := time.Parse("2006-01-02 15:04", text)
	require.NoError(w.t, err)
	w.clock.Store(at.UnixMilli())
}

// tick is the time, which goes on by a millisecond with every look at it, so that no two
// things are of the same instant.
func (w *writer) tick() time.Time { return time.UnixMilli(w.clock.Add(1)) }

func (w *writer) as(user groupkit.UserID) groupkit.Actor { return w.eng.As(user) }

// ok fails the test for any error.
func (w *writer) ok(errs ...error) {
	w.t.Helper()
	for i, err := range errs {
		require.NoError(w.t, err, "call %d", i+1)
	}
}

// create makes a group, and returns its id.
func (w *writer) create(g groupkit.NewGroup) groupkit.GroupID {
	w.t.Helper()
	made, err := w.sys.CreateGroup(w.ctx, g)
	w.ok(err)
	return made.ID
}

// fans are users who are many.
func fans(from, to int) (users []groupkit.UserID) {
	for n := from; n <= to; n++ {
		users = append(users, groupkit.UserID(fmt.Sprintf("fan-%03d", n)))
	}
	return users
}

// admit adds many members, in batches.
func (w *writer) admit(group groupkit.GroupID, users []groupkit.UserID) {
	w.t.Helper()
	for len(users) > 0 {
		n := min(60, len(users))
		_, err := w.sys.AddMembers(w.ctx, group, users[:n])
		w.ok(err)
		users = users[n:]
	}
}

// second is the error of a call that returns something besides.
func second[T any](_ T, err error) error { return err }
