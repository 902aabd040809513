package groupkit

import (
	"context"
	"slices"

	"groupkit/internal/record"
	"groupkit/store"
)

// A unit is the work of one call on one group. It loads what the rules need, lets
// them emit events, which change the loaded part of the group at once, and writes
// what has changed, and the events, in the same transaction.
//
// The rules are its methods that take users; they touch nothing but what is
// loaded, so that they run alike on any store, and as often as a store asks.
type unit struct {
	look
	id     GroupID
	limits *Limits
	opts   *Options
	cmd    *Command
	state  *state

	unknown map[UserID]bool // newcomers whom the application does not know
	expired []UserID        // users with something expired in the list that the command adds to
	heir    UserID          // who succeeds the owner; "" if there is no one
	total   int             // groups in the app, where their number is limited

	announced bool // the content that is to be named has not been given up

	existed bool
	before  struct {
		head         record.Header
		standings    map[string]record.Standing
		groups       map[string]int
		custom       string
		announcement record.Announcement
		files        map[string]*record.File
	}
	groups map[string]int // in how many groups a user is
	writes []store.Pair   // further writes of the call; a nil value deletes

	call     record.Call
	clearing []record.Event // what had expired: it comes before the events of the call
	contents []string       // contents of files that the call took away
	rename   string         // a user whose name goes, wherever it stands in the group
	barred   []cacheKey     // what the cache may not keep until the call is settled
	outcome  outcome
	answer   func() // completes the outcome when the events are numbered
	bug      error
}

// dissolve makes the group a group that is being deleted.
func (u *unit) dissolve() { u.emit(GroupDeleted) }

func (u *unit) startInvited() error {
	if err := u.invited(); err != nil {
		return err
	}
	return u.unchanged()
}

func (u *unit) startSystem() error {
	if err := u.found(); err != nil {
		return err
	}
	if err := u.unchanged(); err != nil {
		return err
	}
	if !u.system() {
		return about(u.user, ErrSystemOnly)
	}
	return nil
}

// start refuses what the actor may not do, and a group that has changed.
func (u *unit) start(what action) error {
	if err := u.found(); err != nil {
		return err
	}
	if err := u.unchanged(); err != nil {
		return err
	}
	return u.allows(what)
}

// subject refuses a target who is no member, or whom the actor does not outrank.
func (u *unit) subject(user UserID) error {
	t := u.of(user)
	if !t.Member() {
		return about(user, ErrNotMember)
	}
	return u.outranks(user, t)
}

// room refuses to add to a list that is full when what has expired is cleared away.
func (u *unit) room(count *int, most int, full error) error {
	if *count < most {
		return nil
	}
	for _, user := range u.expired {
		u.expire(user)
	}
	if *count < most {
		return nil
	}
	return limited(full, most, *count)
}

func (u *unit) known(user UserID) error {
	if u.unknown[user] {
		return about(user, ErrUserNotFound)
	}
	return nil
}

// of is the standing of a user that the command names.
func (u *unit) of(user UserID) *record.Standing {
	if _, ok := u.before.standings[string(user)]; !ok {
		u.bug = corrupt("the standing of user %q was not loaded", string(user))
	}
	return u.state.standing(string(user))
}

// emit makes a change that needs no more than users, and logs it.
func (u *unit) emit(kind EventKind, users ...UserID) {
	u.append(record.Event{Kind: uint8(kind), Users: texts(users)})
}

// append makes a change and logs it. Changes of one kind that one call makes to
// several users are one event. What had expired of a user is cleared away, with
// its event, before anything is changed about the user.
func (u *unit) append(e record.Event) {
	u.call.At, u.call.Actor, u.call.Reason = max(u.now, u.state.head.Modified), string(u.user), u.cmd.Reason
	for _, user := range e.Users {
		u.expire(UserID(user))
	}
	u.state.apply(&u.call, &e)
	u.call.Events = merge(u.call.Events, e)
}

// expire clears away what has expired of a user.
func (u *unit) expire(user UserID) {
	u.call.At, u.call.Actor, u.call.Reason = max(u.now, u.state.head.Modified), string(u.user), u.cmd.Reason
	st := u.of(user)
	for _, m := range []struct {
		mark *record.Mark
		kind EventKind
	}{{st.Request, RequestExpired}, {st.Invitation, InvitationExpired}, {st.Block, BlockExpired}, {st.Mute, MuteExpired}} {
		if m.mark.Expired(u.now) {
			e := record.Event{Kind: uint8(m.kind), Users: []string{string(user)}, BySystem: true}
			u.state.apply(&u.call, &e)
			u.clearing = merge(u.clearing, e)
		}
	}
}

// merge appends an event. An equal one is taken from its place and joins it at the
// end, for the last user's events have to stay in order: no longer an admin, then
// no longer a member.
func merge(events []record.Event, e record.Event) []record.Event {
	for i, x := range events {
		if x.Kind == e.Kind && x.How == e.How && x.Until == e.Until && len(e.Users) == 1 && e.Changes == nil && e.File == nil {
			if !slices.Contains(x.Users, e.Users[0]) {
				x.Users = append(x.Users, e.Users[0])
				x.Before = append(x.Before, e.Before...)
			}
			return append(slices.Delete(events, i, i+1), x)
		}
	}
	return append(events, e)
}

// finish numbers the events of the call: what had expired first. A call that changes
// nothing has cleared nothing away either, but for those that are there to clear away.
func (u *unit) finish() error {
	if len(u.call.Events) == 0 && u.cmd.Op != OpSweep && u.cmd.Op != OpForgetUser {
		return u.bug
	}
	u.call.Events = append(u.clearing, u.call.Events...)
	if len(u.call.Events) > 0 {
		u.state.number(&u.call)
	}
	return u.bug
}

// unknown asks the application about those whom the command would bring in.
func (e *Engine) unknown(ctx context.Context, cmd *Command) (map[UserID]bool, error) {
	if e.opts.UserExists == nil {
		return nil, nil
	}
	unknown := make(map[UserID]bool)
	for _, user := range e.newcomers(cmd) {
		if checkUserID(FieldUser, user) != nil {
			continue
		}
		ok, err := e.opts.UserExists(ctx, user)
		if err != nil {
			return nil, about(user, err)
		}
		if !ok {
			unknown[user] = true
		}
	}
	return unknown, nil
}

func (e *Engine) newcomers(cmd *Command) []UserID {
	switch cmd.Op {
	case OpCreateGroup:
		return append([]UserID{cmd.New.Owner}, cmd.New.Members...)
	case OpAddMembers, OpInviteUsers:
		return cmd.Users
	case OpBlockUsers:
		if e.opts.BlockOutsiders {
			return cmd.Users
		}
	case OpJoin, OpAcceptInvitation:
		return []UserID{cmd.Actor}
	}
	return nil
}
