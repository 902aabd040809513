package wire

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/rest"
	"groupkit/store"
)

// errorServer has the group g of user1 with the members user2, user3 (an admin) and user4 (muted); user5 is
// blocked; user6 and testuser are no members.
func errorServer(t *testing.T) *server {
	s := setup(t)
	s.group(t, "g", "user1", "user2", "user3", "user4", "user5")
	require.NoError(t, s.engine.System().AddAdmin(t.Context(), "g", "user3"))
	_, err := s.engine.System().Mute(t.Context(), "g", groupkit.Forever, "user4")
	require.NoError(t, err)
	_, err = s.engine.System().Block(t.Context(), "g", groupkit.Forever, "user5")
	require.NoError(t, err)
	return s
}

func TestErrors_noGroup(t *testing.T) {
	t.Parallel()
	s := errorServer(t)
	t.Run("GET details, GET members", func(t *testing.T) {
		s.call(t, "app", "GET /chatgroups/x").fails(404, "service_resource_not_found", "do not find this group:x")
		s.call(t, "app", "GET /chatgroups/x/users").fails(404, "service_resource_not_found", "do not find this group:x")
		s.call(t, "app", "GET /chatgroups/x/users?limit=5").fails(404, "service_resource_not_found", "do not find this group:x")
	})
	for _, c := range []struct{ call, body string }{
		{"PUT /chatgroups/x", `{"groupname":"n"}`}, {"PUT /chatgroups/x", `{"newowner":"user2"}`}, {"PUT /chatgroups/x", `{}`}, {"DELETE /chatgroups/x", ""},
		{"GET /chatgroups/x/events", ""}, {"GET /chatgroups/x/announcement", ""}, {"POST /chatgroups/x/announcement", `{"announcement":"a"}`},
		{"GET /chatgroups/x/share_files", ""}, {"GET /chatgroups/x/share_files/b30e0be0-e1d4-11ea-8732-172a3f85134f", ""},
		{"DELETE /chatgroups/x/share_files/b30e0be0-e1d4-11ea-8732-172a3f85134f", ""},
		{"POST /chatgroups/x/users/user2", ""}, {"POST /chatgroups/x/users", `{"usernames":["user2","user3"]}`},
		{"DELETE /chatgroups/x/users/user2", ""}, {"DELETE /chatgroups/x/users/user2,user3", ""},
		{"GET /chatgroups/x/admin", ""}, {"POST /chatgroups/x/admin", `{"newadmin":"user2"}`}, {"DELETE /chatgroups/x/admin/user2", ""},
		{"GET /chatgroups/x/blocks/users", ""}, {"POST /chatgroups/x/blocks/users/user2", ""}, {"POST /chatgroups/x/blocks/users", `{"usernames":["user2","user3"]}`},
		{"DELETE /chatgroups/x/blocks/users/user2", ""}, {"DELETE /chatgroups/x/blocks/users/user2,user3", ""},
		{"GET /chatgroups/x/mute", ""}, {"POST /chatgroups/x/mute", `{"usernames":["user2"],"mute_duration":-1}`}, {"DELETE /chatgroups/x/mute/user2", ""},
		{"POST /chatgroups/x/ban", ""}, {"DELETE /chatgroups/x/ban", ""},
		{"GET /chatgroups/x/white/users", ""}, {"POST /chatgroups/x/white/users/user2", ""}, {"POST /chatgroups/x/white/users", `{"usernames":["user2"]}`},
		{"DELETE /chatgroups/x/white/users/user2", ""},
		{"POST /chatgroups/x/apply_verify", `{"applicant":"user2","verifyResult":true}`}, {"POST /chatgroups/x/invite", `{"usernames":["user2"]}`},
	} {
		t.Run(c.call+" "+c.body, func(t *testing.T) {
			s.call(t, "app", c.call, nonempty(c.body)...).fails(404, "resource_not_found", "grpID x does not exist!")
		})
	}
	for _, c := range []struct{ call, body string }{
		{"POST /chatgroups/x/apply", `{"message":"m"}`}, {"POST /chatgroups/x/invite_verify", `{"invitee":"user2","verifyResult":true}`}, {"DELETE /chatgroups/x/quit", ""},
	} {
		t.Run(c.call, func(t *testing.T) {
			s.call(t, "of:user2", c.call, nonempty(c.body)...).fails(404, "resource_not_found", "grpID x does not exist!")
		})
	}
	t.Run("upload", func(t *testing.T) {
		s.send(t, uploading("app", "x", "f", "c")).fails(404, "resource_not_found", "grpID x does not exist!")
	})
	t.Run("an ID that can be none", func(t *testing.T) {
		long := strings.Repeat("x", 300)
		s.call(t, "app", "DELETE /chatgroups/"+long).fails(404, "resource_not_found", "grpID "+long+" does not exist!")
		s.call(t, "app", "GET /chatgroups/"+long).fails(404, "service_resource_not_found", "do not find this group:"+long)
	})
}

