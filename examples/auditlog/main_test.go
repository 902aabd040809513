package main

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestShow(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	require.NoError(t, show(t.Context(), &out))
	require.Equal(t, `SO FAR
  1  20:00  alice founds the group: name "Night Watch", public "true", max users "200", members only "false", allow invites "false", invite need confirm "true"
  2  20:00  alice in (created), by alice
  3  20:01  bob and carol in (added), by the system, because: the first patrol
  4  20:02  admin added: bob, by alice
  5  20:03  bob changes announcement "The gate is shut at midnight."

LIVE
  6  20:04  mallory in (direct), by mallory
  7  20:05  mallory muted by bob until 20:08, because: shouting
  8  20:06  file added: map.txt (15 bytes), by carol
  9  20:07  group muted by bob
 10  20:08  group unmuted by bob
 11  20:09  mute expired: mallory
 12  20:10  mallory out (blocked), by bob, because: picked pockets
 13  20:10  mallory blocked by bob for good, because: picked pockets
 14  20:11  group deleted by alice, because: the plague

The group is gone, and there is no more to see.
`, out.String())
}
