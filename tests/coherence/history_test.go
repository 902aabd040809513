package coherence

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

// A history keeps the testimony.
type history struct {
	eng   *groupkit.Engine
	ticks atomic.Int64 // passes with every call and every return

	created     [groupSlots]atomic.Int64 // how many groups there were in each place
	asked, cold atomic.Int64             // calls of MaySpeak outside Atomic, and of other reads

	mu         sync.Mutex
	operations []porcupine.Operation
	unexpected []error
}

// run makes random calls and tells the court of them.
func (c *history) run(who, rounds int) {
	rng := rand.New(rand.NewPCG(uint64(who), rand.Uint64()))
	for range rounds {
		c.askAsStranger()
		pleas := c.draw(rng)
		f := faults[rng.IntN(len(faults))]
		if f == unknownKept && pleas[0].steps[0].what == toDestroy {
			f = kept // or what is left of the group would stay until the next opening
		}
		ctx := context.WithValue(context.Background(), faultKey{}, new(f))
		begun := c.ticks.Add(1)
		answers, err := c.call(ctx, pleas)
		ended := c.ticks.Add(1)
		if err == nil || errors.Is(err, errUndone) {
			f = kept
		} else if !errors.Is(err, errLost) && !errors.Is(err, store.ErrCommitUnknown) {
			c.report(err)
		}
		c.mu.Lock()
		for i := range pleas {
			c.operations = append(c.operations, porcupine.Operation{
				ClientId: who, Input: &pleas[i], Call: begun, Output: &outcome{answers[i], f}, Return: ended,
			})
		}
		c.mu.Unlock()
	}
}

// askAsStranger has a stranger ask of whom the court does not hear. For each the cache has to grow,
// or to make room.
func (c *history) askAsStranger() {
	stranger := groupkit.UserID(fmt.Sprintf("stranger-%d", c.cold.Add(1)))
	if err := c.eng.As(stranger).MaySpeak(context.Background(), "0-1"); !errors.Is(err, groupkit.ErrNotMember) && !errors.Is(err, groupkit.ErrGroupNotFound) {
		c.report(err)
	}
}

func (c *history) report(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.unexpected = append(c.unexpected, err)
}

// draw makes up a call: mostly one step, sometimes several, rarely on two groups.
func (c *history) draw(rng *rand.Rand) []operation {
	one := c.drawCall(rng, 1)
	if rng.IntN(8) > 0 {
		return []operation{one}
	}
	one = c.drawCall(rng, 2+rng.IntN(3))
	one.undo = rng.IntN(4) == 0
	two := c.drawCall(rng, 2)
	if two.group == one.group || rng.IntN(2) == 0 {
		return []operation{one}
	}
	two.undo = one.undo
	return []operation{one, two}
}

func (c *history) drawCall(rng *rand.Rand, steps int) operation {
	place := rng.IntN(groupSlots)
	n := c.created[place].Load()
	next := rng.IntN(16) == 0 || n == 0
	if next {
		n++ // which is perhaps not there yet
	}
	// Groups in even places are public.
	group := operation{group: fmt.Sprintf("%d-%d", place, n)}
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

// call does one step, or several together.
func (c *history) call(ctx context.Context, calls []operation) (answers [][]answer, err error) {
	if len(calls) == 1 && len(calls[0].steps) == 1 {
		a, err := c.do(ctx, c.eng, calls[0].group, calls[0].steps[0])
		return [][]answer{{a}}, err
	}
	err = c.eng.Atomic(ctx, func(tx *groupkit.Tx) error {
		answers = make([][]answer, len(calls))
		for i, one := range calls {
			for _, d := range one.steps {
				a, err := c.do(ctx, tx, one.group, d)
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

// do does one step. What is no answer is an error.
func (c *history) do(ctx context.Context, scope groupkit.Scope, group string, d step) (a answer, err error) {
	id, user := groupkit.GroupID(group), modeltest.Users[d.user]
	system := scope.System()
	_, outside := scope.(*groupkit.Engine)
	if outside && d.what == toSpeak {
		c.asked.Add(1)
	} else if outside && d.what < toMute {
		c.cold.Add(1)
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
		_, err = system.CreateGroup(ctx, groupkit.NewGroup{ID: id, Name: "court", Owner: modeltest.Users[0], Members: modeltest.Users[1:4], Public: isPublic(group)})
		if err == nil && outside {
			c.noteCreated(group)
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

// noteCreated moves on to a group that is there.
func (c *history) noteCreated(group string) {
	var place int
	var n int64
	_, _ = fmt.Sscanf(group, "%d-%d", &place, &n)
	for {
		was := c.created[place].Load()
		if n <= was || c.created[place].CompareAndSwap(was, n) {
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

// An operation is some steps at once. It is one operation in each group that it touches.
type operation struct {
	group string
	steps []step
	undo  bool // Atomic is told to change nothing
}

// An outcome is what became of a call: a verdict on each step, unless they were lost.
type outcome struct {
	answers []answer
	fault   fault
}

// An answer is why nothing became of a step, or what was read.
type answer struct {
	refusal int // a place in grounds
	read    int
}

var refusals = []error{
	nil, groupkit.ErrGroupNotFound, groupkit.ErrGroupExists, groupkit.ErrNotMember, groupkit.ErrAlreadyMember, groupkit.ErrOwner,
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
