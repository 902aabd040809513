package wire

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

// sane requires of any answer that it is a success or an error that is the client's, in JSON.
func sane(t *testing.T, s *server, r *http.Request) {
	t.Helper()
	w := serve(s, r)
	require.Less(t, w.Code, 500, "%s", w.Body)
	if w.Header().Get("Content-Type") == "application/json" {
		require.True(t, json.Valid(w.Body.Bytes()) && utf8.Valid(w.Body.Bytes()), "%q", w.Body)
	}
}

// Any body of any route.
func FuzzJSON(f *testing.F) {
	calls := []string{
		"POST /chatgroups", "PUT /chatgroups/g", "POST /chatgroups/g/announcement", "POST /chatgroups/g/users", "POST /chatgroups/g/admin",
		"POST /chatgroups/g/blocks/users", "POST /chatgroups/g/mute", "POST /chatgroups/g/white/users", "POST /chatgroups/g/invite",
		"POST /chatgroups/g/apply_verify", "POST /chatgroups/g/apply", "POST /chatgroups/g/invite_verify", "POST /users", "POST /token",
	}
	for _, body := range []string{
		`{"groupname":"n","public":true,"owner":"user1","maxusers":"3","members":["user2"]}`, `{"newowner":"user2"}`, `{"usernames":["user2","user3"],"mute_duration":-1}`,
		`[{"username":"a","password":"b"}]`, `{"grant_type":"password","username":"user1","password":"p","ttl":""}`, `{"applicant":"user2","verifyResult":true}`, `null`, `{"a":1e999}`,
	} {
		for i := range calls {
			f.Add(i, body)
		}
	}
	f.Fuzz(func(t *testing.T, i int, body string) {
		s := setup(t)
		s.group(t, "g", "user1", "user2")
		sane(t, s, request("app", calls[uint(i)%uint(len(calls))], body))
	})
}

// Any upload; what it stores can be listed and downloaded.
func FuzzUpload(f *testing.F) {
	f.Add("multipart/form-data; boundary=b", partHeader+"content\r\n--b--\r\n")
	f.Add("application/json; boundary=------------------------1142ce5256007902", uploadOfCurl)
	f.Add("multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data; name=\"file\"; filename*=UTF-8''%e2%82%ac\r\n\r\nx\r\n--b--")
	f.Add("multipart/mixed", "--b--")
	f.Fuzz(func(t *testing.T, kind, body string) {
		s := setup(t)
		s.group(t, "g", "user1")
		r := request("app", "POST /chatgroups/g/share_files", body)
		r.Header["Content-Type"] = []string{kind}
		sane(t, s, r)
		for _, file := range s.call(t, "app", "GET /chatgroups/g/share_files").json()["data"].([]any) {
			w := serve(s, request("app", "GET /chatgroups/g/share_files/"+file.(map[string]any)["file_id"].(string)))
			require.Equal(t, 200, w.Code)
			require.False(t, strings.ContainsAny(w.Header().Get("Content-Disposition"), "\r\n"))
		}
	})
}
