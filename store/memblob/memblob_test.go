package memblob_test

import (
	"testing"

	"groupkit/store"
	"groupkit/store/memblob"
	"groupkit/store/storetest"
)

func TestBlobs(t *testing.T) {
	storetest.RunBlobs(t, func(*testing.T) store.Blobs { return memblob.New() })
}
