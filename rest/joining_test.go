package rest_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"groupkit"
)

func TestJoining(t *testing.T) {
	t.Parallel()
	s := setup(t)
	id := string(s.group(t, public, func(n *groupkit.NewGroup) { n.MembersOnly, n.MaxUsers = true, 5 }))
	post := func(tail, token, body string) request {
		return request{method: "POST", path: "/chatgroups/" + id + "/" + tail, token: token, body: body}
	}
	one := func(action, user string) string {
		return fmt.Sprintf(`{"result":true,"action":%q,"user":%q,"id":%q}`, action, user, id)
	}
	standing := func(user groupkit.UserID) groupkit.Standing {
		out, err := s.engine.System().Standing(t.Context(), groupkit.GroupID(id), user)
		require.NoError(t, err)
		return out
	}

	require.JSONEq(t, one("apply", "user1"), s.data(t, post("apply", "u-user1", `{"message":"please"}`)))
	require.Equal(t, "please", standing("user1").Request.Reason)
	require.JSONEq(t, one("apply", "user2"), s.data(t, post("apply", "u-user2", ``)))
	require.JSONEq(t, one("applyVerify", "user1"), s.data(t, post("apply_verify", "u-admin", `{"applicant":"user1","verifyResult":true}`)))
	require.Equal(t, groupkit.RoleMember, standing("user1").Role)
	require.JSONEq(t, one("applyVerify", "user2"), s.data(t, post("apply_verify", "app", `{"applicant":"user2","verifyResult":false,"reason":"no"}`)))
	require.Nil(t, standing("user2").Request)
	s.refused(t, post("apply_verify", "app", `{"applicant":"user2","verifyResult":true}`), 404, "resource_not_found", "user: user2 has not applied to join group: "+id)
	s.refused(t, post("apply_verify", "app", `{"applicant":"user2"}`), 400, "invalid_parameter", "verifyResult must be provided")
	s.refused(t, post("apply_verify", "app", `{"verifyResult":true}`), 400, "invalid_parameter", "applicant must be provided")
	s.refused(t, post("apply", "app", ``), 403, "forbidden_op", "you have no permission to do this, only a user may")
	s.refused(t, post("apply", "u-user1", ``), 403, "forbidden_op", "can not join this group, reason:user: user1 already in group: "+id+"\n")
	s.refused(t, post("apply", "u-user2", `{"message":1}`), 400, "invalid_parameter", "message must be provided")

	require.JSONEq(t, `[`+one("invite", "user2")+`,{"result":false,"action":"invite","reason":"can not join this group, reason:user: user1 already in group: `+id+`\n","user":"user1","id":"`+id+`"}]`,
		s.data(t, post("invite", "u-owner", `{"usernames":["user2","user1"]}`)))
	require.JSONEq(t, `[`+one("invite", "user3")+`]`, s.data(t, post("invite", "app", `{"usernames":["user3"]}`)))
	s.refused(t, post("invite_verify", "u-user1", `{"invitee":"user2","verifyResult":true}`), 403, "forbidden_op", "you have no permission to do this, only the invited user may")
	require.JSONEq(t, one("inviteVerify", "user2"), s.data(t, post("invite_verify", "u-user2", `{"invitee":"user2","verifyResult":true}`)))
	require.Equal(t, groupkit.RoleMember, standing("user2").Role)
	s.refused(t, post("invite_verify", "u-user3", `{"invitee":"user3","verifyResult":true}`), 403, "forbidden_op", "group member list is full!")
	require.JSONEq(t, one("inviteVerify", "user3"), s.data(t, post("invite_verify", "app", `{"invitee":"user3","verifyResult":false}`)))
	s.refused(t, post("invite_verify", "app", `{"invitee":"user3","verifyResult":true}`), 404, "resource_not_found", "user: user3 is not invited to group: "+id)
	_, many := sixtyOne()
	s.refused(t, post("invite", "app", `{"usernames":`+many+`}`), 400, "invalid_parameter", "usernames size is more than max limit : 60")

	quit := request{method: "DELETE", path: "/chatgroups/" + id + "/quit", token: "u-user2"}
	require.JSONEq(t, `{"result":true}`, s.data(t, quit))
	s.refused(t, quit, 403, "forbidden_op", "users [user2] are not members of this group!")
	quit.token = "u-owner"
	s.refused(t, quit, 403, "forbidden_op", "owner can not quit group")
	quit.token = "app"
	s.refused(t, quit, 403, "forbidden_op", "you have no permission to do this, only a user may")

	_, err := s.engine.System().Block(t.Context(), groupkit.GroupID(id), groupkit.Forever, "user1")
	require.NoError(t, err)
	s.refused(t, post("apply", "u-user1", ``), 403, "forbidden_op", "can not join this group, reason:user: user1 is in the blacklist of group: "+id)
}

