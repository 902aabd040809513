package term

import (
	"bufio"
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// A Kind says what a column contains.
type Kind uint8

// The kinds of columns.
const (
	ID       Kind = iota // never cut
	Text                 // cut where the line is too long
	Number               // aligned to the right
	Time                 // a time.Time
	Sentence             // as Text, but not made narrower than 40 columns: the line rather wraps
)

// A Column is a column of a Table.
type Column struct {
	Head string
	Kind Kind
}

// Styled is a cell with a style.
type Styled struct {
	Text  string
	Style Style
}

// A Table writes rows under each other. The first rows decide how wide the columns are; later ones are written as
// they come, so a table takes the same memory however long it is. On a terminal a line is cut to its width, but for
// the columns of kind ID and Number. Without a row nothing is written.
type Table struct {
	s       *Screen
	out     *bufio.Writer
	columns []Column
	first   [][]cell // rows that wait until the widths are known
	widths  []int    // nil: not known
	short   bool     // times have their short form
}

// A cell is a text in its long and its short form.
type cell struct {
	long, short string
	style       Style
}

// rowsForWidths is how many rows decide about the widths.
const rowsForWidths = 256

// gap is the space between columns.
const gap = "  "

// Table begins a table.
func (s *Screen) Table(columns ...Column) *Table {
	return &Table{s: s, out: bufio.NewWriter(s), columns: columns}
}

// Row adds a row: a value a column. Values are texts, numbers, a time.Time, or Styled.
func (t *Table) Row(values ...any) error {
	row := make([]cell, len(t.columns))
	for i, v := range values {
		row[i] = t.cell(t.columns[i].Kind, v)
	}
	if t.widths != nil {
		return t.write(row)
	}
	t.first = append(t.first, row)
	if len(t.first) < rowsForWidths {
		return nil
	}
	return t.begin()
}

// Flush writes what has not been written yet. Rows can follow; they have the same widths.
func (t *Table) Flush() error {
	if t.widths == nil && len(t.first) > 0 {
		if err := t.begin(); err != nil {
			return err
		}
	}
	return t.out.Flush()
}

func (t *Table) cell(kind Kind, v any) cell {
	switch v := v.(type) {
	case time.Time:
		return cell{t.s.Time(v), t.s.shortTime(v), Faint}
	case Styled:
		text := Clean(v.Text)
		return cell{text, text, v.Style}
	case nil:
		return cell{}
	}
	text := Clean(fmt.Sprint(v))
	style := Plain
	if kind == ID {
		style = Cyan
	}
	return cell{text, text, style}
}

// begin finds out how wide the columns are, and writes the head and the first rows.
func (t *Table) begin() error {
	t.measure(false)
	if t.s.Terminal() && t.total() > t.s.Width {
		t.measure(true)
		t.shrink()
	}
	head := make([]cell, len(t.columns))
	for i, c := range t.columns {
		head[i] = cell{c.Head, c.Head, Bold}
	}
	for _, row := range append([][]cell{head}, t.first...) {
		if err := t.write(row); err != nil {
			return err
		}
	}
	t.first = nil
	return nil
}

func (t *Table) measure(short bool) {
	t.short, t.widths = short, make([]int, len(t.columns))
	for i, c := range t.columns {
		t.widths[i] = Width(c.Head)
		for _, row := range t.first {
			t.widths[i] = max(t.widths[i], Width(row[i].text(short)))
		}
	}
}

func (t *Table) total() int {
	n := len(gap) * (len(t.widths) - 1)
	for _, w := range t.widths {
		n += w
	}
	return n
}

// least returns the width below which a column is not cut; ok is false if it is never cut.
func (k Kind) least() (width int, ok bool) {
	switch k {
	case Text:
		return 8, true
	case Sentence:
		return 40, true
	}
	return 0, false
}

// shrink makes the widest columns of texts narrower until the line fits, if that is possible.
func (t *Table) shrink() {
	for over := t.total() - t.s.Width; over > 0; over-- {
		widest := -1
		for i, c := range t.columns {
			if least, ok := c.Kind.least(); ok && t.widths[i] > least && (widest < 0 || t.widths[i] > t.widths[widest]) {
				widest = i
			}
		}
		if widest < 0 {
			return
		}
		t.widths[widest]--
	}
}

// write writes a row.
func (t *Table) write(row []cell) error {
	var line strings.Builder
	last := len(row) - 1 - slices.IndexFunc(backwards(row), func(c cell) bool { return c.long != "" })
	for i, c := range row {
		text := c.text(t.short)
		if _, cuts := t.columns[i].Kind.least(); cuts && t.s.Terminal() {
			text = Cut(text, t.widths[i])
		}
		space := strings.Repeat(" ", max(t.widths[i]-Width(text), 0))
		painted := t.s.Paint(c.style, text)
		switch {
		case t.columns[i].Kind == Number:
			painted = space + painted
		case i < last:
			painted += space
		}
		if i > last {
			break
		}
		line.WriteString(painted)
		if i < last {
			line.WriteString(gap)
		}
	}
	line.WriteByte('\n')
	_, err := t.out.WriteString(line.String())
	return err
}

func backwards(row []cell) []cell {
	row = slices.Clone(row)
	slices.Reverse(row)
	return row
}

func (c cell) text(short bool) string {
	if short {
		return cmp.Or(c.short, c.long)
	}
	return c.long
}
