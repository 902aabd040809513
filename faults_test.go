package groupkit_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/store"
)

// A fault is how a store fails, and what a caller has to be told.
type fault struct {
	name string
	err  error
	is   []error
	not  []error
}

var errBoom = errors.New("boom")

var faults = []fault{
	{"anything", errBoom, []error{groupkit.ErrStorage, errBoom}, []error{groupkit.ErrCorrupt, groupkit.ErrUnknownOutcome, groupkit.ErrClosed}},
	{"no space", fmt.Errorf("disk: %w", store.ErrNoSpace), []error{groupkit.ErrStorage, store.ErrNoSpace}, []error{groupkit.ErrCorrupt, groupkit.ErrLimit}},
	{"too large", store.ErrTooLarge, []error{groupkit.ErrStorage, store.ErrTooLarge}, []error{groupkit.ErrLimit}},
	{"conflict", errors.Join(store.ErrConflict, context.DeadlineExceeded), []error{groupkit.ErrStorage, context.DeadlineExceeded}, []error{groupkit.ErrConflict}},
	{"corrupt", store.ErrCorrupt, []error{groupkit.ErrCorrupt}, []error{groupkit.ErrStorage}},
	{"closed", store.ErrClosed, []error{groupkit.ErrClosed}, []error{groupkit.ErrStorage}},
	{"end of the context", context.Canceled, []error{context.Canceled}, []error{groupkit.ErrStorage, groupkit.ErrCorrupt}},
}

// someFaults are enough where a fault at every operation takes long.
func someFaults() []fault { return []fault{faults[0], faults[4], faults[6]} }

// A faulty store fails at one of its operations, counted from the time it is armed: at
// the beginning of a transaction, at anything done in it, or at its commit.
type faulty struct {
	store.Store
	left    atomic.Int64 // operations until the one that fails; below it, none does
	err     error
	hit     atomic.Bool
	commits bool                // the commit is made although it fails
	spoil   func([]byte) []byte // replaces a value that is read, instead of failing
}

func (s *faulty) arm(operation int, err error) {
	s.err = err
	s.hit.Store(false)
	s.left.Store(int64(operation))
}

func (s *faulty) disarm() { s.left.Store(0) }

func (s *faulty) turn() bool {
	if s.left.Add(-1) != 0 {
		return false
	}
	s.hit.Store(true)
	return true
}

func (s *faulty) fails() error {
	if s.spoil == nil && s.turn() {
		return s.err
	}
	return nil
}

func (s *faulty) Exclusive() bool { return true }

func (s *faulty) View(ctx context.Context, fn func(store.Reader) error) error {
	if err := s.fails(); err != nil {
		return err
	}
	return s.Store.View(ctx, func(r store.Reader) error { return fn(faultyReader{r, s}) })
}

func (s *faulty) Update(ctx context.Context, fn func(store.Writer) error) error {
	if err := s.fails(); err != nil {
		return err
	}
	var failed error
	err := s.Store.Update(ctx, func(w store.Writer) error {
		if err := fn(faultyWriter{faultyReader{w, s}, w}); err != nil {
			return err
		}
		if failed = s.fails(); s.commits {
			return nil
		}
		return failed
	})
	if failed != nil {
		return failed
	}
	return err
}

type faultyReader struct {
	store.Reader
	s *faulty
}

func (r faultyReader) Get(k []byte) ([]byte, bool, error) {
	if err := r.s.fails(); err != nil {
		return nil, false, err
	}
	v, ok, err := r.Reader.Get(k)
	if ok && r.s.spoil != nil && r.s.turn() {
		v = r.s.spoil(v)
		ok = v != nil
	}
	return v, ok, err
}

func (r faultyReader) Scan(rng store.Range) ([]store.Pair, bool, error) {
	if err := r.s.fails(); err != nil {
		return nil, false, err
	}
	page, more, err := r.Reader.Scan(rng)
	for i := range page {
		if r.s.spoil != nil && r.s.turn() {
			page = slices.Clone(page)
			page[i].Value = r.s.spoil(page[i].Value)
		}
	}
	return page, more, err
}

type faultyWriter struct {
	faultyReader
	w store.Writer
}

func (w faultyWriter) Put(k, v []byte) error {
	if err := w.s.fails(); err != nil {
		return err
	}
	return w.w.Put(k, v)
}

func (w faultyWriter) Delete(k []byte) error {
	if err := w.s.fails(); err != nil {
		return err
	}
	return w.w.Delete(k)
}

// newFaultyTown returns a town whose store can be made to fail.
func newFaultyTown(t tester) (*town, *faulty) { return newFaultyTownWith(t, townOptions()) }

