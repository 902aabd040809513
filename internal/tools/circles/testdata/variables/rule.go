// Package variables has a circle through a table of functions.
package variables

func double(n int) int { return 2 * n }

func all(n int) int {
	for _, r := range table {
		n = r.apply(n)
	}
	return n
}
