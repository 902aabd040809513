package groupkit

import (
	"math/bits"
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"

	"groupkit/internal/key"
	"groupkit/internal/record"
	"groupkit/store"
)

// markFields are the names of the fields of a standing that are marks.
func markFields() (names []string) {
	standing := reflect.TypeFor[record.Standing]()
	for field := range standing.Fields() {
		if field.Type == reflect.TypeFor[*record.Mark]() {
			names = append(names, field.Name)
		}
	}
	return names
}

// marksOf are the marks of a standing by the names of their fields.
func marksOf(st *record.Standing) map[string]*record.Mark {
	all := make(map[string]*record.Mark)
	for _, name := range markFields() {
		if m := reflect.ValueOf(st).Elem().FieldByName(name).Interface().(*record.Mark); m != nil {
			all[name] = m
		}
	}
	return all
}

// marked is a state in which a user has every mark.
func marked() *state {
	s := newState()
	*s.standing("carol") = record.Standing{
		Request: &record.Mark{At: 1, Until: 10, By: "carol"}, Invitation: &record.Mark{At: 2, Until: 20, By: "bob"},
		Block: &record.Mark{At: 3, Until: 30, By: "bob", Reason: "spam"}, Mute: &record.Mark{At: 4, Until: 40, By: "bob", Reason: "loud"},
		Allow: &record.Mark{At: 5, By: "bob"},
	}
	s.head.Requests, s.head.Invitations, s.head.Blocked, s.head.Mutes, s.head.Allowed = 1, 1, 1, 1, 1
	return s
}

// TestMarks checks that the table has a line for every mark of a standing, and only one.
func TestMarks(t *testing.T) {
	t.Parallel()
	limits, err := Limits{}.orDefaults(store.Sizes{})
	require.NoError(t, err)
	require.Len(t, marks, len(markFields()))
	seen := make(map[any]bool)
	for _, kind := range marks {
		var st record.Standing
		*kind.field(&st) = new(record.Mark)
		require.True(t, st.Marked(), kind.name)
		st = record.Standing{Role: uint8(RoleAdmin)}
		require.False(t, st.Marked())
		var h record.Header
		for _, x := range []any{kind.name, kind.list, kind.flag, kind.begins, kind.ends} {
			require.NotZero(t, x, kind.name)
			require.False(t, seen[x], "%s: %v", kind.name, x)
			seen[x] = true
		}
		require.Equal(t, 1, bits.OnesCount(uint(kind.flag)), kind.name)

		*kind.field(&st) = new(record.Mark)
		*kind.count(&h) = 1
		for name := range marksOf(&st) {
			require.False(t, seen[name], "%s: %s", kind.name, name)
			seen[name] = true
		}
		count := differences(record.Header{}, h)
		require.False(t, seen[count], "%s: %s", kind.name, count)
		seen[count] = true
		require.ErrorIs(t, kind.full, ErrLimit, kind.name)
		require.Positive(t, kind.limit(&limits), kind.name)
	}
	for _, name := range markFields() {
		require.True(t, seen[name], "no kind is %s", name)
	}
}

// TestMarks_Stored pins what is stored of them: the list and the flag.
func TestMarks_Stored(t *testing.T) {
	t.Parallel()
	lists := map[string]byte{"Mute": key.Muted, "Block": key.Blocked, "Allow": key.Allowed, "Request": key.Requests, "Invitation": key.Invitations}
	flags := map[string]int{"Mute": 1, "Block": 2, "Allow": 4, "Request": 8, "Invitation": 16}
	for _, name := range markFields() {
		var st record.Standing
		reflect.ValueOf(&st).Elem().FieldByName(name).Set(reflect.ValueOf(&record.Mark{Until: 7, By: "bob", Version: 9, Place: 2}))
		require.Equal(t, flags[name], standingFlags(&st), name)
		require.True(t, listed(lists[name], &st), name)
		pairs := standingPairs("guild", "carol", &st)
		entry := key.OfUser("guild", lists[name], "carol")
		if name == "Request" || name == "Invitation" {
			entry = key.Arrival("guild", lists[name], 9, 2, "carol")
		}
		require.True(t, contains(pairs, entry, []byte{key.Outsiders}), name)
		require.True(t, contains(pairs, key.Expiry(7, "guild", lists[name], "carol"), []byte{}), name)
		require.True(t, contains(pairs, key.ExpiringEntry("guild", lists[name], 7, "carol"), []byte{}), name)
		want := 5
		if name == "Invitation" {
			want = 6
			require.True(t, contains(pairs, key.Inviter("guild", "bob", "carol"), []byte{}), name)
		}
		require.Len(t, pairs, want, name)
	}
}

