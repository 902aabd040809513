package groupkit_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
	"groupkit/internal/sharedmem"
	"groupkit/store/memblob"
	"groupkit/store/memstore"
)

// A logbook keeps what an engine logs, as one map of attributes a record. Any goroutine can write to it.
type logbook struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logbook) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logbook) logger() *slog.Logger {
	return slog.New(slog.NewJSONHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// A logged is the level and the message of a record, and its attributes.
type logged struct {
	level, message string
	attrs          map[string]any
}

// take returns what was logged, and forgets it. It leaves out how long something took.
func (l *logbook) take(t *testing.T) (all []logged) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	for line := range bytes.Lines(l.text.Bytes()) {
		attrs := make(map[string]any)
		require.NoError(t, json.Unmarshal(line, &attrs))
		one := logged{attrs["level"].(string), strings.TrimPrefix(attrs["msg"].(string), "groupkit: "), attrs}
		for _, key := range []string{"level", "msg", "time", "took"} {
			delete(attrs, key)
		}
		all = append(all, one)
	}
	l.text.Reset()
	return all
}

// settled is what an engine logs when the work after an opening has ended.
var settled = logged{"DEBUG", "the work after the opening has ended", map[string]any{}}

func TestOptions_Logger_Opening(t *testing.T) {
	t.Parallel()
	var book logbook
	path := filepath.Join(t.TempDir(), "guilds.db")
	open := func(d groupkit.Durability) *groupkit.Engine {
		eng, err := groupkit.Open(path, &groupkit.Options{Logger: book.logger(), Durability: d})
		require.NoError(t, err)
		return eng
	}
	opened := func(eng *groupkit.Engine, opening int) logged {
		return logged{"INFO", "opened", map[string]any{
			"store": "bbolt", "path": path, "shared": false, "read_only": false, "format": 2.0, "history": eng.History(), "opening": float64(opening),
		}}
	}
	closed := func(history string) logged {
		return logged{"INFO", "closed", map[string]any{"store": "bbolt", "history": history}}
	}

	eng := open(groupkit.SyncAlways)
	id := grouptest.CreateGroup(t, eng, groupkit.NewGroup{Members: grouptest.IDs{"bob"}})
	require.NoError(t, grouptest.ErrorOf(eng.As("bob").UploadFile(t.Context(), id, "secret plan.txt", strings.NewReader("x"))))
	first := eng.History()
	require.NoError(t, eng.Close())
	require.ElementsMatch(t, []logged{opened(eng, 0), settled, closed(first)}, book.take(t))

	eng = open(groupkit.SyncAlways)
	require.NoError(t, eng.RenewHistory(t.Context()))
	second := eng.History()
	require.NoError(t, eng.Close())
	reopened := opened(eng, 2) // the first content was the first opening that counts
	reopened.attrs["history"] = first
	require.ElementsMatch(t, []logged{
		reopened, settled, {"WARN", "a new history begins", map[string]any{"reason": "RenewHistory was called", "before": first, "history": second}}, closed(second),
	}, book.take(t))

	eng = open(groupkit.SyncNever)
	crashed := t.TempDir() + "/crashed.db" // what a crash leaves: the file as it is while it is in use
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(crashed, text, 0o600))
	require.NoError(t, eng.Close())
	book.take(t)
	path = crashed
	eng = open(groupkit.SyncAlways)
	require.NoError(t, eng.Close())
	all := book.take(t)
	require.Contains(t, all, logged{"WARN", "a new history begins", map[string]any{
		"reason": "the end of the history can be lost", "before": second, "history": eng.History(),
	}})
}

// keptStore stays open when the engine over it is closed.
type keptStore struct{ *memstore.Store }

func (keptStore) Close() error { return nil }

