package main

import (
	"fmt"
	"html"
	"io"
	"strings"
)

// A bar is one bar of the chart.
type bar struct {
	name  string
	value float64
	ours  bool
}

// A panel is the bars of one kind of work.
type panel struct {
	title, unit string
	bars        []bar
}

// panels are the rows that compare groupkit with others, by their work.
func panels(rows []row) (out []panel) {
	for _, w := range rows {
		if w.form != byRatio || w.rival == "" || strings.HasPrefix(w.rival, "itself") || w.unit == "B" {
			continue
		}
		if len(out) == 0 || out[len(out)-1].title != w.work {
			out = append(out, panel{w.work, w.unit, []bar{{subject, w.subject, true}}})
		}
		p := &out[len(out)-1]
		p.bars = append(p.bars, bar{w.rival, w.figure, false})
	}
	return out
}

const (
	chartWidth = 860
	nameWidth  = 230
	barWidth   = 480
	lineHeight = 20
)

// writeChart draws the rows as bars: each work on a scale of its own.
func writeChart(w io.Writer, rows []row) error {
	var b strings.Builder
	y := 10
	for _, p := range panels(rows) {
		y += 24
		fmt.Fprintf(&b, `<text x="10" y="%d" class="title">%s (%s)</text>`+"\n", y, html.EscapeString(p.title), better(p.unit))
		y += 8
		for _, bar := range p.bars {
			drawBar(&b, bar, p, y)
			y += lineHeight
		}
	}
	_, err := fmt.Fprintf(w, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %[1]d %[2]d" role="img">
<style>
text { font: 13px sans-serif; fill: #333 }
.title { font-weight: bold }
.ours { fill: #2563eb }
.theirs { fill: #9ca3af }
@media (prefers-color-scheme: dark) { text { fill: #ddd } }
</style>
%s</svg>
`, chartWidth, y+16, b.String())
	return err
}

func better(unit string) string {
	if unit == "/s" {
		return "more is better"
	}
	return "less is better"
}

func drawBar(b *strings.Builder, r bar, p panel, y int) {
	most := 0.0
	for _, other := range p.bars {
		most = max(most, other.value)
	}
	class := "theirs"
	if r.ours {
		class = "ours"
	}
	width := max(r.value/most*barWidth, 1)
	fmt.Fprintf(b, `<text x="%d" y="%d" text-anchor="end">%s</text>`, nameWidth, y+14, html.EscapeString(r.name))
	fmt.Fprintf(b, `<rect x="%d" y="%d" width="%.1f" height="%d" class="%s"/>`, nameWidth+8, y+2, width, lineHeight-5, class)
	fmt.Fprintf(b, `<text x="%.1f" y="%d">%s %s</text>`+"\n", nameWidth+14+width, y+14, number(r.value), p.unit)
}
