package faults_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
	"groupkit/store"
)

// TestFaults_CommitUnknown loses the answer to every commit, of changes that were committed
// and of changes that were not. The caller gets ErrUnknownOutcome, and either the whole
// change is there or nothing of it.
func TestFaults_CommitUnknown(t *testing.T) {
	t.Parallel()
	for _, v := range changes {
		for _, commits := range []bool{true, false} {
			t.Run(fmt.Sprint(v.name, " ", commits), func(t *testing.T) {
				t.Parallel()
				for commit, hit := 1, true; hit; commit++ {
					grouptest.Scoped(t, func(scope grouptest.TB) {
						line := &lostCommitStore{left: commit, commits: commits}
						hit = losing(t, scope, v, line)
					})
				}
			})
		}
	}
}

// losing makes a call over a store that loses an answer, and checks what is there.
func losing(t *testing.T, scope grouptest.TB, v call, line *lostCommitStore) bool {
	s := grouptest.NewDataset(scope)
	line.Store = s.Store
	openOnline(scope, s, line)
	before, spoke := s.DumpAll(t), speakers(t, s)
	err := v.run(t.Context(), s)
	requireFault(t, line.hit, fault{"unknown", store.ErrCommitUnknown, []error{groupkit.ErrUnknownOutcome}, []error{groupkit.ErrStorage}}, err)
	if line.hit && !line.commits && v.name != "UploadFile" {
		require.Equal(t, before, s.DumpAll(t))
		require.Equal(t, spoke, speakers(t, s))
	}
	requireSoundOrPending(t, s)
	spoke = speakers(t, s)
	s.Reopen(scope)
	require.Equal(t, speakers(t, s), spoke, "what is answered from memory")
	s.RequireVerified(t)
	return line.hit
}

// openOnline opens an engine over a store that loses none of the answers to the opening.
func openOnline(scope grouptest.TB, s *grouptest.Dataset, line *lostCommitStore) {
	left := line.left
	line.left = 0
	s.OpenWhole(scope, grouptest.DatasetOptions(), grouptest.KeptStore{Store: line}, grouptest.KeptBlobs{Blobs: s.Blobs})
	line.left, line.hit = left, false
}

// A lostCommitStore loses the answer to one commit.
type lostCommitStore struct {
	store.Store
	left    int
	commits bool
	hit     bool
}

func (s *lostCommitStore) Exclusive() bool { return true }

func (s *lostCommitStore) Update(ctx context.Context, fn func(store.Writer) error) error {
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
