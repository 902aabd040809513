package coherence_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/anishathalye/porcupine"

	"groupkit"
	"groupkit/internal/grouptest"
	"groupkit/internal/modeltest"
	"groupkit/store"
)

// A history makes random calls and records what each of them returned.
type history struct {
	eng   *groupkit.Engine
	ticks atomic.Int64 // grows with every call and every return

	created     [groupSlots]atomic.Int64 // groups that were created in each slot
	asked, cold atomic.Int64             // calls of MaySpeak outside Atomic, and of other reads

	mu         sync.Mutex
	operations []porcupine.Operation
	unexpected []error
}

// run makes random calls as one client, and records them.
func (h *history) run(who, rounds int) {
	rng := rand.New(rand.NewPCG(uint64(who), rand.Uint64()))
	for range rounds {
		h.askAsStranger()
		ops := h.draw(rng)
		f := faults[rng.IntN(len(faults))]
		if f == unknownKept && ops[0].steps[0].what == toDestroy {
			f = kept // or what is left of the group would stay until the next opening
		}
		ctx := context.WithValue(context.Background(), faultKey{}, new(f))
		begun := h.ticks.Add(1)
		answers, err := h.call(ctx, ops)
		ended := h.ticks.Add(1)
		if err == nil || errors.Is(err, errUndone) {
			f = kept
		} else if !errors.Is(err, errLost) && !errors.Is(err, store.ErrCommitUnknown) {
			h.report(err)
		}
		h.mu.Lock()
		for i := range ops {
			h.operations = append(h.operations, porcupine.Operation{
				ClientId: who, Input: &ops[i], Call: begun, Output: &outcome{answers[i], f}, Return: ended,
			})
		}
		h.mu.Unlock()
	}
}

// askAsStranger asks as a user who is in no group. It is not recorded. The cache has to
// grow for each of them, or to make room.
func (h *history) askAsStranger() {
	stranger := groupkit.UserID(fmt.Sprintf("stranger-%d", h.cold.Add(1)))
	if err := h.eng.As(stranger).MaySpeak(context.Background(), "0-1"); !errors.Is(err, groupkit.ErrNotMember) && !errors.Is(err, groupkit.ErrGroupNotFound) {
		h.report(err)
	}
}

func (h *history) report(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.unexpected = append(h.unexpected, err)
}

// draw draws a call: mostly one step, sometimes several, rarely on two groups.
func (h *history) draw(rng *rand.Rand) []operation {
	one := h.drawCall(rng, 1)
	if rng.IntN(8) > 0 {
		return []operation{one}
	}
	one = h.drawCall(rng, 2+rng.IntN(3))
	one.undo = rng.IntN(4) == 0
	two := h.drawCall(rng, 2)
	if two.group == one.group || rng.IntN(2) == 0 {
		return []operation{one}
	}
	two.undo = one.undo
	return []operation{one, two}
}

func (h *history) drawCall(rng *rand.Rand, steps int) operation {
	slot := rng.IntN(groupSlots)
	n := h.created[slot].Load()
	next := rng.IntN(16) == 0 || n == 0
	if next {
		n++ // which is perhaps not there yet
	}
	// Groups in even slots are public.
	group := operation{group: fmt.Sprintf("%d-%d", slot, n)}
	for range steps {
		group.steps = append(group.steps, drawStep(rng, steps > 1))
	}
	if last := &group.steps[steps-1]; rng.IntN(60) == 0 && steps == 1 {
		last.what = toDestroy
	} else if next && rng.IntN(4) == 0 || rng.IntN(100) == 0 {
		last.what = toCreate
	}
	return group
}

// call makes one step by itself, or several in one Atomic.
func (h *history) call(ctx context.Context, calls []operation) (answers [][]answer, err error) {
	if len(calls) == 1 && len(calls[0].steps) == 1 {
		a, err := h.do(ctx, h.eng, calls[0].group, calls[0].steps[0])
		return [][]answer{{a}}, err
	}
	err = h.eng.Atomic(ctx, func(tx *groupkit.Tx) error {
		answers = make([][]answer, len(calls))
		for i, one := range calls {
			for _, d := range one.steps {
				a, err := h.do(ctx, tx, one.group, d)
				if err != nil {
					return err
				}
				answers[i] = append(answers[i], a)
			}
		}
		return grouptest.Either(calls[0].undo, errUndone, nil)
	})
	if len(answers) == 0 {
		answers = make([][]answer, len(calls))
	}
	return answers, err
}

