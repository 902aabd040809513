package key_test

import (
	"bytes"
	"cmp"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"groupkit/internal/key"
)

// groupIDs draws ids of every form: assigned ones, chosen ones, and chosen ones that
// look like assigned ones or are the beginnings of others.
func groupIDs() *rapid.Generator[string] {
	assigned := rapid.Custom(func(t *rapid.T) string {
		return uuid.UUID(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "uuid")).String()
	})
	return rapid.OneOf(
		assigned,
		rapid.Map(assigned, strings.ToUpper),
		rapid.Map(assigned, func(id string) string { return id[:35] }),
		rapid.Map(assigned, func(id string) string { return id + "0" }),
		rapid.Map(assigned, func(id string) string { return strings.ReplaceAll(id, "-", "") }),
		rapid.StringMatching(`[A-Za-z0-9._:-]{1,64}`),
		rapid.StringMatching(`a{1,64}`),
	)
}

// userIDs draws ids as hostile as they are allowed to be: without control characters.
func userIDs() *rapid.Generator[string] {
	return rapid.OneOf(
		rapid.StringMatching(`\PC{1,32}`),
		rapid.StringMatching(`a{1,128}`),
		rapid.SampledFrom([]string{"g", "u", "h", "m", "a", "a\u00a0b", "\u07ff", "\uffff", "\U0010ffff", " ", "~"}),
	)
}

func times() *rapid.Generator[int64] { return rapid.Int64Range(0, 1<<46) }

func kinds() *rapid.Generator[byte] {
	return rapid.SampledFrom([]byte("abcefhilmnorux"))
}

func files() *rapid.Generator[uuid.UUID] {
	return rapid.Map(rapid.SliceOfN(rapid.Byte(), 16, 16), func(b []byte) uuid.UUID { return uuid.UUID(b) })
}

func TestAppendGroupID(t *testing.T) {
	t.Parallel()
	t.Run("comes back", rapid.MakeCheck(func(t *rapid.T) {
		id := groupIDs().Draw(t, "id")
		tail := rapid.SliceOf(rapid.Byte()).Draw(t, "tail")
		got, rest, err := key.CutGroupID(append(key.AppendGroupID(nil, id), tail...))
		require.NoError(t, err)
		require.Equal(t, id, got)
		require.True(t, bytes.Equal(tail, rest))
	}))
	t.Run("no id begins with another", rapid.MakeCheck(func(t *rapid.T) {
		a, b := groupIDs().Draw(t, "a"), groupIDs().Draw(t, "b")
		if a != b {
			require.False(t, bytes.HasPrefix(key.AppendGroupID(nil, a), key.AppendGroupID(nil, b)))
		}
	}))
	t.Run("keeps what is there", func(t *testing.T) {
		t.Parallel()
		require.Equal(t, []byte("x\x02a\x00"), key.AppendGroupID([]byte("x"), "a"))
	})
}

