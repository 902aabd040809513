package pgstore

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"groupkit/store"
)

// encodeTopic makes a topic a payload: text of at most 8,000 bytes.
func encodeTopic(topic string) string { return base64.StdEncoding.EncodeToString([]byte(topic)) }

// Watch calls changed with what is announced. It uses a connection of its own, beside the pool.
// Once it listens it calls changed without topics: what was announced before was not heard.
// Returns ErrNotSupported without Options.Notify, and an error if the connection is lost.
func (s *Store) Watch(ctx context.Context, changed func(topics []string)) error {
	if !s.options.Notify {
		return store.ErrNotSupported
	}
	if err := s.gate.Enter(); err != nil {
		return err
	}
	s.gate.Leave()
	if err := ctx.Err(); err != nil {
		return err
	}
	within, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		select {
		case <-s.closed:
			cancel(store.ErrClosed)
		case <-within.Done():
		}
	}()
	err := s.listen(within, changed)
	if within.Err() != nil {
		return context.Cause(within)
	}
	return err
}

// listen connects, listens, and calls changed until the connection is lost or ctx ends.
func (s *Store) listen(ctx context.Context, changed func(topics []string)) error {
	config := s.pool.Config()
	if config.BeforeConnect != nil {
		if err := config.BeforeConnect(ctx, config.ConnConfig); err != nil {
			return err
		}
	}
	conn, err := pgx.ConnectConfig(ctx, config.ConnConfig)
	if err != nil {
		return explain(err)
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = conn.Close(ctx)
	}()
	if _, err := conn.Exec(ctx, "LISTEN "+s.options.Name); err != nil {
		return explain(err)
	}
	changed(nil)
	for {
		n, err := conn.WaitForNotification(ctx)
		if err != nil {
			return fmt.Errorf("%w: %w", errLost, err)
		}
		topic, err := base64.StdEncoding.DecodeString(n.Payload)
		if err != nil {
			return errors.Join(fmt.Errorf("pgstore: a notification that is not of this package: %q", n.Payload), err)
		}
		changed([]string{string(topic)})
	}
}
