package groupkit_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	bolt "go.etcd.io/bbolt"

	"groupkit"
	"groupkit/internal/key"
	"groupkit/internal/record"
	"groupkit/store"
	"groupkit/store/boltstore"
	"groupkit/store/memblob"
	"groupkit/store/memstore"
)

// sentinels is every sentinel under its class, by name; those without one are under nil.
var sentinels = map[error]map[string]error{
	groupkit.ErrNotFound: {
		"group": groupkit.ErrGroupNotFound, "user": groupkit.ErrUserNotFound, "file": groupkit.ErrFileNotFound,
		"request": groupkit.ErrRequestNotFound, "invitation": groupkit.ErrInvitationNotFound,
	},
	groupkit.ErrForbidden: {
		"not member": groupkit.ErrNotMember, "already member": groupkit.ErrAlreadyMember, "owner": groupkit.ErrOwner,
		"role too low": groupkit.ErrRoleTooLow, "blacklisted": groupkit.ErrBlacklisted, "not blacklisted": groupkit.ErrNotBlacklisted,
		"muted": groupkit.ErrMuted, "group muted": groupkit.ErrGroupMuted, "not muted": groupkit.ErrNotMuted,
		"already admin": groupkit.ErrAlreadyAdmin, "not admin": groupkit.ErrNotAdmin, "already allowed": groupkit.ErrAlreadyAllowed,
		"not allowed": groupkit.ErrNotAllowed, "system only": groupkit.ErrSystemOnly, "vetoed": groupkit.ErrVetoed,
	},
	groupkit.ErrLimit: {
		"group full": groupkit.ErrGroupFull, "admins": groupkit.ErrTooManyAdmins, "groups": groupkit.ErrTooManyGroups,
		"joined": groupkit.ErrTooManyJoined, "batch": groupkit.ErrBatchTooLarge, "file": groupkit.ErrFileTooLarge,
		"files": groupkit.ErrTooManyFiles, "requests": groupkit.ErrTooManyRequests, "invitations": groupkit.ErrTooManyInvitations,
		"list": groupkit.ErrListFull,
	},
	groupkit.ErrConflict: {
		"version": groupkit.ErrVersion, "exists": groupkit.ErrGroupExists, "key": groupkit.ErrKeyReused,
	},
	nil: {
		"invalid": groupkit.ErrInvalid, "storage": groupkit.ErrStorage, "closed": groupkit.ErrClosed, "corrupt": groupkit.ErrCorrupt,
		"nested": groupkit.ErrNested, "unknown": groupkit.ErrUnknownOutcome, "missed": groupkit.ErrMissed,
	},
}

func TestSentinels(t *testing.T) {
	t.Parallel()
	texts := make(map[string]bool)
	for class, members := range sentinels {
		for name, err := range members {
			require.False(t, texts[err.Error()], "two sentinels say %q", err)
			texts[err.Error()] = true
			wrapped := fmt.Errorf("outside: %w", &groupkit.Error{Op: groupkit.OpJoin, Err: err})
			for other, others := range sentinels {
				if other != nil {
					require.Equal(t, class == other, errors.Is(wrapped, other), "%s: %v", name, other)
				}
				for _, sibling := range others {
					require.Equal(t, err == sibling, errors.Is(wrapped, sibling), "%s: %v", name, sibling)
				}
			}
			require.NotErrorIs(t, class, err, "a class is no member")
		}
	}
}

