package rest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"groupkit"
)

func testCall() *call {
	r := httptest.NewRequest("GET", "/O/A/chatgroups/G/share_files/F?x=1", nil)
	return &call{asked: r, r: r, org: "O", name: "A", h: &Handler{}, caller: Caller{System: true}}
}

// Every error of the engine on the wire, literally.
func TestFaultOf(t *testing.T) {
	t.Parallel()
	const exceeded, refused = "exceed_limit", "forbidden_op"
	const full = "members size is greater than max user size !"
	for _, row := range []struct {
		op          groupkit.Op
		err         error
		byUser      bool // the user of the error calls, not the application
		status      int
		code        string
		description string
	}{
		{groupkit.OpGroup, groupkit.ErrGroupNotFound, false, 404, "service_resource_not_found", "do not find this group:G"},
		{groupkit.OpListMembers, groupkit.ErrGroupNotFound, false, 404, "service_resource_not_found", "do not find this group:G"},
		{groupkit.OpListFiles, groupkit.ErrGroupNotFound, false, 404, "resource_not_found", "grpID G does not exist!"},
		{groupkit.OpAddMembers, groupkit.ErrGroupNotFound, false, 404, "resource_not_found", "grpID G does not exist!"},
		{groupkit.OpAddMembers, groupkit.ErrUserNotFound, false, 404, "resource_not_found", "username U doesn't exist!"},
		{groupkit.OpCreateGroup, groupkit.ErrUserNotFound, false, 404, "resource_not_found", "username U doesn't exist!"},
		{groupkit.OpOpenFile, groupkit.ErrFileNotFound, false, 404, "not_found", "null for uri: http://example.com/O/A/chatgroups/G/share_files/F?x=1"},
		{groupkit.OpOpenFile, groupkit.ErrContentAbsent, false, 404, "not_found", "null for uri: http://example.com/O/A/chatgroups/G/share_files/F?x=1"},
		{groupkit.OpApproveRequests, groupkit.ErrRequestNotFound, false, 404, "resource_not_found", "user: U has not applied to join group: G"},
		{groupkit.OpAcceptInvitation, groupkit.ErrInvitationNotFound, true, 404, "resource_not_found", "user: U is not invited to group: G"},

		{groupkit.OpRemoveMembers, groupkit.ErrNotMember, false, 403, refused, "users [U] are not members of this group!"},
		{groupkit.OpBlockUsers, groupkit.ErrNotMember, false, 403, refused, "users [U] are not members of this group!"},
		{groupkit.OpBlockUsers, groupkit.ErrBlacklisted, false, 403, refused, "users [U] are not members of this group!"},
		{groupkit.OpAllowUsers, groupkit.ErrNotMember, false, 403, refused, "users [U] are not members of this group!"},
		{groupkit.OpMuteUsers, groupkit.ErrNotMember, false, 400, "invalid_parameter", "users [U] are not members of this group!"},
		{groupkit.OpAddAdmin, groupkit.ErrNotMember, false, 404, "resource_not_found", "user: U doesn't exist in group: G"},
		{groupkit.OpRemoveAdmin, groupkit.ErrNotMember, false, 403, refused, "user:U is not admin of group:G"},
		{groupkit.OpTransferGroup, groupkit.ErrNotMember, false, 403, refused, "user: U doesn't exist in group: G"},
		{groupkit.OpLeave, groupkit.ErrNotMember, true, 403, refused, "users [U] are not members of this group!"},
		{groupkit.OpUnblockUsers, groupkit.ErrNotBlacklisted, false, 403, refused, "users [U] are not members of this group!"},
		{groupkit.OpAddAdmin, groupkit.ErrAlreadyAdmin, false, 403, refused, "user:U is already admin of group:G"},
		{groupkit.OpRemoveAdmin, groupkit.ErrNotAdmin, false, 403, refused, "user:U is not admin of group:G"},
		{groupkit.OpRemoveAdmin, groupkit.ErrIsOwner, false, 403, refused, "user:U is not admin of group:G"},
		{groupkit.OpAddAdmin, groupkit.ErrIsOwner, false, 403, refused, "forbidden operation on group owner!"},
		{groupkit.OpMuteUsers, groupkit.ErrIsOwner, false, 403, refused, "forbidden operation on group owner!"},
		{groupkit.OpBlockUsers, groupkit.ErrIsOwner, false, 403, refused, "forbidden operation on group owner!"},
		{groupkit.OpRemoveMembers, groupkit.ErrIsOwner, false, 403, refused, "forbidden operation on group owner!"},
		{groupkit.OpTransferGroup, groupkit.ErrIsOwner, false, 403, refused, "new owner and old owner are the same"},
		{groupkit.OpLeave, groupkit.ErrIsOwner, true, 403, refused, "owner can not quit group"},
		{groupkit.OpAddMembers, groupkit.ErrAlreadyMember, false, 403, refused, "can not join this group, reason:user: U already in group: G\n"},
		{groupkit.OpJoin, groupkit.ErrAlreadyMember, true, 403, refused, "can not join this group, reason:user: U already in group: G\n"},
		{groupkit.OpAddMembers, groupkit.ErrBlacklisted, false, 403, refused, "can not join this group, reason:user: U is in the blacklist of group: G"},
		{groupkit.OpInviteUsers, groupkit.ErrBlacklisted, false, 403, refused, "can not join this group, reason:user: U is in the blacklist of group: G"},
		{groupkit.OpJoin, groupkit.ErrBlacklisted, true, 403, refused, "can not join this group, reason:user: U is in the blacklist of group: G"},
		{groupkit.OpAcceptInvitation, groupkit.ErrBlacklisted, true, 403, refused, "can not join this group, reason:user: U is in the blacklist of group: G"},
		{groupkit.OpAllowUsers, groupkit.ErrAlreadyAllowed, false, 403, refused, "user: U is already in the white list of group: G"},
		{groupkit.OpDisallowUsers, groupkit.ErrNotAllowed, false, 403, refused, "users [U] are not in the white list of this group!"},

		{groupkit.OpInviteUsers, groupkit.ErrBlacklisted, true, 403, refused, "you have no permission to do this, on the blacklist of the group"},
		{groupkit.OpGroup, groupkit.ErrBlacklisted, true, 403, refused, "you have no permission to do this, on the blacklist of the group"},
		{groupkit.OpRemoveMembers, groupkit.ErrNotMember, true, 403, refused, "you have no permission to do this, not a member of the group"},
		{groupkit.OpMuteUsers, groupkit.ErrRoleTooLow, true, 403, refused, "you have no permission to do this, role is too low"},
		{groupkit.OpMuteUsers, groupkit.ErrRoleTooLow, false, 403, refused, "you have no permission to do this, role is too low"},
		{groupkit.OpAddMembers, groupkit.ErrSystemOnly, true, 403, refused, "you have no permission to do this, only the system may do this"},
		{groupkit.OpAddMembers, groupkit.ErrVetoed, true, 403, refused, "you have no permission to do this, refused by the application"},
		{groupkit.OpSpeak, groupkit.ErrMuted, true, 403, refused, "you have no permission to do this, forbidden"},

		{groupkit.OpAddMembers, groupkit.ErrGroupFull, false, 403, exceeded, full},
		{groupkit.OpCreateGroup, groupkit.ErrGroupFull, false, 403, exceeded, full},
		{groupkit.OpCreateGroup, groupkit.ErrBatchTooLarge, false, 403, exceeded, full},
		{groupkit.OpAddMembers, groupkit.ErrBatchTooLarge, false, 403, exceeded, full},
		{groupkit.OpJoin, groupkit.ErrGroupFull, true, 403, refused, "group member list is full!"},
		{groupkit.OpAcceptInvitation, groupkit.ErrGroupFull, true, 403, refused, "group member list is full!"},
		{groupkit.OpApproveRequests, groupkit.ErrGroupFull, false, 403, refused, "group member list is full!"},
		{groupkit.OpAddMembers, groupkit.ErrTooManyJoined, false, 403, exceeded, "user U has joined too many groups!"},
		{groupkit.OpCreateGroup, groupkit.ErrTooManyGroups, false, 403, exceeded, "appKey:O#A has create too many groups!"},
		{groupkit.OpAddAdmin, &groupkit.LimitError{Err: groupkit.ErrTooManyAdmins, Value: 101, Max: 100}, false, 403, exceeded, "admins size is greater than max limit : 100"},
		{groupkit.OpBlockUsers, batchOf61, false, 400, "invalid_parameter", "userNames is more than max limit : 60"},
		{groupkit.OpRemoveMembers, batchOf61, false, 400, "invalid_parameter", "kickMember: kickMembers number more than maxSize : 60"},
		{groupkit.OpUnblockUsers, batchOf61, false, 400, "invalid_parameter", "removeBlacklist: list size more than max limit : 60"},
		{groupkit.OpMuteUsers, batchOf61, false, 400, "invalid_parameter", "userNames size is more than max limit : 60"},
		{groupkit.OpUnmuteUsers, batchOf61, false, 400, "invalid_parameter", "removeMute member size more than max limit : 60"},
		{groupkit.OpAllowUsers, batchOf61, false, 400, "invalid_parameter", "usernames size is more than max limit : 60"},
		{groupkit.OpDisallowUsers, batchOf61, false, 400, "invalid_parameter", "removeWhitelist size is more than max limit : 60"},
		{groupkit.OpInviteUsers, batchOf61, false, 400, "invalid_parameter", "usernames size is more than max limit : 60"},
		{groupkit.OpGroup, batchOf61, false, 400, "invalid_parameter", "groupIds size is more than max limit : 60"},
		{groupkit.OpUploadFile, groupkit.ErrFileTooLarge, false, 413, "Request Entity Too Large", "Request Entity Too Large"},
		{groupkit.OpUploadFile, &groupkit.LimitError{Err: groupkit.ErrTooManyFiles, Max: 9}, false, 403, exceeded, "share files size is greater than max limit : 9"},
		{groupkit.OpJoin, &groupkit.LimitError{Err: groupkit.ErrTooManyRequests, Max: 9}, true, 403, exceeded, "applies size is greater than max limit : 9"},
		{groupkit.OpInviteUsers, &groupkit.LimitError{Err: groupkit.ErrTooManyInvitations, Max: 9}, false, 403, exceeded, "invitations size is greater than max limit : 9"},
		{groupkit.OpMuteUsers, &groupkit.LimitError{Err: groupkit.ErrListFull, Max: 9}, false, 403, exceeded, "list size is greater than max limit : 9"},

		{groupkit.OpCreateGroup, groupkit.ErrGroupExists, false, 400, "illegal_argument", "group ID G already exists!"},
		{groupkit.OpUpdateGroup, &groupkit.VersionError{Current: 2, Want: 1}, false, 412, "precondition_failed", "If-Match is not of this history or version"},
		{groupkit.OpUpdateGroup, groupkit.ErrKeyReused, false, 422, "idempotency_key_reused", "Idempotency-Key was used for another request"},

		{groupkit.OpUpdateGroup, &groupkit.FieldError{Field: groupkit.FieldName, Why: "is long", Max: 128}, false, 403, exceeded, "groupname length is more than max limit : 128"},
		{groupkit.OpUpdateGroup, &groupkit.FieldError{Field: groupkit.FieldDescription, Why: "is long", Max: 512}, false, 403, exceeded, "description length is more than max limit : 512"},
		{groupkit.OpUpdateGroup, &groupkit.FieldError{Field: groupkit.FieldCustom, Why: "is long", Max: 8192}, false, 403, exceeded, "custom length is more than max limit : 8192"},
		{groupkit.OpUpdateGroup, &groupkit.FieldError{Field: groupkit.FieldAvatar, Why: "is long", Max: 1024}, false, 400, "invalid_parameter", "avatar length is too big"},
		{groupkit.OpSetAnnouncement, &groupkit.FieldError{Field: groupkit.FieldAnnouncement, Why: "is long", Max: 512}, false, 403, "FORBIDDEN", "announce info length exceeds limit!"},
		{groupkit.OpSetAnnouncement, &groupkit.FieldError{Field: groupkit.FieldAnnouncement, Why: "is bad"}, false, 400, "invalid_parameter", "announcement is bad"},
		{groupkit.OpUpdateGroup, &groupkit.FieldError{Field: groupkit.FieldMaxUsers, Why: "is 0"}, false, 400, "invalid_parameter", "maxusers is 0"},
		{groupkit.OpUpdateGroup, &groupkit.FieldError{Field: groupkit.FieldGroup, Why: "is bad"}, false, 404, "resource_not_found", "grpID G does not exist!"},
		{groupkit.OpGroup, &groupkit.FieldError{Field: groupkit.FieldGroup, Why: "is bad"}, false, 404, "service_resource_not_found", "do not find this group:G"},
		{groupkit.OpCreateGroup, &groupkit.FieldError{Field: groupkit.FieldGroup, Why: "is bad"}, false, 400, "invalid_parameter", "groupid is bad"},
		{groupkit.OpUpdateGroup, groupkit.ErrInvalid, false, 400, "invalid_parameter", `update group: user "U" in group "G": invalid argument`},

		{groupkit.OpGroup, groupkit.ErrStorage, false, 503, "service_unavailable", "Service Unavailable"},
		{groupkit.OpGroup, groupkit.ErrCorrupt, false, 503, "service_unavailable", "Service Unavailable"},
		{groupkit.OpGroup, groupkit.ErrClosed, false, 503, "service_unavailable", "Service Unavailable"},
		{groupkit.OpMuteGroup, groupkit.ErrReadOnly, false, 503, "service_unavailable", "Service Unavailable"},
		{groupkit.OpGroup, groupkit.ErrClock, false, 503, "service_unavailable", "Service Unavailable"},
		{groupkit.OpGroup, groupkit.ErrNested, false, 503, "service_unavailable", "Service Unavailable"},
		{groupkit.OpGroup, groupkit.ErrUnknownOutcome, false, 503, "service_unavailable", "Service Unavailable"},
		{groupkit.OpGroup, context.DeadlineExceeded, false, 503, "service_unavailable", "Service Unavailable"},
	} {
		t.Run(fmt.Sprintf("%s/%v", row.op, row.err), func(t *testing.T) {
			t.Parallel()
			c := testCall()
			if row.byUser {
				c.caller = Caller{User: "U"}
			}
			f := faultOf(c, &groupkit.Error{Op: row.op, Group: "G", User: "U", Err: row.err}, nil)
			require.Equal(t, &fault{row.status, row.code, row.description}, f)
		})
	}
	c := testCall()
	require.Equal(t, unavailable, faultOf(c, errors.New("x"), nil))
	require.Equal(t, tooLarge, faultOf(c, fmt.Errorf("read: %w", &http.MaxBytesError{Limit: 1}), nil))
	require.Equal(t, badToken, faultOf(c, badToken, nil))
	require.Equal(t, noFile, faultOf(c, &groupkit.Error{Op: groupkit.OpUploadFile, Err: noFile}, nil), "the error of the reader of an upload")
}

