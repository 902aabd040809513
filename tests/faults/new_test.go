package faults_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
	"groupkit/store/memblob"
	"groupkit/store/memstore"
)

// TestNew_Faults opens an engine over a store that fails at each operation.
func TestNew_Faults(t *testing.T) {
	t.Parallel()
	for _, fault := range faults {
		for n, hit := 1, true; hit; n++ {
			f := &faultyStore{Store: memstore.New()}
			f.arm(n, fault.err)
			hold := held{grouptest.KeptBlobs{Blobs: memblob.New()}, make(chan struct{})}
			eng, err := groupkit.New(f, hold, &groupkit.Options{Limits: groupkit.Limits{Groups: 3}})
			hit = err != nil
			f.disarm()
			close(hold.until)
			requireFault(t, hit, fault, err)
			if !hit {
				require.NoError(t, eng.Close())
			}
		}
	}
}

// held lists contents only when the test is ready.
type held struct {
	grouptest.KeptBlobs
	until chan struct{}
}

func (b held) List(ctx context.Context, after string, limit int) ([]string, bool, error) {
	<-b.until
	return b.KeptBlobs.List(ctx, after, limit)
}
