package groupkit_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
	"groupkit/store"
	"groupkit/store/memblob"
	"groupkit/store/memstore"
)

// TestActor_Load loads a group that has everything from its JSON. It is the same group.
func TestActor_Load(t *testing.T) {
	t.Parallel()
	from := grouptest.NewFixture(t, groupkit.Options{})
	want, _ := from.State(t)
	for name, shared := range map[string]bool{"own store": false, "shared store": true} {
		eng := loadTarget(t, shared)
		text, err := json.Marshal(want)
		require.NoError(t, err, name)
		var s groupkit.Snapshot
		require.NoError(t, json.Unmarshal(text, &s), name)
		g, err := eng.System().Load(t.Context(), s)
		require.NoError(t, err, name)
		require.Equal(t, want.Group.MemberCount, g.MemberCount)
		requireLoaded(t, eng, want)
		_, err = eng.System().Load(t.Context(), s)
		require.ErrorIs(t, err, groupkit.ErrGroupExists, name)
		log := grouptest.MustCollect(t, eng.System().Events(t.Context(), from.ID, 0))
		require.Len(t, log, 1)
		require.Equal(t, groupkit.Checkpoint, log[0].Kind)
		require.Equal(t, want.Group.Version, log[0].Version)
	}
}

func loadTarget(t testing.TB, shared bool) *groupkit.Engine {
	s := store.Store(memstore.New())
	if shared {
		s = grouptest.NewShared()
	}
	return openOver(t, s, memblob.New())
}

func openOver(t testing.TB, s store.Store, blobs store.Blobs) *groupkit.Engine {
	eng, err := groupkit.New(s, blobs, &groupkit.Options{Clock: grouptest.NewClock().Now, MaxSkew: -1})
	require.NoError(t, err)
	t.Cleanup(func() { _ = eng.Close() })
	return eng
}

// requireLoaded checks that a group is as it is expected, and everything else too.
func requireLoaded(t testing.TB, eng *groupkit.Engine, want groupkit.Snapshot) {
	t.Helper()
	got, err := eng.System().Snapshot(t.Context(), want.Group.ID)
	require.NoError(t, err)
	require.Equal(t, want, got)
	requireSoundLoads(t, eng)
}

func requireSoundLoads(t testing.TB, eng *groupkit.Engine) {
	t.Helper()
	report, err := eng.Verify(t.Context(), groupkit.VerifyOptions{})
	require.NoError(t, err)
	require.Empty(t, report.Violations)
	require.Empty(t, report.Loads)
}

// TestActor_LoadFrom loads whole logs: the log is the same afterwards, and goes on.
func TestActor_LoadFrom(t *testing.T) {
	t.Parallel()
	from := grouptest.NewFixture(t, groupkit.Options{})
	runVerbs(t, from)
	want, log := from.State(t)
	require.Greater(t, len(log), 20)
	half := log[len(log)/2:]
	for !log[slices.IndexFunc(log, func(e groupkit.Event) bool { return e.Version == half[0].Version })-1].Last {
		half = half[1:]
	}
	then, err := groupkit.Replay(upTo(logOf(log), half[0].Version-1))
	require.NoError(t, err)
	cut := append([]groupkit.Event{{
		Group: from.ID, Version: then.Group.Version, Kind: groupkit.Checkpoint, At: then.Group.LastModified, Checkpoint: &then, Last: true,
	}}, half...)
	for name, events := range map[string][]groupkit.Event{"whole": log, "cut": cut} {
		eng := loadTarget(t, name == "cut")
		var seen []groupkit.LoadProgress
		_, err := eng.System().LoadFrom(t.Context(), from.ID, logOf(events), groupkit.LoadOptions{Progress: func(p groupkit.LoadProgress) { seen = append(seen, p) }})
		require.NoError(t, err, name)
		require.NotEmpty(t, seen)
		require.Equal(t, len(events), seen[len(seen)-1].Events)
		requireLoaded(t, eng, want)
		require.Equal(t, events, grouptest.MustCollect(t, eng.System().Events(t.Context(), from.ID, 0)), name)
		require.NoError(t, eng.System().AddMember(t.Context(), from.ID, "newcomer"), name)
		require.NoError(t, eng.System().DeleteGroup(t.Context(), from.ID), name)
		requireSoundLoads(t, eng)
	}
}

