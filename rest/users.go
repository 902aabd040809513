package rest

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"

	"groupkit"
)

// An entity is a user of the directory on the wire.
type entity struct {
	ID        string          `json:"uuid"`
	Type      string          `json:"type"`
	Created   int64           `json:"created"`
	Modified  int64           `json:"modified"`
	Name      groupkit.UserID `json:"username"`
	Activated bool            `json:"activated"`
}

func entityOf(u *User) entity {
	return entity{ID: u.ID, Type: "user", Created: millis(u.Created), Modified: millis(u.Modified), Name: u.Name, Activated: true}
}

// entities answers with users, or with the fault of an error of the directory.
func entities(err error, users ...User) (answer, error) {
	if errors.Is(err, ErrUnknownUser) {
		return answer{}, unknownUser
	}
	out := make([]any, len(users))
	for i := range users {
		out[i] = entityOf(&users[i])
	}
	return answer{entities: out}, err
}

const (
	maxNewUsers     = 60   // of one request: each password costs time
	maxDeletedUsers = 1000 // of one request
	maxUserID       = 255  // bytes
)

// createUsers answers POST /users: all are made, or none.
func createUsers(c *call) (answer, error) {
	if err := c.onlySystem(); err != nil {
		return answer{}, err
	}
	users, err := c.newUsers()
	if err != nil {
		return answer{}, err
	}
	created, err := c.app.Directory.CreateUsers(c.ctx, users)
	if errors.Is(err, ErrUserExists) {
		return answer{}, c.userExists(users)
	}
	return entities(err, created...)
}

// newUsers reads the body, which is an object or an array of objects.
func (c *call) newUsers() ([]NewUser, error) {
	if !mayBeJSON(c.asked.Header.Get("Content-Type")) {
		return nil, notJSON
	}
	b, err := c.readBody()
	if err != nil {
		return nil, err
	}
	bodies := []json.RawMessage{b}
	if bytes.HasPrefix(bytes.TrimSpace(b), []byte("[")) && json.Unmarshal(b, &bodies) != nil {
		return nil, badJSON("the body is not valid JSON")
	}
	switch {
	case len(bodies) == 0:
		return nil, missing("username")
	case len(bodies) > maxNewUsers:
		return nil, invalid("users size is more than max limit : 60")
	}
	users := make([]NewUser, len(bodies))
	for i, body := range bodies {
		if users[i], err = newUser(body); err != nil {
			return nil, err
		}
	}
	return users, nil
}

func newUser(b []byte) (u NewUser, err error) {
	body, err := parseObject(b)
	if err != nil {
		return u, err
	}
	name, err := body.filled("username")
	if err != nil {
		return u, err
	}
	if !isUserID(name) {
		return u, invalid("username is not valid")
	}
	u.Name = groupkit.UserID(name)
	u.Password, err = body.filled("password")
	return u, err
}

// isUserID reports whether the engine takes a text as a user ID; see groupkit.UserID.
func isUserID(text string) bool {
	return len(text) <= maxUserID && utf8.ValidString(text) && strings.TrimSpace(text) == text &&
		!strings.ContainsFunc(text, unicode.IsControl)
}

// userExists names the first of the users who is taken.
func (c *call) userExists(users []NewUser) error {
	taken, named := users[0].Name, make(map[groupkit.UserID]bool)
	for _, u := range users {
		exists, err := c.app.Directory.Exists(c.ctx, u.Name)
		if err == nil && exists || named[u.Name] {
			taken = u.Name
			break
		}
		named[u.Name] = true
	}
	return &fault{400, "duplicate_unique_property_exists", "Application " + c.app.ID +
		" Entity user requires that property named username be unique, value of " + string(taken) + " exists"}
}

// readUser answers GET /users/{user}.
func readUser(c *call) (answer, error) {
	if err := c.onlySystem(); err != nil {
		return answer{}, err
	}
	u, err := c.app.Directory.User(c.ctx, c.user())
	return entities(err, u)
}

// deleteUser answers DELETE /users/{user}.
func deleteUser(c *call) (answer, error) {
	if err := c.onlySystem(); err != nil {
		return answer{}, err
	}
	u, err := c.app.Directory.DeleteUser(c.ctx, c.user())
	return entities(err, u)
}

// deleteUsers answers DELETE /users?limit=n. There is no default: a client that forgot the name
// must not lose users.
func deleteUsers(c *call) (answer, error) {
	if err := c.onlySystem(); err != nil {
		return answer{}, err
	}
	limit := c.numberParam("limit", 1, 0, maxDeletedUsers)
	if limit == 0 {
		return answer{}, missing("limit")
	}
	deleted, err := c.app.Directory.DeleteUsers(c.ctx, limit)
	return entities(err, deleted...)
}
