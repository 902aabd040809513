package rest_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/rest"
	"groupkit/store"
	"groupkit/store/memblob"
)

func serve(t *testing.T, h http.Handler, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r.WithContext(t.Context()))
	return w
}

func get(header ...string) *http.Request {
	r := httptest.NewRequest("GET", "/path?token=secret", nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return r
}

var teapot = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
	w.WriteHeader(http.StatusTeapot)
	_, _ = io.WriteString(w, "tea")
})

func TestRequestID(t *testing.T) {
	t.Parallel()
	h := rest.RequestID(teapot)
	require.Equal(t, "from-client", serve(t, h, get("X-Request-Id", "from-client")).Header().Get("X-Request-Id"))
	made := map[string]bool{}
	for _, id := range []string{"", "a b", "a\n", "ü", strings.Repeat("x", 129)} {
		got := serve(t, h, get("X-Request-Id", id)).Header().Get("X-Request-Id")
		require.Regexp(t, `^[0-9a-f]{16}$`, got)
		made[got] = true
	}
	require.Len(t, made, 5, "each request has an ID of its own")
	long := strings.Repeat("x", 128)
	require.Equal(t, long, serve(t, h, get("X-Request-Id", long)).Header().Get("X-Request-Id"))
}

func TestAccessLog(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	h := rest.RequestID(rest.AccessLog(slog.New(slog.NewJSONHandler(&out, nil)))(teapot))
	w := serve(t, h, get("X-Request-Id", "id", "Authorization", "Bearer secret"))
	require.Equal(t, http.StatusTeapot, w.Code)
	var line object
	require.NoError(t, json.Unmarshal(out.Bytes(), &line))
	require.Equal(t, []any{"id", "GET", "/path", 418.0, 3.0}, []any{line["id"], line["method"], line["path"], line["status"], line["bytes"]})
	require.NotContains(t, out.String(), "secret")
}

func TestRecover(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	recovering := rest.Recover(slog.New(slog.NewTextHandler(&out, nil)))
	w := serve(t, recovering(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("boom") })), get())
	require.Equal(t, 500, w.Code)
	o := decode(t, w)
	require.Equal(t, "internal_server_error", o["error"])
	require.NotContains(t, o["error_description"], "boom")
	require.Contains(t, out.String(), "panic=boom")
	require.Contains(t, out.String(), "middleware_test.go")

	t.Run("after the answer has begun", func(t *testing.T) {
		h := recovering(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, "x")
			panic("boom")
		}))
		require.PanicsWithValue(t, http.ErrAbortHandler, func() { serve(t, h, get()) })
	})
	t.Run("that ends the connection", func(t *testing.T) {
		out.Reset()
		h := recovering(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
		require.PanicsWithValue(t, http.ErrAbortHandler, func() { serve(t, h, get()) })
		require.Empty(t, out.String())
	})
	t.Run("without a logger", func(t *testing.T) {
		h := rest.Recover(nil)(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("boom") }))
		require.Equal(t, 500, serve(t, h, get()).Code)
	})
}

func TestCORS(t *testing.T) {
	t.Parallel()
	h := rest.CORS("https://a.example", "https://b.example")(teapot)
	w := serve(t, h, get("Origin", "https://b.example"))
	require.Equal(t, http.StatusTeapot, w.Code)
	require.Equal(t, "https://b.example", w.Header().Get("Access-Control-Allow-Origin"))
	require.Equal(t, "Origin", w.Header().Get("Vary"))
	require.Contains(t, w.Header().Get("Access-Control-Expose-Headers"), "ETag")
	for _, origin := range []string{"", "https://evil.example", "null"} {
		w := serve(t, h, get("Origin", origin))
		require.Equal(t, http.StatusTeapot, w.Code)
		require.Empty(t, w.Header().Get("Access-Control-Allow-Origin"))
		require.Equal(t, "Origin", w.Header().Get("Vary"))
	}
	preflight := get("Origin", "https://a.example", "Access-Control-Request-Method", "PUT")
	preflight.Method = "OPTIONS"
	w = serve(t, h, preflight)
	require.Equal(t, http.StatusNoContent, w.Code)
	require.Contains(t, w.Header().Get("Access-Control-Allow-Methods"), "PUT")
	require.Contains(t, w.Header().Get("Access-Control-Allow-Headers"), "Authorization")
	require.Contains(t, w.Header().Get("Access-Control-Allow-Headers"), "Last-Event-ID")
	require.Equal(t, "*", serve(t, rest.CORS("*")(teapot), get("Origin", "https://any.example")).Header().Get("Access-Control-Allow-Origin"))
	require.Empty(t, serve(t, rest.CORS()(teapot), get("Origin", "https://any.example")).Header())
}

