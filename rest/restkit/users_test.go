package restkit_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
	"groupkit/rest"
	"groupkit/rest/restkit"
)

func TestUsers_CreateUsers(t *testing.T) {
	t.Parallel()
	f := setup(t)
	created := f.add(t, "bob", "alice")
	require.Equal(t, groupkit.UserID("bob"), created[0].Name, "in the order of the call")
	require.Equal(t, groupkit.UserID("alice"), created[1].Name)
	require.Len(t, created[0].ID, 36)
	require.NotEqual(t, created[0].ID, created[1].ID)
	for _, u := range created {
		require.Equal(t, f.clock.Instant(), u.Created)
		require.Equal(t, f.clock.Instant(), u.Modified)
		found, err := f.users.User(t.Context(), u.Name)
		require.NoError(t, err)
		require.Equal(t, u, found)
		f.requireExists(t, true, u.Name)
	}
	none, err := f.users.CreateUsers(t.Context(), nil)
	require.NoError(t, err)
	require.Empty(t, none)
}

func (f *fixture) requireExists(t require.TestingT, want bool, names ...groupkit.UserID) {
	for _, name := range names {
		exists, err := f.users.Exists(background, name)
		require.NoError(t, err)
		require.Equal(t, want, exists, "%q", name)
	}
}

func TestUsers_CreateUsers_AllOrNone(t *testing.T) {
	t.Parallel()
	f := setup(t)
	alice := f.add(t, "alice")[0]
	long := groupkit.UserID(strings.Repeat("n", 256))
	for name, c := range map[string]struct {
		add  rest.NewUser
		want error
	}{
		"taken":          {rest.NewUser{Name: "alice", Password: "other"}, rest.ErrUserExists},
		"named twice":    {rest.NewUser{Name: "bob", Password: "other"}, rest.ErrUserExists},
		"no name":        {rest.NewUser{Password: "x"}, groupkit.ErrInvalid},
		"no password":    {rest.NewUser{Name: "carol"}, groupkit.ErrInvalid},
		"a long name":    {rest.NewUser{Name: long, Password: "x"}, groupkit.ErrInvalid},
		"a control":      {rest.NewUser{Name: "a\nb", Password: "x"}, groupkit.ErrInvalid},
		"bad UTF-8":      {rest.NewUser{Name: "a\xffb", Password: "x"}, groupkit.ErrInvalid},
		"a space before": {rest.NewUser{Name: " a", Password: "x"}, groupkit.ErrInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := f.users.CreateUsers(t.Context(), []rest.NewUser{{Name: "bob", Password: "x"}, c.add})
			require.ErrorIs(t, err, c.want)
			f.requireExists(t, false, "bob")
			require.Equal(t, 1, f.entries(t, restkit.UsersBucket))
			found, err := f.users.Verify(t.Context(), "alice", password("alice"))
			require.NoError(t, err)
			require.Equal(t, alice, found)
		})
	}
	f.requireExists(t, false, long, "", "a\nb")
	_, err := f.users.User(t.Context(), long)
	require.ErrorIs(t, err, rest.ErrUnknownUser)
}

// TestUsers_NamesOfTheEngine checks that a user can have exactly the names that the engine takes.
func TestUsers_NamesOfTheEngine(t *testing.T) {
	t.Parallel()
	f := setup(t)
	eng, _ := grouptest.Setup(t, groupkit.Options{})
	for i, name := range []groupkit.UserID{
		"", "a", "1", "a b", " a", "a ", "a\u00a0", "\u3000a", "é", "a\x00", "a\x7f", "a\u0085b", "a\xff", "a\u200bb", "a/b", "a,b",
		groupkit.UserID(strings.Repeat("n", 255)), groupkit.UserID(strings.Repeat("n", 256)),
		groupkit.UserID(strings.Repeat("é", 127)), groupkit.UserID(strings.Repeat("é", 128)),
	} {
		_, want := eng.System().CreateGroup(t.Context(), groupkit.NewGroup{Name: fmt.Sprint(i), Owner: name})
		_, got := f.users.CreateUsers(t.Context(), []rest.NewUser{{Name: name, Password: "x"}})
		if name == "" {
			require.ErrorIs(t, got, groupkit.ErrInvalid)
			continue
		}
		require.Equal(t, want == nil, got == nil, "%q: %v, %v", name, want, got)
	}
}

func TestUsers_Verify(t *testing.T) {
	t.Parallel()
	f := setup(t)
	long := strings.Repeat("x", 72)
	for name, password := range map[groupkit.UserID]string{"alice": "p", "bob": long + "1", "carol": "a\x00b"} {
		_, err := f.users.CreateUsers(t.Context(), []rest.NewUser{{Name: name, Password: password}})
		require.NoError(t, err)
		_, err = f.users.Verify(t.Context(), name, password)
		require.NoError(t, err)
	}
	for name, wrong := range map[groupkit.UserID]string{"alice": "P", "bob": long + "2", "carol": "a\x00c", "dave": ""} {
		found, err := f.users.Verify(t.Context(), name, wrong)
		require.ErrorIs(t, err, rest.ErrCredentials, name)
		require.Zero(t, found)
	}
	_, err := f.users.Verify(t.Context(), "alice", "")
	require.ErrorIs(t, err, rest.ErrCredentials)
}

