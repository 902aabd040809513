package groupkit_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/key"
	"groupkit/store"
	"groupkit/store/memblob"
	"groupkit/store/memstore"
)

// A watched store runs a function after each Update that is not made by that function,
// and knows how much each of them wrote.
type watched struct {
	*memstore.Store
	mu     sync.Mutex
	then   func()
	nested bool
	writes []int
}

// after has fn run after each Update; nil: nothing.
func (s *watched) after(fn func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.then = fn
}

// enter begins an Update that is watched, if no other is.
func (s *watched) enter() (fn func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.then == nil || s.nested {
		return nil
	}
	s.nested = true
	return s.then
}

func (s *watched) leave(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.nested = false
	s.writes = append(s.writes, n)
}

func (s *watched) Update(ctx context.Context, fn func(store.Writer) error) error {
	then := s.enter()
	if then == nil {
		return s.Store.Update(ctx, fn)
	}
	n := 0
	defer func() { s.leave(n) }()
	err := s.Store.Update(ctx, func(w store.Writer) error { return fn(counting{w, &n}) })
	then()
	return err
}

// A counting writer counts what is written through it.
type counting struct {
	store.Writer
	n *int
}

func (w counting) Put(k, v []byte) error { *w.n++; return w.Writer.Put(k, v) }
func (w counting) Delete(k []byte) error { *w.n++; return w.Writer.Delete(k) }

// throng is a group of many members.
const throng = groupkit.GroupID("throng")

// newThrong makes a group with members and everything else that a group can have.
func newThrong(t tester, s *site, members int) {
	ctx := context.Background()
	_, err := s.System().CreateGroup(ctx, groupkit.NewGroup{
		ID: throng, Name: "Throng", Custom: "custom", Public: true, MembersOnly: true, Owner: "alice", MaxUsers: members + 1,
	})
	require.NoError(t, err)
	all := several("m", members)
	for part := range chunks(all, 1000) {
		require.NoError(t, second(s.System().AddMembers(ctx, throng, part)))
	}
	require.NoError(t, s.As("alice").AddAdmin(ctx, throng, all[0]))
	require.NoError(t, second(s.As("alice").MuteUsers(ctx, throng, time.Hour, all[:10])))
	require.NoError(t, second(s.As("alice").AllowUsers(ctx, throng, all[:10])))
	require.NoError(t, second(s.As("alice").BlockUsers(ctx, throng, time.Hour, several("blocked", 100))))
	require.NoError(t, second(s.As("alice").InviteUsers(ctx, throng, several("invited", 10))))
	for _, user := range several("asking", 10) {
		require.NoError(t, second(s.As(user).Join(ctx, throng)))
	}
	for i := range 3 {
		name := fmt.Sprint("file ", i)
		require.NoError(t, second(s.As("alice").UploadFile(ctx, throng, name, strings.NewReader(name))))
	}
	require.NoError(t, s.As("alice").SetAnnouncement(ctx, throng, "Hello"))
}

// several are users by the same name.
func several(name string, n int) []groupkit.UserID {
	all := make([]groupkit.UserID, n)
	for i := range all {
		all[i] = groupkit.UserID(fmt.Sprintf("%s-%05d", name, i))
	}
	return all
}

func chunks(all []groupkit.UserID, size int) func(func([]groupkit.UserID) bool) {
	return func(yield func([]groupkit.UserID) bool) {
		for ; len(all) > 0; all = all[min(size, len(all)):] {
			if !yield(all[:min(size, len(all))]) {
				return
			}
		}
	}
}

func throngOptions() groupkit.Options {
	return groupkit.Options{
		BlockOutsiders: true, Limits: groupkit.Limits{JoinedGroups: 2, Batch: 1000, MaxGroupSize: 20_000, Groups: 10},
	}
}

// requireBuried checks that of a deleted group only the tombstone and the log are left.
func requireBuried(t require.TestingT, dump map[string]string, group groupkit.GroupID) {
	for k := range dump {
		g, kind, _, err := key.CutGroup([]byte(k))
		if err == nil && g == string(group) {
			require.Contains(t, []byte{key.Header, key.Events}, kind, "%q", k)
		}
		_, kind, g, err = key.CutUser([]byte(k))
		if err == nil && g == string(group) {
			require.Equal(t, byte(key.UserTrace), kind, "%q", k)
		}
		_, g, _, _, err = key.CutExpiry([]byte(k))
		require.False(t, err == nil && g == string(group), "%q", k)
	}
	require.NotContains(t, dump, string(key.Deletion(string(group))))
}

