package wire

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"groupkit"
)

func TestShapes_groups(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.create(t, groupkit.NewGroup{ID: "g1", Name: "one", Owner: "user1", Public: true}, "user2", "user3")
	s.create(t, groupkit.NewGroup{ID: "g2", Name: "two", Owner: "user2"})

	t.Run("every entry, the newest first", func(t *testing.T) {
		at := []int64{noon.UnixMilli(), noon.Add(time.Second).UnixMilli()}
		s.call(t, "app", "GET /chatgroups").is(fmt.Sprintf(`{"data": [
			{"groupid": "g2", "groupname": "two", "owner": "chat-demo#testapp_user2", "affiliations": 1, "type": "group",
			 "lastModified": %[1]d, "last_modified": "%[1]d", "created": %[1]d},
			{"groupid": "g1", "groupname": "one", "owner": "chat-demo#testapp_user1", "affiliations": 3, "type": "group",
			 "lastModified": %[2]d, "last_modified": "%[2]d", "created": %[2]d}], "count": 2}`, at[1], at[0]))
	})
	t.Run("a cursor only where there is a next page", func(t *testing.T) {
		a := s.call(t, "app", "GET /chatgroups?limit=1")
		cursor, _ := a.json()["cursor"].(string)
		require.NotEmpty(t, cursor)
		next := s.call(t, "app", "GET /chatgroups?limit=1&cursor="+cursor)
		require.Contains(t, string(next.body), `"groupid":"g1"`)
		require.NotContains(t, next.json(), "cursor", "the last page")
		require.NotContains(t, s.call(t, "app", "GET /chatgroups?limit=2").json(), "cursor")
	})
	t.Run("a user sees what it can see", func(t *testing.T) {
		require.Equal(t, number("1"), s.call(t, "of:user3", "GET /chatgroups").json()["count"])
		require.Equal(t, number("2"), s.call(t, "of:user2", "GET /chatgroups").json()["count"])
	})
}

func TestShapes_joined(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.create(t, groupkit.NewGroup{ID: "g1", Name: "one", Owner: "user1"}, "user2")
	s.call(t, "app", "GET /users/user2/joined_chatgroups").is(`{"data": [{"groupid": "g1", "groupname": "one"}], "count": 1}`)
	s.call(t, "app", "GET /users/user3/joined_chatgroups").is(`{"data": [], "count": 0}`)
}

