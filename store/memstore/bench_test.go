package memstore_test

import (
	"testing"

	"groupkit/store"
	"groupkit/store/memstore"
	"groupkit/store/storetest"
)

func BenchmarkStore(b *testing.B) {
	storetest.Bench(b, func(*testing.B) store.Store { return memstore.New() })
}
