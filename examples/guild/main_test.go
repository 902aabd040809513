package main

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTell(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	require.NoError(t, tell(t.Context(), &out))
	for _, line := range []string{
		"mallory asks to join: requested.",
		`  alice reads: bob says "I can hold a torch".`,
		"and invites carol, who had asked: she has joined at once.",
		"  alice  owner\n  bob    member\n  carol  member\n",
		"tries to join: group not found.",
		`bob reads: alice invites me into "Cabal" (We meet below.), because we need a torch; I have until Saturday 09:00.`,
		"invites carol, as members may here: invited.",
		"bob invites dave: joined.",
		"  alice  owner\n  bob    member\n  dave   member\n",
		"Saturday 09:00: erin accepts, too late: no pending invitation.",
		"Sunday 09:00: alice approves frank, too late: no pending join request.",
		"  5 Sunday 09:00  invitation expired [erin]\n  6 Sunday 09:00  request expired [frank]\n",
	} {
		require.Contains(t, out.String(), line)
	}
}
