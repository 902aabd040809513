package wire

import (
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/rest"
	"groupkit/store/fileblob"
	"groupkit/store/memstore"
)

const gigabyte = 1 << 30

// An endless body has a beginning and then repeats one byte until it has its size. It counts what is read.
type endless struct {
	begin string
	left  int64
	read  int64
}

func newEndless(begin string) *endless { return &endless{begin: begin, left: gigabyte} }

func (e *endless) Read(p []byte) (n int, err error) {
	p = p[:min(int64(len(p)), e.left)]
	if len(e.begin) > 0 {
		n = copy(p, e.begin)
		e.begin = e.begin[n:]
	} else {
		for i := range p {
			p[i] = 'x'
		}
		n = len(p)
	}
	if e.left -= int64(n); e.left <= 0 {
		err = io.EOF
	}
	e.read += int64(n)
	return n, err
}

func (e *endless) Close() error { return nil }

// allocated returns how many bytes f allocates. The test that calls it must not be parallel.
func allocated(f func()) int64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return int64(after.TotalAlloc - before.TotalAlloc)
}

// serve is send without a check against the document, which would allocate.
func serve(s *server, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	return w
}

// A body of 1 GB is refused, or not read at all, and takes little memory.
func TestHostile_hugeBody(t *testing.T) {
	s := setup(t)
	s.group(t, "g", "user1", "user2")
	for _, call := range []string{
		"POST /chatgroups", "PUT /chatgroups/g", "POST /chatgroups/g/announcement", "POST /chatgroups/g/users", "POST /chatgroups/g/admin",
		"POST /chatgroups/g/blocks/users", "POST /chatgroups/g/mute", "POST /chatgroups/g/white/users", "POST /chatgroups/g/invite",
		"POST /chatgroups/g/apply_verify", "POST /users", "POST /token",
	} {
		for _, length := range []int64{gigabyte, -1} {
			body := newEndless(`{"x":"`)
			r := request("app", call)
			r.Body, r.ContentLength = body, length
			var w *httptest.ResponseRecorder
			require.Less(t, allocated(func() { w = serve(s, r) }), int64(8<<20), call)
			require.Equal(t, 413, w.Code, "%s: %s", call, w.Body)
			require.LessOrEqual(t, body.read, int64(1<<20+64<<10), call)
		}
	}
	for _, call := range []string{
		"GET /chatgroups", "GET /chatgroups/g", "POST /chatgroups/g/users/user3", "DELETE /chatgroups/g/users/user3", "POST /chatgroups/g/ban",
		"DELETE /chatgroups/g/mute/user2", "DELETE /chatgroups/g",
	} {
		body := newEndless("")
		r := request("app", call)
		r.Body, r.ContentLength = body, -1
		var w *httptest.ResponseRecorder
		require.Less(t, allocated(func() { w = serve(s, r) }), int64(1<<20), call)
		require.Equal(t, 200, w.Code, "%s: %s", call, w.Body)
		require.LessOrEqual(t, body.read, int64(64<<10), call)
	}
	t.Run("without a good token nothing is read", func(t *testing.T) {
		for _, call := range []string{"POST /chatgroups", "POST /chatgroups/g/share_files"} {
			body := newEndless("{")
			r := request("bad", call)
			r.Body, r.ContentLength = body, -1
			require.Equal(t, 401, serve(s, r).Code)
			require.Zero(t, body.read)
		}
	})
}

const partHeader = "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"f\"\r\n\r\n"

// diskServer keeps the contents of files on disk.
func diskServer(t testing.TB) *server {
	s := setup(t)
	engine, err := groupkit.New(memstore.New(), fileblob.New(t.TempDir()), &groupkit.Options{Clock: s.clock.Now})
	require.NoError(t, err)
	t.Cleanup(func() { engine.Close() })
	s.engine = engine
	s.handler = rest.NewHandler(rest.OneApp(org, app, &rest.App{ID: appID, Engine: engine, Authenticator: s.tokens}), nil)
	s.group(t, "g", "user1")
	return s
}

