package term

import (
	"bytes"
	"os"
	"strings"

	"golang.org/x/term"
)

// A Live is a part of a terminal that is painted again and again, from its upper left corner on.
type Live struct {
	s     *Screen
	begun bool
}

// Live begins to paint the screen, which must be a terminal.
func (s *Screen) Live() *Live { return &Live{s: s} }

// Paint paints lines of styled texts over what was painted before. Lines are cut to the width of the terminal, and those that
// it has no room for are left out.
func (l *Live) Paint(lines [][]Styled) error {
	width, height := l.size()
	var out bytes.Buffer
	if !l.begun {
		out.WriteString("\x1b[?25l\x1b[2J") // hide the cursor, clear the screen
		l.begun = true
	}
	out.WriteString("\x1b[H")
	for _, line := range lines[:min(len(lines), height-1)] {
		left := width
		for _, part := range line {
			text := Cut(Clean(part.Text), left)
			left -= Width(text)
			out.WriteString(l.s.Paint(part.Style, text))
		}
		out.WriteString("\x1b[K\r\n") // clear the rest of the line
	}
	out.WriteString("\x1b[J") // and what is below
	_, err := out.WriteTo(l.s)
	return err
}

// size returns the size of the terminal as it is now.
func (l *Live) size() (width, height int) {
	if f, ok := l.s.Writer.(*os.File); ok {
		if w, h, err := term.GetSize(int(f.Fd())); err == nil && w > 0 && h > 1 {
			return w, h
		}
	}
	return l.s.Width, 24
}

// End leaves what was painted, and shows the cursor again.
func (l *Live) End() {
	if l.begun {
		_, _ = l.s.Write([]byte("\x1b[?25h")) // there is nobody to tell
	}
}

const blocks = "▁▂▃▄▅▆▇█"

// Sparkline returns values as columns of blocks. The highest one is the highest value; a value of 0 is a space.
func Sparkline(values []float64) string {
	highest := 0.0
	for _, v := range values {
		highest = max(highest, v)
	}
	var out strings.Builder
	for _, v := range values {
		if !(v > 0) {
			out.WriteByte(' ')
			continue
		}
		out.WriteRune([]rune(blocks)[min(int(v/highest*8), 7)])
	}
	return out.String()
}

// Bar returns a bar of so many columns, of which a part, 0 to 1, is full.
func Bar(part float64, columns int) string {
	full := int(min(max(part, 0), 1)*float64(columns) + 0.5)
	return strings.Repeat("█", full) + strings.Repeat("░", columns-full)
}
