package wire

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var uuid = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

// matches requires that got is want, with these placeholders in want: <ms> is a number of
// milliseconds since 2020, <number>, <digits>, <text>, <uuid>, and "<set>" as the first entry of an array
// whose order is free.
func matches(t testing.TB, want, got any) {
	t.Helper()
	if diff := match("", want, got); diff != "" {
		text, _ := json.MarshalIndent(got, "", " ")
		require.Fail(t, "the answer differs", "%s\n%s", diff, text)
	}
}

// match returns where got differs from want, or "".
func match(at string, want, got any) string {
	switch w := want.(type) {
	case map[string]any:
		return matchObject(at, w, got)
	case []any:
		return matchArray(at, w, got)
	case string:
		if is, placeholder := placeholders[w]; placeholder {
			if is(got) {
				return ""
			}
			return fmt.Sprintf("%s: %v (%T) is not %s", at, got, got, w)
		}
	}
	if got != want {
		return fmt.Sprintf("%s: got %v (%T), want %v (%T)", at, got, got, want, want)
	}
	return ""
}

func matchObject(at string, want map[string]any, got any) string {
	g, ok := got.(map[string]any)
	if !ok {
		return fmt.Sprintf("%s: %v is no object", at, got)
	}
	for name := range g {
		if _, wanted := want[name]; !wanted {
			return fmt.Sprintf("%s.%s is not wanted", at, name)
		}
	}
	for name, w := range want {
		value, there := g[name]
		if !there {
			return fmt.Sprintf("%s.%s is missing", at, name)
		}
		if diff := match(at+"."+name, w, value); diff != "" {
			return diff
		}
	}
	return ""
}

func matchArray(at string, want []any, got any) string {
	g, ok := got.([]any)
	if !ok {
		return fmt.Sprintf("%s: %v is no array", at, got)
	}
	if len(want) > 0 && want[0] == "<set>" {
		want, g = sorted(want[1:]), sorted(g)
	}
	if len(g) != len(want) {
		return fmt.Sprintf("%s: got %d entries, want %d", at, len(g), len(want))
	}
	for i := range want {
		if diff := match(fmt.Sprintf("%s[%d]", at, i), want[i], g[i]); diff != "" {
			return diff
		}
	}
	return ""
}

// sorted returns the entries in the order of their JSON.
func sorted(list []any) []any {
	list = slices.Clone(list)
	slices.SortFunc(list, func(a, b any) int {
		left, _ := json.Marshal(a)
		right, _ := json.Marshal(b)
		return strings.Compare(string(left), string(right))
	})
	return list
}

var placeholders = map[string]func(any) bool{
	"<ms>": func(v any) bool {
		n, ok := v.(json.Number)
		i, err := n.Int64()
		return ok && err == nil && i >= noon.UnixMilli()
	},
	"<number>": func(v any) bool {
		n, ok := v.(json.Number)
		i, err := n.Int64()
		return ok && err == nil && i >= 0
	},
	"<digits>": func(v any) bool {
		s, ok := v.(string)
		return ok && regexp.MustCompile(`^[0-9]+$`).MatchString(s)
	},
	"<text>": func(v any) bool {
		s, ok := v.(string)
		return ok && s != ""
	},
	"<uuid>": func(v any) bool {
		s, ok := v.(string)
		return ok && uuid.MatchString(s)
	},
}
