package wire

import (
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"groupkit"
)

// What every caller gets on every route, written out. A cell is:
//
//	ok      200
//	no      403, no permission
//	hidden  404, as if the group never was
//	black   403, the caller is on the blacklist of the group it wants to join
//	member  403, the caller is in the group already
//	quit    403, the owner cannot quit
//	other   404, what the call is about does not exist
//	none    403, the caller is no member
//
// The app cannot do what only a user can: join and quit.
//
// In the groups: o is the owner; a and a2 are admins; m, m2, m3 are members; b and b2 are blocked; i is
// invited; r has asked to join the public group; x and x2 are outsiders. FILE was shared by m2.

const inPublicGroup = `
                                                                               app      owner    admin    member   outsider blocked  invitee
GET /chatgroups                                                                ok       ok       ok       ok       ok       ok       ok
GET /publicchatgroups                                                          ok       ok       ok       ok       ok       ok       ok
POST /chatgroups {"groupname":"n","public":true,"owner":"o"}                   ok       ok       no       no       no       no       no
GET /users/m2/joined_chatgroups                                                ok       no       no       no       no       no       no
GET /chatgroups/user/m2                                                        ok       no       no       no       no       no       no
GET /chatgroups/g                                                              ok       ok       ok       ok       ok       no       ok
PUT /chatgroups/g {"groupname":"n"}                                            ok       ok       ok       no       no       no       no
PUT /chatgroups/g {"description":"d","custom":"c"}                             ok       ok       ok       no       no       no       no
PUT /chatgroups/g {"maxusers":50}                                              ok       ok       no       no       no       no       no
PUT /chatgroups/g {"membersonly":false}                                        ok       ok       no       no       no       no       no
PUT /chatgroups/g {"newowner":"m2"}                                            ok       ok       no       no       no       no       no
PUT /chatgroups/g {"groupname":"n","newowner":"m2"}                            ok       ok       no       no       no       no       no
DELETE /chatgroups/g                                                           ok       ok       no       no       no       no       no
GET /chatgroups/g/announcement                                                 ok       ok       ok       ok       no       no       no
POST /chatgroups/g/announcement {"announcement":"a"}                           ok       ok       ok       no       no       no       no
GET /chatgroups/g/share_files                                                  ok       ok       ok       ok       no       no       no
POST /chatgroups/g/share_files FILE                                            ok       ok       ok       ok       no       no       no
GET /chatgroups/g/share_files/FILE                                             ok       ok       ok       ok       no       no       no
DELETE /chatgroups/g/share_files/FILE                                          ok       ok       ok       no       no       no       no
GET /chatgroups/g/users                                                        ok       ok       ok       ok       no       no       no
GET /chatgroups/g/users?limit=5&joined_time=true                               ok       ok       ok       ok       no       no       no
POST /chatgroups/g/users/x2                                                    ok       no       no       no       no       no       no
POST /chatgroups/g/users {"usernames":["x2","x3"]}                             ok       no       no       no       no       no       no
DELETE /chatgroups/g/users/m2                                                  ok       ok       ok       no       no       no       no
DELETE /chatgroups/g/users/a2                                                  ok       ok       no       no       no       no       no
DELETE /chatgroups/g/users/m2,m3                                               ok       ok       ok       no       no       no       no
GET /chatgroups/g/admin                                                        ok       ok       ok       ok       no       no       no
POST /chatgroups/g/admin {"newadmin":"m2"}                                     ok       ok       no       no       no       no       no
DELETE /chatgroups/g/admin/a2                                                  ok       ok       no       no       no       no       no
GET /chatgroups/g/blocks/users                                                 ok       ok       ok       no       no       no       no
POST /chatgroups/g/blocks/users/m2                                             ok       ok       ok       no       no       no       no
POST /chatgroups/g/blocks/users/a2                                             ok       ok       no       no       no       no       no
POST /chatgroups/g/blocks/users {"usernames":["m2","m3"]}                      ok       ok       ok       no       no       no       no
DELETE /chatgroups/g/blocks/users/b2                                           ok       ok       ok       no       no       no       no
DELETE /chatgroups/g/blocks/users/b2,b                                         ok       ok       ok       no       no       no       no
GET /chatgroups/g/mute                                                         ok       ok       ok       no       no       no       no
POST /chatgroups/g/mute {"usernames":["m2"],"mute_duration":-1}                ok       ok       ok       no       no       no       no
POST /chatgroups/g/mute {"usernames":["a2"],"mute_duration":-1}                ok       ok       no       no       no       no       no
DELETE /chatgroups/g/mute/m3                                                   ok       ok       ok       no       no       no       no
DELETE /chatgroups/g/mute/m2,m3                                                ok       ok       ok       no       no       no       no
POST /chatgroups/g/ban                                                         ok       ok       ok       no       no       no       no
DELETE /chatgroups/g/ban                                                       ok       ok       ok       no       no       no       no
GET /chatgroups/g/white/users                                                  ok       ok       ok       no       no       no       no
POST /chatgroups/g/white/users/m2                                              ok       ok       ok       no       no       no       no
POST /chatgroups/g/white/users {"usernames":["m2"]}                            ok       ok       ok       no       no       no       no
DELETE /chatgroups/g/white/users/m3                                            ok       ok       ok       no       no       no       no
POST /chatgroups/g/apply {"message":"m"}                                       no       member   member   member   ok       black    ok
POST /chatgroups/g/apply_verify {"applicant":"r","verifyResult":true}          ok       ok       ok       no       no       no       no
POST /chatgroups/g/apply_verify {"applicant":"r","verifyResult":false}         ok       ok       ok       no       no       no       no
POST /chatgroups/g/invite {"usernames":["x2"]}                                 ok       ok       ok       no       no       no       no
POST /chatgroups/g/invite_verify {"invitee":"i","verifyResult":true}           ok       no       no       no       no       no       ok
POST /chatgroups/g/invite_verify {"invitee":"i","verifyResult":false}          ok       no       no       no       no       no       ok
DELETE /chatgroups/g/quit                                                      no       quit     ok       ok       none     no       none
POST /users {"username":"new","password":"p"}                                  ok       no       no       no       no       no       no
GET /users/m2                                                                  ok       no       no       no       no       no       no
DELETE /users/m2                                                               ok       no       no       no       no       no       no
GET /chatgroups/g/events                                                       ok       ok       ok       ok       no       no       no
GET /events?from=latest                                                        ok       no       no       no       no       no       no
DELETE /users?limit=1                                                          ok       no       no       no       no       no       no
`