// TestError_Messages has a few refusals as people read them.
func TestError_Messages(t *testing.T) {
	t.Parallel()
	s := newTown(t)
	ctx := t.Context()
	many := several("u", 61)
	for want, err := range map[string]error{
		`read group: group "nowhere": group not found`:                                           second(s.System().Group(ctx, "nowhere")),
		`add member: user "carol" in group "guild": already a member of the group`:               s.System().AddMember(ctx, guild, "carol"),
		`remove member: user "alice" in group "guild": is the owner of the group`:                s.As("bob").RemoveMember(ctx, guild, "alice"),
		`add member: group "guild": too many entries in one call (61 of 60)`:                     second(s.System().AddMembers(ctx, guild, many)),
		`update group: group "guild": max users is 3, but the group has 5 members`:               second(s.As("alice").UpdateGroup(ctx, guild, groupkit.GroupUpdate{MaxUsers: new(3)})),
		`speak: user "ivan" in group "guild": muted until 2116-12-31T16:00:00Z`:                  s.As("ivan").MaySpeak(ctx, guild),
		`speak: user "carol" in group "guild": group is muted`:                                   s.As("carol").MaySpeak(ctx, guild),
		`speak: user "mallory" in group "guild": on the blacklist of the group`:                  s.As("mallory").MaySpeak(ctx, guild),
		`set announcement: group "guild": group has changed: version is 20, not 3`:               s.As("alice").IfVersion(3).SetAnnouncement(ctx, guild, "x"),
		`list members: group "guild": page has number -1 and size 0 (0 or more)`:                 second(s.System().MembersPage(ctx, guild, groupkit.Page{Number: -1})),
		`mute: group "guild": duration is 0s (more than 0, or Forever)`:                          second(s.As("bob").Mute(ctx, guild, 0, "carol")),
		`read role: group "guild": user ID is empty`:                                             second(s.System().Role(ctx, guild, "")),
		`remove member: group "guild": none of 2 succeeded; user "x": not a member of the group`: second(s.System().RemoveMembers(ctx, guild, ids{"x", "y"})),
		`create group: user "yves" in group "mine": only the system may do this`:                 second(s.As("yves").CreateGroup(ctx, groupkit.NewGroup{Name: "x", ID: "mine"})),
		`list joined groups: user "carol": only the system may do this`:                          second(collect(s.As("carol").JoinedGroups(ctx, "bob"))),
	} {
		require.EqualError(t, err, want)
	}
}

// TestError_Causes checks what errors.As finds.
func TestError_Causes(t *testing.T) {
	t.Parallel()
	s := newTown(t)
	ctx := t.Context()

	e := requireError(t, s.As("bob").RemoveMember(ctx, guild, "alice"), groupkit.OpRemoveMembers, guild)
	require.EqualValues(t, "alice", e.User)

	limit, ok := errors.AsType[*groupkit.LimitError](second(s.System().AddMembers(ctx, guild, several("u", 61))))
	require.True(t, ok)
	require.Equal(t, groupkit.LimitError{Reason: groupkit.ErrBatchTooLarge, Value: 61, Max: 60}, *limit)

	field, ok := errors.AsType[*groupkit.FieldError](s.As("alice").SetAnnouncement(ctx, guild, "\xff"))
	require.True(t, ok)
	require.Equal(t, groupkit.FieldAnnouncement, field.Field)

	version, ok := errors.AsType[*groupkit.VersionError](s.As("bob").IfVersion(7).MuteGroup(ctx, guild))
	require.True(t, ok)
	require.Equal(t, groupkit.VersionError{Current: 20, Want: 7}, *version)

	results, err := s.System().AddMembers(ctx, guild, ids{"new", "carol"})
	require.NoError(t, err)
	require.Equal(t, ids{"new"}, results.Done())
	require.Equal(t, ids{"carol"}, results.Failed())

	muted, ok := errors.AsType[*groupkit.MutedError](s.As("ivan").MaySpeak(ctx, guild))
	require.True(t, ok)
	require.Equal(t, time.UnixMilli(4638873600000).UTC(), muted.Until)
	require.False(t, muted.Whole)

	owns, ok := errors.AsType[*groupkit.OwnsError](s.System().ForgetUser(ctx, "bob", groupkit.ForgetOptions{}))
	require.True(t, ok)
	require.Equal(t, []groupkit.GroupID{s.rangers}, owns.Groups)
	require.ErrorContains(t, owns, string(s.rangers))
}

