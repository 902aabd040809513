package wire

import (
	"bytes"
	"fmt"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/textproto"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"groupkit"
)

func TestTolerance_bodies(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.group(t, "g", "user1", "user2")
	for _, body := range []string{``, `{}`, `null`, `{"groupinfo":""}`, `[]`, `{broken`, `<xml/>`, "\xff\xfe"} {
		for _, kind := range []string{"", "application/json", "application/x-www-form-urlencoded", "text/xml", "multipart/form-data; boundary=x"} {
			for _, length := range []int64{int64(len(body)), -1} { // -1: chunked
				t.Run(fmt.Sprintf("not used: %q %s %d", body, kind, length), func(t *testing.T) {
					for _, call := range []string{
						"GET /chatgroups", "GET /chatgroups/g", "GET /chatgroups/g/users", "GET /users/user1/joined_chatgroups",
						"DELETE /chatgroups/g/mute/user2", "POST /chatgroups/g/ban", "DELETE /chatgroups/g/ban",
					} {
						r := request("app", call, body)
						r.ContentLength = length
						r.Header.Del("Content-Type")
						if kind != "" {
							r.Header.Set("Content-Type", kind)
						}
						a := s.send(t, r)
						require.Equal(t, 200, a.status, "%s: %s", call, a.body)
					}
				})
			}
		}
	}
	t.Run("POST without a body where none is needed", func(t *testing.T) {
		s.call(t, "app", "POST /chatgroups/g/users/user3").data(`{"result": true, "groupid": "g", "action": "add_member", "user": "user3"}`)
		s.call(t, "app", "POST /chatgroups/g/blocks/users/user3").data(`{"result": true, "groupid": "g", "action": "add_blocks", "user": "user3"}`)
		require.Equal(t, 200, s.call(t, "of:user4", "POST /chatgroups/g/apply").status)
	})
	for _, kind := range []string{"application/x-www-form-urlencoded", "", "text/plain", "application/json; charset=utf-8", "application/json;charset=UTF-8", "*/*"} {
		t.Run("JSON as "+kind, func(t *testing.T) {
			r := request("app", "POST /chatgroups/g/announcement", `{"announcement":"a b & c=d"}`)
			r.Header.Del("Content-Type")
			if kind != "" {
				r.Header.Set("Content-Type", kind)
			}
			require.Equal(t, 200, s.send(t, r).status)
			s.call(t, "app", "GET /chatgroups/g/announcement").is(`{"data": {"announcement": "a b & c=d"}, "count": 0}`)
		})
	}
	t.Run("a byte order mark", func(t *testing.T) {
		a := s.send(t, request("app", "POST /chatgroups/g/announcement", "\ufeff{\"announcement\":\"x\"}"))
		require.Contains(t, []int{200, 400}, a.status)
	})
}

func TestTolerance_paths(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.group(t, "g", "user1", "user2", "user3")
	s.users.add("x/y")
	s.group(t, "a/b", "user1", "x/y")
	for _, path := range []string{
		"/chat-demo/testapp/chatgroups/", "/chat-demo/testapp/users/user1/joined_chatgroups/", "/chat-demo/testapp//chatgroups/g",
		"//chat-demo//testapp//chatgroups//g//users//", "/chat-demo/testapp/chatgroups/g/blocks/users/", "/chat-demo/testapp/chatgroups/g/////",
		"/chat-demo/testapp/chatgroups/?limit=1",
	} {
		t.Run("cleaned: "+path, func(t *testing.T) {
			r := httptest.NewRequest("GET", "http://"+host+path, nil)
			r.Header.Set("Authorization", "Bearer app")
			a := s.send(t, r)
			require.Equal(t, 200, a.status, "not redirected: %s", a.header.Get("Location"))
			asked, _, _ := strings.Cut(path, "?")
			require.Equal(t, "http://"+host+asked, a.json()["uri"], "the path as asked")
		})
	}
	t.Run("POST with a slash at the end", func(t *testing.T) {
		require.Equal(t, 200, s.send(t, request("app", "POST /users/", `{"username":"slash","password":"p"}`)).status)
		require.Equal(t, 200, s.send(t, request("app", "POST /chatgroups/", `{"groupname":"n","public":true,"owner":"user1"}`)).status)
		require.Equal(t, 200, s.send(t, request("app", "POST /chatgroups/g/blocks/users/", `{"usernames":["user3"]}`)).status)
	})
	t.Run("an encoded slash belongs to an id", func(t *testing.T) {
		got := s.send(t, request("app", "GET /chatgroups/a%2Fb")).json()
		require.Equal(t, "a/b", got["data"].([]any)[0].(map[string]any)["id"])
		require.Equal(t, origin+prefix+"/chatgroups/a%2Fb", got["uri"])
		a := s.send(t, request("app", "DELETE /chatgroups/a%2fb/users/x%2Fy"))
		a.data(`{"result": true, "action": "remove_member", "user": "x/y", "groupid": "a/b"}`)
	})
	t.Run("dots are an id, not a way up", func(t *testing.T) {
		for _, path := range []string{"/chatgroups/../users", "/chatgroups/./g", "/chatgroups/g/../g", "/../testapp/chatgroups", "/chatgroups/%2e%2e/g"} {
			require.Equal(t, 404, s.send(t, request("app", "GET "+path)).status, path)
		}
		s.send(t, request("app", "GET /chatgroups/..")).fails(404, "service_resource_not_found", "do not find this group:..")
		s.send(t, request("app", "GET /chatgroups/%2e%2e%2fg")).fails(404, "service_resource_not_found", "do not find this group:../g")
	})
	t.Run("letters and signs of an id", func(t *testing.T) {
		for id, escaped := range map[string]string{
			"gr\u00fc\u00dfe \u4f60": "gr%C3%BC%C3%9Fe%20%E4%BD%A0", "a+b": "a+b", "50%": "50%25", "!r:example.org": "!r:example.org", "q?x#y": "q%3Fx%23y",
		} {
			s.group(t, id, "user1")
			got := s.send(t, request("app", "GET /chatgroups/"+escaped)).json()
			require.Equal(t, id, got["data"].([]any)[0].(map[string]any)["id"])
		}
	})
}

