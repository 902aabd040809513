package overlay

import (
	"fmt"

	"groupkit/store"
)

// Engine is the name of the engine's own key space in stores with several key spaces.
const Engine = "groupkit"

// Witness is the name of an empty key space. A bbolt file that has one had one of the engine.
const Witness = "groupkit.format"

// CheckBucket refuses names that an application cannot give to a bucket.
func CheckBucket(name string) error {
	if len(name) == 0 || len(name) > MaxKey {
		return fmt.Errorf("%w: bucket name of %d bytes (1 to %d)", store.ErrTooLarge, len(name), MaxKey)
	}
	if name == Engine || name == Witness {
		return fmt.Errorf("store: bucket %q is the engine's own", name)
	}
	return nil
}