func TestHostile_uploads(t *testing.T) {
	s := diskServer(t)
	upload := func(body io.ReadCloser, length int64) *httptest.ResponseRecorder {
		r := request("app", "POST /chatgroups/g/share_files")
		r.Header.Set("Content-Type", "multipart/form-data; boundary=b")
		r.Body, r.ContentLength = body, length
		return serve(s, r)
	}
	t.Run("10 MiB take a constant few hundred KiB", func(t *testing.T) {
		size := func(content int64) int64 {
			body := &endless{begin: partHeader, left: int64(len(partHeader)) + content}
			end := io.NopCloser(io.MultiReader(body, strings.NewReader("\r\n--b--\r\n")))
			var w *httptest.ResponseRecorder
			n := allocated(func() { w = upload(end, -1) })
			require.Equal(t, 200, w.Code, "%s", w.Body)
			require.Contains(t, w.Body.String(), fmt.Sprintf(`"file_size":%d`, content))
			return n
		}
		size(1000)
		require.Less(t, size(10<<20), int64(512<<10))
	})
	t.Run("the same for the download", func(t *testing.T) {
		id := s.upload(t, "app", "g", "f", strings.Repeat("y", 10<<20))
		r := request("app", "GET /chatgroups/g/share_files/"+id)
		w := &counter{header: http.Header{}}
		require.Less(t, allocated(func() { s.handler.ServeHTTP(w, r) }), int64(512<<10))
		require.EqualValues(t, 10<<20, w.n)
	})
	for name, begin := range map[string]string{
		"1 GB of a file":       partHeader,
		"1 GB before the file": "--b\r\nContent-Disposition: form-data; name=\"other\"\r\n\r\n",
		"1 GB of a header":     "--b\r\nX-Long: ",
		"1 GB without a part":  "preamble",
		"1 GB of a file name":  "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"",
	} {
		t.Run(name, func(t *testing.T) {
			for _, length := range []int64{gigabyte, -1} {
				body := newEndless(begin)
				var w *httptest.ResponseRecorder
				require.Less(t, allocated(func() { w = upload(body, length) }), int64(8<<20))
				// The reader of parts has limits of its own for lines outside a part's content.
				if !strings.Contains(name, "file") || strings.Contains(name, "name") {
					require.Contains(t, []int{400, 413}, w.Code, "%s", w.Body)
				} else {
					require.Equal(t, 413, w.Code, "%s", w.Body)
				}
				require.LessOrEqual(t, body.read, int64(11<<20))
			}
		})
	}
	t.Run("many parts", func(t *testing.T) {
		part := "--b\r\nContent-Disposition: form-data; name=\"p\"\r\n\r\n\r\n"
		r := request("app", "POST /chatgroups/g/share_files", strings.Repeat(part, 100_000)+partHeader+"x\r\n--b--\r\n")
		r.Header.Set("Content-Type", "multipart/form-data; boundary=b")
		require.Equal(t, 413, serve(s, r).Code)
	})
	t.Run("an upload that is cut off leaves nothing", func(t *testing.T) {
		before := s.call(t, "app", "GET /chatgroups/g/share_files").json()["count"]
		w := upload(io.NopCloser(strings.NewReader(partHeader+"half of it")), -1)
		require.Equal(t, 400, w.Code, "%s", w.Body)
		require.Equal(t, before, s.call(t, "app", "GET /chatgroups/g/share_files").json()["count"])
		report, err := s.engine.Verify(t.Context(), groupkit.VerifyOptions{})
		require.NoError(t, err)
		require.True(t, report.Sound(), "%v", report)
	})
}

// A counter is an answer that is thrown away.
type counter struct {
	header http.Header
	n      int64
}

func (c *counter) Header() http.Header { return c.header }
func (c *counter) WriteHeader(int)     {}
func (c *counter) Write(b []byte) (int, error) {
	c.n += int64(len(b))
	return len(b), nil
}

