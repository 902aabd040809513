package term

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/rivo/uniseg"
)

// zeroWidthJoiner joins emoji.
const zeroWidthJoiner = '\u200d'

// Clean returns the text so that it stays on its line and cannot command a terminal: control characters, those
// that change the direction of writing, and bytes that are no UTF-8 are written as escapes.
func Clean(text string) string {
	safe := func(r rune) bool { return r == ' ' || unicode.IsGraphic(r) && r != unicode.ReplacementChar }
	if strings.IndexFunc(text, func(r rune) bool { return !safe(r) && r != zeroWidthJoiner }) < 0 {
		return text
	}
	var out strings.Builder
	for len(text) > 0 {
		r, size := utf8.DecodeRuneInString(text)
		switch {
		case r == unicode.ReplacementChar && size == 1:
			fmt.Fprintf(&out, `\x%02x`, text[0])
		case r == '\n':
			out.WriteString(`\n`)
		case r == '\t':
			out.WriteString(`\t`)
		case safe(r) || r == zeroWidthJoiner || r == unicode.ReplacementChar:
			out.WriteRune(r)
		case r < 0x10000:
			fmt.Fprintf(&out, `\u%04x`, r)
		default:
			fmt.Fprintf(&out, `\U%08x`, r)
		}
		text = text[size:]
	}
	return out.String()
}

// Width returns how many columns a clean text takes.
func Width(text string) int { return uniseg.StringWidth(text) }

// Cut returns the text with at most width columns. What is cut off is replaced by "…".
func Cut(text string, width int) string {
	if Width(text) <= width {
		return text
	}
	if width < 1 {
		return ""
	}
	var out strings.Builder
	left := width - 1 // for the "…"
	for clusters := uniseg.NewGraphemes(text); clusters.Next(); {
		if left -= clusters.Width(); left < 0 {
			break
		}
		out.WriteString(clusters.Str())
	}
	return strings.TrimRight(out.String(), " ") + "…"
}