func TestShapes_details(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.create(t, groupkit.NewGroup{ID: "g", Name: "n", Description: "d", Owner: "user2", Public: true, Custom: "c", Avatar: "a", MaxUsers: 50}, "user1", "user3")
	require.NoError(t, s.engine.System().AddAdmin(t.Context(), "g", "user3"))
	s.group(t, "plain", "user1")

	t.Run("the whole", func(t *testing.T) {
		s.call(t, "app", "GET /chatgroups/g").is(fmt.Sprintf(`{"count": 1, "data": [{"id": "g", "name": "n", "description": "d",
			"membersonly": false, "allowinvites": false, "invite_need_confirm": true, "maxusers": 50, "owner": "user2", "created": %d,
			"custom": "c", "mute": false, "affiliations_count": 3, "avatar": "a",
			"affiliations": [{"member": "user1"}, {"member": "user3"}, {"owner": "user2"}], "public": true}]}`, noon.UnixMilli()))
	})
	t.Run("the order of the keys", func(t *testing.T) {
		order := `"id".*"name".*"description".*"membersonly".*"allowinvites".*"invite_need_confirm".*"maxusers".*"owner".*"created".*"custom".*"mute".*"affiliations_count".*`
		require.Regexp(t, regexp.MustCompile(order+`"avatar".*"affiliations":.*"public"`), string(s.call(t, "app", "GET /chatgroups/g").body))
		require.Regexp(t, regexp.MustCompile(order+`"affiliations":.*"public"`), string(s.call(t, "app", "GET /chatgroups/plain").body))
	})
	t.Run("no avatar where none is set", func(t *testing.T) {
		require.NotContains(t, string(s.call(t, "app", "GET /chatgroups/plain").body), "avatar")
	})
	t.Run("mute of the whole group", func(t *testing.T) {
		s.call(t, "app", "POST /chatgroups/plain/ban")
		require.Contains(t, string(s.call(t, "app", "GET /chatgroups/plain").body), `"mute":true`)
	})
	t.Run("several, in the order asked, each once", func(t *testing.T) {
		ids := func(call string) (out []string) {
			for _, g := range s.call(t, "app", call).json()["data"].([]any) {
				out = append(out, g.(map[string]any)["id"].(string))
			}
			return out
		}
		require.Equal(t, []string{"plain", "g"}, ids("GET /chatgroups/plain,g"))
		require.Equal(t, []string{"g", "plain"}, ids("GET /chatgroups/g,plain,g,g"))
	})
	t.Run("one unknown", func(t *testing.T) {
		s.call(t, "app", "GET /chatgroups/x").fails(404, "service_resource_not_found", "do not find this group:x")
	})
	t.Run("several, some unknown", func(t *testing.T) {
		a := s.call(t, "app", "GET /chatgroups/x,g,y")
		require.Equal(t, number("1"), a.json()["count"])
		data := a.json()["data"].([]any)
		require.Len(t, data, 3)
		matches(t, map[string]any{"id": "x", "error": "group id doesn't exist"}, data[0])
		require.Equal(t, "g", data[1].(map[string]any)["id"])
		matches(t, map[string]any{"id": "y", "error": "group id doesn't exist"}, data[2])
	})
	t.Run("several, none known", func(t *testing.T) {
		s.call(t, "app", "GET /chatgroups/y,x").fails(404, "service_resource_not_found", "do not find this group:y")
	})
	t.Run("at most 100", func(t *testing.T) {
		many := make([]string, 101)
		for i := range many {
			many[i] = fmt.Sprintf("m%d", i)
		}
		many[50] = "g"
		a := s.call(t, "app", "GET /chatgroups/"+commas(many[:100]))
		require.Equal(t, 200, a.status, "%s", a.body)
		require.Len(t, a.json()["data"], 100)
		a = s.call(t, "app", "GET /chatgroups/"+commas(many))
		require.Equal(t, 400, a.status, "%s", a.body)
		require.Equal(t, "invalid_parameter", a.json()["error"])
	})
	t.Run("all members of a large group", func(t *testing.T) {
		names := s.names(250)
		s.create(t, groupkit.NewGroup{ID: "large", Owner: "user1", Public: true, MaxUsers: 300}, names[:100]...)
		for at := 100; at < 250; at += 50 {
			a := s.call(t, "app", "POST /chatgroups/large/users", `{"usernames":`+quoted(names[at:at+50])+`}`)
			require.Equal(t, 200, a.status, "%s", a.body)
		}
		data := s.call(t, "app", "GET /chatgroups/large").json()["data"].([]any)[0].(map[string]any)
		require.Len(t, data["affiliations"], 251)
		require.Equal(t, map[string]any{"owner": "user1"}, data["affiliations"].([]any)[250])
	})
}

func TestShapes_create(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.call(t, "app", "POST /chatgroups", `{"groupname":"n","public":true,"owner":"user1"}`).data(`{"groupid": "<text>"}`)
	t.Run("a public group does not allow invitations", func(t *testing.T) {
		s.call(t, "app", "POST /chatgroups", `{"groupid":"pub","groupname":"n","public":true,"owner":"user1","allowinvites":true}`)
		require.Contains(t, string(s.call(t, "app", "GET /chatgroups/pub").body), `"allowinvites":false`)
		s.call(t, "app", "POST /chatgroups", `{"groupid":"priv","groupname":"n","public":false,"owner":"user1","allowinvites":true}`)
		require.Contains(t, string(s.call(t, "app", "GET /chatgroups/priv").body), `"allowinvites":true`)
	})
	t.Run("a user creates its own group", func(t *testing.T) {
		a := s.call(t, "of:user2", "POST /chatgroups", `{"groupname":"n","public":true,"owner":"user2"}`)
		a.data(`{"groupid": "<text>"}`)
	})
	t.Run("the owner among the members", func(t *testing.T) {
		s.call(t, "app", "POST /chatgroups", `{"groupid":"self","groupname":"n","public":true,"owner":"user1","members":["user1","user2"]}`).data(`{"groupid": "self"}`)
		require.Contains(t, string(s.call(t, "app", "GET /chatgroups/self").body), `"affiliations_count":2`)
	})
}