func TestHostile_json(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.group(t, "g", "user1", "user2")
	bodies := map[string]string{
		"deep arrays":        `{"usernames":` + strings.Repeat("[", 500_000),
		"deep and closed":    `{"usernames":` + strings.Repeat("[", 200_000) + strings.Repeat("]", 200_000) + `}`,
		"deep objects":       strings.Repeat(`{"a":`, 150_000),
		"bad UTF-8":          "{\"announcement\":\"\xff\xfe\"}",
		"overlong UTF-8":     "{\"announcement\":\"\xc0\xaf\"}",
		"half a surrogate":   "{\"announcement\":\"\xed\xa0\x80\"}",
		"a NUL":              "{\"announcement\":\"a\x00b\"}",
		"a line in a string": "{\"announcement\":\"a\nb\"}",
	}
	for name, body := range bodies {
		t.Run(name, func(t *testing.T) {
			for _, call := range []string{"POST /chatgroups/g/announcement", "POST /chatgroups/g/users", "POST /chatgroups", "POST /users", "POST /token", "PUT /chatgroups/g"} {
				a := s.send(t, request("app", call, body))
				require.Equal(t, 400, a.status, "%s: %s", call, a.body)
				require.Equal(t, "json_parse", a.json()["error"], call)
				require.True(t, utf8.Valid(a.body))
			}
		})
	}
	t.Run("numbers of a strange size", func(t *testing.T) {
		for _, n := range []string{"1e400", "-1e400", "99999999999999999999", "1e3", "0.5", "-0", `"1e3"`, `" 1"`, `"0x10"`, `"-1"`, `"99999999999999999999999999"`} {
			a := s.send(t, request("app", "PUT /chatgroups/g", `{"maxusers":`+n+`}`))
			require.Contains(t, []int{200, 400}, a.status, "%s: %s", n, a.body)
			a = s.send(t, request("app", "POST /chatgroups/g/mute", `{"usernames":["user2"],"mute_duration":`+n+`}`))
			require.Contains(t, []int{200, 400}, a.status, "%s: %s", n, a.body)
			a = s.send(t, token(`{"grant_type":"client_credentials","client_id":"id","client_secret":"secret","ttl":`+n+`}`))
			require.Contains(t, []int{200, 400}, a.status, "%s: %s", n, a.body)
		}
	})
	t.Run("the same field many times", func(t *testing.T) {
		a := s.send(t, request("app", "PUT /chatgroups/g", `{`+strings.Repeat(`"groupname":"n",`, 50_000)+`"groupname":"last"}`))
		a.data(`{"groupname": true}`)
	})
}

func TestHostile_paths(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.group(t, "g", "user1", "user2")
	for _, id := range []string{"%ff", "%c0%af", "%00", "a%00b", "%0d%0aSet-Cookie:x", "%E2%80%AE", "..%2f..%2f..%2fetc%2fpasswd", "....//", "%252e%252e", "%5c..%5c..", strings.Repeat("a", 100_000)} {
		for _, call := range []string{
			"GET /chatgroups/" + id, "GET /chatgroups/" + id + "/users", "DELETE /chatgroups/g/users/" + id, "POST /chatgroups/g/users/" + id,
			"GET /users/" + id + "/joined_chatgroups", "GET /chatgroups/g/share_files/" + id, "DELETE /chatgroups/g/share_files/" + id,
			"DELETE /chatgroups/g/mute/" + id, "GET /" + id, "GET /chatgroups/user/" + id, "GET /users/" + id, "GET /chatgroups?cursor=" + id, "GET /chatgroups?limit=" + id,
			"GET /chatgroups/g/users?" + id + "=" + id,
		} {
			w := serve(s, request("app", call))
			require.Less(t, w.Code, 500, "%s: %s", call, w.Body)
			require.True(t, utf8.Valid(w.Body.Bytes()), call)
			for name, values := range w.Header() {
				require.NotContains(t, strings.Join(values, ""), "\n", name)
			}
			require.NotContains(t, w.Header(), "Location", call)
			require.NotContains(t, w.Header(), "Set-Cookie", call)
		}
	}
}

