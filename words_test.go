package groupkit_test

import (
	"encoding"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"groupkit"
)

// requireWords checks that the words of a type are these, by number, and no others. "" is a number
// without a word.
func requireWords[T interface {
	~uint8
	encoding.TextMarshaler
}, P interface {
	*T
	encoding.TextUnmarshaler
}](t *testing.T, words ...string) {
	t.Helper()
	for n := range 256 {
		text, err := T(n).MarshalText()
		if n >= len(words) || words[n] == "" {
			require.ErrorIs(t, err, groupkit.ErrInvalid, "%T %d is %s", T(n), n, text)
			continue
		}
		require.NoError(t, err)
		require.Equal(t, words[n], string(text))
		got := T(255)
		require.NoError(t, P(&got).UnmarshalText(text))
		require.Equal(t, T(n), got)
	}
	for _, text := range []string{"", "unknown", "7", strings.ToUpper(words[len(words)-1]), strings.Repeat("x", 1<<16)} {
		got := T(1)
		err := P(&got).UnmarshalText([]byte(text))
		require.ErrorIs(t, err, groupkit.ErrInvalid)
		require.ErrorContains(t, err, "has the unknown word ")
		require.Less(t, len(err.Error()), 400)
		require.Equal(t, T(1), got, "is left as it is")
	}
}

// TestWords pins the words by which programs know the numbers. They never change.
func TestWords(t *testing.T) {
	t.Parallel()
	requireWords[groupkit.EventKind](t, "", "group_created", "group_updated", "group_deleted", "owner_changed", "admin_added", "admin_removed",
		"member_joined", "member_left", "join_requested", "request_approved", "request_declined", "request_cancelled", "request_expired",
		"member_invited", "invitation_accepted", "invitation_declined", "invitation_cancelled", "invitation_expired",
		"member_blocked", "member_unblocked", "block_expired", "member_muted", "member_unmuted", "mute_expired", "group_muted", "group_unmuted",
		"member_allowed", "member_disallowed", "announcement_changed", "file_added", "file_deleted", "checkpoint", "pseudonymized", "repaired")
	requireWords[groupkit.Cause](t, "none", "created", "added", "direct", "invited", "approved", "left", "removed", "blocked", "forgotten")
	requireWords[groupkit.Role](t, "outsider", "member", "admin", "owner")
	requireWords[groupkit.Outcome](t, "none", "joined", "requested", "invited", "done")
	requireWords[groupkit.OwnedPolicy](t, "refuse", "succeed", "delete")
	requireWords[groupkit.OwnerPolicy](t, "refuse", "succeed")
	requireWords[groupkit.Durability](t, "always", "interval", "never")
	requireWords[groupkit.Invariant](t, "", "one_owner", "counts_exact", "lists_disjoint", "mutes_in_bounds", "users_agree", "deleted_is_gone",
		"files_whole", "log_complete", "views_agree", "inviters_may_invite")
}

// Every kind that has a text has a word.
func TestWords_EveryKind(t *testing.T) {
	t.Parallel()
	for n := range 256 {
		kind := groupkit.EventKind(n)
		_, err := kind.MarshalText()
		require.Equal(t, kind.String() != "unknown", err == nil, "kind %d", n)
		_, err = groupkit.Cause(n).MarshalText()
		require.Equal(t, groupkit.Cause(n).String() != "unknown", err == nil, "cause %d", n)
		_, err = groupkit.Invariant(n).MarshalText()
		require.Equal(t, groupkit.Invariant(n).String() != "unknown", err == nil, "invariant %d", n)
	}
	require.Equal(t, "succeed unknown delete interval", fmt.Sprint(groupkit.OwnerSucceed, " ", groupkit.OwnerPolicy(9), " ", groupkit.OwnedDelete, " ", groupkit.SyncInterval))
}

// constantsOf returns the values of all constants of a type in the files of the package.
func constantsOf(t *testing.T, typ string) (values []string) {
	entries, err := os.ReadDir(".")
	require.NoError(t, err)
	for _, entry := range entries {
		if !strings.HasSuffix(entry.Name(), ".go") || strings.HasSuffix(entry.Name(), "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), entry.Name(), nil, 0)
		require.NoError(t, err)
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok || !spec.Names[0].IsExported() {
				return true
			}
			if id, ok := spec.Type.(*ast.Ident); ok && id.Name == typ {
				text, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
				require.NoError(t, err)
				values = append(values, text)
			}
			return true
		})
	}
	return values
}

// The words of operations and fields are made of letters and underscores, and lead back.
func TestWords_OpsAndFields(t *testing.T) {
	t.Parallel()
	ops, fields := constantsOf(t, "Op"), constantsOf(t, "Field")
	require.Greater(t, len(ops), 50)
	require.Greater(t, len(fields), 20)
	seen := make(map[string]bool)
	for _, name := range ops {
		word, err := groupkit.Op(name).MarshalText()
		require.NoError(t, err)
		require.Regexp(t, `^[a-z]+(_[a-z]+)*$`, string(word))
		require.False(t, seen[string(word)], name)
		seen[string(word)] = true
		var back groupkit.Op
		require.NoError(t, back.UnmarshalText(word))
		require.EqualValues(t, name, back)
	}
	clear(seen)
	for _, name := range fields {
		word, err := groupkit.Field(name).MarshalText()
		require.NoError(t, err)
		require.Regexp(t, `^[a-z]+(_[a-z]+)*$`, string(word))
		require.False(t, seen[string(word)], name)
		seen[string(word)] = true
		var back groupkit.Field
		require.NoError(t, back.UnmarshalText(word))
		require.EqualValues(t, name, back)
	}
	var field groupkit.Field
	require.NoError(t, field.UnmarshalText([]byte("my own field_1")))
	require.EqualValues(t, "my own field_1", field, "a field of the application")
}

// Words are keys of maps and texts of any encoding that knows them.
func TestWords_InJSON(t *testing.T) {
	t.Parallel()
	text, err := json.Marshal(map[groupkit.EventKind]groupkit.Role{groupkit.AdminAdded: groupkit.RoleAdmin})
	require.NoError(t, err)
	require.JSONEq(t, `{"admin_added":"admin"}`, string(text))
	var e groupkit.Event
	require.EqualError(t, json.Unmarshal([]byte(`{"kind":"group_exploded"}`), &e), `kind has the unknown word "group_exploded"`)
	require.EqualError(t, json.Unmarshal([]byte(`{"cause":"magic"}`), &e), `cause has the unknown word "magic"`)
	var s groupkit.Snapshot
	require.EqualError(t, json.Unmarshal([]byte(`{"members":[{"role":"king"}]}`), &s), `role has the unknown word "king"`)
	require.ErrorContains(t, json.Unmarshal([]byte(`{"kind":7}`), &e), "cannot unmarshal number into Go struct field")
	_, err = json.Marshal(groupkit.Event{})
	require.ErrorIs(t, err, groupkit.ErrInvalid, "an event without a kind")
}
