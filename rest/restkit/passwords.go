package restkit

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"sync/atomic"

	"golang.org/x/crypto/bcrypt"

	"groupkit"
	"groupkit/rest"
)

// ErrBusy: too many passwords are being checked. The caller can try again later.
var ErrBusy = errors.New("restkit: too many passwords are being checked")

// passwords makes and checks the hashes of passwords. A hash costs much on purpose, so a stream
// of logins could take all processors. Therefore only a few hashes run at a time; further calls
// wait, and those that would wait too long are refused.
type passwords struct {
	cost    int
	running chan struct{} // as large as the number of hashes at a time
	waiting atomic.Int64
	nobody  []byte // the hash for users who do not exist

	// compare is bcrypt.CompareHashAndPassword, except in tests.
	compare func(hash, password []byte) error
}

// maxWaiting is how many calls wait for each hash that can run.
const maxWaiting = 100

func newPasswords(cost, concurrent int) (*passwords, error) {
	p := &passwords{cost: cost, running: make(chan struct{}, concurrent), compare: bcrypt.CompareHashAndPassword}
	var err error
	p.nobody, err = p.hash(context.Background(), "", rand.Text())
	return p, err
}

// hash returns the hash of the password of the user with the ID.
func (p *passwords) hash(ctx context.Context, id, password string) (hash []byte, err error) {
	err = p.run(ctx, func() error {
		hash, err = bcrypt.GenerateFromPassword(prepared(id, password), p.cost)
		return err
	})
	return hash, err
}

// check returns nil if the password is that of the hash, otherwise rest.ErrCredentials. A nil
// hash is of nobody: no password matches, and finding that out takes as long as for others.
func (p *passwords) check(ctx context.Context, id string, hash []byte, password string) error {
	known := hash != nil
	if !known {
		hash = p.nobody
	}
	err := p.run(ctx, func() error { return p.compare(hash, prepared(id, password)) })
	switch {
	case errors.Is(err, bcrypt.ErrMismatchedHashAndPassword), err == nil && !known:
		return rest.ErrCredentials
	case errors.Is(err, ErrBusy), ctx.Err() != nil && errors.Is(err, ctx.Err()):
		return err
	case err != nil:
		return fmt.Errorf("restkit: password: %w: %w", groupkit.ErrCorrupt, err)
	}
	return nil
}

// run calls fn when few enough others run.
func (p *passwords) run(ctx context.Context, fn func() error) error {
	if p.waiting.Add(1) > int64(maxWaiting*cap(p.running)) {
		p.waiting.Add(-1)
		return ErrBusy
	}
	select {
	case <-ctx.Done():
		p.waiting.Add(-1)
		return ctx.Err()
	case p.running <- struct{}{}:
	}
	p.waiting.Add(-1)
	defer func() { <-p.running }()
	if err := ctx.Err(); err != nil {
		return err
	}
	return fn()
}

// prepared returns what bcrypt hashes instead of the password, of which it would read 72 bytes
// only. The ID of the user is the key, so that the result is worth nothing for another user.
func prepared(id, password string) []byte {
	mac := hmac.New(sha256.New, []byte(id))
	mac.Write([]byte(password))
	return base64.RawStdEncoding.AppendEncode(nil, mac.Sum(nil))
}
