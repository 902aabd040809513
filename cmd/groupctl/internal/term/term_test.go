package term_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"groupkit/cmd/groupctl/internal/term"
)

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// screen returns a screen that keeps what is written. width 0 is a pipe.
func screen(width int, color bool) (*term.Screen, *bytes.Buffer) {
	out := new(bytes.Buffer)
	return &term.Screen{Writer: out, Width: width, Color: color, Now: func() time.Time { return now }}, out
}

func TestClean(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                         "",
		"Night Watch":              "Night Watch",
		"Chœur 将棋 👨‍👩‍👧 ñ":         "Chœur 将棋 👨‍👩‍👧 ñ",
		"\x1b[2J\x1b]0;owned\a":    `\u001b[2J\u001b]0;owned\u0007`,
		"\u009b31m":                `\u009b31m`,
		"a\r\nb\tc":                `a\u000d\nb\tc`,
		"\x7f\x00":                 `\u007f\u0000`,
		"\u202eevil\u2066\u200f":   `\u202eevil\u2066\u200f`,
		"a\u2028b\u2029":           `a\u2028b\u2029`,
		"\xff\x9b31m\xc3":          `\xff\x9b31m\xc3`,
		"\ufffd is itself":         "\ufffd is itself",
		"\U000e0041 a tag":         `\U000e0041 a tag`,
		"\ufeffa":                  `\ufeffa`,
		`a backslash \n is a text`: `a backslash \n is a text`,
	} {
		require.Equal(t, want, term.Clean(text), "%q", text)
	}
}

func TestWidth(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int{"": 0, "abc": 3, "将棋": 4, "e\u0301": 1, "👨‍👩‍👧": 2, "🎶": 2, "🇫🇷": 2, "ｱ": 1} {
		require.Equal(t, want, term.Width(text), "%q", text)
	}
}

func TestCut(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text  string
		width int
		want  string
	}{
		{"abc", 3, "abc"}, {"abcd", 3, "ab…"}, {"将棋クラブ", 10, "将棋クラブ"}, {"将棋クラブ", 9, "将棋クラ…"}, {"将棋クラブ", 8, "将棋ク…"},
		{"e\u0301e\u0301e\u0301", 2, "e\u0301…"}, {"a👨‍👩‍👧b", 3, "a…"}, {"👨‍👩‍👧bc", 3, "👨‍👩‍👧…"}, {"Night Watch", 7, "Night…"}, {"ab", 1, "…"}, {"ab", 0, ""}, {"", 0, ""},
	} {
		got := term.Cut(c.text, c.width)
		require.Equal(t, c.want, got, "%q %d", c.text, c.width)
		require.LessOrEqual(t, term.Width(got), c.width)
	}
}

func TestScreen_Time(t *testing.T) {
	t.Parallel()
	terminal, _ := screen(80, false)
	pipe, _ := screen(0, false)
	at := time.Date(2026, 2, 28, 13, 0, 0, 5e6, time.FixedZone("", 3600))
	require.Equal(t, "2026-02-28 12:00:00Z (23 hours ago)", terminal.Time(at))
	require.Equal(t, "2026-03-01 13:00:00Z (1 hour from now)", terminal.Time(now.Add(time.Hour)))
	require.Equal(t, "2026-02-28 12:00:00Z", terminal.Exact(at))
	require.Equal(t, "2026-02-28T12:00:00Z", pipe.Time(at))
	require.Equal(t, "2026-02-28T12:00:00Z", pipe.Exact(at))
	require.Empty(t, terminal.Time(time.Time{})+pipe.Time(time.Time{})+terminal.Exact(time.Time{}))
	require.Equal(t, "1.5 MiB", term.Bytes(3<<19))
	require.Equal(t, "1,234,567", term.Count(1234567))
}

func TestScreen_Fields(t *testing.T) {
	t.Parallel()
	s, out := screen(80, true)
	require.NoError(t, s.Fields(
		term.Field{Name: "ID", Value: term.Styled{Text: "a\x1bb", Style: term.Cyan}}, term.Field{Name: "Empty", Value: ""}, term.Field{Name: "Never", Value: time.Time{}},
		term.Field{Name: "Description", Value: "One\n\n\ttwo\x1b[2J"}, term.Field{Name: "Count", Value: 0},
	))
	require.Equal(t, "ID:          \x1b[36ma\\u001bb\x1b[0m\nDescription: One\n\n                 two\\u001b[2J\nCount:       0\n", out.String())
}

func TestTable(t *testing.T) {
	t.Parallel()
	columns := []term.Column{{Head: "ID"}, {Head: "NAME", Kind: term.Text}, {Head: "N", Kind: term.Number}, {Head: "AT", Kind: term.Time}}
	rows := [][]any{{"a-very-long-identifier", "将棋クラブ for everyone", 7, now.Add(-time.Hour)}, {"b", "x", 1234, time.Time{}}, {"\x1b[2J", nil, "", now}}
	for _, c := range []struct {
		width int
		color bool
		want  string
	}{
		{0, false, "" +
			"ID                      NAME                        N  AT\n" +
			"a-very-long-identifier  将棋クラブ for everyone     7  2026-03-01T11:00:00Z\n" +
			"b                       x                        1234\n" +
			"\\u001b[2J                                              2026-03-01T12:00:00Z\n"},
		{60, false, "" +
			"ID                      NAME                   N  AT\n" +
			"a-very-long-identifier  将棋クラブ for ev…     7  1 hour ago\n" +
			"b                       x                   1234\n" +
			"\\u001b[2J                                         now\n"},
		{20, false, "" + // too narrow for the identifiers, which stay whole
			"ID                      NAME         N  AT\n" +
			"a-very-long-identifier  将棋ク…      7  1 hour ago\n" +
			"b                       x         1234\n" +
			"\\u001b[2J                               now\n"},
	} {
		s, out := screen(c.width, c.color)
		table := s.Table(columns...)
		for _, row := range rows {
			require.NoError(t, table.Row(row...))
		}
		require.Empty(t, out.String(), "the widths are not known yet")
		require.NoError(t, table.Flush())
		require.Equal(t, c.want, out.String())
	}
	s, out := screen(80, true)
	table := s.Table(columns...)
	require.NoError(t, table.Row("a", term.Styled{Text: "b\n", Style: term.Red}, 1, now))
	require.NoError(t, table.Flush())
	require.Equal(t, "\x1b[1mID\x1b[0m  \x1b[1mNAME\x1b[0m  \x1b[1mN\x1b[0m  \x1b[1mAT\x1b[0m\n\x1b[36ma\x1b[0m   \x1b[31mb\\n\x1b[0m   1  \x1b[2m2026-03-01 12:00:00Z (now)\x1b[0m\n", out.String())
}

