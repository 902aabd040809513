package rest_test

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/store"
	"groupkit/store/memblob"
)

// upload returns a multipart body with the boundary "b".
func upload(name, content string) string {
	return "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"" + name + "\"\r\n\r\n" + content + "\r\n--b--\r\n"
}

func (s *service) upload(id, body string) request {
	return request{
		method: "POST", path: "/chatgroups/" + id + "/share_files", body: body,
		header: http.Header{"Content-Type": {"multipart/form-data; boundary=b"}, "Restrict-Access": {"true"}},
	}
}

func TestFiles(t *testing.T) {
	t.Parallel()
	s := setup(t)
	id := string(s.group(t))
	path := "/chatgroups/" + id + "/share_files"
	at := json.Number(fmt.Sprint(s.clock.Now().UnixMilli()))

	q := s.upload(id, upload("IMG_3.JPG", "content"))
	q.token, q.path = "u-member", "//chatgroups/"+id+"/share_files/"
	d := s.answer(t, q)["data"].(object)
	file := d["file_id"].(string)
	require.Equal(t, object{
		"file_url": "http://host/org/app" + path + "/" + file, "group_id": id, "file_name": "IMG_3.JPG", "created": at, "file_id": file, "file_size": json.Number("7"),
	}, d)
	s.answer(t, s.upload(id, upload("second", "")))
	o := s.answer(t, request{path: path + "?pagenum=1&pagesize=10"})
	require.Equal(t, json.Number("2"), o["count"])
	require.Equal(t, []any{"second", ""}, []any{o["data"].([]any)[0].(object)["file_name"], o["data"].([]any)[0].(object)["file_owner"]})
	require.Equal(t, object{"file_id": file, "file_name": "IMG_3.JPG", "file_owner": "member", "file_size": json.Number("7"), "created": at}, o["data"].([]any)[1])
	require.Equal(t, json.Number("1"), s.answer(t, request{path: path + "?pagenum=2&pagesize=1"})["count"])

	t.Run("download", func(t *testing.T) {
		w := s.do(t, request{path: path + "/" + file, token: "u-admin"})
		require.Equal(t, 200, w.Code)
		require.Equal(t, "content", w.Body.String())
		require.Equal(t, "application/octet-stream", w.Header().Get("Content-Type"))
		require.Equal(t, `attachment; filename="IMG_3.JPG"`, w.Header().Get("Content-Disposition"))
		require.Equal(t, "nosniff", w.Header().Get("X-Content-Type-Options"))
		require.Equal(t, "7", w.Header().Get("Content-Length"))
		tag := w.Header().Get("ETag")
		get := func(name, value string) *httptest.ResponseRecorder {
			return s.do(t, request{path: path + "/" + file, header: http.Header{name: {value}}})
		}
		w = get("Range", "bytes=2-4")
		require.Equal(t, 206, w.Code)
		require.Equal(t, "nte", w.Body.String())
		require.Equal(t, "bytes 2-4/7", w.Header().Get("Content-Range"))
		require.Equal(t, 304, get("If-None-Match", tag).Code)
		require.Equal(t, 200, get("If-Match", tag).Code)
		for _, row := range []struct {
			name, value string
			status      int
			code        string
		}{{"Range", "bytes=9-", 416, "invalid_parameter"}, {"Range", "bytes=x", 416, "invalid_parameter"}, {"If-Match", `"x"`, 412, "precondition_failed"}} {
			w := get(row.name, row.value)
			require.Equal(t, row.status, w.Code)
			require.Empty(t, w.Header().Get("Content-Disposition"))
			require.Equal(t, row.code, decode(t, w)["error"])
		}
		w = s.do(t, request{method: "HEAD", path: path + "/" + file})
		require.Equal(t, 200, w.Code)
		require.Empty(t, w.Body.String())
	})
	t.Run("missing", func(t *testing.T) {
		for _, name := range []string{"x", "1b30e0be0-e1d4-11ea-8732-172a3f85134f", "b30e0be0-e1d4-11ea-8732-172a3f85134f", "..", "%00", strings.Repeat("y", 300)} {
			for _, method := range []string{"GET", "DELETE"} {
				s.refused(t, request{method: method, path: path + "/" + name}, 404, "not_found", "null for uri: http://host/org/app"+path+"/"+name)
			}
		}
	})
	t.Run("delete", func(t *testing.T) {
		s.refused(t, request{method: "DELETE", path: path + "/" + o["data"].([]any)[0].(object)["file_id"].(string), token: "u-member"},
			403, "forbidden_op", "you have no permission to do this, role is too low")
		require.JSONEq(t, `{"group_id":"`+id+`","file_id":"`+file+`","result":true}`, s.data(t, request{method: "DELETE", path: path + "/" + file, token: "u-member"}))
	})
}

