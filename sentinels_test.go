package groupkit_test

import (
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
)

// codes are the codes of all sentinels. Programs depend on them: none ever changes.
var codes = map[string]struct {
	sentinel error
	code     string
}{
	"ErrNotFound":           {groupkit.ErrNotFound, "not_found"},
	"ErrForbidden":          {groupkit.ErrForbidden, "forbidden"},
	"ErrLimit":              {groupkit.ErrLimit, "limit_reached"},
	"ErrInvalid":            {groupkit.ErrInvalid, "invalid_argument"},
	"ErrConflict":           {groupkit.ErrConflict, "conflict"},
	"ErrStorage":            {groupkit.ErrStorage, "storage_failed"},
	"ErrGroupNotFound":      {groupkit.ErrGroupNotFound, "group_not_found"},
	"ErrUserNotFound":       {groupkit.ErrUserNotFound, "user_not_found"},
	"ErrFileNotFound":       {groupkit.ErrFileNotFound, "file_not_found"},
	"ErrContentAbsent":      {groupkit.ErrContentAbsent, "content_absent"},
	"ErrRequestNotFound":    {groupkit.ErrRequestNotFound, "request_not_found"},
	"ErrInvitationNotFound": {groupkit.ErrInvitationNotFound, "invitation_not_found"},
	"ErrNotMember":          {groupkit.ErrNotMember, "not_member"},
	"ErrAlreadyMember":      {groupkit.ErrAlreadyMember, "already_member"},
	"ErrIsOwner":            {groupkit.ErrIsOwner, "is_owner"},
	"ErrRoleTooLow":         {groupkit.ErrRoleTooLow, "role_too_low"},
	"ErrBlacklisted":        {groupkit.ErrBlacklisted, "blacklisted"},
	"ErrNotBlacklisted":     {groupkit.ErrNotBlacklisted, "not_blacklisted"},
	"ErrMuted":              {groupkit.ErrMuted, "muted"},
	"ErrGroupMuted":         {groupkit.ErrGroupMuted, "group_muted"},
	"ErrNotMuted":           {groupkit.ErrNotMuted, "not_muted"},
	"ErrAlreadyAdmin":       {groupkit.ErrAlreadyAdmin, "already_admin"},
	"ErrNotAdmin":           {groupkit.ErrNotAdmin, "not_admin"},
	"ErrAlreadyAllowed":     {groupkit.ErrAlreadyAllowed, "already_allowed"},
	"ErrNotAllowed":         {groupkit.ErrNotAllowed, "not_allowed"},
	"ErrSystemOnly":         {groupkit.ErrSystemOnly, "system_only"},
	"ErrVetoed":             {groupkit.ErrVetoed, "vetoed"},
	"ErrGroupFull":          {groupkit.ErrGroupFull, "group_full"},
	"ErrTooManyAdmins":      {groupkit.ErrTooManyAdmins, "too_many_admins"},
	"ErrTooManyGroups":      {groupkit.ErrTooManyGroups, "too_many_groups"},
	"ErrTooManyJoined":      {groupkit.ErrTooManyJoined, "too_many_joined"},
	"ErrBatchTooLarge":      {groupkit.ErrBatchTooLarge, "batch_too_large"},
	"ErrFileTooLarge":       {groupkit.ErrFileTooLarge, "file_too_large"},
	"ErrTooManyFiles":       {groupkit.ErrTooManyFiles, "too_many_files"},
	"ErrTooManyRequests":    {groupkit.ErrTooManyRequests, "too_many_requests"},
	"ErrTooManyInvitations": {groupkit.ErrTooManyInvitations, "too_many_invitations"},
	"ErrListFull":           {groupkit.ErrListFull, "list_full"},
	"ErrVersion":            {groupkit.ErrVersion, "version_changed"},
	"ErrGroupExists":        {groupkit.ErrGroupExists, "group_exists"},
	"ErrKeyReused":          {groupkit.ErrKeyReused, "key_reused"},
	"ErrForeignContents":    {groupkit.ErrForeignContents, "foreign_contents"},
	"ErrNotEmpty":           {groupkit.ErrNotEmpty, "not_empty"},
	"ErrUnfinished":         {groupkit.ErrUnfinished, "unfinished"},
	"ErrClosed":             {groupkit.ErrClosed, "closed"},
	"ErrReadOnly":           {groupkit.ErrReadOnly, "read_only"},
	"ErrClock":              {groupkit.ErrClock, "clock_out_of_range"},
	"ErrCorrupt":            {groupkit.ErrCorrupt, "corrupt"},
	"ErrNested":             {groupkit.ErrNested, "nested"},
	"ErrUnknownOutcome":     {groupkit.ErrUnknownOutcome, "unknown_outcome"},
}

