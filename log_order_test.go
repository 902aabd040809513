package groupkit_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"groupkit"
)

// What one call does to several users is told as one event of a kind, and yet in
// an order that can be replayed: Verify does.
func TestEvents_InOrderForEachUser(t *testing.T) {
	t.Parallel()
	users := []groupkit.UserID{"bob", "carol", "dave", "erin"}
	for _, admins := range [][]groupkit.UserID{{"bob"}, {"carol"}, {"erin"}, {"bob", "dave"}, {"carol", "erin"}} {
		for verb, call := range map[string]func(groupkit.Actor, groupkit.GroupID) error{
			"RemoveMembers": func(a groupkit.Actor, g groupkit.GroupID) error {
				return second(a.RemoveMembers(t.Context(), g, users))
			},
			"BlockUsers": func(a groupkit.Actor, g groupkit.GroupID) error {
				return second(a.BlockUsers(t.Context(), g, groupkit.Forever, users))
			},
		} {
			eng, _ := setup(t, groupkit.Options{})
			g := group(t, eng, groupkit.NewGroup{Members: users})
			for _, u := range admins {
				require.NoError(t, eng.System().AddAdmin(t.Context(), g, u))
				require.NoError(t, eng.System().Allow(t.Context(), g, u))
			}
			require.NoError(t, call(eng.System(), g), verb)
			verified(t, eng)
		}
	}
}
