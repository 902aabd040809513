package record_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"groupkit/internal/record"
)

// TestTexts has the strings stay what they were while others are made.
func TestTexts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var texts *record.Texts
		if rapid.Bool().Draw(t, "together") {
			texts = new(record.Texts)
		}
		want := rapid.SliceOf(rapid.SliceOfN(rapid.Byte(), 0, 300)).Draw(t, "texts")
		var got []string
		for _, b := range want {
			mine := append([]byte(nil), b...)
			got = append(got, texts.Of(mine))
			for i := range mine {
				mine[i]++
			}
		}
		for i := range want {
			require.Equal(t, string(want[i]), got[i])
		}
	})
}

// TestTexts_allocations makes the strings of a page of a list.
func TestTexts_allocations(t *testing.T) {
	id := []byte("0f0e0d0c-0b0a-0908-0706-050403020100")
	n := testing.AllocsPerRun(10, func() {
		var texts record.Texts
		for range 100 {
			_ = texts.Of(id)
		}
	})
	require.LessOrEqual(t, n, 9.0)
}