// TestOrder checks that keys are ordered by what they stand for.
func TestOrder(t *testing.T) {
	t.Parallel()
	t.Run("users of a group by their ids", rapid.MakeCheck(func(t *rapid.T) {
		group, kind := groupIDs().Draw(t, "group"), kinds().Draw(t, "kind")
		a, b := userIDs().Draw(t, "a"), userIDs().Draw(t, "b")
		got := bytes.Compare(key.OfUser(group, kind, a), key.OfUser(group, kind, b))
		require.Equal(t, strings.Compare(a, b), got)
	}))
	t.Run("events by version", rapid.MakeCheck(func(t *rapid.T) {
		group, a, b := groupIDs().Draw(t, "group"), rapid.Uint64().Draw(t, "a"), rapid.Uint64().Draw(t, "b")
		require.Equal(t, cmp.Compare(a, b), bytes.Compare(key.Event(group, a), key.Event(group, b)))
	}))
	t.Run("groups by creation", rapid.MakeCheck(func(t *rapid.T) {
		public, x, y := rapid.Bool().Draw(t, "public"), times().Draw(t, "x"), times().Draw(t, "y")
		a, b := groupIDs().Draw(t, "a"), groupIDs().Draw(t, "b")
		if x != y {
			require.Equal(t, cmp.Compare(x, y), bytes.Compare(key.Created(public, x, a), key.Created(public, y, b)))
		}
	}))
	t.Run("what expires by time", rapid.MakeCheck(func(t *rapid.T) {
		at, now := times().Draw(t, "at"), times().Draw(t, "now")
		k := key.Expiry(at, groupIDs().Draw(t, "group"), kinds().Draw(t, "kind"), userIDs().Draw(t, "user"))
		require.Equal(t, at <= now, bytes.Compare(k, key.ExpiriesBefore(now+1)) < 0)
		require.True(t, bytes.HasPrefix(k, key.Expiries()))
	}))
	t.Run("outcomes by the end of their lives", rapid.MakeCheck(func(t *rapid.T) {
		at, now := times().Draw(t, "at"), times().Draw(t, "now")
		k := key.OnceExpiry(at, key.Once(userIDs().Draw(t, "actor"), "key"))
		require.Equal(t, at <= now, bytes.Compare(k, key.OnceExpiriesBefore(now+1)) < 0)
		require.True(t, bytes.HasPrefix(k, key.OnceExpiries()))
	}))
	t.Run("files by their versions, and then by the time in their ids", func(t *testing.T) {
		t.Parallel()
		older, newer := uuid.Must(uuid.NewV7()), uuid.Must(uuid.NewV7())
		require.Negative(t, bytes.Compare(key.File("g", 7, older), key.File("g", 7, newer)))
		require.Negative(t, bytes.Compare(key.File("g", 7, newer), key.File("g", 256, older)))
	})
	t.Run("arrivals by their versions, and then by their places", func(t *testing.T) {
		t.Parallel()
		require.Negative(t, bytes.Compare(key.Arrival("g", key.Requests, 7, 256, "a"), key.Arrival("g", key.Requests, 256, 7, "a")))
		require.Negative(t, bytes.Compare(key.Arrival("g", key.Requests, 7, 9, "z"), key.Arrival("g", key.Requests, 7, 256, "a")))
	})
	t.Run("expiring entries of a list by their ends", rapid.MakeCheck(func(t *rapid.T) {
		at, now := times().Draw(t, "at"), times().Draw(t, "now")
		k := key.ExpiringEntry("g", key.Muted, at, userIDs().Draw(t, "user"))
		require.Equal(t, at <= now, bytes.Compare(k, key.ExpiringBefore("g", key.Muted, now+1)) < 0)
		require.True(t, bytes.HasPrefix(k, key.ExpiringIn("g", key.Muted)))
	}))
}

// TestApart checks that what belongs to one group, or user, is not met when another
// one is scanned, even if the id of one is the beginning of the other.
func TestApart(t *testing.T) {
	t.Parallel()
	t.Run("groups", rapid.MakeCheck(func(t *rapid.T) {
		a, b := groupIDs().Draw(t, "a"), groupIDs().Draw(t, "b")
		k := key.OfUser(b, kinds().Draw(t, "kind"), userIDs().Draw(t, "user"))
		require.Equal(t, a == b, bytes.HasPrefix(k, key.Group(a)))
		require.True(t, bytes.HasPrefix(k, key.AllGroups()))
	}))
	t.Run("users", rapid.MakeCheck(func(t *rapid.T) {
		a, b := userIDs().Draw(t, "a"), userIDs().Draw(t, "b")
		member := rapid.Bool().Draw(t, "member")
		k := key.UserGroup(b, groupIDs().Draw(t, "group"), member)
		own := bytes.HasPrefix(k, key.User(a, key.UserMember)) || bytes.HasPrefix(k, key.User(a, key.UserOutsider))
		require.Equal(t, a == b, own)
		require.True(t, bytes.HasPrefix(k, key.AllUsers()))
	}))
	t.Run("actors", rapid.MakeCheck(func(t *rapid.T) {
		actors := rapid.OneOf(rapid.Just(""), userIDs())
		a, b := actors.Draw(t, "a"), actors.Draw(t, "b")
		k := key.Once(b, string(rapid.SliceOfN(rapid.Byte(), 1, 128).Draw(t, "key")))
		require.Equal(t, a == b, bytes.HasPrefix(k, key.OnceOf(a)))
	}))
	t.Run("families", func(t *testing.T) {
		t.Parallel()
		all := [][]byte{
			key.Format(), key.Creation(true), key.Creation(false), key.Deletions(), key.AllGroups(), key.GroupCount(),
			key.Expiries(), key.AllUsers(), key.Uploads(), key.Outcomes(), key.OnceExpiries(),
		}
		for i, a := range all {
			for j, b := range all {
				require.Equal(t, i == j, bytes.HasPrefix(a, b), "%q %q", a, b)
			}
		}
	})
}