// One row of the table: a call and its error.
type failure struct {
	name, who, call, body string
	status                int
	code, description     string
}

func TestErrors(t *testing.T) {
	t.Parallel()
	const forbidden, missing, invalid = "forbidden_op", "resource_not_found", "invalid_parameter"
	const create = `{"groupname":"n","public":true,"owner":"user1"`
	long := func(n int) string { return strings.Repeat("x", n) }
	for _, c := range []failure{
		{"create, the owner is unknown", "app", "POST /chatgroups", `{"groupname":"n","public":true,"owner":"x"}`, 404, missing, "username x doesn't exist!"},
		{"create, a member is unknown", "app", "POST /chatgroups", create + `,"members":["user2","x"]}`, 404, missing, "username x doesn't exist!"},
		{"joined, unknown", "app", "GET /users/x/joined_chatgroups", "", 404, missing, "username x doesn't exist!"},
		{"add, unknown", "app", "POST /chatgroups/g/users/x", "", 404, missing, "username x doesn't exist!"},
		{"add several, all unknown", "app", "POST /chatgroups/g/users", `{"usernames":["x","y"]}`, 404, missing, "username x doesn't exist!"},
		{"unblock, unknown", "app", "DELETE /chatgroups/g/blocks/users/x", "", 404, missing, "username x doesn't exist!"},

		{"remove a non-member", "app", "DELETE /chatgroups/g/users/user6", "", 403, forbidden, "users [user6] are not members of this group!"},
		{"remove an unknown user", "app", "DELETE /chatgroups/g/users/x", "", 403, forbidden, "users [x] are not members of this group!"},
		{"block a non-member", "app", "POST /chatgroups/g/blocks/users/user6", "", 403, forbidden, "users [user6] are not members of this group!"},
		{"block an unknown user", "app", "POST /chatgroups/g/blocks/users/x", "", 403, forbidden, "users [x] are not members of this group!"},
		{"block one in a body", "app", "POST /chatgroups/g/blocks/users", `{"usernames":["user6"]}`, 403, forbidden, "users [user6] are not members of this group!"},
		{"unblock one who is not blocked", "app", "DELETE /chatgroups/g/blocks/users/user2", "", 403, forbidden, "users [user2] are not members of this group!"},
		{"unblock several who are not", "app", "DELETE /chatgroups/g/blocks/users/user2,user3", "", 403, forbidden, "users [user2, user3] are not members of this group!"},

		{"remove the owner", "app", "DELETE /chatgroups/g/users/user1", "", 403, forbidden, "forbidden operation on group owner!"},
		{"block the owner", "app", "POST /chatgroups/g/blocks/users/user1", "", 403, forbidden, "forbidden operation on group owner!"},
		{"mute the owner", "app", "POST /chatgroups/g/mute", `{"usernames":["user1"],"mute_duration":-1}`, 403, forbidden, "forbidden operation on group owner!"},
		{"appoint the owner", "app", "POST /chatgroups/g/admin", `{"newadmin":"user1"}`, 403, forbidden, "forbidden operation on group owner!"},

		{"appoint a non-member", "app", "POST /chatgroups/g/admin", `{"newadmin":"user6"}`, 404, missing, "user: user6 doesn't exist in group: g"},
		{"appoint an unknown user", "app", "POST /chatgroups/g/admin", `{"newadmin":"x"}`, 404, missing, "user: x doesn't exist in group: g"},
		{"dismiss one who is no admin", "app", "DELETE /chatgroups/g/admin/user2", "", 403, forbidden, "user:user2 is not admin of group:g"},
		{"dismiss a non-member", "app", "DELETE /chatgroups/g/admin/user6", "", 403, forbidden, "user:user6 is not admin of group:g"},
		{"dismiss an unknown user", "app", "DELETE /chatgroups/g/admin/x", "", 403, forbidden, "user:x is not admin of group:g"},
		{"dismiss the owner", "app", "DELETE /chatgroups/g/admin/user1", "", 403, forbidden, "user:user1 is not admin of group:g"},
		{"appoint an admin", "app", "POST /chatgroups/g/admin", `{"newadmin":"user3"}`, 403, forbidden, "user:user3 is already admin of group:g"},

		{"add a member", "app", "POST /chatgroups/g/users/user2", "", 403, forbidden, "can not join this group, reason:user: user2 already in group: g\n"},
		{"add one who is blocked", "app", "POST /chatgroups/g/users/user5", "", 403, forbidden, "can not join this group, reason:user: user5 is in the blacklist of group: g"},
		{"join while blocked", "of:user5", "POST /chatgroups/g/apply", `{"message":""}`, 403, forbidden, "can not join this group, reason:user: user5 is in the blacklist of group: g"},

		{"transfer to the owner", "app", "PUT /chatgroups/g", `{"newowner":"user1"}`, 403, forbidden, "new owner and old owner are the same"},
		{"transfer to an outsider", "app", "PUT /chatgroups/g", `{"newowner":"user6"}`, 403, forbidden, "user: user6 doesn't exist in group: g"},
		{"transfer to an unknown user", "app", "PUT /chatgroups/g", `{"newowner":"x"}`, 403, forbidden, "user: x doesn't exist in group: g"},

		{"mute a non-member", "app", "POST /chatgroups/g/mute", `{"usernames":["user6"],"mute_duration":-1}`, 400, invalid, "users [user6] are not members of this group!"},

		{"create, full", "app", "POST /chatgroups", create + `,"maxusers":2,"members":["user2","user3"]}`, 403, "exceed_limit", "members size is greater than max user size !"},
		{"maxusers below the members", "app", "PUT /chatgroups/g", `{"maxusers":3}`, 403, "exceed_limit", "members size is greater than max user size !"},

		{"announcement too long", "app", "POST /chatgroups/g/announcement", `{"announcement":"` + long(513) + `"}`, 403, "FORBIDDEN", "announce info length exceeds limit!"},
		{"announcement missing", "app", "POST /chatgroups/g/announcement", `{}`, 400, "illegal_argument", "announcement is null"},
		{"announcement null", "app", "POST /chatgroups/g/announcement", `{"announcement":null}`, 400, "illegal_argument", "announcement is null"},
		{"announcement without a body", "app", "POST /chatgroups/g/announcement", "", 400, "illegal_argument", "announcement is null"},
		{"avatar too long", "app", "PUT /chatgroups/g", `{"avatar":"` + long(1025) + `"}`, 400, invalid, "avatar length is too big"},
		{"avatar too long at creation", "app", "POST /chatgroups", create + `,"avatar":"` + long(1025) + `"}`, 400, invalid, "avatar length is too big"},

		{"unknown field", "app", "PUT /chatgroups/g", `{"nonsense":1}`, 400, invalid, "some of [nonsense] are not valid fields"},
		{"public cannot change", "app", "PUT /chatgroups/g", `{"public":true}`, 400, invalid, "some of [public] are not valid fields"},
		{"groupid cannot change", "app", "PUT /chatgroups/g", `{"groupname":"n","groupid":"x"}`, 400, invalid, "some of [groupid] are not valid fields"},

		{"create without groupname", "app", "POST /chatgroups", `{"public":true,"owner":"user1"}`, 400, invalid, "groupname must be provided"},
		{"create without owner", "app", "POST /chatgroups", `{"groupname":"n","public":true}`, 400, invalid, "owner must be provided"},
		{"create without public", "app", "POST /chatgroups", `{"groupname":"n","owner":"user1"}`, 400, invalid, "group must contain public field!"},
		{"create, public of the wrong kind", "app", "POST /chatgroups", `{"groupname":"n","owner":"user1","public":"yes"}`, 400, invalid, "group must contain public field!"},
		{"create, groupname of the wrong kind", "app", "POST /chatgroups", `{"groupname":7,"public":true,"owner":"user1"}`, 400, invalid, "groupname must be provided"},
		{"create, maxusers of the wrong kind", "app", "POST /chatgroups", create + `,"maxusers":true}`, 400, invalid, "maxusers must be provided"},
		{"create, members of the wrong kind", "app", "POST /chatgroups", create + `,"members":"user2"}`, 400, invalid, "members must be provided"},
		{"update, maxusers of the wrong kind", "app", "PUT /chatgroups/g", `{"maxusers":"many"}`, 400, invalid, "maxusers must be provided"},
		{"update, membersonly of the wrong kind", "app", "PUT /chatgroups/g", `{"membersonly":1}`, 400, invalid, "membersonly must be provided"},
		{"update, groupname null", "app", "PUT /chatgroups/g", `{"groupname":null}`, 400, invalid, "groupname must be provided"},
		{"add, usernames missing", "app", "POST /chatgroups/g/users", `{}`, 400, invalid, "usernames must be provided"},
		{"add, usernames empty", "app", "POST /chatgroups/g/users", `{"usernames":[]}`, 400, invalid, "usernames must be provided"},
		{"add, usernames of the wrong kind", "app", "POST /chatgroups/g/users", `{"usernames":[1]}`, 400, invalid, "usernames must be provided"},
		{"add, no body", "app", "POST /chatgroups/g/users", "", 400, invalid, "usernames must be provided"},
		{"block, usernames missing", "app", "POST /chatgroups/g/blocks/users", `{"users":["user2"]}`, 400, invalid, "usernames must be provided"},
		{"mute, usernames missing", "app", "POST /chatgroups/g/mute", `{"mute_duration":1}`, 400, invalid, "usernames must be provided"},
		{"mute, mute_duration missing", "app", "POST /chatgroups/g/mute", `{"usernames":["user2"]}`, 400, invalid, "mute_duration must be provided"},
		{"mute, mute_duration of the wrong kind", "app", "POST /chatgroups/g/mute", `{"usernames":["user2"],"mute_duration":[1]}`, 400, invalid, "mute_duration must be provided"},
		{"appoint nobody", "app", "POST /chatgroups/g/admin", `{}`, 400, invalid, "newadmin must be provided"},
		{"apply_verify without applicant", "app", "POST /chatgroups/g/apply_verify", `{"verifyResult":true}`, 400, invalid, "applicant must be provided"},
		{"apply_verify without verifyResult", "app", "POST /chatgroups/g/apply_verify", `{"applicant":"user6"}`, 400, invalid, "verifyResult must be provided"},

		{"id taken", "app", "POST /chatgroups", create + `,"groupid":"g"}`, 400, "illegal_argument", "group ID g already exists!"},
		{"a file that is not there", "app", "GET /chatgroups/g/share_files/b30e0be0-e1d4-11ea-8732-172a3f85134f", "", 404, "not_found",
			"null for uri: http://a1.example.com/chat-demo/testapp/chatgroups/g/share_files/b30e0be0-e1d4-11ea-8732-172a3f85134f"},
		{"delete a file that is not there", "app", "DELETE /chatgroups/g/share_files/x?y=z", "", 404, "not_found",
			"null for uri: http://a1.example.com/chat-demo/testapp/chatgroups/g/share_files/x?y=z"},
		{"a route that is not there", "app", "GET /nothing/here?a=b", "", 404, "not_found", "null for uri: http://a1.example.com/chat-demo/testapp/nothing/here?a=b"},
		{"a file in no route", "app", "POST /chatgroups/g/nothing", "", 404, "not_found", "null for uri: http://a1.example.com/chat-demo/testapp/chatgroups/g/nothing"},
		{"nothing after the app", "app", "GET ", "", 404, "not_found", "null for uri: http://a1.example.com/chat-demo/testapp"},
		{"the owner quits", "of:user1", "DELETE /chatgroups/g/quit", "", 403, forbidden, "owner can not quit group"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			errorServer(t).call(t, c.who, c.call, nonempty(c.body)...).fails(c.status, c.code, c.description)
		})
	}
}