func TestJoined(t *testing.T) {
	t.Parallel()
	s := setup(t)
	for i := range 12 {
		s.group(t, func(n *groupkit.NewGroup) {
			n.Name, n.ID = fmt.Sprint("g", i), groupkit.GroupID(fmt.Sprintf("id%02d", i))
		})
		s.clock.Advance(time.Second)
	}
	path := "/users/member/joined_chatgroups"
	o := s.answer(t, request{path: path})
	require.Equal(t, json.Number("12"), o["count"])
	require.ElementsMatch(t, []string{"groupid", "groupname"}, keys(o["data"].([]any)[0]))
	require.Len(t, s.answer(t, request{path: path + "?pagenum=1"})["data"], 10)
	require.Len(t, s.answer(t, request{path: path + "?pagenum=2"})["data"], 2)
	require.Len(t, s.answer(t, request{path: path + "?pagesize=3", token: "u-member"})["data"], 3)
	require.Equal(t, []any{}, s.answer(t, request{path: "/users/other/joined_chatgroups"})["data"])
	s.refused(t, request{path: "/users/nobody/joined_chatgroups"}, 404, "resource_not_found", "username nobody doesn't exist!")
	s.refused(t, request{path: path, token: "u-other"}, 403, "forbidden_op", "you have no permission to do this, only the system may do this")

	t.Run("with roles", func(t *testing.T) {
		o := s.answer(t, request{path: "/chatgroups/user/admin"})
		require.NotContains(t, o, "data")
		require.NotContains(t, o, "count")
		require.Equal(t, json.Number("12"), o["total"])
		require.Len(t, o["entities"], 5)
		first := o["entities"].([]any)[0].(object)
		require.ElementsMatch(t, strings.Fields("groupId name owner description public membersonly allowinvites maxusers affiliations_count permission disabled created"), keys(first))
		require.Equal(t, []any{"admin", false, "owner", json.Number("3")}, []any{first["permission"], first["disabled"], first["owner"], first["affiliations_count"]})
		require.Equal(t, "owner", s.answer(t, request{path: "/chatgroups/user/owner"})["entities"].([]any)[0].(object)["permission"])
		require.Len(t, s.answer(t, request{path: "/chatgroups/user/admin?pagenum=2"})["entities"], 2)
		require.Len(t, s.answer(t, request{path: "/chatgroups/user/admin?pagesize=99&pagenum=0"})["entities"], 12)
		require.Empty(t, s.answer(t, request{path: "/chatgroups/user/admin?pagenum=99999999999999999999"})["entities"])
		require.Equal(t, []any{}, s.answer(t, request{path: "/chatgroups/user/other"})["entities"])
	})
	t.Run("public", func(t *testing.T) {
		o := s.answer(t, request{path: "/publicchatgroups"})
		require.Equal(t, []any{}, o["data"])
		require.Equal(t, json.Number("0"), o["count"])
		for i := range 3 {
			s.group(t, public, func(n *groupkit.NewGroup) { n.ID = groupkit.GroupID(fmt.Sprint("p", i)) })
			s.clock.Advance(time.Second)
			s.group(t)
			s.clock.Advance(time.Second)
		}
		var seen []any
		cursor := ""
		for more := true; more; more = cursor != "" {
			o := s.answer(t, request{path: "/publicchatgroups?limit=2&cursor=" + cursor, token: "u-member"})
			require.LessOrEqual(t, len(o["data"].([]any)), 2)
			for _, g := range o["data"].([]any) {
				seen = append(seen, g.(object)["groupid"])
			}
			cursor, _ = o["cursor"].(string)
		}
		require.Equal(t, []any{"p2", "p1", "p0"}, seen)
	})
}

func keys(o any) (out []string) {
	for key := range o.(object) {
		out = append(out, key)
	}
	return out
}
