package faults_test

import (
	"context"
	"io"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
	"groupkit/internal/key"
	"groupkit/internal/record"
	"groupkit/store/memblob"
	"groupkit/store/memstore"
)

// requireCorrupt checks the error of a call that has read a damaged record.
func requireCorrupt(t *testing.T, err error) {
	t.Helper()
	require.ErrorIs(t, err, groupkit.ErrCorrupt)
	require.NotErrorIs(t, err, groupkit.ErrStorage)
	var e *groupkit.Error
	require.ErrorAs(t, err, &e)
}

// dataOf reads all that is stored about a user.
func dataOf(user groupkit.UserID) func(context.Context, *grouptest.Dataset) error {
	return func(ctx context.Context, s *grouptest.Dataset) error {
		return grouptest.ErrorOf(grouptest.Collect(s.System().UserData(ctx, user)))
	}
}

// TestActor_DamagedRecords replaces a record of each kind with garbage and makes a call whose
// answer depends on it.
func TestActor_DamagedRecords(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		key []byte
		run func(context.Context, *grouptest.Dataset) error
	}{
		"header":     {key.Of("guild", key.Header), callNamed("Group")},
		"member":     {key.Standing("guild", "carol", true), callNamed("Members")},
		"actor":      {key.Standing("guild", "dave", true), callNamed("MaySpeak")},
		"outsider":   {key.Standing("guild", "erin", false), callNamed("Blacklist")},
		"target":     {key.Standing("guild", "heidi", false), callNamed("Unmute")},
		"list entry": {key.OfUser("guild", key.Muted, "ivan"), callNamed("Mutes")},
		"announcement": {key.Of("guild", key.Announcement), func(ctx context.Context, s *grouptest.Dataset) error {
			return grouptest.ErrorOf(s.As("carol").Announcement(ctx, grouptest.Guild))
		}},
		"announcement that is changed": {key.Of("guild", key.Announcement), callNamed("SetAnnouncement")},
		"event":                        {key.Event("guild", 3), callNamed("Events")},
		"group of a user":              {key.UserGroup("carol", "guild", true), callNamed("JoinedGroups")},
		"request of a user":            {key.UserGroup("frank", "guild", false), callNamed("PendingRequests")},
		"number of a user's groups":    {key.User("frank", key.UserHeader), callNamed("ApproveRequest")},
		"number of groups":             {key.GroupCount(), callNamed("CreateGroup")},
		"checkpoint": {grouptest.CheckpointKey(key.Header, ""), func(ctx context.Context, s *grouptest.Dataset) error {
			return grouptest.ErrorOf(grouptest.Collect(s.System().Events(ctx, grouptest.Archive, 0)))
		}},
		"member in a checkpoint": {grouptest.CheckpointKey(key.Members, "xena"), func(ctx context.Context, s *grouptest.Dataset) error {
			return grouptest.ErrorOf(grouptest.Collect(s.System().Events(ctx, grouptest.Archive, 0)))
		}},
		"user data: member":                {key.Standing("guild", "dave", true), callNamed("UserData")},
		"user data: outsider":              {key.Standing("guild", "erin", false), callNamed("UserData")},
		"user data: user":                  {key.Standing("guild", "bob", true), callNamed("UserData")},
		"user data: header":                {key.Of("guild", key.Header), callNamed("UserData")},
		"user data: event":                 {key.Event("guild", 3), callNamed("UserData")},
		"user data: announcement":          {key.Of("guild", key.Announcement), callNamed("UserData")},
		"user data: checkpoint":            {grouptest.CheckpointKey(key.Header, ""), dataOf("xena")},
		"user data: of checkpoint":         {grouptest.CheckpointKey(key.Members, "xena"), dataOf("xena")},
		"user data: long announcement key": {append(key.Of("guild", key.Announcement), 'x'), dataOf("bob")},
		"user data: long checkpoint key":   {append(grouptest.CheckpointKey(key.Announcement, ""), 'x'), dataOf("xena")},
		"user data: file key":              {append(key.Of("guild", key.Files), 'x'), dataOf("bob")},
		"user data: group of a user":       {append(key.UserGroupTrace("bob", "guild"), 'x'), dataOf("bob")},
		"member in a snapshot":             {key.Standing("guild", "carol", true), callNamed("Snapshot")},
		"outcome of an idempotency key": {key.Once("bob", "allow ivan"), func(ctx context.Context, s *grouptest.Dataset) error {
			return s.As("bob").Once("allow ivan").Allow(ctx, grouptest.Guild, "ivan")
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := grouptest.NewDataset(t)
			s.Put(t, c.key, []byte(grouptest.Garbage))
			requireCorrupt(t, c.run(t.Context(), s))
		})
	}
}

