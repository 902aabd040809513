//go:build unix

package cluster_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
	"groupkit/internal/modeltest"
	"groupkit/store/pgstore"
)

// processFlag is set in the environment of the processes that the test starts.
const processFlag = "GROUPKIT_CLUSTER_PROCESS"

// A question is what the test asks a process. One field is set.
type question struct {
	Open *setup
	Run  time.Duration               // make calls for that long
	Make []operation                 // make these calls, and return them
	Ends map[groupkit.GroupID]uint64 // wait until the subscribers have heard everything up to these versions
}

// A setup is what a process is opened with.
type setup struct {
	Number  int
	URL     string
	Folder  string        // of the ticks and the journals
	Ahead   time.Duration // of its clock
	Notify  bool
	Keys    bool // keys of idempotency are of use: the clocks are within MaxSkew
	Kill    bool // one of the processes is killed
	Mortal  bool // this is the one
	Resume  bool // this one goes on where that one was killed
	Large   bool // there is the large group
	Keep    groupkit.Retention
	Workers int
}

type reply struct {
	Failure    string
	Operations []operation
	Heard      []listener
}

// The users and groups are few, so that calls meet, and the limits are low. Some users are forgotten
// with a pseudonym, now and then. Nothing else contains their IDs.
var (
	users       = append(slices.Clone(modeltest.Users[:4]), forgettable...)
	forgettable = []groupkit.UserID{"Zoë: forgettable", "用户/forgettable"}
)

const (
	slots    = 3 // groups at a time, besides the large one; when one is deleted the next one of the slot is created
	maxUsers = 6
	longest  = 2 * time.Minute // of a call
)

func options(ahead time.Duration) *groupkit.Options {
	return &groupkit.Options{
		Limits: groupkit.Limits{
			JoinedGroups: 2, Admins: 3, NewMembers: 5, Batch: 4, Groups: slots + 1, DefaultMaxUsers: 5, MaxUsers: maxUsers,
			ListSize: 3, Files: 3, Requests: 2, Invitations: 2,
		},
		OwnerLeave: groupkit.OwnerSucceed, BlockOutsiders: true,
		Clock: func() time.Time { return time.Now().Add(ahead) },
	}
}

// TestProcess is what a process does that TestCluster starts.
func TestProcess(t *testing.T) {
	if os.Getenv(processFlag) == "" {
		t.Skip("it is run by TestCluster")
	}
	p := &process{made: make([]atomic.Int64, len(verbs)), pictures: make(map[groupkit.GroupID]*modeltest.Group), more: make(chan struct{}, 1)}
	in, out := bufio.NewReader(os.Stdin), json.NewEncoder(os.Stdout)
	for {
		line, err := in.ReadBytes('\n')
		if err != nil {
			os.Exit(0) // the test has ended
		}
		var q question
		require.NoError(t, json.Unmarshal(line, &q))
		r, err := p.answer(&q)
		if err != nil {
			r.Failure = err.Error()
		}
		require.NoError(t, out.Encode(r)) // a line
	}
}

// A process is an engine with callers and subscribers.
type process struct {
	setup
	eng   *groupkit.Engine
	ticks *atomic.Int64 // of all processes: it grows with every call and every return

	created [slots]atomic.Int64 // the newest group of each slot, as far as is known here
	made    []atomic.Int64      // how many calls of each verb were granted here

	journal *journal

	mu         sync.Mutex
	unexpected error
	listeners  []*listener
	pictures   map[groupkit.GroupID]*modeltest.Group
	more       chan struct{} // has a value after a listener has heard something
}

func (p *process) answer(q *question) (r reply, err error) {
	switch {
	case q.Open != nil:
		return r, p.open(q.Open)
	case q.Run > 0:
		p.run(q.Run)
		return r, p.unexpected
	case q.Make != nil:
		return reply{Operations: p.makeAll(q.Make)}, p.unexpected
	default:
		return p.hearEverything(q.Ends), nil
	}
}

