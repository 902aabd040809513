package pgstore_test

import (
	"context"
	"log"
	"os"

	"groupkit"
	"groupkit/store/pgstore"
)

// Each process opens the database with an engine of its own.
func Example() {
	ctx := context.Background()
	s, err := pgstore.Open(ctx, os.Getenv("DATABASE_URL"), nil) // makes its tables
	if err != nil {
		log.Fatal(err)
	}
	eng, err := groupkit.New(s, s.Blobs(), nil) // contents of shared files in the database, too
	if err != nil {
		log.Fatal(err)
	}
	defer eng.Close()
	_, err = eng.As("dora").Join(ctx, "night-watch")
	if err != nil {
		log.Print(err)
	}
}

// What the application writes with its own SQL is committed with the groups, or not at all.
func ExampleSQL() {
	ctx := context.Background()
	s, err := pgstore.Open(ctx, os.Getenv("DATABASE_URL"), nil)
	if err != nil {
		log.Fatal(err)
	}
	eng, err := groupkit.New(s, s.Blobs(), nil)
	if err != nil {
		log.Fatal(err)
	}
	defer eng.Close()
	err = eng.Atomic(ctx, func(tx *groupkit.Tx) error {
		if _, err := tx.As("dora").Join(ctx, "night-watch"); err != nil {
			return err
		}
		bucket, err := tx.Bucket("shop")
		if err != nil {
			return err
		}
		sql, err := pgstore.SQL(bucket)
		if err != nil {
			return err
		}
		_, err = sql.Exec(ctx, "INSERT INTO payments (who, cents) VALUES ($1, $2)", "dora", 500)
		return err
	})
	if err != nil {
		log.Print(err)
	}
}
