package record

import "strings"

// A Texts makes many short strings in few allocations. A string keeps those made just before
// and after it in memory. A nil Texts makes each by itself.
type Texts struct {
	space strings.Builder
	next  int // the size of the next allocation
}

// The sizes of the allocations: small lists need little, and a string that is kept keeps little.
const smallestText, largestText = 64, 1 << 10

// Of returns b as a string.
func (t *Texts) Of(b []byte) string {
	if t == nil {
		return string(b)
	}
	if t.space.Cap()-t.space.Len() < len(b) {
		t.next = min(max(2*t.next, smallestText), largestText)
		t.space = strings.Builder{}
		t.space.Grow(max(t.next, len(b)))
	}
	start := t.space.Len()
	t.space.Write(b)
	return t.space.String()[start:]
}
