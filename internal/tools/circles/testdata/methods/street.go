package methods

// walk calls into the circle, and nothing in the circle calls it.
func walk() { house{}.open() }

var first = house{}.ring()
