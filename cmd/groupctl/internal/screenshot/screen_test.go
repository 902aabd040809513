package main

import (
	"encoding/xml"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestScreen(t *testing.T) {
	t.Parallel()
	s := newScreen(3, 8)
	s.write([]byte("\x1b[?25l\x1b[2J\x1b[Hold text\r\nmore\r\nmore\x1b[H\x1b[1mA<\x1b[0m 将b\x1b[K\r\n\x1b[36m█\x1b[0m\x1b[K\r\n\x1b[J\x1b[?25h"))
	require.Equal(t, []cell{{"A", "1"}, {"<", "1"}, {" ", ""}, {"将", ""}, {}, {"b", ""}, {}, {}}, s.cells[0])
	require.Equal(t, cell{"█", "36"}, s.cells[1][0])
	require.Equal(t, cell{}, s.cells[1][1])
	require.Equal(t, make([]cell, 8), s.cells[2])

	svg := s.svg("groupctl stats")
	require.NoError(t, xml.Unmarshal(svg, new(struct{})))
	require.Contains(t, string(svg), `<text xml:space="preserve" x="16" y="66" textLength="16.8" lengthAdjust="spacingAndGlyphs" fill="#ffffff" font-weight="bold">A&lt;</text>`)
	require.Contains(t, string(svg), `fill="#56b6c2">█</text>`)
	require.NotContains(t, string(svg), "more")
}