// TestActor_MissingCustom removes a custom text that the header announces. No call answers without
// it.
func TestActor_MissingCustom(t *testing.T) {
	t.Parallel()
	s := grouptest.NewDataset(t)
	s.Remove(t, key.Of("guild", key.Custom))
	requireCorrupt(t, grouptest.ErrorOf(s.As("carol").Group(t.Context(), grouptest.Guild)))
	requireCorrupt(t, grouptest.ErrorOf(s.System().Snapshot(t.Context(), grouptest.Guild)))
	requireCorrupt(t, grouptest.ErrorOf(grouptest.Collect(s.As("carol").JoinedGroups(t.Context(), "carol"))))
}

// callNamed is the first call of that name.
func callNamed(name string) func(context.Context, *grouptest.Dataset) error {
	for _, v := range allCalls() {
		if v.name == name {
			return v.run
		}
	}
	panic(name)
}

// A user's list leads to a group that has no record of the user. The entry is one without the
// role, as they were before; with the role the record is not read.
func TestActor_JoinedGroups_NoMembership(t *testing.T) {
	t.Parallel()
	s := grouptest.NewDataset(t)
	s.Put(t, key.UserGroup("carol", string(grouptest.Guild), true), record.EncodeCount(0))
	s.Remove(t, key.OfUser(string(grouptest.Guild), key.Members, "carol"))
	ctx, system := t.Context(), s.System()
	requireCorrupt(t, grouptest.ErrorOf(grouptest.Collect(system.JoinedGroups(ctx, "carol"))))
	requireCorrupt(t, grouptest.ErrorOf(system.JoinedGroupsPage(ctx, "carol", groupkit.Page{})))
	_, _, err := system.JoinedGroupsFrom(ctx, "carol", groupkit.From{})
	requireCorrupt(t, err)
}

func TestActor_DamagedFile(t *testing.T) {
	t.Parallel()
	for name, damage := range map[string]func(*testing.T, *grouptest.Dataset){
		"garbage":          grouptest.ChangeFileBytes(grouptest.Garbage),
		"under another id": grouptest.ChangeFile(func(f *record.File) { f.ID = "0123456789abcdef" }),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := grouptest.NewDataset(t)
			damage(t, s)
			carol := s.As("carol")
			requireCorrupt(t, grouptest.ErrorOf(carol.File(t.Context(), grouptest.Guild, s.Chart.ID)))
			requireCorrupt(t, grouptest.ErrorOf(grouptest.Collect(carol.Files(t.Context(), grouptest.Guild))))
			requireCorrupt(t, grouptest.ErrorOf(carol.FilesPage(t.Context(), grouptest.Guild, groupkit.Page{})))
			requireCorrupt(t, s.As("bob").DeleteFile(t.Context(), grouptest.Guild, s.Chart.ID))
			_, _, err := carol.OpenFile(t.Context(), grouptest.Guild, s.Chart.ID)
			requireCorrupt(t, err)
		})
	}
}

func TestActor_AllowList_EntryWithoutStanding(t *testing.T) {
	t.Parallel()
	s := grouptest.NewDataset(t)
	s.Put(t, key.OfUser("guild", key.Allowed, "carol"), []byte("m"))
	requireCorrupt(t, grouptest.ErrorOf(grouptest.Collect(s.As("bob").AllowList(t.Context(), grouptest.Guild))))
	s.Put(t, key.OfUser("guild", key.Muted, "nobody"), []byte("m"))
	requireCorrupt(t, grouptest.ErrorOf(s.As("bob").MutesPage(t.Context(), grouptest.Guild, groupkit.Page{})))
}