// The handler has the middleware built in.
func TestHandler_Middleware(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	s := setup(t, func(set *setting) {
		set.options.Logger = slog.New(slog.NewTextHandler(&out, nil))
		set.options.Origins = []string{"https://a.example"}
		set.engine.UserExists = nil
	})
	w := s.do(t, request{path: "/chatgroups?x=secret", header: http.Header{"Origin": {"https://a.example"}, "X-Request-Id": {"id1"}}})
	require.Equal(t, 200, w.Code)
	require.Equal(t, "id1", w.Header().Get("X-Request-Id"))
	require.Equal(t, "https://a.example", w.Header().Get("Access-Control-Allow-Origin"))
	require.Contains(t, out.String(), `id=id1 method=GET path=/org/app/chatgroups status=200`)
	require.NotContains(t, out.String(), "secret")

	t.Run("preflight needs no token", func(t *testing.T) {
		w := s.do(t, request{method: "OPTIONS", path: "/chatgroups", token: "-", header: http.Header{"Origin": {"https://a.example"}, "Access-Control-Request-Method": {"POST"}}})
		require.Equal(t, http.StatusNoContent, w.Code)
	})
	t.Run("a panic", func(t *testing.T) {
		out.Reset()
		s.app.Directory = nil
		s.app.Tokens = panicking{}
		s.refused(t, request{method: "POST", path: "/token", body: `{"grant_type":"password","username":"x"}`}, 500, "internal_server_error", "Internal Server Error")
		require.Contains(t, out.String(), "runtime error")
		require.Contains(t, out.String(), "status=500")
	})
	t.Run("a failure is logged and not told", func(t *testing.T) {
		out.Reset()
		s.refused(t, request{path: "/chatgroups", token: "fails"}, 503, "service_unavailable", "Service Unavailable")
		require.Contains(t, out.String(), io.ErrClosedPipe.Error())
	})
}

type panicking struct{ rest.TokenIssuer } // every call panics

// A client that sends its body too slowly does not hold the server.
func TestHandler_SlowBody(t *testing.T) {
	t.Parallel()
	s := setup(t, func(set *setting) { set.options.Timeout = 50 * time.Millisecond })
	id := string(s.group(t))
	server := httptest.NewServer(s.handler)
	t.Cleanup(server.Close)
	for path, contentType := range map[string]string{"announcement": "application/json", "share_files": "multipart/form-data; boundary=b", "ban": ""} {
		t.Run(path, func(t *testing.T) {
			reader, writer := io.Pipe()
			defer writer.Close()
			go func() { // what it sends is never complete
				_, _ = io.WriteString(writer, strings.TrimSuffix(upload("a", "x"), "\r\n--b--\r\n"))
			}()
			r, err := http.NewRequestWithContext(t.Context(), "POST", server.URL+"/org/app/chatgroups/"+id+"/"+path, reader)
			require.NoError(t, err)
			r.Header.Set("Authorization", "Bearer app")
			r.Header.Set("Content-Type", contentType)
			w, err := server.Client().Do(r)
			require.NoError(t, err)
			defer w.Body.Close()
			_, err = io.Copy(io.Discard, w.Body)
			require.NoError(t, err)
			if path == "ban" { // which needs no body
				require.Equal(t, 200, w.StatusCode)
			} else {
				require.Equal(t, 503, w.StatusCode)
			}
		})
	}
}

