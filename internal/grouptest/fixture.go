package grouptest

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/store"
)

// A Fixture is a group in which every verb that changes a group can succeed: bob and
// ben are admins, carol to erin members, dave is muted, erin on the allow list, frank
// has asked to join, grace is invited, mallory is blocked, and ivan is a stranger.
type Fixture struct {
	Engine *groupkit.Engine
	Clock  *Clock
	ID     groupkit.GroupID
	File   groupkit.FileID // a file of carol
}

// Group returns the group, as the system sees it.
func (s *Fixture) Group(t require.TestingT) groupkit.Group {
	g, err := s.Engine.System().Group(context.Background(), s.ID)
	require.NoError(t, err)
	return g
}

// State returns everything about the group, and its log.
func (s *Fixture) State(t require.TestingT) (groupkit.Snapshot, []groupkit.Event) {
	ctx, system := context.Background(), s.Engine.System()
	log, err := Collect(system.Events(ctx, s.ID, 0))
	require.NoError(t, err)
	snapshot, err := system.Snapshot(ctx, s.ID)
	if errors.Is(err, groupkit.ErrGroupNotFound) {
		return groupkit.Snapshot{}, log
	}
	require.NoError(t, err)
	return snapshot, log
}

// NewFixture opens an engine in memory and creates the group of the Fixture.
func NewFixture(t testing.TB, opts groupkit.Options) *Fixture {
	t.Helper()
	eng, c := Setup(t, opts)
	return NewFixtureOn(t, eng, c)
}

// NewFixtureOver opens an engine over a store and creates the group of the Fixture.
func NewFixtureOver(t testing.TB, st store.Store, blobs store.Blobs, opts groupkit.Options) *Fixture {
	t.Helper()
	c := NewClock()
	opts.Clock = c.Now
	opts.CacheBytes = smallCache(opts.CacheBytes)
	opts.MaxSkew = oneClock(opts.MaxSkew)
	eng, err := groupkit.New(st, blobs, &opts)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, eng.Close()) })
	return NewFixtureOn(t, eng, c)
}

// NewFixtureOn creates the group of the Fixture on an engine.
func NewFixtureOn(t require.TestingT, eng *groupkit.Engine, c *Clock) *Fixture {
	ctx, system := context.Background(), eng.System()
	g, err := system.CreateGroup(ctx, groupkit.NewGroup{
		ID: "guild", Name: "night watch", Owner: "alice", Public: true, MembersOnly: true,
		Members: []groupkit.UserID{"bob", "ben", "carol", "dave", "erin", "mallory"},
	})
	require.NoError(t, err)
	s := &Fixture{Engine: eng, Clock: c, ID: g.ID}
	f, err := eng.As("carol").UploadFile(ctx, s.ID, "map.txt", strings.NewReader("here be dragons"))
	require.NoError(t, err)
	s.File = f.ID
	require.NoError(t, errors.Join(
		system.AddAdmin(ctx, s.ID, "bob"),
		system.AddAdmin(ctx, s.ID, "ben"),
		ErrorOf(system.Because("loud").Mute(ctx, s.ID, time.Hour, "dave")),
		system.Allow(ctx, s.ID, "erin"),
		ErrorOf(eng.As("frank").Join(ctx, s.ID)),
		ErrorOf(eng.As("alice").Invite(ctx, s.ID, "grace")),
		ErrorOf(system.Because("spam").Block(ctx, s.ID, groupkit.Forever, "mallory")),
	))
	return s
}