func newFaultyTownWith(t tester, opts groupkit.Options) (*town, *faulty) {
	f := new(faulty)
	s := newTownOver(t, opts, func(s store.Store, b store.Blobs) (store.Store, store.Blobs) {
		f.Store = s
		return f, b
	})
	return s, f
}

// TestFaults_Changes makes every change over a store that fails, in every way, at its
// first operation, at its second, and so on. A change that fails has changed nothing, and
// says what was the matter.
func TestFaults_Changes(t *testing.T) {
	t.Parallel()
	for _, v := range changes {
		t.Run(v.name, func(t *testing.T) {
			t.Parallel()
			for _, fault := range faults {
				briefly(t, func(brief tester) {
					s, f := newFaultyTown(brief)
					before, spoke := s.everything(t), speakers(t, s)
					failing(t, v, s, f, fault, func() {
						require.Equal(t, before, s.everything(t))
						require.Equal(t, spoke, speakers(t, s))
					})
					s.clean(t)
				})
			}
		})
	}
}

// TestFaults_Steps is the same for the verbs that take several transactions. What they
// have done before the failure stays done, whole, and calling them again finishes it.
func TestFaults_Steps(t *testing.T) {
	t.Parallel()
	for i, v := range stepwise {
		t.Run(fmt.Sprint(i, " ", v.name), func(t *testing.T) {
			t.Parallel()
			for _, fault := range someFaults() {
				for n, hit := 1, true; hit; n++ {
					briefly(t, func(brief tester) { hit = failingStep(t, brief, v, fault, n) })
				}
			}
		})
	}
}

// TestFaults_Retention cuts the logs over a store that fails.
func TestFaults_Retention(t *testing.T) {
	t.Parallel()
	opts := townOptions()
	opts.Retention = groupkit.Retention{MaxEvents: 2}
	sweep := verb{"Sweep", func(ctx context.Context, s *town) error { return second(s.Sweep(ctx)) }}
	for _, fault := range someFaults() {
		for n, hit := 1, true; hit; n += 3 {
			briefly(t, func(brief tester) { hit = failingStepIn(t, brief, opts, sweep, fault, n) })
		}
	}
}

// failingStep runs a verb whose operation of that number fails, and runs it again.
func failingStep(t *testing.T, brief tester, v verb, fault fault, operation int) (hit bool) {
	return failingStepIn(t, brief, townOptions(), v, fault, operation)
}

func failingStepIn(t *testing.T, brief tester, opts groupkit.Options, v verb, fault fault, operation int) (hit bool) {
	s, f := newFaultyTownWith(brief, opts)
	f.arm(operation, fault.err)
	err := v.run(t.Context(), s)
	hit = f.hit.Load()
	f.disarm()
	requireFault(t, hit, fault, err)
	requireSoundOrPending(t, s)
	if hit {
		requireNothing(t, v.run(t.Context(), s))
	}
	s.reopen(brief)
	s.clean(t)
	return hit
}

// requireNothing takes the outcomes of a verb that is called again: there may be nothing
// left to do, or not the right to do it.
func requireNothing(t *testing.T, err error) {
	if err == nil || errors.Is(err, groupkit.ErrGroupNotFound) || errors.Is(err, groupkit.ErrNotMember) {
		return
	}
	require.NoError(t, err)
}

func requireSoundOrPending(t *testing.T, s *town) {
	violations, err := s.Verify(t.Context())
	require.NoError(t, err)
	for _, v := range violations {
		if v.Record == "deletion under way" {
			require.Equal(t, "is pending", v.Problem)
			continue
		}
		// Contents go after their records.
		require.Equal(t, "no file names it", v.Problem, "%v", v)
	}
}

// TestFaults_Reads reads over a store that fails.
func TestFaults_Reads(t *testing.T) {
	t.Parallel()
	for i, v := range reads {
		t.Run(fmt.Sprint(i, " ", v.name), func(t *testing.T) {
			t.Parallel()
			s, f := newFaultyTown(t)
			before := s.everything(t)
			for _, fault := range someFaults() {
				failing(t, v, s, f, fault, func() {})
			}
			require.Equal(t, before, s.everything(t))
		})
	}
}

// failing runs a verb until it lives through all its operations.
func failing(t *testing.T, v verb, s *town, f *faulty, fault fault, check func()) {
	for n, hit := 1, true; hit; n++ {
		f.arm(n, fault.err)
		err := v.run(t.Context(), s)
		hit = f.hit.Load()
		f.disarm()
		requireFault(t, hit, fault, err)
		if hit {
			check()
		}
		require.True(t, hit || n > 1 || v.name == "MaySpeak", "nothing was read") // which is answered from memory
	}
}