func (p *process) open(s *setup) (err error) {
	p.setup = *s
	if p.ticks, err = mapTicks(ticksIn(s.Folder)); err != nil {
		return err
	}
	if p.journal, err = newJournal(s.Folder, s.Number); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), longest)
	defer cancel()
	for { // the line can be bad
		if err = p.openEngine(ctx); err == nil || ctx.Err() != nil {
			break
		}
	}
	if err == nil {
		err = p.listenToAll(groupkit.Latest())
	}
	if err == nil && p.Large {
		err = p.listen(&listener{Group: largeGroup}, foreign)
	}
	if err == nil && p.Resume {
		err = p.resume(victim)
	}
	if err == nil {
		err = again(func() error { return p.look(ctx) })
	}
	return err
}

func (p *process) openEngine(ctx context.Context) error {
	st, err := pgstore.Open(ctx, p.URL, &pgstore.Options{Notify: p.Notify})
	if err != nil {
		return err
	}
	o := options(p.Ahead)
	o.Retention = p.Keep
	if p.eng, err = groupkit.New(st, st.Blobs(), o); err != nil {
		_ = st.Close()
	}
	return err
}

func ticksIn(folder string) string { return filepath.Join(folder, "ticks") }

// look looks at the groups that are there already.
func (p *process) look(ctx context.Context) error {
	for g, err := range p.eng.System().Groups(ctx) {
		if err != nil {
			return err
		}
		if g.ID == largeGroup {
			continue
		}
		events, err := grouptest.Collect(p.eng.System().Events(ctx, g.ID, 0))
		if err != nil && !errors.Is(err, groupkit.ErrGroupNotFound) {
			return err
		}
		p.mu.Lock()
		for _, e := range events {
			p.see(e)
		}
		p.mu.Unlock()
	}
	return nil
}

