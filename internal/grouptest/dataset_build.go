package grouptest

import (
	"context"
	"errors"
	"io"
	"maps"
	"strings"
	"sync"
	"time"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/store"
	"groupkit/store/memblob"
	"groupkit/store/memstore"
)

// Dawn is the time at which the Dataset begins, but for what retention has cut.
var Dawn = time.Date(2026, time.March, 4, 5, 6, 7, 0, time.UTC)

// BuiltDataset builds the Dataset once and returns its image.
var BuiltDataset = sync.OnceValue(func() *Image {
	s := &Stack{Store: memstore.New(), Blobs: memblob.New(), Clock: NewClockAt(Dawn)}
	opts := DatasetOptions()
	opts.Clock, opts.Retention = s.Clock.Now, groupkit.Retention{MaxAge: Month}
	eng, err := groupkit.New(s.Store, s.Blobs, &opts)
	Must(err)
	s.Engine = eng
	p := FillDataset(s)
	p.records, p.now = maps.Clone(DumpStore(PanicT{}, s.Store)), s.Clock.Now()
	for _, id := range append(ContentIDs(PanicT{}, s.Blobs), ContentsMark) {
		r, err := s.Blobs.Get(context.Background(), id)
		Must(err)
		content, err := io.ReadAll(r)
		Must(err)
		p.contents[id] = string(content)
	}
	Must(eng.Close())
	return p
})

// FillDataset makes the Dataset with calls of an engine. It returns an image without records
// and contents.
func FillDataset(s *Stack) *Image {
	b := &builder{Stack: s}
	p := &Image{contents: make(map[string]string)}
	b.past()
	b.guild(p)
	b.others(p)
	return p
}

// An Image is the records and contents of a Dataset.
type Image struct {
	records      map[string]string
	contents     map[string]string
	rangers      groupkit.GroupID
	chart, rules groupkit.File
	now          time.Time
}

// Unpack fills an empty store and empty contents with the Dataset.
func (p *Image) Unpack(t require.TestingT, s store.Store, blobs store.Blobs) {
	PutAll(t, s, p.records)
	for id, content := range p.contents {
		require.NoError(t, blobs.Put(context.Background(), id, strings.NewReader(content)))
	}
}

// A builder advances the clock by a second before each call.
type builder struct{ *Stack }

func (b *builder) system() groupkit.Actor {
	b.Clock.Advance(time.Second)
	return b.System()
}

func (b *builder) as(user groupkit.UserID) groupkit.Actor {
	b.Clock.Advance(time.Second)
	return b.As(user)
}

// past builds the groups from before Dawn, and lets retention cut their logs.
func (b *builder) past() {
	ctx := context.Background()
	b.Clock.Set(Dawn.Add(-2 * Month))
	Must(ErrorOf(b.system().CreateGroup(ctx, groupkit.NewGroup{
		ID: Archive, Name: "Archive", Custom: "old", Owner: "walter", Members: []groupkit.UserID{"xena", "yara"},
	})))
	Must(b.as("walter").AddAdmin(ctx, Archive, "xena"))
	Must(ErrorOf(b.as("walter").Mute(ctx, Archive, groupkit.Forever, "xena")))
	Must(ErrorOf(b.as("xena").Block(ctx, Archive, groupkit.Forever, "vera")))
	Must(b.as("yara").Leave(ctx, Archive))
	Must(b.as("walter").SetAnnouncement(ctx, Archive, "Silence"))
	Must(ErrorOf(b.as("xena").UploadFile(ctx, Archive, "scroll.txt", strings.NewReader("of old"))))
	Must(ErrorOf(b.system().CreateGroup(ctx, groupkit.NewGroup{ID: Vanished, Name: "Vanished", Owner: "walter"})))
	Must(b.as("walter").DeleteGroup(ctx, Vanished))
	b.Clock.Set(Dawn.Add(-time.Hour))
	Must(ErrorOf(b.as("walter").UpdateGroup(ctx, Archive, groupkit.GroupUpdate{Name: new("Old archive")})))
	Must(ErrorOf(b.Sweep(ctx)))
	b.Clock.Set(Dawn)
}

