package rest

import (
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/store/memblob"
	"groupkit/store/memstore"
)

func typeOf(v any) string { return fmt.Sprintf("%T", v) }

func TestParseObject(t *testing.T) {
	t.Parallel()
	o, err := parseObject([]byte(` {"b":1,"a":{"x":[1,2]},"b":"2","":null} `))
	require.NoError(t, err)
	require.Equal(t, []string{"b", "a", ""}, o.names)
	require.Equal(t, `"2"`, string(o.fields["b"]))
	require.False(t, o.has(""))
	for _, text := range []string{"", " ", "null", " null\n", "{}"} {
		o, err := parseObject([]byte(text))
		require.NoError(t, err)
		require.Empty(t, o.names)
	}
	for _, text := range []string{"{", "[]", "1", `"x"`, "{} {}", `{"a":1,}`, `{"a"}`, `{a:1}`, "{}x", "\xff", `{"a":"` + "\xff" + `"}`, `{"a":NaN}`, "nul"} {
		_, err := parseObject([]byte(text))
		f, ok := err.(*fault) //nolint:errorlint // it is what is returned
		require.True(t, ok, text)
		require.Equal(t, []any{400, "json_parse"}, []any{f.status, f.code}, text)
	}
}

func TestObject_Number(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int64{
		"7": 7, `"7"`: 7, "-1": -1, `"-1"`: -1, "7.0": 7, "1e3": 1000, "1e99": 1<<63 - 1, "-1e99": -1 << 63, "1e999": 1<<63 - 1,
		"99999999999999999999": 1<<63 - 1, "-99999999999999999999": -1 << 63,
	} {
		o := object{fields: map[string]json.RawMessage{"n": json.RawMessage(text)}}
		n, err := o.number("n")
		require.NoError(t, err, text)
		require.Equal(t, want, n, text)
	}
	for _, text := range []string{"", `""`, "true", "null", "[1]", "1.5", `"x"`, `"1 "`, `"NaN"`, `"Inf"`} {
		o := object{fields: map[string]json.RawMessage{"n": json.RawMessage(text)}}
		_, err := o.number("n")
		require.Equal(t, missing("n"), err, text)
	}
}

func TestDistinct(t *testing.T) {
	t.Parallel()
	require.Equal(t, []string{"a", "b"}, names[string](" a,,b,a , ,b"))
	require.Equal(t, []string{"a"}, names[string]("a"))
	require.Empty(t, names[string](""))
	require.Empty(t, names[string](",,"))
}

func TestAttachment(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"a b.txt":  `attachment; filename="a b.txt"`,
		"Büro.txt": `attachment; filename="B_ro.txt"; filename*=UTF-8''B%C3%BCro.txt`,
		`a"b\c%;`:  `attachment; filename="a_b_c_;"; filename*=UTF-8''a%22b%5Cc%25%3B`,
		"a\r\nb":   `attachment; filename="a__b"; filename*=UTF-8''a%0D%0Ab`,
		"+ €":      `attachment; filename="+ _"; filename*=UTF-8''%2B%20%E2%82%AC`,
	} {
		require.Equal(t, want, attachment(name))
	}
}

