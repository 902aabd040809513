package wire

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"groupkit"
)

// What clients call besides the source text.

func TestBeside_apply(t *testing.T) {
	t.Parallel()
	t.Run("an open group", func(t *testing.T) {
		s := setup(t)
		s.group(t, "g", "user1")
		s.call(t, "of:user2", "POST /chatgroups/g/apply", `{"message":"hello"}`).data(`{"result": true, "action": "apply", "user": "user2", "id": "g"}`)
		s.call(t, "app", "GET /chatgroups/g/users").is(`{"data": ["<set>", {"owner": "user1"}, {"member": "user2"}], "count": 2}`)
	})
	t.Run("a group with approval", func(t *testing.T) {
		s := setup(t)
		s.create(t, groupkit.NewGroup{ID: "g", Owner: "user1", Public: true, MembersOnly: true})
		for _, user := range []string{"user2", "user3"} {
			s.call(t, "of:"+user, "POST /chatgroups/g/apply", `{"message":"hello"}`).data(`{"result": true, "action": "apply", "user": "` + user + `", "id": "g"}`)
		}
		s.call(t, "app", "GET /chatgroups/g/users").is(`{"data": [{"owner": "user1"}], "count": 1}`)
		s.call(t, "of:user1", "POST /chatgroups/g/apply_verify", `{"applicant":"user2","verifyResult":true,"reason":"welcome"}`).
			data(`{"result": true, "action": "applyVerify", "user": "user2", "id": "g"}`)
		s.call(t, "of:user1", "POST /chatgroups/g/apply_verify", `{"applicant":"user3","verifyResult":false,"reason":"no"}`).
			data(`{"result": true, "action": "applyVerify", "user": "user3", "id": "g"}`)
		s.call(t, "app", "GET /chatgroups/g/users").is(`{"data": ["<set>", {"owner": "user1"}, {"member": "user2"}], "count": 2}`)
		a := s.call(t, "of:user1", "POST /chatgroups/g/apply_verify", `{"applicant":"user3","verifyResult":true}`)
		require.GreaterOrEqual(t, a.status, 400, "it is answered already: %s", a.body)
	})
}

func TestBeside_invite(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.create(t, groupkit.NewGroup{ID: "g", Owner: "user1"})
	s.call(t, "of:user1", "POST /chatgroups/g/invite", `{"usernames":["user2"]}`).data(`[{"result": true, "action": "invite", "user": "user2", "id": "g"}]`)
	s.call(t, "app", "POST /chatgroups/g/invite", `{"usernames":["user3","user4"]}`).data(`[
		{"result": true, "action": "invite", "user": "user3", "id": "g"}, {"result": true, "action": "invite", "user": "user4", "id": "g"}]`)
	s.call(t, "of:user2", "POST /chatgroups/g/invite_verify", `{"invitee":"user2","verifyResult":true}`).data(`{"result": true, "action": "inviteVerify", "user": "user2", "id": "g"}`)
	s.call(t, "of:user3", "POST /chatgroups/g/invite_verify", `{"invitee":"user3","verifyResult":false}`).data(`{"result": true, "action": "inviteVerify", "user": "user3", "id": "g"}`)
	s.call(t, "app", "GET /chatgroups/g/users").is(`{"data": ["<set>", {"owner": "user1"}, {"member": "user2"}], "count": 2}`)
}

func TestBeside_quit(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.group(t, "g", "user1", "user2")
	s.call(t, "of:user2", "DELETE /chatgroups/g/quit").data(`{"result": true}`)
	s.call(t, "of:user1", "DELETE /chatgroups/g/quit").fails(403, "forbidden_op", "owner can not quit group")
	s.call(t, "app", "GET /chatgroups/g/users").is(`{"data": [{"owner": "user1"}], "count": 1}`)
}

func TestBeside_ban(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.group(t, "g", "user1")
	s.call(t, "app", "POST /chatgroups/g/ban").data(`{"mute": true}`)
	s.call(t, "app", "POST /chatgroups/g/ban", `{"any":"body"}`).data(`{"mute": true}`)
	require.Contains(t, string(s.call(t, "app", "GET /chatgroups/g").body), `"mute":true`)
	s.call(t, "app", "DELETE /chatgroups/g/ban").data(`{"mute": false}`)
	require.Contains(t, string(s.call(t, "app", "GET /chatgroups/g").body), `"mute":false`)
}

func TestBeside_allowList(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.group(t, "g", "user1", "user2", "user3", "user4")
	s.call(t, "app", "GET /chatgroups/g/white/users").is(`{"data": [], "count": 0}`)
	s.call(t, "app", "POST /chatgroups/g/white/users/user2").data(`{"result": true, "action": "add_user_whitelist", "user": "user2", "groupid": "g"}`)
	s.call(t, "app", "POST /chatgroups/g/white/users", `{"usernames":["user3"]}`).data(`[{"result": true, "action": "add_user_whitelist", "user": "user3", "groupid": "g"}]`)
	s.call(t, "app", "POST /chatgroups/g/white/users", `{"usernames":["user4","user6"]}`).data(`[
		{"result": true, "action": "add_user_whitelist", "user": "user4", "groupid": "g"},
		{"result": false, "action": "add_user_whitelist", "user": "user6", "groupid": "g", "reason": "user: user6 doesn't exist in group: g"}]`)
	s.call(t, "app", "GET /chatgroups/g/white/users").is(`{"data": ["<set>", "user2", "user3", "user4"], "count": 3}`)
	s.call(t, "app", "DELETE /chatgroups/g/white/users/user2").data(`[{"result": true, "action": "remove_user_whitelist", "user": "user2", "groupid": "g"}]`)
	s.call(t, "app", "DELETE /chatgroups/g/white/users/user3,user4").data(`[
		{"result": true, "action": "remove_user_whitelist", "user": "user3", "groupid": "g"},
		{"result": true, "action": "remove_user_whitelist", "user": "user4", "groupid": "g"}]`)
}