func TestErrors_limits(t *testing.T) {
	t.Parallel()
	t.Run("full: add", func(t *testing.T) {
		t.Parallel()
		s := setup(t)
		s.create(t, groupkit.NewGroup{ID: "g", Owner: "user1", Public: true, MaxUsers: 2}, "user2")
		s.call(t, "app", "POST /chatgroups/g/users/user3").fails(403, "exceed_limit", "members size is greater than max user size !")
		s.call(t, "app", "POST /chatgroups/g/users", `{"usernames":["user3","user4"]}`).fails(403, "exceed_limit", "members size is greater than max user size !")
	})
	t.Run("full: apply and accept", func(t *testing.T) {
		t.Parallel()
		s := setup(t)
		s.create(t, groupkit.NewGroup{ID: "g", Owner: "user1", Public: true, MaxUsers: 2})
		s.call(t, "app", "POST /chatgroups/g/invite", `{"usernames":["user4"]}`)
		s.call(t, "app", "POST /chatgroups/g/users/user2")
		s.call(t, "of:user3", "POST /chatgroups/g/apply", `{"message":"m"}`).fails(403, "forbidden_op", "group member list is full!")
		s.call(t, "of:user4", "POST /chatgroups/g/invite_verify", `{"invitee":"user4","verifyResult":true}`).fails(403, "forbidden_op", "group member list is full!")
	})
	t.Run("over 100 named at creation", func(t *testing.T) {
		t.Parallel()
		s := setup(t)
		body := `{"groupname":"n","public":true,"owner":"user1","maxusers":500,"members":` + quoted(s.names(101)) + `}`
		s.call(t, "app", "POST /chatgroups", body).fails(403, "exceed_limit", "members size is greater than max user size !")
	})
	t.Run("more than 60", func(t *testing.T) {
		t.Parallel()
		s := setup(t)
		s.group(t, "g", "user1")
		names := s.names(61)
		list, body := commas(names), `{"usernames":`+quoted(names)
		for _, c := range []struct {
			call, body string
			status     int
			code, text string
		}{
			{"POST /chatgroups/g/users", body + "}", 403, "exceed_limit", "members size is greater than max user size !"},
			{"POST /chatgroups/g/blocks/users", body + "}", 400, "invalid_parameter", "userNames is more than max limit : 60"},
			{"DELETE /chatgroups/g/users/" + list, "", 400, "invalid_parameter", "kickMember: kickMembers number more than maxSize : 60"},
			{"DELETE /chatgroups/g/blocks/users/" + list, "", 400, "invalid_parameter", "removeBlacklist: list size more than max limit : 60"},
			{"POST /chatgroups/g/mute", body + `,"mute_duration":-1}`, 400, "invalid_parameter", "userNames size is more than max limit : 60"},
			{"DELETE /chatgroups/g/mute/" + list, "", 400, "invalid_parameter", "removeMute member size more than max limit : 60"},
			{"POST /chatgroups/g/white/users", body + "}", 400, "invalid_parameter", "usernames size is more than max limit : 60"},
			{"DELETE /chatgroups/g/white/users/" + list, "", 400, "invalid_parameter", "removeWhitelist size is more than max limit : 60"},
		} {
			s.call(t, "app", c.call, nonempty(c.body)...).fails(c.status, c.code, c.text)
		}
	})
	t.Run("user in too many groups", func(t *testing.T) {
		t.Parallel()
		s := setup(t, func(set *settings) { set.engine.Limits.JoinedGroups = 1 })
		s.group(t, "g", "user1")
		s.group(t, "h", "user2")
		s.call(t, "app", "POST /chatgroups/h/users/user1").fails(403, "exceed_limit", "user user1 has joined too many groups!")
		s.call(t, "app", "POST /chatgroups", `{"groupname":"n","public":true,"owner":"user1"}`).fails(403, "exceed_limit", "user user1 has joined too many groups!")
		s.call(t, "of:user1", "POST /chatgroups/h/apply", `{}`).fails(403, "exceed_limit", "user user1 has joined too many groups!")
	})
	t.Run("too many groups in the app", func(t *testing.T) {
		t.Parallel()
		s := setup(t, func(set *settings) { set.engine.Limits.Groups = 1 })
		s.group(t, "g", "user1")
		s.call(t, "app", "POST /chatgroups", `{"groupname":"n","public":true,"owner":"user1"}`).
			fails(403, "exceed_limit", "appKey:chat-demo#testapp has create too many groups!")
	})
	t.Run("too many admins", func(t *testing.T) {
		t.Parallel()
		s := setup(t, func(set *settings) { set.engine.Limits.Admins = 2 })
		s.group(t, "g", "user1", "user2", "user3")
		s.call(t, "app", "POST /chatgroups/g/admin", `{"newadmin":"user2"}`)
		a := s.call(t, "app", "POST /chatgroups/g/admin", `{"newadmin":"user3"}`)
		require.Equal(t, 403, a.status)
		require.Equal(t, "exceed_limit", a.json()["error"])
	})
	for field, limit := range map[string]int{"groupname": 128, "description": 512, "custom": 8192} {
		t.Run(field+" too long", func(t *testing.T) {
			t.Parallel()
			s := setup(t)
			s.group(t, "g", "user1")
			for call, body := range map[string]string{
				"PUT /chatgroups/g": `{"` + field + `":"` + strings.Repeat("x", limit+1) + `"}`,
				"POST /chatgroups": strings.Replace(`{"groupname":"n","public":true,"owner":"user1","`+field+`":"`+strings.Repeat("x", limit+1)+`"}`,
					`"groupname":"n",`, map[bool]string{true: "", false: `"groupname":"n",`}[field == "groupname"], 1),
			} {
				a := s.call(t, "app", call, body)
				require.Equal(t, 403, a.status, "%s: %s", call, a.body)
				require.Equal(t, "exceed_limit", a.json()["error"])
				require.Contains(t, a.json()["error_description"], field)
				require.Contains(t, a.json()["error_description"], fmt.Sprint(limit))
			}
			require.Equal(t, 200, s.call(t, "app", "PUT /chatgroups/g", `{"`+field+`":"`+strings.Repeat("x", limit)+`"}`).status)
		})
	}
}

