package rest_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"groupkit"
)

// sixtyOne is a list of names that is one too long, for a path and for a body.
func sixtyOne() (path, body string) {
	list := make([]string, 61)
	for i := range list {
		list[i] = fmt.Sprint("u", i)
	}
	return strings.Join(list, ","), `["` + strings.Join(list, `","`) + `"]`
}

func TestMembers_List(t *testing.T) {
	t.Parallel()
	s := setup(t)
	id := s.group(t)
	path := "/chatgroups/" + string(id) + "/users"
	for query, want := range map[string]string{
		"":                                   `[{"member":"admin"},{"member":"member"},{"owner":"owner"}]`,
		"?pagenum=0&pagesize=2":              `[{"member":"admin"},{"member":"member"}]`,
		"?pagenum=2&pagesize=2":              `[{"owner":"owner"}]`,
		"?pagenum=-1&pagesize=0":             `[{"member":"admin"}]`,
		"?pagenum=x&pagesize=x":              `[{"member":"admin"},{"member":"member"},{"owner":"owner"}]`,
		"?pagenum=3&pagesize=2":              `[]`,
		"?pagenum=99999999999999999999":      `[]`,
		"?limit=99999999999999999999":        `[{"admin":"admin"},{"member":"member"},{"owner":"owner"}]`,
		"?cursor=":                           `[{"admin":"admin"},{"member":"member"},{"owner":"owner"}]`,
		"?cursor=undefined&joined_time=true": `[{"admin":"admin","joined_time":T},{"member":"member","joined_time":T},{"owner":"owner","joined_time":T}]`,
	} {
		t.Run(query, func(t *testing.T) {
			want := strings.ReplaceAll(want, "T", fmt.Sprint(s.clock.Now().UnixMilli()))
			o := s.answer(t, request{path: path + query})
			b, err := json.Marshal(o["data"])
			require.NoError(t, err)
			require.JSONEq(t, want, string(b))
			require.Equal(t, json.Number(fmt.Sprint(len(o["data"].([]any)))), o["count"])
		})
	}
	t.Run("cursor", func(t *testing.T) {
		var seen []string
		cursor := ""
		for range 3 {
			o := s.answer(t, request{path: path + "?limit=1&cursor=" + url.QueryEscape(cursor)})
			for role, user := range o["data"].([]any)[0].(object) {
				seen = append(seen, role+" "+user.(string))
			}
			cursor, _ = o["cursor"].(string)
		}
		require.Equal(t, []string{"admin admin", "member member", "owner owner"}, seen)
		require.Empty(t, cursor)
	})
	s.refused(t, request{path: "/chatgroups/x/users"}, 404, "service_resource_not_found", "do not find this group:x")
	s.refused(t, request{path: path, token: "u-other"}, 404, "service_resource_not_found", "do not find this group:"+string(id))
}