// runVerbs does whatever can be done in a group without its deletion.
func runVerbs(t *testing.T, s *grouptest.Fixture) {
	for i := range grouptest.Verbs {
		if v := &grouptest.Verbs[i]; v.Op != groupkit.OpDeleteGroup && v.Op != groupkit.OpForgetUser {
			_, _ = v.Do(s)
			s.Clock.Advance(time.Second)
		}
	}
}

// TestActor_LoadFrom_NamedFirst loads a checkpoint that names a user as the giver of a mute, in a step before the one
// that has the user as a member.
func TestActor_LoadFrom_NamedFirst(t *testing.T) {
	t.Parallel()
	const members = 700 // more than one step
	at := grouptest.NewClock().Now()
	group := groupkit.Group{ID: "g", Name: "G", Owner: "m0", MaxUsers: 10, Created: at, LastModified: at, Version: 1}
	first, second := groupkit.Snapshot{Group: group}, groupkit.Snapshot{Group: group}
	for i := range members {
		first.Members = append(first.Members, groupkit.Member{User: groupkit.UserID(fmt.Sprint("m", i)), Role: grouptest.Either(i == 0, groupkit.RoleOwner, groupkit.RoleMember), Joined: at})
		first.Mutes = append(first.Mutes, groupkit.Mute{User: groupkit.UserID(fmt.Sprint("x", i)), Until: at.Add(time.Hour), By: "late"})
	}
	second.Members = []groupkit.Member{{User: "late", Role: groupkit.RoleMember, Joined: at}}
	eng := loadTarget(t, false)
	_, err := eng.System().LoadFrom(t.Context(), "g", logOf([]groupkit.Event{
		{Group: "g", Version: 1, Kind: groupkit.Checkpoint, At: at, Checkpoint: &first},
		{Group: "g", Version: 1, Kind: groupkit.Checkpoint, At: at, Checkpoint: &second, Part: 1, Last: true},
	}), groupkit.LoadOptions{})
	require.NoError(t, err)
	requireSoundLoads(t, eng)
	log := grouptest.MustCollect(t, eng.System().Events(t.Context(), "g", 0))
	require.Len(t, log, 1)
	require.Len(t, log[0].Checkpoint.Members, members+1)
}

// TestActor_LoadFrom_Parts moves a large group in parts, while it changes.
func TestActor_LoadFrom_Parts(t *testing.T) {
	t.Parallel()
	s := &grouptest.Stack{Store: memstore.New(), Blobs: memblob.New(), Clock: grouptest.NewClockAt(grouptest.Dawn)}
	s.Open(t, grouptest.LargeGroupOptions(), s.Store, s.Blobs)
	grouptest.NewLargeGroup(t, s, 2500)
	ctx, parts, between := t.Context(), 0, 0
	moving := func(yield func(groupkit.Event, error) bool) {
		for e, err := range s.System().SnapshotParts(ctx, grouptest.LargeGroup) {
			if !yield(e, err) {
				return
			}
			if e.Kind != groupkit.Checkpoint {
				between++
				continue
			}
			parts++
			require.NoError(t, s.System().RemoveMember(ctx, grouptest.LargeGroup, groupkit.UserID(fmt.Sprintf("m-%05d", 500*parts))))
			require.NoError(t, s.System().AddMember(ctx, grouptest.LargeGroup, groupkit.UserID(fmt.Sprintf("new-%d", parts))))
			if parts == 1 {
				for f, err := range s.System().Files(ctx, grouptest.LargeGroup) {
					require.NoError(t, err)
					require.NoError(t, s.System().DeleteFile(ctx, grouptest.LargeGroup, f.ID))
					break
				}
				require.NoError(t, grouptest.ErrorOf(s.As("alice").UploadFile(ctx, grouptest.LargeGroup, "late", strings.NewReader("late"))))
			}
		}
	}
	var c groupkit.Replica
	eng := loadTarget(t, false)
	_, err := eng.System().LoadFrom(ctx, grouptest.LargeGroup, func(yield func(groupkit.Event, error) bool) {
		for e, err := range moving {
			require.NoError(t, c.Apply(e))
			if !yield(e, err) {
				return
			}
		}
	}, groupkit.LoadOptions{})
	require.NoError(t, err)
	require.Greater(t, parts, 2)
	require.Positive(t, between)
	requireLoaded(t, eng, c.Snapshot())
}

