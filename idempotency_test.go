package groupkit_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
	"groupkit/internal/key"
	"groupkit/store"
	"groupkit/store/boltstore"
	"groupkit/store/fileblob"
	"groupkit/store/memblob"
	"groupkit/store/memstore"
)

func once(key string) func(groupkit.Actor) groupkit.Actor {
	return func(a groupkit.Actor) groupkit.Actor { return a.Once(key) }
}

func TestActor_Once(t *testing.T) {
	t.Parallel()
	t.Run("repeats the answer of every verb and changes nothing", func(t *testing.T) {
		t.Parallel()
		grouptest.EachVerb(t, groupkit.Options{}, func(t *testing.T, v *grouptest.Verb, s *grouptest.Fixture) {
			first, err := v.Do(s, once("k"))
			require.NoError(t, err)
			snapshot, log := s.State(t)
			s.Clock.Advance(23 * time.Hour)
			again, err := v.Do(s, once("k"))
			require.NoError(t, err)
			requireSame(t, first, again)
			after, logAfter := s.State(t)
			require.Equal(t, snapshot, after)
			require.Equal(t, log, logAfter)
			grouptest.RequireVerified(t, s.Engine)
		})
	})
	t.Run("is decided before versions and roles", func(t *testing.T) {
		t.Parallel()
		grouptest.EachVerb(t, groupkit.Options{}, func(t *testing.T, v *grouptest.Verb, s *grouptest.Fixture) {
			first, err := v.Do(s, once("k"))
			require.NoError(t, err)
			_ = s.Engine.System().DeleteGroup(t.Context(), s.ID) // nobody may do anything in it any more
			ways := []func(groupkit.Actor) groupkit.Actor{once("k")}
			if v.Op != groupkit.OpForgetUser { // which is about no single group and refuses a version
				ways = append(ways, func(a groupkit.Actor) groupkit.Actor { return a.IfVersion(1) })
			}
			again, err := v.Do(s, ways...)
			require.NoError(t, err)
			requireSame(t, first, again)
		})
	})
	t.Run("refuses the key of another call", func(t *testing.T) {
		t.Parallel()
		for i := range grouptest.Verbs {
			v, other := &grouptest.Verbs[i], &grouptest.Verbs[(i+1)%len(grouptest.Verbs)]
			t.Run(v.Name, func(t *testing.T) {
				t.Parallel()
				s := grouptest.NewFixture(t, groupkit.Options{})
				require.NoError(t, grouptest.ErrorOf(v.Do(s, once("k"))))
				before := lastVersion(t, s)
				_, err := other.Call(t.Context(), v.Actor(s.Engine).Once("k"), s)
				if other.By == v.By { // otherwise refused as the actor's very kind is wrong
					require.ErrorIs(t, err, groupkit.ErrKeyReused)
					require.ErrorIs(t, err, groupkit.ErrConflict)
				}
				require.Error(t, err)
				require.Equal(t, before, lastVersion(t, s))
			})
		}
	})
}

// lastVersion is what a call with a key must not move, if the group is still there.
func lastVersion(t require.TestingT, s *grouptest.Fixture) uint64 {
	_, log := s.State(t)
	return log[len(log)-1].Version
}

// requireSame compares answers; the errors of a batch are compared by what they match
// and what they say.
func requireSame(t require.TestingT, first, again any) {
	results, ok := first.(groupkit.Results)
	if !ok {
		require.Equal(t, first, again)
		return
	}
	repeated := again.(groupkit.Results)
	require.Len(t, repeated, len(results))
	for i, r := range results {
		same := repeated[i]
		require.Equal(t, groupkit.Result{User: r.User, Outcome: r.Outcome, Until: r.Until}, groupkit.Result{User: same.User, Outcome: same.Outcome, Until: same.Until})
		requireSameError(t, r.Err, same.Err)
	}
}

func requireSameError(t require.TestingT, first, again error) {
	if first == nil {
		require.NoError(t, again)
		return
	}
	require.EqualError(t, again, first.Error())
	one, _ := errors.AsType[*groupkit.Error](first)
	two, ok := errors.AsType[*groupkit.Error](again)
	require.True(t, ok)
	require.Equal(t, []any{one.Op, one.Group, one.User}, []any{two.Op, two.Group, two.User})
	for is := range grouptest.Classes {
		require.Equal(t, errors.Is(first, is), errors.Is(again, is), "%v of %v", is, first)
	}
}

