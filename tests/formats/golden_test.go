package formats_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The golden files are written again where the test reads more than before. Lines may be
// added by that; a line that changes is a change of what users read.
var golden = flag.Bool("golden", false, "write the golden files again, from the database that is there")

// requireGolden compares a text with a golden file, and shows the first line that differs.
func requireGolden(t *testing.T, name, got string) {
	t.Helper()
	want := goldenText(t, name)
	if got == want {
		return
	}
	wanted, lines := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range min(len(wanted), len(lines)) {
		require.Equal(t, wanted[i], lines[i], "line %d of %s", i+1, name)
	}
	require.Len(t, lines, len(wanted), "the lines of %s", name)
}

func goldenText(t *testing.T, name string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("testdata", name))
	require.NoError(t, err)
	return string(content)
}

func (r *reading) writeGolden() {
	r.t.Helper()
	for name, text := range map[string]string{"format1.verify.txt": findings(r.t, r.eng), "format1.reads.json": r.text()} {
		require.NoError(r.t, os.WriteFile(filepath.Join("testdata", name), []byte(text), 0o644))
	}
}