// In a private group nobody can ask to join.
const inPrivateGroup = `
                                                                               app      owner    admin    member   outsider blocked  invitee
GET /chatgroups                                                                ok       ok       ok       ok       ok       ok       ok
GET /publicchatgroups                                                          ok       ok       ok       ok       ok       ok       ok
POST /chatgroups {"groupname":"n","public":true,"owner":"o"}                   ok       ok       no       no       no       no       no
GET /users/m2/joined_chatgroups                                                ok       no       no       no       no       no       no
GET /chatgroups/user/m2                                                        ok       no       no       no       no       no       no
GET /chatgroups/g                                                              ok       ok       ok       ok       hidden   no       ok
PUT /chatgroups/g {"groupname":"n"}                                            ok       ok       ok       no       hidden   no       hidden
PUT /chatgroups/g {"description":"d","custom":"c"}                             ok       ok       ok       no       hidden   no       hidden
PUT /chatgroups/g {"maxusers":50}                                              ok       ok       no       no       hidden   no       hidden
PUT /chatgroups/g {"membersonly":false}                                        ok       ok       no       no       hidden   no       hidden
PUT /chatgroups/g {"newowner":"m2"}                                            ok       ok       no       no       hidden   no       hidden
PUT /chatgroups/g {"groupname":"n","newowner":"m2"}                            ok       ok       no       no       hidden   no       hidden
DELETE /chatgroups/g                                                           ok       ok       no       no       hidden   no       hidden
GET /chatgroups/g/announcement                                                 ok       ok       ok       ok       hidden   no       hidden
POST /chatgroups/g/announcement {"announcement":"a"}                           ok       ok       ok       no       hidden   no       hidden
GET /chatgroups/g/share_files                                                  ok       ok       ok       ok       hidden   no       hidden
POST /chatgroups/g/share_files FILE                                            ok       ok       ok       ok       hidden   no       hidden
GET /chatgroups/g/share_files/FILE                                             ok       ok       ok       ok       hidden   no       hidden
DELETE /chatgroups/g/share_files/FILE                                          ok       ok       ok       no       hidden   no       hidden
GET /chatgroups/g/users                                                        ok       ok       ok       ok       hidden   no       hidden
GET /chatgroups/g/users?limit=5&joined_time=true                               ok       ok       ok       ok       hidden   no       hidden
POST /chatgroups/g/users/x2                                                    ok       no       no       no       hidden   no       hidden
POST /chatgroups/g/users {"usernames":["x2","x3"]}                             ok       no       no       no       hidden   no       hidden
DELETE /chatgroups/g/users/m2                                                  ok       ok       ok       no       hidden   no       hidden
DELETE /chatgroups/g/users/a2                                                  ok       ok       no       no       hidden   no       hidden
DELETE /chatgroups/g/users/m2,m3                                               ok       ok       ok       no       hidden   no       hidden
GET /chatgroups/g/admin                                                        ok       ok       ok       ok       hidden   no       hidden
POST /chatgroups/g/admin {"newadmin":"m2"}                                     ok       ok       no       no       hidden   no       hidden
DELETE /chatgroups/g/admin/a2                                                  ok       ok       no       no       hidden   no       hidden
GET /chatgroups/g/blocks/users                                                 ok       ok       ok       no       hidden   no       hidden
POST /chatgroups/g/blocks/users/m2                                             ok       ok       ok       no       hidden   no       hidden
POST /chatgroups/g/blocks/users/a2                                             ok       ok       no       no       hidden   no       hidden
POST /chatgroups/g/blocks/users {"usernames":["m2","m3"]}                      ok       ok       ok       no       hidden   no       hidden
DELETE /chatgroups/g/blocks/users/b2                                           ok       ok       ok       no       hidden   no       hidden
DELETE /chatgroups/g/blocks/users/b2,b                                         ok       ok       ok       no       hidden   no       hidden
GET /chatgroups/g/mute                                                         ok       ok       ok       no       hidden   no       hidden
POST /chatgroups/g/mute {"usernames":["m2"],"mute_duration":-1}                ok       ok       ok       no       hidden   no       hidden
POST /chatgroups/g/mute {"usernames":["a2"],"mute_duration":-1}                ok       ok       no       no       hidden   no       hidden
DELETE /chatgroups/g/mute/m3                                                   ok       ok       ok       no       hidden   no       hidden
DELETE /chatgroups/g/mute/m2,m3                                                ok       ok       ok       no       hidden   no       hidden
POST /chatgroups/g/ban                                                         ok       ok       ok       no       hidden   no       hidden
DELETE /chatgroups/g/ban                                                       ok       ok       ok       no       hidden   no       hidden
GET /chatgroups/g/white/users                                                  ok       ok       ok       no       hidden   no       hidden
POST /chatgroups/g/white/users/m2                                              ok       ok       ok       no       hidden   no       hidden
POST /chatgroups/g/white/users {"usernames":["m2"]}                            ok       ok       ok       no       hidden   no       hidden
DELETE /chatgroups/g/white/users/m3                                            ok       ok       ok       no       hidden   no       hidden
POST /chatgroups/g/apply {"message":"m"}                                       no       member   member   member   hidden   black    ok
POST /chatgroups/g/apply_verify {"applicant":"r","verifyResult":true}          other    other    other    no       hidden   no       hidden
POST /chatgroups/g/apply_verify {"applicant":"r","verifyResult":false}         other    other    other    no       hidden   no       hidden
POST /chatgroups/g/invite {"usernames":["x2"]}                                 ok       ok       ok       no       hidden   no       hidden
POST /chatgroups/g/invite_verify {"invitee":"i","verifyResult":true}           ok       no       no       no       no       no       ok
POST /chatgroups/g/invite_verify {"invitee":"i","verifyResult":false}          ok       no       no       no       no       no       ok
DELETE /chatgroups/g/quit                                                      no       quit     ok       ok       hidden   no       hidden
POST /users {"username":"new","password":"p"}                                  ok       no       no       no       no       no       no
GET /users/m2                                                                  ok       no       no       no       no       no       no
DELETE /users/m2                                                               ok       no       no       no       no       no       no
GET /chatgroups/g/events                                                       ok       ok       ok       ok       hidden   no       hidden
GET /events?from=latest                                                        ok       no       no       no       no       no       no
DELETE /users?limit=1                                                          ok       no       no       no       no       no       no
`

