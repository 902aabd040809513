package rest_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"groupkit"
)

func TestGroups_List(t *testing.T) {
	t.Parallel()
	s := setup(t)
	first := s.group(t)
	s.clock.Advance(time.Second)
	second := s.group(t, public)

	o := s.answer(t, request{path: "/chatgroups?limit=1"})
	at := s.clock.Now().UnixMilli()
	b, err := json.Marshal(o["data"])
	require.NoError(t, err)
	require.JSONEq(t, fmt.Sprintf(`[{"groupid":%q,"groupname":"group","owner":"org#app_owner","affiliations":3,"type":"group",
		"lastModified":%d,"last_modified":"%d","created":%d}]`, second, at, at, at), string(b))
	require.Equal(t, json.Number("1"), o["count"])

	o = s.answer(t, request{path: "/chatgroups?limit=1&cursor=" + o["cursor"].(string)})
	require.Equal(t, string(first), o["data"].([]any)[0].(object)["groupid"])
	require.NotContains(t, o, "cursor", "nothing follows")

	t.Run("a user sees what it may see", func(t *testing.T) {
		o := s.answer(t, request{path: "/chatgroups?cursor=undefined", token: "u-other"})
		require.Equal(t, json.Number("1"), o["count"])
		require.Equal(t, string(second), o["data"].([]any)[0].(object)["groupid"])
	})
	t.Run("a cursor that is none", func(t *testing.T) {
		status, code, _ := s.fault(t, request{path: "/chatgroups?cursor=x"})
		require.Equal(t, 400, status)
		require.Equal(t, "invalid_parameter", code)
	})
}

func TestGroups_Details(t *testing.T) {
	t.Parallel()
	s := setup(t)
	id := s.group(t, func(n *groupkit.NewGroup) { n.Description, n.Custom = "text", "c" })
	created := s.clock.Now().UnixMilli()
	w := s.do(t, request{path: "/chatgroups/" + string(id)})
	require.Contains(t, w.Body.String(), fmt.Sprintf(`"entities":[],"data":[{"id":%q,"name":"group","description":"text","membersonly":false,`+
		`"allowinvites":false,"invite_need_confirm":true,"maxusers":200,"owner":"owner","created":%d,"custom":"c","mute":false,`+
		`"affiliations_count":3,"affiliations":[{"member":"admin"},{"member":"member"},{"owner":"owner"}],"public":false}]`, id, created))
	require.Equal(t, fmt.Sprintf(`"%s-3"`, s.engine.History()), w.Header().Get("ETag"))

	t.Run("several", func(t *testing.T) {
		other := s.group(t, public)
		o := s.answer(t, request{path: fmt.Sprintf("/chatgroups/%s,missing%%2C%s,%s,", other, id, other)})
		require.Equal(t, json.Number("2"), o["count"])
		list := o["data"].([]any)
		require.Len(t, list, 3)
		require.Equal(t, string(other), list[0].(object)["id"])
		require.Equal(t, object{"id": "missing", "error": "group id doesn't exist"}, list[1])
		require.Equal(t, string(id), list[2].(object)["id"])
	})
	t.Run("of a public group for an outsider", func(t *testing.T) {
		open := s.group(t, public)
		d := s.answer(t, request{path: "/chatgroups/" + string(open), token: "u-other"})["data"].([]any)[0].(object)
		require.Equal(t, []any{object{"owner": "owner"}}, d["affiliations"])
		require.Equal(t, json.Number("3"), d["affiliations_count"])
	})
	t.Run("of a private group for an invited user", func(t *testing.T) {
		_, err := s.engine.As("owner").Invite(t.Context(), id, "user1")
		require.NoError(t, err)
		w := s.do(t, request{path: "/chatgroups/" + string(id), token: "u-user1"})
		require.Empty(t, w.Header().Get("ETag"))
		d := decode(t, w)["data"].([]any)[0].(object)
		require.Equal(t, []any{}, d["affiliations"])
		require.Equal(t, json.Number("3"), d["affiliations_count"])
		require.Equal(t, json.Number("0"), d["created"])
	})
	t.Run("missing", func(t *testing.T) {
		s.refused(t, request{path: "/chatgroups/x"}, 404, "service_resource_not_found", "do not find this group:x")
		s.refused(t, request{path: "/chatgroups/x,y"}, 404, "service_resource_not_found", "do not find this group:x")
		s.refused(t, request{path: "/chatgroups/,"}, 404, "service_resource_not_found", "do not find this group:,")
		s.refused(t, request{path: "/chatgroups/a%00"}, 404, "service_resource_not_found", "do not find this group:a\x00")
	})
	t.Run("too many", func(t *testing.T) {
		var ids strings.Builder
		for i := range 101 {
			fmt.Fprintf(&ids, "%d,", i)
		}
		s.refused(t, request{path: "/chatgroups/" + ids.String()}, 400, "invalid_parameter", "groupIds size is more than max limit : 100")
	})
	t.Run("a large group", func(t *testing.T) {
		g, err := s.engine.System().CreateGroup(t.Context(), groupkit.NewGroup{Name: "large", Owner: "owner", MaxUsers: 3000})
		require.NoError(t, err)
		for n := range 30 {
			users := make([]groupkit.UserID, 50)
			for i := range users {
				users[i] = groupkit.UserID(fmt.Sprintf("l%d-%d", n, i))
				s.users.known[users[i]] = s.users.known["owner"]
			}
			_, err := s.engine.System().AddMembers(t.Context(), g.ID, users)
			require.NoError(t, err)
		}
		d := s.answer(t, request{path: "/chatgroups/" + string(g.ID)})["data"].([]any)[0].(object)
		require.Len(t, d["affiliations"], 1501)
		require.Equal(t, object{"owner": "owner"}, d["affiliations"].([]any)[1500])
	})
}

