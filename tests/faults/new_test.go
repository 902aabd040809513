package faults_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"groupkit"
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
			eng, err := groupkit.New(f, memblob.New(), &groupkit.Options{Limits: groupkit.Limits{Groups: 3}})
			hit = err != nil
			f.disarm()
			requireFault(t, hit, fault, err)
			if !hit {
				require.NoError(t, eng.Close())
			}
		}
	}
}
