//go:build unix

package crash_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
)

const (
	loadedMembers = 1300 // more than two steps store
	loadedPart    = 400
	loadedContent = "brought later"
)

const loadedGroup groupkit.GroupID = "loaded"

var loadedFile = groupkit.FileID(uuid.UUID{0xf1, 0x1e}.String())

func loadedMember(i int) groupkit.UserID { return groupkit.UserID(fmt.Sprintf("l-%05d", i)) }

// loadedLog is the log of a group that comes from elsewhere: a checkpoint in parts, and two calls. Some of the
// members are in the large group too.
func loadedLog(yield func(groupkit.Event, error) bool) {
	const version = 7
	group := groupkit.Group{
		ID: loadedGroup, Name: "Loaded", Owner: loadedMember(0), MaxUsers: 10, Created: grouptest.Dawn, LastModified: grouptest.Dawn, Version: version,
	}
	sum := sha256.Sum256([]byte(loadedContent))
	for from := 0; from < loadedMembers; from += loadedPart {
		s := &groupkit.Snapshot{Group: group}
		for i := from; i < min(from+loadedPart, loadedMembers); i++ {
			m := groupkit.Member{User: loadedMember(i), Role: groupkit.RoleMember, Joined: grouptest.Dawn}
			switch {
			case i == 0:
				m.Role = groupkit.RoleOwner
			case i%100 == 0:
				m.User = groupkit.UserID(fmt.Sprintf("m-%05d", i/100))
			}
			s.Members = append(s.Members, m)
		}
		last := from+loadedPart >= loadedMembers
		if last {
			s.Mutes = []groupkit.Mute{{User: loadedMember(5), Until: grouptest.Dawn.Add(48 * time.Hour), By: loadedMember(0)}}
			s.Blacklist = []groupkit.Block{{User: "blocked", At: grouptest.Dawn}}
			s.Files = []groupkit.File{{
				ID: loadedFile, Name: "file", Owner: loadedMember(1), Size: int64(len(loadedContent)), SHA256: sum, Created: grouptest.Dawn,
			}}
		}
		if !yield(groupkit.Event{Group: loadedGroup, Version: version, Kind: groupkit.Checkpoint, At: grouptest.Dawn, Checkpoint: s, Part: from / loadedPart, Last: last}, nil) {
			return
		}
	}
	for i, user := range []groupkit.UserID{"late", "later"} {
		e := groupkit.Event{
			Group: loadedGroup, Version: version + 1 + uint64(i), Kind: groupkit.MemberJoined, At: grouptest.Dawn.Add(time.Hour),
			Users: []groupkit.UserID{user}, Cause: groupkit.CauseAdded, After: version + uint64(i), Last: true,
		}
		if !yield(e, nil) {
			return
		}
	}
}

// load loads the group, and brings the content of its file.
func load(ctx context.Context, s *grouptest.Stack) error {
	_, err := s.System().LoadFrom(ctx, loadedGroup, loadedLog, groupkit.LoadOptions{})
	if err == nil {
		err = putLoaded(ctx, s)
	}
	return err
}

func putLoaded(ctx context.Context, s *grouptest.Stack) error {
	return s.System().PutContent(ctx, loadedGroup, loadedFile, bytes.NewReader([]byte(loadedContent)))
}

// TestCrash_LoadFrom finds either the whole group or nothing of it. Nothing is left over, and the load can be
// repeated.
func TestCrash_LoadFrom(t *testing.T) {
	var base map[string]string
	loaded, brought := false, false
	crashAtEveryStep(t, "load", 8, func(t *testing.T, s *grouptest.Stack) {
		ctx := t.Context()
		g, err := s.System().Group(ctx, loadedGroup)
		if err != nil {
			require.False(t, loaded)
			require.ErrorIs(t, err, groupkit.ErrGroupNotFound)
			require.Empty(t, grouptest.MustCollect(t, s.System().JoinedGroups(ctx, loadedMember(0))))
			require.Len(t, grouptest.MustCollect(t, s.System().JoinedGroups(ctx, "m-00003")), 1)
			dump := s.Dump(t)
			if base == nil {
				base = dump
			}
			for k := range dump {
				require.Contains(t, base, k)
			}
			require.Len(t, dump, len(base))
			require.NoError(t, load(ctx, s))
			g, err = s.System().Group(ctx, loadedGroup)
			require.NoError(t, err)
		} else {
			loaded = true
			files := grouptest.MustCollect(t, s.System().Files(ctx, loadedGroup))
			require.Len(t, files, 1)
			_, content, err := s.System().OpenFile(ctx, loadedGroup, loadedFile)
			if err == nil {
				brought = true
				require.NoError(t, content.Close())
			} else {
				require.False(t, brought)
				require.ErrorIs(t, err, groupkit.ErrContentAbsent)
				require.NoError(t, putLoaded(ctx, s))
			}
		}
		require.Equal(t, loadedMembers+2, g.MemberCount)
		require.EqualValues(t, 9, g.Version)
		require.Len(t, grouptest.MustCollect(t, s.System().Members(ctx, loadedGroup)), loadedMembers+2)
		require.Len(t, grouptest.MustCollect(t, s.System().JoinedGroups(ctx, "m-00003")), 2)
		files := grouptest.MustCollect(t, s.System().Files(ctx, loadedGroup))
		grouptest.RequireContent(t, s, loadedGroup, files[0], loadedContent)
		require.NoError(t, grouptest.ErrorOf(groupkit.Replay(s.System().Events(ctx, loadedGroup, 0))))
	})
	require.True(t, loaded && brought)
}
