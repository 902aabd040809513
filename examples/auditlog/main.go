// Auditlog is a viewer of a group's audit log. It prints the events so far as sentences.
// Then it prints new events as they happen, until the group is deleted. The changes are
// made by the same program.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"strings"
	"sync"
	"time"

	"groupkit"
	"groupkit/store/memblob"
	"groupkit/store/memstore"
)

func main() {
	log.SetFlags(0)
	if err := show(context.Background(), os.Stdout); err != nil {
		log.Fatal(err)
	}
}

// show makes the first changes, starts the viewer, and makes the other changes while the
// viewer prints.
func show(ctx context.Context, out io.Writer) (err error) {
	s := &story{now: time.Date(2026, 5, 1, 20, 0, 0, 0, time.UTC)}
	s.eng, err = groupkit.New(memstore.New(), memblob.New(), &groupkit.Options{Clock: s.clock})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.eng.Close()) }()
	if err := s.evening(ctx); err != nil {
		return err
	}
	v := &viewer{actor: s.eng.As("alice"), group: s.guild, out: out}
	night := make(chan error, 1)
	if err := v.follow(ctx, func() { go func() { night <- s.night(ctx) }() }); err != nil {
		return err
	}
	return <-night
}

// A viewer prints the log of a group to out. The actor must be allowed to read the log.
type viewer struct {
	actor groupkit.Actor
	group groupkit.GroupID
	out   io.Writer
}

// follow prints the events from the beginning on, and new ones until the group is deleted. It
// calls live when it has printed what there was.
func (v *viewer) follow(ctx context.Context, live func()) error {
	g, err := v.actor.Group(ctx, v.group)
	if err != nil {
		return err
	}
	follower, err := v.actor.Follow(ctx, v.group, groupkit.Position{})
	if err != nil {
		return err
	}
	defer follower.Close()
	fmt.Fprintln(v.out, "SO FAR")
	for e, err := range follower.All(ctx) {
		if errors.Is(err, groupkit.ErrGroupNotFound) {
			fmt.Fprintln(v.out, "\nThe group is gone, and there is no more to see.")
			return nil
		}
		if err != nil {
			return err
		}
		v.print(&e)
		if e.Version == g.Version {
			fmt.Fprintln(v.out, "\nLIVE")
			live()
		}
	}
	return nil
}

func (v *viewer) print(e *groupkit.Event) {
	line := fmt.Sprintf("%3d  %s  %s", e.Version, e.At.Format("15:04"), sentence(e))
	if e.Reason != "" {
		line += fmt.Sprintf(", because: %s", e.Reason)
	}
	fmt.Fprintln(v.out, line)
}

// sentence returns a sentence that describes the event.
func sentence(e *groupkit.Event) string {
	actor, users := name(e.Actor), names(e.Users)
	switch e.Kind {
	case groupkit.GroupCreated:
		return fmt.Sprintf("%s founds the group: %s", actor, changes(e.Changes))
	case groupkit.GroupUpdated, groupkit.AnnouncementChanged:
		return fmt.Sprintf("%s changes %s", actor, changes(e.Changes))
	case groupkit.OwnerChanged:
		return fmt.Sprintf("%s is the owner now, in the place of %s", e.Users[0], e.Users[1])
	case groupkit.MemberJoined:
		return fmt.Sprintf("%s in (%v), by %s", users, e.Cause, actor)
	case groupkit.MemberLeft:
		return fmt.Sprintf("%s out (%v), by %s", users, e.Cause, actor)
	case groupkit.MemberMuted, groupkit.MemberBlocked:
		return fmt.Sprintf("%s %v by %s %s", users, e.Kind, actor, until(e.Until))
	case groupkit.FileAdded, groupkit.FileDeleted:
		return fmt.Sprintf("%v: %s (%d bytes), by %s", e.Kind, e.File.Name, e.File.Size, actor)
	case groupkit.MuteExpired, groupkit.BlockExpired, groupkit.RequestExpired, groupkit.InvitationExpired:
		return fmt.Sprintf("%v: %s", e.Kind, users)
	case groupkit.Checkpoint:
		return fmt.Sprintf("the log goes on from version %d, with %d members", e.Version, e.Checkpoint.Group.MemberCount)
	case groupkit.GroupDeleted, groupkit.GroupMuted, groupkit.GroupUnmuted:
		return fmt.Sprintf("%v by %s", e.Kind, actor)
	}
	return fmt.Sprintf("%v: %s, by %s", e.Kind, users, actor)
}

func name(u groupkit.UserID) string {
	if u == "" {
		return "the system"
	}
	return string(u)
}

func names(users []groupkit.UserID) string {
	texts := make([]string, len(users))
	for i, u := range users {
		texts[i] = name(u)
	}
	return strings.Join(texts, " and ")
}

func changes(list []groupkit.Change) string {
	var texts []string
	for _, c := range list {
		if c.Before == "" {
			texts = append(texts, fmt.Sprintf("%s %q", c.Field, c.After))
		} else {
			texts = append(texts, fmt.Sprintf("%s %q to %q", c.Field, c.Before, c.After))
		}
	}
	return strings.Join(texts, ", ")
}

func until(t time.Time) string {
	if t.IsZero() {
		return "for good"
	}
	return "until " + t.Format("15:04")
}

// A story makes the changes that the viewer prints. Its clock advances by a minute for
// each scene.
type story struct {
	eng   *groupkit.Engine
	guild groupkit.GroupID

	mu  sync.Mutex
	now time.Time
}

func (s *story) clock() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

// play runs scenes, one minute apart.
func (s *story) play(scenes ...func() error) error {
	for _, scene := range scenes {
		s.mu.Lock()
		s.now = s.now.Add(time.Minute)
		s.mu.Unlock()
		if err := scene(); err != nil {
			return err
		}
	}
	return nil
}

// evening makes the changes before the viewer starts.
func (s *story) evening(ctx context.Context) error {
	g, err := s.eng.As("alice").CreateGroup(ctx, groupkit.NewGroup{Name: "Night Watch", Public: true})
	if err != nil {
		return err
	}
	s.guild = g.ID
	return s.play(
		func() error {
			_, err := s.eng.System().Because("the first patrol").AddMembers(ctx, s.guild, []groupkit.UserID{"bob", "carol"})
			return err
		},
		func() error { return s.eng.As("alice").AddAdmin(ctx, s.guild, "bob") },
		func() error { return s.eng.As("bob").SetAnnouncement(ctx, s.guild, "The gate is shut at midnight.") },
	)
}

// night makes the changes while the viewer prints.
func (s *story) night(ctx context.Context) error {
	bob := s.eng.As("bob")
	return s.play(
		func() error { _, err := s.eng.As("mallory").Join(ctx, s.guild); return err },
		func() error {
			_, err := bob.Because("shouting").Mute(ctx, s.guild, 3*time.Minute, "mallory")
			return err
		},
		func() error {
			_, err := s.eng.As("carol").UploadFile(ctx, s.guild, "map.txt", strings.NewReader("here be dragons"))
			return err
		},
		func() error { return bob.MuteGroup(ctx, s.guild) },
		func() error { return bob.UnmuteGroup(ctx, s.guild) },
		func() error { _, err := s.eng.Sweep(ctx); return err },
		func() error {
			_, err := bob.Because("picked pockets").Block(ctx, s.guild, groupkit.Forever, "mallory")
			return err
		},
		func() error { return s.eng.As("alice").Because("the plague").DeleteGroup(ctx, s.guild) },
	)
}