// TestError_EveryBadField has a new group and an update in which nothing is right.
func TestError_EveryBadField(t *testing.T) {
	t.Parallel()
	s := newTown(t)
	ctx := t.Context()
	long := strings.Repeat("長", 2000)
	err := second(s.System().CreateGroup(ctx, groupkit.NewGroup{
		ID: "a b", Description: long, Avatar: long, Custom: strings.Repeat("c", 8193), MaxUsers: -1, Owner: " ", Members: ids{"\x01"},
	}))
	require.ErrorIs(t, err, groupkit.ErrInvalid)
	for _, part := range []string{
		"name is empty", "description has 2000 characters (at most 512)", "avatar has 2000 characters (at most 1024)",
		"custom has 8193 bytes (at most 8192)", "max users is -1 (1 to 10000)", `owner " " begins or ends with a space`,
		`group ID "a b" contains " "`, `user ID "\x01" contains a control character`,
	} {
		require.ErrorContains(t, err, part)
	}
	err = second(s.System().UpdateGroup(ctx, guild, groupkit.GroupUpdate{Name: new("a/b"), Description: new("/"), Avatar: new("\xff"), Custom: new("\xff"), MaxUsers: new(10_001)}))
	require.ErrorIs(t, err, groupkit.ErrInvalid)
	bad := groupkit.FieldErrors(err)
	require.Len(t, bad, 5)
	require.Equal(t, groupkit.FieldName, bad[0].Field)
	require.Empty(t, groupkit.FieldErrors(groupkit.ErrNotMember))
	for _, part := range []string{
		`name "a/b" contains a slash`, `description "/" contains a slash`, "avatar is not valid UTF-8", "custom is not valid UTF-8", "max users is 10001 (1 to 10000)",
	} {
		require.ErrorContains(t, err, part)
	}
}

// TestEngine_Closed calls everything after the engine has been closed.
func TestEngine_Closed(t *testing.T) {
	t.Parallel()
	s := newTown(t)
	require.NoError(t, s.Close())
	require.NoError(t, s.Close(), "a second time")
	for _, v := range allVerbs() {
		err := v.run(t.Context(), s)
		require.ErrorIs(t, err, groupkit.ErrClosed, v.name)
		require.NotErrorIs(t, err, groupkit.ErrStorage, v.name)
		_, ok := err.(*groupkit.Error) //nolint:errorlint // it is the outermost
		require.True(t, ok, v.name)
	}
	require.ErrorIs(t, s.Backup(t.Context(), io.Discard), groupkit.ErrStorage, "memstore cannot, closed or not")
	_, err := groupkit.New(s.raw, s.blobs, nil)
	require.ErrorIs(t, err, groupkit.ErrClosed)
	requireError(t, err, groupkit.OpOpen, "")
}

// TestEngine_Close_Fails has a store that fails to close: it is said, each time.
func TestEngine_Close_Fails(t *testing.T) {
	t.Parallel()
	eng, err := groupkit.New(unclosable{memstore.New()}, memblob.New(), nil)
	require.NoError(t, err)
	for range 2 {
		err := eng.Close()
		require.ErrorIs(t, err, errBoom)
		requireError(t, err, groupkit.OpClose, "")
	}
}

type unclosable struct{ store.Store }

func (unclosable) Close() error { return errBoom }

// TestNew_BadOptions names the option, and what is wrong with it.
func TestNew_BadOptions(t *testing.T) {
	t.Parallel()
	for want, opts := range map[string]groupkit.Options{
		"open: Options.RequestTTL is -1ns (0 or more)":              {RequestTTL: -1},
		"open: Options.InvitationTTL is -1h0m0s (0 or more)":        {InvitationTTL: -time.Hour},
		"open: Options.KeyLife is -1ns (0 or more)":                 {KeyLife: -1},
		"open: Options.Retention.MaxAge is -1ns (0 or more)":        {Retention: groupkit.Retention{MaxAge: -1}},
		"open: Options.Retention.MaxEvents is -1 (0 or more)":       {Retention: groupkit.Retention{MaxEvents: -1}},
		"open: Options.OwnerLeave is 7 (0 or 1)":                    {OwnerLeave: 7},
		"open: Limits.JoinedGroups is -1 (0 to 2147483647)":         {Limits: groupkit.Limits{JoinedGroups: -1}},
		"open: Limits.Admins is -1 (0 to 2147483647)":               {Limits: groupkit.Limits{Admins: -1}},
		"open: Limits.Batch is 2147483648 (0 to 2147483647)":        {Limits: groupkit.Limits{Batch: 1 << 31}},
		"open: Limits.FileSize is -1 (0 or more)":                   {Limits: groupkit.Limits{FileSize: -1}},
		"open: Limits.GroupSize is 11 (0 to 10)":                    {Limits: groupkit.Limits{GroupSize: 11, MaxGroupSize: 10}},
		"open: Limits.MaxGroupSize is -1 (0 to 2147483647)":         {Limits: groupkit.Limits{MaxGroupSize: -1}},
		"open: Limits.Announcement is -5 (0 to 2147483647)":         {Limits: groupkit.Limits{Announcement: -5}},
		"open: Limits.Invitations is -2147483649 (0 to 2147483647)": {Limits: groupkit.Limits{Invitations: -1<<31 - 1}},
	} {
		eng, err := groupkit.New(memstore.New(), memblob.New(), &opts)
		require.Nil(t, eng)
		require.ErrorIs(t, err, groupkit.ErrInvalid)
		require.EqualError(t, err, want)
	}
}

