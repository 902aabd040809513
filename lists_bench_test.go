package groupkit_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"groupkit"
)

const longList = 100_000

// fillList makes one group with a hundred thousand members.
func fillList(b *testing.B, eng *groupkit.Engine) {
	_, err := eng.System().CreateGroup(b.Context(), groupkit.NewGroup{ID: "long", Name: "Long", Owner: "alice", MaxUsers: 1 << 30})
	require.NoError(b, err)
	users := make([]groupkit.UserID, 1000)
	for n := 0; n < longList; n += len(users) {
		for i := range users {
			users[i] = groupkit.UserID(fmt.Sprintf("m%06d", n+i))
		}
		_, err := eng.System().AddMembers(b.Context(), "long", users)
		require.NoError(b, err)
	}
}

// BenchmarkMembersFrom enters a list of 100,000 at its beginning and at its end, and reads the last
// page of it by its number.
func BenchmarkMembersFrom(b *testing.B) {
	on(b, func(b *testing.B, eng *groupkit.Engine) {
		fillList(b, eng)
		for name, after := range map[string]groupkit.UserID{"beginning": "", "end": "m099899"} {
			b.Run(name, func(b *testing.B) {
				for b.Loop() {
					part, _, err := eng.System().MembersFrom(b.Context(), "long", groupkit.From{After: after, Limit: 100})
					if err != nil || len(part) != 100 {
						b.Fatal(len(part), err)
					}
				}
			})
		}
		b.Run("last page", func(b *testing.B) {
			for b.Loop() {
				page, err := eng.System().MembersPage(b.Context(), "long", groupkit.Page{Number: 1000, Size: 100})
				if err != nil || len(page) != 100 {
					b.Fatal(len(page), err)
				}
			}
		})
	})
}

// BenchmarkStanding compares Standing with Role.
func BenchmarkStanding(b *testing.B) {
	on(b, func(b *testing.B, eng *groupkit.Engine) {
		owner := eng.As(benchUser(0))
		b.Run("role", func(b *testing.B) {
			for i := 0; b.Loop(); i++ {
				if _, err := owner.Role(b.Context(), benchGroup0[i%benchGroups], benchUser(1)); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run("standing", func(b *testing.B) {
			for i := 0; b.Loop(); i++ {
				if _, err := owner.Standing(b.Context(), benchGroup0[i%benchGroups], benchUser(1)); err != nil {
					b.Fatal(err)
				}
			}
		})
	})
}