// TestActor_Load_Refuses loads what is no group. Every problem is named, and nothing is there.
func TestActor_Load_Refuses(t *testing.T) {
	t.Parallel()
	from := grouptest.NewFixture(t, groupkit.Options{})
	whole, log := from.State(t)
	text, err := json.Marshal(whole)
	require.NoError(t, err)
	eng := loadTarget(t, false)
	bad := func(change func(*groupkit.Snapshot), want ...string) {
		t.Helper()
		var s groupkit.Snapshot
		require.NoError(t, json.Unmarshal(text, &s))
		change(&s)
		_, err := eng.System().Load(t.Context(), s)
		require.ErrorIs(t, err, groupkit.ErrInvalid)
		for _, text := range want {
			require.ErrorContains(t, err, text)
		}
		require.Len(t, groupkit.FieldErrors(err), len(want), "%v", err)
		one := groupkit.Event{Group: s.Group.ID, Version: s.Group.Version, Kind: groupkit.Checkpoint, Checkpoint: &s, Last: true}
		_, err = eng.System().LoadFrom(t.Context(), s.Group.ID, logOf([]groupkit.Event{one}), groupkit.LoadOptions{})
		require.ErrorIs(t, err, groupkit.ErrInvalid)
	}
	at, late := grouptest.NewClock().Now(), time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC)
	bad(func(s *groupkit.Snapshot) { s.Group.ID, s.Requests, s.Invitations = "", nil, nil }, "group.id is empty")
	bad(func(s *groupkit.Snapshot) {
		s.Group.Name, s.Group.Description, s.Group.Version, s.Group.Created, s.Group.MaxUsers = " ", "\x00", 0, time.Time{}, 0
	}, "group.name has no visible", "group.description contains", "group.version is 0", "group.created is missing", "group.max_users is 0")
	bad(func(s *groupkit.Snapshot) { s.Group.LastModified = s.Group.Created.Add(-time.Second) }, "group.last_modified is before")
	bad(func(s *groupkit.Snapshot) { s.Group.Version = 1 }, "group.version is 1, but there are")
	bad(func(s *groupkit.Snapshot) { s.Group.MemberCount, s.Group.AdminCount = 99, 98 }, "group.member_count is 99", "group.admin_count is 98")
	bad(func(s *groupkit.Snapshot) { s.Group.Owner = "nobody" }, `members has "alice" as the owner, but the group has "nobody"`)
	bad(func(s *groupkit.Snapshot) { s.Group.Owner = "" }, "group.owner is missing", `members has "alice" as the owner`, "members has 1 owners")
	bad(func(s *groupkit.Snapshot) {
		s.Announcement.Text = "\x01"
		s.Mutes = []groupkit.Mute{{User: "alice", Until: late}, {User: "x"}}
	}, "announcement.text contains", "mutes[0].until is", "mutes[1].until is missing", `mutes has "alice", who is the owner`, `mutes has "alice" until`)
	bad(func(s *groupkit.Snapshot) {
		s.Blacklist = []groupkit.Block{{User: "alice"}}
		s.AllowList = []groupkit.Allowed{{User: "stranger", At: at}}
		s.Requests = []groupkit.Request{{User: "alice", At: at}}
		s.Invitations = []groupkit.Invitation{{User: "friend", By: "stranger", At: at}}
	}, `blacklist has "alice", who is a member`, `allow_list has "stranger", who is not`, `requests has "alice", who is a member`, `invitations has "friend", invited by "stranger"`)
	for want, events := range map[string][]groupkit.Event{
		"log is empty": nil, "instead of": append(slices.Clone(log[:2]), log[3:]...), "ends within a call": log[:1],
		"begins with": log[2:], "has the deletion": append(slices.Clone(log), groupkit.Event{
			Group: from.ID, Version: log[len(log)-1].Version + 1, After: log[len(log)-1].Version, Kind: groupkit.GroupDeleted, At: at, Last: true}),
		"ends within a checkpoint": {{Group: from.ID, Version: whole.Group.Version, Kind: groupkit.Checkpoint, Checkpoint: &whole}},
	} {
		_, err := eng.System().LoadFrom(t.Context(), from.ID, logOf(events), groupkit.LoadOptions{})
		require.ErrorIs(t, err, groupkit.ErrInvalid, want)
		require.ErrorContains(t, err, want)
	}
	broken := errors.New("broken")
	_, err = eng.System().LoadFrom(t.Context(), from.ID, func(yield func(groupkit.Event, error) bool) { yield(groupkit.Event{}, broken) }, groupkit.LoadOptions{})
	require.ErrorIs(t, err, broken)
	for _, err := range []error{
		grouptest.ErrorOf(eng.As("alice").Load(t.Context(), whole)), grouptest.ErrorOf(eng.As("alice").LoadFrom(t.Context(), from.ID, logOf(log), groupkit.LoadOptions{})),
	} {
		require.ErrorIs(t, err, groupkit.ErrSystemOnly)
	}
	require.NoError(t, eng.Atomic(t.Context(), func(tx *groupkit.Tx) error {
		require.ErrorIs(t, grouptest.ErrorOf(tx.System().Load(t.Context(), whole)), groupkit.ErrNested)
		return nil
	}))
	requireNothingLoaded(t, eng, from.ID)
	_, err = eng.System().Can().Load(t.Context(), whole)
	require.NoError(t, err)
	requireNothingLoaded(t, eng, from.ID)
	_, err = eng.System().Load(t.Context(), whole)
	require.NoError(t, err)
	other := whole
	other.Group.ID = "other"
	other.Requests, other.Invitations = nil, nil
	require.ErrorContains(t, grouptest.ErrorOf(eng.System().Load(t.Context(), other)), "which is a file of another group")
}