func TestBeside_publicGroups(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.group(t, "g1", "user1")
	s.create(t, groupkit.NewGroup{ID: "hidden", Owner: "user1"})
	s.group(t, "g2", "user1")
	s.group(t, "g3", "user1")
	got, cursor := map[string]bool{}, ""
	for range 3 {
		a := s.call(t, "of:user2", "GET /publicchatgroups?limit=1&cursor="+cursor)
		require.Equal(t, number("1"), a.json()["count"])
		entry := a.json()["data"].([]any)[0].(map[string]any)
		require.Len(t, entry, 2)
		require.Equal(t, "name of "+entry["groupid"].(string), entry["groupname"])
		got[entry["groupid"].(string)] = true
		cursor, _ = a.json()["cursor"].(string)
	}
	require.Equal(t, map[string]bool{"g1": true, "g2": true, "g3": true}, got)
	require.Empty(t, cursor, "the last page has none")
	require.Equal(t, number("3"), s.call(t, "app", "GET /publicchatgroups").json()["count"])
}

func TestBeside_membersByCursor(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.group(t, "g", "user2", "user1", "user3")
	s.call(t, "app", "POST /chatgroups/g/admin", `{"newadmin":"user3"}`)
	at := noon.UnixMilli()
	owner, admin, member := fmt.Sprintf(`{"owner": "user2", "joined_time": %d}`, at), fmt.Sprintf(`{"admin": "user3", "joined_time": %d}`, at), fmt.Sprintf(`{"member": "user1", "joined_time": %d}`, at)
	t.Run("all", func(t *testing.T) {
		s.call(t, "app", "GET /chatgroups/g/users?cursor=&limit=10&joined_time=true").is(`{"count": 3, "data": ["<set>", ` + owner + `,` + admin + `,` + member + `]}`)
	})
	t.Run("a cursor or a limit makes it this form", func(t *testing.T) {
		for _, query := range []string{"limit=5", "cursor=", "cursor=undefined"} {
			require.Contains(t, string(s.call(t, "app", "GET /chatgroups/g/users?"+query).body), `"admin":"user3"`, query)
		}
		require.NotContains(t, string(s.call(t, "app", "GET /chatgroups/g/users").body), `"admin"`)
	})
	t.Run("pages hold everybody once", func(t *testing.T) {
		var all []any
		cursor := ""
		for range 3 {
			got := s.call(t, "app", "GET /chatgroups/g/users?limit=1&joined_time=true&cursor="+cursor).json()
			all = append(all, got["data"].([]any)...)
			require.Equal(t, number("1"), got["count"])
			cursor, _ = got["cursor"].(string)
		}
		require.Empty(t, cursor)
		matches(t, append([]any{"<set>"}, map[string]any{"owner": "user2", "joined_time": number(fmt.Sprint(at))},
			map[string]any{"admin": "user3", "joined_time": number(fmt.Sprint(at))}, map[string]any{"member": "user1", "joined_time": number(fmt.Sprint(at))}), all)
	})
	t.Run("no cursor of ours", func(t *testing.T) {
		a := s.call(t, "app", "GET /chatgroups/g/users?cursor=nonsense!")
		require.Equal(t, 400, a.status)
		require.Equal(t, "invalid_parameter", a.json()["error"])
	})
}

func TestBeside_groupsOfUser(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.create(t, groupkit.NewGroup{ID: "g", Name: "n", Description: "d", Owner: "user1", Public: true}, "user2", "user3")
	s.call(t, "app", "POST /chatgroups/g/admin", `{"newadmin":"user2"}`)
	for user, permission := range map[string]string{"user1": "owner", "user2": "admin", "user3": "member"} {
		s.call(t, "app", "GET /chatgroups/user/"+user).is(fmt.Sprintf(`{"total": 1, "entities": [{"groupId": "g", "name": "n", "owner": "user1", "description": "d",
			"public": true, "membersonly": false, "allowinvites": false, "maxusers": 200, "affiliations_count": 3, "permission": %q, "disabled": false, "created": %d}]}`,
			permission, noon.UnixMilli()))
	}
	for i := range 24 {
		s.group(t, fmt.Sprintf("more%02d", i), "user1")
	}
	for query, want := range map[string]int{"": 5, "?pagenum=0": 5, "?pagenum=0&pagesize=20": 20, "?pagenum=0&pagesize=99": 20, "?pagenum=1&pagesize=20": 5, "?pagenum=4": 5, "?pagenum=5": 0} {
		got := s.call(t, "app", "GET /chatgroups/user/user1"+query).json()
		require.Len(t, got["entities"], want, query)
		require.Equal(t, number("25"), got["total"], query)
		require.NotContains(t, got, "data")
	}
	t.Run("a user may be called as a route is", func(t *testing.T) {
		for _, name := range []string{"admin", "users", "mute", "ban", "quit", "announcement", "share_files"} {
			s.users.add(groupkit.UserID(name))
			s.call(t, "app", "GET /chatgroups/user/"+name).is(`{"total": 0}`)
		}
	})
}
