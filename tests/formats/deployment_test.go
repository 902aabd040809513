package formats_test

import (
	"bytes"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/store/boltstore"
	"groupkit/store/fileblob"
)

// A deployment is a database that is open for writes.
type deployment struct {
	t     *testing.T
	eng   *groupkit.Engine
	gate  *gate
	blobs *blobGate
	log   lockedBuffer
}

func openWhole(t *testing.T, path string, opts groupkit.Options) *deployment {
	t.Helper()
	s, err := boltstore.Open(path, &boltstore.Options{Durability: boltstore.None})
	require.NoError(t, err)
	d := &deployment{t: t, gate: newGate(s, unlimited)}
	d.blobs = newBlobGate(fileblob.New(path+".files"), false, d.gate.changed)
	d.log.changed = d.gate.changed
	opts.Logger = slog.New(slog.NewTextHandler(&d.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	d.eng = start(t, d.gate, d.blobs, opts)
	return d
}

// waitUntilResumed waits until nothing of what was cut off is left to do. left is what Verify
// reports then.
func (d *deployment) waitUntilResumed(left string) {
	d.t.Helper()
	for !strings.Contains(d.log.String(), "the work after the opening has ended") {
		<-d.gate.changed
		require.NotContains(d.t, d.log.String(), "level=ERROR", "resuming failed")
	}
	require.Equal(d.t, left, findings(d.t, d.eng))
}

// contents is how many contents of files are kept.
func (d *deployment) contents() int {
	ids, more, err := d.blobs.List(d.t.Context(), "", 0)
	require.NoError(d.t, err)
	require.False(d.t, more)
	return len(ids) - 1 // the mark
}

// files is how many files the groups share.
func (d *deployment) files() (n int) {
	for g, err := range d.eng.System().Groups(d.t.Context()) {
		require.NoError(d.t, err)
		for _, err := range d.eng.System().Files(d.t.Context(), g.ID) {
			require.NoError(d.t, err)
			n++
		}
	}
	return n
}

// A lockedBuffer takes what the engine logs in the background.
type lockedBuffer struct {
	mu      sync.Mutex
	text    bytes.Buffer
	changed chan struct{}
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	defer notify(b.changed)
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}
