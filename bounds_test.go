package groupkit_test

import (
	"context"
	"runtime"
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

// allocated returns how many bytes a call allocates. Nothing else may run beside it.
func allocated(call func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	call()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// TestArguments_Oversized calls with texts and lists that are far too long. They are refused
// before anything is made of them, and the Guard does not see them.
func TestArguments_Oversized(t *testing.T) { // not parallel: it measures
	guarded := 0
	s := grouptest.NewFixture(t, groupkit.Options{Guard: func(context.Context, groupkit.Command, groupkit.Scope) error { guarded++; return nil }})
	ctx, eng, id := t.Context(), s.Engine, s.ID
	text := strings.Repeat("x", 16<<20)
	user, users := groupkit.UserID(text), make(grouptest.IDs, 1_000_000)
	for i := range users {
		users[i] = user
	}
	groups := slices.Repeat([]groupkit.GroupID{id}, 1_000_000)
	alice, once := eng.As("alice"), eng.As("alice").Once("key")
	many := func(batch func(groupkit.Actor, context.Context, groupkit.GroupID, []groupkit.UserID) (groupkit.Results, error)) func() error {
		return func() error { return grouptest.ErrorOf(batch(once, ctx, id, users)) }
	}
	for name, c := range map[string]struct {
		want error
		call func() error
	}{
		"actor":             {groupkit.ErrInvalid, func() error { return eng.As(user).MuteGroup(ctx, id) }},
		"reason":            {groupkit.ErrInvalid, func() error { return alice.Because(text).MuteGroup(ctx, id) }},
		"reason of a read":  {groupkit.ErrInvalid, func() error { return grouptest.ErrorOf(alice.Because(text).Group(ctx, id)) }},
		"key":               {groupkit.ErrInvalid, func() error { return alice.Once(text).MuteGroup(ctx, id) }},
		"group":             {groupkit.ErrInvalid, func() error { return once.MuteGroup(ctx, groupkit.GroupID(text)) }},
		"group to speak in": {groupkit.ErrInvalid, func() error { return alice.MaySpeak(ctx, groupkit.GroupID(text)) }},
		"group to follow":   {groupkit.ErrInvalid, func() error { return grouptest.ErrorOf(alice.Follow(ctx, groupkit.GroupID(text), groupkit.Latest())) }},
		"user":              {groupkit.ErrInvalid, func() error { return once.RemoveMember(ctx, id, user) }},
		"role":              {groupkit.ErrInvalid, func() error { return grouptest.ErrorOf(alice.Role(ctx, id, user)) }},
		"file":              {groupkit.ErrFileNotFound, func() error { return once.DeleteFile(ctx, id, groupkit.FileID(text)) }},
		"file to read":      {groupkit.ErrFileNotFound, func() error { return grouptest.ErrorOf(alice.File(ctx, id, groupkit.FileID(text))) }},
		"file name":         {groupkit.ErrInvalid, func() error { return grouptest.ErrorOf(once.UploadFile(ctx, id, text, nil)) }},
		"announcement":      {groupkit.ErrInvalid, func() error { return once.SetAnnouncement(ctx, id, text) }},
		"update": {groupkit.ErrInvalid, func() error {
			return grouptest.ErrorOf(once.UpdateGroup(ctx, id, groupkit.GroupUpdate{Name: &text, Description: &text, Avatar: &text, Custom: &text}))
		}},
		"update of the custom text": {groupkit.ErrInvalid, func() error { return grouptest.ErrorOf(once.UpdateGroup(ctx, id, groupkit.GroupUpdate{Custom: &text})) }},
		"update by an outsider": {groupkit.ErrNotMember, func() error {
			return grouptest.ErrorOf(eng.As("ivan").UpdateGroup(ctx, id, groupkit.GroupUpdate{Name: &text}))
		}},
		"new group": {groupkit.ErrInvalid, func() error {
			return grouptest.ErrorOf(once.CreateGroup(ctx, groupkit.NewGroup{Name: text, Description: text, Avatar: text, Custom: text}))
		}},
		"members of a new group": {groupkit.ErrInvalid, func() error {
			return grouptest.ErrorOf(once.CreateGroup(ctx, groupkit.NewGroup{Name: "x", Members: users}))
		}},
		"details": {groupkit.ErrBatchTooLarge, func() error {
			_, _, err := alice.GroupDetails(ctx, groups)
			return err
		}},
		"cursor": {groupkit.ErrInvalid, func() error {
			_, _, err := alice.GroupsPage(ctx, 1, text)
			return err
		}},
		"cursor of a list": {groupkit.ErrInvalid, func() error {
			return errorOf3(alice.MembersFrom(ctx, id, groupkit.From{Cursor: text}))
		}},
		"cursor of files": {groupkit.ErrInvalid, func() error {
			return errorOf3(alice.FilesFrom(ctx, id, groupkit.From{Cursor: text}))
		}},
		"after":  {groupkit.ErrInvalid, func() error { return errorOf3(alice.MembersFrom(ctx, id, groupkit.From{After: user})) }},
		"prefix": {groupkit.ErrInvalid, func() error { return errorOf3(alice.MembersFrom(ctx, id, groupkit.From{Prefix: text})) }},
		"groups of a user": {groupkit.ErrInvalid, func() error {
			return errorOf3(eng.System().JoinedGroupsFrom(ctx, user, groupkit.From{}))
		}},
		"standing":            {groupkit.ErrInvalid, func() error { return grouptest.ErrorOf(alice.Standing(ctx, id, user)) }},
		"pending invitations": {groupkit.ErrInvalid, func() error { return grouptest.ErrorOf(grouptest.Collect(eng.System().PendingInvitations(ctx, user))) }},
		"data of a user":      {groupkit.ErrInvalid, func() error { return grouptest.ErrorOf(grouptest.Collect(eng.System().UserData(ctx, user))) }},
		"forgotten user": {groupkit.ErrInvalid, func() error {
			return eng.System().Once("key").ForgetUser(ctx, user, groupkit.ForgetOptions{})
		}},
		"ApproveRequests":   {groupkit.ErrBatchTooLarge, many(groupkit.Actor.ApproveRequests)},
		"DeclineRequests":   {groupkit.ErrBatchTooLarge, many(groupkit.Actor.DeclineRequests)},
		"CancelInvitations": {groupkit.ErrBatchTooLarge, many(groupkit.Actor.CancelInvitations)},
		"InviteUsers":       {groupkit.ErrBatchTooLarge, many(groupkit.Actor.InviteUsers)},
		"AddMembers":        {groupkit.ErrBatchTooLarge, many(groupkit.Actor.AddMembers)},
		"RemoveMembers":     {groupkit.ErrBatchTooLarge, many(groupkit.Actor.RemoveMembers)},
		"UnblockUsers":      {groupkit.ErrBatchTooLarge, many(groupkit.Actor.UnblockUsers)},
		"UnmuteUsers":       {groupkit.ErrBatchTooLarge, many(groupkit.Actor.UnmuteUsers)},
		"AllowUsers":        {groupkit.ErrBatchTooLarge, many(groupkit.Actor.AllowUsers)},
		"DisallowUsers":     {groupkit.ErrBatchTooLarge, many(groupkit.Actor.DisallowUsers)},
		"BlockUsers":        {groupkit.ErrBatchTooLarge, func() error { return grouptest.ErrorOf(once.BlockUsers(ctx, id, time.Hour, users)) }},
		"MuteUsers":         {groupkit.ErrBatchTooLarge, func() error { return grouptest.ErrorOf(once.MuteUsers(ctx, id, time.Hour, users)) }},
	} {
		guarded = 0
		var err error
		n := allocated(func() { err = c.call() })
		require.ErrorIs(t, err, c.want, name)
		require.Less(t, n, uint64(1<<20), "%s: bytes allocated", name)
		require.Less(t, len(err.Error()), 10_000, name)
		require.Zero(t, guarded, name)
	}
}

// A batch in which one user ID is far too long succeeds for the others. What is kept for its key
// does not contain that ID, but the result that is told again does.
func TestActor_Once_OversizedEntry(t *testing.T) { // not parallel: it measures
	s := grouptest.NewStack(t, groupkit.Options{})
	ctx := t.Context()
	_, err := s.System().CreateGroup(ctx, groupkit.NewGroup{ID: "guild", Name: "x", Owner: "alice"})
	require.NoError(t, err)
	long := groupkit.UserID(strings.Repeat("x", 16<<20))
	users := grouptest.IDs{"bob", long, "", long + "y"}
	var first, again groupkit.Results
	n := allocated(func() {
		first, err = s.System().Once("key").AddMembers(ctx, "guild", users)
		require.NoError(t, err)
		again, err = s.System().Once("key").AddMembers(ctx, "guild", users)
		require.NoError(t, err)
	})
	require.Less(t, n, uint64(1<<20), "nothing is made of what is too long")
	for i, u := range users {
		require.True(t, first[i].User == u && again[i].User == u, i)
		require.Equal(t, first[i].Err, again[i].Err)
	}
	for _, value := range s.Dump(t) {
		require.Less(t, len(value), 10_000)
	}
	users[1] = long[1:]
	require.ErrorIs(t, grouptest.ErrorOf(s.System().Once("key").AddMembers(ctx, "guild", users)), groupkit.ErrKeyReused)
}

// An oversized text that a field already has is no change, and the Guard is asked as always.
func TestActor_UpdateGroup_OversizedAlready(t *testing.T) {
	t.Parallel()
	st, blobs, guarded := memstore.New(), memblob.New(), 0
	open := func(limits groupkit.Limits) *groupkit.Engine {
		eng, err := groupkit.New(grouptest.KeptStore{Store: st}, grouptest.KeptBlobs{Blobs: blobs}, &groupkit.Options{
			Limits: limits, Guard: func(context.Context, groupkit.Command, groupkit.Scope) error { guarded++; return nil },
		})
		require.NoError(t, err)
		return eng
	}
	text := strings.Repeat("x", 1000)
	eng := open(groupkit.Limits{})
	id := grouptest.CreateGroup(t, eng, groupkit.NewGroup{Custom: text})
	require.NoError(t, eng.Close())
	eng = open(groupkit.Limits{Custom: 10})
	t.Cleanup(func() { require.NoError(t, eng.Close()) })
	guarded = 0
	for range 2 {
		changed, err := eng.As("alice").Once("key").UpdateGroup(t.Context(), id, groupkit.GroupUpdate{Custom: &text, Name: new("other")})
		require.NoError(t, err)
		require.Equal(t, []groupkit.Field{groupkit.FieldName}, changed)
	}
	require.Equal(t, 1, guarded, "a repeated call is not asked about")
	longer := text + "x"
	require.ErrorIs(t, grouptest.ErrorOf(eng.As("alice").UpdateGroup(t.Context(), id, groupkit.GroupUpdate{Custom: &longer})), groupkit.ErrInvalid)
	require.Equal(t, 1, guarded)
}

// A scanCounter counts the scans of a store.
type scanCounter struct {
	store.Store
	scans *int
}

func (s scanCounter) Update(ctx context.Context, fn func(store.Writer) error) error {
	return s.Store.Update(ctx, func(w store.Writer) error { return fn(scanningWriter{w, s.scans}) })
}

func (s scanCounter) Close() error { return nil }

type scanningWriter struct {
	store.Writer
	scans *int
}

func (w scanningWriter) Scan(r store.Range) ([]store.Pair, bool, error) {
	*w.scans++
	return w.Writer.Scan(r)
}

// A call that is refused for want of the right reads no lists: not the invitations of those whom
// it would remove, not the members who could succeed, not what has expired.
func TestActor_RefusedCall_ReadsNoList(t *testing.T) {
	t.Parallel()
	scans := 0
	s := grouptest.NewFixtureOver(t, scanCounter{memstore.New(), &scans}, memblob.New(), groupkit.Options{
		Limits: groupkit.Limits{Invitations: 2, Requests: 1, ListSize: 1}, OwnerLeave: groupkit.OwnerSucceed,
	})
	require.NoError(t, grouptest.ErrorOf(s.Engine.As("bob").Invite(t.Context(), s.ID, "ivan")))
	for i := range grouptest.Verbs {
		v := &grouptest.Verbs[i]
		if v.Name == "CreateGroup" || v.Name == "ForgetUser" || strings.Contains("Join AcceptInvitation DeclineInvitation CancelRequest", v.Name) {
			continue
		}
		scans = 0
		_, err := v.Call(t.Context(), s.Engine.As("judy"), s)
		require.ErrorIs(t, err, groupkit.ErrForbidden, v.Name)
		require.Zero(t, scans, v.Name)
	}
}
