package groupkit

import (
	"context"
	"errors"
	"fmt"

	"groupkit/internal/key"
	"groupkit/internal/record"
	"groupkit/store"
)

// ForgetOptions configures ForgetUser.
type ForgetOptions struct {
	// Owned is what happens to the groups that the user owns. Default: OwnedRefuse.
	Owned OwnedPolicy `json:"owned,omitzero"`

	// Blocks ends the blocks of the user too. Default: false, they stay, because otherwise
	// forgetting a user would be a way around a block.
	Blocks bool `json:"blocks,omitzero"`

	// Pseudonymize replaces the user ID by a random pseudonym wherever a group still
	// contains it: in the log, as the owner of files, and as the author of the
	// announcement, mutes, blocks and allow-list entries. The pseudonym is
	// the same throughout a group and differs from group to group. The results recorded
	// for the idempotency keys of other users are pseudonymized too; those of the user are
	// removed. A group that still blocks the user keeps the user ID in the block. Texts
	// such as reasons, names and announcements are not changed. Default: false.
	Pseudonymize bool `json:"pseudonymize,omitzero"`
}

// An OwnedPolicy is what happens to the groups of an owner who is forgotten.
type OwnedPolicy uint8

// The values of ForgetOptions.Owned.
const (
	// OwnedRefuse: ForgetUser returns ErrIsOwner if the user owns a group, and forgets
	// nothing. That is checked before the first group is changed. If the user becomes the owner of
	// a group after that, ForgetUser ends at that group with ErrIsOwner; what it has forgotten
	// until then stays forgotten.
	OwnedRefuse OwnedPolicy = iota

	// OwnedSucceed: the admin with the longest membership becomes the owner. Without
	// admins it is the member with the longest membership. If the user is the only member,
	// the group is deleted.
	OwnedSucceed

	// OwnedDelete: the groups are deleted.
	OwnedDelete
)

// An OwnsError reports that a user cannot be forgotten because it owns groups. It matches
// ErrIsOwner.
type OwnsError struct {
	Groups []GroupID
}

// The operation of ForgetUser.
const OpForgetUser Op = "forget user"

// Error returns the number of the groups and the ID of the first.
func (e *OwnsError) Error() string {
	if len(e.Groups) == 0 {
		return ErrIsOwner.Error()
	}
	if len(e.Groups) == 1 {
		return fmt.Sprintf("owns 1 group: %q", string(e.Groups[0]))
	}
	return fmt.Sprintf("owns %d groups, the first is %q", len(e.Groups), string(e.Groups[0]))
}

// Unwrap returns ErrIsOwner.
func (e *OwnsError) Unwrap() error { return ErrIsOwner }

// ForgetUser ends everything that a user is in any group: memberships and roles, mutes,
// allow-list entries, join requests and invitations, also the pending invitations that the user
// made. The options control blocks, owned groups and the user ID itself.
//
// Each group is one transaction. With Pseudonymize everybody sees the pseudonym when that
// transaction ends. Further transactions write it into the records, and ForgetUser returns when
// they are done. A change by the user or about the user in the group waits for them. The log
// gets the event Pseudonymized. If the call is interrupted, calling it again completes the work;
// pseudonyms half written are also completed by the next opening, or by another process.
// Options.Guard is asked about every group before the first one is changed.
//
// Allowed: system.
// Returns ErrSystemOnly if the actor is a user, ErrInvalid if an argument is not valid,
// ErrNested inside Atomic, because it uses many transactions, or in a Guard. With OwnedRefuse it
// returns ErrIsOwner if the user owns a group; the cause is an [*OwnsError] with the groups.
// [OwnedRefuse] says what happens if the user becomes an owner meanwhile.
func (a Actor) ForgetUser(ctx context.Context, user UserID, opts ForgetOptions) error {
	return a.observe(ctx, OpForgetUser, "", 1, func(a Actor) error { return a.forgetUser(ctx, user, opts) })
}