// TestNew_LeavesTheStoreOpen checks that who may not open keeps what it has.
func TestNew_LeavesTheStoreOpen(t *testing.T) {
	t.Parallel()
	raw := memstore.New()
	_, err := groupkit.New(raw, memblob.New(), &groupkit.Options{OwnerLeave: 9})
	require.ErrorIs(t, err, groupkit.ErrInvalid)
	require.Empty(t, dumped(t, raw))
	eng, err := groupkit.New(raw, memblob.New(), nil)
	require.NoError(t, err)
	require.NoError(t, eng.Close())
}

// TestNew_Newer refuses what a later version has written, and leaves it as it is.
func TestNew_Newer(t *testing.T) {
	t.Parallel()
	s := &site{raw: memstore.New()}
	s.put(t, key.Format(), record.EncodeCount(2))
	before := s.dump(t)
	_, err := groupkit.New(s.raw, memblob.New(), nil)
	require.ErrorIs(t, err, store.ErrNewer)
	require.ErrorIs(t, err, groupkit.ErrCorrupt)
	require.ErrorContains(t, err, "format 2, this version reads formats up to 1")
	requireError(t, err, groupkit.OpOpen, "")
	require.Equal(t, before, s.dump(t))
}

// TestNew_Faults opens over a store that fails at each operation.
func TestNew_Faults(t *testing.T) {
	t.Parallel()
	for _, fault := range faults {
		for n, hit := 1, true; hit; n++ {
			f := &faulty{Store: memstore.New()}
			f.arm(n, fault.err)
			hold := held{keptBlobs{memblob.New()}, make(chan struct{})}
			eng, err := groupkit.New(f, hold, &groupkit.Options{Limits: groupkit.Limits{Groups: 3}})
			hit = err != nil
			f.disarm()
			close(hold.until)
			requireFault(t, hit, fault, err)
			if !hit {
				require.NoError(t, eng.Close())
			}
		}
	}
}

// held contents are listed when the test is ready.
type held struct {
	keptBlobs
	until chan struct{}
}

func (b held) List(ctx context.Context, after string, limit int) ([]string, bool, error) {
	<-b.until
	return b.keptBlobs.List(ctx, after, limit)
}

// TestOpen_BadFile opens what cannot be opened: an error says why.
func TestOpen_BadFile(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		make func(t *testing.T, path string)
		want []error
	}{
		"a text":     {writeFile("This is the story of a guild."), []error{groupkit.ErrCorrupt, store.ErrCorrupt}},
		"zeroes":     {writeFile(strings.Repeat("\x00", 1<<16)), []error{groupkit.ErrCorrupt}},
		"truncated":  {truncated, []error{groupkit.ErrCorrupt}},
		"a folder":   {func(t *testing.T, path string) { require.NoError(t, os.Mkdir(path, 0o700)) }, []error{groupkit.ErrCorrupt}},
		"locked":     {locked, []error{groupkit.ErrStorage, store.ErrLocked}},
		"newer":      {newer, []error{groupkit.ErrCorrupt, store.ErrNewer}},
		"no folder":  {func(*testing.T, string) {}, []error{groupkit.ErrStorage, os.ErrNotExist}},
		"no records": {foreign, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "groups.db")
			if c.want != nil && c.want[len(c.want)-1] == os.ErrNotExist {
				path = filepath.Join(path, "deeper")
			}
			c.make(t, path)
			eng, err := groupkit.Open(path, nil)
			if c.want == nil {
				require.NoError(t, err)
				require.NoError(t, eng.Close())
				return
			}
			for _, want := range c.want {
				require.ErrorIs(t, err, want)
			}
			requireError(t, err, groupkit.OpOpen, "")
		})
	}
}

func writeFile(text string) func(*testing.T, string) {
	return func(t *testing.T, path string) { require.NoError(t, os.WriteFile(path, []byte(text), 0o600)) }
}

