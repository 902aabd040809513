package rest

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"groupkit"
)

// A fault is an error as the wire has it.
type fault struct {
	status      int
	code        string // "error"
	description string
}

func (f *fault) Error() string { return f.code + ": " + f.description }

// The faults that say nothing of the request.
var (
	blankToken     = &fault{401, "group_authorization", "token is blank!"}
	badToken       = &fault{401, "group_authorization", "this token is bad, or has expired!"}
	noFile         = &fault{400, "illegal_argument", "file must be provided."}
	noAnnouncement = &fault{400, "illegal_argument", "announcement is null"}
	noPublic       = &fault{400, "invalid_parameter", "group must contain public field!"}
	tooLarge       = &fault{413, "Request Entity Too Large", "Request Entity Too Large"}
	notJSON        = &fault{415, "web_application", "Unsupported Media Type"}
	badRange       = &fault{416, "invalid_parameter", "the file does not have this range"}
	tooManyCalls   = &fault{429, "reach_limit", "This request has reached api limit"}
	wrongMethod    = &fault{405, "method_not_allowed", "Method Not Allowed"}
	failed         = &fault{500, "internal_server_error", "Internal Server Error"}
	unavailable    = &fault{503, "service_unavailable", "Service Unavailable"}
	otherHistory   = &fault{412, "precondition_failed", "If-Match is not of this history or version"}
	unknownUser    = &fault{404, "service_resource_not_found", "Service resource not found"}
	membersTooMany = &fault{403, "exceed_limit", tooManyMembers}
	wrongClient    = &fault{400, "invalid_grant", "client_id does not match"}
	wrongSecret    = &fault{400, "invalid_grant", "client_secret does not match"}
	wrongPassword  = &fault{400, "invalid_grant", "invalid username or password"}
)

// The texts that several rules have.
const (
	tooManyMembers  = "members size is greater than max user size !"
	notMembers      = "users [{users}] are not members of this group!"
	notInGroup      = "user: {user} doesn't exist in group: {group}"
	noPermission    = "you have no permission to do this, {why}"
	blacklisted     = "can not join this group, reason:user: {user} is in the blacklist of group: {group}"
	notAdmin        = "user:{user} is not admin of group:{group}"
	onOwner         = "forbidden operation on group owner!"
	groupNotThere   = "grpID {group} does not exist!"
	groupNotFound   = "do not find this group:{group}"
	usersMoreThan   = "usernames size is more than max limit : {max}"
	fieldMoreThan   = "{field} length is more than max limit : {max}"
	announceTooLong = "announce info length exceeds limit!"
)

func noRoute(c *call) error { return &fault{404, "not_found", "null for uri: " + c.url()} }

func noApp(c *call) error {
	return &fault{404, "organization_application_not_found", "Could not find application for " +
		c.org + "/" + c.name + " from URI: " + strings.TrimPrefix(c.at.path, "/")}
}

func forbidden(why string) error {
	return &fault{403, "forbidden_op", strings.Replace(noPermission, "{why}", why, 1)}
}

func missing(field string) error {
	return &fault{400, "invalid_parameter", field + " must be provided"}
}

func invalid(description string) error { return &fault{400, "invalid_parameter", description} }

func badJSON(why string) error { return &fault{400, "json_parse", why} }

// whom says whom an error of the engine is about.
type whom uint8

const (
	anybody whom = iota
	actor        // the user who calls
	target       // somebody else, or the application calls
)

// A rule turns one error of the engine into a fault.
type rule struct {
	err    error
	ops    []groupkit.Op // empty: all
	whom   whom
	status int
	code   string
	text   string // {user}, {users}, {group}, {app}, {max}, {why} and {url} are replaced
}

type ops = []groupkit.Op