// A name comes back from the header as it is, and never breaks it.
func FuzzAttachment(f *testing.F) {
	for _, name := range []string{"a.txt", "ü", `"`, `\`, "%41", "a\r\nb", "a;b=c", "''"} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		if !utf8.ValidString(name) || name == "" {
			return // the engine stores no such name
		}
		value := attachment(name)
		require.NotContains(t, value, "\n")
		require.NotContains(t, value, "\r")
		disposition, params, err := mime.ParseMediaType(value)
		require.NoError(t, err, value)
		require.Equal(t, "attachment", disposition)
		require.Equal(t, name, params["filename"])
	})
}

// Every body gives an object or a fault, and every field a value or a fault.
func FuzzObject(f *testing.F) {
	for _, body := range []string{`{"n":1}`, `{"n":"1"}`, `{"n":[null,"a",1]}`, `{"n":{"n":[]}}`, "{", "null", `{"n":"\ud800"}`, `{"n":1e400,"n":-0}`} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		o, err := parseObject(body)
		if err != nil {
			require.Equal(t, 400, err.(*fault).status) //nolint:errorlint // it is what is returned
			return
		}
		require.Len(t, o.names, len(o.fields))
		for _, name := range append(o.names, "n") {
			text, err := o.text(name)
			require.True(t, err != nil || utf8.ValidString(text))
			_, _ = o.number(name)
			_, _ = o.flag(name)
			users, err := o.users(name)
			require.True(t, err != nil || len(users) > 0)
		}
		_, _ = newGroup(&o)
		_, _ = parseUpdate(&o)
		_, _ = parseGrant(&o)
	})
}

// Every upload gives a file or a fault, and never more than is allowed to come.
func FuzzUpload(f *testing.F) {
	for _, seed := range []struct{ contentType, body string }{
		{"multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\nx\r\n--b--\r\n"},
		{"application/json; boundary=b", "--b\r\nContent-Disposition: attachment; name=\"file\"\r\n\r\nx\r\n--b--\r\n"},
		{"multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nx\r\n--b\r\n\r\n"},
		{"multipart/form-data; boundary=\"\"", "--\r\n"}, {"x", "y"},
	} {
		f.Add(seed.contentType, []byte(seed.body))
	}
	f.Fuzz(func(t *testing.T, contentType string, body []byte) {
		r := httptest.NewRequest("POST", "/", strings.NewReader(string(body)))
		r.Header = http.Header{"Content-Type": {contentType}}
		opts := (&Options{MaxBody: 100, MaxUpload: 50}).orDefaults()
		c := &call{h: &Handler{opts: opts}, w: httptest.NewRecorder(), asked: r}
		part, err := c.uploadBody().findFile()
		if err == nil {
			require.NotEmpty(t, part.name)
			var content []byte
			content, err = io.ReadAll(part)
			require.LessOrEqual(t, len(content), 50+32<<10)
		}
		if err != nil {
			require.Contains(t, []int{400, 413}, faultOf(c, err, nil).status)
		}
	})
}

// No request makes the handler panic or fail, and each answer is JSON.
func FuzzHandler(f *testing.F) {
	for _, seed := range []struct{ method, target, body string }{
		{"GET", "/o/a/chatgroups?limit=x&cursor=%ff", ""}, {"POST", "/o/a/chatgroups", `{"groupname":"a"}`}, {"PUT", "/o/a/chatgroups/..", "{}"},
		{"DELETE", "/o/a/chatgroups/g/users/a,b", "x"}, {"POST", "/o/a/chatgroups/g/mute", `{"usernames":["a"],"mute_duration":1e999}`}, {"GET", "/o/a/chatgroups/user/%00", ""},
	} {
		f.Add(seed.method, seed.target, seed.body)
	}
	eng, err := groupkit.New(memstore.New(), memblob.New(), nil)
	require.NoError(f, err)
	f.Cleanup(func() { require.NoError(f, eng.Close()) })
	_, err = eng.System().CreateGroup(f.Context(), groupkit.NewGroup{ID: "g", Name: "g", Owner: "a", Members: []groupkit.UserID{"b"}})
	require.NoError(f, err)
	h := NewHandler(OneApp("o", "a", &App{Engine: eng, Authenticator: everybody{}}), nil)
	f.Fuzz(func(t *testing.T, method, target, body string) {
		r, err := http.NewRequestWithContext(t.Context(), method, "http://h"+target, strings.NewReader(body))
		if err != nil {
			return
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		require.True(t, json.Valid(w.Body.Bytes()), w.Body.String())
		require.Less(t, w.Code, 500, w.Body.String())
	})
}

// No header makes the handler panic or fail: those of repeated and of conditional calls, of ranges, of browsers.
func FuzzHeaders(f *testing.F) {
	eng, err := groupkit.New(memstore.New(), memblob.New(), nil)
	require.NoError(f, err)
	f.Cleanup(func() { require.NoError(f, eng.Close()) })
	_, err = eng.System().CreateGroup(f.Context(), groupkit.NewGroup{ID: "g", Name: "g", Owner: "a", Members: []groupkit.UserID{"b"}})
	require.NoError(f, err)
	file, err := eng.System().UploadFile(f.Context(), "g", "f", strings.NewReader("content"))
	require.NoError(f, err)
	h := NewHandler(OneApp("o", "a", &App{Engine: eng, Authenticator: everybody{}}), nil)
	targets := []struct{ method, target, body string }{
		{"GET", "/o/a/chatgroups/g", ""}, {"PUT", "/o/a/chatgroups/g", `{"groupname":"n"}`}, {"POST", "/o/a/chatgroups/g/announcement", `{"announcement":"x"}`},
		{"GET", "/o/a/chatgroups/g/share_files/" + string(file.ID), ""}, {"OPTIONS", "/o/a/chatgroups/g", ""}, {"POST", "/o/a/chatgroups/g/mute", `{"usernames":["b"],"mute_duration":1000}`},
	}
	names := []string{"If-Match", "Idempotency-Key", "Range", "If-Range", "If-None-Match", "Content-Type", "Origin", "X-Request-Id", "Last-Event-Id", "Accept", "Authorization"}
	tag := `"` + eng.History() + `-1"`
	for i, value := range []string{tag, "key", "bytes=0-1,3-", "bytes=9223372036854775807-", "W/" + tag, "application/json;charset=x", "*", "", "\"", "\x00", strings.Repeat("k", 129)} {
		f.Add(i, i, value, i+1, value)
		f.Add(i, i+1, value, i+2, "")
	}
	f.Fuzz(func(t *testing.T, at, name int, value string, second int, other string) {
		of := func(i, n int) int { return int(uint(i) % uint(n)) }
		asked := targets[of(at, len(targets))]
		r := httptest.NewRequestWithContext(t.Context(), asked.method, asked.target, strings.NewReader(asked.body))
		r.Header[names[of(name, len(names))]] = []string{value}
		r.Header[names[of(second, len(names))]] = append(r.Header[names[of(second, len(names))]], other)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		require.Less(t, w.Code, 500, w.Body.String())
		for name, values := range w.Header() {
			require.False(t, strings.ContainsAny(strings.Join(values, ""), "\r\n\x00"), "%s: %q", name, values)
		}
	})
}

type everybody struct{}

func (everybody) Authenticate(*http.Request) (Caller, error) { return Caller{System: true}, nil }
