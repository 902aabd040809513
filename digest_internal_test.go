package groupkit

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

// digestedCommands are commands with every field that a digest reads, and with none.
func digestedCommands() []Command {
	whole := &NewGroup{
		ID: "g1", Name: "a <b> & \"c\" \u2028", Description: "d", Avatar: "e", Custom: "f", Public: true, MembersOnly: true, AllowInvites: true,
		InviteNeedConfirm: new(false), MaxUsers: 7, Owner: "u1", Members: []UserID{"u2", "u3"},
	}
	return []Command{
		{},
		{Op: OpCreateGroup, Actor: "u1", Reason: "why", Group: "g1", Users: []UserID{"u1", "u2", "u3"}, New: whole},
		{Op: OpCreateGroup, Actor: "u1", Group: "chosen by the engine", Users: []UserID{"u1"}, New: &NewGroup{Name: "n", Owner: "u1", MaxUsers: 200, InviteNeedConfirm: new(true)}},
		{Op: OpUpdateGroup, Group: "g1", Update: &GroupUpdate{}},
		{Op: OpUpdateGroup, Group: "g1", Update: &GroupUpdate{
			Name: new("n"), Description: new(""), Avatar: new("a"), Custom: new("c"),
			MaxUsers: new(3), MembersOnly: new(true), AllowInvites: new(false), InviteNeedConfirm: new(true),
		}},
		{Op: OpForgetUser, Users: []UserID{"u1"}, Forget: &ForgetOptions{}},
		{Op: OpForgetUser, Users: []UserID{"u1"}, Forget: &ForgetOptions{Owned: OwnedDelete, Blocks: true, Pseudonymize: true}},
		{Op: OpMuteUsers, Group: "g1", Users: []UserID{"u1"}, Duration: 90 * time.Second},
		{Op: OpMuteUsers, Group: "g1", Users: []UserID{"u1", "u2"}, Duration: Forever},
		{Op: OpBlockUsers, Group: "g1", Users: []UserID{}, Duration: time.Hour + time.Nanosecond},
		{Op: OpAddMembers, Group: "g1", Users: []UserID{"\xff", UserID(strings.Repeat("x", maxID+1)), "ü\u2029"}},
		{Op: OpSetAnnouncement, Actor: "u1", Group: "g1", Text: "lines\nand\ttabs <&>\x7f"},
		{Op: OpUploadFile, Group: "g1", Text: "plan.txt", content: "not read"},
		{Op: OpDeleteFile, Group: "g1", File: "0198c0de-0000-7000-8000-000000000001"},
		{Op: OpMuteGroup, Group: "\xc3("},
	}
}

// TestDigest pins the digests of commands. They are stored: a key that an older version recorded
// must still be recognized. The file also has the text of which each is the hash.
func TestDigest(t *testing.T) {
	t.Parallel()
	const file = "testdata/digests.txt"
	var got []string
	for _, cmd := range digestedCommands() {
		before := fmt.Sprint(cmd)
		for _, batch := range []bool{false, true} {
			sum, err := digest(&verb{batch: batch}, &cmd)
			require.NoError(t, err)
			got = append(got, hex.EncodeToString(sum))
		}
		require.Equal(t, before, fmt.Sprint(cmd), "the command stays as it was")
	}
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	var want []string
	for line := range strings.Lines(string(text)) {
		sum, of, ok := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		require.True(t, ok)
		all := sha256.Sum256([]byte(of))
		require.Equal(t, hex.EncodeToString(all[:16]), sum, "of %s", of)
		want = append(want, sum)
	}
	require.Equal(t, want, got)
	require.Len(t, slices.Compact(slices.Sorted(slices.Values(got))), len(got), "other calls have other digests")
}

// FuzzDigest compares two commands. They have one digest if, and only if, they are the same call; neither the
// actor nor the reason is a part of it.
func FuzzDigest(f *testing.F) {
	f.Add(uint8(0), "g", "a", "b", "t", int64(0), uint8(0), "g", "a", "b", "t", int64(0))
	f.Add(uint8(1), "g", "a,b", "", "", int64(-1), uint8(1), "g", "a", "b", "", int64(-1))
	f.Add(uint8(5), "g", "a", "", "\"", int64(1), uint8(5), "g", "a", "", "\\\"", int64(1))
	f.Add(uint8(2), "<", "\u2028", "&", "\x7f", int64(9), uint8(3), "\\u003c", "", "", "", int64(9))
	ops := []Op{OpMuteUsers, OpBlockUsers, OpAddMembers, OpSetAnnouncement, OpUploadFile, OpDeleteFile, OpUpdateGroup, OpCreateGroup}
	type call struct {
		op                        Op
		batch                     bool
		group, user, second, text string
		d                         int64
	}
	print := func(t *testing.T, c call, actor UserID, reason string) []byte {
		cmd := Command{Op: c.op, Actor: actor, Reason: reason, Group: GroupID(c.group), Users: []UserID{UserID(c.user)}, Duration: time.Duration(c.d)}
		if c.second != "" {
			cmd.Users = append(cmd.Users, UserID(c.second))
		}
		switch c.op {
		case OpUpdateGroup:
			cmd.Update = &GroupUpdate{Custom: &c.text}
		case OpCreateGroup:
			cmd.New = &NewGroup{ID: cmd.Group, Name: c.text, Members: cmd.Users}
		default:
			cmd.Text = c.text
		}
		sum, err := digest(&verb{batch: c.batch}, &cmd)
		require.NoError(t, err)
		return sum
	}
	valid := func(c call) bool {
		for _, text := range []string{c.group, c.user, c.second, c.text} {
			if !utf8.ValidString(text) || len(text) > maxID {
				return false // it is refused before it is digested, or its beginning is
			}
		}
		return c.group != ""
	}
	f.Fuzz(func(t *testing.T, op uint8, group, user, second, text string, d int64, op2 uint8, group2, user2, second2, text2 string, d2 int64) {
		a := call{ops[op%8], op >= 128, group, user, second, text, d}
		b := call{ops[op2%8], op2 >= 128, group2, user2, second2, text2, d2}
		if valid(a) && valid(b) {
			require.Equal(t, a == b, string(print(t, a, "x", "")) == string(print(t, b, "y", "why")), "%+v\n%+v", a, b)
		}
	})
}