func TestCode(t *testing.T) {
	t.Parallel()
	t.Run("of every sentinel", func(t *testing.T) {
		t.Parallel()
		seen := make(map[string]bool)
		for name, c := range codes {
			require.False(t, seen[c.code], "%s", name)
			seen[c.code] = true
			require.Equal(t, c.code, groupkit.Code(c.sentinel), "%s", name)
			require.Equal(t, c.code, groupkit.Code(fmt.Errorf("outside: %w", &groupkit.Error{Err: c.sentinel})), "%s", name)
		}
	})
	t.Run("of none is forgotten", func(t *testing.T) {
		t.Parallel()
		require.Equal(t, slices.Sorted(maps.Keys(codes)), declaredSentinels(t))
	})
	t.Run("of an error that names its sentinel", func(t *testing.T) {
		t.Parallel()
		for code, err := range map[string]error{
			"list_full":        &groupkit.LimitError{Err: groupkit.ErrListFull},
			"invalid_argument": &groupkit.FieldError{Field: groupkit.FieldName},
			"muted":            &groupkit.MutedError{},
			"group_muted":      &groupkit.MutedError{WholeGroup: true},
			"version_changed":  &groupkit.VersionError{},
			"is_owner":         &groupkit.OwnsError{Groups: []groupkit.GroupID{"guild"}},
		} {
			require.Equal(t, code, groupkit.Code(err))
		}
	})
	t.Run("of several causes is that of the first", func(t *testing.T) {
		t.Parallel()
		s := grouptest.NewFixture(t, groupkit.Options{})
		_, err := s.Engine.As("bob").RemoveMembers(t.Context(), s.ID, grouptest.IDs{"ivan", "ben"})
		require.Equal(t, "not_member", groupkit.Code(err))
		require.Equal(t, "vetoed", groupkit.Code(fmt.Errorf("%w: %w", groupkit.ErrVetoed, groupkit.ErrMuted)))
	})
	t.Run("of what is not the engine's", func(t *testing.T) {
		t.Parallel()
		for _, err := range []error{nil, context.Canceled, errors.New("group_full")} {
			require.Empty(t, groupkit.Code(err))
		}
	})
}

// declaredSentinels are the names of all exported errors of the package, in order.
func declaredSentinels(t *testing.T) (names []string) {
	files, err := os.ReadDir(".")
	require.NoError(t, err)
	for _, file := range files {
		if name := file.Name(); !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file.Name(), nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		for _, decl := range parsed.Decls {
			if vars, ok := decl.(*ast.GenDecl); ok && vars.Tok == token.VAR {
				names = append(names, sentinelNames(vars)...)
			}
		}
	}
	slices.Sort(names)
	return names
}

func sentinelNames(vars *ast.GenDecl) (names []string) {
	for _, spec := range vars.Specs {
		for _, ident := range spec.(*ast.ValueSpec).Names {
			if strings.HasPrefix(ident.Name, "Err") {
				names = append(names, ident.Name)
			}
		}
	}
	return names
}