// requireNothingLoaded checks that nobody sees anything of a group.
func requireNothingLoaded(t testing.TB, eng *groupkit.Engine, group groupkit.GroupID) {
	t.Helper()
	require.ErrorIs(t, grouptest.ErrorOf(eng.System().Group(t.Context(), group)), groupkit.ErrGroupNotFound)
	_, err := grouptest.Collect(eng.System().Events(t.Context(), group, 0))
	require.ErrorIs(t, err, groupkit.ErrGroupNotFound)
	require.Empty(t, grouptest.MustCollect(t, eng.System().Groups(t.Context())))
	require.Empty(t, grouptest.MustCollect(t, eng.System().JoinedGroups(t.Context(), "alice")))
	requireSoundLoads(t, eng)
}

// TestActor_Load_Once repeats a load.
func TestActor_Load_Once(t *testing.T) {
	t.Parallel()
	from := grouptest.NewFixture(t, groupkit.Options{})
	s, _ := from.State(t)
	eng := loadTarget(t, true)
	first, err := eng.System().Once("k").Load(t.Context(), s)
	require.NoError(t, err)
	again, err := eng.System().Once("k").Load(t.Context(), s)
	require.NoError(t, err)
	require.Equal(t, first, again)
	s.Group.Name = "other"
	require.ErrorIs(t, grouptest.ErrorOf(eng.System().Once("k").Load(t.Context(), s)), groupkit.ErrKeyReused)
	require.ErrorIs(t, grouptest.ErrorOf(eng.System().IfVersion(7).Load(t.Context(), s)), groupkit.ErrGroupExists)
}