func TestCut(t *testing.T) {
	t.Parallel()
	t.Run("a group's key", rapid.MakeCheck(func(t *rapid.T) {
		group, kind, user := groupIDs().Draw(t, "group"), kinds().Draw(t, "kind"), userIDs().Draw(t, "user")
		g, k, rest, err := key.CutGroup(key.OfUser(group, kind, user))
		require.NoError(t, err)
		require.Equal(t, []any{group, kind, user}, []any{g, k, string(rest)})
		require.Equal(t, key.OfUser(group, key.Members, user), key.Standing(group, user, true))
		require.Equal(t, key.OfUser(group, key.Outsiders, user), key.Standing(group, user, false))
		header := key.Of(group, key.Header)
		require.Equal(t, [][]byte{header}, key.Access[string](group))
		other := userIDs().Draw(t, "other")
		require.Equal(t, [][]byte{
			header, key.Standing(group, user, true), key.Standing(group, user, false),
			key.Standing(group, other, true), key.Standing(group, other, false),
		}, key.Access(group, user, other))
	}))
	t.Run("a user's key", rapid.MakeCheck(func(t *rapid.T) {
		user, group, member := userIDs().Draw(t, "user"), groupIDs().Draw(t, "group"), rapid.Bool().Draw(t, "member")
		u, k, g, err := key.CutUser(key.UserGroup(user, group, member))
		require.NoError(t, err)
		require.Equal(t, []any{user, group, member}, []any{u, g, k == key.UserMember})
		u, k, g, err = key.CutUser(key.User(user, key.UserHeader))
		require.NoError(t, err)
		require.Equal(t, []any{user, byte(key.UserHeader), ""}, []any{u, k, g})
	}))
	t.Run("a position", rapid.MakeCheck(func(t *rapid.T) {
		at, group := times().Draw(t, "at"), groupIDs().Draw(t, "group")
		a, g, err := key.CutPosition(key.Position(at, group))
		require.NoError(t, err)
		require.Equal(t, []any{at, group}, []any{a, g})
	}))
	t.Run("the key of what expires", rapid.MakeCheck(func(t *rapid.T) {
		at, group, fact, user := times().Draw(t, "at"), groupIDs().Draw(t, "group"), kinds().Draw(t, "fact"), userIDs().Draw(t, "user")
		a, g, f, u, err := key.CutExpiry(key.Expiry(at, group, fact, user))
		require.NoError(t, err)
		require.Equal(t, []any{at, group, fact, user}, []any{a, g, f, u})
	}))
	t.Run("the id of a content", rapid.MakeCheck(func(t *rapid.T) {
		file := files().Draw(t, "file")
		for _, id := range []string{key.Content(file), key.Content1(groupIDs().Draw(t, "group"), file)} {
			f, err := key.CutContent(id)
			require.NoError(t, err)
			require.Equal(t, file, f)
		}
	}))
	t.Run("a deletion", rapid.MakeCheck(func(t *rapid.T) {
		group := groupIDs().Draw(t, "group")
		g, rest, err := key.CutGroupID(bytes.TrimPrefix(key.Deletion(group), key.Deletions()))
		require.NoError(t, err)
		require.Equal(t, group, g)
		require.Empty(t, rest)
	}))
	t.Run("a user's group", rapid.MakeCheck(func(t *rapid.T) {
		user, group := userIDs().Draw(t, "user"), groupIDs().Draw(t, "group")
		for _, k := range [][]byte{key.UserGroup(user, group, true), key.UserGroup(user, group, false), key.UserGroupTrace(user, group)} {
			g, id, err := key.CutUserGroup(nil, k)
			require.NoError(t, err)
			require.Equal(t, group, string(g))
			require.Equal(t, key.Of(group, key.Header), key.AppendHeader(nil, id))
		}
		_, kind, g, err := key.CutUser(key.UserGroupTrace(user, group))
		require.NoError(t, err)
		require.Equal(t, []any{byte(key.UserTrace), group}, []any{kind, g})
	}))
	t.Run("the end of an outcome's life", rapid.MakeCheck(func(t *rapid.T) {
		once := key.Once(rapid.OneOf(rapid.Just(""), userIDs()).Draw(t, "actor"), string(rapid.SliceOfN(rapid.Byte(), 1, 128).Draw(t, "key")))
		got, err := key.CutOnceExpiry(key.OnceExpiry(times().Draw(t, "at"), once))
		require.NoError(t, err)
		require.Equal(t, once, got)
		require.True(t, bytes.HasPrefix(once, key.Outcomes()))
	}))
	t.Run("the longest content id is one that blobs take", func(t *testing.T) {
		t.Parallel()
		require.LessOrEqual(t, len(key.Content1(strings.Repeat("g", 64), uuid.Max)), 200)
	})
}