func TestShapes_update(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.create(t, groupkit.NewGroup{ID: "g", Name: "n", Owner: "user1"}, "user2", "user3")
	details := func() map[string]any {
		return s.call(t, "app", "GET /chatgroups/g").json()["data"].([]any)[0].(map[string]any)
	}
	t.Run("every field", func(t *testing.T) {
		s.call(t, "app", "PUT /chatgroups/g", `{"groupname":"n2","description":"d2","maxusers":77,"membersonly":true,"allowinvites":true,
			"invite_need_confirm":false,"custom":"c2","avatar":"a2","newowner":"user2"}`).
			data(`{"groupname": true, "description": true, "maxusers": true, "membersonly": true, "allowinvites": true,
				"invite_need_confirm": true, "custom": true, "avatar": true, "newowner": true}`)
		got := details()
		for name, want := range map[string]any{
			"name": "n2", "description": "d2", "maxusers": number("77"), "membersonly": true, "allowinvites": true,
			"invite_need_confirm": false, "custom": "c2", "avatar": "a2", "owner": "user2",
		} {
			require.Equal(t, want, got[name], name)
		}
	})
	t.Run("nothing", func(t *testing.T) { s.call(t, "app", "PUT /chatgroups/g", `{}`).data(`{}`) })
	t.Run("a value that is there already", func(t *testing.T) {
		s.call(t, "app", "PUT /chatgroups/g", `{"groupname":"n2"}`).data(`{"groupname": true}`)
	})
	t.Run("all or nothing", func(t *testing.T) {
		for _, body := range []string{
			`{"groupname":"changed","newowner":"user5"}`, `{"groupname":"changed","maxusers":1}`, `{"groupname":"changed","public":true}`,
			`{"groupname":"changed","description":"a/b"}`, `{"newowner":"user3","groupname":""}`, `{"newowner":"user3","maxusers":1}`,
		} {
			a := s.send(t, request("app", "PUT /chatgroups/g", body))
			require.GreaterOrEqual(t, a.status, 400, body)
			require.Equal(t, "n2", details()["name"], body)
			require.Equal(t, "user2", details()["owner"], body)
		}
	})
	t.Run("a slash", func(t *testing.T) {
		for _, body := range []string{`{"groupname":"a/b"}`, `{"description":"a/b"}`, `{"desc":"a/b"}`} {
			a := s.call(t, "app", "PUT /chatgroups/g", body)
			require.Equal(t, 400, a.status, body)
			require.Equal(t, "invalid_parameter", a.json()["error"], body)
		}
		require.Equal(t, 200, s.call(t, "app", "POST /chatgroups", `{"groupname":"a/b","desc":"c/d","public":true,"owner":"user1"}`).status, "at creation it is allowed")
	})
}

func TestShapes_announcement(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.group(t, "g", "user1")
	s.call(t, "app", "GET /chatgroups/g/announcement").is(`{"data": {"announcement": ""}, "count": 0}`)
	s.call(t, "app", "POST /chatgroups/g/announcement", `{"announcement":"hello"}`).data(`{"id": "g", "result": true}`)
	s.call(t, "app", "GET /chatgroups/g/announcement").is(`{"data": {"announcement": "hello"}, "count": 0}`)
	s.call(t, "app", "POST /chatgroups/g/announcement", `{"announcement":""}`).data(`{"id": "g", "result": true}`)
	s.call(t, "app", "GET /chatgroups/g/announcement").is(`{"data": {"announcement": ""}, "count": 0}`)
}