// mapTicks makes the first word of a file a part of the memory of all processes.
func mapTicks(path string) (*atomic.Int64, error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	mem, err := syscall.Mmap(int(f.Fd()), 0, 8, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
	if err != nil {
		return nil, err
	}
	return (*atomic.Int64)(unsafe.Pointer(&mem[0])), nil
}

// run makes calls from many goroutines.
func (p *process) run(long time.Duration) {
	end := time.Now().Add(long)
	var all sync.WaitGroup
	for i := range p.Workers {
		all.Go(func() {
			rng := rand.New(rand.NewPCG(uint64(p.Number), uint64(i)))
			for n := 0; time.Now().Before(end); n++ {
				p.step(rng.IntN, fmt.Sprintf("%d-%d-%d", p.Number, i, n))
			}
		})
	}
	all.Wait()
}

// Dice give a number from 0 to n-1.
type dice func(n int) int

func oneOf[T any](d dice, from []T) T { return from[d(len(from))] }

func someOf(d dice, users []groupkit.UserID) (some []groupkit.UserID) {
	first := d(len(users))
	for i := range min(1+d(3), len(users)) {
		some = append(some, users[(first+i)%len(users)])
	}
	return some
}

// step makes a call, or several in one transaction. Sometimes it sweeps, or begins to listen.
func (p *process) step(d dice, reason string) {
	ctx, cancel := context.WithTimeout(context.Background(), longest)
	defer cancel()
	switch n := d(64); {
	case n == 0, n >= 60 && p.Keep != groupkit.Retention{}:
		if _, err := p.eng.Sweep(ctx); err != nil && fateOf(err) != failed && fateOf(err) != unknown {
			p.report(fmt.Errorf("sweep: %w", err))
		}
	case n == 1, n == 3:
		p.listenTo(d, p.group(d, d(slots)))
	case n == 2 && p.Large:
		p.changeLarge(ctx, d, reason)
	case n < 6:
		p.together(ctx, d, reason)
	case n < 8 && p.Keys:
		p.again(ctx, d, reason)
	default:
		o := p.draw(d, reason)
		if n < 10 { // whose caller gives up soon
			short, cancel := context.WithTimeout(ctx, time.Duration(1+d(30))*time.Millisecond)
			defer cancel()
			ctx = short
		}
		p.call(ctx, o)
	}
}

// draw draws a call.
func (p *process) draw(d dice, reason string) *operation {
	v := &verbs[d(len(verbs))]
	slot := d(slots)
	o := &operation{Group: p.group(d, slot), Reason: reason, Attempt: reason}
	g := p.picture(o.Group)
	switch {
	case g.Owner == "" && d(2) == 0:
		v = verbNamed("CreateGroup")
	case v.rare && d(4) > 0, d(4) == 0:
		v = p.seldomMade(g)
	}
	o.Verb = v.name
	switch d(4) {
	case 0:
		o.By = oneOf(d, users)
	case 1:
		o.By = g.Owner
	}
	o.fitting = users
	if v.fitting != nil && d(5) > 0 {
		if fitting := known(v.fitting(g)); len(fitting) > 0 {
			o.fitting = fitting
		}
	}
	if v.draw != nil {
		v.draw(d, o)
	}
	switch {
	case v.name == "CreateGroup":
		o.By = ""
		if g.Owner == "" || d(3) == 0 {
			o.Group = groupID(slot, p.created[slot].Load()+1)
		}
	case v.name == "DeleteGroup" && d(4) > 0: // mostly one that has been left behind
		o.Group = groupID(slot, max(1, p.created[slot].Load()-1))
	case v.name == "DeleteFile" && len(g.Files) > 0:
		o.Text = string(oneOf(d, g.Files).ID)
	}
	switch {
	case v.reads || v.name == "ForgetUser":
	case d(16) == 0:
		o.Dry = true
	case v.name != "CreateGroup" && d(16) == 0:
		o.Version = new(g.Version)
	case p.Keys && d(4) == 0:
		o.Once = keyed(o.By)
	}
	return o
}

// seldomMade returns the verb that was granted least often, among those that can be now.
func (p *process) seldomMade(g *modeltest.Group) *verb {
	least := -1
	for i := range verbs {
		v := &verbs[i]
		if v.rare || v.reads || v.fitting != nil && len(known(v.fitting(g))) == 0 {
			continue
		}
		if least < 0 || p.made[i].Load() < p.made[least].Load() {
			least = i
		}
	}
	return &verbs[least]
}

// known are those of some users that this test knows.
func known(some []groupkit.UserID) []groupkit.UserID {
	return slices.DeleteFunc(slices.Clone(some), func(u groupkit.UserID) bool { return !slices.Contains(users, u) })
}

// group returns a group of a slot: mostly the newest one.
func (p *process) group(d dice, slot int) groupkit.GroupID {
	n := p.created[slot].Load()
	if d(30) == 0 {
		n += int64(d(2)*2 - 1)
	}
	return groupID(slot, max(n, 1))
}

func groupID(slot int, n int64) groupkit.GroupID {
	return groupkit.GroupID(fmt.Sprintf("%d-%d", slot, n))
}

// picture returns the group as the events that were heard show it. It is only for drawing calls.
func (p *process) picture(id groupkit.GroupID) *modeltest.Group {
	p.mu.Lock()
	defer p.mu.Unlock()
	if g, known := p.pictures[id]; known {
		return clone(g)
	}
	return emptyGroup(id)
}

// see brings the picture of a group up to date.
func (p *process) see(e groupkit.Event) {
	if e.Group == largeGroup {
		return
	}
	p.learn(e.Group)
	g, known := p.pictures[e.Group]
	if !known {
		g = emptyGroup(e.Group)
		p.pictures[e.Group] = g
	}
	if e.Version == g.Version+1 {
		g.Apply(e)
		g.Version++
	}
	if e.Kind == groupkit.GroupDeleted {
		g.Owner = ""
	}
}

// call makes a call, and makes it again with its key if it does not know what came of it.
func (p *process) call(ctx context.Context, o *operation) {
	p.begin(o)
	err := p.make(ctx, p.eng, o)
	for tries := 0; o.Once && tries < 3 && ctx.Err() == nil && (fateOf(err) == unknown || fateOf(err) == failed); tries++ {
		err = p.make(ctx, p.eng, o)
	}
	p.record(err, o)
}

func (p *process) make(ctx context.Context, scope groupkit.Scope, o *operation) (err error) {
	o.Answer, err = verbNamed(o.Verb).make(ctx, o.actor(scope), o)
	if err != nil {
		o.Answer = answer{Code: groupkit.Code(err)}
	}
	for _, limit := range []error{groupkit.ErrTooManyJoined, groupkit.ErrTooManyGroups} {
		if errors.Is(err, limit) { // of an entry of a batch, perhaps
			o.Answer.Entries = append(o.Answer.Entries, groupkit.Code(limit))
		}
	}
	return err
}

// begin notes that operations begin.
func (p *process) begin(all ...*operation) {
	begun := p.ticks.Add(1)
	for _, o := range all {
		o.Begun = begun
		if err := p.journal.note(entry{Begun: o}); err != nil {
			p.report(err)
		}
	}
}

// again makes a call that another process made, or makes just now, with its key.
func (p *process) again(ctx context.Context, d dice, attempt string) {
	of := d(processes + 1) // the last is the one that was started again
	if of == p.Number {
		return
	}
	calls, err := keyedLately(p.Folder, of)
	if err != nil {
		p.report(err)
	}
	if len(calls) > 0 {
		p.call(ctx, new(oneOf(d, calls).again(attempt)))
	}
}

// again returns the operation before it is made, as another attempt.
func (o operation) again(attempt string) operation {
	o.Attempt, o.Answer, o.Fate, o.Failure, o.Begun, o.Ended = attempt, answer{}, 0, "", 0, 0
	return o
}

// makeAll makes some calls, at once with the other processes.
func (p *process) makeAll(calls []operation) []operation {
	ctx, cancel := context.WithTimeout(context.Background(), longest)
	defer cancel()
	for i := range calls {
		p.call(ctx, &calls[i])
	}
	return calls
}

// together makes some calls in one transaction.
func (p *process) together(ctx context.Context, d dice, reason string) {
	var all []*operation
	for i := range 1 + d(3) {
		o := p.draw(d, fmt.Sprint(reason, "-", i))
		if verbNamed(o.Verb).alone {
			continue
		}
		o.Once = false
		all = append(all, o)
	}
	p.begin(all...)
	undo := d(8) == 0
	err := p.eng.Atomic(ctx, func(tx *groupkit.Tx) error {
		for _, o := range all {
			if err := p.make(ctx, tx, o); err != nil && fateOf(err) != refused {
				return err
			}
		}
		if undo {
			return errUndo
		}
		return nil
	})
	for _, o := range all {
		p.record(err, o)
	}
}

var errUndo = errors.New("undo")

// record notes what became of operations that ended together.
func (p *process) record(err error, o *operation) {
	o.Ended = p.ticks.Add(1)
	switch o.Fate = fateOf(err); {
	case err == nil && o.Answer.Code != "":
		o.Fate = refused // in a transaction
	case o.Fate == failed && verbNamed(o.Verb).steps && !o.Dry, o.Fate == refused && o.Verb == "ForgetUser":
		o.Fate = unknown // a part of it can have been made; or the user became an owner on the way
	case o.Fate < 0:
		p.report(fmt.Errorf("%s %+v: %w", o.Verb, *o, err))
	}
	if err != nil && o.Fate >= failed {
		o.Failure = err.Error()
	}
	if o.Fate == granted && !o.Dry {
		p.made[slices.IndexFunc(verbs, func(v verb) bool { return v.name == o.Verb })].Add(1)
	}
	if o.Verb == "CreateGroup" && !o.Dry && (o.Fate == granted || o.Answer.Code == groupkit.Code(groupkit.ErrGroupExists)) {
		p.learn(o.Group)
	}
	if err := p.journal.note(entry{Ended: o}); err != nil {
		p.report(err)
	}
}

// learn notes that a group is there to be called.
func (p *process) learn(id groupkit.GroupID) {
	var slot int
	var n int64
	if _, err := fmt.Sscanf(string(id), "%d-%d", &slot, &n); err != nil {
		return
	}
	for was := p.created[slot].Load(); n > was && !p.created[slot].CompareAndSwap(was, n); was = p.created[slot].Load() {
	}
}

func (p *process) report(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.unexpected == nil {
		p.unexpected = err
	}
}

// fateOf tells what an error says of a call; -1 is what no call may end with.
func fateOf(err error) fate {
	switch {
	case err == nil:
		return granted
	case errors.Is(err, groupkit.ErrUnknownOutcome):
		return unknown
	case errors.Is(err, errUndo), errors.Is(err, groupkit.ErrStorage), errors.Is(err, context.DeadlineExceeded):
		return failed
	}
	for _, class := range []error{groupkit.ErrNotFound, groupkit.ErrForbidden, groupkit.ErrLimit, groupkit.ErrInvalid, groupkit.ErrConflict} {
		if errors.Is(err, class) {
			return refused
		}
	}
	return -1
}
