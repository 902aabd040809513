package groupkit_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"iter"
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/key"
	"groupkit/internal/record"
	"groupkit/store"
	"groupkit/store/memblob"
	"groupkit/store/memstore"
)

// dawn is the time at which the story of a town begins.
var dawn = time.Date(2026, time.March, 4, 5, 6, 7, 0, time.UTC)

// A site is an engine over a store and contents that the test can reach behind its back.
type site struct {
	*groupkit.Engine
	raw   store.Store
	blobs *memblob.Blobs
	disk  store.Blobs // the contents of a site on a disk
	clock *clock
}

// A tester is a *testing.T, or a *rapid.T.
type tester interface {
	require.TestingT
	Helper()
	Cleanup(func())
}

// briefly runs a part of a test and closes what it has opened: tests that open thousands
// of engines cannot keep them to their end.
func briefly(t *testing.T, part func(tester)) {
	b := &brief{T: t}
	defer func() {
		for _, f := range slices.Backward(b.cleanups) {
			f()
		}
	}()
	part(b)
}

type brief struct {
	*testing.T
	cleanups []func()
}

func (b *brief) Cleanup(f func()) { b.cleanups = append(b.cleanups, f) }

// newSite opens an engine in memory.
func newSite(t tester, opts groupkit.Options) *site { return newSiteOver(t, opts, bare) }

// newSiteOver opens an engine in memory, with something around the store and the contents.
func newSiteOver(t tester, opts groupkit.Options, around wrapping) *site {
	t.Helper()
	s := &site{raw: memstore.New(), blobs: memblob.New(), clock: newClockAt(dawn)}
	opening := newQuiet(s.blobs)
	over, contents := around(s.raw, opening)
	s.open(t, opts, over, contents)
	opening.wait(t)
	return s
}

// A wrapping puts something around a store and contents.
type wrapping func(store.Store, store.Blobs) (store.Store, store.Blobs)

func bare(s store.Store, b store.Blobs) (store.Store, store.Blobs) { return s, b }

// quiet contents know when an engine has done what it does at its opening in the
// background: all but the sweeping of contents, where there are any.
type quiet struct {
	*memblob.Blobs
	once sync.Once
	done chan struct{}
}

func newQuiet(blobs *memblob.Blobs) *quiet {
	return &quiet{Blobs: blobs, done: make(chan struct{})}
}

func (b *quiet) List(ctx context.Context, after string, limit int) ([]string, bool, error) {
	defer b.once.Do(func() { close(b.done) })
	return b.Blobs.List(ctx, after, limit)
}

func (b *quiet) wait(t require.TestingT) {
	select {
	case <-b.done:
	case <-time.After(time.Minute):
		require.Fail(t, "the opening has no end")
	}
}

// open opens the engine of the site over a store and contents.
func (s *site) open(t tester, opts groupkit.Options, over store.Store, blobs store.Blobs) {
	t.Helper()
	opts.Clock = s.clock.Now
	opts.CacheBytes = small(opts.CacheBytes)
	eng, err := groupkit.New(over, blobs, &opts)
	require.NoError(t, err)
	s.Engine = eng
	t.Cleanup(func() { require.NoError(t, eng.Close()) })
}

// clean fails the test for every invariant that is broken.
func (s *site) clean(t require.TestingT) {
	violations, err := s.Verify(context.Background())
	require.NoError(t, err)
	require.Empty(t, violations)
}

// put, remove and get reach past the engine.
func (s *site) put(t require.TestingT, k, v []byte) {
	require.NoError(t, s.raw.Update(context.Background(), func(w store.Writer) error { return w.Put(k, v) }))
}

func (s *site) remove(t require.TestingT, k []byte) {
	require.NoError(t, s.raw.Update(context.Background(), func(w store.Writer) error { return w.Delete(k) }))
}

func (s *site) get(t require.TestingT, k []byte) []byte {
	v, ok := s.dump(t)[string(k)]
	require.True(t, ok, "%q", k)
	return []byte(v)
}

// header changes the header of a group, and nothing that should change with it.
func (s *site) header(t require.TestingT, group groupkit.GroupID, change func(*record.Header)) {
	k := key.Of(string(group), key.Header)
	h, err := record.DecodeHeader(s.get(t, k))
	require.NoError(t, err)
	change(&h)
	s.put(t, k, h.Encode())
}

// standing changes the standing of a user, and nothing that should change with it.
func (s *site) standing(t require.TestingT, group groupkit.GroupID, user string, member bool, change func(*record.Standing)) {
	k := key.Standing(string(group), user, member)
	st, err := record.DecodeStanding(s.get(t, k), member)
	require.NoError(t, err)
	change(&st)
	s.put(t, k, st.Encode())
}

// dump is all that the store holds.
func (s *site) dump(t require.TestingT) map[string]string { return dumped(t, s.raw) }

