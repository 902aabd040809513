package rest

import (
	"context"
	"errors"
	"net/http"
	"time"

	"groupkit"
)

// A Caller is who makes a request: the application itself, or one of its users. The zero Caller
// is nobody and is refused.
type Caller struct {
	System bool            // the application, which acts as the engine's system
	User   groupkit.UserID // else this user, with the rights of the user's role
}

// The errors of an Authenticator. Any other error is a failure of the server.
var (
	ErrNoToken  = errors.New("rest: no token")
	ErrBadToken = errors.New("rest: the token is bad or has expired")
)

// An Authenticator tells who makes a request. It returns ErrNoToken if the request says
// nothing about that, ErrBadToken if it is not to be believed. It must be safe for concurrent
// use and must not read the body.
type Authenticator interface {
	Authenticate(r *http.Request) (Caller, error)
}

// The errors of a TokenIssuer. Any other error is a failure of the server.
var (
	ErrClientID     = errors.New("rest: client_id does not match")
	ErrClientSecret = errors.New("rest: client_secret does not match")
	ErrCredentials  = errors.New("rest: invalid username or password")
)

// A TokenIssuer makes tokens. It is called for POST /token.
type TokenIssuer interface {
	IssueToken(ctx context.Context, g Grant) (Token, error)
}

// A Grant is a request for a token: of the application by its credentials, or of a user by
// name and password.
type Grant struct {
	ClientID, ClientSecret string
	Username               groupkit.UserID // if set, the grant is by password
	Password               string
	TTL                    time.Duration // how long the token is to be valid; 0: the issuer decides
}

// A Token is what a TokenIssuer has made.
type Token struct {
	Value     string
	ExpiresIn time.Duration
	User      *User // nil for the application
}

// The errors of a Directory. Any other error is a failure of the server.
var (
	ErrUserExists  = errors.New("rest: the user exists")
	ErrUnknownUser = errors.New("rest: no such user")
)

// A Directory keeps the users of an application. Its Exists is meant for
// groupkit.Options.UserExists too.
type Directory interface {
	Exists(ctx context.Context, user groupkit.UserID) (bool, error)

	// CreateUsers creates all users or none. Returns an error that matches ErrUserExists if
	// one of them exists or is named twice.
	CreateUsers(ctx context.Context, users []NewUser) ([]User, error)

	// User and DeleteUser return ErrUnknownUser if there is no such user.
	User(ctx context.Context, user groupkit.UserID) (User, error)
	DeleteUser(ctx context.Context, user groupkit.UserID) (User, error)

	// DeleteUsers deletes up to limit users, in the order of their names.
	DeleteUsers(ctx context.Context, limit int) ([]User, error)
}

// A NewUser is a user to create.
type NewUser struct {
	Name     groupkit.UserID
	Password string
}

// A User is a user of a Directory.
type User struct {
	ID                string // a UUID
	Name              groupkit.UserID
	Created, Modified time.Time
}