func TestTolerance_lists(t *testing.T) {
	t.Parallel()
	for name, list := range map[string]string{
		"raw": "user2,user3", "encoded": "user2%2Cuser3", "encoded in lower case": "user2%2cuser3",
		"empty names": ",user2,,user3,", "twice": "user2,user3,user2",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := setup(t)
			s.group(t, "g", "user1", "user2", "user3")
			s.send(t, request("app", "DELETE /chatgroups/g/users/"+list)).data(`[
				{"result": true, "action": "remove_member", "user": "user2", "groupid": "g"},
				{"result": true, "action": "remove_member", "user": "user3", "groupid": "g"}]`)
		})
	}
	t.Run("one name that remains is one", func(t *testing.T) {
		t.Parallel()
		for _, list := range []string{"user2,", ",user2", "user2,user2", "user2%2C"} {
			s := setup(t)
			s.group(t, "g", "user1", "user2")
			s.send(t, request("app", "DELETE /chatgroups/g/users/"+list)).
				data(`{"result": true, "action": "remove_member", "user": "user2", "groupid": "g"}`)
		}
	})
	t.Run("a comma separates in every path", func(t *testing.T) {
		t.Parallel()
		s := setup(t)
		s.group(t, "g", "user1")
		s.call(t, "app", "POST /chatgroups/g/users/user2,user3").data(`{"newmembers": ["<set>", "user2", "user3"], "groupid": "g", "action": "add_member"}`)
		s.call(t, "app", "POST /chatgroups/g/white/users/user2%2Cuser3").data(`[
			{"result": true, "action": "add_user_whitelist", "user": "user2", "groupid": "g"},
			{"result": true, "action": "add_user_whitelist", "user": "user3", "groupid": "g"}]`)
		s.call(t, "app", "POST /chatgroups/g/blocks/users/user2,user3").data(`[
			{"result": true, "action": "add_blocks", "user": "user2", "groupid": "g"},
			{"result": true, "action": "add_blocks", "user": "user3", "groupid": "g"}]`)
	})
	t.Run("one name in a body", func(t *testing.T) {
		t.Parallel()
		s := setup(t)
		s.group(t, "g", "user1", "user2")
		s.call(t, "app", "POST /chatgroups/g/blocks/users", `{"usernames":["user2","user2"]}`).
			data(`{"result": true, "action": "add_blocks", "user": "user2", "groupid": "g"}`)
	})
	t.Run("groups", func(t *testing.T) {
		t.Parallel()
		s := setup(t)
		s.group(t, "g1", "user1")
		s.group(t, "g2", "user1")
		for _, list := range []string{"g1,g2", "g1%2Cg2", "g1,,g2,"} {
			require.Equal(t, number("2"), s.send(t, request("app", "GET /chatgroups/"+list)).json()["count"])
		}
	})
}

