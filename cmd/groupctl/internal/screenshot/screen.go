package main

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"strconv"
	"strings"

	"github.com/rivo/uniseg"
)

// A screen is a terminal that understands what groupctl writes: text, carriage returns, line feeds, colours, going to the upper left
// corner, and clearing.
type screen struct {
	cells    [][]cell
	row, col int
	style    string // the parameters of SGR
}

// A cell is what one column shows. A wide character is in the first of its columns.
type cell struct{ text, style string }

func newScreen(rows, columns int) *screen {
	s := &screen{cells: make([][]cell, rows)}
	for i := range s.cells {
		s.cells[i] = make([]cell, columns)
	}
	return s
}

// write shows what a program writes.
func (s *screen) write(out []byte) {
	for len(out) > 0 {
		if out[0] == '\x1b' {
			out = out[s.escape(out):]
			continue
		}
		cluster, rest, width, _ := uniseg.FirstGraphemeCluster(out, -1)
		out = rest
		for _, c := range string(cluster) {
			if c == '\r' {
				s.col = 0
			}
			if c == '\n' {
				s.row++
			}
		}
		if width > 0 && s.row < len(s.cells) && s.col+width <= len(s.cells[s.row]) {
			clear(s.cells[s.row][s.col : s.col+width])
			s.cells[s.row][s.col] = cell{string(cluster), s.style}
			s.col += width
		}
	}
}

// escape does what an escape sequence says and returns its length. Others than those of groupctl do nothing.
func (s *screen) escape(out []byte) int {
	end := 2
	for end < len(out) && (out[end] < '@' || out[end] > '~') {
		end++
	}
	if end >= len(out) || out[1] != '[' {
		return len(out)
	}
	parameters := string(out[2:end])
	switch out[end] {
	case 'm':
		s.style = strings.TrimPrefix(parameters, "0")
	case 'H':
		s.row, s.col = 0, 0
	case 'K':
		s.clear(s.row, s.col)
	case 'J':
		if parameters == "2" {
			s.clear(0, 0)
		} else {
			s.clear(s.row, s.col)
		}
		for row := s.row + 1; row < len(s.cells); row++ {
			s.clear(row, 0)
		}
	}
	return end + 1
}

func (s *screen) clear(row, from int) {
	if row < len(s.cells) {
		clear(s.cells[row][from:])
	}
}

// Sizes of the picture.
const (
	fontSize   = 14
	cellWidth  = 8.4
	lineHeight = 18
	margin     = 16
)

// colors are those of the styles; "" is the plain text.
var colors = map[string]string{"": "#d4d4d4", "1": "#ffffff", "2": "#8a8a8a", "31": "#f48771", "32": "#89d185", "33": "#e5c07b", "36": "#56b6c2"}

// svg draws the screen, below a command line.
func (s *screen) svg(command string) []byte {
	last := 0
	for i, row := range s.cells {
		for _, c := range row {
			if c.text != "" && c.text != " " {
				last = i
			}
		}
	}
	width, height := float64(len(s.cells[0]))*cellWidth+2*margin, (last+3)*lineHeight+2*margin
	var out bytes.Buffer
	fmt.Fprintf(&out, `<svg xmlns="http://www.w3.org/2000/svg" width="%.0f" height="%d" viewBox="0 0 %.0f %d" font-family="ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace" font-size="%d">`+"\n",
		width, height, width, height, fontSize)
	fmt.Fprintf(&out, `<title>%s</title><rect width="100%%" height="100%%" rx="8" fill="#1e1e1e"/>`+"\n", command)
	draw(&out, 0, 0, "$ "+command, "2", len(command)+2)
	for i, row := range s.cells[:last+1] {
		for from := 0; from < len(row); {
			to, text := from, ""
			for to < len(row) && row[to].style == row[from].style && (row[to].text == "") == (row[from].text == "") {
				text += row[to].text
				to++
			}
			if strings.TrimSpace(text) != "" {
				draw(&out, i+2, from, text, row[from].style, to-from)
			}
			from = to
		}
	}
	out.WriteString("</svg>\n")
	return out.Bytes()
}

// draw writes a text of so many columns. Its length is given, so that columns stay below each other in every font.
func draw(out *bytes.Buffer, row, col int, text, style string, columns int) {
	weight := ""
	if style == "1" {
		weight = ` font-weight="bold"`
	}
	fmt.Fprintf(out, `<text xml:space="preserve" x="%s" y="%d" textLength="%s" lengthAdjust="spacingAndGlyphs" fill="%s"%s>`,
		decimal(margin+float64(col)*cellWidth), margin+row*lineHeight+fontSize, decimal(float64(columns)*cellWidth), colors[style], weight)
	_ = xml.EscapeText(out, []byte(text)) // into memory
	out.WriteString("</text>\n")
}

func decimal(f float64) string { return strconv.FormatFloat(f, 'f', -1, 32) }