func (b *builder) guild(p *Image) {
	ctx := context.Background()
	_, err := b.system().CreateGroup(ctx, groupkit.NewGroup{
		ID: Guild, Name: "Night Watch", Description: "on the wall", Avatar: "raven.png", Custom: `{"banner":"black"}`,
		Public: true, MembersOnly: true, Owner: "alice",
		Members: []groupkit.UserID{"bob", "carol", "dave", "erin", "heidi", "ivan", "mallory"},
	})
	Must(err)
	Must(b.as("alice").AddAdmin(ctx, Guild, "bob"))
	Must(ErrorOf(b.as("bob").Because("spam").Mute(ctx, Guild, time.Hour, "heidi")))
	Must(b.as("heidi").Leave(ctx, Guild))
	Must(ErrorOf(b.as("bob").Mute(ctx, Guild, groupkit.Forever, "ivan")))
	Must(b.as("bob").Allow(ctx, Guild, "dave"))
	Must(ErrorOf(b.as("bob").Because("flood").Block(ctx, Guild, 2*time.Hour, "erin")))
	Must(ErrorOf(b.as("alice").Block(ctx, Guild, groupkit.Forever, "mallory")))
	Must(ErrorOf(b.as("frank").Because("please").Join(ctx, Guild)), ErrorOf(b.as("nick").Join(ctx, Guild)))
	Must(ErrorOf(b.as("alice").Invite(ctx, Guild, "grace")), ErrorOf(b.system().Invite(ctx, Guild, "olga")))
	Must(b.as("alice").SetAnnouncement(ctx, Guild, "Winter is coming"))
	p.chart, err = b.as("carol").UploadFile(ctx, Guild, "map.png", strings.NewReader("a map of the north"))
	Must(err)
	p.rules, err = b.system().UploadFile(ctx, Guild, "rules.txt", strings.NewReader("hear my words"))
	Must(err)
	Must(b.as("bob").MuteGroup(ctx, Guild))
	Must(b.as("bob").Once("allow ivan").Allow(ctx, Guild, "ivan"))
}

func (b *builder) others(p *Image) {
	ctx := context.Background()
	made, err := b.as("bob").CreateGroup(ctx, groupkit.NewGroup{
		Name: "Rangers", AllowInvites: true, InviteNeedConfirm: new(false), Members: []groupkit.UserID{"alice", "carol"},
	})
	Must(err)
	p.rangers = made.ID
	Must(ErrorOf(b.as("bob").UpdateGroup(ctx, made.ID, groupkit.GroupUpdate{InviteNeedConfirm: new(true)})))
	Must(ErrorOf(b.as("carol").Invite(ctx, made.ID, "zoe")))
	Must(ErrorOf(b.system().CreateGroup(ctx, groupkit.NewGroup{
		ID: OpenGroup, Name: "Open", Public: true, Owner: "zoe", Members: []groupkit.UserID{"alice"},
	})))
	Must(ErrorOf(b.system().CreateGroup(ctx, groupkit.NewGroup{
		ID: Ended, Name: "Ended", Custom: "x", Owner: "carol", Members: []groupkit.UserID{"bob"},
	})))
	Must(ErrorOf(b.as("carol").UploadFile(ctx, Ended, "gone.txt", strings.NewReader("gone"))))
	Must(b.as("carol").DeleteGroup(ctx, Ended))
	b.Clock.Advance(time.Second)
}

// A PanicT is a require.TestingT outside any test: it panics.
type PanicT struct{}

func (PanicT) Errorf(format string, args ...any) { panic(format) }

func (PanicT) FailNow() { panic("failed") }

// Must panics if there is an error.
func Must(errs ...error) {
	if err := errors.Join(errs...); err != nil {
		panic(err)
	}
}
