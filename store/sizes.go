package store

// Sizes is what a store can take. A field that is 0 has no bound. A transaction that is larger
// returns ErrTooLarge and writes nothing.
type Sizes struct {
	Key    int // bytes of a key; at least 2,048
	Value  int // bytes of a value
	Writes int // keys that one transaction puts and deletes
	Reads  int // keys that one Update gets, and pairs that it scans; a View can read everything
	Bytes  int // bytes of the keys and values that one transaction puts and deletes
}

// A Sizer is a Store with bounds beside those of [Store]. It is optional.
type Sizer interface {
	Sizes() Sizes
}

// SizesOf returns what s can take. It returns the zero Sizes, no bounds, if s is not a [Sizer].
func SizesOf(s Store) Sizes {
	if z, ok := s.(Sizer); ok {
		return z.Sizes()
	}
	return Sizes{}
}