// TestActor_Load_CutOff cuts a load off at every step, by a store that fails. An opening removes what
// is there, or the load is repeated before that. Nothing of it is ever seen.
func TestActor_Load_CutOff(t *testing.T) {
	t.Parallel()
	from := grouptest.NewFixture(t, groupkit.Options{})
	runVerbs(t, from)
	want, log := from.State(t)
	load := func(eng *groupkit.Engine) error {
		return grouptest.ErrorOf(eng.System().LoadFrom(t.Context(), from.ID, logOf(log), groupkit.LoadOptions{}))
	}
	for n := 0; ; n++ {
		raw, blobs := memstore.New(), memblob.New()
		failing := &grouptest.FailingStore{Store: grouptest.KeptStore{Store: raw}}
		eng := openOver(t, failing, keptBlobs{blobs})
		empty := grouptest.DumpStore(t, raw)
		failing.FailAfter(n)
		if err := load(eng); err == nil {
			require.Greater(t, n, 3, "it goes in steps")
			requireLoaded(t, eng, want)
			return
		}
		requireHidden(t, eng, from.ID)
		if n%2 == 0 {
			failing.Recover()
			require.NoError(t, load(eng))
			requireLoaded(t, eng, want)
			continue
		}
		_ = eng.Close()
		again := openOver(t, grouptest.KeptStore{Store: raw}, keptBlobs{blobs})
		require.Eventually(t, func() bool { return len(grouptest.LeftOver(grouptest.DumpStore(t, raw))) == 0 }, time.Minute, time.Millisecond)
		left := grouptest.DumpStore(t, raw)
		require.Len(t, left, len(empty), "after %d steps", n)
		requireNothingLoaded(t, again, from.ID)
		require.NoError(t, load(again))
		requireLoaded(t, again, want)
	}
}

// requireHidden checks that a load that was cut off is not seen.
func requireHidden(t testing.TB, eng *groupkit.Engine, group groupkit.GroupID) {
	t.Helper()
	require.ErrorIs(t, grouptest.ErrorOf(eng.System().Snapshot(t.Context(), group)), groupkit.ErrGroupNotFound)
	require.Empty(t, grouptest.MustCollect(t, eng.System().JoinedGroups(t.Context(), "alice")))
	report, err := eng.Verify(t.Context(), groupkit.VerifyOptions{})
	require.NoError(t, err)
	require.Empty(t, report.Violations)
}

// TestActor_PutContent brings the contents of files that were loaded without them.
func TestActor_PutContent(t *testing.T) {
	t.Parallel()
	from := grouptest.NewFixture(t, groupkit.Options{})
	s, _ := from.State(t)
	require.NotEmpty(t, s.Files)
	eng := loadTarget(t, false)
	ctx, system := t.Context(), eng.System()
	require.NoError(t, grouptest.ErrorOf(system.Load(ctx, s)))
	report, err := eng.Verify(ctx, groupkit.VerifyOptions{})
	require.NoError(t, err)
	require.Len(t, report.Absent, len(s.Files))
	f := s.Files[0]
	_, _, err = system.OpenFile(ctx, s.Group.ID, f.ID)
	require.ErrorIs(t, err, groupkit.ErrContentAbsent)
	_, r, err := from.Engine.System().OpenFile(ctx, s.Group.ID, f.ID)
	require.NoError(t, err)
	content, err := io.ReadAll(r)
	require.NoError(t, err)
	require.NoError(t, r.Close())
	put := func(text string) error { return system.PutContent(ctx, s.Group.ID, f.ID, strings.NewReader(text)) }
	for _, wrong := range []string{"", string(content) + "x", strings.Repeat("x", len(content))} {
		require.ErrorIs(t, put(wrong), groupkit.ErrInvalid)
	}
	require.ErrorIs(t, system.PutContent(ctx, s.Group.ID, "no", strings.NewReader("")), groupkit.ErrFileNotFound)
	require.ErrorIs(t, eng.As("alice").PutContent(ctx, s.Group.ID, f.ID, strings.NewReader("")), groupkit.ErrSystemOnly)
	require.NoError(t, put(string(content)))
	require.NoError(t, put("not read any more"))
	_, r, err = system.OpenFile(ctx, s.Group.ID, f.ID)
	require.NoError(t, err)
	got, err := io.ReadAll(r)
	require.NoError(t, err)
	require.NoError(t, r.Close())
	require.Equal(t, content, got)
	requireLoaded(t, eng, s)
	report, err = eng.Verify(ctx, groupkit.VerifyOptions{})
	require.NoError(t, err)
	require.Len(t, report.Absent, len(s.Files)-1)
	require.Empty(t, report.UnknownContents)
	for _, f := range s.Files {
		require.NoError(t, system.DeleteFile(ctx, s.Group.ID, f.ID))
	}
	requireSoundLoads(t, eng)
}