// whoCalls are the users of the columns.
var whoCalls = map[string]string{
	"app": "app", "owner": "of:o", "admin": "of:a", "member": "of:m", "outsider": "of:x", "blocked": "of:b", "invitee": "of:i",
}

func TestRoles_publicGroup(t *testing.T)  { t.Parallel(); testRoles(t, inPublicGroup, true) }
func TestRoles_privateGroup(t *testing.T) { t.Parallel(); testRoles(t, inPrivateGroup, false) }

func testRoles(t *testing.T, table string, public bool) {
	lines := strings.Split(strings.TrimSpace(table), "\n")
	columns := strings.Fields(lines[0])
	for _, line := range lines[1:] {
		fields := strings.Fields(line)
		cells, call, body := fields[len(fields)-len(columns):], fields[0]+" "+fields[1], strings.Join(fields[2:len(fields)-len(columns)], " ")
		for i, column := range columns {
			t.Run(call+" "+body+"/"+column, func(t *testing.T) {
				t.Parallel()
				require.Equal(t, cells[i], outcome(t, rolesServer(t, public), whoCalls[column], call, body))
			})
		}
	}
}

// rolesServer has the group g with somebody in every role.
func rolesServer(t testing.TB, public bool) *server {
	s := setup(t)
	for _, name := range []groupkit.UserID{"o", "a", "a2", "m", "m2", "m3", "b", "b2", "i", "r", "x", "x2", "x3"} {
		s.users.add(name)
	}
	s.create(t, groupkit.NewGroup{ID: "g", Owner: "o", Public: public, MembersOnly: public}, "a", "a2", "m", "m2", "m3", "b", "b2")
	ctx, system := t.Context(), s.engine.System()
	for _, admin := range []groupkit.UserID{"a", "a2"} {
		require.NoError(t, system.AddAdmin(ctx, "g", admin))
	}
	_, err := system.BlockUsers(ctx, "g", groupkit.Forever, []groupkit.UserID{"b", "b2"})
	require.NoError(t, err)
	_, err = system.Mute(ctx, "g", groupkit.Forever, "m3")
	require.NoError(t, err)
	require.NoError(t, system.Allow(ctx, "g", "m3"))
	_, err = system.Invite(ctx, "g", "i")
	require.NoError(t, err)
	if public {
		_, err = s.engine.As("r").Join(ctx, "g")
		require.NoError(t, err)
	}
	return s
}