func TestGroups_Create(t *testing.T) {
	t.Parallel()
	s := setup(t)
	w := s.do(t, request{method: "POST", path: "/chatgroups", body: `{ "groupname": "testgroup", "desc": "test", "public": true,
		"maxusers": "300", "owner": "owner", "members": [ "user2", "user2" ], "approval": true, "allowinvites": true,
		"invite_need_confirm": false, "custom": "c", "avatar": "a", "groupid": "g1", "scale": {"x": [1]}, "need_verify": null }`})
	require.Equal(t, 200, w.Code)
	require.Equal(t, object{"groupid": "g1"}, decode(t, w)["data"])
	g, err := s.engine.System().Group(t.Context(), "g1")
	require.NoError(t, err)
	require.Equal(t, fmt.Sprintf(`"%s-%d"`, s.engine.History(), g.Version), w.Header().Get("ETag"))
	require.Equal(t, []any{"testgroup", "test", "c", "a", 300, true, true, false, false, groupkit.UserID("owner"), 2},
		[]any{g.Name, g.Description, g.Custom, g.Avatar, g.MaxUsers, g.Public, g.MembersOnly, g.AllowInvites, g.InviteNeedConfirm, g.Owner, g.MemberCount})

	const rest = `"groupname":"n","owner":"owner","public":true`
	long := strings.Repeat("x", 9000)
	for _, row := range []struct {
		body        string
		status      int
		code        string
		description string
	}{
		{`{"owner":"owner","public":true}`, 400, "invalid_parameter", "groupname must be provided"},
		{`{"groupname":"","owner":"owner","public":true}`, 400, "invalid_parameter", "groupname must be provided"},
		{`{"groupname":7,"owner":"owner","public":true}`, 400, "invalid_parameter", "groupname must be provided"},
		{`{"groupname":"n","public":true}`, 400, "invalid_parameter", "owner must be provided"},
		{`{"groupname":"n","owner":"owner"}`, 400, "invalid_parameter", "group must contain public field!"},
		{`{"groupname":"n","owner":"owner","public":"yes"}`, 400, "invalid_parameter", "group must contain public field!"},
		{`{` + rest + `,"maxusers":0}`, 400, "invalid_parameter", "maxusers must be provided"},
		{`{` + rest + `,"maxusers":"many"}`, 400, "invalid_parameter", "maxusers must be provided"},
		{`{` + rest + `,"members":"user1"}`, 400, "invalid_parameter", "members must be provided"},
		{`{` + rest + `,"members":[1]}`, 400, "invalid_parameter", "members must be provided"},
		{`{` + rest + `,"members":[null]}`, 400, "invalid_parameter", "members must be provided"},
		{`{` + rest + `,"desc":1}`, 400, "invalid_parameter", "desc must be provided"},
		{`{` + rest + `,"groupid":1}`, 400, "invalid_parameter", "groupid must be provided"},
		{`{` + rest + `,"maxusers":99999999999999999999}`, 400, "invalid_parameter", "maxusers is 2147483647 (1 to 10000)"},
		{`{` + rest + `,"groupid":"g1"}`, 400, "illegal_argument", "group ID g1 already exists!"},
		{`{` + rest + `,"groupid":"g\u0000"}`, 400, "invalid_parameter", `groupid "g\x00" contains a control character`},
		{`{` + rest + `,"members":["nobody"]}`, 404, "resource_not_found", "username nobody doesn't exist!"},
		{`{` + rest + `,"maxusers":2,"members":["user1","user2"]}`, 403, "exceed_limit", "members size is greater than max user size !"},
		{`{"groupname":"n","owner":"nobody","public":true}`, 404, "resource_not_found", "username nobody doesn't exist!"},
		{`{"groupname":"` + long + `","owner":"owner","public":true}`, 403, "exceed_limit", "groupname length is more than max limit : 128"},
		{`{` + rest + `,"desc":"` + long + `"}`, 403, "exceed_limit", "description length is more than max limit : 512"},
		{`{` + rest + `,"custom":"` + long + `"}`, 403, "exceed_limit", "custom length is more than max limit : 8192"},
		{`{` + rest + `,"avatar":"` + long + `"}`, 400, "invalid_parameter", "avatar length is too big"},
		{`{`, 400, "json_parse", "the body is not valid JSON"},
		{`[]`, 400, "json_parse", "the body is not a JSON object"},
		{"{\"groupname\":\"\xff\"}", 400, "json_parse", "the body is not valid UTF-8"},
		{strings.Repeat(`{"a":`, 20000) + "1" + strings.Repeat("}", 20000), 400, "json_parse", "the body is not valid JSON"},
		{``, 400, "invalid_parameter", "groupname must be provided"},
	} {
		s.refused(t, request{method: "POST", path: "/chatgroups", body: row.body}, row.status, row.code, row.description)
	}
	t.Run("more than 100 members", func(t *testing.T) {
		list := make([]string, 101)
		for i := range list {
			list[i] = fmt.Sprintf("%q", fmt.Sprint("m", i))
		}
		s.refused(t, request{method: "POST", path: "/chatgroups", body: `{` + rest + `,"members":[` + strings.Join(list, ",") + `]}`},
			403, "exceed_limit", "members size is greater than max user size !")
	})
	t.Run("by a user", func(t *testing.T) {
		s.answer(t, request{method: "POST", path: "/chatgroups", token: "u-user1", body: `{"groupname":"n","owner":"user1","public":false}`})
		s.refused(t, request{method: "POST", path: "/chatgroups", token: "u-user1", body: `{` + rest + `}`},
			403, "forbidden_op", "you have no permission to do this, only the system may do this")
	})
	t.Run("too many", func(t *testing.T) {
		s := setup(t, func(set *setting) { set.engine.Limits = groupkit.Limits{Groups: 1, JoinedGroups: 1} })
		s.answer(t, request{method: "POST", path: "/chatgroups", body: `{` + rest + `}`})
		s.refused(t, request{method: "POST", path: "/chatgroups", body: `{` + rest + `}`}, 403, "exceed_limit", "appKey:org#app has create too many groups!")
		s = setup(t, func(set *setting) { set.engine.Limits = groupkit.Limits{JoinedGroups: 1} })
		s.answer(t, request{method: "POST", path: "/chatgroups", body: `{` + rest + `}`})
		s.refused(t, request{method: "POST", path: "/chatgroups", body: `{` + rest + `}`}, 403, "exceed_limit", "user owner has joined too many groups!")
	})
}