// TestCut_Foreign names keys that no function of the package makes.
func TestCut_Foreign(t *testing.T) {
	t.Parallel()
	assigned := "01890a5d-ac96-774b-bcce-b302099a8057"
	astext := "\x02" + assigned + "\x00"
	for name, cut := range map[string]error{
		"group: empty":                          third(key.CutGroup(nil)),
		"group: another family":                 third(key.CutGroup([]byte("U\x02a\x00h"))),
		"group: without a kind":                 third(key.CutGroup([]byte("G\x02a\x00"))),
		"group: without an end":                 third(key.CutGroup([]byte("G\x02a"))),
		"group: with a short UUID":              third(key.CutGroup([]byte("G\x01abcdefghijklmno"))),
		"group: with an unknown tag":            third(key.CutGroup([]byte("G\x03a\x00h"))),
		"group: with a UUID as text":            third(key.CutGroup([]byte("G" + astext + "h"))),
		"group: with no id":                     third(key.CutGroup([]byte("G\x02\x00h"))),
		"user: empty":                           third(key.CutUser(nil)),
		"user: without an end":                  third(key.CutUser([]byte("Ubob"))),
		"user: without a kind":                  third(key.CutUser([]byte("Ubob\x00"))),
		"user: with a UUID as text":             third(key.CutUser([]byte("Ubob\x00m" + astext))),
		"user: header with a group":             third(key.CutUser([]byte("Ubob\x00h\x02a\x00"))),
		"user: with an unknown kind":            third(key.CutUser([]byte("Ubob\x00z\x02a\x00"))),
		"user: member without a group":          third(key.CutUser([]byte("Ubob\x00m"))),
		"user: with something behind the group": third(key.CutUser([]byte("Ubob\x00m\x02a\x00x"))),
		"user's group: empty":                   second(key.CutUserGroup(nil, nil)),
		"user's group: another family":          second(key.CutUserGroup(nil, []byte("G\x02a\x00m\x02a\x00"))),
		"user's group: without a group":         second(key.CutUserGroup(nil, []byte("Ubob\x00"))),
		"user's group: with more behind it":     second(key.CutUserGroup(nil, []byte("Ubob\x00m\x02a\x00x"))),
		"once: short":                           failed(key.CutOnceExpiry([]byte("J12345678"))),
		"once: of something else":               failed(key.CutOnceExpiry([]byte("J12345678G\x02a\x00h"))),
		"once: another family":                  failed(key.CutOnceExpiry([]byte("T12345678Ia\x00k"))),
		"position: short":                       second(key.CutPosition([]byte("1234567"))),
		"position: without a group":             second(key.CutPosition([]byte("12345678"))),
		"position: with something behind":       second(key.CutPosition([]byte("12345678\x02a\x00x"))),
		"expiry: short":                         fourth(key.CutExpiry([]byte("T1234567"))),
		"expiry: another family":                fourth(key.CutExpiry([]byte("G12345678\x02a\x00ux"))),
		"expiry: without a user":                fourth(key.CutExpiry([]byte("T12345678\x02a\x00u"))),
		"content: empty":                        failed(key.CutContent("")),
		"content: without a file":               failed(key.CutContent("026100-")),
		"content: no hexadecimal digits":        failed(key.CutContent("0261zz-" + assigned)),
		"content: in capitals":                  failed(key.CutContent("026A00-" + assigned)),
		"content: with something behind":        failed(key.CutContent("02610061-" + assigned)),
		"content: file in capitals":             failed(key.CutContent("026100-" + strings.ToUpper(assigned))),
		"file: short":                           second(key.CutFile(make([]byte, 23))),
		"arrival: without a user":               failed(key.CutArrival(make([]byte, 12))),
		"inviter: without an end":               second(key.CutInviter([]byte("bob"))),
		"inviter: without a user":               second(key.CutInviter([]byte("bob\x00"))),
		"inviter: without an inviter":           second(key.CutInviter([]byte("\x00bob"))),
		"expiring: without a user":              third(key.CutExpiring(make([]byte, 9))),
		"point: short":                          second(key.CutPoint(make([]byte, 7))),
		"point: without a group":                second(key.CutPoint(make([]byte, 8))),
		"point: with something behind":          second(key.CutPoint([]byte("12345678\x02a\x00x"))),
		"commit: another family":                failed(key.CutCommit([]byte("J12345678"))),
		"commit: long":                          failed(key.CutCommit([]byte("K123456789"))),
	} {
		require.ErrorIs(t, cut, key.ErrForm, name)
	}
}