// TestActor_DeleteGroup_TenThousand deletes a large group. It goes in steps of a bounded
// size, and between any two of them others read and write.
func TestActor_DeleteGroup_TenThousand(t *testing.T) {
	t.Parallel()
	const members = 10_000
	raw := memstore.New()
	s := &site{raw: raw, blobs: memblob.New(), clock: newClockAt(dawn)}
	between := &watched{Store: raw}
	s.open(t, throngOptions(), between, s.blobs)
	newThrong(t, s, members)
	require.NoError(t, second(s.System().CreateGroup(t.Context(), groupkit.NewGroup{ID: "other", Name: "Other", Owner: "carol", Public: true})))
	s.clean(t)

	steps := 0
	between.after(func() {
		steps++
		passing(t, s, steps)
	})
	require.NoError(t, s.System().DeleteGroup(t.Context(), throng))
	between.after(nil)

	require.Greater(t, steps, members/100, "it goes in steps")
	for i, n := range between.writes {
		require.LessOrEqual(t, n, 1000, "step %d", i)
	}
	s.clean(t)
	requireBuried(t, s.dump(t), throng)
	require.Empty(t, contents(t, s.blobs))
	other, err := s.System().Group(t.Context(), "other")
	require.NoError(t, err)
	require.EqualValues(t, steps+1, other.Version-1, "one update got through at every step")
	requireLogOf(t, s, throng, members)
}

// passing is what someone else does between two steps of the deletion of the throng.
func passing(t *testing.T, s *site, step int) {
	ctx := t.Context()
	require.NoError(t, s.As("carol").SetAnnouncement(ctx, "other", fmt.Sprint(step)))
	require.ErrorIs(t, second(s.System().Group(ctx, throng)), groupkit.ErrGroupNotFound)
	if step%50 != 1 {
		return
	}
	requireGone(t, s)
	pending, err := s.Verify(ctx)
	require.NoError(t, err)
	for _, v := range pending {
		require.Equal(t, broken(groupkit.DeletedIsGone, throng, "", "deletion under way", "is pending"), v)
	}
}

// requireGone checks that a group that is being deleted is there for nobody.
func requireGone(t *testing.T, s *site) {
	ctx := t.Context()
	last := groupkit.UserID("m-09999")
	require.ErrorIs(t, second(s.As("alice").Role(ctx, throng, "alice")), groupkit.ErrGroupNotFound)
	require.ErrorIs(t, s.As(last).MaySpeak(ctx, throng), groupkit.ErrGroupNotFound)
	require.ErrorIs(t, second(collect(s.As("alice").Members(ctx, throng))), groupkit.ErrGroupNotFound)
	require.ErrorIs(t, second(s.As("alice").FilesPage(ctx, throng, groupkit.Page{})), groupkit.ErrGroupNotFound)
	require.ErrorIs(t, s.System().AddMember(ctx, throng, "new"), groupkit.ErrGroupNotFound)
	require.ErrorIs(t, s.System().DeleteGroup(ctx, throng), groupkit.ErrGroupNotFound)
	require.ErrorIs(t, second(s.System().CreateGroup(ctx, groupkit.NewGroup{ID: throng, Name: "Again", Owner: "alice"})), groupkit.ErrGroupExists)
	require.Len(t, every(t, s.System().Groups(ctx)), 1)
	require.Empty(t, every(t, s.System().JoinedGroups(ctx, last)))
	require.Empty(t, every(t, s.System().PendingRequests(ctx, "asking-00009")))
	require.Empty(t, every(t, s.System().PendingInvitations(ctx, "invited-00009")))
	found, missing, err := s.System().GroupDetails(ctx, []groupkit.GroupID{throng, "other"})
	require.NoError(t, err)
	require.Len(t, found, 1)
	require.Equal(t, []groupkit.GroupID{throng}, missing)
}

// requireLogOf checks that the system can still read the log of the deleted group.
func requireLogOf(t *testing.T, s *site, group groupkit.GroupID, members int) {
	joined := 0
	var last groupkit.Event
	for e, err := range s.System().Events(t.Context(), group, 0) {
		require.NoError(t, err)
		require.Equal(t, last.Version+1, e.Version)
		if last = e; e.Kind == groupkit.MemberJoined {
			joined += len(e.Users)
		}
	}
	require.Equal(t, members+1, joined)
	require.Equal(t, groupkit.GroupDeleted, last.Kind)
	require.ErrorIs(t, second(collect(s.As("alice").Events(t.Context(), group, 0))), groupkit.ErrGroupNotFound)
}

// TestActor_AddMember_WhileGroupIsDeleted brings in a user who is in as many groups as
// allowed, one of which is being deleted: that one does not count, and is counted down
// once.
func TestActor_AddMember_WhileGroupIsDeleted(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	raw := memstore.New()
	s := &site{raw: raw, blobs: memblob.New(), clock: newClockAt(dawn)}
	between := &watched{Store: raw}
	s.open(t, throngOptions(), between, s.blobs)
	newThrong(t, s, 300)
	last := groupkit.UserID("m-00299")
	for _, id := range []groupkit.GroupID{"second", "third", "fourth"} {
		require.NoError(t, second(s.System().CreateGroup(ctx, groupkit.NewGroup{ID: id, Name: "x", Owner: "carol-" + groupkit.UserID(id)})))
	}
	require.NoError(t, s.System().AddMember(ctx, "second", last))
	require.ErrorIs(t, s.System().AddMember(ctx, "third", last), groupkit.ErrTooManyJoined)
	steps := 0
	between.after(func() {
		if steps++; steps != 2 { // some are gone already, this one is not
			return
		}
		require.NotEmpty(t, s.keys(t, key.UserGroup(string(last), "throng", true)))
		require.NoError(t, s.System().AddMember(ctx, "third", last))
		require.ErrorIs(t, s.System().AddMember(ctx, "fourth", last), groupkit.ErrTooManyJoined)
	})
	require.NoError(t, s.As("alice").DeleteGroup(ctx, throng))
	between.after(nil)
	require.Greater(t, steps, 2)
	require.Len(t, every(t, s.System().JoinedGroups(ctx, last)), 2)
	require.ErrorIs(t, s.System().AddMember(ctx, "fourth", last), groupkit.ErrTooManyJoined)
	s.clean(t)
}

