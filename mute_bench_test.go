package groupkit_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
	"groupkit/store/memblob"
)

// BenchmarkMute mutes a user again, beside few and many others who are muted. With 10,000 the
// list is full, so the call looks for entries that have expired.
func BenchmarkMute(b *testing.B) {
	for _, muted := range []int{10, 10_000} {
		b.Run(fmt.Sprintf("muted=%d", muted), func(b *testing.B) {
			eng, err := groupkit.New(grouptest.NewBolt(b), memblob.New(), &groupkit.Options{Limits: groupkit.Limits{Batch: 1000, MaxUsers: 20_000}})
			require.NoError(b, err)
			defer func() { require.NoError(b, eng.Close()) }()
			id := muteMany(b, eng, muted)
			for b.Loop() {
				if _, err := eng.System().Mute(b.Context(), id, time.Hour, "user-5"); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// muteMany makes a group in which that many users are muted.
func muteMany(b *testing.B, eng *groupkit.Engine, muted int) groupkit.GroupID {
	g, err := eng.System().CreateGroup(b.Context(), groupkit.NewGroup{Name: "x", Owner: "alice", MaxUsers: muted + 1})
	require.NoError(b, err)
	var users []groupkit.UserID
	for i := range muted {
		users = append(users, groupkit.UserID(fmt.Sprint("user-", i)))
		if len(users) < 1000 && i+1 < muted {
			continue
		}
		require.NoError(b, grouptest.ErrorOf(eng.System().AddMembers(b.Context(), g.ID, users)))
		require.NoError(b, grouptest.ErrorOf(eng.System().MuteUsers(b.Context(), g.ID, time.Hour, users)))
		users = nil
	}
	return g.ID
}
