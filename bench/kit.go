package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"groupkit"
	"groupkit/store/boltstore"
	"groupkit/store/memblob"
)

// A rival serves an application. Users and groups are numbers here, so that no rival pays for
// the form of the IDs of another.
type rival interface {
	speaker
	join(group, user int) error                // durably, with an event
	page(group int) ([]groupkit.Member, error) // the first hundred members
	joined(user int) ([]groupkit.Group, error) // up to five hundred groups of a user
	close() error
}

// A speaker checks whether a user can speak.
type speaker interface {
	maySpeak(group, user int) (bool, error)
}

// A kit is groupkit.
type kit struct {
	app *app
	eng *groupkit.Engine
}

// kitOptions raise the limits that an application would run into.
func kitOptions() *groupkit.Options {
	return &groupkit.Options{Limits: groupkit.Limits{MaxUsers: roomy, Batch: 1000}}
}

func openKit(a *app, path string, durability boltstore.Durability, opts *groupkit.Options) (*kit, error) {
	s, err := boltstore.Open(path, &boltstore.Options{Durability: durability})
	if err != nil {
		return nil, err
	}
	eng, err := groupkit.New(s, memblob.New(), opts)
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return &kit{a, eng}, nil
}

func (k *kit) maySpeak(group, user int) (bool, error) {
	return k.eng.As(k.app.user(user)).MaySpeak(context.Background(), k.app.group(group)) == nil, nil
}

func (k *kit) join(group, user int) error {
	_, err := k.eng.As(k.app.user(user)).Join(context.Background(), k.app.group(group))
	return err
}

func (k *kit) page(group int) ([]groupkit.Member, error) {
	return k.eng.System().MembersPage(context.Background(), k.app.group(group), groupkit.Page{Size: groupSize})
}

// joined leaves out the role in each group, which the others do not read.
func (k *kit) joined(user int) ([]groupkit.Group, error) {
	page, err := k.eng.As(k.app.user(user)).JoinedGroupsPage(context.Background(), k.app.user(user), groupkit.Page{Size: travels})
	groups := make([]groupkit.Group, len(page))
	for i := range page {
		groups[i] = page[i].Group
	}
	return groups, err
}

func (k *kit) close() error { return k.eng.Close() }

// seedGroups is how many groups come into being in one transaction.
const seedGroups = 100

// seed brings the application's groups into being, many in one transaction.
func (k *kit) seed() error {
	for from := 0; from < len(k.app.ids); from += seedGroups {
		err := k.eng.Atomic(context.Background(), func(tx *groupkit.Tx) error {
			for group := from; group < min(from+seedGroups, len(k.app.ids)); group++ {
				if err := k.create(tx.System(), group); err != nil {
					return fmt.Errorf("group %d: %w", group, err)
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// create makes a group with its members.
func (k *kit) create(system groupkit.Actor, group int) error {
	ctx, a := context.Background(), k.app
	g := groupkit.NewGroup{
		ID: a.group(group), Name: a.name(group), Description: a.description(group), Avatar: a.avatar(group),
		Public: true, MaxUsers: roomy, Owner: a.user(a.member(group, 0)),
	}
	for j := 1; j < a.size(group); j++ {
		g.Members = append(g.Members, a.user(a.member(group, j)))
	}
	_, err := system.CreateGroup(ctx, g)
	return err
}

// silence mutes whom the application wants silent.
func (k *kit) silence() error {
	ctx, a := context.Background(), k.app
	for from := 0; from < a.full(); from += seedGroups {
		err := k.eng.Atomic(ctx, func(tx *groupkit.Tx) error {
			for group := from; group < min(from+seedGroups, a.full()); group++ {
				if _, err := tx.System().Mute(ctx, a.group(group), groupkit.Forever, a.user(a.member(group, mutedPlace))); err != nil {
					return err
				}
				if !a.quiet(group) {
					continue
				}
				if err := tx.System().MuteGroup(ctx, a.group(group)); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// fill makes the first users, after the owner, members of a group, which has no other.
func (k *kit) fill(group, users int) error {
	const batch = 1000
	for from := 0; from < users; from += batch {
		var names []groupkit.UserID
		for i := from; i < min(from+batch, users); i++ {
			names = append(names, k.app.user(k.app.newcomer(group, i)))
		}
		if _, err := k.eng.System().AddMembers(context.Background(), k.app.group(group), names); err != nil {
			return err
		}
	}
	return nil
}

// forGood is when a mute without an end ends.
var forGood = time.UnixMilli(4638873600000)