// While a body or a download comes there is a deadline, and none after it.
func TestHandler_Deadlines(t *testing.T) {
	t.Parallel()
	s := setup(t)
	id := string(s.group(t))
	f, err := s.engine.System().UploadFile(t.Context(), groupkit.GroupID(id), "f", strings.NewReader("content"))
	require.NoError(t, err)
	for _, q := range []request{
		{method: "POST", path: "/chatgroups/" + id + "/announcement", body: `{"announcement":"x"}`},
		s.upload(id, upload("a", strings.Repeat("x", 100_000))),
		{path: "/chatgroups/" + id + "/share_files/" + string(f.ID)},
	} {
		r := httptest.NewRequestWithContext(t.Context(), cmp.Or(q.method, "GET"), "/org/app"+q.path, strings.NewReader(q.body))
		maps.Copy(r.Header, q.header)
		r.Header.Set("Authorization", "Bearer app")
		w := &deadlines{ResponseRecorder: httptest.NewRecorder()}
		s.handler.ServeHTTP(w, r)
		require.Equal(t, 200, w.Code)
		set := append(w.reads, w.writes...)
		require.Greater(t, len(set), 1)
		require.False(t, set[0].IsZero())
		if !strings.HasSuffix(q.path, "share_files") { // what follows the file is not read
			require.True(t, set[len(set)-1].IsZero())
		}
	}
}

// deadlines is a ResponseWriter that knows deadlines.
type deadlines struct {
	*httptest.ResponseRecorder
	reads, writes []time.Time
}

func (d *deadlines) SetReadDeadline(at time.Time) error {
	d.reads = append(d.reads, at)
	return nil
}

func (d *deadlines) SetWriteDeadline(at time.Time) error {
	d.writes = append(d.writes, at)
	return nil
}

// A client that takes nothing of a download does not hold the server.
func TestHandler_SlowDownload(t *testing.T) {
	t.Parallel()
	s := setup(t, func(set *setting) { set.options.Timeout = 50 * time.Millisecond })
	id := s.group(t)
	f, err := s.engine.System().UploadFile(t.Context(), id, "f", io.LimitReader(zeros{}, 10<<20))
	require.NoError(t, err)
	ended := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer close(ended)
		s.handler.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	r, err := http.NewRequestWithContext(t.Context(), "GET", server.URL+"/org/app/chatgroups/"+string(id)+"/share_files/"+string(f.ID), nil)
	require.NoError(t, err)
	r.Header.Set("Authorization", "Bearer app")
	w, err := server.Client().Do(r)
	require.NoError(t, err)
	defer w.Body.Close()
	<-ended
	_, err = io.Copy(io.Discard, w.Body)
	require.Error(t, err, "the client learns that the file is not whole")
}

// A content that is not the uploaded one is never taken for it.
func TestHandler_DamagedFile(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	s := setup(t, func(set *setting) {
		set.options.Logger = slog.New(slog.NewTextHandler(&out, nil))
		set.blobs = changing{memblob.New()}
	})
	id := s.group(t)
	f, err := s.engine.System().UploadFile(t.Context(), id, "f", strings.NewReader("content"))
	require.NoError(t, err)
	w := s.do(t, request{path: "/chatgroups/" + string(id) + "/share_files/" + string(f.ID)})
	require.Less(t, w.Body.Len(), len("content"))
	require.Equal(t, "7", w.Header().Get("Content-Length"))
	require.Contains(t, out.String(), groupkit.ErrCorrupt.Error())
}

// changing are blobs whose contents change.
type changing struct{ store.Blobs }

func (changing) Get(context.Context, string) (io.ReadCloser, error) {
	return io.NopCloser(strings.NewReader("CONTENT")), nil
}