// rules are all errors of the engine on the wire. The first rule that fits applies.
var rules = []rule{
	{groupkit.ErrGroupNotFound, ops{groupkit.OpGroup, groupkit.OpListMembers}, anybody, 404, "service_resource_not_found", groupNotFound},
	{groupkit.ErrGroupNotFound, nil, anybody, 404, "resource_not_found", groupNotThere},
	{groupkit.ErrUserNotFound, nil, anybody, 404, "resource_not_found", "username {user} doesn't exist!"},
	{groupkit.ErrFileNotFound, nil, anybody, 404, "not_found", "null for uri: {url}"},
	{groupkit.ErrContentAbsent, nil, anybody, 404, "not_found", "null for uri: {url}"},
	{groupkit.ErrRequestNotFound, nil, anybody, 404, "resource_not_found", "user: {user} has not applied to join group: {group}"},
	{groupkit.ErrInvitationNotFound, nil, anybody, 404, "resource_not_found", "user: {user} is not invited to group: {group}"},

	{groupkit.ErrBlacklisted, ops{groupkit.OpJoin, groupkit.OpAcceptInvitation}, anybody, 403, "forbidden_op", blacklisted},
	{groupkit.ErrBlacklisted, ops{groupkit.OpAddMembers, groupkit.OpInviteUsers, groupkit.OpApproveRequests}, target, 403, "forbidden_op", blacklisted},
	{groupkit.ErrBlacklisted, ops{groupkit.OpBlockUsers}, target, 403, "forbidden_op", notMembers},
	{groupkit.ErrBlacklisted, nil, anybody, 403, "forbidden_op", noPermission},

	{groupkit.ErrAlreadyMember, nil, anybody, 403, "forbidden_op", "can not join this group, reason:user: {user} already in group: {group}\n"},
	{groupkit.ErrNotMember, ops{groupkit.OpAddAdmin}, target, 404, "resource_not_found", notInGroup},
	{groupkit.ErrNotMember, ops{groupkit.OpRemoveAdmin}, target, 403, "forbidden_op", notAdmin},
	{groupkit.ErrNotMember, ops{groupkit.OpTransferGroup}, target, 403, "forbidden_op", notInGroup},
	{groupkit.ErrNotMember, ops{groupkit.OpMuteUsers}, target, 400, "invalid_parameter", notMembers},
	{groupkit.ErrNotMember, ops{groupkit.OpRemoveMembers, groupkit.OpBlockUsers, groupkit.OpAllowUsers}, target, 403, "forbidden_op", notMembers},
	{groupkit.ErrNotMember, ops{groupkit.OpLeave}, anybody, 403, "forbidden_op", notMembers},
	{groupkit.ErrNotBlacklisted, nil, anybody, 403, "forbidden_op", notMembers},
	{groupkit.ErrAlreadyAdmin, nil, anybody, 403, "forbidden_op", "user:{user} is already admin of group:{group}"},
	{groupkit.ErrNotAdmin, nil, anybody, 403, "forbidden_op", notAdmin},
	{groupkit.ErrAlreadyAllowed, nil, anybody, 403, "forbidden_op", "user: {user} is already in the white list of group: {group}"},
	{groupkit.ErrNotAllowed, nil, anybody, 403, "forbidden_op", "users [{users}] are not in the white list of this group!"},
	{groupkit.ErrIsOwner, ops{groupkit.OpTransferGroup}, anybody, 403, "forbidden_op", "new owner and old owner are the same"},
	{groupkit.ErrIsOwner, ops{groupkit.OpLeave}, anybody, 403, "forbidden_op", "owner can not quit group"},
	{groupkit.ErrIsOwner, ops{groupkit.OpRemoveAdmin}, anybody, 403, "forbidden_op", notAdmin},
	{groupkit.ErrIsOwner, nil, anybody, 403, "forbidden_op", onOwner},

	{groupkit.ErrGroupFull, ops{groupkit.OpJoin, groupkit.OpAcceptInvitation, groupkit.OpApproveRequests, groupkit.OpInviteUsers}, anybody, 403, "forbidden_op", "group member list is full!"},
	{groupkit.ErrGroupFull, nil, anybody, 403, "exceed_limit", tooManyMembers},
	{groupkit.ErrTooManyJoined, nil, anybody, 403, "exceed_limit", "user {user} has joined too many groups!"},
	{groupkit.ErrTooManyGroups, nil, anybody, 403, "exceed_limit", "appKey:{app} has create too many groups!"},
	{groupkit.ErrTooManyAdmins, nil, anybody, 403, "exceed_limit", "admins size is greater than max limit : {max}"},
	{groupkit.ErrBatchTooLarge, ops{groupkit.OpCreateGroup, groupkit.OpAddMembers}, anybody, 403, "exceed_limit", tooManyMembers},
	{groupkit.ErrBatchTooLarge, ops{groupkit.OpBlockUsers}, anybody, 400, "invalid_parameter", "userNames is more than max limit : {max}"},
	{groupkit.ErrBatchTooLarge, ops{groupkit.OpRemoveMembers}, anybody, 400, "invalid_parameter", "kickMember: kickMembers number more than maxSize : {max}"},
	{groupkit.ErrBatchTooLarge, ops{groupkit.OpUnblockUsers}, anybody, 400, "invalid_parameter", "removeBlacklist: list size more than max limit : {max}"},
	{groupkit.ErrBatchTooLarge, ops{groupkit.OpMuteUsers}, anybody, 400, "invalid_parameter", "userNames size is more than max limit : {max}"},
	{groupkit.ErrBatchTooLarge, ops{groupkit.OpUnmuteUsers}, anybody, 400, "invalid_parameter", "removeMute member size more than max limit : {max}"},
	{groupkit.ErrBatchTooLarge, ops{groupkit.OpDisallowUsers}, anybody, 400, "invalid_parameter", "removeWhitelist size is more than max limit : {max}"},
	{groupkit.ErrBatchTooLarge, ops{groupkit.OpGroup}, anybody, 400, "invalid_parameter", "groupIds size is more than max limit : {max}"},
	{groupkit.ErrBatchTooLarge, nil, anybody, 400, "invalid_parameter", usersMoreThan},
	{groupkit.ErrFileTooLarge, nil, anybody, 413, tooLarge.code, tooLarge.description},
	{groupkit.ErrTooManyFiles, nil, anybody, 403, "exceed_limit", "share files size is greater than max limit : {max}"},
	{groupkit.ErrTooManyRequests, nil, anybody, 403, "exceed_limit", "applies size is greater than max limit : {max}"},
	{groupkit.ErrTooManyInvitations, nil, anybody, 403, "exceed_limit", "invitations size is greater than max limit : {max}"},
	{groupkit.ErrListFull, nil, anybody, 403, "exceed_limit", "list size is greater than max limit : {max}"},

	{groupkit.ErrGroupExists, nil, anybody, 400, "illegal_argument", "group ID {group} already exists!"},
	{groupkit.ErrVersion, nil, anybody, 412, otherHistory.code, otherHistory.description},
	{groupkit.ErrKeyReused, nil, anybody, 422, "idempotency_key_reused", "Idempotency-Key was used for another request"},
	{groupkit.ErrRoleTooLow, nil, anybody, 403, "forbidden_op", noPermission},
	{groupkit.ErrSystemOnly, nil, anybody, 403, "forbidden_op", noPermission},
	{groupkit.ErrVetoed, nil, anybody, 403, "forbidden_op", noPermission},
	{groupkit.ErrNotMember, nil, anybody, 403, "forbidden_op", noPermission},
	{groupkit.ErrForbidden, nil, anybody, 403, "forbidden_op", noPermission},
}