func TestTolerance_queries(t *testing.T) {
	t.Parallel()
	s := setup(t)
	for i := range 12 {
		s.group(t, fmt.Sprintf("g%02d", i), "user1")
	}
	count := func(call string) string {
		t.Helper()
		a := s.send(t, request("app", call))
		require.Equal(t, 200, a.status, "%s: %s", call, a.body)
		return a.json()["count"].(interface{ String() string }).String()
	}
	for _, c := range []struct{ call, count, what string }{
		{"GET /chatgroups?resource=x&version=1&_v=9&limit=3", "3", "unknown parameters"},
		{"GET /chatgroups?cursor=&limit=3", "3", "an empty cursor is the start"},
		{"GET /chatgroups?cursor=undefined&limit=3", "3", "the cursor undefined is the start"},
		{"GET /chatgroups", "10", "limit is 10"},
		{"GET /chatgroups?limit=99999", "12", "a number too large is clamped"},
		{"GET /chatgroups?limit=0", "1", "a number too small is clamped"},
		{"GET /chatgroups?limit=-5", "1", "a negative number is clamped"},
		{"GET /chatgroups?limit=99999999999999999999999", "12", "a number of no size is clamped"},
		{"GET /chatgroups?limit=abc", "10", "an unreadable number is the default"},
		{"GET /chatgroups?limit=", "10", "an empty number is the default"},
		{"GET /chatgroups?limit=undefined", "10", "undefined is the default"},
		{"GET /users/user1/joined_chatgroups", "12", "without pages: all"},
		{"GET /users/user1/joined_chatgroups?pagenum=1", "10", "with pagenum: 10"},
		{"GET /users/user1/joined_chatgroups?pagesize=5", "5", "with pagesize: the first page"},
		{"GET /users/user1/joined_chatgroups?pagenum=0", "10", "page 0 is page 1"},
		{"GET /users/user1/joined_chatgroups?pagenum=2", "2", "the second page"},
		{"GET /users/user1/joined_chatgroups?pagenum=3", "0", "a page after the last"},
		{"GET /users/user1/joined_chatgroups?pagenum=999999999999999999999&pagesize=1000", "0", "a page of no number"},
		{"GET /users/user1/joined_chatgroups?pagesize=5000", "12", "a size too large is clamped"},
		{"GET /users/user1/joined_chatgroups?pagenum=x&pagesize=y", "10", "unreadable pages are the default"},
		{"GET /chatgroups/g00/users?pagenum=0&pagesize=1", "1", "page 0 of members"},
		{"GET /chatgroups/g00/users?pagenum=-1", "1", "a negative page of members"},
		{"GET /chatgroups/g00/share_files?pagenum=0&pagesize=99999", "0", "page 0 of files"},
	} {
		t.Run(c.what, func(t *testing.T) { require.Equal(t, c.count, count(c.call), c.call) })
	}
	t.Run("a query that cannot be read", func(t *testing.T) {
		r := request("app", "GET /chatgroups")
		r.URL.RawQuery = "limit=3&a=%zz&;x;"
		require.Equal(t, number("3"), s.send(t, r).json()["count"])
	})
}

// No page has more than 1000 entries, whatever is asked for.
func TestTolerance_largePages(t *testing.T) {
	t.Parallel()
	s := setup(t, func(set *settings) { set.engine.Limits.JoinedGroups, set.engine.Limits.Batch = 2000, 2000 })
	for i := range 1001 {
		s.group(t, fmt.Sprintf("g%04d", i), "user1")
	}
	s.create(t, groupkit.NewGroup{ID: "large", Owner: "user2", Public: true, MaxUsers: 2000})
	users := make([]groupkit.UserID, 0, 1000)
	for _, name := range s.names(1000) {
		users = append(users, groupkit.UserID(name))
	}
	_, err := s.engine.System().AddMembers(t.Context(), "large", users)
	require.NoError(t, err)
	for i := range 1001 {
		_, err := s.engine.System().UploadFile(t.Context(), "large", fmt.Sprintf("f%d", i), strings.NewReader(""))
		require.NoError(t, err)
	}
	for call, want := range map[string]string{
		"GET /chatgroups?limit=1001": "1000", "GET /chatgroups?limit=5000": "1000", "GET /publicchatgroups?limit=5000": "1000",
		"GET /users/user1/joined_chatgroups": "1001", "GET /users/user1/joined_chatgroups?pagesize=5000": "1000",
		"GET /users/user1/joined_chatgroups?pagenum=2&pagesize=1000": "1",
		"GET /chatgroups/large/users":                                "1000", "GET /chatgroups/large/users?pagesize=5000": "1000", "GET /chatgroups/large/users?pagenum=2": "1",
		"GET /chatgroups/large/users?limit=5000": "1000",
		"GET /chatgroups/large/share_files":      "1000", "GET /chatgroups/large/share_files?pagesize=5000": "1000",
		"GET /chatgroups/large/share_files?pagenum=2": "1",
	} {
		a := s.call(t, "app", call)
		require.Equal(t, 200, a.status, "%s: %s", call, a.body)
		require.Equal(t, number(want), a.json()["count"], call)
	}
}