// Whatever a file is called: its headers are two lines, and it is never shown as a page.
func TestHostile_fileNames(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.group(t, "g", "user1")
	for _, c := range []struct{ disposition, name string }{
		{`filename="plain.txt"`, "plain.txt"},
		{`filename="a\"; filename=\"evil.html"`, `a"; filename="evil.html`},
		{`filename*=UTF-8''%E2%82%AC%20rates.txt`, "\u20ac rates.txt"},
		{"filename=\"gr\u00fc\u00dfe.txt\"", "gr\u00fc\u00dfe.txt"},
		{`filename="100%25.txt"`, "100%25.txt"},
		{`filename="a;b=c.txt"`, "a;b=c.txt"},
		{`filename="page.html"`, "page.html"},
		{`filename="'single'.txt"`, "'single'.txt"},
		{`filename="` + strings.Repeat("x", 255) + `"`, strings.Repeat("x", 255)},
		{`filename*=UTF-8''a%0d%0aSet-Cookie:%20x=y`, ""},
		{`filename*=UTF-8''a%00b`, ""},
		{"filename=\"a\xffb\"", ""},
		{`filename="` + strings.Repeat("x", 256) + `"`, ""},
		{`filename="/"`, ""},
		{`filename="\\\\"`, ""},
	} {
		t.Run(c.disposition, func(t *testing.T) {
			body := "--b\r\nContent-Disposition: form-data; name=\"file\"; " + c.disposition + "\r\nContent-Type: text/html\r\n\r\n<script>\r\n--b--\r\n"
			r := request("app", "POST /chatgroups/g/share_files", body)
			r.Header.Set("Content-Type", "multipart/form-data; boundary=b")
			a := s.send(t, r)
			if c.name == "" {
				require.Equal(t, 400, a.status, "%s", a.body)
				return
			}
			require.Equal(t, 200, a.status, "%s", a.body)
			id := a.json()["data"].(map[string]any)["file_id"].(string)
			got := s.send(t, request("app", "GET /chatgroups/g/share_files/"+id))
			require.Equal(t, "application/octet-stream", got.header.Get("Content-Type"))
			require.Equal(t, "nosniff", got.header.Get("X-Content-Type-Options"))
			require.NotContains(t, got.header, "Set-Cookie")
			require.Len(t, got.header["Content-Disposition"], 1)
			disposition := got.header.Get("Content-Disposition")
			require.Regexp(t, `^attachment; [ -~]+$`, disposition)
			kind, params, err := mime.ParseMediaType(withoutPlain(disposition))
			require.NoError(t, err, disposition)
			require.Equal(t, "attachment", kind)
			require.Equal(t, c.name, params["filename"], disposition)
		})
	}
}

// withoutPlain removes the plain name beside an encoded one, as clients do that know both: package mime
// refuses the pair.
func withoutPlain(disposition string) string {
	if i := strings.Index(disposition, "filename*="); i >= 0 {
		return "attachment; " + disposition[i:]
	}
	return disposition
}

// A token of one app is a bad one for another.
func TestHostile_otherApp(t *testing.T) {
	t.Parallel()
	one, two := setup(t), setup(t)
	both := &server{handler: rest.NewHandler(choose{
		"testapp": {ID: appID, Engine: one.engine, Authenticator: only("first")},
		"other":   {ID: appID, Engine: two.engine, Authenticator: only("second")},
	}.find, nil)}
	for name, good := range map[string]string{"testapp": "first", "other": "second"} {
		for _, token := range []string{"first", "second"} {
			r := httptest.NewRequest("GET", origin+"/chat-demo/"+name+"/chatgroups", nil)
			r.Header.Set("Authorization", "Bearer "+token)
			a := both.send(t, r)
			if token == good {
				require.Equal(t, 200, a.status)
			} else {
				a.fails(401, "group_authorization", "this token is bad, or has expired!")
			}
		}
	}
	for _, path := range []string{"/chat-demo/testapp/../other/chatgroups", "/chat-demo/testapp/%2e%2e/other/chatgroups", "/chat-demo/testapp%2f..%2fother/chatgroups"} {
		r := httptest.NewRequest("GET", "http://"+host, nil)
		u, err := url.Parse("http://" + host + path)
		require.NoError(t, err)
		r.URL = u
		r.Header.Set("Authorization", "Bearer first")
		require.Equal(t, 404, both.send(t, r).status, path)
	}
}

// only knows one token, that of the app.
type only string

func (o only) Authenticate(r *http.Request) (rest.Caller, error) {
	if r.Header.Get("Authorization") != "Bearer "+string(o) {
		return rest.Caller{}, rest.ErrBadToken
	}
	return rest.Caller{System: true}, nil
}
