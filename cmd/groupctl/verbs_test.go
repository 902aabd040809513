package main

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"groupkit"
)

// inside reads the database of a folder with the library.
func inside(t *testing.T, dir string, fn func(ctx context.Context, a groupkit.Actor)) {
	t.Helper()
	eng, err := groupkit.Open(filepath.Join(dir, "groups.db"), &groupkit.Options{Clock: func() time.Time { return now }, ReadOnly: true})
	require.NoError(t, err)
	defer func() { require.NoError(t, eng.Close()) }()
	fn(t.Context(), eng.System())
}

// standing returns what is so of a user in a group.
func standing(t *testing.T, dir string, group groupkit.GroupID, user groupkit.UserID) (s groupkit.Standing) {
	t.Helper()
	inside(t, dir, func(ctx context.Context, a groupkit.Actor) {
		var err error
		s, err = a.Standing(ctx, group, user)
		require.NoError(t, err)
	})
	return s
}

func TestVerbs(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		line, says string
		user       groupkit.UserID
		is         func(groupkit.Standing) bool
	}{
		"add":           {"add night-watch erin", "added erin to night-watch (version 8)\n", "erin", func(s groupkit.Standing) bool { return s.Role == groupkit.RoleMember }},
		"remove":        {"remove night-watch carol", "removed carol from night-watch (version 9)\n", "carol", func(s groupkit.Standing) bool { return s.Role == groupkit.RoleOutsider }},
		"promote":       {"promote night-watch carol", "promoted carol in night-watch (version 8)\n", "carol", func(s groupkit.Standing) bool { return s.Role == groupkit.RoleAdmin }},
		"demote":        {"demote night-watch bob", "demoted bob in night-watch (version 8)\n", "bob", func(s groupkit.Standing) bool { return s.Role == groupkit.RoleMember }},
		"mute":          {"mute night-watch carol --for 7d", "muted carol in night-watch until 2026-03-08T12:00:00Z (version 8)\n", "carol", func(s groupkit.Standing) bool { return s.Mute.Until.Equal(now.Add(7 * 24 * time.Hour)) }},
		"mute for ever": {"mute night-watch carol", "muted carol in night-watch for ever (version 8)\n", "carol", func(s groupkit.Standing) bool { return s.Mute.Until.Year() == 2116 }},
		"unmute":        {"unmute night-watch dave", "unmuted dave in night-watch (version 8)\n", "dave", func(s groupkit.Standing) bool { return s.Mute == nil }},
		"block":         {"block night-watch carol --for 90m", "blocked carol in night-watch until 2026-03-01T13:30:00Z (version 10)\n", "carol", func(s groupkit.Standing) bool { return s.Block.Until.Equal(now.Add(90 * time.Minute)) }},
		"block for ever": {"block night-watch zoe --outsiders", "blocked zoe in night-watch for ever (version 8)\n", "zoe", func(s groupkit.Standing) bool {
			return s.Block != nil && s.Block.Until.IsZero()
		}},
		"unblock":  {"unblock night-watch mallory", "unblocked mallory in night-watch (version 8)\n", "mallory", func(s groupkit.Standing) bool { return s.Block == nil }},
		"allow":    {"allow night-watch dave", "put dave on the allow list of night-watch (version 8)\n", "dave", func(s groupkit.Standing) bool { return s.Allowed != nil }},
		"disallow": {"disallow night-watch carol", "took carol off the allow list of night-watch (version 8)\n", "carol", func(s groupkit.Standing) bool { return s.Allowed == nil }},
		"invite":   {"invite night-watch erin", "invited erin to night-watch (version 8)\n", "erin", func(s groupkit.Standing) bool { return s.Invitation != nil }},
		"transfer": {"transfer night-watch carol", "transferred night-watch to carol (version 8)\n", "carol", func(s groupkit.Standing) bool { return s.Role == groupkit.RoleOwner }},
		"as a user": {"mute night-watch carol --as bob --reason noise", "muted carol in night-watch for ever (version 8)\n", "carol", func(s groupkit.Standing) bool {
			return s.Mute.By == "bob" && s.Mute.Reason == "noise"
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := world(t)
			require.False(t, c.is(orNothing(standing(t, dir, "night-watch", c.user))))
			out, errs, code := groupctl(t, dir, c.line+" --db groups.db")
			require.Equal(t, exitOK, code, errs)
			require.Equal(t, c.says, out)
			require.Empty(t, errs)
			require.True(t, c.is(standing(t, dir, "night-watch", c.user)))
		})
	}
}