func TestActor_Once_Arguments(t *testing.T) {
	t.Parallel()
	s := grouptest.NewFixture(t, groupkit.Options{})
	ctx, bob, system := t.Context(), s.Engine.As("bob").Once("k"), s.Engine.System().Once("k")
	_, err := bob.Mute(ctx, s.ID, time.Minute, "carol")
	require.NoError(t, err)
	require.NoError(t, system.AddMember(ctx, s.ID, "ivan"), "another actor's key is another key")

	for name, err := range map[string]error{
		"another user":       grouptest.ErrorOf(bob.Mute(ctx, s.ID, time.Minute, "erin")),
		"another duration":   grouptest.ErrorOf(bob.Mute(ctx, s.ID, time.Hour, "carol")),
		"another verb":       bob.Unmute(ctx, s.ID, "carol"),
		"another group":      grouptest.ErrorOf(bob.Mute(ctx, "elsewhere", time.Minute, "carol")),
		"an upload":          grouptest.ErrorOf(bob.UploadFile(ctx, s.ID, "x", strings.NewReader("x"))),
		"a group that is to": grouptest.ErrorOf(bob.CreateGroup(ctx, groupkit.NewGroup{Name: "x"})),
	} {
		require.ErrorIs(t, err, groupkit.ErrKeyReused, name)
	}
	_, err = bob.Because("another reason").Mute(ctx, s.ID, time.Minute, "carol")
	require.NoError(t, err, "the reason is no part of the call")
	_, err = s.Engine.As("bob").Once("l").Mute(ctx, s.ID, time.Minute, "carol")
	require.NoError(t, err)
	require.Equal(t, 1, countFiles(t, s), "an upload that is refused leaves nothing")
}

// countFiles counts the files of the group.
func countFiles(t require.TestingT, s *grouptest.Fixture) int {
	files, err := grouptest.Collect(s.Engine.System().Files(context.Background(), s.ID))
	require.NoError(t, err)
	return len(files)
}

// A call on one user and a batch of one answer differently.
func TestActor_Once_SingleCallIsNoBatch(t *testing.T) {
	t.Parallel()
	s := grouptest.NewFixture(t, groupkit.Options{})
	ctx, bob := t.Context(), s.Engine.As("bob")
	require.NoError(t, grouptest.ErrorOf(bob.Once("k").Mute(ctx, s.ID, time.Minute, "carol")))
	require.ErrorIs(t, grouptest.ErrorOf(bob.Once("k").MuteUsers(ctx, s.ID, time.Minute, grouptest.IDs{"carol"})), groupkit.ErrKeyReused)
	require.NoError(t, grouptest.ErrorOf(bob.Once("l").MuteUsers(ctx, s.ID, time.Minute, grouptest.IDs{"carol"})))
	require.ErrorIs(t, grouptest.ErrorOf(bob.Once("l").Mute(ctx, s.ID, time.Minute, "carol")), groupkit.ErrKeyReused)
}

func TestActor_Once_Key(t *testing.T) {
	t.Parallel()
	s := grouptest.NewFixture(t, groupkit.Options{})
	ctx, alice := t.Context(), s.Engine.As("alice")
	for _, key := range []string{"", strings.Repeat("k", 129)} {
		err := alice.Once(key).MuteGroup(ctx, s.ID)
		require.ErrorIs(t, err, groupkit.ErrInvalid)
		f, ok := errors.AsType[*groupkit.FieldError](err)
		require.True(t, ok)
		require.Equal(t, groupkit.FieldKey, f.Field)
	}
	for _, key := range []string{"k", strings.Repeat("k", 128), "\x00", "a\x00b", "\xff"} {
		require.NoError(t, alice.Once(key).MuteGroup(ctx, s.ID), "%q", key)
		require.ErrorIs(t, alice.Once(key).UnmuteGroup(ctx, s.ID), groupkit.ErrKeyReused, "%q", key)
	}
	grouptest.RequireVerified(t, s.Engine)
}

func TestActor_Once_RefusalsAreDecidedAnew(t *testing.T) {
	t.Parallel()
	s := grouptest.NewFixture(t, groupkit.Options{})
	ctx, carol := t.Context(), s.Engine.As("carol").Once("k")
	require.ErrorIs(t, carol.SetAnnouncement(ctx, s.ID, "hear me"), groupkit.ErrRoleTooLow)
	require.NoError(t, s.Engine.As("alice").AddAdmin(ctx, s.ID, "carol"))
	require.NoError(t, carol.SetAnnouncement(ctx, s.ID, "hear me"))
	require.NoError(t, s.Engine.As("alice").RemoveAdmin(ctx, s.ID, "carol"))
	require.NoError(t, carol.SetAnnouncement(ctx, s.ID, "hear me"))
	require.ErrorIs(t, s.Engine.As("carol").SetAnnouncement(ctx, s.ID, "hear me"), groupkit.ErrRoleTooLow)
}

