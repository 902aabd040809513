package wire

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"groupkit"
)

// What a client in another language sees: the bytes.
func TestEvents(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.group(t, "g", "user1", "user2")
	from := s.engine.Position(1).String()
	for name, ask := range map[string]func(*http.Request){
		"from":          func(r *http.Request) { r.URL.RawQuery = "from=" + from },
		"Last-Event-ID": func(r *http.Request) { r.Header.Set("Last-Event-ID", from) },
		"both":          func(r *http.Request) { r.URL.RawQuery = "from=latest"; r.Header.Set("Last-Event-ID", from) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := request("of:user1", "GET /chatgroups/g/events")
			ask(r)
			documentOf(t).checkRequest(t, r)
			a := s.send(t, r)
			require.Equal(t, 200, a.status, "%s", a.body)
			require.Equal(t, "text/event-stream", a.header.Get("Content-Type"))
			require.Equal(t, ":\nid: "+from+"\n\n", string(a.body))
		})
	}
}

// A call that the application has made is in the stream when it has returned.
func TestEvents_overHTTP(t *testing.T) {
	documentOf(t)
	synctest.Test(t, func(t *testing.T) {
		s := setup(t)
		s.group(t, "g", "user1", "user2")
		stream := start(t, s).stream(t, "GET %s/chatgroups/g/events?from=latest HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer of:user2\r\n\r\n")
		require.Equal(t, 200, s.call(t, "app", "POST /chatgroups/g/announcement", `{"announcement":"a\nb"}`).status)
		text := stream.until(t, "\n\n")
		lines := strings.Split(strings.TrimSpace(text), "\n")
		require.Len(t, lines, 3, "a line break in a text does not break the event")
		require.Equal(t, "id: "+s.engine.Position(3).String(), lines[0])
		require.Equal(t, "event: announcement_changed", lines[1])
		var e groupkit.Event
		require.NoError(t, json.Unmarshal([]byte(strings.TrimPrefix(lines[2], "data: ")), &e))
		require.Equal(t, "a\nb", e.Changes[0].After)

		require.Equal(t, 200, s.call(t, "app", "DELETE /chatgroups/g").status)
		require.Contains(t, stream.until(t, "\n\n"), "\nevent: group_deleted\n")
		require.Contains(t, stream.until(t, "\n\n"), "\nevent: end\ndata: {\"error\":\"resource_not_found\",")
		stream.ends(t)
	})
}

// A stream is the client's end of a connection with a stream of events.
type stream struct{ in *bufio.Reader }

// stream makes a request and reads what comes before the first event.
func (p *pipes) stream(t *testing.T, request string) *stream {
	conn := p.dial()
	t.Cleanup(func() { conn.Close() })
	go fmt.Fprintf(conn, request, prefix, host)
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	require.NoError(t, err)
	require.Equal(t, 200, answer.StatusCode)
	s := &stream{bufio.NewReader(answer.Body)}
	s.until(t, "\n\n")
	return s
}

// until reads up to a text.
func (s *stream) until(t *testing.T, end string) string {
	var out strings.Builder
	for !strings.HasSuffix(out.String(), end) {
		b, err := s.in.ReadByte()
		require.NoError(t, err, out.String())
		out.WriteByte(b)
	}
	return out.String()
}

func (s *stream) ends(t *testing.T) {
	_, err := s.in.ReadByte()
	require.ErrorIs(t, err, io.EOF)
}
