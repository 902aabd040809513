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

// ContentID returns the id of the content of a file.
func ContentID(f groupkit.File) string { return key.Content(uuid.MustParse(string(f.ID))) }

// FileKey returns the key of the record of a file.
func (s *Dataset) FileKey(t *testing.T, f groupkit.File) []byte {
	id := uuid.MustParse(string(f.ID))
	group, version, err := key.CutPoint(s.Get(t, key.FileIndex(id)))
	require.NoError(t, err)
	return key.File(group, version, id)
}

// ChangeFile changes the record of the chart.
func ChangeFile(change func(*record.File)) func(*testing.T, *Dataset) {
	return func(t *testing.T, s *Dataset) {
		k := s.FileKey(t, s.Chart)
		f, err := record.DecodeFile(s.Get(t, k))
		require.NoError(t, err)
		change(&f)
		s.Put(t, k, f.Encode())
	}
}

// ChangeFileBytes replaces the record of the chart.
func ChangeFileBytes(v string) func(*testing.T, *Dataset) {
	return func(t *testing.T, s *Dataset) {
		s.Put(t, s.FileKey(t, s.Chart), []byte(v))
	}
}

// PutContent replaces the content of the chart.
func PutContent(content string) func(*testing.T, *Dataset) {
	return func(t *testing.T, s *Dataset) {
		require.NoError(t, s.Blobs.Put(t.Context(), ContentID(s.Chart), strings.NewReader(content)))
	}
}

// CheckpointKey returns the key of a record in the checkpoint of Archive.
func CheckpointKey(kind byte, rest string) []byte {
	return append(append(key.Of("archive", key.Checkpoint), kind), rest...)
}

// Garbage is a value that no decoder accepts.
const Garbage = "\x80"
