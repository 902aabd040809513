package main

import (
	"fmt"
	"html"
	"io"
	"path"
	"slices"
	"strings"
)

// charted are patterns of the works that the chart shows. The table has all others.
var charted = []string{
	"MaySpeak, hot, * memberships, 2 goroutines",
	"MaySpeak, cold, * memberships",
	"durable join, 1 caller",
	"durable joins, * callers, different groups",
	"page of 100 members",
}

func isCharted(work string) bool {
	return slices.ContainsFunc(charted, func(pattern string) bool {
		matched, err := path.Match(pattern, work)
		return err == nil && matched
	})
}

// A bar is one value of the chart.
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

// panels returns one panel for each charted work, with groupkit first and its rivals after it.
func panels(rows []row) (out []panel) {
	for _, w := range rows {
		if !isCharted(w.work) || w.rival == "" {
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
	lineHeight = 18
)

// writeChart draws the charted rows as bars. Each work has a scale of its own. The chart has
// its own background, so that it can be read on a light page and on a dark one.
func writeChart(w io.Writer, rows []row) error {
	var b strings.Builder
	y := 4
	for _, p := range panels(rows) {
		y += 24
		fmt.Fprintf(&b, `<text x="10" y="%d" class="title">%s (%s)</text>`+"\n", y, html.EscapeString(p.title), better(p.unit))
		y += 8
		for _, bar := range p.bars {
			drawBar(&b, bar, p, y)
			y += lineHeight
		}
	}
	_, err := fmt.Fprintf(w, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %[1]d %[2]d" role="img" aria-label="Bar chart: groupkit compared with others">
<style>
text { font: 13px sans-serif; fill: #1f2328 }
.title { font-weight: bold }
.page { fill: #ffffff; stroke: #d1d9e0 }
.ours { fill: #2563eb }
.theirs { fill: #9ca3af }
@media (prefers-color-scheme: dark) {
	text { fill: #e6edf3 }
	.page { fill: #161b22; stroke: #3d444d }
	.ours { fill: #58a6ff }
	.theirs { fill: #6e7681 }
}
</style>
<rect x="0.5" y="0.5" width="%[4]d" height="%[5]d" rx="6" class="page"/>
%[3]s</svg>
`, chartWidth, y+16, b.String(), chartWidth-1, y+15)
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