func TestMembers_Add(t *testing.T) {
	t.Parallel()
	s := setup(t)
	id := string(s.group(t))
	path := "/chatgroups/" + id + "/users"
	post := func(tail, body string) request { return request{method: "POST", path: path + tail, body: body} }

	require.JSONEq(t, `{"result":true,"groupid":"`+id+`","action":"add_member","user":"user1"}`, s.data(t, post("/user1", "")))
	require.JSONEq(t, `{"newmembers":["user2"],"groupid":"`+id+`","action":"add_member"}`, s.data(t, post("", `{"usernames":["user2"]}`)))
	require.JSONEq(t, `{"newmembers":["user3"],"groupid":"`+id+`","action":"add_member"}`, s.data(t, post("", `{"usernames":["user1","user3","nobody","user3",""]}`)))
	require.JSONEq(t, `{"newmembers":["user4","user5"],"groupid":"`+id+`","action":"add_member"}`, s.data(t, post("/user4%2C,user5", "")))
	require.JSONEq(t, `{"result":true,"groupid":"`+id+`","action":"add_member","user":"user6"}`, s.data(t, post("/user6,", "{")))

	s.refused(t, post("/user1", ""), 403, "forbidden_op", "can not join this group, reason:user: user1 already in group: "+id+"\n")
	s.refused(t, post("/nobody", ""), 404, "resource_not_found", "username nobody doesn't exist!")
	s.refused(t, post("", `{"usernames":["nobody","user1"]}`), 404, "resource_not_found", "username nobody doesn't exist!")
	s.refused(t, post("", `{"usernames":[]}`), 400, "invalid_parameter", "usernames must be provided")
	s.refused(t, post("", ``), 400, "invalid_parameter", "usernames must be provided")
	s.refused(t, post("/,", ``), 400, "invalid_parameter", "username must be provided")
	s.refused(t, request{method: "POST", path: "/chatgroups/x/users/user7"}, 404, "resource_not_found", "grpID x does not exist!")
	q := post("/user7", "")
	q.token = "u-owner"
	s.refused(t, q, 403, "forbidden_op", "you have no permission to do this, only the system may do this")
	_, many := sixtyOne()
	s.refused(t, post("", `{"usernames":`+many+`}`), 403, "exceed_limit", "members size is greater than max user size !")

	_, err := s.engine.System().Block(t.Context(), groupkit.GroupID(id), groupkit.Forever, "user1")
	require.NoError(t, err)
	s.refused(t, post("/user1", ""), 403, "forbidden_op", "can not join this group, reason:user: user1 is in the blacklist of group: "+id)
	_, err = s.engine.System().UpdateGroup(t.Context(), groupkit.GroupID(id), groupkit.GroupUpdate{MaxUsers: new(8)})
	require.NoError(t, err)
	s.refused(t, post("/user7", ""), 403, "exceed_limit", "members size is greater than max user size !")
}

func TestMembers_Remove(t *testing.T) {
	t.Parallel()
	s := setup(t)
	id := string(s.group(t, func(n *groupkit.NewGroup) { n.Members = append(n.Members, "user1", "user2", "user3") }))
	remove := func(users string) request {
		return request{method: "DELETE", path: "/chatgroups/" + id + "/users/" + users}
	}
	require.JSONEq(t, `{"result":true,"action":"remove_member","user":"user1","groupid":"`+id+`"}`, s.data(t, remove("user1")))
	require.JSONEq(t, strings.ReplaceAll(`[
		{"result":false,"action":"remove_member","reason":"user nobody doesn't exist.","user":"nobody","groupid":"G"},
		{"result":false,"action":"remove_member","reason":"user: user1 doesn't exist in group: G","user":"user1","groupid":"G"},
		{"result":false,"action":"remove_member","reason":"forbidden operation on group owner!","user":"owner","groupid":"G"},
		{"result":true,"action":"remove_member","user":"user2","groupid":"G"}]`, "G", id), s.data(t, remove("nobody,user1,owner,user2")))

	s.refused(t, remove("user1"), 403, "forbidden_op", "users [user1] are not members of this group!")
	s.refused(t, remove("user1,owner,nobody"), 403, "forbidden_op", "users [user1, nobody] are not members of this group!")
	s.refused(t, remove("owner,user1"), 403, "forbidden_op", "forbidden operation on group owner!")
	many, _ := sixtyOne()
	s.refused(t, remove(many), 400, "invalid_parameter", "kickMember: kickMembers number more than maxSize : 60")
	q := remove("user3")
	q.token = "u-member"
	s.refused(t, q, 403, "forbidden_op", "you have no permission to do this, role is too low")
	q = remove("admin")
	q.token = "u-admin"
	status, _, description := s.fault(t, q)
	require.Equal(t, 403, status)
	require.Contains(t, description, "you have no permission to do this, ")
}

