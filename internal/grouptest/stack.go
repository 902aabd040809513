package grouptest

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/key"
	"groupkit/internal/record"
	"groupkit/internal/seal"
	"groupkit/store"
	"groupkit/store/memblob"
)

// A TB is a *testing.T, or a *rapid.T.
type TB interface {
	require.TestingT
	Helper()
	Cleanup(func())
}

// Scoped runs a part of a test and its cleanups: a test that opens thousands of engines
// cannot keep them all open to its end.
func Scoped(t *testing.T, part func(TB)) {
	b := &scoped{T: t}
	defer func() {
		for _, f := range slices.Backward(b.cleanups) {
			f()
		}
	}()
	part(b)
}

type scoped struct {
	*testing.T
	cleanups []func()
}

func (b *scoped) Cleanup(f func()) { b.cleanups = append(b.cleanups, f) }

// A Stack is an engine with the store and contents beneath it, which the test can reach
// without the engine.
type Stack struct {
	*groupkit.Engine
	Store store.Store
	Blobs *memblob.Blobs
	Disk  store.Blobs // the contents, if they are on disk
	Clock *Clock
}

// Open opens an engine over a store and contents, and makes it that of the Stack.
func (s *Stack) Open(t TB, opts groupkit.Options, over store.Store, blobs store.Blobs) {
	t.Helper()
	opts.Clock = s.Clock.Now
	opts.CacheBytes = smallCache(opts.CacheBytes)
	opts.MaxSkew = oneClock(opts.MaxSkew)
	eng, err := groupkit.New(over, blobs, &opts)
	require.NoError(t, err)
	s.Engine = eng
	t.Cleanup(func() { require.NoError(t, eng.Close()) })
}

// OpenWhole is Open, and waits until the opening has done its work.
func (s *Stack) OpenWhole(t TB, opts groupkit.Options, over store.Store, blobs store.Blobs) {
	t.Helper()
	opening := NewOpening()
	if opts.Logger == nil {
		opts.Logger = opening.Logger()
		defer opening.Wait(t)
	}
	s.Open(t, opts, over, blobs)
}

// RequireVerified checks that Verify finds nothing.
func (s *Stack) RequireVerified(t require.TestingT) { RequireVerified(t, s.Engine) }

// Put writes a record without the engine, with its seal.
func (s *Stack) Put(t require.TestingT, k, v []byte) {
	PutAll(t, s.Store, map[string]string{string(k): string(v)})
}

// Remove deletes a record without the engine.
func (s *Stack) Remove(t require.TestingT, k []byte) {
	require.NoError(t, s.Store.Update(context.Background(), func(w store.Writer) error { return w.Delete(k) }))
}

// Get reads a record without the engine.
func (s *Stack) Get(t require.TestingT, k []byte) []byte {
	v, ok := s.Dump(t)[string(k)]
	require.True(t, ok, "%q", k)
	return []byte(v)
}

// ChangeHeader changes the header of a group, and none of the records that depend on it.
func (s *Stack) ChangeHeader(t require.TestingT, group groupkit.GroupID, change func(*record.Header)) {
	k := key.Of(string(group), key.Header)
	h, err := record.DecodeHeader(s.Get(t, k))
	require.NoError(t, err)
	change(&h)
	s.Put(t, k, h.Encode())
}

// ChangeStanding changes the standing of a user, and none of the records that depend on it.
func (s *Stack) ChangeStanding(t require.TestingT, group groupkit.GroupID, user string, member bool, change func(*record.Standing)) {
	k := key.Standing(string(group), user, member)
	st, err := record.DecodeStanding(s.Get(t, k), member)
	require.NoError(t, err)
	change(&st)
	s.Put(t, k, st.Encode())
}

// Dump returns all records of the store.
func (s *Stack) Dump(t require.TestingT) map[string]string { return DumpStore(t, s.Store) }

// Keys returns the keys that begin with a prefix.
func (s *Stack) Keys(t require.TestingT, prefix []byte) (keys []string) {
	for k := range s.Dump(t) {
		if strings.HasPrefix(k, string(prefix)) {
			keys = append(keys, k)
		}
	}
	return keys
}

// NewStack opens an engine in memory.
func NewStack(t TB, opts groupkit.Options) *Stack { return NewStackOver(t, opts, Unwrapped) }

// NewStackOver opens an engine in memory, with a wrapper around its store and contents.
func NewStackOver(t TB, opts groupkit.Options, around Wrapper) *Stack {
	t.Helper()
	s := &Stack{Store: newStore(t), Blobs: memblob.New(), Clock: NewClockAt(Dawn)}
	over, contents := around(s.Store, s.Blobs)
	s.OpenWhole(t, opts, over, contents)
	return s
}

// A Wrapper wraps a store and contents.
type Wrapper func(store.Store, store.Blobs) (store.Store, store.Blobs)

// Unwrapped is the Wrapper that does nothing.
func Unwrapped(s store.Store, b store.Blobs) (store.Store, store.Blobs) { return s, b }

// PutAll writes records to a store, with their seals.
func PutAll(t require.TestingT, to store.Store, records map[string]string) {
	require.NoError(t, to.Update(context.Background(), func(w store.Writer) error {
		sealed := seal.NewWriter(w)
		for k, v := range records {
			if err := sealed.Put([]byte(k), []byte(v)); err != nil {
				return err
			}
		}
		return nil
	}))
}

// DumpStore returns all records of a store without their seals. A record whose seal is broken
// is returned with it.
func DumpStore(t require.TestingT, from store.Store) map[string]string {
	all := RawRecords(t, from)
	for k, v := range all {
		if value, err := seal.Open([]byte(k), []byte(v)); err == nil {
			all[k] = string(value)
		}
	}
	return all
}

// RawRecords returns all records of a store as they are.
func RawRecords(t require.TestingT, from store.Store) map[string]string {
	all := make(map[string]string)
	require.NoError(t, from.View(context.Background(), func(r store.Reader) error {
		var rng store.Range
		for more := true; more; {
			page, m, err := r.Scan(rng)
			if err != nil {
				return err
			}
			for _, p := range page {
				all[string(p.Key)] = string(p.Value)
				rng.From = append(bytes.Clone(p.Key), 0)
			}
			more = m
		}
		return nil
	}))
	return all
}

// ContentsMark is the id of the mark of the contents, which is the content of no file.
const ContentsMark = "groupkit-mark"

// ContentIDs returns the ids of all contents of files.
func ContentIDs(t require.TestingT, blobs store.Blobs) []string {
	ids, more, err := blobs.List(context.Background(), "", 0)
	require.NoError(t, err)
	require.False(t, more)
	return slices.DeleteFunc(ids, func(id string) bool { return id == ContentsMark })
}