// outcome makes a call and returns the word of its answer.
func outcome(t *testing.T, s *server, who, call, body string) string {
	var a *answer
	switch {
	case strings.HasSuffix(call, "/share_files") && body == "FILE":
		a = s.send(t, uploading(who, "g", "f", "content"))
	case strings.Contains(call, "FILE"):
		file := s.upload(t, "of:m2", "g", "f", "content")
		a = s.call(t, who, strings.ReplaceAll(call, "FILE", file))
	default:
		a = s.call(t, who, call, nonempty(body)...)
	}
	text := string(a.body)
	switch {
	case a.status == http.StatusOK:
		return "ok"
	case a.status == 403 && strings.Contains(text, "you have no permission to do this, "):
		return "no"
	case a.status == 404 && (strings.Contains(text, "grpID g does not exist!") || strings.Contains(text, "do not find this group:g\"")):
		return "hidden"
	case a.status == 403 && strings.Contains(text, "is in the blacklist of group: g"):
		return "black"
	case a.status == 403 && strings.Contains(text, "already in group: g"):
		return "member"
	case a.status == 403 && strings.Contains(text, "owner can not quit group"):
		return "quit"
	case a.status == 404:
		return "other"
	case a.status == 403 && strings.Contains(text, " are not members of this group!"):
		return "none"
	}
	return text
}