func TestAdmins(t *testing.T) {
	t.Parallel()
	s := setup(t, func(set *setting) { set.engine.Limits.Admins = 3 })
	id := string(s.group(t, public))
	path := "/chatgroups/" + id + "/admin"
	add := func(user string) request {
		return request{method: "POST", path: path, body: fmt.Sprintf(`{"newadmin":%q}`, user)}
	}
	remove := func(user string) request { return request{method: "DELETE", path: path + "/" + user} }

	o := s.answer(t, request{path: path})
	require.Equal(t, []any{"admin"}, o["data"])
	require.Equal(t, json.Number("1"), o["count"])
	o = s.answer(t, add("member"))
	require.Equal(t, "post", o["action"])
	require.Equal(t, object{"result": "success", "newadmin": "member"}, o["data"])
	require.Equal(t, []any{"admin", "member"}, s.answer(t, request{path: path})["data"])

	s.refused(t, add("member"), 403, "forbidden_op", "user:member is already admin of group:"+id)
	s.refused(t, add("owner"), 403, "forbidden_op", "forbidden operation on group owner!")
	s.refused(t, add("nobody"), 404, "resource_not_found", "user: nobody doesn't exist in group: "+id)
	s.refused(t, add(""), 400, "invalid_parameter", "newadmin must be provided")
	require.NoError(t, s.engine.System().AddMember(t.Context(), groupkit.GroupID(id), "user1"))
	s.refused(t, add("user1"), 403, "exceed_limit", "admins size is greater than max limit : 3")
	q := add("user1")
	q.token = "u-other"
	s.refused(t, q, 403, "forbidden_op", "you have no permission to do this, not a member of the group")

	require.JSONEq(t, `{"result":"success","oldadmin":"member"}`, s.data(t, remove("member")))
	for _, user := range []string{"member", "owner", "nobody"} {
		s.refused(t, remove(user), 403, "forbidden_op", "user:"+user+" is not admin of group:"+id)
	}
}

func TestBlocks(t *testing.T) {
	t.Parallel()
	s := setup(t)
	id := string(s.group(t, func(n *groupkit.NewGroup) { n.Members = append(n.Members, "user1", "user2", "user3", "user4") }))
	path := "/chatgroups/" + id + "/blocks/users"
	add := func(tail, body string) request { return request{method: "POST", path: path + tail, body: body} }
	remove := func(users string) request { return request{method: "DELETE", path: path + "/" + users} }
	one := func(action, user string) string {
		return fmt.Sprintf(`{"result":true,"action":%q,"user":%q,"groupid":%q}`, action, user, id)
	}

	require.JSONEq(t, one("add_blocks", "user1"), s.data(t, add("/user1", "")))
	require.JSONEq(t, one("add_blocks", "user2"), s.data(t, add("", `{"usernames":["user2","user2"]}`)))
	require.JSONEq(t, `[{"result":false,"action":"add_blocks","reason":"user: user1 doesn't exist in group: `+id+`","user":"user1","groupid":"`+id+`"},`+
		one("add_blocks", "user3")+`]`, s.data(t, add("", `{"usernames":["user1","user3"]}`)))
	o := s.answer(t, request{path: path + "/"})
	require.Equal(t, []any{"user1", "user2", "user3"}, o["data"])
	require.Equal(t, json.Number("3"), o["count"])

	s.refused(t, add("/nobody", ""), 403, "forbidden_op", "users [nobody] are not members of this group!")
	s.refused(t, add("", `{"usernames":["user1","nobody"]}`), 403, "forbidden_op", "users [user1, nobody] are not members of this group!")
	s.refused(t, add("/owner", ""), 403, "forbidden_op", "forbidden operation on group owner!")
	names, list := sixtyOne()
	s.refused(t, add("", `{"usernames":`+list+`}`), 400, "invalid_parameter", "userNames is more than max limit : 60")
	s.refused(t, remove(names), 400, "invalid_parameter", "removeBlacklist: list size more than max limit : 60")
	s.refused(t, request{path: path, token: "u-user1"}, 403, "forbidden_op", "you have no permission to do this, on the blacklist of the group")

	require.JSONEq(t, one("remove_blocks", "user1"), s.data(t, remove("user1")))
	require.JSONEq(t, `[`+one("remove_blocks", "user2")+`,{"result":false,"action":"remove_blocks","reason":"username nobody doesn't exist!","user":"nobody","groupid":"`+id+`"},
		{"result":false,"action":"remove_blocks","reason":"user: user1 doesn't exist in group: `+id+`","user":"user1","groupid":"`+id+`"}]`, s.data(t, remove("user2,nobody,user1")))
	s.refused(t, remove("nobody"), 404, "resource_not_found", "username nobody doesn't exist!")
	s.refused(t, remove("user4"), 403, "forbidden_op", "users [user4] are not members of this group!")

	t.Run("outsiders", func(t *testing.T) {
		s := setup(t, func(set *setting) { set.engine.BlockOutsiders = true })
		id := string(s.group(t))
		block := request{method: "POST", path: "/chatgroups/" + id + "/blocks/users/user1"}
		s.answer(t, block)
		s.refused(t, block, 403, "forbidden_op", "users [user1] are not members of this group!")
	})
}