func TestTable_Empty(t *testing.T) {
	t.Parallel()
	s, out := screen(0, false)
	require.NoError(t, s.Table(term.Column{Head: "ID"}).Flush())
	require.Empty(t, out.String())
}

func TestTable_Sentence(t *testing.T) {
	t.Parallel()
	s, out := screen(30, false)
	table := s.Table(term.Column{Head: "ID"}, term.Column{Head: "NAME", Kind: term.Text}, term.Column{Head: "EVENT", Kind: term.Sentence})
	require.NoError(t, table.Row("a", strings.Repeat("n", 20), strings.Repeat("e", 60)))
	require.NoError(t, table.Flush())
	require.Equal(t, "ID  NAME      EVENT\na   nnnnnnn…  "+strings.Repeat("e", 39)+"…\n", out.String())
}

// TestTable_Streams writes rows as they come once the first ones have decided about the widths.
func TestTable_Streams(t *testing.T) {
	t.Parallel()
	s, out := screen(0, false)
	table := s.Table(term.Column{Head: "ID"}, term.Column{Head: "N", Kind: term.Number})
	for i := range 10_000 {
		require.NoError(t, table.Row(fmt.Sprint("user-", i), i))
	}
	require.Greater(t, out.Len(), 100_000, "rows are not kept back")
	require.NoError(t, table.Row(strings.Repeat("x", 20), 5)) // longer than any of the first
	require.NoError(t, table.Flush())
	lines := strings.Split(out.String(), "\n")
	require.Len(t, lines, 10_003)
	require.Equal(t, "user-9      9", lines[10])
	require.Equal(t, strings.Repeat("x", 20)+"    5", lines[10_001])
	require.NoError(t, table.Row("late", 1))
	require.NoError(t, table.Flush())
	require.True(t, strings.HasSuffix(out.String(), "\nlate        1\n"), "the same widths after Flush")
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("full") }

func TestTable_Fails(t *testing.T) {
	t.Parallel()
	table := (&term.Screen{Writer: full{}}).Table(term.Column{Head: "ID"})
	require.NoError(t, table.Row("a"))
	require.EqualError(t, table.Flush(), "full")
}

func TestScreen_Ask(t *testing.T) {
	t.Parallel()
	for input, want := range map[string]bool{"y\n": true, "YES\n": true, " yes \r\n": true, "y": true, "n\n": false, "\n": false, "yess\n": false, "ja\n": false} {
		s, out := screen(80, false)
		yes, err := s.Ask(strings.NewReader(input), "Delete it?")
		require.NoError(t, err)
		require.Equal(t, want, yes, "%q", input)
		require.Equal(t, "Delete it? [y/N] ", out.String())
	}
	terminal, out := screen(80, false)
	_, err := terminal.Ask(strings.NewReader(""), "Delete it?")
	require.ErrorIs(t, err, term.ErrNobody)
	require.Equal(t, "Delete it? [y/N] \n", out.String())
	pipe, out := screen(0, false)
	_, err = pipe.Ask(strings.NewReader("y\n"), "Delete it?")
	require.ErrorIs(t, err, term.ErrNobody)
	require.Empty(t, out.String())
}

func TestSparkline(t *testing.T) {
	t.Parallel()
	require.Equal(t, " ▂▅█", term.Sparkline([]float64{0, 1, 4, 7}))
	require.Equal(t, "  ", term.Sparkline([]float64{0, 0}))
	require.Empty(t, term.Sparkline(nil))
	require.Equal(t, "█████░░░░░", term.Bar(0.5, 10))
	require.Equal(t, "░░", term.Bar(-1, 2))
	require.Equal(t, "██", term.Bar(2, 2))
}

func TestLive(t *testing.T) {
	t.Parallel()
	s, out := screen(10, true)
	live := s.Live()
	require.NoError(t, live.Paint([][]term.Styled{{{Text: "名前 "}, {Text: "a long\x1b value", Style: term.Bold}}, nil}))
	require.Equal(t, "\x1b[?25l\x1b[2J\x1b[H名前 \x1b[1ma lo…\x1b[0m\x1b[K\r\n\x1b[K\r\n\x1b[J", out.String())
	out.Reset()
	require.NoError(t, live.Paint(make([][]term.Styled, 100)))
	require.Equal(t, "\x1b[H"+strings.Repeat("\x1b[K\r\n", 23)+"\x1b[J", out.String(), "no more lines than the terminal has")
	out.Reset()
	live.End()
	require.Equal(t, "\x1b[?25h", out.String())
	out.Reset()
	s.Live().End()
	require.Empty(t, out.String())
}