var batchOf61 = &groupkit.LimitError{Err: groupkit.ErrBatchTooLarge, Value: 61, Max: 60}

// Every rule is needed: none is hidden by one before it.
func TestRules_Reachable(t *testing.T) {
	t.Parallel()
	for i, r := range rules {
		reached := false
		for _, op := range append(ops{"another operation"}, r.ops...) {
			for _, caller := range []Caller{{System: true}, {User: "U"}} {
				c := testCall()
				c.caller = caller
				err := &groupkit.Error{Op: op, Group: "G", User: "U", Err: r.err}
				reached = reached || ruleOf(c, err, err) == &rules[i]
			}
		}
		require.True(t, reached, "rule %d: %v %v", i, r.err, r.ops)
	}
}

func TestException(t *testing.T) {
	t.Parallel()
	const prefix = "com.easemob.group.exception."
	for code, want := range map[string]string{
		"group_authorization":                prefix + "GroupAuthorizationException",
		"service_resource_not_found":         prefix + "ServiceResourceNotFoundException",
		"resource_not_found":                 prefix + "ResourceNotFoundException",
		"forbidden_op":                       prefix + "ForbiddenOpException",
		"exceed_limit":                       prefix + "ExceedLimitException",
		"invalid_parameter":                  prefix + "InvalidParameterException",
		"organization_application_not_found": prefix + "OrganizationApplicationNotFoundException",
		"FORBIDDEN":                          prefix + "ForbiddenException",
		"Request Entity Too Large":           prefix + "RequestEntityTooLargeException",
		"illegal_argument":                   "java.lang.IllegalArgumentException",
		"not_found":                          "com.sun.jersey.api.NotFoundException",
	} {
		require.Equal(t, want, exception(code))
	}
}
