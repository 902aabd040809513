package term

import (
	"bufio"
	"fmt"
	"strings"
	"time"
)

// A Field is a line of Fields. Fields with an empty value are left out.
type Field struct {
	Name  string
	Value any // as in a row of a Table
}

// Fields writes the properties of one thing, each on a line. A long value is written whole; one with line breaks begins each
// line under the other.
func (s *Screen) Fields(fields ...Field) error {
	width := 0
	var lines []Field
	for _, f := range fields {
		if text := s.value(f.Value); text != "" {
			lines = append(lines, Field{f.Name, text})
			width = max(width, Width(f.Name))
		}
	}
	out := bufio.NewWriter(s)
	for _, f := range lines {
		name := f.Name + ":" + strings.Repeat(" ", width-Width(f.Name)+1)
		for line := range strings.SplitSeq(f.Value.(string), "\n") {
			fmt.Fprintln(out, strings.TrimRight(name+line, " "))
			name = strings.Repeat(" ", width+2)
		}
	}
	return out.Flush()
}

func (s *Screen) value(v any) string {
	switch v := v.(type) {
	case time.Time:
		return s.Time(v)
	case Styled:
		return s.Paint(v.Style, Clean(v.Text))
	}
	lines := strings.Split(fmt.Sprint(v), "\n")
	for i, line := range lines {
		lines[i] = Clean(strings.ReplaceAll(line, "\t", "    "))
	}
	return strings.Join(lines, "\n")
}