func TestShapes_members(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.group(t, "g", "user2", "user1", "user3")
	require.NoError(t, s.engine.System().AddAdmin(t.Context(), "g", "user3"))

	t.Run("all", func(t *testing.T) {
		s.call(t, "app", "GET /chatgroups/g/users").is(`{"data": ["<set>", {"owner": "user2"}, {"member": "user1"}, {"member": "user3"}], "count": 3}`)
	})
	t.Run("pages hold everybody once", func(t *testing.T) {
		var all []any
		for page := 1; page <= 4; page++ {
			all = append(all, s.call(t, "app", fmt.Sprintf("GET /chatgroups/g/users?pagenum=%d&pagesize=1", page)).json()["data"].([]any)...)
		}
		matches(t, []any{"<set>", map[string]any{"owner": "user2"}, map[string]any{"member": "user1"}, map[string]any{"member": "user3"}}, all)
	})
	t.Run("add one by path", func(t *testing.T) {
		s.call(t, "app", "POST /chatgroups/g/users/user4").data(`{"result": true, "groupid": "g", "action": "add_member", "user": "user4"}`)
	})
	t.Run("add one by name", func(t *testing.T) {
		s.call(t, "app", "POST /chatgroups/g/users", `{"usernames":["user5"]}`).data(`{"newmembers": ["user5"], "groupid": "g", "action": "add_member"}`)
	})
	t.Run("add several, of whom some are members", func(t *testing.T) {
		s.call(t, "app", "POST /chatgroups/g/users", `{"usernames":["user5","user6","testuser"]}`).
			data(`{"newmembers": ["<set>", "user6", "testuser"], "groupid": "g", "action": "add_member"}`)
	})
	t.Run("remove one", func(t *testing.T) {
		s.call(t, "app", "DELETE /chatgroups/g/users/user4").data(`{"result": true, "action": "remove_member", "user": "user4", "groupid": "g"}`)
	})
	t.Run("remove several", func(t *testing.T) {
		s.call(t, "app", "DELETE /chatgroups/g/users/user5,user6").data(`[
			{"result": true, "action": "remove_member", "user": "user5", "groupid": "g"},
			{"result": true, "action": "remove_member", "user": "user6", "groupid": "g"}]`)
	})
}

func TestShapes_admins(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.group(t, "g", "user1", "user2")
	s.call(t, "app", "GET /chatgroups/g/admin").is(`{"data": [], "count": 0}`)
	s.call(t, "app", "POST /chatgroups/g/admin", `{"newadmin":"user2"}`).is(`{"action": "post", "data": {"result": "success", "newadmin": "user2"}}`)
	s.call(t, "app", "GET /chatgroups/g/admin").is(`{"data": ["user2"], "count": 1}`)
	s.call(t, "app", "DELETE /chatgroups/g/admin/user2").data(`{"result": "success", "oldadmin": "user2"}`)
}

func TestShapes_blocks(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.group(t, "g", "user1", "user2", "user3", "user4", "user5")
	s.call(t, "app", "GET /chatgroups/g/blocks/users").is(`{"data": [], "count": 0}`)
	s.call(t, "app", "POST /chatgroups/g/blocks/users/user2").data(`{"result": true, "action": "add_blocks", "user": "user2", "groupid": "g"}`)
	s.call(t, "app", "POST /chatgroups/g/blocks/users", `{"usernames":["user3"]}`).data(`{"result": true, "action": "add_blocks", "user": "user3", "groupid": "g"}`)
	s.call(t, "app", "POST /chatgroups/g/blocks/users", `{"usernames":["user4","user5"]}`).data(`[
		{"result": true, "action": "add_blocks", "user": "user4", "groupid": "g"},
		{"result": true, "action": "add_blocks", "user": "user5", "groupid": "g"}]`)
	s.call(t, "app", "GET /chatgroups/g/blocks/users").is(`{"data": ["<set>", "user2", "user3", "user4", "user5"], "count": 4}`)
	s.call(t, "app", "DELETE /chatgroups/g/blocks/users/user2").data(`{"result": true, "action": "remove_blocks", "user": "user2", "groupid": "g"}`)
	s.call(t, "app", "DELETE /chatgroups/g/blocks/users/user3,user4").data(`[
		{"result": true, "action": "remove_blocks", "user": "user3", "groupid": "g"},
		{"result": true, "action": "remove_blocks", "user": "user4", "groupid": "g"}]`)
	s.call(t, "app", "GET /chatgroups/g/users").is(`{"data": [{"owner": "user1"}], "count": 1}`)
}

