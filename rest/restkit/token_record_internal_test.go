package restkit

import (
	"testing"

	"github.com/stretchr/testify/require"

	"groupkit/store"
	"groupkit/store/memstore"
)

// TestTokenRecord_Verifier looks for a token whose hash begins like that of a stored one.
func TestTokenRecord_Verifier(t *testing.T) {
	t.Parallel()
	s := memstore.New()
	known := digestOf("known")
	record := tokenRecord{user: "alice", id: "1", expires: 7}
	require.NoError(t, s.Update(t.Context(), func(w store.Writer) error { return record.put(w, known) }))
	require.NoError(t, s.View(t.Context(), func(r store.Reader) error {
		found, ok, err := loadToken(r, known)
		require.NoError(t, err)
		require.True(t, ok)
		require.Equal(t, record, found)
		for i := range known {
			other := known
			other[i] ^= 1
			found, ok, err := loadToken(r, other)
			require.NoError(t, err)
			require.False(t, ok, "byte %d", i)
			require.Zero(t, found)
		}
		return nil
	}))
}

// TestTokenRecord_flipped flips each bit of the record of a user's token. It never becomes the
// token of the application.
func TestTokenRecord_flipped(t *testing.T) {
	t.Parallel()
	s := memstore.New()
	d := digestOf("known")
	for _, record := range []tokenRecord{{user: "alice", id: "1", expires: 7}, {user: "a", expires: 7}} {
		require.NoError(t, s.Update(t.Context(), func(w store.Writer) error {
			if err := record.put(w, d); err != nil {
				return err
			}
			value, _, err := w.Get(tokenKey(d.selector()))
			require.NoError(t, err)
			for bit := range 8 * len(value) {
				value[bit/8] ^= 1 << (bit % 8)
				require.NoError(t, w.Put(tokenKey(d.selector()), value))
				found, known, err := loadToken(w, d)
				require.False(t, err == nil && known && found.user == "", "bit %d", bit)
				value[bit/8] ^= 1 << (bit % 8)
			}
			return nil
		}))
	}
}