// A private group answers who cannot see it byte for byte like one that never was, but for times.
func TestPrivacy(t *testing.T) {
	t.Parallel()
	calls := []string{
		"GET /chatgroups/g,other", "GET /chatgroups/other,g", "GET /chatgroups/g,none", "GET /chatgroups/g/users?limit=1", "POST /chatgroups/g/users/nobody",
		"DELETE /chatgroups/g/users/m2,m3,nobody", "DELETE /chatgroups/g/blocks/users/nobody", "DELETE /chatgroups/g/mute/nobody",
		"POST /chatgroups/g/admin {}", "POST /chatgroups/g/mute {}", "POST /chatgroups/g/announcement {}", "PUT /chatgroups/g {}", `PUT /chatgroups/g {"public":true}`,
		`PUT /chatgroups/g {"newowner":"o"}`, `PUT /chatgroups/g {"maxusers":1}`, `POST /chatgroups {"groupid":"g","groupname":"n","public":true,"owner":"x"}`,
		"GET /chatgroups/g/share_files/nothing", "PATCH /chatgroups/g", "GET /chatgroups/g/quit", `POST /chatgroups/g/invite_verify {"invitee":"x","verifyResult":true}`,
		`POST /chatgroups/g/invite_verify {"invitee":"x","verifyResult":false}`, `POST /chatgroups/g/announcement {"announcement":"` + strings.Repeat("x", 600) + `"}`,
		`POST /chatgroups/g/mute {"usernames":["m2"],"mute_duration":0}`, `POST /chatgroups/g/apply_verify {"applicant":"x","verifyResult":true}`,
	}
	for _, line := range strings.Split(strings.TrimSpace(inPrivateGroup), "\n")[1:] {
		fields := strings.Fields(line)
		calls = append(calls, strings.Join(fields[:len(fields)-7], " "))
	}
	for _, header := range []http.Header{{}, {"If-Match": {`"x-1"`}}, {"If-Match": {`*`}}, {"Idempotency-Key": {"k"}}, {"If-None-Match": {"*"}}, {"Range": {"bytes=0-1"}}} {
		for _, c := range calls {
			t.Run(c+strings.Join(append(header["If-Match"], header["Idempotency-Key"]...), ""), func(t *testing.T) {
				t.Parallel()
				there := rolesServer(t, false)
				never := emptyLike(t, there)
				for _, s := range []*server{there, never} {
					s.group(t, "other", "o")
				}
				file := there.upload(t, "of:m2", "g", "f", "content")
				require.Equal(t, plain(t, there, c, file, header), plain(t, never, c, file, header))
			})
		}
	}
}

// emptyLike returns a server with the same users and no group, at the same time.
func emptyLike(t testing.TB, s *server) *server {
	empty := setup(t)
	for name := range s.users.users {
		empty.users.add(name)
	}
	empty.clock.Advance(s.clock.Now().Sub(noon))
	return empty
}

// plain returns what an outsider gets, without times and request IDs.
func plain(t *testing.T, s *server, line, file string, header http.Header) string {
	fields := strings.SplitN(line, " ", 3)
	call := strings.ReplaceAll(fields[0]+" "+fields[1], "FILE", file)
	var r *http.Request
	switch body := strings.Join(fields[2:], ""); {
	case body == "FILE":
		r = uploading("of:x", "g", "f", "content")
	default:
		r = request("of:x", call, nonempty(body)...)
	}
	maps.Copy(r.Header, header)
	a := s.send(t, r)
	a.header.Del("X-Request-Id")
	text := regexp.MustCompile(`"(timestamp|duration|created|lastModified)":[0-9]+|"last_modified":"[0-9]+"`).ReplaceAllString(string(a.body), "")
	text = regexp.MustCompile(`"(groupid)":"[0-9a-f-]{36}"`).ReplaceAllString(text, "")
	text = regexp.MustCompile(`"cursor":"[^"]*"`).ReplaceAllString(text, "")
	return fmt.Sprint(a.status, a.header, text)
}