func TestShapes_mutes(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.group(t, "g", "user1", "user2", "user3")
	now := s.clock.Now().UnixMilli()
	s.call(t, "app", "POST /chatgroups/g/mute", `{"usernames":["user2"],"mute_duration":86400000}`).
		data(fmt.Sprintf(`[{"result": true, "expire": %d, "user": "user2"}]`, now+86400000))
	s.call(t, "app", "POST /chatgroups/g/mute", `{"usernames":["user2","user3"],"mute_duration":-1}`).data(`[
		{"result": true, "expire": 4638873600000, "user": "user2"}, {"result": true, "expire": 4638873600000, "user": "user3"}]`)
	s.call(t, "app", "POST /chatgroups/g/mute", `{"usernames":["user3"],"mute_duration":"-1"}`).data(`[{"result": true, "expire": 4638873600000, "user": "user3"}]`)
	s.call(t, "app", "GET /chatgroups/g/mute").is(`{"action": "post", "data": ["<set>",
		{"expire": 4638873600000, "user": "user2"}, {"expire": 4638873600000, "user": "user3"}]}`)
	s.call(t, "app", "DELETE /chatgroups/g/mute/user2").data(`[{"result": true, "user": "user2"}]`)
	t.Run("who is not muted, or unknown", func(t *testing.T) {
		s.call(t, "app", "DELETE /chatgroups/g/mute/user2").data(`[{"result": true, "user": "user2"}]`)
		s.call(t, "app", "DELETE /chatgroups/g/mute/whoever").data(`[{"result": true, "user": "whoever"}]`)
		s.call(t, "app", "DELETE /chatgroups/g/mute/user3,user2,whoever").data(`[
			{"result": true, "user": "user3"}, {"result": true, "user": "user2"}, {"result": true, "user": "whoever"}]`)
	})
	s.call(t, "app", "GET /chatgroups/g/mute").is(`{"action": "post", "data": []}`)
}

func TestShapes_files(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.group(t, "g", "user1", "user2")
	first := s.upload(t, "of:user2", "g", "first.txt", "12345")
	s.clock.Advance(time.Second)
	a := s.send(t, uploading("app", "g", "second.txt", "1"))
	id := a.json()["data"].(map[string]any)["file_id"].(string)
	now := s.clock.Now().UnixMilli()
	a.data(fmt.Sprintf(`{"file_url": "http://a1.example.com/chat-demo/testapp/chatgroups/g/share_files/%s", "group_id": "g",
		"file_name": "second.txt", "created": %d, "file_id": "%s", "file_size": 1}`, id, now, id))
	s.call(t, "app", "GET /chatgroups/g/share_files").is(fmt.Sprintf(`{"count": 2, "data": [
		{"file_id": %q, "file_name": "second.txt", "file_owner": "", "file_size": 1, "created": %d},
		{"file_id": %q, "file_name": "first.txt", "file_owner": "user2", "file_size": 5, "created": %d}]}`, id, now, first, now-1000))
	require.Contains(t, string(s.call(t, "app", "GET /chatgroups/g/share_files?pagenum=2&pagesize=1").body), first)
	s.call(t, "app", "DELETE /chatgroups/g/share_files/"+id).data(`{"group_id": "g", "file_id": "` + id + `", "result": true}`)
	s.call(t, "app", "GET /chatgroups/g/share_files/"+id).fails(404, "not_found", "null for uri: http://a1.example.com/chat-demo/testapp/chatgroups/g/share_files/"+id)
}