// TestMarks_Events applies every kind of event to a user with every mark, and to one with
// none.
func TestMarks_Events(t *testing.T) {
	t.Parallel()
	begins := map[EventKind]string{
		JoinRequested: "Request", MemberInvited: "Invitation", MemberBlocked: "Block", MemberMuted: "Mute", MemberAllowed: "Allow",
	}
	ends := map[EventKind]string{
		RequestApproved: "Request", RequestDeclined: "Request", RequestCancelled: "Request", RequestExpired: "Request",
		InvitationAccepted: "Invitation", InvitationDeclined: "Invitation", InvitationCancelled: "Invitation", InvitationExpired: "Invitation",
		MemberUnblocked: "Block", BlockExpired: "Block", MemberUnmuted: "Mute", MuteExpired: "Mute", MemberDisallowed: "Allow",
	}
	call := &record.Call{At: 50, Actor: "alice", Reason: "because"}
	for number := range 256 {
		kind := EventKind(number)
		e := record.Event{Kind: uint8(number), Users: []string{"carol"}, Until: 60}
		all := marked()
		want := marksOf(all.standing("carol"))
		all.apply(call, &e)
		none := newState()
		none.apply(call, &e)
		wantNone := map[string]*record.Mark{}
		if name := begins[kind]; name != "" {
			want[name] = &record.Mark{At: 50, Until: 60, By: "alice", Reason: "because"}
			wantNone[name] = want[name]
		}
		delete(want, ends[kind])
		require.Equal(t, want, marksOf(all.standing("carol")), "%s", kind)
		require.Equal(t, wantNone, marksOf(none.standing("carol")), "%s", kind)
		requireCounts(t, want, &all.head)
		requireCounts(t, wantNone, &none.head)
	}
}

// requireCounts is about a group of one user, with these marks.
func requireCounts(t *testing.T, marks map[string]*record.Mark, h *record.Header) {
	counts := map[string]int{"Mute": h.Mutes, "Block": h.Blocked, "Allow": h.Allowed, "Request": h.Requests, "Invitation": h.Invitations}
	for _, name := range markFields() {
		require.Equal(t, marks[name] != nil, counts[name] == 1, name)
	}
}

// TestMarks_Snapshot turns a state with every mark into a snapshot, and back.
func TestMarks_Snapshot(t *testing.T) {
	t.Parallel()
	s := marked()
	out := s.snapshot("guild")
	again := out.state()
	require.Equal(t, marksOf(s.standing("carol")), marksOf(again.standing("carol")))
	requireCounts(t, marksOf(s.standing("carol")), &again.head)
}

// TestMarks_Pseudonym takes a name out of every mark.
func TestMarks_Pseudonym(t *testing.T) {
	t.Parallel()
	st := marked().standing("carol")
	st.Request.By = "bob"
	before := *st
	n := renaming{From: "bob", To: "nobody"}
	n.standing(st)
	for name, m := range marksOf(st) {
		require.Equal(t, "nobody", m.By, name)
	}
	for name, m := range marksOf(&before) {
		require.Equal(t, "bob", m.By, "%s: marks are replaced, not changed", name)
	}
}
