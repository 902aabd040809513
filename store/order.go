package store

// A Numberer is a Writer whose store knows in what order transactions become visible. It is
// optional. Whoever follows all changes stands on it: with the numbers of a Numberer and the
// bound of a [Settler] no change is passed over.
//
// On a store that several processes share and that has no Numberers, the engine orders its calls by a
// record that each reads and that is changed now and then. That needs a store in which a transaction is
// in conflict, and runs again, if another has changed what it has read and was committed before it. A
// store that would rather put it before the other, as serializable snapshots can, must be a Numberer:
// a View could have seen the other without it.
type Numberer interface {
	// Number returns the number of the transaction. No other transaction has the same one. If
	// a transaction begins after another has been committed, or reads what another has written,
	// its number is higher. Numbers are below 1<<48, and have gaps. A transaction that is run
	// again can get another number.
	Number() (uint64, error)
}

// A Settler is a Reader whose store knows which numbers of transactions are settled. Readers
// within an Update have it too. A store with Numberers has Settlers.
type Settler interface {
	// Settled returns a bound. Every transaction with a lower number has ended, and its changes
	// are in the snapshot of the Reader if it was committed. Every later transaction gets a
	// number that is not lower; after a crash of the store, one that is higher than the numbers of all
	// that were committed, but can be lower than the bound. The bound grows otherwise: after all
	// transactions have ended it is higher than each of their numbers.
	Settled() (uint64, error)
}

// Number returns the number of the transaction of w. It returns [ErrNotSupported] if w is not
// a [Numberer].
func Number(w Writer) (uint64, error) {
	if n, ok := w.(Numberer); ok {
		return n.Number()
	}
	return 0, ErrNotSupported
}

// Settled returns the bound of the settled numbers; see [Settler]. It returns
// [ErrNotSupported] if r is not a Settler.
func Settled(r Reader) (uint64, error) {
	if s, ok := r.(Settler); ok {
		return s.Settled()
	}
	return 0, ErrNotSupported
}