// orNothing has entries that say nothing where a user is on no list.
func orNothing(s groupkit.Standing) groupkit.Standing {
	if s.Mute == nil {
		s.Mute = new(groupkit.Mute)
	}
	if s.Block == nil {
		s.Block = &groupkit.Block{Until: now.Add(-time.Hour)}
	}
	return s
}

func TestVerbs_Pending(t *testing.T) {
	t.Parallel()
	const family = "5b3c2f6e-7d1f-4d52-9d7b-0f2b8d1c9a34"
	for line, c := range map[string]struct {
		says string
		user groupkit.UserID
		role groupkit.Role
	}{
		"approve shogi erin":          {"approved the request of erin to join shogi (version 5)\n", "erin", groupkit.RoleMember},
		"decline shogi erin":          {"declined the request of erin to join shogi (version 4)\n", "erin", groupkit.RoleOutsider},
		"invite shogi erin":           {"invited erin to shogi; 1 user joined at once (version 5)\n", "erin", groupkit.RoleMember},
		"cancel " + family + " frank": {"cancelled the invitation of frank to " + family + " (version 4)\n", "frank", groupkit.RoleOutsider},
	} {
		t.Run(line, func(t *testing.T) {
			t.Parallel()
			dir := world(t)
			out, errs, code := groupctl(t, dir, line+" --db groups.db")
			require.Equal(t, exitOK, code, errs)
			require.Equal(t, c.says, out)
			s := standing(t, dir, groupkit.GroupID(strings.Fields(line)[1]), c.user)
			require.Equal(t, c.role, s.Role)
			require.Nil(t, s.Request)
			require.Nil(t, s.Invitation)
		})
	}
}

func TestVerbs_WholeGroup(t *testing.T) {
	t.Parallel()
	dir := world(t)
	muted := func() (muted bool) {
		inside(t, dir, func(ctx context.Context, a groupkit.Actor) {
			g, err := a.Group(ctx, "night-watch")
			require.NoError(t, err)
			muted = g.Muted
		})
		return muted
	}
	out, errs, code := groupctl(t, dir, "mute night-watch --all --db groups.db")
	require.Equal(t, exitOK, code, errs)
	require.Equal(t, "muted group night-watch (version 8)\n", out)
	require.True(t, muted())
	out, errs, code = groupctl(t, dir, "unmute night-watch --all --db groups.db --json")
	require.Equal(t, exitOK, code, errs)
	require.Contains(t, out, `"version":9`)
	require.False(t, muted())
}