// TestActor_FollowAll_Loaded follows all groups while one is loaded: its state comes.
func TestActor_FollowAll_Loaded(t *testing.T) {
	t.Parallel()
	from := grouptest.NewFixture(t, groupkit.Options{})
	s, _ := from.State(t)
	for _, shared := range []bool{false, true} {
		eng := loadTarget(t, shared)
		ctx := t.Context()
		start := grouptest.ErrorOf(eng.System().CreateGroup(ctx, groupkit.NewGroup{ID: "first", Name: "first", Owner: "alice"}))
		require.NoError(t, start)
		live, err := eng.System().FollowAll(ctx, groupkit.Latest())
		require.NoError(t, err)
		require.NoError(t, grouptest.ErrorOf(eng.System().Load(ctx, s)))
		later, err := eng.System().FollowAll(ctx, groupkit.Position{History: eng.History(), Version: 1})
		require.NoError(t, err)
		for _, f := range []*groupkit.Follower{live, later} {
			var c groupkit.Replica
			for !c.Complete() {
				e, err := f.Next(ctx)
				require.NoError(t, err)
				if e.Group == s.Group.ID {
					require.NoError(t, c.Apply(e))
				}
			}
			require.Equal(t, s, c.Snapshot())
			f.Close()
		}
	}
}

// FuzzActor_Load loads what comes from JSON. Nothing panics. What is refused leaves nothing, and what is
// loaded is sound and the same.
func FuzzActor_Load(f *testing.F) {
	for _, name := range []string{"snapshot", "snapshot_none"} {
		text, err := os.ReadFile(formFile(name))
		require.NoError(f, err)
		f.Add(text)
	}
	f.Add([]byte(`{"group":{"id":"g","name":"G","owner":"a","max_users":3,"created":"2026-01-01T00:00:00Z","version":9},"members":[{"user":"a","role":"owner"},{"user":"b","role":"member"}],` +
		`"mutes":[{"user":"b","until":"2027-01-01T00:00:00Z"}],"invitations":[{"user":"c","by":"a"}],"files":[{"id":"0198c0de-0000-7000-8000-000000000001","name":"x"}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		var s groupkit.Snapshot
		if json.Unmarshal(text, &s) != nil {
			return
		}
		eng := loadTarget(t, false)
		if _, err := eng.System().Load(t.Context(), s); err != nil {
			require.ErrorIs(t, err, groupkit.ErrInvalid)
			requireSoundLoads(t, eng)
			return
		}
		once, err := eng.System().Snapshot(t.Context(), s.Group.ID)
		require.NoError(t, err)
		again := loadTarget(t, false)
		require.NoError(t, grouptest.ErrorOf(again.System().Load(t.Context(), once)))
		requireLoaded(t, again, once)
		requireSoundLoads(t, eng)
	})
}
