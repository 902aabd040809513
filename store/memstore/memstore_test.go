package memstore_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"groupkit/store"
	"groupkit/store/memstore"
	"groupkit/store/storetest"
)

func TestStore(t *testing.T) {
	storetest.Run(t, func(*testing.T) store.Store { return memstore.New() })
}

func TestStore_Exclusive(t *testing.T) {
	require.True(t, store.Exclusive(memstore.New()))
}
