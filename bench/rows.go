package main

import (
	"fmt"
	"io"
	"math"
	"strings"
	"text/tabwriter"
)

// A row is one line of the table: groupkit beside one rival.
type row struct {
	work    string
	unit    string
	subject float64
	rival   string // "": there is nothing to compare with
	figure  float64
	judged  float64 // the ratio, or what else the limit is about
	form    form
	limit   limit
}

// A form says what is judged in a row.
type form int

const (
	byRatio      form = iota
	byDifference      // in the row's unit
	byFigure          // the subject's own
)

// A limit says what has to be reached, and what is aimed at.
type limit struct {
	bar, aim float64
	atLeast  bool
}

func atMost(bar, aim float64) limit  { return limit{bar, aim, false} }
func atLeast(bar, aim float64) limit { return limit{bar, aim, true} }

// add notes a row from what both gave in every round.
func (r *run) add(work, unit, rival string, subject, other []float64, l limit) {
	r.rows = append(r.rows, row{
		work: work, unit: unit, subject: median(subject), rival: rival, figure: median(other), judged: ratio(subject, other), limit: l,
	})
}

// reached says how far a row got.
func (w *row) reached() string {
	switch {
	case w.limit == limit{}:
		return ""
	case w.limit.met(w.judged, w.limit.aim):
		return "aim"
	case w.limit.met(w.judged, w.limit.bar):
		return "bar"
	}
	return "no"
}

func (l limit) met(v, line float64) bool {
	if l.atLeast {
		return v >= line
	}
	return v <= line
}

func (l limit) text(line float64, f form, unit string) string {
	switch {
	case l == limit{} || math.IsInf(line, 0):
		return ""
	case l.atLeast:
		return "≥ " + number(line) + suffix(f, unit)
	}
	return "≤ " + number(line) + suffix(f, unit)
}

func suffix(f form, unit string) string {
	if f == byRatio {
		return " ×"
	}
	return " " + unit
}

func (w *row) cells() []string {
	judged := number(w.judged) + suffix(w.form, w.unit)
	switch {
	case w.form == byDifference && w.judged >= 0:
		judged = "+" + judged
	case w.form == byFigure:
		judged = ""
	}
	figure := ""
	if w.rival != "" {
		figure = number(w.figure) + " " + w.unit
	}
	return []string{
		w.work, number(w.subject) + " " + w.unit, w.rival, figure, judged,
		w.limit.text(w.limit.bar, w.form, w.unit), w.limit.text(w.limit.aim, w.form, w.unit), w.reached(),
	}
}

var headings = []string{"work", "groupkit", "compared with", "", "ratio", "bar", "aim", "reached"}

// number writes three digits that count.
func number(v float64) string {
	switch a := math.Abs(v); {
	case a >= 100 || a == 0:
		return fmt.Sprintf("%.0f", v)
	case a >= 10:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.2f", v)
}

// writeTable writes the rows for a terminal.
func writeTable(w io.Writer, rows []row) error {
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintln(t, strings.Join(headings, "\t"))
	last := ""
	for i := range rows {
		cells := rows[i].cells()
		if cells[0] == last {
			cells[0] = ""
		}
		last = rows[i].work
		fmt.Fprintln(t, strings.Join(cells, "\t"))
	}
	return t.Flush()
}

// writeMarkdown writes the machine and the rows as Markdown.
func writeMarkdown(w io.Writer, machine []string, rows []row) error {
	var b strings.Builder
	for _, line := range machine {
		fmt.Fprintf(&b, "- %s\n", line)
	}
	fmt.Fprintf(&b, "\n| %s |\n|%s\n", strings.Join(headings, " | "), strings.Repeat("---|", len(headings)))
	for i := range rows {
		fmt.Fprintf(&b, "| %s |\n", strings.Join(rows[i].cells(), " | "))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// addFigure notes a row about groupkit alone.
func (r *run) addFigure(work, unit string, figure float64, l limit) {
	r.rows = append(r.rows, row{work: work, unit: unit, subject: figure, judged: figure, form: byFigure, limit: l})
}
