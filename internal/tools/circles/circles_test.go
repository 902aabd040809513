package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// report runs the program on a package in testdata.
func report(t *testing.T, name, from string, most int) (string, bool) {
	t.Helper()
	var out strings.Builder
	ok, err := run(&out, "./testdata/"+name, from, most)
	require.NoError(t, err)
	return out.String(), ok
}

func TestRun_Circles(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"methods": `circle of 2 files: door.go house.go
	door.go:8 door.open -> house.go house.ring
	house.go:5 house.ring -> door.go door.isOpen
circles: 2 of 3 files call one another in a circle
`,
		"values": `circle of 2 files: change.go verb.go
	change.go:8 unit.undo -> verb.go subtract
	verb.go:6 verb -> change.go unit.add
circles: 2 of 2 files call one another in a circle
`,
		"variables": `circle of 2 files: rule.go table.go
	rule.go:7 all -> table.go table
	table.go:8 table -> rule.go double
circles: 2 of 2 files call one another in a circle
`,
		"generics": `circle of 2 files: list.go sum.go
	list.go:8 length -> sum.go count
	sum.go:6 count -> list.go list.add
circles: 2 of 2 files call one another in a circle
`,
		"types": "circles: 0 of 2 files call one another in a circle\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out, ok := report(t, name, "", 420)
			require.Equal(t, want, out)
			require.Equal(t, name == "types", ok)
		})
	}
}

func TestRun_LongFile(t *testing.T) {
	t.Parallel()
	out, ok := report(t, "types", "", 16)
	require.False(t, ok)
	require.Equal(t, "group.go has 17 lines (up to 16)\ncircles: 0 of 2 files call one another in a circle\n", out)
	_, ok = report(t, "types", "", 17)
	require.True(t, ok)
}

func TestRun_From(t *testing.T) {
	t.Parallel()
	out, ok := report(t, "methods", "walk", 0)
	require.True(t, ok)
	require.Equal(t, `street.go            walk
door.go              door.open <- street.go walk
house.go             house.ring <- door.go door.open
`, out)
}

func TestRun_Refuses(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ pattern, from, want string }{
		"a function that is not there": {"./testdata/types", "open", "there is no function open"},
		"a package that is not there":  {"./testdata/none", "", "go list: "},
		"no package":                   {"./testdata/...", "", "names no package"},
		"two packages":                 {"groupkit/store/...", "", "names more than one package"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := run(&strings.Builder{}, tt.pattern, tt.from, 420)
			require.ErrorContains(t, err, tt.want)
		})
	}
}

func TestCircles(t *testing.T) {
	t.Parallel()
	var calls []call
	for _, pair := range []string{"ab", "bc", "ca", "cd", "de", "ed", "af", "fg", "gg", "hf"} {
		calls = append(calls, call{from: function{file: pair[:1]}, to: function{file: pair[1:]}})
	}
	require.Equal(t, [][]string{{"a", "b", "c"}, {"d", "e"}}, circles(calls))
	require.Empty(t, circles(calls[6:]))
}