func requireFault(t *testing.T, hit bool, fault fault, err error) {
	if !hit {
		require.NoError(t, err)
		return
	}
	require.Error(t, err, fault.name)
	_, ok := err.(*groupkit.Error) //nolint:errorlint // it is the outermost
	require.True(t, ok, "%T %v", err, err)
	for _, is := range fault.is {
		require.ErrorIs(t, err, is, fault.name)
	}
	for _, not := range fault.not {
		require.NotErrorIs(t, err, not, fault.name)
	}
}

// everything is the records and the contents of a town.
func (s *town) everything(t *testing.T) map[string]string {
	all := s.dump(t)
	for _, id := range contents(t, s.blobs) {
		r, err := s.blobs.Get(t.Context(), id)
		require.NoError(t, err)
		content, err := io.ReadAll(r)
		require.NoError(t, err)
		all["content "+id] = string(content)
	}
	return all
}

// speakers is who may speak, which the engine may answer from memory.
func speakers(t *testing.T, s *town) map[groupkit.UserID]string {
	all := make(map[groupkit.UserID]string)
	for _, user := range (ids{"alice", "bob", "carol", "dave", "ivan", "heidi", "erin", "frank", "grace", "zoe"}) {
		for _, group := range []groupkit.GroupID{guild, open} {
			all[user] += fmt.Sprint(s.As(user).MaySpeak(t.Context(), group), "\n")
		}
	}
	return all
}

// TestFaults_CommitUnknown loses the answer to every commit, of changes that were made
// and of changes that were not: the caller is told that nobody knows, and all of it is
// there or nothing.
func TestFaults_CommitUnknown(t *testing.T) {
	t.Parallel()
	for _, v := range changes {
		for _, commits := range []bool{true, false} {
			t.Run(fmt.Sprint(v.name, " ", commits), func(t *testing.T) {
				t.Parallel()
				for commit, hit := 1, true; hit; commit++ {
					briefly(t, func(brief tester) {
						line := &badLine{left: commit, commits: commits}
						hit = losing(t, brief, v, line)
					})
				}
			})
		}
	}
}

// losing runs a verb over a bad line and looks at what is there, and what is answered.
func losing(t *testing.T, brief tester, v verb, line *badLine) bool {
	s := newTown(brief)
	line.Store = s.raw
	s.open(brief, townOptions(), keptStore{line}, keptBlobs{s.blobs})
	before, spoke := s.everything(t), speakers(t, s)
	err := v.run(t.Context(), s)
	requireFault(t, line.hit, fault{"unknown", store.ErrCommitUnknown, []error{groupkit.ErrUnknownOutcome}, []error{groupkit.ErrStorage}}, err)
	if line.hit && !line.commits && v.name != "UploadFile" {
		require.Equal(t, before, s.everything(t))
		require.Equal(t, spoke, speakers(t, s))
	}
	requireSoundOrPending(t, s)
	spoke = speakers(t, s)
	s.reopen(brief)
	require.Equal(t, speakers(t, s), spoke, "what is answered from memory")
	s.clean(t)
	return line.hit
}

// A badLine loses the answer to one commit.
type badLine struct {
	store.Store
	left    int
	commits bool
	hit     bool
}

func (s *badLine) Exclusive() bool { return true }

func (s *badLine) Update(ctx context.Context, fn func(store.Writer) error) error {
	err := s.Store.Update(ctx, func(w store.Writer) error {
		if err := fn(w); err != nil {
			return err
		}
		if s.left--; s.left == 0 && !s.commits {
			return store.ErrCommitUnknown
		}
		return nil
	})
	if s.left == 0 && !s.hit {
		s.hit = true
		return fmt.Errorf("the line is dead: %w", store.ErrCommitUnknown)
	}
	return err
}

// TestFaults_Nonsense gives nonsense in the place of every value that is read. Nothing
// panics, and a call that is refused has changed nothing.
func TestFaults_Nonsense(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func([]byte) []byte{
		"garbage": func([]byte) []byte { return []byte(garbage) },
		"empty":   func([]byte) []byte { return []byte{} },
		"nothing": func([]byte) []byte { return nil },
		"half":    func(v []byte) []byte { return v[:len(v)/2] },
		"twice":   func(v []byte) []byte { return slices.Concat(v, v) },
		"a text":  func([]byte) []byte { return []byte("\x0a\x05alice\x10\x01") },
		"numbers": func([]byte) []byte { return []byte("\x08\x03\x10\x03\x18\x03\x20\x03\x28\x03") },
		"too much": func([]byte) []byte {
			return []byte("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, v := range allVerbs() {
				for n, hit := 1, true; hit; n++ {
					briefly(t, func(brief tester) { hit = spoiling(t, brief, v, spoil, n) })
				}
			}
		})
	}
}