func TestMutes(t *testing.T) {
	t.Parallel()
	s := setup(t)
	id := string(s.group(t, func(n *groupkit.NewGroup) { n.Members = append(n.Members, "user1") }))
	path := "/chatgroups/" + id + "/mute"
	mute := func(body string) request { return request{method: "POST", path: path, body: body} }
	unmute := func(users string) request { return request{method: "DELETE", path: path + "/" + users} }

	at := s.clock.Now().UnixMilli()
	require.JSONEq(t, fmt.Sprintf(`[{"result":true,"expire":%d,"user":"member"}]`, at+86400000), s.data(t, mute(`{"usernames":["member"],"mute_duration":86400000}`)))
	require.JSONEq(t, `[{"result":true,"expire":4638873600000,"user":"admin"},{"result":false,"reason":"user: nobody doesn't exist in group: `+id+`","user":"nobody"}]`,
		s.data(t, mute(`{"usernames":["admin","nobody"],"mute_duration":"-1"}`)))
	require.JSONEq(t, `[{"result":true,"expire":4638873600000,"user":"user1"}]`, s.data(t, mute(`{"usernames":["user1"],"mute_duration":1e30}`)))
	o := s.answer(t, request{path: path})
	require.Equal(t, "post", o["action"])
	require.NotContains(t, o, "count")
	require.Equal(t, []any{
		object{"expire": json.Number("4638873600000"), "user": "admin"},
		object{"expire": json.Number(fmt.Sprint(at + 86400000)), "user": "member"},
		object{"expire": json.Number("4638873600000"), "user": "user1"},
	}, o["data"])

	s.refused(t, mute(`{"usernames":["nobody","other"],"mute_duration":1}`), 400, "invalid_parameter", "users [nobody, other] are not members of this group!")
	s.refused(t, mute(`{"usernames":["owner"],"mute_duration":1}`), 403, "forbidden_op", "forbidden operation on group owner!")
	s.refused(t, mute(`{"usernames":["member"],"mute_duration":0}`), 400, "invalid_parameter", "mute_duration is 0s (more than 0, or Forever)")
	s.refused(t, mute(`{"usernames":["member"],"mute_duration":1.5}`), 400, "invalid_parameter", "mute_duration must be provided")
	s.refused(t, mute(`{"usernames":["member"]}`), 400, "invalid_parameter", "mute_duration must be provided")
	names, list := sixtyOne()
	s.refused(t, mute(`{"usernames":`+list+`,"mute_duration":1}`), 400, "invalid_parameter", "userNames size is more than max limit : 60")
	s.refused(t, unmute(names), 400, "invalid_parameter", "removeMute member size more than max limit : 60")

	require.JSONEq(t, `[{"result":true,"user":"member"}]`, s.data(t, unmute("member")))
	require.JSONEq(t, `[{"result":true,"user":"member"},{"result":true,"user":"nobody"},{"result":true,"user":"`+strings.Repeat("n", 300)+`"}]`,
		s.data(t, unmute("member,nobody,"+strings.Repeat("n", 300))))
	q := unmute("admin")
	q.token = "u-admin"
	status, _, _ := s.fault(t, q)
	require.Equal(t, 403, status)

	require.JSONEq(t, `{"mute":true}`, s.data(t, request{method: "POST", path: "/chatgroups/" + id + "/ban", body: "{"}))
	require.True(t, s.answer(t, request{path: "/chatgroups/" + id})["data"].([]any)[0].(object)["mute"].(bool))
	require.JSONEq(t, `{"mute":false}`, s.data(t, request{method: "DELETE", path: "/chatgroups/" + id + "/ban"}))
}