func dumped(t require.TestingT, from store.Store) map[string]string {
	all := make(map[string]string)
	require.NoError(t, from.View(context.Background(), func(r store.Reader) error {
		var rng store.Range
		for more := true; more; {
			page, m, err := r.Scan(rng)
			if err != nil {
				return err
			}
			for _, p := range page {
				all[string(p.Key)] = string(p.Value)
				rng.From = append(bytes.Clone(p.Key), 0)
			}
			more = m
		}
		return nil
	}))
	return all
}

// keys are the keys that begin with a prefix.
func (s *site) keys(t require.TestingT, prefix []byte) (keys []string) {
	for k := range s.dump(t) {
		if strings.HasPrefix(k, string(prefix)) {
			keys = append(keys, k)
		}
	}
	return keys
}

// contents are the ids of all contents.
func contents(t require.TestingT, blobs store.Blobs) []string {
	ids, more, err := blobs.List(context.Background(), "", 0)
	require.NoError(t, err)
	require.False(t, more)
	return ids
}

// until waits for what the engine does in the background.
func until(t require.TestingT, is func() bool) {
	for end := time.Now().Add(time.Minute); !is(); runtime.Gosched() {
		require.True(t, time.Now().Before(end), "it has not happened within a minute")
	}
}

// every reads an iterator that does not fail.
func every[T any](t require.TestingT, all iter.Seq2[T, error]) []T {
	list, err := collect(all)
	require.NoError(t, err)
	return list
}

// A town is a site in which everything that a store can hold is there:
//
//	guild    public, by approval, with every kind of user, list and file
//	rangers  private, with an assigned id; members may invite, zoe is invited
//	open     public and open, of zoe and alice
//	ended    a tombstone
//	archive  private, its log cut: a checkpoint and one call
//	vanished a tombstone without a log
type town struct {
	*site
	rangers      groupkit.GroupID
	chart, rules groupkit.File
}

const (
	guild = groupkit.GroupID("guild")
	open  = groupkit.GroupID("open")
	ended = groupkit.GroupID("ended")

	archive  = groupkit.GroupID("archive")
	vanished = groupkit.GroupID("vanished")
)

const month = 30 * 24 * time.Hour

// townOptions are the options of every town: all that can be switched on is.
func townOptions() groupkit.Options {
	return groupkit.Options{
		Limits: groupkit.Limits{Groups: 50}, BlockOutsiders: true, OwnerLeave: groupkit.OwnerSucceed,
		RequestTTL: month, InvitationTTL: month,
	}
}

// A picture is a town as it lies in its store.
type picture struct {
	records      map[string]string
	contents     map[string]string
	rangers      groupkit.GroupID
	chart, rules groupkit.File
	now          time.Time
}

// newTown returns a town of the test's own.
func newTown(t tester) *town { return newTownOver(t, townOptions(), bare) }

// newTownOver returns a town with other options than those it was built with, and with
// something around the store and the contents.
func newTownOver(t tester, opts groupkit.Options, around wrapping) *town {
	p := painted()
	s := newSiteOver(t, opts, around)
	p.unpack(t, s.raw, s.blobs)
	s.clock.Set(p.now)
	return &town{site: s, rangers: p.rangers, chart: p.chart, rules: p.rules}
}

// unpack fills an empty store and empty contents with the town.
func (p *picture) unpack(t require.TestingT, s store.Store, blobs store.Blobs) {
	require.NoError(t, s.Update(context.Background(), func(w store.Writer) error {
		for k, v := range p.records {
			if err := w.Put([]byte(k), []byte(v)); err != nil {
				return err
			}
		}
		return nil
	}))
	for id, content := range p.contents {
		require.NoError(t, blobs.Put(context.Background(), id, strings.NewReader(content)))
	}
}

// painted builds the town once.
var painted = sync.OnceValue(func() *picture {
	s := &site{raw: memstore.New(), blobs: memblob.New(), clock: newClockAt(dawn)}
	opts := townOptions()
	opts.Clock, opts.Retention = s.clock.Now, groupkit.Retention{MaxAge: month}
	eng, err := groupkit.New(s.raw, s.blobs, &opts)
	must(err)
	s.Engine = eng
	b := &builder{site: s}
	p := &picture{contents: make(map[string]string)}
	b.past()
	b.guild(p)
	b.others(p)
	p.records, p.now = maps.Clone(dumped(panicking{}, s.raw)), s.clock.Now()
	for _, id := range contents(panicking{}, s.blobs) {
		r, err := s.blobs.Get(context.Background(), id)
		must(err)
		content, err := io.ReadAll(r)
		must(err)
		p.contents[id] = string(content)
	}
	must(eng.Close())
	return p
})

type panicking struct{}

func (panicking) Errorf(format string, args ...any) { panic(format) }
func (panicking) FailNow()                          { panic("failed") }

func must(errs ...error) {
	if err := errors.Join(errs...); err != nil {
		panic(err)
	}
}

// A builder lets a second pass before everything that someone does.
type builder struct{ *site }

func (b *builder) system() groupkit.Actor {
	b.clock.Advance(time.Second)
	return b.System()
}

