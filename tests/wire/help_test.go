package wire

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/textproto"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/rest"
)

func number(digits string) json.Number { return json.Number(digits) }

func nonempty(text string) []string {
	if text == "" {
		return nil
	}
	return []string{text}
}

func withTLS(r *http.Request) *http.Request {
	r.TLS = &tls.ConnectionState{}
	return r
}

// choose is several apps of one organization, by name.
type choose map[string]*rest.App

func (c choose) find(_ context.Context, _, name string) (*rest.App, error) {
	a, known := c[name]
	if !known {
		return nil, rest.ErrNoApp
	}
	return a, nil
}

// uploading makes the request of an upload. The name stands in the header as it is given.
func uploading(token, group, name, content string) *http.Request {
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	header := textproto.MIMEHeader{"Content-Type": {"application/octet-stream"}}
	header.Set("Content-Disposition", `form-data; name="file"; filename="`+name+`"`)
	part, _ := w.CreatePart(header)
	part.Write([]byte(content))
	w.Close()
	r := httptest.NewRequest("POST", origin+prefix+"/chatgroups/"+group+"/share_files", &body)
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Content-Type", w.FormDataContentType())
	return r
}

// upload uploads a file and returns its ID.
func (s *server) upload(t testing.TB, token, group, name, content string) string {
	t.Helper()
	a := s.send(t, uploading(token, group, name, content))
	require.Equal(t, http.StatusOK, a.status, "%s", a.body)
	return a.json()["data"].(map[string]any)["file_id"].(string)
}

// names returns n names, and makes users of them.
func (s *server) names(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf("many%03d", i)
		s.users.CreateUsers(context.Background(), []rest.NewUser{{Name: groupkit.UserID(out[i])}})
	}
	return out
}

func quoted(names []string) string {
	text, _ := json.Marshal(names)
	return string(text)
}

func commas(names []string) string { return strings.Join(names, ",") }
