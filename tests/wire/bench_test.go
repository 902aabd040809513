package wire

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/rest"
)

// details is the answer to GET details, as a program writes it by hand.
type details struct {
	Action       string         `json:"action"`
	Application  string         `json:"application"`
	URI          string         `json:"uri"`
	Entities     []int          `json:"entities"`
	Data         []groupDetails `json:"data"`
	Timestamp    int64          `json:"timestamp"`
	Duration     int64          `json:"duration"`
	Organization string         `json:"organization"`
	Name         string         `json:"applicationName"`
	Count        int            `json:"count"`
}

type groupDetails struct {
	ID           groupkit.GroupID    `json:"id"`
	Name         string              `json:"name"`
	Description  string              `json:"description"`
	MembersOnly  bool                `json:"membersonly"`
	AllowInvites bool                `json:"allowinvites"`
	Confirm      bool                `json:"invite_need_confirm"`
	MaxUsers     int                 `json:"maxusers"`
	Owner        groupkit.UserID     `json:"owner"`
	Created      int64               `json:"created"`
	Custom       string              `json:"custom"`
	Mute         bool                `json:"mute"`
	Count        int                 `json:"affiliations_count"`
	Affiliations []map[string]string `json:"affiliations"`
	Public       bool                `json:"public"`
}

// byHand is what a program does that has the engine: two calls and json.Marshal.
func byHand(b *testing.B, s *server) []byte {
	ctx, system := b.Context(), s.engine.System()
	g, err := system.Group(ctx, "g")
	require.NoError(b, err)
	out := groupDetails{
		ID: g.ID, Name: g.Name, Description: g.Description, MembersOnly: g.MembersOnly, AllowInvites: g.AllowInvites, Confirm: g.InviteNeedConfirm,
		MaxUsers: g.MaxUsers, Owner: g.Owner, Created: g.Created.UnixMilli(), Custom: g.Custom, Mute: g.Muted, Count: g.MemberCount, Public: g.Public,
	}
	for m, err := range system.Members(ctx, "g") {
		require.NoError(b, err)
		if m.User != g.Owner {
			out.Affiliations = append(out.Affiliations, map[string]string{"member": string(m.User)})
		}
	}
	out.Affiliations = append(out.Affiliations, map[string]string{"owner": string(g.Owner)})
	now := time.Now()
	text, err := json.Marshal(details{
		Action: "get", Application: appID, URI: origin + prefix + "/chatgroups/g", Entities: []int{}, Data: []groupDetails{out},
		Timestamp: now.UnixMilli(), Duration: time.Since(now).Milliseconds(), Organization: org, Name: app, Count: 1,
	})
	require.NoError(b, err)
	return text
}

// The details of a group through the handler, beside the engine's calls with json.Marshal by hand. Both
// run in turns; "times" is the ratio of their times.
func BenchmarkDetails(b *testing.B) {
	for _, members := range []int{2, 99} {
		b.Run(fmt.Sprintf("%d members", members+1), func(b *testing.B) {
			s := setup(b)
			s.create(b, groupkit.NewGroup{ID: "g", Owner: "user1", Public: true, Description: "a description", MaxUsers: 200}, s.names(members)...)
			r := request("app", "GET /chatgroups/g")
			answer := serve(s, r)
			require.Equal(b, 200, answer.Code)
			require.Equal(b, len(byHand(b, s)), len(strings.TrimSpace(answer.Body.String())), "both write the same")
			through := func() {
				w := &counter{header: http.Header{}}
				s.handler.ServeHTTP(w, r)
			}
			var hand, handler time.Duration
			for b.Loop() {
				began := time.Now()
				byHand(b, s)
				middle := time.Now()
				through()
				hand += middle.Sub(began)
				handler += time.Since(middle)
			}
			b.ReportMetric(float64(handler)/float64(hand), "times")
			b.ReportMetric(float64(hand.Nanoseconds())/float64(b.N), "hand-ns/op")
			b.ReportMetric(float64(handler.Nanoseconds())/float64(b.N), "handler-ns/op")
			b.ReportMetric(testing.AllocsPerRun(100, func() { byHand(b, s) }), "hand-allocs/op")
			b.ReportMetric(testing.AllocsPerRun(100, through), "handler-allocs/op")
		})
	}
}

const callers = 64

// Joins of 64 callers into many groups through HTTP on loopback, beside joins in process; both on a
// database on disk, in turns. The clients do as little as they can, because they take processor time from
// the server. "ratio" is the throughput of HTTP
// over that in process.
func BenchmarkJoins(b *testing.B) {
	engine, err := groupkit.Open(filepath.Join(b.TempDir(), "groups.db"), nil)
	require.NoError(b, err)
	b.Cleanup(func() { engine.Close() })
	groups := 500 + b.N/10_000
	for i := range groups {
		_, err := engine.System().CreateGroup(b.Context(), groupkit.NewGroup{
			ID: groupkit.GroupID(fmt.Sprintf("g%d", i)), Name: "n", Owner: groupkit.UserID(fmt.Sprintf("owner%d", i)), Public: true, MaxUsers: 10_000})
		require.NoError(b, err)
	}
	web := httptest.NewServer(rest.NewHandler(rest.OneApp(org, app, &rest.App{ID: appID, Engine: engine, Authenticator: &tokens{}}), nil))
	b.Cleanup(web.Close)
	connections := make(chan net.Conn, callers)
	for range callers {
		connection, err := net.Dial("tcp", web.Listener.Addr().String())
		require.NoError(b, err)
		b.Cleanup(func() { connection.Close() })
		connections <- connection
	}

	inProcess := func(i int) {
		_, err := engine.As(groupkit.UserID(fmt.Sprintf("user%d", i))).Join(b.Context(), groupkit.GroupID(fmt.Sprintf("g%d", i%groups)))
		require.NoError(b, err)
	}
	overHTTP := func(i int) {
		connection := <-connections
		defer func() { connections <- connection }()
		_, err := fmt.Fprintf(connection, "POST %s/chatgroups/g%d/apply HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nAuthorization: Bearer of:web%d\r\n\r\n", prefix, i%groups, i)
		require.NoError(b, err)
		response, err := http.ReadResponse(bufio.NewReaderSize(connection, 1024), nil)
		require.NoError(b, err)
		text, err := io.ReadAll(response.Body)
		require.NoError(b, err)
		require.Equal(b, 200, response.StatusCode, "%s", text)
	}
	var process, network time.Duration
	const turn = 1000
	b.ResetTimer()
	for from := 0; from < b.N; from += turn {
		n := min(turn, b.N-from)
		process += together(n, func(i int) { inProcess(from + i) })
		network += together(n, func(i int) { overHTTP(from + i) })
	}
	b.ReportMetric(float64(b.N)/process.Seconds(), "process-joins/s")
	b.ReportMetric(float64(b.N)/network.Seconds(), "http-joins/s")
	b.ReportMetric(process.Seconds()/network.Seconds(), "ratio")
}

// together calls f n times from all callers and returns how long it took.
func together(n int, f func(i int)) time.Duration {
	var next atomic.Int64
	var done sync.WaitGroup
	began := time.Now()
	for range callers {
		done.Go(func() {
			for i := next.Add(1) - 1; i < int64(n); i = next.Add(1) - 1 {
				f(int(i))
			}
		})
	}
	done.Wait()
	return time.Since(began)
}