// A longRule turns a text that is too long into a fault.
type longRule struct {
	field  groupkit.Field
	status int
	code   string
	text   string // {field} and {max} are replaced
}

var longRules = []longRule{
	{groupkit.FieldName, 403, "exceed_limit", fieldMoreThan},
	{groupkit.FieldDescription, 403, "exceed_limit", fieldMoreThan},
	{groupkit.FieldCustom, 403, "exceed_limit", fieldMoreThan},
	{groupkit.FieldAvatar, 400, "invalid_parameter", "avatar length is too big"},
	{groupkit.FieldAnnouncement, 403, "FORBIDDEN", announceTooLong},
}

// wireNames are the names that fields have on the wire, where they differ.
var wireNames = map[groupkit.Field]string{
	groupkit.FieldName: "groupname", groupkit.FieldMaxUsers: "maxusers", groupkit.FieldMembersOnly: "membersonly",
	groupkit.FieldAllowInvites: "allowinvites", groupkit.FieldInviteNeedConfirm: "invite_need_confirm",
	groupkit.FieldGroup: "groupid", groupkit.FieldUser: "username", groupkit.FieldUsers: "usernames",
	groupkit.FieldDuration: "mute_duration", groupkit.FieldFileName: "filename", groupkit.FieldKey: "Idempotency-Key",
}

