// Package term writes answers for people: tables, times, sizes, questions and progress. What it writes depends
// on where it goes: a terminal has a width and colours, a pipe or a file has neither, and gets everything whole.
package term

import (
	"io"
	"os"
	"time"

	"golang.org/x/term"
)

// A Screen is where answers for people go.
type Screen struct {
	io.Writer

	Width int  // columns; 0: not a terminal, nothing is cut
	Color bool // escape sequences for colours are understood

	Now func() time.Time // for relative times
}

// NewScreen returns the screen of a file. It has colours if the file is a terminal that is not dumb and
// NO_COLOR is not set.
func NewScreen(f *os.File, env func(string) string, now func() time.Time) *Screen {
	s := &Screen{Writer: f, Now: now}
	width, _, err := term.GetSize(int(f.Fd()))
	if err != nil || !term.IsTerminal(int(f.Fd())) {
		return s
	}
	s.Width = width
	if width <= 0 { // a terminal that does not say how wide it is
		s.Width = 80
	}
	s.Color = env("NO_COLOR") == "" && env("TERM") != "dumb"
	return s
}

// Terminal reports whether a person looks at the screen.
func (s *Screen) Terminal() bool { return s.Width > 0 }

// A Style is how a text looks on a screen with colours.
type Style string

// The styles, as parameters of the escape sequence SGR.
const (
	Plain  Style = ""
	Bold   Style = "1"
	Faint  Style = "2"
	Red    Style = "31"
	Green  Style = "32"
	Yellow Style = "33"
	Cyan   Style = "36"
)

// Paint returns the text in the style, if the screen has colours.
func (s *Screen) Paint(style Style, text string) string {
	if !s.Color || style == Plain || text == "" {
		return text
	}
	return "\x1b[" + string(style) + "m" + text + "\x1b[0m"
}