func TestErrors_bodies(t *testing.T) {
	t.Parallel()
	s := errorServer(t)
	needed := []string{
		"POST /chatgroups", "PUT /chatgroups/g", "POST /chatgroups/g/announcement", "POST /chatgroups/g/users", "POST /chatgroups/g/admin",
		"POST /chatgroups/g/blocks/users", "POST /chatgroups/g/mute", "POST /chatgroups/g/white/users", "POST /chatgroups/g/invite",
		"POST /chatgroups/g/apply_verify", "POST /users", "POST /token",
	}
	t.Run("bad JSON", func(t *testing.T) {
		for _, call := range needed {
			for _, body := range []string{`{"usernames":`, `{`, `nonsense`, `{} {}`, `"text"x`, "\x00", `{"a":1,}`} {
				a := s.call(t, "app", call, body)
				require.Equal(t, 400, a.status, "%s %s: %s", call, body, a.body)
				require.Equal(t, "json_parse", a.json()["error"], "%s %s", call, body)
				require.Equal(t, exceptions["json_parse"], a.json()["exception"])
			}
		}
	})
	t.Run("JSON that is no object", func(t *testing.T) {
		for _, call := range needed {
			for _, body := range []string{`"text"`, `7`, `true`} {
				a := s.call(t, "app", call, body)
				require.Equal(t, 400, a.status, "%s %s: %s", call, body, a.body)
				require.Contains(t, []any{"json_parse", "invalid_parameter"}, a.json()["error"])
			}
		}
	})
	t.Run("too large", func(t *testing.T) {
		for _, call := range needed {
			s.call(t, "app", call, `{"x":"`+strings.Repeat("x", 1<<20)+`"}`).fails(413, "Request Entity Too Large", "Request Entity Too Large")
		}
	})
	t.Run("a type that cannot be JSON", func(t *testing.T) {
		for _, call := range needed[:len(needed)-1] {
			for _, kind := range []string{"application/xml", "text/xml", "multipart/form-data; boundary=x"} {
				r := request("app", call, `{}`)
				r.Header.Set("Content-Type", kind)
				s.send(t, r).fails(415, "web_application", "Unsupported Media Type")
			}
		}
	})
	t.Run("no file in an upload", func(t *testing.T) {
		for kind, body := range map[string]string{
			"multipart/form-data; boundary=x":  "--x\r\nContent-Disposition: form-data; name=\"other\"\r\n\r\n1\r\n--x--\r\n",
			"multipart/form-data; boundary=x ": "--x--\r\n",
			"multipart/form-data; boundary=y":  "",
			"application/json":                 `{}`,
			"multipart/form-data":              "--x--\r\n",
		} {
			r := request("app", "POST /chatgroups/g/share_files", body)
			r.Header.Set("Content-Type", kind)
			s.send(t, r).fails(400, "illegal_argument", "file must be provided.")
		}
	})
	t.Run("other values that are not valid", func(t *testing.T) {
		for _, c := range []struct{ call, body string }{
			{"PUT /chatgroups/g", `{"groupname":""}`}, {"PUT /chatgroups/g", `{"maxusers":0}`}, {"PUT /chatgroups/g", `{"maxusers":-1}`},
			{"PUT /chatgroups/g", `{"maxusers":1000000}`}, {"PUT /chatgroups/g", `{"maxusers":1.5}`}, {"PUT /chatgroups/g", `{"groupname":"a\u0000b"}`},
			{"POST /chatgroups/g/mute", `{"usernames":["user2"],"mute_duration":0}`}, {"POST /chatgroups/g/mute", `{"usernames":["user2"],"mute_duration":-2}`},
			{"POST /chatgroups/g/users", `{"usernames":[""]}`}, {"POST /chatgroups/g/admin", `{"newadmin":""}`},
			{"POST /chatgroups", `{"groupname":"n","public":true,"owner":""}`},
		} {
			a := s.call(t, "app", c.call, c.body)
			require.Equal(t, 400, a.status, "%s %s: %s", c.call, c.body, a.body)
			require.Equal(t, "invalid_parameter", a.json()["error"], "%s %s", c.call, c.body)
		}
	})
}