func failed[A any](_ A, err error) error { return err }

func second[A, B any](_ A, _ B, err error) error                 { return err }
func third[A, B, C any](_ A, _ B, _ C, err error) error          { return err }
func fourth[A, B, C, D any](_ A, _ B, _ C, _ D, err error) error { return err }

// seeds are keys of every family, and damaged ones.
func seeds(f *testing.F) {
	group, user := "01890a5d-ac96-774b-bcce-b302099a8057", "alice"
	for _, k := range [][]byte{
		key.Format(), key.GroupCount(), key.Group(group), key.Of(group, key.Header), key.OfUser("a:b", key.Members, user),
		key.Event(group, 7), key.File("a", 1<<40, uuid.Max), key.User(user, key.UserHeader), key.UserGroup(user, group, true),
		key.UserGroup(user, "a", false), key.Created(true, 1, group), key.Deletion(group), key.Expiry(9, group, key.Muted, user),
		key.Upload(key.Content(uuid.Max)), []byte("G\x02" + group + "\x00h"), []byte(key.Content1("a", uuid.Nil)), key.FileIndex(uuid.Max),
		key.Point(group, 9), key.Commit(9), key.Arrival(group, key.Requests, 1, 2, user)[18:], key.Inviter(group, user, "bob")[18:],
		key.ExpiringEntry(group, key.Muted, 9, user)[18:],
	} {
		f.Add(k)
		f.Add(k[:len(k)-1])
		f.Add(append(slices.Clip(k), 0))
	}
}

// FuzzCut checks that nothing panics, and that what is taken apart is what was put
// together: no two keys stand for the same thing.
func FuzzCut(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, k []byte) {
		if group, rest, err := key.CutGroupID(k); err == nil {
			require.Equal(t, string(k), string(key.AppendGroupID(nil, group))+string(rest))
		}
		if group, kind, rest, err := key.CutGroup(k); err == nil {
			require.Equal(t, string(k), string(key.OfUser(group, kind, string(rest))))
		}
		if user, kind, group, err := key.CutUser(k); err == nil {
			switch kind {
			case key.UserHeader:
				require.Equal(t, string(k), string(key.User(user, kind)))
			case key.UserTrace:
				require.Equal(t, string(k), string(key.UserGroupTrace(user, group)))
			default:
				require.Equal(t, string(k), string(key.UserGroup(user, group, kind == key.UserMember)))
			}
		}
		if at, group, err := key.CutPosition(k); err == nil {
			require.Equal(t, string(k), string(key.Position(at, group)))
		}
		if at, group, fact, user, err := key.CutExpiry(k); err == nil {
			require.Equal(t, string(k), string(key.Expiry(at, group, fact, user)))
		}
		if group, id, err := key.CutUserGroup(nil, k); err == nil {
			require.Equal(t, string(id), string(key.AppendGroupID(nil, string(group))))
		}
		if once, err := key.CutOnceExpiry(k); err == nil {
			require.Equal(t, string(k), string(k[:9])+string(once))
		}
		if file, err := key.CutContent(string(k)); err == nil {
			require.True(t, string(k) == key.Content(file) || strings.HasSuffix(string(k), "-"+key.Content(file)))
		}
		if version, id, err := key.CutFile(k); err == nil {
			require.Equal(t, string(k), string(key.FileRest(version, id)[1:]))
		}
		if user, err := key.CutArrival(k); err == nil {
			require.Equal(t, k[12:], user)
		}
		if inviter, user, err := key.CutInviter(k); err == nil {
			require.Equal(t, string(k), inviter+"\x00"+user)
		}
		if list, at, user, err := key.CutExpiring(k); err == nil {
			require.Equal(t, string(k), string(key.ExpiringEntry("g", list, at, user)[len(key.Of("g", key.Expiring)):]))
		}
		if group, version, err := key.CutPoint(k); err == nil {
			require.Equal(t, string(k), string(key.Point(group, version)))
		}
		if number, err := key.CutCommit(k); err == nil {
			require.Equal(t, string(k), string(key.Commit(number)))
		}
	})
}
