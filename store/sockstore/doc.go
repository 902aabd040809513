// Package sockstore shows the data that one process has open to other processes of the same machine,
// to read. A bbolt file can be open in one process at a time; with this package a tool can still look
// into it, check it, export it and follow it while that process goes on.
//
// The process that has the data opens its engine with [At]:
//
//	eng, err := groupkit.Open("guilds.db", &groupkit.Options{Share: sockstore.At("guilds.db.sock")})
//
// Without an engine it calls [Listen] and [Serve]. The other one calls [Dial], which returns
// a store.Store and a store.Blobs. They cannot write: Update, Put and Delete return
// store.ErrReadOnly. Each View is one snapshot of the store on the other side.
//
// Whoever can open the socket can read everything. Listen makes it for the user of the process
// alone. Serve ends a View that asks nothing for a minute, because a snapshot keeps space of the
// store from being used again.
package sockstore
