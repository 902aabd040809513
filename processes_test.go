package groupkit_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/sharedmem"
	"groupkit/store/memblob"
)

// processes opens engines over one shared store, as if each were in a process of its own.
func processes(t *testing.T, n int, data *sharedmem.Data, opts groupkit.Options) (engines []*groupkit.Engine) {
	blobs := memblob.New()
	for range n {
		eng, err := groupkit.New(data.Open(), keptBlobs{blobs}, &opts)
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, eng.Close()) })
		engines = append(engines, eng)
	}
	return engines
}

// keptBlobs stay open when an engine is closed.
type keptBlobs struct{ *memblob.Blobs }

func (keptBlobs) Close() error { return nil }
