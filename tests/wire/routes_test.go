package wire

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Each route of the handler is in the document, and the other way round.
func TestDocument_routes(t *testing.T) {
	t.Parallel()
	var documented []string
	for path, item := range documentOf(t).model.Paths.PathItems.FromOldest() {
		for method := range item.GetOperations().FromOldest() {
			documented = append(documented, strings.ToUpper(method)+" "+anonymous(strings.TrimPrefix(path, "/{org}/{app}")))
		}
	}
	slices.Sort(documented)
	require.Equal(t, served(t), documented)
}

// anonymous removes the names of the variables of a path.
func anonymous(path string) string {
	return regexp.MustCompile(`\{\w+\}`).ReplaceAllString(path, "{}")
}

// served reads the routes of the handler from its table.
func served(t *testing.T) (out []string) {
	text, err := os.ReadFile("../../rest/routes.go")
	require.NoError(t, err)
	for _, m := range regexp.MustCompile(`\{method: "([A-Z]+)", path: ([^,]+),`).FindAllStringSubmatch(string(text), -1) {
		out = append(out, m[1]+" "+anonymous(strings.Trim(strings.ReplaceAll(m[2], "tokenPath", `"/token"`), `"`)))
	}
	require.Greater(t, len(out), 40)
	out = append(out, "GET /chatgroups/user/{}")
	slices.Sort(out)
	return out
}

// What is in the document is served: with any other method it is refused with 405.
func TestDocument_methods(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.group(t, "g", "user1", "user2")
	for path, item := range documentOf(t).model.Paths.PathItems.FromOldest() {
		below := strings.NewReplacer("/{org}/{app}", "", "{group_id}", "g", "{username}", "user2", "{file_id}", "f").Replace(path)
		operations := item.GetOperations()
		for _, method := range []string{"GET", "POST", "PUT", "DELETE", "PATCH"} {
			if _, documented := operations.Get(strings.ToLower(method)); documented {
				continue
			}
			a := s.send(t, request("app", method+" "+below, "{}"))
			require.Equal(t, 405, a.status, "%s %s: %s", method, below, a.body)
		}
		for method := range operations.FromOldest() {
			a := s.send(t, request("app", "OPTIONS "+below))
			require.Contains(t, a.header.Get("Allow"), strings.ToUpper(method), "%s", below)
		}
	}
}