// A database of an older format is brought up to date by the opening.
func TestOptions_Logger_Upgrade(t *testing.T) {
	t.Parallel()
	var book logbook
	s, blobs := memstore.New(), memblob.New()
	old, err := groupkit.New(keptStore{s}, grouptest.KeptBlobs{Blobs: blobs}, nil)
	require.NoError(t, err)
	grouptest.CreateGroup(t, old, groupkit.NewGroup{})
	require.NoError(t, old.Close())
	grouptest.ToFormat1(t, s, blobs)
	eng, err := groupkit.New(s, blobs, &groupkit.Options{Logger: book.logger()})
	require.NoError(t, err)
	require.NoError(t, eng.Close())
	all := book.take(t)
	require.Equal(t, []logged{
		{"INFO", "the data is being brought up to date", map[string]any{"store": "memory", "from": 1.0, "to": 2.0, "resumed": false}},
		{"INFO", "the data is up to date", map[string]any{"store": "memory", "from": 1.0, "to": 2.0}},
	}, all[:2])
	require.Equal(t, "opened", all[2].message)
}

func TestOptions_Logger_ForeignContents(t *testing.T) {
	t.Parallel()
	blobs := memblob.New()
	var book logbook
	for range 2 { // two databases, one after another beside the same contents
		eng, err := groupkit.New(memstore.New(), grouptest.KeptBlobs{Blobs: blobs}, &groupkit.Options{Logger: book.logger()})
		require.NoError(t, err)
		id := grouptest.CreateGroup(t, eng, groupkit.NewGroup{})
		require.NoError(t, grouptest.ErrorOf(eng.As("alice").UploadFile(t.Context(), id, "a", strings.NewReader("a"))))
		require.NoError(t, eng.Close())
	}
	var warnings []string
	for _, one := range book.take(t) {
		if one.level != "DEBUG" && one.level != "INFO" {
			warnings = append(warnings, one.level+" "+one.message)
		}
	}
	require.Len(t, warnings, 2)
	require.Equal(t, "WARN a new history begins", warnings[0])
	require.Contains(t, warnings[1], "WARN the contents of files belong to another database")
}

// Work that fails is an error with its task and its code. It names the group, and no user and no text.
func TestOptions_Logger_Failures(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var book logbook
		s := &sickStore{Store: memstore.New()}
		eng, err := groupkit.New(s, memblob.New(), &groupkit.Options{SweepEvery: time.Hour, CountEvery: 30 * time.Minute, Logger: book.logger()})
		require.NoError(t, err)
		synctest.Wait()
		book.take(t)
		s.sick.Store(true)
		time.Sleep(time.Hour + time.Second)
		s.sick.Store(false)
		failed := func(task, op string) logged {
			return logged{"ERROR", "background work failed", map[string]any{"task": task, "code": "storage_failed", "err": op + "storage failed: " + errSick.Error()}}
		}
		require.ElementsMatch(t, []logged{failed("count", ""), failed("count", ""), failed("sweep", "sweep: ")}, book.take(t))
		require.NoError(t, eng.Close())
	})
}

// Nothing that users have written, and no user, is logged.
func TestOptions_Logger_Private(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var book logbook
		data := sharedmem.New(sharedmem.Options{Numbers: true})
		eng, err := groupkit.New(data.Open(), memblob.New(), &groupkit.Options{Logger: book.logger(), SweepEvery: time.Hour, UserExists: func(_ context.Context, user groupkit.UserID) (bool, error) {
			return user != "secret-stranger", nil
		}})
		require.NoError(t, err)
		ctx := t.Context()
		g, err := eng.System().CreateGroup(ctx, groupkit.NewGroup{Name: "secret-name", Description: "secret-text", Owner: "secret-owner", Members: grouptest.IDs{"secret-member"}})
		require.NoError(t, err)
		_, err = eng.As("secret-owner").Because("secret-reason").Mute(ctx, g.ID, time.Minute, "secret-member")
		require.NoError(t, err)
		_, err = eng.System().AddMembers(ctx, g.ID, grouptest.IDs{"secret-stranger"})
		require.Error(t, err)
		require.NoError(t, eng.System().ForgetUser(ctx, "secret-member", groupkit.ForgetOptions{Pseudonymize: true}))
		time.Sleep(3 * time.Hour)
		require.NoError(t, eng.System().DeleteGroup(ctx, g.ID))
		require.NoError(t, eng.Close())
		require.NotContains(t, book.text.String(), "secret")
		var messages []string
		for _, one := range book.take(t) {
			messages = append(messages, one.message)
		}
		require.Contains(t, messages, "the background work of the store")
	})
}