func truncated(t *testing.T, path string) {
	eng, err := groupkit.Open(path, nil)
	require.NoError(t, err)
	require.NoError(t, second(eng.System().CreateGroup(t.Context(), groupkit.NewGroup{Name: "x", Owner: "alice"})))
	require.NoError(t, eng.Close())
	require.NoError(t, os.Truncate(path, 3*int64(os.Getpagesize())))
}

func locked(t *testing.T, path string) {
	eng, err := groupkit.Open(path, nil)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, eng.Close()) })
}

// newer is a file whose records are in a format of the future.
func newer(t *testing.T, path string) {
	s, err := boltstore.Open(path, nil)
	require.NoError(t, err)
	require.NoError(t, s.Update(t.Context(), func(w store.Writer) error { return w.Put(key.Format(), record.EncodeCount(9)) }))
	require.NoError(t, s.Close())
}

// foreign is a file of another application, which may hold the engine's records too.
func foreign(t *testing.T, path string) {
	db, err := bolt.Open(path, 0o600, nil)
	require.NoError(t, err)
	require.NoError(t, db.Update(func(tx *bolt.Tx) error { return second(tx.CreateBucket([]byte("shop"))) }))
	require.NoError(t, db.Close())
}

// TestOpen_AfterARefusal opens a file again that was refused, or locked, before.
func TestOpen_AfterARefusal(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "groups.db")
	_, err := groupkit.Open(path, &groupkit.Options{OwnerLeave: 9})
	require.ErrorIs(t, err, groupkit.ErrInvalid)
	eng, err := groupkit.Open(path, nil)
	require.NoError(t, err, "the lock has been given back")
	_, err = groupkit.Open(path, nil)
	require.ErrorIs(t, err, store.ErrLocked)
	require.NoError(t, eng.Close())
	eng, err = groupkit.Open(path, nil)
	require.NoError(t, err)
	require.NoError(t, eng.Close())
	require.ErrorIs(t, eng.Backup(t.Context(), io.Discard), groupkit.ErrClosed)
}

// TestEngine_Backup opens what Backup wrote.
func TestEngine_Backup(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	eng, err := groupkit.Open(filepath.Join(dir, "a"), nil)
	require.NoError(t, err)
	g, err := eng.System().CreateGroup(t.Context(), groupkit.NewGroup{Name: "x", Owner: "alice"})
	require.NoError(t, err)
	out, err := os.Create(filepath.Join(dir, "b"))
	require.NoError(t, err)
	require.NoError(t, eng.Backup(t.Context(), out))
	require.NoError(t, out.Close())
	err = eng.Backup(t.Context(), failingWriter{})
	require.ErrorIs(t, err, errBoom)
	requireError(t, err, groupkit.OpBackup, "")
	require.NoError(t, eng.Close())

	eng, err = groupkit.Open(filepath.Join(dir, "b"), nil)
	require.NoError(t, err)
	again, err := eng.System().Group(t.Context(), g.ID)
	require.NoError(t, err)
	require.Equal(t, g, again)
	violations, err := eng.Verify(t.Context())
	require.NoError(t, err)
	require.Empty(t, violations)
	require.NoError(t, eng.Close())
}

type failingWriter struct{}

func (failingWriter) Write([]byte) (int, error) { return 0, errBoom }

// TestNames checks that everything that is numbered has a name.
func TestNames(t *testing.T) {
	t.Parallel()
	seen := make(map[string]bool)
	for kind := groupkit.GroupCreated; kind <= groupkit.Checkpoint; kind++ {
		require.NotEqual(t, "unknown", kind.String(), "%d", kind)
		require.False(t, seen[kind.String()], "%d", kind)
		seen[kind.String()] = true
	}
	for how := groupkit.ByCreation; how <= groupkit.ByForgetting; how++ {
		require.NotEqual(t, "unknown", how.String(), "%d", how)
	}
	require.Equal(t, "unknown", groupkit.EventKind(0).String())
	require.Equal(t, "unknown", groupkit.EventKind(200).String())
	require.Equal(t, "unknown", groupkit.How(99).String())
	require.Equal(t, "owner", groupkit.RoleOwner.String())
	require.Equal(t, "unknown", groupkit.Role(9).String())
	require.Equal(t, "invited", groupkit.OutcomeInvited.String())
}