func TestTolerance_aliases(t *testing.T) {
	t.Parallel()
	s := setup(t)
	detail := func(id, name string) any {
		t.Helper()
		return s.call(t, "app", "GET /chatgroups/"+id).json()["data"].([]any)[0].(map[string]any)[name]
	}
	n := 0
	for body, want := range map[string]any{
		`"desc":"d1"`: []string{"description", "d1"}, `"description":"d2"`: []string{"description", "d2"},
		`"custom":"c"`: []string{"custom", "c"}, `"avatar":"http://a/b"`: []string{"avatar", "http://a/b"},
	} {
		n++
		id := fmt.Sprintf("text%d", n)
		t.Run("creation, "+body, func(t *testing.T) {
			s.call(t, "app", "POST /chatgroups", `{"groupid":"`+id+`","groupname":"n","public":true,"owner":"user1",`+body+`}`).data(`{"groupid": "` + id + `"}`)
			require.Equal(t, want.([]string)[1], detail(id, want.([]string)[0]))
		})
	}
	for _, alias := range []string{"members_only", "membersonly", "approval"} {
		t.Run("creation and update, "+alias, func(t *testing.T) {
			s.call(t, "app", "POST /chatgroups", `{"groupid":"`+alias+`","groupname":"n","public":true,"owner":"user1","`+alias+`":true}`)
			require.Equal(t, true, detail(alias, "membersonly"))
			s.call(t, "app", "PUT /chatgroups/"+alias, `{"`+alias+`":false}`).data(`{"` + alias + `": true}`)
			require.Equal(t, false, detail(alias, "membersonly"))
		})
	}
	t.Run("invite_need_confirm", func(t *testing.T) {
		s.call(t, "app", "POST /chatgroups", `{"groupid":"inc","groupname":"n","public":false,"owner":"user1","invite_need_confirm":false}`)
		require.Equal(t, false, detail("inc", "invite_need_confirm"))
		s.call(t, "app", "PUT /chatgroups/inc", `{"invite_need_confirm":true}`).data(`{"invite_need_confirm": true}`)
		require.Equal(t, true, detail("inc", "invite_need_confirm"))
	})
	t.Run("update, desc and description", func(t *testing.T) {
		s.group(t, "up", "user1")
		s.call(t, "app", "PUT /chatgroups/up", `{"desc":"1"}`).data(`{"desc": true}`)
		require.Equal(t, "1", detail("up", "description"))
		s.call(t, "app", "PUT /chatgroups/up", `{"description":"2"}`).data(`{"description": true}`)
		require.Equal(t, "2", detail("up", "description"))
	})
	t.Run("other fields at creation are passed over", func(t *testing.T) {
		s.call(t, "app", "POST /chatgroups", `{"groupname":"n","public":true,"owner":"user1","scale":"large","need_verify":true,"x":{"y":[1]}}`).data(`{"groupid": "<text>"}`)
	})
	t.Run("numbers as digits", func(t *testing.T) {
		s.call(t, "app", "POST /chatgroups", `{"groupid":"digits","groupname":"n","public":true,"owner":"user1","members":["user2"],"maxusers":"300"}`)
		require.Equal(t, number("300"), detail("digits", "maxusers"))
		s.call(t, "app", "PUT /chatgroups/digits", `{"maxusers":"400"}`).data(`{"maxusers": true}`)
		require.Equal(t, number("400"), detail("digits", "maxusers"))
		s.call(t, "app", "PUT /chatgroups/digits", `{"maxusers":500}`).data(`{"maxusers": true}`)
		require.Equal(t, number("500"), detail("digits", "maxusers"))
		a := s.call(t, "app", "POST /chatgroups/digits/mute", `{"usernames":["user2"],"mute_duration":"86400000"}`)
		require.Equal(t, 200, a.status, "%s", a.body)
		require.Equal(t, fmt.Sprint(s.clock.Now().UnixMilli()+86400000), fmt.Sprint(a.json()["data"].([]any)[0].(map[string]any)["expire"]))
	})
}

