package groupkit_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
	"groupkit/internal/record"
	"groupkit/internal/sharedmem"
	"groupkit/store/memblob"
)

// Who has forgotten all groups and goes on from there hears again that everything begins anew.
func TestActor_FollowAll_BeginsAnewAgain(t *testing.T) {
	t.Parallel()
	s := grouptest.NewFixture(t, groupkit.Options{Retention: groupkit.Retention{MaxEvents: 1}})
	require.NoError(t, grouptest.ErrorOf(s.Engine.Sweep(t.Context())))
	at := groupkit.Position{History: s.Engine.History(), Version: 1}
	for range 2 {
		f, err := s.Engine.System().FollowAll(t.Context(), at)
		require.NoError(t, err)
		require.Equal(t, groupkit.Event{Kind: groupkit.Checkpoint}, next(t, f))
		at = f.Position()
		require.NotEqual(t, s.Engine.History(), at.History, "the log must not lead from here to the present")
		require.Equal(t, s.ID, next(t, f).Group)
		require.Equal(t, s.Engine.History(), f.Position().History)
		f.Close()
	}
}

// What retention has removed is missed, also if the highest number that it has removed is beyond what can be
// read, because a transaction is open. An event after a gap is not given.
func TestActor_FollowAll_RemovedBeyond(t *testing.T) {
	t.Parallel()
	here, there := newPair(t, sharedmem.Options{}, groupkit.Options{Retention: groupkit.Retention{MaxEvents: 1}})
	ctx, system := t.Context(), there.Engine.System()
	other := grouptest.CreateGroup(t, there.Engine, groupkit.NewGroup{Owner: "alice"})
	f := followAll(t, there.Engine)
	announce(t, there, "before")
	next(t, f)
	at := f.Position()
	announce(t, there, "removed")
	announce(t, there, "kept")
	opened, release, done := make(chan struct{}), make(chan struct{}), make(chan error)
	go func() {
		done <- there.Engine.Atomic(ctx, func(*groupkit.Tx) error {
			close(opened)
			<-release
			return nil
		})
	}()
	<-opened
	defer func() {
		close(release)
		require.NoError(t, <-done)
	}()
	require.NoError(t, system.SetAnnouncement(ctx, other, "removed"))
	require.NoError(t, system.SetAnnouncement(ctx, other, "kept"))
	require.NoError(t, grouptest.ErrorOf(there.Engine.Sweep(ctx)))
	late, err := here.System().FollowAll(ctx, at)
	require.NoError(t, err)
	require.Equal(t, groupkit.Event{Kind: groupkit.Checkpoint}, next(t, late))
	late.Close()
}

// While what retention has removed is not settled, an open transaction can still commit before it. Who follows hears of
// that, too.
func TestFollower_RemovedUnsettled(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		here, there := newPair(t, sharedmem.Options{}, groupkit.Options{Retention: groupkit.Retention{MaxEvents: 1}})
		ctx, system := t.Context(), there.Engine.System()
		other := grouptest.CreateGroup(t, there.Engine, groupkit.NewGroup{Owner: "alice"})
		third := grouptest.CreateGroup(t, there.Engine, groupkit.NewGroup{Owner: "alice"}) // Sweep does not change it
		live := followAll(t, here)
		heard := make(chan error, 1)
		go func() {
			wait, cancel := context.WithTimeout(ctx, time.Hour)
			defer cancel()
			for e, err := range live.All(wait) {
				c, changed := e.Checkpoint, len(e.Changes) > 0 && e.Changes[0].After == "held"
				if err != nil || changed || c != nil && c.Announcement.Text == "held" {
					heard <- err
					return
				}
			}
		}()
		opened, release, done := make(chan struct{}), make(chan struct{}), make(chan error)
		go func() {
			done <- there.Engine.Atomic(ctx, func(tx *groupkit.Tx) error {
				err := tx.System().SetAnnouncement(ctx, third, "held")
				close(opened)
				<-release
				return err
			})
		}()
		<-opened
		require.NoError(t, system.SetAnnouncement(ctx, other, "removed"))
		require.NoError(t, system.SetAnnouncement(ctx, other, "kept"))
		require.NoError(t, grouptest.ErrorOf(there.Engine.Sweep(ctx)))
		time.Sleep(time.Minute) // the feed looks
		close(release)
		require.NoError(t, <-done)
		require.NoError(t, <-heard)
	})
}

// The feed goes on behind what retention has removed, also if that lies beyond the page that it reads.
func TestFollower_RemovedBeyondThePage(t *testing.T) {
	t.Parallel()
	const kept = 300 // more than one page
	synctest.Test(t, func(t *testing.T) {
		here, there := newPair(t, sharedmem.Options{}, groupkit.Options{Retention: groupkit.Retention{MaxEvents: kept}})
		ctx, system := t.Context(), there.Engine.System()
		other := grouptest.CreateGroup(t, there.Engine, groupkit.NewGroup{Owner: "alice"})
		live := followAll(t, here)
		for i := range kept {
			announce(t, there, fmt.Sprint("kept ", i))
		}
		for i := range kept + 2 {
			require.NoError(t, system.SetAnnouncement(ctx, other, fmt.Sprint("some are removed ", i)))
		}
		heard := func() func(groupkit.Event) bool {
			now, err := system.Group(ctx, other)
			require.NoError(t, err)
			return func(e groupkit.Event) bool { return e.Group == other && e.Version >= now.Version }
		}
		all := heard()
		require.NoError(t, grouptest.ErrorOf(there.Engine.Sweep(ctx)))
		for e := next(t, live); e.Group != "" && !all(e); { // it may have heard some before they were removed, or all
			e = next(t, live)
		}
		require.NoError(t, system.SetAnnouncement(ctx, other, "last"))
		for last, e := heard(), next(t, live); !last(e); {
			e = next(t, live)
		}
	})
}

// Beside foreign contents the first process begins a new history, and the others share it.
func TestEngine_History_SharedBesideForeignContents(t *testing.T) {
	t.Parallel()
	data, blobs := sharedmem.New(sharedmem.Options{Numbers: true}), memblob.New()
	open := func() *groupkit.Engine {
		eng, err := groupkit.New(data.Open(), keptBlobs{blobs}, nil)
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, eng.Close()) })
		return eng
	}
	put := func(m record.ContentsMark) {
		require.NoError(t, blobs.Delete(t.Context(), grouptest.ContentsMark))
		require.NoError(t, blobs.Put(t.Context(), grouptest.ContentsMark, strings.NewReader(string(m.Encode()))))
	}
	before := open().History()
	put(record.ContentsMark{Database: "another", Opening: 1})
	first := open()
	require.NotEqual(t, before, first.History())
	require.Equal(t, first.History(), open().History())
	put(record.ContentsMark{Database: "another", Opening: 2})
	require.NotEqual(t, first.History(), open().History())
}
