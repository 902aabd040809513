package groupkit

import (
	"strings"

	"github.com/google/uuid"

	"groupkit/internal/key"
	"groupkit/internal/record"
)

// A renaming replaces a user ID by a pseudonym, wherever a record contains it. The zero value
// replaces nothing.
//
// ForgetUser begins a renaming of a group by one transaction, which writes the pseudonym into the
// header of the group: from then on everybody sees the pseudonym, because whoever decodes a
// record of the group applies the renaming of its header. Steps then write it into the
// records; see finishRenaming. The last one removes it from the header. A record beside the group,
// under key.Rename, says how far the steps are. Engines that find it finish what was cut off.
//
// What must hold: while a renaming is pending nothing new that names the user gets into the
// group. So it does not matter whether a record was written before or after. Calls by the user
// or about the user finish the renaming before they change the group; see
// change.awaitsRenaming. So do retention and a renaming of another user: a group has at most one.
//
// Every field of a record that can contain a user ID must be replaced here; a field that is left
// out keeps the ID.
type renaming record.Rename

// renamingOf returns the pending renaming of the group with the header.
func renamingOf(h *record.Header) renaming { return renaming(h.Rename) }

// pseudonym is the prefix of all pseudonyms.
const pseudonym = "forgotten-"

// isPseudonym reports whether a user ID is a pseudonym. Nothing leads from it to a group.
func isPseudonym(user string) bool { return strings.HasPrefix(user, pseudonym) }

// newPseudonym returns a random pseudonym.
func newPseudonym() string { return pseudonym + uuid.NewString() }

// swap replaces the name if it is the user ID.
func (n renaming) swap(name *string) {
	if *name == n.From && n.From != "" { // "" is the system
		*name = n.To
	}
}

// standing replaces the user ID in the marks of another user. The marks are replaced, not changed.
func (n renaming) standing(st *record.Standing) {
	if n.From == "" || !st.Marked() {
		return
	}
	for _, kind := range marks {
		if slot := kind.field(st); *slot != nil && (*slot).By == n.From {
			mark := **slot
			mark.By = n.To
			*slot = &mark
		}
	}
}

func (n renaming) call(call *record.Call) {
	if n.From != "" {
		eachName(call, n.swap)
	}
}

// eachName calls fn with every field of a call that can contain a user ID.
func eachName(call *record.Call, fn func(*string)) {
	fn(&call.Actor)
	for i := range call.Events {
		e := &call.Events[i]
		for j := range e.Users {
			fn(&e.Users[j])
		}
		if e.File != nil {
			fn(&e.File.Owner)
		}
	}
}

// rewrite returns the new value of a record of the given kind.
func (n renaming) rewrite(kind byte, value []byte) ([]byte, error) {
	switch kind {
	case key.Header:
		h, err := record.DecodeHeader(value)
		n.swap(&h.Owner)
		return h.Encode(), err
	case key.Members, key.Outsiders:
		st, err := record.DecodeStanding(value, kind == key.Members)
		n.standing(&st)
		return st.Encode(), err
	case key.Files:
		f, err := record.DecodeFile(value)
		n.swap(&f.Owner)
		return f.Encode(), err
	case key.Announcement:
		a, err := record.DecodeAnnouncement(value)
		n.swap(&a.By)
		return a.Encode(), err
	case key.Events:
		call, err := record.DecodeCall(value)
		n.call(&call)
		return call.Encode(), err
	}
	return value, nil
}
