//go:build js || wasip1 || plan9

package sockstore

import (
	"fmt"
	"net"

	"groupkit/store"
)

// Listen returns store.ErrNotSupported: this system has no sockets of that kind.
func Listen(path string) (net.Listener, error) {
	return nil, fmt.Errorf("sockstore: %q: %w", path, store.ErrNotSupported)
}