func TestGroups_Update(t *testing.T) {
	t.Parallel()
	s := setup(t)
	id := s.group(t)
	put := func(body string) request {
		return request{method: "PUT", path: "/chatgroups/" + string(id), body: body}
	}

	require.JSONEq(t, `{"groupname":true,"desc":true,"maxusers":true,"members_only":true,"allowinvites":true,"invite_need_confirm":true,"custom":true,"avatar":true}`,
		s.data(t, put(`{"groupname":"n","desc":"d","maxusers":"4","members_only":true,"allowinvites":true,"invite_need_confirm":false,"custom":"","avatar":"a"}`)))
	g, err := s.engine.System().Group(t.Context(), id)
	require.NoError(t, err)
	require.Equal(t, []any{"n", "d", "a", 4, true, true, false}, []any{g.Name, g.Description, g.Avatar, g.MaxUsers, g.MembersOnly, g.AllowInvites, g.InviteNeedConfirm})
	require.JSONEq(t, `{}`, s.data(t, put(``)))
	require.JSONEq(t, `{}`, s.data(t, put(`{}`)))

	s.refused(t, put(`{"public":true,"groupid":"x","groupname":"other"}`), 400, "invalid_parameter", "some of [public, groupid] are not valid fields")
	s.refused(t, put(`{"groupname":"a/b"}`), 400, "invalid_parameter", `groupname must not contain "/"`)
	s.refused(t, put(`{"desc":"a/b"}`), 400, "invalid_parameter", `desc must not contain "/"`)
	require.JSONEq(t, `{"custom":true}`, s.data(t, put(`{"custom":"a/b"}`)))
	s.refused(t, put(`{"maxusers":2}`), 403, "exceed_limit", "members size is greater than max user size !")
	s.refused(t, put(`{"maxusers":0}`), 400, "invalid_parameter", "maxusers is 0 (1 to 10000)")
	s.refused(t, put(`{"maxusers":10001}`), 400, "invalid_parameter", "maxusers is 10001 (1 to 10000)")
	s.refused(t, put(`{"newowner":""}`), 400, "invalid_parameter", "newowner must be provided")
	s.refused(t, put(`{"groupname":null}`), 400, "invalid_parameter", "groupname must be provided")
	s.refused(t, request{method: "PUT", path: "/chatgroups/x", body: `{}`}, 404, "resource_not_found", "grpID x does not exist!")

	t.Run("all or nothing", func(t *testing.T) {
		s.refused(t, put(`{"groupname":"lost","newowner":"other"}`), 403, "forbidden_op", "user: other doesn't exist in group: "+string(id))
		g, err := s.engine.System().Group(t.Context(), id)
		require.NoError(t, err)
		require.Equal(t, "n", g.Name)
	})
	t.Run("transfer", func(t *testing.T) {
		s.refused(t, put(`{"newowner":"owner"}`), 403, "forbidden_op", "new owner and old owner are the same")
		s.refused(t, put(`{"newowner":"nobody"}`), 403, "forbidden_op", "user: nobody doesn't exist in group: "+string(id))
		q := put(`{"newowner":"member","groupname":"moved"}`)
		q.token = "u-owner"
		w := s.do(t, q)
		require.Equal(t, 200, w.Code)
		require.Equal(t, object{"newowner": true, "groupname": true}, decode(t, w)["data"])
		g, err := s.engine.System().Group(t.Context(), id)
		require.NoError(t, err)
		require.Equal(t, groupkit.UserID("member"), g.Owner)
		require.Equal(t, fmt.Sprintf(`"%s-%d"`, s.engine.History(), g.Version), w.Header().Get("ETag"))
		q.token = "u-admin"
		s.refused(t, q, 403, "forbidden_op", "you have no permission to do this, role is too low")
	})
	t.Run("delete", func(t *testing.T) {
		require.JSONEq(t, `{"success":true,"groupid":"`+string(id)+`"}`, s.data(t, request{method: "DELETE", path: "/chatgroups/" + string(id)}))
		s.refused(t, request{method: "DELETE", path: "/chatgroups/" + string(id)}, 404, "resource_not_found", "grpID "+string(id)+" does not exist!")
	})
}

