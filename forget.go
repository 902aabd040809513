package groupkit

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"groupkit/internal/key"
	"groupkit/internal/record"
	"groupkit/store"
)

// ForgetOptions say how ForgetUser goes about it.
type ForgetOptions struct {
	// Owned says what becomes of groups that the user owns: OwnedRefuse.
	Owned OwnedPolicy

	// Blocks lifts the user's blocks too. Without it they stay, or forgetting would
	// launder them.
	Blocks bool

	// Pseudonymize replaces what still names the user in a group (the log, the owner of
	// files, the author of the announcement, the one who invited, muted, blocked …) by a
	// name made up at random, the same throughout the group. A group that goes on
	// blocking the user goes on naming it, as it has to know whom it blocks. What is kept
	// for the idempotency keys of others names the user no longer either. The texts of
	// the application (reasons, names, announcements) are left as they are.
	Pseudonymize bool
}

// An OwnedPolicy says what becomes of groups whose owner is forgotten.
type OwnedPolicy uint8

// The policies.
const (
	OwnedRefuse  OwnedPolicy = iota // nothing is forgotten while the user owns a group
	OwnedSucceed                    // the longest-serving admin becomes the owner, else the longest-serving member; with the last member the group goes
	OwnedDelete                     // the groups are deleted
)

// An OwnsError is the refusal to forget someone who owns groups. It matches ErrIsOwner.
type OwnsError struct {
	Groups []GroupID
}

// The operation of ForgetUser.
const OpForgetUser Op = "forget user"

// Error says how many groups there are and names the first.
func (e *OwnsError) Error() string {
	if len(e.Groups) == 1 {
		return fmt.Sprintf("owns 1 group: %q", string(e.Groups[0]))
	}
	return fmt.Sprintf("owns %d groups, the first is %q", len(e.Groups), string(e.Groups[0]))
}

// Unwrap returns the sentinel.
func (e *OwnsError) Unwrap() error { return ErrIsOwner }

// ForgetUser ends everything that a user is in any group: memberships and roles, mutes,
// allow-list entries, join requests and invitations; see the options for blocks, owned
// groups and names. It goes group by group, each in a transaction of its own, and
// can be cut off at any point: calling it again finishes the work. A Guard is asked about
// each of the groups before the first.
//
// The system alone may. It refuses with ErrSystemOnly, ErrInvalid and, with
// OwnedRefuse, ErrIsOwner, whose cause is an *OwnsError with the groups.
func (a Actor) ForgetUser(ctx context.Context, user UserID, opts ForgetOptions) error {
	err := a.checkForget(user, opts)
	if err == nil {
		err = a.onceForAll(ctx, Command{Op: OpForgetUser, Users: []UserID{user}, Forget: &opts}, func(a Actor) error {
			return a.forget(ctx, user, opts)
		})
	}
	return wrap(OpForgetUser, "", err)
}

// onceForAll is the idempotency key of a call that is many transactions: it stands for
// all of them together, and is kept when the last is done.
func (a Actor) onceForAll(ctx context.Context, cmd Command, all func(Actor) error) error {
	digest, err := a.digest(&forgetVerb, &cmd)
	if err != nil {
		return err
	}
	if a.key == nil {
		return all(a)
	}
	known := false
	err = a.view(ctx, func(r store.Reader) (err error) {
		known, err = a.lookup(r, &cmd, digest, new(reply))
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
	return a.eng.update(ctx, func(w store.Writer) error {
		kept, err := a.save(w, &forgetVerb, digest, a.eng.now(), new(reply))
		if err != nil {
			return err
		}
		return write(w, kept)
	})
}

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
		if a.mode != dryRun && (err == nil && out.deleted || errors.Is(err, ErrGroupNotFound)) {
			err = a.eng.forgetBuried(ctx, group, user, opts)
		}
		if err != nil {
			return err
		}
	}
	if a.mode == dryRun || !opts.Pseudonymize {
		return nil
	}
	return a.eng.forgetOutcomes(ctx, user)
}

// guardAll asks the application about every group before anything is done in the first.
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
	if a.tx != nil || a.mode == readOnly {
		return ErrNested
	}
	if a.user != "" {
		return about(a.user, ErrSystemOnly)
	}
	return nil
}

// groupsNaming are the groups in which there is something to forget.
func (a Actor) groupsNaming(ctx context.Context, user UserID, opts ForgetOptions) (groups []GroupID, err error) {
	var owned []GroupID
	kinds := []byte{key.UserMember, key.UserOutsider}
	if opts.Pseudonymize {
		kinds = append(kinds, key.UserTrace)
	}
	err = a.view(ctx, func(r store.Reader) error {
		groups, owned = nil, nil
		for _, kind := range kinds {
			err := allLinks(r, user, kind, func(links []link) error {
				for _, l := range links {
					if !slices.Contains(groups, l.group) {
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

// forgetVerb is what ForgetUser does in one group.
var forgetVerb = verb{
	op: OpForgetUser, guarded: true, clears: true,
	needs: needs{counts: true, total: true, leaver: func(c *change) UserID {
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
		case opts.Owned == OwnedRefuse: // it has become the owner meanwhile
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
	return nil
}

// forgetBuried finishes a deletion and takes the name out of what is left of the group.
func (e *Engine) forgetBuried(ctx context.Context, group GroupID, user UserID, opts ForgetOptions) error {
	if err := e.finishDeletion(ctx, group); err != nil || !opts.Pseudonymize {
		return err
	}
	return e.update(ctx, func(w store.Writer) error { return pseudonymize(w, group, string(user)) })
}