func TestActor_Once_WholeBatchRefused(t *testing.T) {
	t.Parallel()
	s := grouptest.NewFixture(t, groupkit.Options{})
	ctx, system := t.Context(), s.Engine.System().Once("k")
	results, err := system.AddMembers(ctx, s.ID, grouptest.IDs{"mallory"})
	require.ErrorIs(t, err, groupkit.ErrBlacklisted)
	require.Len(t, results, 1)
	require.NoError(t, s.Engine.System().Unblock(ctx, s.ID, "mallory"))
	_, err = system.AddMembers(ctx, s.ID, grouptest.IDs{"mallory"})
	require.NoError(t, err, "it was refused, so it is decided anew")
}

func TestActor_Once_Guard(t *testing.T) {
	t.Parallel()
	var veto error
	asked := 0
	s := grouptest.NewFixture(t, groupkit.Options{Guard: func(context.Context, groupkit.Command, groupkit.Scope) error {
		asked++
		return veto
	}})
	ctx, alice := t.Context(), s.Engine.As("alice").Once("k")
	require.NoError(t, alice.MuteGroup(ctx, s.ID))
	asked, veto = 0, errors.New("no")
	require.NoError(t, alice.MuteGroup(ctx, s.ID), "what was done is told again")
	require.Zero(t, asked)
	require.ErrorIs(t, alice.UnmuteGroup(ctx, s.ID), groupkit.ErrKeyReused, "before the Guard")
	require.ErrorIs(t, s.Engine.As("alice").UnmuteGroup(ctx, s.ID), veto)
}

func TestActor_Once_Life(t *testing.T) {
	t.Parallel()
	st := memstore.New()
	c := grouptest.NewClock()
	eng, err := groupkit.New(st, memblob.New(), &groupkit.Options{Clock: c.Now, KeyTTL: time.Hour})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, eng.Close()) })
	s := grouptest.NewFixtureOn(t, eng, c)
	ctx, system := t.Context(), eng.System().Once("k")
	before := grouptest.DumpStore(t, st)

	require.NoError(t, system.AddMember(ctx, s.ID, "ivan"))
	c.Advance(time.Hour - time.Millisecond)
	require.NoError(t, system.AddMember(ctx, s.ID, "ivan"))
	c.Advance(time.Millisecond)
	require.ErrorIs(t, system.AddMember(ctx, s.ID, "ivan"), groupkit.ErrAlreadyMember, "the key has lived its life")
	require.NoError(t, system.RemoveMember(ctx, s.ID, "ivan"), "and may be used again")
	require.NoError(t, system.RemoveMember(ctx, s.ID, "ivan"))
	grouptest.RequireVerified(t, eng)

	c.Advance(time.Hour)
	_, err = eng.Sweep(ctx)
	require.NoError(t, err)
	for k := range grouptest.DumpStore(t, st) {
		if k[0] == key.FamilyOutcomes || k[0] == key.FamilyOutcomeExpiries {
			require.Contains(t, before, k, "Sweep forgets outcomes")
		}
	}
	grouptest.RequireVerified(t, eng)
}

func TestActor_Once_UploadLeavesNothingTwice(t *testing.T) {
	t.Parallel()
	blobs := memblob.New()
	c := grouptest.NewClock()
	eng, err := groupkit.New(memstore.New(), blobs, &groupkit.Options{Clock: c.Now})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, eng.Close()) })
	s := grouptest.NewFixtureOn(t, eng, c)
	upload := func(content string) groupkit.File {
		f, err := eng.As("carol").Once("k").UploadFile(t.Context(), s.ID, "plan.txt", strings.NewReader(content))
		require.NoError(t, err)
		return f
	}
	first := upload("march at dawn")
	require.Equal(t, first, upload("march at dawn"))
	require.Equal(t, first, upload("the content is not looked at"))
	require.Equal(t, 2, countFiles(t, s))
	require.Len(t, grouptest.ContentIDs(t, blobs), 2)
	grouptest.RequireVerified(t, eng)
}