func TestUsers_DeleteUser(t *testing.T) {
	t.Parallel()
	f := setup(t)
	alice := f.add(t, "alice", "bob")[0]
	deleted, err := f.users.DeleteUser(t.Context(), "alice")
	require.NoError(t, err)
	require.Equal(t, alice, deleted)
	f.requireExists(t, false, "alice")
	f.requireExists(t, true, "bob")
	_, err = f.users.Verify(t.Context(), "alice", password("alice"))
	require.ErrorIs(t, err, rest.ErrCredentials)
	for _, name := range []groupkit.UserID{"alice", "", "\xff"} {
		deleted, err = f.users.DeleteUser(t.Context(), name)
		require.ErrorIs(t, err, rest.ErrUnknownUser, "%q", name)
		require.Zero(t, deleted)
	}
}

func TestUsers_DeleteUsers(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.add(t, "dave", "bob", "Zoe", "carol", "alice")
	for _, c := range []struct {
		limit int
		want  []groupkit.UserID
	}{{0, nil}, {-1, nil}, {2, []groupkit.UserID{"Zoe", "alice"}}, {1, []groupkit.UserID{"bob"}}, {math.MaxInt, []groupkit.UserID{"carol", "dave"}}, {5, nil}} {
		deleted, err := f.users.DeleteUsers(t.Context(), c.limit)
		require.NoError(t, err)
		var names []groupkit.UserID
		for _, u := range deleted {
			names = append(names, u.Name)
		}
		require.Equal(t, c.want, names, "%d", c.limit)
		f.requireExists(t, false, names...)
	}
}

// TestUsers_CreateUsers_Race creates the same users from several goroutines, in batches that
// overlap. Each name has one winner, and no batch succeeds in part.
func TestUsers_CreateUsers_Race(t *testing.T) {
	t.Parallel()
	f := setup(t)
	names := grouptest.Users("u", 8)
	var won [8]atomic.Int32
	var all sync.WaitGroup
	for i := range 32 {
		first, second := i%8, (i*3+1)%8
		if first == second {
			continue
		}
		all.Go(func() {
			_, err := f.users.CreateUsers(background, []rest.NewUser{{Name: names[first], Password: "x"}, {Name: names[second], Password: "x"}})
			if err == nil {
				won[first].Add(1)
				won[second].Add(1)
			}
		})
	}
	all.Wait()
	for i, name := range names {
		exists, err := f.users.Exists(t.Context(), name)
		require.NoError(t, err)
		require.LessOrEqual(t, won[i].Load(), int32(1))
		require.Equal(t, won[i].Load() == 1, exists)
	}
}

func TestUsers_Exists_OptionOfTheEngine(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.add(t, "alice")
	_, err := f.eng.System().CreateGroup(t.Context(), groupkit.NewGroup{Name: "guild", Owner: "bob"})
	require.ErrorIs(t, err, groupkit.ErrUserNotFound)
	g, err := f.eng.System().CreateGroup(t.Context(), groupkit.NewGroup{Name: "guild", Owner: "alice"})
	require.NoError(t, err)
	_, err = f.users.DeleteUser(t.Context(), "alice")
	require.NoError(t, err)
	require.NoError(t, f.eng.System().DeleteGroup(t.Context(), g.ID), "a group outlives its owner's account")
}

// TestUsers_InsideAtomic asks who exists while a transaction runs: an error, not a wait for ever.
func TestUsers_InsideAtomic(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.add(t, "alice", "bob")
	g, err := f.eng.System().CreateGroup(t.Context(), groupkit.NewGroup{Name: "guild", Owner: "alice"})
	require.NoError(t, err)
	err = f.eng.Atomic(t.Context(), func(tx *groupkit.Tx) error { return tx.System().AddMember(t.Context(), g.ID, "bob") })
	require.ErrorIs(t, err, groupkit.ErrNested)
}

func TestUsers_Bind(t *testing.T) {
	t.Parallel()
	users := newUsers(t, grouptest.NewClock())
	_, err := users.Exists(t.Context(), "alice")
	require.ErrorIs(t, err, groupkit.ErrClosed)
	_, err = users.CreateUsers(t.Context(), []rest.NewUser{{Name: "alice", Password: "x"}})
	require.ErrorIs(t, err, groupkit.ErrClosed)
	_, err = users.DeleteUsers(t.Context(), 1)
	require.ErrorIs(t, err, groupkit.ErrClosed)
	_, err = users.Verify(t.Context(), "alice", "x")
	require.ErrorIs(t, err, groupkit.ErrClosed)
}

func TestUsers_Damaged(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.add(t, "alice")
	f.damage(t, restkit.UsersBucket, 'a', []byte(`{"id":"1","hash":"AAAA"}`))
	_, err := f.users.Verify(t.Context(), "alice", "x")
	require.ErrorIs(t, err, groupkit.ErrCorrupt)
	f.damage(t, restkit.UsersBucket, 'a', nil)
	_, err = f.users.User(t.Context(), "alice")
	require.ErrorIs(t, err, groupkit.ErrCorrupt)
	_, err = f.users.DeleteUsers(t.Context(), 1)
	require.ErrorIs(t, err, groupkit.ErrCorrupt)
}

func TestNewUsers_Invalid(t *testing.T) {
	t.Parallel()
	for _, opts := range []restkit.UsersOptions{{Cost: 3}, {Cost: 32}, {Cost: -1}, {Cost: 4, Hashes: -1}, {Cost: 4, Hashes: 1025}} {
		_, err := restkit.NewUsers(&opts)
		require.ErrorIs(t, err, groupkit.ErrInvalid, "%+v", opts)
	}
	users, err := restkit.NewUsers(nil)
	require.NoError(t, err)
	require.NotNil(t, users)
}

var _ rest.Directory = (*restkit.Users)(nil)

// sorted returns the keys of a map, in order.
func sorted[V any](m map[groupkit.UserID]V) []groupkit.UserID {
	keys := make([]groupkit.UserID, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
