package rest_test

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/key"
	"groupkit/rest"
	"groupkit/store"
	"groupkit/store/memblob"
	"groupkit/store/memstore"
)

func (s *service) announce(t testing.TB, group groupkit.GroupID, text string) {
	require.NoError(t, s.engine.System().SetAnnouncement(t.Context(), group, text))
}

func eventsOf(group groupkit.GroupID) string {
	return "/chatgroups/" + string(group) + "/events?from=latest"
}

func TestStream_KeepAlive(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ set, want time.Duration }{
		"15 s by default": {0, 15 * time.Second}, "negative": {-1, 15 * time.Second}, "an hour": {time.Hour, time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := setup(t, func(set *setting) { set.options.KeepAlive = c.set })
				group := s.group(t)
				f := s.start(t).follow(t, "u-owner", eventsOf(group))
				f.quiet(t, c.want)
				f.quiet(t, c.want)
				time.Sleep(c.want / 2)
				s.announce(t, group, "a")
				require.Equal(t, groupkit.AnnouncementChanged, f.event(t).Kind)
				f.quiet(t, c.want/2)
				f.quiet(t, c.want)
			})
		})
	}
}

// The timeouts of the server and of the handler are for answers that end.
func TestStream_Timeouts(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		body string
		http func(*http.Protocols, bool)
	}{
		"HTTP/1":                        {"", (*http.Protocols).SetHTTP1},
		"with a body that nobody needs": {"{}", (*http.Protocols).SetHTTP1},
		"HTTP/2":                        {"", (*http.Protocols).SetUnencryptedHTTP2},
		"HTTP/2, a body nobody needs":   {"{}", (*http.Protocols).SetUnencryptedHTTP2},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := setup(t, func(set *setting) { set.options.Timeout = time.Second })
				group, protocols := s.group(t), new(http.Protocols)
				c.http(protocols, true)
				w := s.start(t, func(s *http.Server) {
					s.Protocols, s.ReadTimeout, s.WriteTimeout, s.IdleTimeout = protocols, 2*time.Second, 2*time.Second, time.Second
				})
				w.transport.Protocols = protocols
				f := w.open(t, request{path: eventsOf(group), token: "app", body: c.body})
				require.True(t, f.block(t).comment)
				for i := range 3 {
					f.quiet(t, 15*time.Second)
					s.announce(t, group, fmt.Sprint(i))
					require.Equal(t, groupkit.AnnouncementChanged, f.event(t).Kind)
				}
			})
		})
	}
}

// A logged is what a handler has logged.
type logged struct {
	mu  sync.Mutex
	out bytes.Buffer
}

func (l *logged) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.out.Write(b)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.out.String()
}

// logOf lets the handler log.
func logOf(set *setting) *logged {
	out := new(logged)
	set.options.Logger = slog.New(slog.NewTextHandler(out, nil))
	return out
}

func TestStream_ClientLeaves(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log *logged
		s := setup(t, func(set *setting) { log = logOf(set) })
		group := s.group(t)
		f := s.start(t).follow(t, "u-owner", eventsOf(group))
		s.announce(t, group, "a")
		f.event(t)
		synctest.Wait()
		require.Empty(t, log.String(), "the request has not ended")
		f.close()
		synctest.Wait()
		require.Regexp(t, `path=/org/app/chatgroups/[-0-9a-f]+/events status=200 bytes=[1-9][0-9]+ `, log.String())
		require.NotContains(t, log.String(), "latest", "the query is not logged")
		require.NotContains(t, log.String(), "ERROR")
	})
}

// A client that reads nothing is dropped after Options.Timeout. Until then the server takes one event
// after the other, however many there are.
func TestStream_SlowClient(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log *logged
		s := setup(t, func(set *setting) { log = logOf(set) })
		group := s.group(t)
		s.start(t).follow(t, "u-owner", eventsOf(group))
		for i := range 200 {
			s.announce(t, group, strings.Repeat("x", 500)+fmt.Sprint(i))
		}
		time.Sleep(29 * time.Second)
		synctest.Wait()
		require.Empty(t, log.String(), "it is given time")
		time.Sleep(time.Second)
		synctest.Wait()
		require.Regexp(t, `status=200 bytes=[1-9][0-9]{0,4} `, log.String(), "less than 100 KB were sent")
		require.NotContains(t, log.String(), "ERROR")
	})
}

// A client that takes a large event slowly is not dropped.
func TestStream_LargeEvent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := setup(t, func(set *setting) { set.engine.UserExists = nil })
		group := s.group(t, func(n *groupkit.NewGroup) { n.MaxUsers = 1000 })
		for i := range 10 {
			var users []groupkit.UserID
			for j := range 60 {
				users = append(users, groupkit.UserID(fmt.Sprintf("%0200d-%d", i, j)))
			}
			_, err := s.engine.System().AddMembers(t.Context(), group, users)
			require.NoError(t, err)
		}
		f := s.start(t).follow(t, "u-member", "/chatgroups/"+string(group)+"/events")
		text := new(bytes.Buffer)
		for !strings.Contains(text.String(), "\n\n") {
			_, err := io.CopyN(text, f.in, 4096)
			require.NoError(t, err)
			time.Sleep(3 * time.Second)
			if text.Len() > 100_000 {
				break
			}
		}
		require.Greater(t, text.Len(), 100_000)
		require.Contains(t, text.String(), "event: checkpoint")
	})
}