func (a Actor) forgetUser(ctx context.Context, user UserID, opts ForgetOptions) error {
	err := a.checkForget(user, opts)
	if err == nil {
		err = a.onceForAll(ctx, Command{Op: OpForgetUser, Users: []UserID{user}, Forget: &opts}, func(a Actor) error {
			return a.forget(ctx, user, opts)
		})
	}
	return wrap(OpForgetUser, "", err)
}

// onceForAll gives a call of several transactions one idempotency key. The result is recorded
// after the last transaction. An interrupted call can therefore be repeated with its key.
func (a Actor) onceForAll(ctx context.Context, cmd Command, all func(Actor) error) error {
	if err := a.checkKey(); err != nil {
		return err
	}
	if a.key == nil {
		return all(a)
	}
	known := false
	err := a.view(ctx, func(r store.Reader) (err error) {
		known, err = a.lookup(r, &forgetVerb, &cmd, new(reply))
		return err
	})
	if known || err != nil {
		return err
	}
	keyless := a
	keyless.key = nil
	if err := all(keyless); err != nil || a.mode == dryRun {
		return err
	}
	return a.eng.step(ctx, func(w store.Writer) error {
		now, err := a.eng.now()
		if err != nil {
			return err
		}
		kept, err := a.save(w, &forgetVerb, &cmd, now, new(reply))
		if err != nil {
			return err
		}
		return write(w, kept)
	})
}

// forget forgets the user in one group after another, and then in the recorded replies.
func (a Actor) forget(ctx context.Context, user UserID, opts ForgetOptions) error {
	groups, err := a.groupsNaming(ctx, user, opts)
	if err != nil {
		return err
	}
	cmd := Command{Op: OpForgetUser, Actor: a.user, Reason: a.reason, Users: []UserID{user}, Forget: &opts}
	if err := a.guardAll(ctx, cmd, groups); err != nil {
		return err
	}
	for _, group := range groups {
		cmd.Group = group
		out, err := a.change(ctx, forgetVerb, cmd)
		if a.mode == dryRun && errors.Is(err, ErrGroupNotFound) {
			continue
		}
		switch {
		case a.mode == dryRun:
		case err == nil && out.deleted || errors.Is(err, ErrGroupNotFound):
			err = a.forgetInDeleted(ctx, cmd)
		case err == nil && opts.Pseudonymize:
			err = a.eng.finishRenaming(ctx, group)
		}
		if err != nil {
			return err
		}
	}
	if a.mode == dryRun || !opts.Pseudonymize {
		return nil
	}
	return a.eng.forgetReplies(ctx, user)
}

// guardAll asks Options.Guard about every group, before the first one is changed.
func (a Actor) guardAll(ctx context.Context, cmd Command, groups []GroupID) error {
	if a.mode == dryRun || a.eng.opts.Guard == nil {
		return nil
	}
	for _, group := range groups {
		cmd.Group = group
		if err := a.guard(ctx, &cmd); err != nil {
			return wrap(cmd.Op, group, err)
		}
	}
	return nil
}

func (a Actor) checkForget(user UserID, opts ForgetOptions) error {
	if err := a.checkActor(); err != nil {
		return err
	}
	if err := checkUserID(FieldUser, user); err != nil {
		return err
	}
	if opts.Owned > OwnedDelete {
		return invalid("owned", "is %d (0 to %d)", opts.Owned, OwnedDelete)
	}
	if a.version != nil {
		return invalid(FieldVersion, "is given to a call that is about no single group")
	}
	if a.tx != nil || a.mode == readOnly {
		return ErrNested
	}
	if a.user != "" {
		return about(a.user, ErrSystemOnly)
	}
	return a.refuseReadOnly()
}

