package main

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"net/http"
	"strings"
	"sync"
	"time"

	"groupkit"
	"groupkit/rest"
)

// sessions gives tokens to users, and knows whose they are. A program has its own users, or those
// of groupkit/rest/restkit. Here all have the same password, and tokens stay until the program ends.
type sessions struct {
	mu   sync.Mutex
	user map[string]groupkit.UserID // by token
}

const password = "demo"

// IssueToken gives a token to a user.
func (s *sessions) IssueToken(_ context.Context, g rest.Grant) (rest.Token, error) {
	if g.Username == "" || subtle.ConstantTimeCompare([]byte(g.Password), []byte(password)) == 0 {
		return rest.Token{}, rest.ErrCredentials
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	token := rand.Text()
	s.user[token] = g.Username
	return rest.Token{Value: token, ExpiresIn: 24 * time.Hour, User: &rest.User{Name: g.Username}}, nil
}

// Authenticate tells whose token a request has.
func (s *sessions) Authenticate(r *http.Request) (rest.Caller, error) {
	token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if token == "" {
		return rest.Caller{}, rest.ErrNoToken
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	user, ok := s.user[token]
	if !ok {
		return rest.Caller{}, rest.ErrBadToken
	}
	return rest.Caller{User: user}, nil
}