// TestVerbs_Refused has a refusal of each verb. None of them changes a byte of the file.
func TestVerbs_Refused(t *testing.T) {
	t.Parallel()
	dir := world(t)
	before := fileBytes(t, dir)
	for line, c := range map[string]struct {
		code int
		says string
	}{
		"add night-watch mallory":                   {4, "on the blacklist of the group\n\"groupctl unblock GROUP USER\" takes a user off the blacklist.\n"},
		"add night-watch carol":                     {4, "user \"carol\" in group \"night-watch\": already a member of the group\n"},
		"add nothing carol":                         {3, "group not found\n\"groupctl ls\" lists the groups.\n"},
		"remove night-watch zoe":                    {4, "not a member of the group\n"},
		"remove night-watch alice":                  {4, "is the owner of the group\n\"groupctl transfer GROUP USER\" makes somebody else the owner.\n"},
		"promote night-watch bob":                   {4, "already an admin"},
		"demote night-watch carol":                  {4, "not an admin"},
		"mute night-watch zoe":                      {4, "not a member"},
		"unmute night-watch carol":                  {4, "not muted"},
		"block night-watch zoe":                     {4, "not a member"},
		"block night-watch mallory":                 {4, "on the blacklist"},
		"unblock night-watch carol":                 {4, "not on the blacklist"},
		"allow night-watch carol":                   {4, "already on the allow list"},
		"disallow night-watch dave":                 {4, "not on the allow list"},
		"invite night-watch carol":                  {4, "already a member"},
		"cancel night-watch zoe":                    {3, "no pending invitation"},
		"approve shogi zoe":                         {3, "no pending join request"},
		"decline shogi zoe":                         {3, "no pending join request"},
		"transfer night-watch zoe":                  {4, "not a member"},
		"mute night-watch bob --as carol":           {4, "role is too low"},
		"add night-watch zoe --as bob":              {4, "only the system may do this\nRun it without --as.\n"},
		"add night-watch zoe --if-version 6":        {4, "version is 7, not 6\nLook what has changed"},
		"add night-watch zoe --reason " + long(513): {4, "reason has 513 characters (at most 512)"},
		"add night-watch zoe --once " + long(129):   {4, "idempotency key has 129 bytes"},
		"add night-watch " + long(256):              {4, "user ID has 256 bytes (at most 255)"},
		"update night-watch --max-users 3":          {4, "max users is 3, but the group has 4 members"},
		"announce night-watch " + long(513):         {4, "announcement has 513 characters (at most 512)"},
		"create night-watch --name X --owner zoe":   {4, "group ID is taken\nAn ID is used once"},
		"create --name X":                           {4, "owner is empty"},
		"create --owner zoe":                        {4, "name is empty"},
		"delete nothing --yes":                      {3, "group not found"},
		"forget alice --yes":                        {4, "owns 1 group: \"night-watch\"\n--owned succeed"},
		"rm night-watch plan.pdf --yes":             {3, "group \"night-watch\", file \"plan.pdf\": file not found"},
		"download night-watch plan.pdf":             {3, "file not found"},
		"upload night-watch nowhere.txt":            {3, "nowhere.txt: no such file"},
		"add":                                       {2, "want a group and users\n\"groupctl add --help\" shows how.\n"},
		"add night-watch":                           {2, "want users after the group"},
		"mute night-watch --all bob":                {2, "--all is about the whole group"},
		"mute night-watch --all --for 1h":           {2, "--for is about users"},
		"mute night-watch bob --for 0s":             {2, "invalid argument \"0s\" for \"--for\" flag: want a time such as 90s, 24h, 7d or forever"},
		"mute night-watch bob --for -3d":            {2, "want 1d to 106751d, or forever"},
		"mute night-watch bob --for 106752d":        {2, "want 1d to 106751d, or forever"},
		"add night-watch - -":                       {2, "stdin is read once"},
		"add night-watch -":                         {2, "stdin has no users"},
		"add night-watch zoe --if-version x":        {2, "--if-version"},
		"update night-watch":                        {2, "there is nothing to change"},
		"upload night-watch a b --as-name c":        {2, "--as-name names one file, and there are 2"},
		"upload night-watch a b --if-version 1":     {2, "--if-version holds for one file, and there are 2"},
		"delete night-watch":                        {2, "this cannot be undone, and there is no terminal to ask; give --yes\n"},
		"forget dave":                               {2, "give --yes"},
		"rm night-watch plan.pdf":                   {2, "give --yes"},
		"add night-watch zoe --owner x":             {2, "unknown flag: --owner"},
	} {
		out, errs, code := groupctl(t, dir, line+" --db groups.db")
		require.Equal(t, c.code, code, "%s: %s", line, errs)
		require.Empty(t, out, line)
		require.Contains(t, errs, c.says, line)
		require.True(t, strings.HasPrefix(errs, "groupctl: "), errs)
	}
	require.Equal(t, before, fileBytes(t, dir))
}

func long(n int) string { return strings.Repeat("x", n) }