// groupsNaming returns the groups that contain something about the user. With OwnedRefuse it
// returns an OwnsError if the user owns one of them.
func (a Actor) groupsNaming(ctx context.Context, user UserID, opts ForgetOptions) (groups []GroupID, err error) {
	var owned []GroupID
	kinds := []byte{key.UserMember, key.UserOutsider}
	if opts.Pseudonymize {
		kinds = append(kinds, key.UserTrace)
	}
	err = a.view(ctx, func(r store.Reader) error {
		groups, owned = nil, nil
		seen := make(map[GroupID]bool)
		for _, kind := range kinds {
			err := allLinks(r, user, kind, func(links []link) error {
				for _, l := range links {
					if !seen[l.group] {
						seen[l.group] = true
						groups = append(groups, l.group)
					}
				}
				return headers(r, links, func(l link, h *record.Header) {
					if h.Owner == string(user) {
						owned = append(owned, l.group)
					}
				})
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil && opts.Owned == OwnedRefuse && len(owned) > 0 {
		return nil, about(user, &OwnsError{owned})
	}
	return groups, err
}

// forgetVerb is the part of ForgetUser for one group.
var forgetVerb = verb{
	op: OpForgetUser, guarded: true, clears: true,
	needs: needs{counts: true, total: true, trace: true, losers: usersLose, leaver: func(c *change) UserID {
		if c.cmd.Forget.Owned == OwnedSucceed {
			return c.cmd.Users[0]
		}
		return ""
	}},
	rule: (*change).forget,
}

func (c *change) forget() error {
	if err := c.visible(); err != nil {
		return err
	}
	opts, user := c.cmd.Forget, c.cmd.Users[0]
	t := c.standingOf(user)
	if Role(t.Role) == RoleOwner {
		switch {
		case opts.Owned == OwnedRefuse: // the user became the owner after groupsNaming
			return about(user, &OwnsError{[]GroupID{c.id}})
		case opts.Owned == OwnedDelete || c.loaded.heir == "":
			c.markDeleted()
			c.reply.deleted = true
			return nil
		}
		c.makeOwner(c.loaded.heir)
	}
	c.expire(user)
	if t.Member() {
		c.endMembership(user, CauseForgotten)
	}
	c.lift(user, func(kind *markKind) bool { return !kind.pending && kind != blockMark })
	c.lift(user, func(kind *markKind) bool { return kind.pending || kind == blockMark && opts.Blocks })
	if opts.Pseudonymize {
		c.endInvitations() // Pseudonymized is the last event
		c.pseudonymize(user)
	}
	return nil
}

// pseudonymize begins to replace the user ID in the group; see renaming. It does nothing if the user is
// still something in the group, or the group does not name the user.
func (c *change) pseudonymize(user UserID) {
	before := c.loaded.standings[string(user)]
	if !c.standingOf(user).Empty() || before.Empty() && !c.loaded.traced {
		return
	}
	c.recordEvent(record.Event{Kind: uint8(Pseudonymized), BySystem: true}) // a reason can name the user
	c.head.Rename = record.Rename{From: string(user), To: newPseudonym()}
}

// forgetInDeleted finishes the deletion of a group, and then replaces the user ID in the log
// that remains.
func (a Actor) forgetInDeleted(ctx context.Context, cmd Command) error {
	if err := a.eng.finishDeletion(ctx, cmd.Group); err != nil || !cmd.Forget.Pseudonymize {
		return err
	}
	if _, err := a.change(ctx, forgetInDeletedVerb, cmd); err != nil {
		return err
	}
	if err := a.eng.finishRenaming(ctx, cmd.Group); err != nil {
		return err
	}
	return a.eng.clearTraces(ctx, cmd.Group) // of a log that has been removed as a whole
}

// forgetInDeletedVerb is the part of ForgetUser for the log of one deleted group.
var forgetInDeletedVerb = verb{
	op: OpForgetUser, guarded: true, needs: needs{trace: true},
	rule: func(c *change) error {
		if c.exists && c.head.State == record.Deleted && c.head.First <= c.head.Version {
			c.pseudonymize(c.cmd.Users[0])
		}
		return nil
	},
}
