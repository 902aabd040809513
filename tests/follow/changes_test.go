package follow_test

import (
	"context"
	"errors"
	"maps"
	"strings"
	"sync"
	"time"

	"groupkit"
	"groupkit/internal/grouptest"
)

func mapsClone[K comparable, V any](m map[K]V) map[K]V { return maps.Clone(m) }

// A change is a call of somebody in a group.
type change func(ctx context.Context, w *world, a groupkit.Actor, id groupkit.GroupID) error

var changes = []change{
	func(ctx context.Context, w *world, a groupkit.Actor, id groupkit.GroupID) error {
		return grouptest.ErrorOf(a.UpdateGroup(ctx, id, groupkit.GroupUpdate{Name: new(w.name()), MembersOnly: new(w.n(2) == 0), Custom: new(w.name())}))
	},
	func(ctx context.Context, w *world, a groupkit.Actor, id groupkit.GroupID) error {
		return a.TransferGroup(ctx, id, w.user())
	},
	func(ctx context.Context, w *world, a groupkit.Actor, id groupkit.GroupID) error {
		return a.AddAdmin(ctx, id, w.user())
	},
	func(ctx context.Context, w *world, a groupkit.Actor, id groupkit.GroupID) error {
		return a.RemoveAdmin(ctx, id, w.user())
	},
	func(ctx context.Context, w *world, a groupkit.Actor, id groupkit.GroupID) error {
		return grouptest.ErrorOf(w.system().AddMembers(ctx, id, w.some()))
	},
	func(ctx context.Context, w *world, a groupkit.Actor, id groupkit.GroupID) error {
		return grouptest.ErrorOf(a.RemoveMembers(ctx, id, w.some()))
	},
	func(ctx context.Context, w *world, a groupkit.Actor, id groupkit.GroupID) error {
		return grouptest.ErrorOf(w.any().As(w.user()).Because(w.name()).Join(ctx, id))
	},
	func(ctx context.Context, w *world, a groupkit.Actor, id groupkit.GroupID) error {
		return a.Leave(ctx, id)
	},
	func(ctx context.Context, w *world, a groupkit.Actor, id groupkit.GroupID) error {
		return grouptest.ErrorOf(a.ApproveRequests(ctx, id, users))
	},
	func(ctx context.Context, w *world, a groupkit.Actor, id groupkit.GroupID) error {
		return a.DeclineRequest(ctx, id, w.user())
	},
	func(ctx context.Context, w *world, a groupkit.Actor, id groupkit.GroupID) error {
		return grouptest.ErrorOf(a.InviteUsers(ctx, id, w.some()))
	},
	func(ctx context.Context, w *world, a groupkit.Actor, id groupkit.GroupID) error {
		return w.any().As(w.user()).AcceptInvitation(ctx, id)
	},
	func(ctx context.Context, w *world, a groupkit.Actor, id groupkit.GroupID) error {
		return a.CancelInvitation(ctx, id, w.user())
	},
	func(ctx context.Context, w *world, a groupkit.Actor, id groupkit.GroupID) error {
		return grouptest.ErrorOf(a.BlockUsers(ctx, id, time.Hour, w.some()))
	},
	func(ctx context.Context, w *world, a groupkit.Actor, id groupkit.GroupID) error {
		return grouptest.ErrorOf(a.UnblockUsers(ctx, id, users))
	},
	func(ctx context.Context, w *world, a groupkit.Actor, id groupkit.GroupID) error {
		return grouptest.ErrorOf(a.MuteUsers(ctx, id, time.Hour, w.some()))
	},
	func(ctx context.Context, w *world, a groupkit.Actor, id groupkit.GroupID) error {
		return grouptest.ErrorOf(a.UnmuteUsers(ctx, id, w.some()))
	},
	func(ctx context.Context, w *world, a groupkit.Actor, id groupkit.GroupID) error {
		if w.n(2) == 0 {
			return a.MuteGroup(ctx, id)
		}
		return a.UnmuteGroup(ctx, id)
	},
	func(ctx context.Context, w *world, a groupkit.Actor, id groupkit.GroupID) error {
		return grouptest.ErrorOf(a.AllowUsers(ctx, id, w.some()))
	},
	func(ctx context.Context, w *world, a groupkit.Actor, id groupkit.GroupID) error {
		return a.Disallow(ctx, id, w.user())
	},
	func(ctx context.Context, w *world, a groupkit.Actor, id groupkit.GroupID) error {
		return a.SetAnnouncement(ctx, id, w.name())
	},
	func(ctx context.Context, w *world, a groupkit.Actor, id groupkit.GroupID) error {
		return grouptest.ErrorOf(a.UploadFile(ctx, id, "file.txt", strings.NewReader(w.name())))
	},
	func(ctx context.Context, w *world, a groupkit.Actor, id groupkit.GroupID) error {
		for f, err := range w.system().Files(ctx, id) {
			if err != nil {
				return err
			}
			return a.DeleteFile(ctx, id, f.ID)
		}
		return nil
	},
}

// change makes one change.
func (w *world) change() {
	ctx := context.Background()
	id, ok := w.live()
	if !ok || len(w.order) < 2 || w.n(60) == 0 {
		w.create()
		return
	}
	switch n := w.n(200); {
	case n == 0:
		w.done(w.system().DeleteGroup(ctx, id))
	case n < 4:
		w.forget(w.user())
		return
	case n < 10:
		w.clock.Advance(time.Duration(w.n(150)-60) * time.Minute) // it can be set back
		w.done(grouptest.ErrorOf(w.any().Sweep(ctx)))
		w.refreshAll()
		return
	default:
		a := w.any().As(w.actor(id))
		w.done(pick(w, changes)(ctx, w, a.Because(w.name()), id))
	}
	w.refresh(id)
}

// hold runs fn while a transaction is open that has changed some groups. Then the transaction changes them once
// more, and commits.
func (w *world) hold(fn func()) {
	ctx, eng := context.Background(), w.any()
	var ids []groupkit.GroupID
	for range 1 + w.n(2) {
		if id, ok := w.live(); ok {
			ids = append(ids, id)
		}
	}
	text, user := w.name(), w.user()
	opened, release, done := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	var once sync.Once
	go func() {
		defer once.Do(func() { close(opened) })
		done <- eng.Atomic(ctx, func(tx *groupkit.Tx) error { // it can run again
			for _, id := range ids {
				if err := tx.System().SetAnnouncement(ctx, id, text); err != nil {
					return err
				}
			}
			once.Do(func() { close(opened) })
			<-release
			for _, id := range ids {
				if err := tx.System().AddMember(ctx, id, user); err != nil && !errors.Is(err, groupkit.ErrAlreadyMember) && !errors.Is(err, groupkit.ErrBlacklisted) {
					return err
				}
			}
			return nil
		})
	}()
	<-opened
	func() {
		defer close(release) // also if fn fails
		fn()
	}()
	w.done(<-done)
	w.refreshAll()
}

// actor is the owner, mostly, or anybody.
func (w *world) actor(id groupkit.GroupID) groupkit.UserID {
	if w.n(3) == 0 {
		return w.user()
	}
	r := w.groups[id]
	return r.states[r.version].Group.Owner
}

func (w *world) create() {
	g, err := w.any().As(w.user()).CreateGroup(context.Background(), groupkit.NewGroup{
		Name: w.name(), Public: w.n(2) == 0, MembersOnly: w.n(2) == 0, AllowInvites: true, InviteNeedConfirm: new(w.n(2) == 0), Members: w.some(),
	})
	w.done(err)
	if err == nil {
		w.refresh(g.ID)
	}
}