// spoiling runs a verb that reads nonsense in the place of the value of that number.
func spoiling(t *testing.T, brief tester, v verb, spoil func([]byte) []byte, value int) bool {
	s, f := newFaultyTown(brief)
	before := s.everything(t)
	f.spoil = spoil
	f.arm(value, nil)
	err := v.run(t.Context(), s)
	f.spoil = nil
	f.disarm()
	if err == nil {
		return f.hit.Load()
	}
	_, ok := errors.AsType[*groupkit.Error](err)
	require.True(t, ok, "%s: %v", v.name, err)
	if v.name != "UploadFile" { // which finds its announcement gone, and gives up
		require.NotErrorIs(t, err, groupkit.ErrStorage, v.name)
	}
	if !slices.ContainsFunc(stepwise, func(w verb) bool { return w.name == v.name }) {
		require.Equal(t, before, s.everything(t), v.name)
	}
	return f.hit.Load()
}

// TestFaults_RunAgain runs the function of every transaction twice, as a store may: what
// the first run did leaves no trace.
func TestFaults_RunAgain(t *testing.T) {
	t.Parallel()
	for i, v := range append(slices.Clone(changes), stepwise...) {
		t.Run(fmt.Sprint(i, " ", v.name), func(t *testing.T) {
			t.Parallel()
			once := newTown(t)
			again := newTownOver(t, townOptions(), func(s store.Store, b store.Blobs) (store.Store, store.Blobs) {
				return runTwice(s), b
			})
			sub, err := again.System().SubscribeAll(t.Context())
			require.NoError(t, err)
			defer sub.Close()
			require.NoError(t, v.run(t.Context(), once))
			require.NoError(t, v.run(t.Context(), again))
			again.clean(t)
			require.Len(t, again.dump(t), len(once.dump(t)))
			for _, group := range []groupkit.GroupID{guild, open, once.rangers} {
				require.Equal(t, lastEvent(t, once, group).Version, lastEvent(t, again, group).Version)
			}
			requireTold(t, again, sub)
		})
	}
}

func lastEvent(t *testing.T, s *town, group groupkit.GroupID) (last groupkit.Event) {
	for e, err := range s.System().Events(t.Context(), group, 0) {
		require.NoError(t, err)
		last = e
	}
	return last
}

// requireTold checks that a subscriber has heard every event that was added to the logs
// of the town, each once.
func requireTold(t *testing.T, s *town, sub *groupkit.Subscription) {
	heard := make(map[groupkit.GroupID]uint64)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for {
		e, err := sub.Next(ended)
		if err != nil {
			require.ErrorIs(t, err, context.Canceled)
			break
		}
		if was, ok := heard[e.Group]; ok {
			require.Equal(t, was+1, e.Version)
		}
		heard[e.Group] = e.Version
	}
	for group, version := range heard {
		require.Equal(t, lastEvent(t, s, group).Version, version)
	}
}

// TestFaults_ReturnNothing has changes whose commit fails: there is nothing to return but
// the error, above all no list of successes.
func TestFaults_ReturnNothing(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	for name, call := range map[string]func(s *town) (any, error){
		"CreateGroup": func(s *town) (any, error) {
			return s.As("yves").CreateGroup(ctx, groupkit.NewGroup{Name: "New"})
		},
		"UpdateGroup": func(s *town) (any, error) {
			return s.As("alice").UpdateGroup(ctx, guild, groupkit.GroupUpdate{Name: new("x")})
		},
		"Mute":        func(s *town) (any, error) { return s.As("bob").Mute(ctx, guild, 1, "carol") },
		"Block":       func(s *town) (any, error) { return s.As("bob").Block(ctx, guild, 1, "carol") },
		"Join":        func(s *town) (any, error) { return s.As("newcomer").Join(ctx, open) },
		"Invite":      func(s *town) (any, error) { return s.As("bob").Invite(ctx, guild, "newcomer") },
		"MuteUsers":   func(s *town) (any, error) { return s.As("bob").MuteUsers(ctx, guild, 1, ids{"carol"}) },
		"AddMembers":  func(s *town) (any, error) { return s.System().AddMembers(ctx, guild, ids{"new"}) },
		"UploadFile":  func(s *town) (any, error) { return s.As("carol").UploadFile(ctx, guild, "x", halfway(func() {})) },
		"InviteUsers": func(s *town) (any, error) { return s.As("bob").InviteUsers(ctx, guild, ids{"newcomer"}) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newTown(t)
			s.open(t, townOptions(), keptStore{&badLine{Store: s.raw, left: either(name == "UploadFile", 2, 1)}}, keptBlobs{s.blobs})
			got, err := call(s)
			require.ErrorIs(t, err, groupkit.ErrUnknownOutcome)
			require.Zero(t, got)
		})
	}
}