// do makes one step. A refusal is an answer; anything else that fails is an error.
func (h *history) do(ctx context.Context, scope groupkit.Scope, group string, d step) (a answer, err error) {
	id, user := groupkit.GroupID(group), modeltest.Users[d.user]
	system := scope.System()
	_, outside := scope.(*groupkit.Engine)
	if outside && d.what == toSpeak {
		h.asked.Add(1)
	} else if outside && d.what < toMute {
		h.cold.Add(1)
	}
	switch d.what {
	case toSpeak:
		err = scope.As(user).MaySpeak(ctx, id)
		if m, ok := errors.AsType[*groupkit.MutedError](err); ok && !m.Until.IsZero() {
			a.read = 1
		}
	case toReadRole:
		role, e := system.Role(ctx, id, user)
		a.read, err = int(role), e
	case toReadMutes:
		mutes, e := grouptest.Collect(system.Mutes(ctx, id))
		for _, m := range mutes {
			a.read |= 1 << slices.Index(modeltest.Users, m.User)
		}
		err = e
	case toReadGroup:
		g, e := system.Group(ctx, id)
		a.read, err = grouptest.Either(g.Muted, 100, 0)+g.MemberCount, e
	case toMute:
		_, err = system.Mute(ctx, id, time.Hour, user)
	case toUnmute:
		err = system.Unmute(ctx, id, user)
	case toBlock:
		_, err = system.Block(ctx, id, groupkit.Forever, user)
	case toUnblock:
		err = system.Unblock(ctx, id, user)
	case toAdd:
		err = system.AddMember(ctx, id, user)
	case toRemove:
		err = system.RemoveMember(ctx, id, user)
	case toLeave:
		err = scope.As(user).Leave(ctx, id)
	case toPromote:
		err = system.AddAdmin(ctx, id, user)
	case toDemote:
		err = system.RemoveAdmin(ctx, id, user)
	case toAllow:
		err = system.Allow(ctx, id, user)
	case toDisallow:
		err = system.Disallow(ctx, id, user)
	case toSilence:
		err = system.MuteGroup(ctx, id)
	case toUnsilence:
		err = system.UnmuteGroup(ctx, id)
	case toCreate:
		_, err = system.CreateGroup(ctx, groupkit.NewGroup{ID: id, Name: "night watch", Owner: modeltest.Users[0], Members: modeltest.Users[1:4], Public: isPublic(group)})
		if err == nil && outside {
			h.noteCreated(group)
		}
	case toDestroy:
		err = system.DeleteGroup(ctx, id)
	}
	for i, reason := range refusals {
		if i > 0 && errors.Is(err, reason) {
			a.refusal = i
			return a, nil
		}
	}
	return a, err
}

// noteCreated moves a slot on to a group that has been created.
func (h *history) noteCreated(group string) {
	var slot int
	var n int64
	_, _ = fmt.Sscanf(group, "%d-%d", &slot, &n)
	for {
		was := h.created[slot].Load()
		if n <= was || h.created[slot].CompareAndSwap(was, n) {
			return
		}
	}
}

// A step is a read or a change of one group.
type step struct {
	what stepKind
	user int
}

type stepKind int

const (
	toSpeak stepKind = iota
	toReadRole
	toReadMutes
	toReadGroup
	toMute
	toUnmute
	toBlock
	toUnblock
	toAdd
	toRemove
	toLeave
	toPromote
	toDemote
	toAllow
	toDisallow
	toSilence
	toUnsilence
	toCreate
	toDestroy
)

// An operation is the steps of one call on one group. A call on two groups is one operation
// on each.
type operation struct {
	group string
	steps []step
	undo  bool // Atomic is told to change nothing
}

// An outcome is what a call returned: an answer for each step, unless the store failed.
type outcome struct {
	answers []answer
	fault   fault
}

// An answer is why a step was refused, or what it read.
type answer struct {
	refusal int // an index of refusals
	read    int
}

var refusals = []error{
	nil, groupkit.ErrGroupNotFound, groupkit.ErrGroupExists, groupkit.ErrNotMember, groupkit.ErrAlreadyMember, groupkit.ErrIsOwner,
	groupkit.ErrBlacklisted, groupkit.ErrNotBlacklisted, groupkit.ErrMuted, groupkit.ErrGroupMuted, groupkit.ErrNotMuted,
	groupkit.ErrAlreadyAllowed, groupkit.ErrNotAllowed, groupkit.ErrAlreadyAdmin, groupkit.ErrNotAdmin,
}

func refused(reason error) answer { return answer{refusal: slices.Index(refusals, reason)} }

func drawStep(rng *rand.Rand, together bool) step {
	d := step{toSpeak, rng.IntN(groupUsers)}
	switch n := rng.IntN(10); {
	case n >= 6 || together && n >= 2:
		d.what = toMute + stepKind(rng.IntN(int(toCreate-toMute)))
	case n == 5:
		d.what = toReadRole + stepKind(rng.IntN(int(toMute-toReadRole)))
	}
	return d
}

var errUndone = errors.New("undo")

func isPublic(group string) bool { return group[0]%2 == 0 }
