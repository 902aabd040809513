package restkit

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"strings"
	"time"

	"groupkit"
	"groupkit/rest"
	"groupkit/store"
)

// Tokens issues and checks the tokens of one application. They are kept in the store of its
// engine, so they survive a restart, and the token of one application is worth nothing at
// another. The token of the application acts as the system, the token of a user as that user.
//
// Each IssueToken also removes a few tokens that have expired. So the store holds little more
// than the tokens that are valid, without a job in the background.
type Tokens struct {
	bucket bucket
	opts   TokensOptions
}

// TokensOptions configures Tokens. Nil options, and each field that is zero, mean the default.
type TokensOptions struct {
	// TTL is how long a token is valid if its grant does not say. Default: 60 days.
	TTL time.Duration

	// MaxTTL is how long a token can be valid at most. A longer time is shortened, also TTL.
	// Default: 60 days.
	MaxTTL time.Duration

	// Accounts has the users. Default: none; every password is wrong, and tokens of users
	// are refused.
	Accounts Accounts

	// Clock returns the current time. Default: time.Now.
	Clock func() time.Time
}

const defaultTTL = 60 * 24 * time.Hour

// Accounts are the users who can have tokens. [Users] is one; an application with accounts of
// its own brings another.
type Accounts interface {
	// Verify returns the user if the password is right, otherwise rest.ErrCredentials.
	Verify(ctx context.Context, user groupkit.UserID, password string) (rest.User, error)

	// User returns the user, or rest.ErrUnknownUser. It is called for each request with the
	// token of a user. The token is refused if the ID is another than when it was issued:
	// then the user was deleted and a new one has the name.
	User(ctx context.Context, user groupkit.UserID) (rest.User, error)
}

// NewTokens returns the tokens that are kept in the store of eng.
func NewTokens(eng *groupkit.Engine, opts *TokensOptions) *Tokens {
	t := &Tokens{bucket: bucket{eng, TokensBucket}}
	if opts != nil {
		t.opts = *opts
	}
	t.opts.TTL = cmp.Or(max(t.opts.TTL, 0), defaultTTL)
	t.opts.MaxTTL = cmp.Or(max(t.opts.MaxTTL, 0), defaultTTL)
	t.opts.Clock = orNow(t.opts.Clock)
	return t
}

// IssueToken makes a token. It is valid for the time that the grant asks for, at least a
// second and at most MaxTTL, in whole seconds.
//
// Returns rest.ErrCredentials if the name or the password of a user is wrong, rest.ErrClientID
// or rest.ErrClientSecret if the credentials are not those of the application's client.
func (t *Tokens) IssueToken(ctx context.Context, g rest.Grant) (rest.Token, error) {
	if g.Username != "" {
		return t.issueToUser(ctx, g)
	}
	check := func(r store.Reader) error { return checkClient(r, g.ClientID, g.ClientSecret) }
	if err := t.bucket.view(ctx, check); err != nil { // wrong credentials must not hold up the writers
		return rest.Token{}, err
	}
	return t.issue(ctx, tokenRecord{}, g.TTL, check)
}

func (t *Tokens) issueToUser(ctx context.Context, g rest.Grant) (rest.Token, error) {
	if t.opts.Accounts == nil {
		return rest.Token{}, rest.ErrCredentials
	}
	user, err := t.opts.Accounts.Verify(ctx, g.Username, g.Password)
	if err == nil {
		err = checkUserName(user.Name) // the token of a user without a name would be the application's
	}
	if err != nil {
		return rest.Token{}, err
	}
	record := tokenRecord{user: user.Name, id: user.ID}
	token, err := t.issue(ctx, record, g.TTL, func(store.Reader) error { return nil })
	if err != nil {
		return rest.Token{}, err
	}
	token.User = &user
	return token, nil
}

// issue makes and stores a token, if check still returns nil in the transaction that stores it.
func (t *Tokens) issue(ctx context.Context, record tokenRecord, ttl time.Duration, check func(store.Reader) error) (rest.Token, error) {
	token := rest.Token{Value: rand.Text(), ExpiresIn: t.ttl(ttl)}
	now := t.opts.Clock()
	record.expires = millis(now.Add(token.ExpiresIn))
	err := t.bucket.update(ctx, func(w store.Writer) error {
		if err := check(w); err != nil {
			return err
		}
		if _, _, err := removeExpired(w, millis(now), expiredPerIssue); err != nil {
			return err
		}
		return record.put(w, digestOf(token.Value))
	})
	if err != nil {
		return rest.Token{}, err
	}
	return token, nil
}

// expiredPerIssue is how many expired tokens the issue of one removes. It is more than 1, so
// that they become fewer.
const expiredPerIssue = 4

// ttl returns for how long a token is valid for which asked was asked.
func (t *Tokens) ttl(asked time.Duration) time.Duration {
	ttl := min(cmp.Or(max(asked, 0), t.opts.TTL), t.opts.MaxTTL)
	return max(ttl.Truncate(time.Second), time.Second)
}

// Authenticate tells whose token the request has, in a header of the form
// "Authorization: Bearer TOKEN".
//
// Returns rest.ErrNoToken if there is no token or an empty one, rest.ErrBadToken if it is
// unknown, has expired or was revoked, or if its user was deleted.
func (t *Tokens) Authenticate(r *http.Request) (rest.Caller, error) {
	value, err := bearer(r)
	if err != nil {
		return rest.Caller{}, err
	}
	record, err := t.find(r.Context(), value)
	switch {
	case err != nil:
		return rest.Caller{}, err
	case record.user == "":
		return rest.Caller{System: true}, nil
	case t.opts.Accounts == nil:
		return rest.Caller{}, rest.ErrBadToken
	}
	user, err := t.opts.Accounts.User(r.Context(), record.user)
	if errors.Is(err, rest.ErrUnknownUser) || err == nil && user.ID != record.id {
		return rest.Caller{}, rest.ErrBadToken
	}
	if err != nil {
		return rest.Caller{}, err
	}
	return rest.Caller{User: record.user}, nil
}

// find returns the record of a token that is valid.
func (t *Tokens) find(ctx context.Context, value string) (record tokenRecord, err error) {
	err = t.bucket.view(ctx, func(r store.Reader) error {
		var known bool
		record, known, err = loadToken(r, digestOf(value))
		if err == nil && (!known || record.expires <= millis(t.opts.Clock())) {
			err = rest.ErrBadToken
		}
		return err
	})
	return record, err
}

// bearer returns the token of the request. A header with another scheme has a bad token.
func bearer(r *http.Request) (string, error) {
	scheme, value, _ := strings.Cut(strings.TrimSpace(r.Header.Get("Authorization")), " ")
	value = strings.TrimSpace(value)
	switch {
	case scheme == "", strings.EqualFold(scheme, "Bearer") && value == "":
		return "", rest.ErrNoToken
	case !strings.EqualFold(scheme, "Bearer"):
		return "", rest.ErrBadToken
	}
	return value, nil
}
