package restkit

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"groupkit"
	"groupkit/rest"
	"groupkit/store"
)

// A Client is what the programs of an application present to get a token.
type Client struct {
	App    string // the UUID of the application, for rest.App.ID
	ID     string // client_id
	Secret string // client_secret; empty if it was made earlier: the store has only its hash
}

// ErrNoClient: the application has no client yet; see [Tokens.Setup].
var ErrNoClient = errors.New("restkit: the application has no client")

// clientKey is the key of the record of the client.
var clientKey = []byte("c")

// A clientRecord is a Client as it is stored.
type clientRecord struct {
	App    string `json:"app"`
	ID     string `json:"id"`
	Secret []byte `json:"secret"` // its hash
}

// Setup returns the client of the application. The first time it makes the client; only then the
// result has a Secret. Keep it: nobody can read it later.
func (t *Tokens) Setup(ctx context.Context) (Client, error) {
	var c Client
	err := t.bucket.view(ctx, func(r store.Reader) (err error) {
		c, err = storedClient(r)
		return err
	})
	if !errors.Is(err, ErrNoClient) {
		return c, err
	}
	err = t.bucket.update(ctx, func(w store.Writer) (err error) {
		c, err = storedClient(w)
		if errors.Is(err, ErrNoClient) {
			c = Client{App: uuid.NewString(), ID: rand.Text(), Secret: rand.Text()}
			err = c.put(w)
		}
		return err
	})
	return c, err
}

// NewSecret gives the client a new secret and returns it. The old one is refused from then on.
// Tokens stay valid; [Tokens.RevokeAll] revokes them. Returns ErrNoClient before Setup.
func (t *Tokens) NewSecret(ctx context.Context) (Client, error) {
	var c Client
	err := t.bucket.update(ctx, func(w store.Writer) (err error) {
		if c, err = storedClient(w); err != nil {
			return err
		}
		c.Secret = rand.Text()
		return c.put(w)
	})
	return c, err
}

func (c Client) put(w store.Writer) error {
	hash := sha256.Sum256([]byte(c.Secret))
	value, err := json.Marshal(clientRecord{App: c.App, ID: c.ID, Secret: hash[:]})
	if err != nil {
		return err
	}
	return w.Put(clientKey, value)
}

func loadClient(r store.Reader) (c clientRecord, err error) {
	value, ok, err := r.Get(clientKey)
	if err != nil {
		return c, err
	}
	if !ok {
		return c, ErrNoClient
	}
	if err := json.Unmarshal(value, &c); err != nil {
		return c, fmt.Errorf("restkit: client: %w: %w", groupkit.ErrCorrupt, err)
	}
	return c, nil
}

func storedClient(r store.Reader) (Client, error) {
	c, err := loadClient(r)
	return Client{App: c.App, ID: c.ID}, err
}

// checkClient returns nil if the credentials are those of the client. It compares in constant
// time. Before Setup no ID matches.
func checkClient(r store.Reader, id, secret string) error {
	c, err := loadClient(r)
	hash := sha256.Sum256([]byte(secret))
	switch {
	case errors.Is(err, ErrNoClient):
		return rest.ErrClientID
	case err != nil:
		return err
	case subtle.ConstantTimeCompare([]byte(id), []byte(c.ID)) == 0:
		return rest.ErrClientID
	case subtle.ConstantTimeCompare(hash[:], c.Secret) == 0:
		return rest.ErrClientSecret
	}
	return nil
}