func TestTolerance_files(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.group(t, "g", "user1")
	listed := func(id string) string {
		for _, f := range s.call(t, "app", "GET /chatgroups/g/share_files").json()["data"].([]any) {
			if f := f.(map[string]any); f["file_id"] == id {
				return f["file_name"].(string)
			}
		}
		return "(not listed)"
	}
	for sent, name := range map[string]string{
		"/Users/test/image/IMG_3.JPG": "IMG_3.JPG", `C:\\Users\\test\\IMG_4.JPG`: "IMG_4.JPG", "plain.txt": "plain.txt", "../../etc/passwd": "passwd",
	} {
		t.Run("a whole path: "+sent, func(t *testing.T) {
			a := s.send(t, uploading("app", "g", sent, "content"))
			require.Equal(t, 200, a.status, "%s", a.body)
			data := a.json()["data"].(map[string]any)
			require.Equal(t, strings.ReplaceAll(sent, `\\`, `\`), data["file_name"], "as it was sent")
			require.Equal(t, name, listed(data["file_id"].(string)))
		})
	}
	for _, restrict := range []string{"", "true", "false", "nonsense"} {
		r := uploading("app", "g", "f", "x")
		if restrict != "" {
			r.Header.Set("Restrict-Access", restrict)
		}
		require.Equal(t, 200, s.send(t, r).status, "restrict-access: %s", restrict)
	}
	t.Run("the headers of curl", func(t *testing.T) {
		r := request("app", "POST /chatgroups/g/share_files", uploadOfCurl)
		r.Header.Set("Content-Type", "application/json; boundary=------------------------1142ce5256007902")
		a := s.send(t, r)
		a.data(`{"file_url": "<text>", "group_id": "g", "file_name": "IMG_3.JPG", "created": "<ms>", "file_id": "<uuid>", "file_size": 14}`)
	})
	t.Run("other fields before the file", func(t *testing.T) {
		var body bytes.Buffer
		w := multipart.NewWriter(&body)
		w.WriteField("note", strings.Repeat("x", 1000))
		part, _ := w.CreatePart(textproto.MIMEHeader{"Content-Disposition": {`form-data; name="file"; filename="f.bin"`}})
		part.Write([]byte("12345"))
		w.Close()
		r := request("app", "POST /chatgroups/g/share_files", body.String())
		r.Header.Set("Content-Type", w.FormDataContentType())
		require.Equal(t, number("5"), s.send(t, r).json()["data"].(map[string]any)["file_size"])
	})
	t.Run("download", func(t *testing.T) {
		id := s.upload(t, "app", "g", "page.html", "<html>0123456789")
		a := s.call(t, "app", "GET /chatgroups/g/share_files/"+id)
		require.Equal(t, 200, a.status)
		require.Equal(t, "<html>0123456789", string(a.body))
		require.Equal(t, "application/octet-stream", a.header.Get("Content-Type"))
		require.Equal(t, "nosniff", a.header.Get("X-Content-Type-Options"))
		require.Equal(t, "16", a.header.Get("Content-Length"))
		for header, want := range map[string]string{"bytes=6-8": "012", "bytes=-3": "789", "bytes=6-": "0123456789"} {
			r := request("app", "GET /chatgroups/g/share_files/"+id)
			r.Header.Set("Range", header)
			a := s.send(t, r)
			require.Equal(t, http.StatusPartialContent, a.status)
			require.Equal(t, want, string(a.body))
		}
		r := request("app", "GET /chatgroups/g/share_files/"+id)
		r.Header.Set("Range", "bytes=100-")
		require.Equal(t, http.StatusRequestedRangeNotSatisfiable, s.send(t, r).status)
	})
	t.Run("file_url is what the download asks", func(t *testing.T) {
		a := s.send(t, uploading("app", "g", "f", "content"))
		r := httptest.NewRequest("GET", a.json()["data"].(map[string]any)["file_url"].(string), nil)
		r.Header.Set("Authorization", "Bearer app")
		require.Equal(t, "content", string(s.send(t, r).body))
	})
	t.Run("of a group whose id has a slash", func(t *testing.T) {
		s.create(t, groupkit.NewGroup{ID: "a/b c", Owner: "user1", Public: true})
		a := s.send(t, uploading("app", "a%2Fb%20c", "f", "content"))
		r := httptest.NewRequest("GET", a.json()["data"].(map[string]any)["file_url"].(string), nil)
		r.Header.Set("Authorization", "Bearer app")
		require.Equal(t, "content", string(s.send(t, r).body))
	})
}