func TestStream_ServerStops(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := setup(t)
		group, handler := s.group(t), s.handler.(*rest.Handler)
		w := s.start(t, func(server *http.Server) { server.RegisterOnShutdown(handler.EndStreams) })
		f, all := w.follow(t, "app", eventsOf(group)), w.follow(t, "app", "/events")
		began := time.Now()
		stopped := make(chan error, 1)
		go func() { stopped <- w.server.Shutdown(t.Context()) }()
		for _, f := range []*following{f, all} {
			for b := f.block(t); b != (block{}); b = f.block(t) {
				require.NotEqual(t, "end", b.kind, "the client comes again")
				require.False(t, b.comment, "it goes on")
			}
		}
		require.NoError(t, <-stopped)
		require.Less(t, time.Since(began), 2*time.Second)
		s.refused(t, request{path: "/events"}, 503, "service_unavailable", "Service Unavailable")
		s.answer(t, request{path: "/chatgroups"})
	})
}

func TestStream_EngineCloses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := setup(t)
		f := s.start(t).follow(t, "app", eventsOf(s.group(t)))
		require.NoError(t, s.engine.Close())
		require.Equal(t, block{}, f.block(t), "the client comes again")
	})
}

// A revocable is an Authenticator whose answer changes.
type revocable struct {
	tokens
	caller atomic.Pointer[rest.Caller]
	err    atomic.Pointer[error]
}

func (r *revocable) Authenticate(q *http.Request) (rest.Caller, error) {
	if err := r.err.Load(); err != nil {
		return rest.Caller{}, *err
	}
	if caller := r.caller.Load(); caller != nil {
		return *caller, nil
	}
	return r.tokens.Authenticate(q)
}

// A token that ends takes its streams with it.
func TestStream_TokenEnds(t *testing.T) {
	t.Parallel()
	bad, down := rest.ErrBadToken, io.ErrClosedPipe
	for name, c := range map[string]struct {
		becomes func(*revocable)
		code    string
	}{
		"revoked":               {func(r *revocable) { r.err.Store(&bad) }, "group_authorization"},
		"that of somebody else": {func(r *revocable) { r.caller.Store(&rest.Caller{User: "member"}) }, "group_authorization"},
		"cannot be looked up":   {func(r *revocable) { r.err.Store(&down) }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := setup(t)
				access := new(revocable)
				s.app.Authenticator = access
				group := s.group(t)
				f := s.start(t).follow(t, "u-owner", eventsOf(group))
				f.quiet(t, 15*time.Second)
				c.becomes(access)
				began := time.Now()
				go func() {
					for i := range 100 {
						time.Sleep(time.Second)
						_ = s.engine.System().SetAnnouncement(t.Context(), group, fmt.Sprint(i))
					}
				}()
				b := f.block(t)
				for b.kind == "announcement_changed" {
					b = f.block(t)
				}
				require.Equal(t, 15*time.Second, time.Since(began), "also if there are always events")
				if c.code == "" {
					require.Equal(t, block{}, b, "the client comes again")
				} else {
					require.Equal(t, "end", b.kind)
					require.Contains(t, b.data, c.code)
				}
				time.Sleep(100 * time.Second)
			})
		})
	}
}

// Where the log is damaged, the stream goes on with a checkpoint.
func TestStream_DamagedLog(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		st := memstore.New()
		var log *logged
		set := setting{}
		log = logOf(&set)
		eng, err := groupkit.New(st, memblob.New(), nil)
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, eng.Close()) })
		s := &service{engine: eng, app: &rest.App{Engine: eng, ID: appID, Authenticator: tokens{}}}
		s.handler = rest.NewHandler(rest.OneApp("org", "app", s.app), &set.options)
		group := s.group(t)
		require.NoError(t, st.Update(t.Context(), func(w store.Writer) error {
			return w.Put(key.Event(string(group), 1), []byte("garbage"))
		}))
		f := s.start(t).follow(t, "app", "/chatgroups/"+string(group)+"/events")
		e := f.event(t)
		require.Equal(t, groupkit.Checkpoint, e.Kind)
		require.True(t, e.Last)
		s.announce(t, group, "and on")
		require.Equal(t, e.Version+1, f.event(t).Version)
		synctest.Wait()
		require.Contains(t, log.String(), "damaged")
	})
}

// unflushable hides that the writer can be flushed.
type unflushable struct{ http.ResponseWriter }

// A middleware that keeps the answer back is told of in the log, not found out by the users.
func TestStream_CannotBeFlushed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log *logged
		s := setup(t, func(set *setting) { log = logOf(set) })
		inner := s.handler
		s.handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { inner.ServeHTTP(unflushable{w}, r) })
		f := s.start(t).open(t, request{path: "/events", token: "app"})
		f.block(t)
		require.Equal(t, block{}, f.block(t))
		synctest.Wait()
		require.Contains(t, log.String(), "feature not supported")
	})
}