func TestShapes_batches(t *testing.T) {
	t.Parallel()
	start := func(t *testing.T) *server {
		s := setup(t)
		s.group(t, "g", "user1", "user2", "user3")
		return s
	}
	t.Run("remove, some fail", func(t *testing.T) {
		t.Parallel()
		start(t).call(t, "app", "DELETE /chatgroups/g/users/user5,whoever,user1,user2").data(`[
			{"result": false, "action": "remove_member", "reason": "user: user5 doesn't exist in group: g", "user": "user5", "groupid": "g"},
			{"result": false, "action": "remove_member", "reason": "user whoever doesn't exist.", "user": "whoever", "groupid": "g"},
			{"result": false, "action": "remove_member", "reason": "forbidden operation on group owner!", "user": "user1", "groupid": "g"},
			{"result": true, "action": "remove_member", "user": "user2", "groupid": "g"}]`)
	})
	t.Run("remove, all fail", func(t *testing.T) {
		t.Parallel()
		start(t).call(t, "app", "DELETE /chatgroups/g/users/user5,whoever,user6").fails(403, "forbidden_op", "users [user5, whoever, user6] are not members of this group!")
	})
	t.Run("all fail, each for another cause", func(t *testing.T) {
		t.Parallel()
		start(t).call(t, "app", "DELETE /chatgroups/g/users/user5,user1,user6").fails(403, "forbidden_op", "users [user5, user6] are not members of this group!")
		start(t).call(t, "app", "DELETE /chatgroups/g/users/user1,user5").fails(403, "forbidden_op", "forbidden operation on group owner!")
	})
	t.Run("block, some fail", func(t *testing.T) {
		t.Parallel()
		start(t).call(t, "app", "POST /chatgroups/g/blocks/users", `{"usernames":["user5","user2"]}`).data(`[
			{"result": false, "action": "add_blocks", "reason": "user: user5 doesn't exist in group: g", "user": "user5", "groupid": "g"},
			{"result": true, "action": "add_blocks", "user": "user2", "groupid": "g"}]`)
	})
	t.Run("block, all fail", func(t *testing.T) {
		t.Parallel()
		start(t).call(t, "app", "POST /chatgroups/g/blocks/users", `{"usernames":["user5","user6"]}`).
			fails(403, "forbidden_op", "users [user5, user6] are not members of this group!")
	})
	t.Run("unblock, some fail", func(t *testing.T) {
		t.Parallel()
		s := start(t)
		s.call(t, "app", "POST /chatgroups/g/blocks/users/user2")
		s.call(t, "app", "DELETE /chatgroups/g/blocks/users/user3,user2").data(`[
			{"result": false, "action": "remove_blocks", "reason": "user: user3 doesn't exist in group: g", "user": "user3", "groupid": "g"},
			{"result": true, "action": "remove_blocks", "user": "user2", "groupid": "g"}]`)
	})
	t.Run("mute, some fail", func(t *testing.T) {
		t.Parallel()
		start(t).call(t, "app", "POST /chatgroups/g/mute", `{"usernames":["user5","user1","user2"],"mute_duration":-1}`).data(`[
			{"result": false, "reason": "user: user5 doesn't exist in group: g", "user": "user5"},
			{"result": false, "reason": "forbidden operation on group owner!", "user": "user1"},
			{"result": true, "expire": 4638873600000, "user": "user2"}]`)
	})
	t.Run("mute, all fail", func(t *testing.T) {
		t.Parallel()
		start(t).call(t, "app", "POST /chatgroups/g/mute", `{"usernames":["user5","whoever"],"mute_duration":-1}`).
			fails(400, "invalid_parameter", "users [user5, whoever] are not members of this group!")
	})
	t.Run("add leaves out who fails", func(t *testing.T) {
		t.Parallel()
		start(t).call(t, "app", "POST /chatgroups/g/users", `{"usernames":["user2","user5"]}`).
			data(`{"newmembers": ["user5"], "groupid": "g", "action": "add_member"}`)
	})
	t.Run("add, all are members", func(t *testing.T) {
		t.Parallel()
		start(t).call(t, "app", "POST /chatgroups/g/users", `{"usernames":["user2","user3"]}`).
			fails(403, "forbidden_op", "can not join this group, reason:user: user2 already in group: g\n")
	})
	t.Run("60 are allowed", func(t *testing.T) {
		t.Parallel()
		s := start(t)
		names := s.names(60)
		a := s.call(t, "app", "POST /chatgroups/g/users", `{"usernames":`+quoted(names)+`}`)
		require.Equal(t, 200, a.status, "%s", a.body)
		require.Len(t, a.json()["data"].(map[string]any)["newmembers"], 60)
		require.Equal(t, 200, s.call(t, "app", "POST /chatgroups/g/mute", `{"usernames":`+quoted(names)+`,"mute_duration":-1}`).status)
		require.Equal(t, 200, s.call(t, "app", "DELETE /chatgroups/g/mute/"+commas(names)).status)
		require.Equal(t, 200, s.call(t, "app", "POST /chatgroups/g/blocks/users", `{"usernames":`+quoted(names)+`}`).status)
		require.Equal(t, 200, s.call(t, "app", "DELETE /chatgroups/g/blocks/users/"+strings.ReplaceAll(commas(names), ",", "%2C")).status)
	})
}
