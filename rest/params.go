package rest

import (
	"math"
	"net/url"
	"strconv"
	"strings"

	"groupkit"
)

// query returns the query parameters. Pairs that cannot be read are left out.
func (c *call) query() url.Values {
	if c.params == nil && c.asked.URL.RawQuery != "" {
		c.params = c.asked.URL.Query()
	}
	return c.params
}

// numberParam returns a number of the query. A number out of range is clamped; the default is for
// one that is missing or unreadable.
func (c *call) numberParam(name string, least, fallback, most int) int {
	n, err := strconv.Atoi(strings.TrimSpace(c.query().Get(name)))
	if err != nil && !isRange(err) {
		return fallback
	}
	return min(max(n, least), most) // with a range error Atoi returns the nearest number
}

func isRange(err error) bool {
	e, ok := err.(*strconv.NumError) //nolint:errorlint // strconv documents it
	return ok && e.Err == strconv.ErrRange
}

// The pages of most lists.
const (
	defaultPage = 10
	maxPage     = 1000
)

func (c *call) limitParam() int { return c.numberParam("limit", 1, defaultPage, maxPage) }

// pageParams returns the page that pagenum and pagesize name; pages count from 1.
func (c *call) pageParams(size int) groupkit.Page {
	return groupkit.Page{
		Number: c.numberParam("pagenum", 1, 1, math.MaxInt),
		Size:   c.numberParam("pagesize", 1, size, maxPage),
	}
}

// cursorParam returns the cursor. Some clients send the text "undefined" for the start.
func (c *call) cursorParam() string {
	if cursor := c.query().Get("cursor"); cursor != "undefined" {
		return cursor
	}
	return ""
}

// group returns the ID of the group in the path.
func (c *call) group() groupkit.GroupID { return groupkit.GroupID(c.r.PathValue("group")) }

// user returns the name in the path, of a route that knows one user.
func (c *call) user() groupkit.UserID { return groupkit.UserID(c.r.PathValue("user")) }

// users returns the names in the path, or an error if there is none.
func (c *call) users() ([]groupkit.UserID, error) {
	list := names[groupkit.UserID](c.r.PathValue("user"))
	if len(list) == 0 {
		return nil, missing("username")
	}
	return list, nil
}

// names cuts a list at its commas. Empty names and names that come again are left out.
func names[T ~string](list string) []T {
	var out []T
	for name := range strings.SplitSeq(list, ",") {
		out = append(out, T(strings.TrimSpace(name)))
	}
	return distinct(out)
}

// distinct returns the list without empty names and names that come again, in the same array.
func distinct[T ~string](list []T) []T {
	if len(list) == 1 && list[0] != "" {
		return list
	}
	known, out := make(map[T]bool, len(list)), list[:0]
	for _, name := range list {
		if name != "" && !known[name] {
			known[name] = true
			out = append(out, name)
		}
	}
	return out
}