func TestErrors_permission(t *testing.T) {
	t.Parallel()
	s := errorServer(t)
	for name, c := range map[string]struct{ who, call, body string }{
		"a role too low":              {"of:user2", "POST /chatgroups/g/mute", `{"usernames":["user4"],"mute_duration":-1}`},
		"an admin, the owner's right": {"of:user3", "DELETE /chatgroups/g", ""},
		"an outsider":                 {"of:user6", "GET /chatgroups/g/users", ""},
		"blacklisted":                 {"of:user5", "GET /chatgroups/g/announcement", ""},
		"adding is the app's":         {"of:user1", "POST /chatgroups/g/users/user6", ""},
		"another's groups":            {"of:user2", "GET /users/user1/joined_chatgroups", ""},
		"a group for another":         {"of:user2", "POST /chatgroups", `{"groupname":"n","public":true,"owner":"user1"}`},
		"an admin mutes an admin":     {"of:user3", "POST /chatgroups/g/mute", `{"usernames":["user3"],"mute_duration":-1}`},
	} {
		t.Run(name, func(t *testing.T) {
			a := s.call(t, c.who, c.call, nonempty(c.body)...)
			require.Equal(t, 403, a.status, "%s", a.body)
			require.Equal(t, "forbidden_op", a.json()["error"])
			require.True(t, strings.HasPrefix(a.json()["error_description"].(string), "you have no permission to do this, "), "%s", a.body)
		})
	}
}

