package pgstore_test

import (
	"testing"

	"groupkit/store"
	"groupkit/store/pgstore"
	"groupkit/store/storetest"
)

func TestBlobs(t *testing.T) {
	storetest.RunBlobs(t, func(t *testing.T) store.Blobs { return open(t, pgstore.Options{}).Blobs() })
}