// A file that was loaded without its content is listed. It can't be downloaded before the content is there.
func TestFiles_ContentAbsent(t *testing.T) {
	t.Parallel()
	s := setup(t)
	at := s.clock.Now()
	file := groupkit.FileID("b30e0be0-e1d4-41ea-8732-172a3f85134f")
	_, err := s.engine.System().Load(t.Context(), groupkit.Snapshot{
		Group:   groupkit.Group{ID: "loaded", Name: "Loaded", Owner: "owner", MaxUsers: 10, Created: at, Version: 2},
		Members: []groupkit.Member{{User: "owner", Role: groupkit.RoleOwner}},
		Files:   []groupkit.File{{ID: file, Name: "file", Owner: "owner", Size: 7, SHA256: sha256.Sum256([]byte("content")), Created: at}},
	})
	require.NoError(t, err)
	path := "/chatgroups/loaded/share_files"
	require.Equal(t, json.Number("1"), s.answer(t, request{path: path})["count"])
	get := request{path: path + "/" + string(file)}
	s.refused(t, get, 404, "not_found", "null for uri: http://host/org/app"+get.path)
	require.NoError(t, s.engine.System().PutContent(t.Context(), "loaded", file, strings.NewReader("content")))
	require.Equal(t, "content", s.do(t, get).Body.String())
}

