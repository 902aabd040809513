// Guild shows how users become members. They ask to join and are approved or declined.
// They are invited and accept, decline, or answer too late. The program runs through
// three days in a few milliseconds, because it sets the clock of the engine.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"time"

	"groupkit"
	"groupkit/store/memblob"
	"groupkit/store/memstore"
)

func main() {
	log.SetFlags(0)
	if err := tell(context.Background(), os.Stdout); err != nil {
		log.Fatal(err)
	}
}

// A tale is an engine in memory with its clock and the output.
type tale struct {
	eng *groupkit.Engine
	now time.Time
	out io.Writer
}

func tell(ctx context.Context, out io.Writer) (err error) {
	t := &tale{now: time.Date(2026, 5, 1, 9, 0, 0, 0, time.UTC), out: out}
	t.eng, err = groupkit.New(memstore.New(), memblob.New(), &groupkit.Options{
		Clock:         func() time.Time { return t.now },
		RequestTTL:    48 * time.Hour,
		InvitationTTL: 24 * time.Hour,
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, t.eng.Close()) }()
	for _, scene := range []func(context.Context) error{t.requests, t.invitations, t.expiry} {
		if err := scene(ctx); err != nil {
			return err
		}
	}
	return nil
}

// requests shows join requests to a public group with MembersOnly.
func (t *tale) requests(ctx context.Context) error {
	t.say("THE DOOR")
	guild, err := t.eng.As("alice").CreateGroup(ctx, groupkit.NewGroup{Name: "Night Watch", Public: true, MembersOnly: true})
	if err != nil {
		return err
	}
	t.say("alice founds %q. Everyone can see it, and she decides who joins.", guild.Name)

	for _, a := range []struct {
		user   groupkit.UserID
		reason string
	}{{"bob", "I can hold a torch"}, {"carol", "I was in the Day Watch"}, {"mallory", "what have you got to steal?"}} {
		outcome, err := t.eng.As(a.user).Because(a.reason).Join(ctx, guild.ID)
		if err != nil {
			return err
		}
		t.say("%s asks to join: %v.", a.user, outcome)
	}
	if err := t.readRequests(ctx, guild.ID); err != nil {
		return err
	}
	alice := t.eng.As("alice")
	if err := alice.Because("welcome").ApproveRequest(ctx, guild.ID, "bob"); err != nil {
		return err
	}
	if err := alice.Because("no thieves").DeclineRequest(ctx, guild.ID, "mallory"); err != nil {
		return err
	}
	outcome, err := alice.Invite(ctx, guild.ID, "carol")
	if err != nil {
		return err
	}
	t.say("alice approves bob, declines mallory, and invites carol, who had asked: she has %v at once.", outcome)
	return t.members(ctx, guild.ID)
}

func (t *tale) readRequests(ctx context.Context, guild groupkit.GroupID) error {
	for r, err := range t.eng.As("alice").Requests(ctx, guild) {
		if err != nil {
			return err
		}
		t.say("  alice reads: %s says %q.", r.User, r.Reason)
	}
	return nil
}

// invitations shows invitations to a private group, which only members and invited users
// can see.
func (t *tale) invitations(ctx context.Context) error {
	t.say("\nTHE CELLAR")
	cabal, err := t.eng.As("alice").CreateGroup(ctx, groupkit.NewGroup{Name: "Cabal", Description: "We meet below.", AllowInvites: true})
	if err != nil {
		return err
	}
	_, err = t.eng.As("bob").Join(ctx, cabal.ID)
	t.say("bob has heard of a secret guild and tries to join: %v.", cause(err))

	outcome, err := t.eng.As("alice").Because("we need a torch").Invite(ctx, cabal.ID, "bob")
	if err != nil {
		return err
	}
	t.say("alice invites bob: %v.", outcome)
	for i, err := range t.eng.As("bob").PendingInvitations(ctx, "bob") {
		if err != nil {
			return err
		}
		seen, err := t.eng.As("bob").Group(ctx, i.Group)
		if err != nil {
			return err
		}
		t.say("  bob reads: %s invites me into %q (%s), because %s; I have until %s.",
			i.By, seen.Name, seen.Description, i.Reason, i.Expires.Format("Monday 15:04"))
	}
	if err := t.eng.As("bob").AcceptInvitation(ctx, cabal.ID); err != nil {
		return err
	}
	t.say("bob accepts.")
	return t.memberInvites(ctx, cabal.ID)
}

func (t *tale) memberInvites(ctx context.Context, cabal groupkit.GroupID) error {
	outcome, err := t.eng.As("bob").Invite(ctx, cabal, "carol")
	if err != nil {
		return err
	}
	t.say("bob, a plain member, invites carol, as members may here: %v.", outcome)
	if err := t.eng.As("carol").Because("I fear the dark").DeclineInvitation(ctx, cabal); err != nil {
		return err
	}
	t.say("carol declines.")

	if _, err := t.eng.As("alice").UpdateGroup(ctx, cabal, groupkit.GroupUpdate{InviteNeedConfirm: new(false)}); err != nil {
		return err
	}
	outcome, err = t.eng.As("bob").Invite(ctx, cabal, "dave")
	if err != nil {
		return err
	}
	t.say("alice drops the need to confirm, and bob invites dave: %v.", outcome)
	return t.members(ctx, cabal)
}

// expiry shows requests and invitations that expire.
func (t *tale) expiry(ctx context.Context) error {
	t.say("\nTHE CLOCK")
	guild, err := t.eng.As("alice").CreateGroup(ctx, groupkit.NewGroup{Name: "Dawn Watch", Public: true, MembersOnly: true})
	if err != nil {
		return err
	}
	if _, err := t.eng.As("alice").Invite(ctx, guild.ID, "erin"); err != nil {
		return err
	}
	if _, err := t.eng.As("frank").Join(ctx, guild.ID); err != nil {
		return err
	}
	t.say("%s: erin is invited into %q for a day, frank asks to join and waits two.", t.now.Format("Monday 15:04"), guild.Name)

	t.now = t.now.Add(24 * time.Hour)
	err = t.eng.As("erin").AcceptInvitation(ctx, guild.ID)
	t.say("%s: erin accepts, too late: %v.", t.now.Format("Monday 15:04"), cause(err))
	t.now = t.now.Add(24 * time.Hour)
	err = t.eng.As("alice").ApproveRequest(ctx, guild.ID, "frank")
	t.say("%s: alice approves frank, too late: %v.", t.now.Format("Monday 15:04"), cause(err))

	cleared, err := t.eng.Sweep(ctx)
	if err != nil {
		return err
	}
	t.say("Sweep clears away %d things that have expired. The log of %q:", cleared, guild.Name)
	for e, err := range t.eng.As("alice").Events(ctx, guild.ID, 1) {
		if err != nil {
			return err
		}
		t.say("  %d %s  %v %v", e.Version, e.At.Format("Monday 15:04"), e.Kind, e.Users)
	}
	return nil
}

func (t *tale) members(ctx context.Context, group groupkit.GroupID) error {
	for m, err := range t.eng.As("alice").Members(ctx, group) {
		if err != nil {
			return err
		}
		t.say("  %-6s %v", m.User, m.Role)
	}
	return nil
}

func (t *tale) say(format string, args ...any) { fmt.Fprintf(t.out, format+"\n", args...) }

// cause returns the cause of an error of the engine.
func cause(err error) error {
	if e, ok := errors.AsType[*groupkit.Error](err); ok {
		return e.Err
	}
	return err
}
