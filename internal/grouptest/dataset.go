package grouptest

import (
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/store/memblob"
)

// A Dataset is an engine whose store holds a record of every kind there is:
//
//	guild    public, by approval, with every kind of user, list and file
//	rangers  private, with an assigned id; members may invite, zoe is invited
//	open     public and open, of zoe and alice
//	ended    a tombstone
//	archive  private, its log cut: a checkpoint and one call
//	vanished a tombstone without a log
type Dataset struct {
	*Stack
	Rangers      groupkit.GroupID
	Chart, Rules groupkit.File
}

// The groups of a Dataset with ids of their own.
const (
	Guild     = groupkit.GroupID("guild")
	OpenGroup = groupkit.GroupID("open")
	Ended     = groupkit.GroupID("ended")

	Archive  = groupkit.GroupID("archive")
	Vanished = groupkit.GroupID("vanished")
)

// Month is how long requests and invitations last in a Dataset.
const Month = 30 * 24 * time.Hour

// DatasetOptions are the options of a Dataset: everything that can be switched on is on.
func DatasetOptions() groupkit.Options {
	return groupkit.Options{
		Limits: groupkit.Limits{Groups: 50}, BlockOutsiders: true, OwnerLeave: groupkit.OwnerSucceed,
		RequestTTL: Month, InvitationTTL: Month,
	}
}

// NewDataset returns a Dataset of the test's own.
func NewDataset(t TB) *Dataset { return NewDatasetOver(t, DatasetOptions(), Unwrapped) }

// NewDatasetOver returns a Dataset with other options than those it was built with, and with
// a wrapper around its store and contents.
func NewDatasetOver(t TB, opts groupkit.Options, around Wrapper) *Dataset {
	p := BuiltDataset()
	s := &Stack{Store: newStore(t), Blobs: memblob.New(), Clock: NewClockAt(Dawn)}
	p.Unpack(t, s.Store, s.Blobs)
	s.Clock.Set(p.now)
	over, contents := around(s.Store, s.Blobs)
	s.OpenWhole(t, opts, over, contents)
	return &Dataset{Stack: s, Rangers: p.rangers, Chart: p.chart, Rules: p.rules}
}

// Version returns the version of a group.
func (s *Dataset) Version(t *testing.T, group groupkit.GroupID) uint64 {
	g, err := s.System().Group(t.Context(), group)
	require.NoError(t, err)
	return g.Version
}

// Reopen opens another engine over the same store and contents, as after a crash: the first
// one is not closed. It waits until nothing of what was cut off is left to do.
func (s *Dataset) Reopen(t TB) {
	s.OpenWhole(t, DatasetOptions(), KeptStore{s.Store}, KeptBlobs{s.Blobs})
}

// DumpAll returns all records and contents.
func (s *Dataset) DumpAll(t *testing.T) map[string]string {
	all := s.Dump(t)
	for _, id := range ContentIDs(t, s.Blobs) {
		r, err := s.Blobs.Get(t.Context(), id)
		require.NoError(t, err)
		content, err := io.ReadAll(r)
		require.NoError(t, err)
		all["content "+id] = string(content)
	}
	return all
}