func TestErrors_server(t *testing.T) {
	t.Parallel()
	t.Run("wrong method", func(t *testing.T) {
		t.Parallel()
		s := errorServer(t)
		for call, allow := range map[string]string{
			"PATCH /chatgroups/g": "DELETE, GET, HEAD, PUT", "PUT /chatgroups": "GET, HEAD, POST", "PUT /chatgroups/g/users/user2": "DELETE, POST",
			"DELETE /chatgroups/g/mute": "GET, HEAD, POST", "GET /chatgroups/g/quit": "DELETE", "POST /publicchatgroups": "GET, HEAD", "GET /token": "POST",
			"POST /chatgroups/user/user1": "GET, HEAD",
		} {
			a := s.send(t, request("app", call))
			require.Equal(t, http.StatusMethodNotAllowed, a.status, call)
			require.Equal(t, "method_not_allowed", a.json()["error"], call)
			for m := range strings.SplitSeq(allow, ", ") {
				if m != "HEAD" {
					require.Contains(t, a.header.Get("Allow"), m, call)
				}
			}
		}
	})
	t.Run("the store fails", func(t *testing.T) {
		t.Parallel()
		var failing *failingStore
		s := setup(t, func(set *settings) { failing = set.store })
		s.group(t, "g", "user1", "user2")
		failing.fail(fmt.Errorf("disk: %w", store.ErrNoSpace))
		for _, call := range []string{"GET /chatgroups", "GET /chatgroups/g", "DELETE /chatgroups/g", "POST /chatgroups/g/users/user3", "GET /chatgroups/g/mute"} {
			a := s.call(t, "app", call)
			require.Equal(t, 503, a.status, "%s: %s", call, a.body)
			require.Equal(t, "service_unavailable", a.json()["error"])
			require.NotContains(t, string(a.body), "disk", "the cause is for the log")
		}
	})
	t.Run("a panic", func(t *testing.T) {
		t.Parallel()
		s := setup(t, func(set *settings) {
			set.engine.Guard = func(_ context.Context, _ groupkit.Command, _ groupkit.Scope) error { panic("in a guard") }
		})
		a := s.call(t, "app", "POST /chatgroups", `{"groupname":"n","public":true,"owner":"user1"}`)
		require.Equal(t, 500, a.status)
		require.Equal(t, "internal_server_error", a.json()["error"])
		require.NotContains(t, string(a.body), "guard")
		require.Equal(t, 200, s.call(t, "app", "GET /chatgroups").status, "and it goes on")
	})
	t.Run("refused by the application", func(t *testing.T) {
		t.Parallel()
		s := setup(t, func(set *settings) {
			set.engine.Guard = func(_ context.Context, _ groupkit.Command, _ groupkit.Scope) error { return errors.New("not today") }
		})
		a := s.call(t, "app", "POST /chatgroups", `{"groupname":"n","public":true,"owner":"user1"}`)
		require.Equal(t, 403, a.status)
		require.Equal(t, "forbidden_op", a.json()["error"])
	})
	t.Run("too many calls", func(t *testing.T) {
		t.Parallel()
		s := setup(t, func(set *settings) { set.rest.Limit = never{} })
		a := s.call(t, "app", "GET /chatgroups")
		a.fails(429, "reach_limit", "This request has reached api limit")
		require.Equal(t, "2", a.header.Get("Retry-After"), "1.5 s, rounded up")
	})
}

// never is a Limiter that lets nothing pass.
type never struct{}

func (never) Allow(*rest.App, rest.Caller, *http.Request) (time.Duration, bool) {
	return 1500 * time.Millisecond, false
}