// faultOf returns the fault of an error: of the engine, of what the embedder brings, or of this
// package. users are those whom a batch failed for; nil: the user of the error.
func faultOf(c *call, err error, users []string) *fault {
	if f, ok := errors.AsType[*fault](err); ok {
		return f
	}
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return tooLarge
	}
	about, ok := errors.AsType[*groupkit.Error](err)
	if !ok {
		return unavailable
	}
	if errors.Is(err, groupkit.ErrInvalid) {
		return fieldFault(c, about, err)
	}
	if r := ruleOf(c, about, err); r != nil {
		return r.fault(c, about, users)
	}
	return unavailable
}

// ruleOf returns the rule that applies, or nil: then the server has failed.
func ruleOf(c *call, about *groupkit.Error, err error) *rule {
	for i := range rules {
		if rules[i].fits(c, about, err) {
			return &rules[i]
		}
	}
	return nil
}

// with returns the rule with another text.
func (r *rule) with(text string) *rule {
	other := *r
	other.text = text
	return &other
}

func (r *rule) fits(c *call, about *groupkit.Error, err error) bool {
	if !errors.Is(err, r.err) || r.ops != nil && !slices.Contains(r.ops, about.Op) {
		return false
	}
	isActor := !c.caller.System && about.User == c.caller.User
	return r.whom == anybody || isActor == (r.whom == actor)
}

func (r *rule) fault(c *call, about *groupkit.Error, users []string) *fault {
	user := string(about.User)
	if users == nil {
		users = []string{user}
	}
	limit := ""
	if e, ok := errors.AsType[*groupkit.LimitError](about.Err); ok {
		limit = strconv.FormatInt(e.Max, 10)
	}
	text := strings.NewReplacer(
		"{user}", user, "{users}", strings.Join(users, ", "), "{group}", string(about.Group),
		"{app}", c.org+"#"+c.name, "{max}", limit, "{why}", r.err.Error(), "{url}", c.url(),
	).Replace(r.text)
	return &fault{r.status, r.code, text}
}

// fieldFault returns the fault of an argument that the engine refuses. A group ID that is not
// valid is one of a group that does not exist.
func fieldFault(c *call, about *groupkit.Error, err error) *fault {
	fields := groupkit.FieldErrors(err)
	if len(fields) == 0 {
		return &fault{400, "invalid_parameter", err.Error()}
	}
	first := fields[0]
	if first.Field == groupkit.FieldGroup && about.Op != groupkit.OpCreateGroup {
		return faultOf(c, &groupkit.Error{Op: about.Op, Group: about.Group, Err: groupkit.ErrGroupNotFound}, nil)
	}
	name := wireNames[first.Field]
	if name == "" {
		name = string(first.Field)
	}
	for _, r := range longRules {
		if r.field == first.Field && first.Max > 0 {
			text := strings.NewReplacer("{field}", name, "{max}", strconv.Itoa(first.Max)).Replace(r.text)
			return &fault{r.status, r.code, text}
		}
	}
	return &fault{400, "invalid_parameter", name + " " + first.Why}
}

// An errorBody is the form of every error. Clients need all five fields.
type errorBody struct {
	Error       string `json:"error"`
	Timestamp   int64  `json:"timestamp"`
	Duration    int64  `json:"duration"`
	Exception   string `json:"exception"`
	Description string `json:"error_description"`
}

func (f *fault) body(began, now time.Time) *errorBody {
	return &errorBody{
		Error: f.code, Timestamp: now.UnixMilli(), Duration: max(now.Sub(began).Milliseconds(), 0),
		Exception: exception(f.code), Description: f.description,
	}
}

// exception returns the name of the Java class that clients of the API know the error by.
func exception(code string) string {
	switch code {
	case "illegal_argument":
		return "java.lang.IllegalArgumentException"
	case "not_found":
		return "com.sun.jersey.api.NotFoundException"
	}
	var out strings.Builder
	out.WriteString("com.easemob.group.exception.")
	for word := range strings.FieldsFuncSeq(code, func(r rune) bool { return r == '_' || r == ' ' }) {
		out.WriteString(strings.ToUpper(word[:1]))
		out.WriteString(strings.ToLower(word[1:]))
	}
	out.WriteString("Exception")
	return out.String()
}