func TestActor_Once_ConcurrentUploads(t *testing.T) {
	t.Parallel()
	s := grouptest.NewFixture(t, groupkit.Options{})
	files := make(chan groupkit.File, 8)
	for range cap(files) {
		go func() {
			f, err := s.Engine.As("carol").Once("k").UploadFile(context.Background(), s.ID, "plan.txt", strings.NewReader("march at dawn"))
			if err != nil {
				t.Error(err)
			}
			files <- f
		}()
	}
	first := <-files
	for range cap(files) - 1 {
		require.Equal(t, first, <-files)
	}
	require.Equal(t, 2, countFiles(t, s))
	grouptest.RequireVerified(t, s.Engine)
}

// The outcomes of all verbs survive the reopening of the file.
func TestActor_Once_Reopened(t *testing.T) {
	t.Parallel()
	for i := range grouptest.Verbs {
		v := &grouptest.Verbs[i]
		t.Run(v.Name, func(t *testing.T) {
			t.Parallel()
			path, c := filepath.Join(t.TempDir(), "groups.db"), grouptest.NewClock()
			eng := openQuick(t, path, c)
			s := grouptest.NewFixtureOn(t, eng, c)
			first, err := v.Do(s, once("k"))
			require.NoError(t, err)
			_, log := s.State(t)
			require.NoError(t, eng.Close())

			s.Engine = openQuick(t, path, c)
			t.Cleanup(func() { require.NoError(t, s.Engine.Close()) })
			again, err := v.Do(s, once("k"))
			require.NoError(t, err)
			requireSame(t, first, again)
			_, logAfter := s.State(t)
			require.Equal(t, log, logAfter)
		})
	}
}

// openQuick opens a file of bbolt that is not synced: for what only has to be closed.
func openQuick(t testing.TB, path string, c *grouptest.Clock) *groupkit.Engine {
	t.Helper()
	st, err := boltstore.Open(path, &boltstore.Options{Durability: boltstore.None})
	require.NoError(t, err)
	eng, err := groupkit.New(st, fileblob.New(path+".files"), &groupkit.Options{Clock: c.Now})
	require.NoError(t, err)
	return eng
}

// A process is killed when a call has been committed, and its caller not told. The
// caller repeats the call.
func TestActor_Once_Crash(t *testing.T) {
	t.Parallel()
	if path := os.Getenv(crashPath); path != "" {
		crash(t, path)
		return
	}
	path := filepath.Join(t.TempDir(), "groups.db")
	cmd := exec.Command(os.Args[0], "-test.run=^TestActor_Once_Crash$")
	cmd.Env = append(os.Environ(), crashPath+"="+path)
	out, err := cmd.CombinedOutput()
	require.Error(t, err, "%s", out)
	require.NotContains(t, string(out), "FAIL", "it was killed")

	eng, err := groupkit.Open(path, nil)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, eng.Close()) })
	g, err := eng.System().Group(t.Context(), "guild")
	require.NoError(t, err)
	require.Equal(t, 3, g.MemberCount, "it was committed")
	results, err := eng.System().Once("k").AddMembers(t.Context(), "guild", grouptest.IDs{"bob", "alice", "carol"})
	require.NoError(t, err)
	require.Equal(t, grouptest.IDs{"bob", "carol"}, results.Succeeded())
	require.ErrorIs(t, results[1].Err, groupkit.ErrAlreadyMember)
	again, err := eng.System().Group(t.Context(), "guild")
	require.NoError(t, err)
	require.Equal(t, g, again)
	grouptest.RequireVerified(t, eng)
}

const crashPath = "GROUPKIT_TEST_CRASH"

// crash is the process that is killed.
func crash(t *testing.T, path string) {
	inner, err := boltstore.Open(path, nil)
	require.NoError(t, err)
	deadly := &deadlyStore{Store: inner}
	eng, err := groupkit.New(deadly, fileblob.New(path+".files"), nil)
	require.NoError(t, err)
	grouptest.CreateGroup(t, eng, groupkit.NewGroup{ID: "guild"})
	deadly.armed = true
	_, _ = eng.System().Once("k").AddMembers(t.Context(), "guild", grouptest.IDs{"bob", "alice", "carol"})
	require.Fail(t, "still alive")
}

// A deadlyStore kills the process when it has committed an Update.
type deadlyStore struct {
	store.Store
	armed bool
}

func (s *deadlyStore) Update(ctx context.Context, fn func(store.Writer) error) error {
	err := s.Store.Update(ctx, fn)
	if s.armed && err == nil {
		self, err := os.FindProcess(os.Getpid())
		if err == nil && self.Kill() == nil {
			select {}
		}
	}
	return err
}