func TestAllowList(t *testing.T) {
	t.Parallel()
	s := setup(t)
	id := string(s.group(t))
	path := "/chatgroups/" + id + "/white/users"
	add := func(tail, body string) request { return request{method: "POST", path: path + tail, body: body} }
	remove := func(users string) request { return request{method: "DELETE", path: path + "/" + users} }
	one := func(action, user string) string {
		return fmt.Sprintf(`{"result":true,"action":%q,"user":%q,"groupid":%q}`, action, user, id)
	}
	require.JSONEq(t, one("add_user_whitelist", "member"), s.data(t, add("/member", "")))
	require.JSONEq(t, `[`+one("add_user_whitelist", "admin")+`]`, s.data(t, add("", `{"usernames":["admin"]}`)))
	o := s.answer(t, request{path: path})
	require.Equal(t, []any{"admin", "member"}, o["data"])
	require.Equal(t, json.Number("2"), o["count"])
	require.JSONEq(t, `[`+one("remove_user_whitelist", "member")+`]`, s.data(t, remove("member")))
	s.refused(t, remove("member"), 403, "forbidden_op", "users [member] are not in the white list of this group!")
	s.refused(t, add("/admin", ""), 403, "forbidden_op", "user: admin is already in the white list of group: "+id)
	s.refused(t, add("/other", ""), 403, "forbidden_op", "users [other] are not members of this group!")
	names, list := sixtyOne()
	s.refused(t, add("", `{"usernames":`+list+`}`), 400, "invalid_parameter", "usernames size is more than max limit : 60")
	s.refused(t, remove(names), 400, "invalid_parameter", "removeWhitelist size is more than max limit : 60")
}

func TestAnnouncement(t *testing.T) {
	t.Parallel()
	s := setup(t)
	id := string(s.group(t))
	path := "/chatgroups/" + id + "/announcement"
	set := func(body string) request { return request{method: "POST", path: path, body: body} }
	o := s.answer(t, request{path: path})
	require.Equal(t, object{"announcement": ""}, o["data"])
	require.Equal(t, json.Number("0"), o["count"])
	require.JSONEq(t, `{"id":"`+id+`","result":true}`, s.data(t, set(`{"announcement":"<b>…"}`)))
	require.Contains(t, s.do(t, request{path: path}).Body.String(), `"data":{"announcement":"<b>…"}`)
	s.answer(t, set(`{"announcement":""}`))
	require.JSONEq(t, `{"announcement":""}`, s.data(t, request{path: path}))
	for _, body := range []string{``, `null`, `{}`, `{"announcement":null}`} {
		s.refused(t, set(body), 400, "illegal_argument", "announcement is null")
	}
	s.refused(t, set(`{"announcement":1}`), 400, "invalid_parameter", "announcement must be provided")
	s.refused(t, set(`{"announcement":"`+strings.Repeat("x", 513)+`"}`), 403, "FORBIDDEN", "announce info length exceeds limit!")
}