func (b *builder) as(user groupkit.UserID) groupkit.Actor {
	b.clock.Advance(time.Second)
	return b.As(user)
}

// past is what happened before dawn, and what retention has left of it.
func (b *builder) past() {
	ctx := context.Background()
	b.clock.Set(dawn.Add(-2 * month))
	must(second(b.system().CreateGroup(ctx, groupkit.NewGroup{
		ID: archive, Name: "Archive", Custom: "old", Owner: "walter", Members: []groupkit.UserID{"xena", "yara"},
	})))
	must(b.as("walter").AddAdmin(ctx, archive, "xena"))
	must(second(b.as("walter").Mute(ctx, archive, groupkit.Forever, "xena")))
	must(second(b.as("xena").Block(ctx, archive, groupkit.Forever, "vera")))
	must(b.as("yara").Leave(ctx, archive))
	must(b.as("walter").SetAnnouncement(ctx, archive, "Silence"))
	must(second(b.as("xena").UploadFile(ctx, archive, "scroll.txt", strings.NewReader("of old"))))
	must(second(b.system().CreateGroup(ctx, groupkit.NewGroup{ID: vanished, Name: "Vanished", Owner: "walter"})))
	must(b.as("walter").DeleteGroup(ctx, vanished))
	b.clock.Set(dawn.Add(-time.Hour))
	must(second(b.as("walter").UpdateGroup(ctx, archive, groupkit.GroupUpdate{Name: new("Old archive")})))
	must(second(b.Sweep(ctx)))
	b.clock.Set(dawn)
}

func (b *builder) guild(p *picture) {
	ctx := context.Background()
	_, err := b.system().CreateGroup(ctx, groupkit.NewGroup{
		ID: guild, Name: "Night Watch", Description: "on the wall", Avatar: "raven.png", Custom: `{"banner":"black"}`,
		Public: true, MembersOnly: true, Owner: "alice",
		Members: []groupkit.UserID{"bob", "carol", "dave", "erin", "heidi", "ivan", "mallory"},
	})
	must(err)
	must(b.as("alice").AddAdmin(ctx, guild, "bob"))
	must(second(b.as("bob").Because("spam").Mute(ctx, guild, time.Hour, "heidi")))
	must(b.as("heidi").Leave(ctx, guild))
	must(second(b.as("bob").Mute(ctx, guild, groupkit.Forever, "ivan")))
	must(b.as("bob").Allow(ctx, guild, "dave"))
	must(second(b.as("bob").Because("flood").Block(ctx, guild, 2*time.Hour, "erin")))
	must(second(b.as("alice").Block(ctx, guild, groupkit.Forever, "mallory")))
	must(second(b.as("frank").Because("please").Join(ctx, guild)), second(b.as("nick").Join(ctx, guild)))
	must(second(b.as("alice").Invite(ctx, guild, "grace")), second(b.system().Invite(ctx, guild, "olga")))
	must(b.as("alice").SetAnnouncement(ctx, guild, "Winter is coming"))
	p.chart, err = b.as("carol").UploadFile(ctx, guild, "map.png", strings.NewReader("a map of the north"))
	must(err)
	p.rules, err = b.system().UploadFile(ctx, guild, "rules.txt", strings.NewReader("hear my words"))
	must(err)
	must(b.as("bob").MuteGroup(ctx, guild))
	must(b.as("bob").Once("allow ivan").Allow(ctx, guild, "ivan"))
}

func (b *builder) others(p *picture) {
	ctx := context.Background()
	made, err := b.as("bob").CreateGroup(ctx, groupkit.NewGroup{
		Name: "Rangers", AllowInvites: true, InviteNeedConfirm: new(false), Members: []groupkit.UserID{"alice", "carol"},
	})
	must(err)
	p.rangers = made.ID
	must(second(b.as("bob").UpdateGroup(ctx, made.ID, groupkit.GroupUpdate{InviteNeedConfirm: new(true)})))
	must(second(b.as("carol").Invite(ctx, made.ID, "zoe")))
	must(second(b.system().CreateGroup(ctx, groupkit.NewGroup{
		ID: open, Name: "Open", Public: true, Owner: "zoe", Members: []groupkit.UserID{"alice"},
	})))
	must(second(b.system().CreateGroup(ctx, groupkit.NewGroup{
		ID: ended, Name: "Ended", Custom: "x", Owner: "carol", Members: []groupkit.UserID{"bob"},
	})))
	must(second(b.as("carol").UploadFile(ctx, ended, "gone.txt", strings.NewReader("gone"))))
	must(b.as("carol").DeleteGroup(ctx, ended))
	b.clock.Advance(time.Second)
}

func TestTown(t *testing.T) {
	t.Parallel()
	s := newTown(t)
	s.clean(t)
	require.Len(t, every(t, s.System().Groups(t.Context())), 4)
	g, err := s.System().Group(t.Context(), guild)
	require.NoError(t, err)
	require.Equal(t, 5, g.MemberCount)
	require.Len(t, contents(t, s.blobs), 3)
}
