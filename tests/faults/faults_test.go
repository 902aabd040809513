// Package faults_test runs every call over stores that fail, lie, lose answers or hold
// damaged records, and interrupts the calls that take several transactions at each step.
package faults_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
	"groupkit/store"
)

// TestFaults_Changes makes every change over a store that fails at its first operation, at
// its second, and so on, with every kind of fault. A change that fails has changed nothing,
// and returns the right error.
func TestFaults_Changes(t *testing.T) {
	t.Parallel()
	for _, v := range changes {
		t.Run(v.name, func(t *testing.T) {
			t.Parallel()
			for _, fault := range faults {
				grouptest.Scoped(t, func(scope grouptest.TB) {
					s, f := newFaultyDataset(scope)
					before, spoke := s.DumpAll(t), speakers(t, s)
					failing(t, v, s, f, fault, func() {
						require.Equal(t, before, s.DumpAll(t))
						require.Equal(t, spoke, speakers(t, s))
					})
					s.RequireVerified(t)
				})
			}
		})
	}
}

// TestFaults_Steps does the same for the calls that take several transactions. Each step
// before the fault stays done as a whole, and the same call again finishes the work.
func TestFaults_Steps(t *testing.T) {
	t.Parallel()
	for i, v := range multiStep {
		t.Run(fmt.Sprint(i, " ", v.name), func(t *testing.T) {
			t.Parallel()
			for _, fault := range someFaults() {
				for n, hit := 1, true; hit; n++ {
					grouptest.Scoped(t, func(scope grouptest.TB) { hit = failingStep(t, scope, v, fault, n) })
				}
			}
		})
	}
}

// TestFaults_Retention sweeps with retention over a store that fails.
func TestFaults_Retention(t *testing.T) {
	t.Parallel()
	opts := grouptest.DatasetOptions()
	opts.Retention = groupkit.Retention{MaxEvents: 2}
	sweep := call{"Sweep", func(ctx context.Context, s *grouptest.Dataset) error { return grouptest.ErrorOf(s.Sweep(ctx)) }}
	for _, fault := range someFaults() {
		for n, hit := 1, true; hit; n += 3 {
			grouptest.Scoped(t, func(scope grouptest.TB) { hit = failingStepIn(t, scope, opts, sweep, fault, n) })
		}
	}
}

// failingStep makes a call in which the operation of that number fails, and makes it again.
func failingStep(t *testing.T, scope grouptest.TB, v call, fault fault, operation int) (hit bool) {
	return failingStepIn(t, scope, grouptest.DatasetOptions(), v, fault, operation)
}

func failingStepIn(t *testing.T, scope grouptest.TB, opts groupkit.Options, v call, fault fault, operation int) (hit bool) {
	s, f := newFaultyDatasetWith(scope, opts)
	f.arm(operation, fault.err)
	err := v.run(t.Context(), s)
	hit = f.hit.Load()
	f.disarm()
	requireFault(t, hit, fault, err)
	requireSoundOrPending(t, s)
	if hit {
		requireNothing(t, v.run(t.Context(), s))
	}
	s.Reopen(scope)
	s.RequireVerified(t)
	return hit
}

// requireNothing checks the error of a call that is made again: there may be nothing left to
// do, or the caller may have lost the right to do it.
func requireNothing(t *testing.T, err error) {
	if err == nil || errors.Is(err, groupkit.ErrGroupNotFound) || errors.Is(err, groupkit.ErrNotMember) {
		return
	}
	require.NoError(t, err)
}

func requireSoundOrPending(t *testing.T, s *grouptest.Dataset) {
	report, err := s.Verify(t.Context(), groupkit.VerifyOptions{})
	require.NoError(t, err)
	report.Deletions = nil
	require.Zero(t, report)
}

// TestFaults_Reads reads over a store that fails.
func TestFaults_Reads(t *testing.T) {
	t.Parallel()
	for i, v := range reads {
		t.Run(fmt.Sprint(i, " ", v.name), func(t *testing.T) {
			t.Parallel()
			s, f := newFaultyDataset(t)
			before := s.DumpAll(t)
			for _, fault := range someFaults() {
				failing(t, v, s, f, fault, func() {})
			}
			require.Equal(t, before, s.DumpAll(t))
		})
	}
}

// failing makes a call again and again, with a fault one operation later each time, until no
// operation of it fails.
func failing(t *testing.T, v call, s *grouptest.Dataset, f *faultyStore, fault fault, check func()) {
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

// speakers is who may speak, which the engine may answer from its cache.
func speakers(t *testing.T, s *grouptest.Dataset) map[groupkit.UserID]string {
	all := make(map[groupkit.UserID]string)
	for _, user := range (grouptest.IDs{"alice", "bob", "carol", "dave", "ivan", "heidi", "erin", "frank", "grace", "zoe"}) {
		for _, group := range []groupkit.GroupID{grouptest.Guild, grouptest.OpenGroup} {
			all[user] += fmt.Sprint(s.As(user).MaySpeak(t.Context(), group), "\n")
		}
	}
	return all
}

// TestFaults_Nonsense replaces every value that is read with nonsense. Nothing panics, and a
// call that fails has changed nothing.
func TestFaults_Nonsense(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func([]byte) []byte{
		"garbage": func([]byte) []byte { return []byte(grouptest.Garbage) },
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
			for _, v := range allCalls() {
				for n, hit := 1, true; hit; n++ {
					grouptest.Scoped(t, func(scope grouptest.TB) { hit = spoiling(t, scope, v, spoil, n) })
				}
			}
		})
	}
}

