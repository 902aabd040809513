package groupkit

import (
	"encoding/binary"
	"errors"

	"groupkit/internal/key"
	"groupkit/internal/record"
	"groupkit/store"
)

// On a shared store that does not know the order of its commits (see [store.Numberer]), the
// engine gives the calls numbers by the clock. A record, the floor, says below which number no
// call comes any more. Each call reads it and takes a number that is not lower; so raising the
// floor makes those calls fail with a conflict, and run again, that are under way and have a lower
// number. Calls with numbers below the floor are settled. Whoever follows all groups raises the
// floor above what there is. So the order is right whatever the clocks show, and however long a
// transaction is open.

// readFloor returns the floor of a store without numbers.
func readFloor(r store.Reader) (uint64, error) {
	value, _, err := r.Get(key.Floor())
	if err != nil {
		return 0, storage(err)
	}
	return decodeFloor(value)
}

func decodeFloor(value []byte) (uint64, error) {
	if value == nil {
		return 0, nil
	}
	return decodeNumber(value)
}

func decodeNumber(value []byte) (uint64, error) {
	if len(value) != 8 {
		return 0, record.ErrCorrupt
	}
	return binary.BigEndian.Uint64(value), nil
}

// raiseFloorTo raises the floor to a number, if it is lower.
func raiseFloorTo(w store.Writer, number uint64) error {
	floor, err := readFloor(w)
	if err != nil || floor >= number {
		return err
	}
	return storage(w.Put(key.Floor(), binary.BigEndian.AppendUint64(nil, number)))
}

// hasOrder reports whether a store knows the order of its commits.
func hasOrder(r store.Reader) (bool, error) {
	_, err := store.Settled(r)
	if errors.Is(err, store.ErrNotSupported) {
		return false, nil
	}
	return err == nil, storage(err)
}
