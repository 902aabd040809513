package groupkit

import (
	"context"
	"fmt"
	"math"
	"slices"

	"groupkit/internal/seal"
	"groupkit/store"
)

// A room is what one step of the work in the background may still read and write. A store can
// bound what a transaction does; steps are cut to it, and what is left follows in the next.
type room struct {
	sizes                store.Sizes
	writes, reads, bytes int // taken
	begun                bool
}

// spare is how many records a step reads, and writes, besides its entries.
const spare = 8

func newRoom(sizes store.Sizes) *room { return &room{sizes: sizes, writes: spare, reads: spare} }

// take takes what must be written in any case.
func (r *room) take(pairs []store.Pair) {
	r.writes += len(pairs)
	for _, p := range pairs {
		r.bytes += len(p.Key) + len(p.Value) + seal.Size
	}
}

// fits takes what one entry writes and reads, if there is room. There always is for the first
// entry: if even that is too large, the store says so.
func (r *room) fits(pairs []store.Pair, reads int) bool {
	before := *r
	r.take(pairs)
	r.reads += reads
	if r.begun && (exceeds(r.writes, r.sizes.Writes) || exceeds(r.reads, r.sizes.Reads) || exceeds(r.bytes, r.sizes.Bytes)) {
		*r = before
		return false
	}
	r.begun = true
	return true
}

func exceeds(n, most int) bool { return most > 0 && n > most }

// entries returns how many entries one transaction can have: at most most. Each costs some reads
// and writes.
func entries(sizes store.Sizes, most, reads, writes int) int {
	if sizes.Reads > 0 {
		most = min(most, (sizes.Reads-spare)/reads)
	}
	if sizes.Writes > 0 {
		most = min(most, (sizes.Writes-spare)/writes)
	}
	return max(most, 1)
}

// What one user of a call costs at most: a member who is muted and on the allow list, has become
// an admin, and is blocked.
const (
	readsOfUser  = 3
	writesOfUser = 14
)

// usersPerCall returns how many users a batch or a creation can have.
func usersPerCall(sizes store.Sizes) int {
	return entries(sizes, math.MaxInt32, readsOfUser, writesOfUser)
}

// longestValue returns how many bytes of a text a record can have.
func longestValue(sizes store.Sizes) int {
	if sizes.Value == 0 {
		return math.MaxInt32
	}
	return max(sizes.Value-seal.Size, 1)
}

// refuseTooLarge returns an error if a call writes more than one transaction can.
func (e *Engine) refuseTooLarge(pairs []store.Pair) error {
	r := room{sizes: e.sizes, begun: true}
	if r.fits(pairs, 0) {
		return nil
	}
	r.take(pairs)
	return storage(fmt.Errorf("%w: the call writes %d records with %d bytes (at most %d and %d, 0: no bound)",
		store.ErrTooLarge, r.writes, r.bytes, e.sizes.Writes, e.sizes.Bytes))
}

// writeInParts writes pairs that need not be written together, in as many transactions as the
// store needs.
func (e *Engine) writeInParts(ctx context.Context, pairs []store.Pair) error {
	for part := range slices.Chunk(pairs, entries(e.sizes, math.MaxInt32, 1, 1)) {
		err := e.decided(ctx, new(afterCommit), true, func() error {
			return e.updateClosed(ctx, func(w store.Writer) error { return write(w, part) })
		})
		if err != nil {
			return err
		}
	}
	return nil
}