func TestGroups_Conditions(t *testing.T) {
	t.Parallel()
	s := setup(t)
	id := s.group(t)
	path := "/chatgroups/" + string(id)
	tag := func() string { return s.do(t, request{path: path}).Header().Get("ETag") }
	put := func(name, value, body string) request {
		return request{method: "PUT", path: path, body: body, header: http.Header{name: {value}}}
	}
	w := s.do(t, put("If-Match", tag(), `{"groupname":"second"}`))
	require.Equal(t, 200, w.Code)
	require.Equal(t, tag(), w.Header().Get("ETag"), "the change answers with the tag of the new version")
	s.answer(t, put("If-Match", "*", `{"groupname":"third"}`))
	s.answer(t, put("If-Match", tag(), `{"groupname":"fourth","newowner":"member"}`))

	const code, description = "precondition_failed", "If-Match is not of this history or version"
	for _, value := range []string{
		w.Header().Get("ETag"), strings.Replace(tag(), s.engine.History(), "another", 1), strings.Replace(tag(), s.engine.History(), "", 1), `"` + s.engine.History() + `-x"`, `"` + s.engine.History() + `"`, `""`, "W/" + tag(),
	} {
		s.refused(t, put("If-Match", value, `{"groupname":"lost"}`), 412, code, description)
	}
	for _, value := range []string{"", "4", `"4`, tag() + ", " + tag()} {
		s.refused(t, put("If-Match", value, `{"groupname":"lost"}`), 400, "invalid_parameter", "If-Match must be one entity tag")
	}
	s.refused(t, request{method: "PUT", path: "/chatgroups/x", body: `{}`, header: http.Header{"If-Match": {tag()}}}, 404, "resource_not_found", "grpID x does not exist!")

	t.Run("idempotency key", func(t *testing.T) {
		add := request{method: "POST", path: path + "/users/user1", header: http.Header{"Idempotency-Key": {"k1"}}}
		require.Equal(t, s.data(t, add), s.data(t, add), "the second answer is the recorded one")
		s.refused(t, request{method: "POST", path: path + "/users/user2", header: add.header}, 422, "idempotency_key_reused", "Idempotency-Key was used for another request")
		block := request{method: "POST", path: path + "/blocks/users", body: `{"usernames":["user1","nobody","member"]}`, header: http.Header{"Idempotency-Key": {"k3"}}}
		first := s.data(t, block)
		require.Contains(t, first, "forbidden operation on group owner!")
		require.Equal(t, first, s.data(t, block), "with its reasons")
		both := put("Idempotency-Key", "k2", `{"groupname":"fifth","newowner":"owner"}`)
		for range 2 {
			w := s.do(t, both)
			require.Equal(t, 200, w.Code, w.Body.String())
			require.Empty(t, w.Header().Get("ETag"), "the version of the answer is not known")
		}
		s.refused(t, put("Idempotency-Key", "", `{}`), 400, "invalid_parameter", "Idempotency-Key has 0 bytes (1 to 128)")
	})
}
