package main

import (
	"context"
	"fmt"
	"time"

	"groupkit"
	"groupkit/store/memblob"
	"groupkit/store/memstore"
)

// A group is the group that the page shows, with something going on in it.
type group struct {
	engine   *groupkit.Engine
	sessions *sessions
}

const (
	id    groupkit.GroupID = "night-watch"
	owner groupkit.UserID  = "alice"
	guest groupkit.UserID  = "carol"
)

// found makes the group. It is in memory and ends with the program.
func found(ctx context.Context) (*group, error) {
	eng, err := groupkit.New(memstore.New(), memblob.New(), nil)
	if err != nil {
		return nil, err
	}
	_, err = eng.System().CreateGroup(ctx, groupkit.NewGroup{
		ID: id, Name: "Night Watch", Owner: owner, Members: []groupkit.UserID{"bob"}, Public: true,
	})
	return &group{engine: eng, sessions: &sessions{user: make(map[string]groupkit.UserID)}}, err
}

// change makes a change after each period, until ctx ends.
func (g *group) change(ctx context.Context, every time.Duration) error {
	changes := []func() error{
		func() error { _, err := g.engine.As(guest).Join(ctx, id); return err },
		func() error { return g.announce(ctx, "Welcome, carol.") },
		func() error { return g.engine.As(owner).AddAdmin(ctx, id, guest) },
		func() error { return g.engine.As(guest).MuteGroup(ctx, id) },
		func() error { return g.engine.As(guest).UnmuteGroup(ctx, id) },
		func() error { return g.engine.As(owner).RemoveAdmin(ctx, id, guest) },
		func() error { return g.engine.As(guest).Leave(ctx, id) },
		func() error { return g.announce(ctx, fmt.Sprintf("It is %s.", time.Now().Format(time.TimeOnly))) },
	}
	next := time.NewTicker(every)
	defer next.Stop()
	for i := 0; ; i = (i + 1) % len(changes) {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-next.C:
		}
		if err := changes[i](); err != nil {
			return err
		}
	}
}

func (g *group) announce(ctx context.Context, text string) error {
	return g.engine.As(owner).SetAnnouncement(ctx, id, text)
}
