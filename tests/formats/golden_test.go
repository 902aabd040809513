package formats_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// requireText compares two texts, and shows the first line that differs.
func requireText(t *testing.T, want, got string) {
	t.Helper()
	if got == want {
		return
	}
	wanted, lines := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range min(len(wanted), len(lines)) {
		require.Equal(t, wanted[i], lines[i], "line %d", i+1)
	}
	require.Len(t, lines, len(wanted))
}

func goldenText(t *testing.T, name string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("testdata", name))
	require.NoError(t, err)
	return string(content)
}

// changed applies changes to the lines of a text. In the changes, a line that begins with "-"
// is a line that goes, one with "+" a line that comes, one with a space a line that stays and
// is there to say where, and one with "#" says why.
func changed(t *testing.T, text, changes string) string {
	t.Helper()
	rest := strings.SplitAfter(text, "\n")
	var out strings.Builder
	for change := range strings.Lines(changes) {
		switch mark, line := change[0], change[1:]; mark {
		case '+':
			out.WriteString(line)
		case '-', ' ':
			for len(rest) > 0 && rest[0] != line {
				out.WriteString(rest[0])
				rest = rest[1:]
			}
			require.NotEmpty(t, rest, "there is no line %s", line)
			rest = rest[1:]
			if mark == ' ' {
				out.WriteString(line)
			}
		default:
			require.Equal(t, byte('#'), mark, change)
		}
	}
	return out.String() + strings.Join(rest, "")
}