// spoiling makes a call that reads nonsense instead of the value of that number.
func spoiling(t *testing.T, scope grouptest.TB, v call, spoil func([]byte) []byte, value int) bool {
	s, f := newFaultyDataset(scope)
	before := s.DumpAll(t)
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
	if !slices.ContainsFunc(multiStep, func(w call) bool { return w.name == v.name }) {
		require.Equal(t, before, s.DumpAll(t), v.name)
	}
	return f.hit.Load()
}

// TestFaults_RunAgain runs the function of every transaction twice, as a store may. The
// first run leaves no trace.
func TestFaults_RunAgain(t *testing.T) {
	t.Parallel()
	for i, v := range append(slices.Clone(changes), multiStep...) {
		t.Run(fmt.Sprint(i, " ", v.name), func(t *testing.T) {
			t.Parallel()
			once := grouptest.NewDataset(t)
			again := grouptest.NewDatasetOver(t, grouptest.DatasetOptions(), func(s store.Store, b store.Blobs) (store.Store, store.Blobs) {
				return grouptest.RunTwice(s), b
			})
			sub, err := again.System().FollowAll(t.Context(), groupkit.Latest())
			require.NoError(t, err)
			defer sub.Close()
			require.NoError(t, v.run(t.Context(), once))
			require.NoError(t, v.run(t.Context(), again))
			again.RequireVerified(t)
			require.Len(t, again.Dump(t), len(once.Dump(t)))
			for _, group := range []groupkit.GroupID{grouptest.Guild, grouptest.OpenGroup, once.Rangers} {
				require.Equal(t, grouptest.LastEvent(t, once, group).Version, grouptest.LastEvent(t, again, group).Version)
			}
			requireTold(t, again, sub)
		})
	}
}

// requireTold checks that a subscriber has got every event that was added to the logs, each
// once.
func requireTold(t *testing.T, s *grouptest.Dataset, sub *groupkit.Follower) {
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
		require.Equal(t, grouptest.LastEvent(t, s, group).Version, version)
	}
}

// TestFaults_ReturnNothing makes changes whose commit fails. They return the error alone, and
// no results of a batch.
func TestFaults_ReturnNothing(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	for name, call := range map[string]func(s *grouptest.Dataset) (any, error){
		"CreateGroup": func(s *grouptest.Dataset) (any, error) {
			return s.As("yves").CreateGroup(ctx, groupkit.NewGroup{Name: "New"})
		},
		"UpdateGroup": func(s *grouptest.Dataset) (any, error) {
			return s.As("alice").UpdateGroup(ctx, grouptest.Guild, groupkit.GroupUpdate{Name: new("x")})
		},
		"Mute":   func(s *grouptest.Dataset) (any, error) { return s.As("bob").Mute(ctx, grouptest.Guild, 1, "carol") },
		"Block":  func(s *grouptest.Dataset) (any, error) { return s.As("bob").Block(ctx, grouptest.Guild, 1, "carol") },
		"Join":   func(s *grouptest.Dataset) (any, error) { return s.As("newcomer").Join(ctx, grouptest.OpenGroup) },
		"Invite": func(s *grouptest.Dataset) (any, error) { return s.As("bob").Invite(ctx, grouptest.Guild, "newcomer") },
		"MuteUsers": func(s *grouptest.Dataset) (any, error) {
			return s.As("bob").MuteUsers(ctx, grouptest.Guild, 1, grouptest.IDs{"carol"})
		},
		"AddMembers": func(s *grouptest.Dataset) (any, error) {
			return s.System().AddMembers(ctx, grouptest.Guild, grouptest.IDs{"new"})
		},
		"UploadFile": func(s *grouptest.Dataset) (any, error) {
			return s.As("carol").UploadFile(ctx, grouptest.Guild, "x", grouptest.Halfway(func() {}))
		},
		"InviteUsers": func(s *grouptest.Dataset) (any, error) {
			return s.As("bob").InviteUsers(ctx, grouptest.Guild, grouptest.IDs{"newcomer"})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := grouptest.NewDataset(t)
			openOnline(t, s, &lostCommitStore{Store: s.Store, left: grouptest.Either(name == "UploadFile", 2, 1)})
			got, err := call(s)
			require.ErrorIs(t, err, groupkit.ErrUnknownOutcome)
			require.Zero(t, got)
		})
	}
}
