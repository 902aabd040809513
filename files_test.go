package groupkit_test

import (
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"groupkit"
)

// during is a reader that does something before its first byte.
func during(do func()) io.Reader {
	return io.MultiReader(readerFunc(func([]byte) (int, error) { do(); return 0, io.EOF }), strings.NewReader("slow"))
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func TestActor_Files(t *testing.T) {
	t.Parallel()
	t.Run("newest first, also where uploads overlap", func(t *testing.T) {
		t.Parallel()
		eng, clock := setup(t, groupkit.Options{})
		g, alice := group(t, eng, groupkit.NewGroup{}), eng.As("alice")
		_, err := alice.UploadFile(t.Context(), g, "slow", during(func() {
			clock.Advance(time.Second)
			require.NoError(t, second(alice.UploadFile(t.Context(), g, "quick", strings.NewReader("quick"))))
			clock.Advance(time.Second)
		}))
		require.NoError(t, err)
		files, err := collect(alice.Files(t.Context(), g))
		require.NoError(t, err)
		require.Len(t, files, 2)
		require.False(t, files[0].Created.Before(files[1].Created), "%v", files)
		verified(t, eng)
	})
}