// TestActor_DeleteGroup_CutOff ends the context of a deletion at every step: the group is
// gone for everyone at once, and the next opening finishes.
func TestActor_DeleteGroup_CutOff(t *testing.T) {
	t.Parallel()
	finished := false
	for step := 1; !finished; step++ {
		raw, blobs := memstore.New(), memblob.New()
		s := &site{raw: raw, blobs: blobs, clock: newClockAt(dawn)}
		between := &watched{Store: raw}
		s.open(t, throngOptions(), keptStore{between}, keptBlobs{blobs})
		newThrong(t, s, 130)
		ctx, cancel := context.WithCancel(t.Context())
		steps := 0
		between.after(func() {
			if steps++; steps == step {
				cancel()
			}
		})
		err := s.System().DeleteGroup(ctx, throng)
		if finished = err == nil; !finished {
			require.ErrorIs(t, err, context.Canceled)
			require.ErrorIs(t, second(s.System().Group(t.Context(), throng)), groupkit.ErrGroupNotFound)
		}
		require.NoError(t, s.Close())
		again := newQuiet(blobs)
		s.open(t, throngOptions(), raw, again)
		again.wait(t)
		s.clean(t)
		requireBuried(t, s.dump(t), throng)
		require.ErrorIs(t, s.System().DeleteGroup(t.Context(), throng), groupkit.ErrGroupNotFound)
		cancel()
	}
}

// TestActor_DeleteGroup_ContentsFail cannot remove a content: the deletion stays pending,
// and goes on with the next opening, which also sweeps the content.
func TestActor_DeleteGroup_ContentsFail(t *testing.T) {
	t.Parallel()
	raw, blobs := memstore.New(), memblob.New()
	s := &site{raw: raw, blobs: blobs, clock: newClockAt(dawn)}
	s.open(t, throngOptions(), keptStore{raw}, sticky{keptBlobs{blobs}})
	newThrong(t, s, 10)
	err := s.System().DeleteGroup(t.Context(), throng)
	require.ErrorIs(t, err, errSticky)
	require.ErrorIs(t, err, groupkit.ErrStorage)
	require.ErrorIs(t, second(s.System().Group(t.Context(), throng)), groupkit.ErrGroupNotFound)
	require.NoError(t, s.Close())
	again := newQuiet(blobs)
	s.open(t, throngOptions(), raw, again)
	until(t, func() bool { return len(contents(t, blobs)) == 0 })
	s.clean(t)
}

// TestActor_DeleteGroup_DuringTheOpening deletes a group while the engine still resumes
// what an earlier one was cut off in: what fails is told to who deletes.
func TestActor_DeleteGroup_DuringTheOpening(t *testing.T) {
	t.Parallel()
	raw, blobs := memstore.New(), memblob.New()
	s := &site{raw: raw, blobs: blobs, clock: newClockAt(dawn)}
	s.open(t, throngOptions(), keptStore{raw}, keptBlobs{blobs})
	newThrong(t, s, 10)
	require.NoError(t, s.Close())
	late, stuck := &late{watched: &watched{Store: raw}, on: make(chan struct{})}, stickyQuiet{newQuiet(blobs)}
	s.open(t, throngOptions(), late, stuck)
	late.after(func() {
		close(late.on)
		stuck.wait(t)
		late.after(nil)
	})
	require.ErrorIs(t, s.System().DeleteGroup(t.Context(), throng), errSticky)
}

// late lets an engine read while it opens, and then not before it is told to go on.
type late struct {
	*watched
	views atomic.Int64
	on    chan struct{}
}

func (s *late) View(ctx context.Context, fn func(store.Reader) error) error {
	if s.views.Add(1) > 1 {
		<-s.on
	}
	return s.watched.View(ctx, fn)
}

// stickyQuiet contents cannot be removed either.
type stickyQuiet struct{ *quiet }

func (stickyQuiet) Delete(context.Context, string) error { return errSticky }

// sticky contents cannot be removed.
type sticky struct{ store.Blobs }

var errSticky = errors.New("it sticks")

func (sticky) Delete(context.Context, string) error { return errSticky }
