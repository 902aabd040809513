package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"groupkit/store/pgstore/pgtest"
)

// database is the URL of a new, empty database, or "" where PostgreSQL is not installed or does
// not start. The server has its settings as they come, and syncs, but takes more connections.
func (r *run) database() (string, error) {
	ctx := context.Background()
	if r.server == nil && r.noServer == nil {
		r.say("starting PostgreSQL")
		r.server, r.noServer = pgtest.Start(ctx, "fsync=on", "max_connections=400")
		if r.noServer != nil {
			r.say("without PostgreSQL: %v", r.noServer)
		}
	}
	if r.server == nil {
		return "", nil
	}
	r.copies++
	name := fmt.Sprintf("bench%d", r.copies)
	admin, err := pgx.Connect(ctx, r.server.URL("postgres"))
	if err != nil {
		return "", err
	}
	_, err = admin.Exec(ctx, "CREATE DATABASE "+name)
	return r.server.URL(name), errors.Join(err, admin.Close(ctx))
}

func serverVersion(s *pgtest.Server) (version string, err error) {
	ctx := context.Background()
	c, err := pgx.Connect(ctx, s.URL("postgres"))
	if err != nil {
		return "", err
	}
	err = c.QueryRow(ctx, "SELECT split_part(version(), ' on ', 1)").Scan(&version)
	return version, errors.Join(err, c.Close(ctx))
}
