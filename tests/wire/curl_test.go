package wire

import (
	"bytes"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A shell runs curl against a server on loopback.
type shell struct {
	t     *testing.T
	base  string // the URL of the app
	dir   string
	token string
}

// curl runs curl with the arguments, in which BASE and TOKEN stand for the URL and the token, and returns
// the body of the answer, which must have the status.
func (s *shell) curl(status int, args ...string) string {
	s.t.Helper()
	for i := range args {
		args[i] = strings.NewReplacer("BASE", s.base, "TOKEN", s.token).Replace(args[i])
	}
	cmd := exec.CommandContext(s.t.Context(), "curl", append([]string{"-sS", "-w", "\n%{http_code}"}, args...)...)
	cmd.Dir = s.dir
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	require.NoError(s.t, err, "curl %q: %s", args, &stderr)
	body, code := string(out[:bytes.LastIndexByte(out, '\n')]), string(out[bytes.LastIndexByte(out, '\n')+1:])
	require.Equal(s.t, strconv.Itoa(status), code, "curl %q: %s", args, body)
	return body
}

// data is curl for an answer whose data is wanted.
func (s *shell) data(want string, args ...string) map[string]any {
	s.t.Helper()
	got := parse(s.t, s.curl(200, append(args, "-H", "Authorization: Bearer TOKEN")...))
	matches(s.t, parse(s.t, `{"data": `+want+`}`)["data"], got["data"])
	return got
}

// A conversation with curl itself, over loopback.
func TestCurl(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("there is no curl on this machine")
	}
	server := setup(t)
	web := httptest.NewServer(server.handler)
	t.Cleanup(web.Close)
	s := &shell{t: t, base: web.URL + prefix, dir: t.TempDir()}

	// Token and users.
	got := parse(t, s.curl(200, "-X", "POST", "BASE/token", "-d", `{"grant_type":"client_credentials","client_id":"id","client_secret":"secret"}`))
	s.token = got["access_token"].(string)
	require.Contains(t, s.curl(401, "BASE/chatgroups"), "token is blank!")
	require.Contains(t, s.curl(401, "BASE/chatgroups", "-H", "Authorization: Bearer old"), "this token is bad, or has expired!")
	got = parse(t, s.curl(200, "-X", "POST", "BASE/users", "-H", "Authorization: Bearer TOKEN", "-H", "Content-Type: application/json",
		"-d", `[{"username":"ann","password":"1"},{"username":"ben","password":"1"},{"username":"cy","password":"1"},{"username":"dora","password":"1"}]`))
	require.Len(t, got["entities"], 4)

	// Create, members, admins, transfer.
	got = s.data(`{"groupid": "<text>"}`, "-X", "POST", "BASE/chatgroups", "-d", `{"groupname":"testgroup","desc":"test","public":true,"maxusers":300,"owner":"ann","members":["ben"]}`)
	group := got["data"].(map[string]any)["groupid"].(string)
	url := "BASE/chatgroups/" + group
	s.data(fmt.Sprintf(`{"newmembers": ["<set>", "cy", "dora"], "groupid": %q, "action": "add_member"}`, group), "-X", "POST", url+"/users", "-d", `{"usernames":["cy","dora"]}`)
	s.data(`["<set>", {"owner": "ann"}, {"member": "ben"}, {"member": "cy"}, {"member": "dora"}]`, url+"/users?pagenum=1&pagesize=10")
	s.data(`{"result": "success", "newadmin": "ben"}`, "-X", "POST", url+"/admin", "-d", `{"newadmin":"ben"}`)
	s.data(`["ben"]`, url+"/admin")
	s.data(`{"result": "success", "oldadmin": "ben"}`, "-X", "DELETE", url+"/admin/ben")
	s.data(`{"newowner": true}`, "-X", "PUT", url, "-H", "Content-Type: application/json", "-d", `{ "newowner": "ben" }`)

	// Block, mute, announcement.
	s.data(fmt.Sprintf(`{"result": true, "action": "add_blocks", "user": "dora", "groupid": %q}`, group), "-X", "POST", url+"/blocks/users/dora")
	s.data(`["dora"]`, url+"/blocks/users/")
	s.data(fmt.Sprintf(`{"result": true, "action": "remove_blocks", "user": "dora", "groupid": %q}`, group), "-X", "DELETE", url+"/blocks/users/dora")
	s.data(`[{"result": true, "expire": 4638873600000, "user": "cy"}]`, "-X", "POST", url+"/mute", "-d", `{"usernames":["cy"], "mute_duration":-1}`)
	s.data(`[{"expire": 4638873600000, "user": "cy"}]`, url+"/mute")
	s.data(`[{"result": true, "user": "cy"}]`, "-X", "DELETE", url+"/mute/cy")
	s.data(fmt.Sprintf(`{"id": %q, "result": true}`, group), "-X", "POST", url+"/announcement", "-H", "Content-Type: application/json", "-d", `{"announcement" : "Group Announcement…"}`)
	s.data(`{"announcement": "Group Announcement…"}`, url+"/announcement", "-H", "Content-Type: application/json")

	s.files(url)

	// Delete.
	s.data(fmt.Sprintf(`{"result": true, "action": "remove_member", "user": "cy", "groupid": %q}`, group), "-X", "DELETE", url+"/users/cy")
	s.data(fmt.Sprintf(`{"success": true, "groupid": %q}`, group), "-X", "DELETE", url)
	require.Contains(t, s.curl(404, url, "-H", "Authorization: Bearer TOKEN"), "do not find this group:"+group)
}

// files uploads a file with the curl command of the source text, and with the plain one, and downloads
// it.
func (s *shell) files(url string) {
	content := strings.Repeat("a picture, 16 B\n", 10_000)
	require.NoError(s.t, os.WriteFile(filepath.Join(s.dir, "IMG_3.JPG"), []byte(content), 0o600))
	var file string
	for _, headers := range [][]string{
		{"-H", "Content-Type: application/json", "-H", "content-type: multipart/form-data; boundary=----WebKitFormBoundary7MA4YWxkTrZu0gW", "-H", "restrict-access: true"},
		{},
	} {
		args := append([]string{"-X", "POST", url + "/share_files", "-F", "file=@" + filepath.Join(s.dir, "IMG_3.JPG")}, headers...)
		got := s.data(`{"file_url": "<text>", "group_id": "<text>", "file_name": "IMG_3.JPG", "created": "<ms>", "file_id": "<uuid>", "file_size": 160000}`, args...)
		file = got["data"].(map[string]any)["file_url"].(string)
	}
	require.Equal(s.t, content, s.curl(200, file, "-H", "Authorization: Bearer TOKEN"))
	require.Equal(s.t, content[16:32], s.curl(206, "-r", "16-31", file, "-H", "Authorization: Bearer TOKEN"))
	s.curl(200, "-OJ", file, "-H", "Authorization: Bearer TOKEN", "--output-dir", s.t.TempDir())
	s.curl(200, "-I", file, "-H", "Authorization: Bearer TOKEN")
	require.Len(s.t, parse(s.t, s.curl(200, url+"/share_files?pagenum=1&pagesize=10", "-H", "Authorization: Bearer TOKEN"))["data"], 2)
	s.curl(200, "-X", "DELETE", file, "-H", "Authorization: Bearer TOKEN")
	require.Contains(s.t, s.curl(404, file, "-H", "Authorization: Bearer TOKEN"), "null for uri: "+file)
}
