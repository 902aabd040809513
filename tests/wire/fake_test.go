package wire

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"groupkit"
	"groupkit/rest"
	"groupkit/store"
)

// tokens gives and checks tokens: "app" is the app's, "of:NAME" is the user's. The tokens of users
// who do not exist are good as well.
type tokens struct {
	users *directory
	grant rest.Grant // the last one
}

func (k *tokens) Authenticate(r *http.Request) (rest.Caller, error) {
	token := strings.TrimSpace(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer"))
	user, ofUser := strings.CutPrefix(token, "of:")
	switch {
	case token == "":
		return rest.Caller{}, rest.ErrNoToken
	case token == "app":
		return rest.Caller{System: true}, nil
	case token == "down":
		return rest.Caller{}, errors.New("the place where tokens are kept is down")
	case token == "nobody":
		return rest.Caller{}, nil
	case !ofUser:
		return rest.Caller{}, rest.ErrBadToken
	}
	return rest.Caller{User: groupkit.UserID(user)}, nil
}

func (k *tokens) IssueToken(ctx context.Context, g rest.Grant) (rest.Token, error) {
	k.grant = g
	expires := g.TTL
	if expires == 0 {
		expires = 60 * 24 * time.Hour
	}
	if g.Username != "" {
		user, err := k.users.User(ctx, g.Username)
		if err != nil || g.Password != "secret of "+string(g.Username) {
			return rest.Token{}, rest.ErrCredentials
		}
		return rest.Token{Value: "of:" + string(g.Username), ExpiresIn: expires, User: &user}, nil
	}
	switch {
	case g.ClientID != "id":
		return rest.Token{}, rest.ErrClientID
	case g.ClientSecret != "secret":
		return rest.Token{}, rest.ErrClientSecret
	}
	return rest.Token{Value: "app", ExpiresIn: expires}, nil
}

// A directory keeps users in memory.
type directory struct {
	mu    sync.Mutex
	users map[groupkit.UserID]rest.User
}

func newDirectory(names ...groupkit.UserID) *directory {
	d := &directory{users: map[groupkit.UserID]rest.User{}}
	for _, name := range names {
		d.add(name)
	}
	return d
}

func (d *directory) add(name groupkit.UserID) rest.User {
	id := fmt.Sprintf("6f1d2a30-0000-4000-8000-%012d", len(d.users)+1)
	d.users[name] = rest.User{ID: id, Name: name, Created: noon, Modified: noon}
	return d.users[name]
}

func (d *directory) Exists(_ context.Context, user groupkit.UserID) (bool, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	_, exists := d.users[user]
	return exists, nil
}

func (d *directory) CreateUsers(_ context.Context, users []rest.NewUser) (out []rest.User, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for i, u := range users {
		_, exists := d.users[u.Name]
		if exists || slices.ContainsFunc(users[:i], func(o rest.NewUser) bool { return o.Name == u.Name }) {
			return nil, fmt.Errorf("user %q: %w", u.Name, rest.ErrUserExists)
		}
	}
	for _, u := range users {
		out = append(out, d.add(u.Name))
	}
	return out, nil
}

func (d *directory) User(_ context.Context, user groupkit.UserID) (rest.User, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	u, exists := d.users[user]
	if !exists {
		return u, rest.ErrUnknownUser
	}
	return u, nil
}

func (d *directory) DeleteUser(_ context.Context, user groupkit.UserID) (rest.User, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	u, exists := d.users[user]
	if !exists {
		return u, rest.ErrUnknownUser
	}
	delete(d.users, user)
	return u, nil
}

func (d *directory) DeleteUsers(_ context.Context, limit int) (out []rest.User, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	names := make([]groupkit.UserID, 0, len(d.users))
	for name := range d.users {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names[:min(limit, len(names))] {
		out = append(out, d.users[name])
		delete(d.users, name)
	}
	return out, nil
}

// A failingStore fails, or panics, when a test says so.
type failingStore struct {
	store.Store
	mu    sync.Mutex
	fails error
}

// Exclusive says what the store within says.
func (f *failingStore) Exclusive() bool { return store.Exclusive(f.Store) }

func (f *failingStore) fail(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fails = err
}

func (f *failingStore) failure() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.fails
}

func (f *failingStore) View(ctx context.Context, fn func(store.Reader) error) error {
	if err := f.failure(); err != nil {
		return err
	}
	return f.Store.View(ctx, fn)
}

func (f *failingStore) Update(ctx context.Context, fn func(store.Writer) error) error {
	if err := f.failure(); err != nil {
		return err
	}
	return f.Store.Update(ctx, fn)
}
