package formats_test

import (
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"groupkit"
)

// lastInstant is when the database is read: after everything that was written.
var lastInstant = time.Date(2025, time.June, 15, 12, 0, 0, 0, time.UTC)

// once makes all calls that have an idempotency key.
func (w *writer) once() {
	w.at("2025-06-15 08:00")
	w.create(groupkit.NewGroup{ID: "short-lived", Name: "Short-lived", Owner: "otto", MaxUsers: 4, Members: []groupkit.UserID{"temp"}})
	for _, call := range onceCalls {
		w.ok(second(call.do(w.ctx, call.actor(w.eng))))
	}
}

// packed makes the group of the calls with idempotency keys.
func (w *writer) packed() {
	w.create(groupkit.NewGroup{
		ID: "packed", Name: "Packed", Public: true, MembersOnly: true, Custom: "old", Owner: "otto", MaxUsers: 11,
		Members: []groupkit.UserID{"paula", "quinn", "rita", "sam", "tina", "uma", "vic", "wes", "ghost"},
	})
	w.ok(
		w.as("otto").AddAdmin(w.ctx, "packed", "paula"),
		w.as("otto").AddAdmin(w.ctx, "packed", "quinn"),
		second(w.as("otto").Block(w.ctx, "packed", groupkit.Forever, "wes")),
	)
}

// lastDay forgets a user whom the outcomes of others' calls name. Then it leaves cut off, as a
// crash does, the removal of a content, an upload and a deletion: from some write on, nothing
// reaches the store.
func (w *writer) lastDay() {
	w.at("2025-06-15 10:00")
	w.ok(w.sys.ForgetUser(w.ctx, "ghost", groupkit.ForgetOptions{Pseudonymize: true}))
	gone, err := w.as("bob").UploadFile(w.ctx, "files", "to go.txt", strings.NewReader("A content to be removed."))
	w.ok(err)
	w.blobs.keeps.Store(true)
	w.ok(w.as("bob").DeleteFile(w.ctx, "files", gone.ID))
	w.gate.left.Store(1) // the announcement of the content
	_, err = w.as("bob").UploadFile(w.ctx, "files", "cut off.txt", strings.NewReader("A content that no file names."))
	require.ErrorIs(w.t, err, errShut)
	w.gate.left.Store(3) // the tombstone, and two steps of 64 members each
	err = w.as("alice").Because("closing down").DeleteGroup(w.ctx, doomed)
	require.ErrorIs(w.t, err, errShut)
}