func TestFiles_Upload(t *testing.T) {
	t.Parallel()
	s := setup(t, func(set *setting) { set.options.MaxBody, set.engine.Limits.FileSize = 1000, 2000 })
	id := string(s.group(t))
	part := func(disposition string) string {
		return "--b\r\nContent-Disposition: " + disposition + "\r\n\r\nx\r\n--b--\r\n"
	}
	field := func(name, value string) string {
		return "--b\r\nContent-Disposition: form-data; name=\"" + name + "\"\r\n\r\n" + value + "\r\n"
	}
	for body, want := range map[string][2]string{ // as it was sent, as it is listed
		upload("a.txt", "x"):                                        {"a.txt", "a.txt"},
		upload("/tmp/x/Büro.txt", "x"):                              {"/tmp/x/Büro.txt", "Büro.txt"},
		upload(`C:\users\me\a b.txt`, "x"):                          {`C:\users\me\a b.txt`, "a b.txt"},
		upload("../../etc/passwd", "x"):                             {"../../etc/passwd", "passwd"},
		upload(`a\"b`, "x"):                                         {`a"b`, `a"b`},
		part(`attachment; name="file"; filename="IMG_3.JPG"`):       {"IMG_3.JPG", "IMG_3.JPG"},
		part(`attachment; name="file"`):                             {"file", "file"},
		part(`form-data; name=file; filename*=UTF-8''%e2%82%ac`):    {"€", "€"},
		field("a", "b") + field("c", "d") + upload("late.txt", "x"): {"late.txt", "late.txt"},
		"preamble\r\n" + upload("p.txt", "x") + "epilogue":          {"p.txt", "p.txt"},
		strings.ReplaceAll(upload("lf.txt", "x"), "\r\n", "\n"):     {"lf.txt", "lf.txt"},
	} {
		d := s.answer(t, s.upload(id, body))["data"].(object)
		require.Equal(t, want[0], d["file_name"], body)
		f, err := s.engine.System().File(t.Context(), groupkit.GroupID(id), groupkit.FileID(d["file_id"].(string)))
		require.NoError(t, err)
		require.Equal(t, want[1], f.Name)
		require.Equal(t, int64(1), f.Size)
	}
	t.Run("with the header of the API's own command", func(t *testing.T) {
		for _, contentType := range [][]string{
			{"application/json; boundary=b"}, {"application/json; boundary=\"b\""}, {"application/json", "multipart/form-data; boundary=b"}, {"multipart/mixed; boundary=b"},
		} {
			q := s.upload(id, upload("IMG_3.JPG", "x"))
			q.header["Content-Type"] = contentType
			s.answer(t, q)
		}
	})
	files, err := s.engine.System().FilesPage(t.Context(), groupkit.GroupID(id), groupkit.Page{Size: 1000})
	require.NoError(t, err)

	for _, body := range []string{
		"", "--b--\r\n", "nothing", field("a", "b") + "--b--\r\n", upload("", "x"), part("form-data"), part(`form-data; name="other"; filename="x"`),
		part(`form-data; name="file"; filename="a"b"`), "--b\r\nbroken", "--b\r\nContent-Disposition: form-data; name=\"file\"",
	} {
		s.refused(t, s.upload(id, body), 400, "illegal_argument", "file must be provided.")
	}
	for _, contentType := range []string{"", "application/json", "multipart/form-data", "multipart/form-data; boundary=", "x;;;"} {
		q := s.upload(id, upload("a", "x"))
		q.header["Content-Type"] = []string{contentType}
		s.refused(t, q, 400, "illegal_argument", "file must be provided.")
	}
	for _, name := range []string{"..", "a/", "x\x01", "\xff", strings.Repeat("n", 256), "%0d%0aSet-Cookie"} {
		body := upload(name, "x")
		if name == "%0d%0aSet-Cookie" {
			body = part("form-data; name=file; filename*=UTF-8''" + name)
		}
		status, code, _ := s.fault(t, s.upload(id, body))
		require.Equal(t, 400, status, name)
		require.Contains(t, []string{"invalid_parameter", "illegal_argument"}, code)
	}
	s.refused(t, s.upload(id, strings.TrimSuffix(upload("cut", "x"), "\r\n--b--\r\n")), 400, "illegal_argument", "the upload is not complete.")
	const large = "Request Entity Too Large"
	s.refused(t, s.upload(id, upload("large", strings.Repeat("x", 2001))), 413, large, large)
	s.refused(t, s.upload(id, field("a", strings.Repeat("x", 1000))+upload("late", "x")), 413, large, large)
	s.refused(t, s.upload(id, "--b\r\nX: "+strings.Repeat("x", 5000)+"\r\n\r\n"), 413, large, large)
	s.answer(t, s.upload(id, upload("largest", strings.Repeat("x", 2000))))

	after, err := s.engine.System().FilesPage(t.Context(), groupkit.GroupID(id), groupkit.Page{Size: 1000})
	require.NoError(t, err)
	require.Len(t, after, len(files)+1, "what is refused leaves nothing")

	t.Run("MaxUpload", func(t *testing.T) {
		s := setup(t, func(set *setting) { set.options.MaxUpload = 10 })
		id := string(s.group(t))
		s.answer(t, s.upload(id, upload("a", strings.Repeat("x", 10))))
		s.refused(t, s.upload(id, upload("a", strings.Repeat("x", 11))), 413, large, large)
	})
	t.Run("too many", func(t *testing.T) {
		s := setup(t, func(set *setting) { set.engine.Limits.Files = 1 })
		id := string(s.group(t))
		s.answer(t, s.upload(id, upload("a", "x")))
		s.refused(t, s.upload(id, upload("a", "x")), 403, "exceed_limit", "share files size is greater than max limit : 1")
	})
}

// An upload passes through a bounded memory: the content goes to blobs that discard it.
func TestFiles_UploadMemory(t *testing.T) {
	s := setup(t, func(set *setting) { set.blobs = discarding{memblob.New()} })
	id := string(s.group(t))
	const size = 10 << 20
	send := func() {
		head, tail := upload("large.bin", "|"), ""
		head, tail, _ = strings.Cut(head, "|")
		body := io.MultiReader(strings.NewReader(head), io.LimitReader(zeros{}, size), strings.NewReader(tail))
		r := httptest.NewRequestWithContext(t.Context(), "POST", "/org/app/chatgroups/"+id+"/share_files", body)
		r.Header.Set("Authorization", "Bearer app")
		r.Header.Set("Content-Type", "multipart/form-data; boundary=b")
		w := httptest.NewRecorder()
		s.handler.ServeHTTP(w, r)
		require.Equal(t, 200, w.Code, w.Body.String())
	}
	send()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	send()
	runtime.ReadMemStats(&after)
	require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(300<<10), "all that was allocated, garbage included")
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// discarding are blobs that keep no content.
type discarding struct{ store.Blobs }

func (discarding) Put(_ context.Context, _ string, r io.Reader) error {
	_, err := io.CopyBuffer(io.Discard, struct{ io.Reader }{r}, make([]byte, 32<<10))
	return err
}
