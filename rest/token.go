package rest

import (
	"errors"
	"math"
	"strconv"
	"time"

	"groupkit"
)

// issueToken answers POST /token, without an envelope.
func issueToken(c *call) (answer, error) {
	body, err := c.anyBody()
	if err != nil {
		return answer{}, err
	}
	grant, err := parseGrant(&body)
	if err != nil {
		return answer{}, err
	}
	token, err := c.app.Tokens.IssueToken(c.ctx, grant)
	if err != nil {
		return answer{}, grantFault(err)
	}
	c.w.Header().Set("Cache-Control", "no-store")
	out := issuedToken{Token: token.Value, ExpiresIn: int64(token.ExpiresIn / time.Second), App: c.app.ID}
	if token.User != nil {
		out.User = new(entityOf(token.User))
	}
	return answer{bare: &out}, nil
}

type issuedToken struct {
	Token     string  `json:"access_token"`
	ExpiresIn int64   `json:"expires_in"`
	App       string  `json:"application"`
	User      *entity `json:"user,omitempty"`
}

// parseGrant reads the body of POST /token. What is missing of the credentials does not match.
func parseGrant(body *object) (g Grant, err error) {
	kind, err := body.filled("grant_type")
	if err != nil {
		return g, err
	}
	g.TTL = ttl(body)
	switch kind {
	case "client_credentials":
		g.ClientID, _ = body.text("client_id")
		g.ClientSecret, _ = body.text("client_secret")
	case "password":
		name, _ := body.text("username")
		g.Username = groupkit.UserID(name)
		g.Password, _ = body.text("password")
		if g.Username == "" { // the issuer would take it for the other grant
			return g, wrongPassword
		}
	default:
		return g, invalid("grant_type " + strconv.Quote(kind) + " is not supported")
	}
	return g, nil
}

// ttl returns the seconds for which the token is to be valid; 0 if the issuer decides.
func ttl(body *object) time.Duration {
	const longest = math.MaxInt64 / int64(time.Second)
	seconds, err := body.number("ttl")
	if err != nil || seconds < 0 {
		return 0
	}
	return time.Duration(min(seconds, longest)) * time.Second
}

func grantFault(err error) error {
	switch {
	case errors.Is(err, ErrClientID):
		return wrongClient
	case errors.Is(err, ErrClientSecret):
		return wrongSecret
	case errors.Is(err, ErrCredentials):
		return wrongPassword
	}
	return err
}
