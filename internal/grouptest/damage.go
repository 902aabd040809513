package grouptest

import (
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/key"
	"groupkit/internal/record"
)

func ContentID(group groupkit.GroupID, f groupkit.File) string {
	return key.Content(string(group), uuid.MustParse(string(f.ID)))
}

func ChangeFile(change func(*record.File)) func(*testing.T, *Dataset) {
	return func(t *testing.T, s *Dataset) {
		k := key.File("guild", uuid.MustParse(string(s.Chart.ID)))
		f, err := record.DecodeFile(s.Get(t, k))
		require.NoError(t, err)
		change(&f)
		s.Put(t, k, f.Encode())
	}
}

func ChangeFileBytes(v string) func(*testing.T, *Dataset) {
	return func(t *testing.T, s *Dataset) {
		s.Put(t, key.File("guild", uuid.MustParse(string(s.Chart.ID))), []byte(v))
	}
}

func PutContent(content string) func(*testing.T, *Dataset) {
	return func(t *testing.T, s *Dataset) {
		require.NoError(t, s.Blobs.Put(t.Context(), ContentID(Guild, s.Chart), strings.NewReader(content)))
	}
}

// CheckpointKey is the key of a record of the archive's checkpoint.
func CheckpointKey(kind byte, rest string) []byte {
	return append(append(key.Of("archive", key.Checkpoint), kind), rest...)
}

// Garbage is bytes that no decoder takes.
const Garbage = "\x80"
