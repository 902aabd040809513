package coherence_test

import (
	"fmt"
	"maps"
	"slices"

	"github.com/anishathalye/porcupine"

	"groupkit"
	"groupkit/internal/grouptest"
)

// groupModel is what a group does, as far as it concerns who may speak.
var groupModel = porcupine.Model{
	Partition: func(history []porcupine.Operation) [][]porcupine.Operation {
		groups := make(map[string][]porcupine.Operation)
		for _, op := range history {
			id := op.Input.(*operation).group
			groups[id] = append(groups[id], op)
		}
		return slices.Collect(maps.Values(groups))
	},
	Init: func() any { return groupState{} },
	Step: func(state, input, output any) (bool, any) {
		before, in, out := state.(groupState), input.(*operation), output.(*outcome)
		after := before
		for i, d := range in.steps {
			a := after.do(d, isPublic(in.group))
			if i < len(out.answers) && out.fault.answered() && a != out.answers[i] {
				return false, before
			}
		}
		if in.undo || out.fault.undone() {
			return true, before
		}
		return true, after
	},
	DescribeOperation: func(input, output any) string { return fmt.Sprintf("%v: %v", *input.(*operation), *output.(*outcome)) },
	DescribeState:     func(state any) string { return fmt.Sprintf("%+v", state) },
}

// A groupState is a group and its users.
type groupState struct {
	live, gone, silent bool
	users              [groupUsers]memberState
}

// do makes a step and returns its answer.
func (t *groupState) do(d step, public bool) answer {
	u := &t.users[d.user]
	switch {
	case d.what == toCreate:
		return t.create()
	case !t.live:
		return refused(groupkit.ErrGroupNotFound)
	case d.what < toMute:
		return t.read(d, public)
	}
	switch d.what {
	case toMute, toBlock, toRemove, toPromote, toDemote, toAllow:
		if d.what == toBlock && u.blocked {
			return refused(groupkit.ErrBlacklisted)
		}
		if u.role == groupkit.RoleOutsider {
			return refused(groupkit.ErrNotMember)
		}
		if u.role == groupkit.RoleOwner && d.what != toAllow {
			return refused(groupkit.ErrIsOwner)
		}
	}
	return t.change(d, u, public)
}

func (t *groupState) create() answer {
	if t.live || t.gone {
		return refused(groupkit.ErrGroupExists)
	}
	t.live = true
	t.users[0].role = groupkit.RoleOwner
	for i := 1; i < 4; i++ {
		t.users[i].role = groupkit.RoleMember
	}
	return answer{}
}

// change makes a step that changes a live group.
func (t *groupState) change(d step, u *memberState, public bool) answer {
	member := u.role != groupkit.RoleOutsider
	switch d.what {
	case toMute:
		u.muted = true
	case toUnmute:
		return turn(&u.muted, false, groupkit.ErrNotMuted)
	case toBlock:
		*u = memberState{muted: u.muted, blocked: true}
	case toUnblock:
		return turn(&u.blocked, false, groupkit.ErrNotBlacklisted)
	case toAdd:
		if member {
			return refused(groupkit.ErrAlreadyMember)
		}
		if u.blocked {
			return refused(groupkit.ErrBlacklisted)
		}
		u.role = groupkit.RoleMember
	case toRemove:
		*u = memberState{muted: u.muted}
	case toLeave:
		if !member {
			return outside(u, public)
		}
		if u.role == groupkit.RoleOwner {
			return refused(groupkit.ErrIsOwner)
		}
		*u = memberState{muted: u.muted}
	case toPromote:
		if u.role == groupkit.RoleAdmin {
			return refused(groupkit.ErrAlreadyAdmin)
		}
		u.role = groupkit.RoleAdmin
	case toDemote:
		if u.role != groupkit.RoleAdmin {
			return refused(groupkit.ErrNotAdmin)
		}
		u.role = groupkit.RoleMember
	case toAllow:
		return turn(&u.allowed, true, groupkit.ErrAlreadyAllowed)
	case toDisallow:
		return turn(&u.allowed, false, groupkit.ErrNotAllowed)
	case toSilence, toUnsilence:
		t.silent = d.what == toSilence
	case toDestroy:
		t.live, t.gone = false, true
	}
	return answer{}
}

func (t *groupState) read(d step, public bool) (a answer) {
	switch d.what {
	case toSpeak:
		return t.speak(&t.users[d.user], public)
	case toReadRole:
		a.read = int(t.users[d.user].role)
	case toReadMutes:
		for i, u := range t.users {
			if u.muted {
				a.read |= 1 << i
			}
		}
	case toReadGroup:
		a.read = grouptest.Either(t.silent, 100, 0)
		for _, u := range t.users {
			a.read += grouptest.Either(u.role != groupkit.RoleOutsider, 1, 0)
		}
	}
	return a
}

func (t *groupState) speak(u *memberState, public bool) answer {
	silent := t.silent && u.role < groupkit.RoleAdmin && !u.allowed
	switch {
	case u.role == groupkit.RoleOutsider:
		return outside(u, public)
	case u.muted:
		a := refused(groupkit.ErrMuted)
		a.read = grouptest.Either(silent, 0, 1) // nobody knows until when the group is silent
		return a
	case silent:
		return refused(groupkit.ErrGroupMuted)
	}
	return answer{}
}

type memberState struct {
	role                    groupkit.Role
	muted, blocked, allowed bool
}

func turn(flag *bool, to bool, already error) answer {
	if *flag == to {
		return refused(already)
	}
	*flag = to
	return answer{}
}

// outside is the refusal of a user who is no member.
func outside(u *memberState, public bool) answer {
	switch {
	case u.blocked:
		return refused(groupkit.ErrBlacklisted)
	case !public:
		return refused(groupkit.ErrGroupNotFound)
	}
	return refused(groupkit.ErrNotMember)
}
