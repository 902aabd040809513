// Package pgstore is a store in PostgreSQL, for engines in several processes, on several machines.
//
// [Open] makes a pool of connections from a URL; [New] takes one of the application. The store
// makes its tables itself. All their names begin with the name of the app (Options.Name), so
// several apps can use one database. [SQL] gives the transaction of the database to the
// application, and [Store.Blobs] keeps the contents of shared files.
//
//	s, err := pgstore.Open(ctx, os.Getenv("DATABASE_URL"), nil)
//	if err != nil {
//		log.Fatal(err)
//	}
//	eng, err := groupkit.New(s, s.Blobs(), nil)
//
// # Transactions
//
// An Update is a SERIALIZABLE transaction. What it writes stays in memory until it commits. So an
// Update that reads once costs two round trips: BEGIN goes with the first read, the writes go with
// COMMIT. It is run again after a conflict, and if the connection is lost before the commit. If the
// connection is lost during the commit, Update returns [store.ErrCommitUnknown].
//
// A View is a REPEATABLE READ transaction that only reads. It costs one round trip for each read, and
// no other transaction waits for it. It sees the transactions in the order of their commits.
// If an Update T reads what an Update U changes, and U commits while T runs, then T counts as the
// earlier one, although a View can see U before T. Both are in the order of their commits for
// everyone if they write one key in common, as all changes of one group do.
//
// Writers of this process that claim the same key (see [store.Claim]) take turns. Writers in other
// processes wait for the row, and are then run again.
//
// # The server
//
// PostgreSQL 13 and later. An Update takes locks on what it has read. If it reads many rows, the
// server replaces them with a lock on the whole table, and conflicts with every writer. Raise
// max_pred_locks_per_transaction (64 by default) to some hundreds for groups with many members.
//
// Numbers and bounds of transactions (see [store.Number]) come from pg_current_xact_id. After the
// database has been moved to another cluster (dump and restore, logical replication), close all
// stores and open them again: an opening sees the change and begins a new epoch of numbers.
// After a crash PostgreSQL gives ids again that it had given to transactions that were not committed.
//
// CockroachDB and YugabyteDB have everything that the store uses except these numbers: there
// store.Number returns ErrNotSupported, and the engine orders the calls itself; see
// [store.Numberer]. They are not tested.
package pgstore