// TestEngine_Sweep_EndsOnDamage has index entries of expiries that belong to nothing. Every
// sweep finds them, and ends.
func TestEngine_Sweep_EndsOnDamage(t *testing.T) {
	t.Parallel()
	for name, k := range map[string][]byte{
		"a group that never was":  key.Expiry(1, "nowhere", key.Muted, "carol"),
		"a deleted group":         key.Expiry(1, "ended", key.Muted, "carol"),
		"someone who is not":      key.Expiry(1, "guild", key.Muted, "carol"),
		"no user id":              key.Expiry(1, "guild", key.Muted, "\x01"),
		"no group id":             key.Expiry(1, "\x01", key.Muted, "carol"),
		"no key":                  []byte("T\x00\x00\x00\x00\x00\x00\x00\x01"),
		"no idempotency key":      key.OnceExpiry(1, nil),
		"the life of other bytes": key.OnceExpiry(1, key.Of("guild", key.Header)),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := grouptest.NewDataset(t)
			s.Put(t, k, nil)
			before := s.Dump(t)
			requireCorrupt(t, grouptest.ErrorOf(s.Sweep(t.Context())))
			require.Equal(t, before, s.Dump(t))
		})
	}
}

// TestEngine_Resume_LeavesLivingGroupsAlone has a deletion under way of a group that nobody
// has deleted. Opening the engine does not delete the group, and still finishes the other
// deletions.
func TestEngine_Resume_LeavesLivingGroupsAlone(t *testing.T) {
	t.Parallel()
	raw, blobs := memstore.New(), memblob.New()
	grouptest.BuiltDataset().Unpack(t, raw, blobs)
	again := &grouptest.Stack{Store: raw, Blobs: blobs, Clock: grouptest.NewClockAt(grouptest.Dawn)}
	again.Put(t, key.Deletion("guild"), nil)
	again.Put(t, key.Deletion("nowhere"), nil)
	again.ChangeHeader(t, grouptest.OpenGroup, func(h *record.Header) { h.State = record.Deleting })
	again.Put(t, key.Deletion("open"), nil)
	again.OpenWhole(t, grouptest.DatasetOptions(), raw, blobs)
	require.Empty(t, again.Keys(t, key.Deletion("open")))
	require.Len(t, grouptest.MustCollect(t, again.System().Members(t.Context(), grouptest.Guild)), 5)
	require.NotEmpty(t, again.Keys(t, key.Deletion("guild")), "Verify goes on naming it")
}

// TestEngine_OpenFile_DamagedContent reads contents that differ from what was uploaded.
func TestEngine_OpenFile_DamagedContent(t *testing.T) {
	t.Parallel()
	for _, content := range []string{"", "a map of the nort", "a map of the south", "a map of the north, and more"} {
		t.Run(content, func(t *testing.T) {
			t.Parallel()
			s := grouptest.NewDataset(t)
			grouptest.PutContent(content)(t, s)
			_, r, err := s.As("carol").OpenFile(t.Context(), grouptest.Guild, s.Chart.ID)
			require.NoError(t, err)
			got, err := io.ReadAll(r)
			requireCorrupt(t, err)
			require.Less(t, len(got), len("a map of the north"), "the last bytes never come")
			require.NoError(t, r.Close())
		})
	}
	t.Run("none at all", func(t *testing.T) {
		t.Parallel()
		s := grouptest.NewDataset(t)
		require.NoError(t, s.Blobs.Delete(t.Context(), grouptest.ContentID(s.Chart)))
		_, _, err := s.As("carol").OpenFile(t.Context(), grouptest.Guild, s.Chart.ID)
		requireCorrupt(t, err)
		_, _, err = s.As("carol").OpenFile(t.Context(), grouptest.Guild, groupkit.FileID(uuid.Nil.String()))
		require.ErrorIs(t, err, groupkit.ErrFileNotFound)
	})
}
