package restkit

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"groupkit"
	"groupkit/rest"
	"groupkit/store"
)

// A userRecord is what is stored about a user, under the name.
type userRecord struct {
	ID       string `json:"id"`
	Created  uint64 `json:"created"` // in milliseconds, as Modified
	Modified uint64 `json:"modified"`
	Hash     []byte `json:"hash"` // of the password
}

func (r userRecord) public(name groupkit.UserID) rest.User {
	return rest.User{ID: r.ID, Name: name, Created: instant(r.Created), Modified: instant(r.Modified)}
}

func instant(millis uint64) time.Time { return time.UnixMilli(int64(millis)).UTC() }

func (r userRecord) put(w store.Writer, name groupkit.UserID) error {
	value, err := json.Marshal(r)
	if err != nil {
		return err
	}
	return w.Put([]byte(name), value)
}

// loadUser returns the record of a user, and whether there is one. A name that is not valid has
// none.
func loadUser(r store.Reader, name groupkit.UserID) (record userRecord, known bool, err error) {
	if checkUserName(name) != nil {
		return record, false, nil
	}
	value, known, err := r.Get([]byte(name))
	if err != nil || !known {
		return record, false, err
	}
	record, err = decodeUser(string(name), value)
	return record, err == nil, err
}

func decodeUser(name string, value []byte) (record userRecord, err error) {
	if err := json.Unmarshal(value, &record); err != nil {
		return userRecord{}, fmt.Errorf("restkit: user %q: %w: %w", name, groupkit.ErrCorrupt, err)
	}
	return record, nil
}

// deleteFirst deletes the first users, up to limit.
func deleteFirst(w store.Writer, limit int) (deleted []rest.User, err error) {
	for more := true; more && len(deleted) < limit; {
		var page []store.Pair
		if page, more, err = w.Scan(store.Range{Limit: limit - len(deleted)}); err != nil {
			return nil, err
		}
		for _, p := range page {
			record, err := decodeUser(string(p.Key), p.Value)
			if err != nil {
				return nil, err
			}
			if err := w.Delete(p.Key); err != nil {
				return nil, err
			}
			deleted = append(deleted, record.public(groupkit.UserID(p.Key)))
		}
	}
	return deleted, nil
}

// checkNewUsers checks what needs no look at the store.
func checkNewUsers(users []rest.NewUser) error {
	named := make(map[groupkit.UserID]bool, len(users))
	for _, user := range users {
		if err := checkUserName(user.Name); err != nil {
			return err
		}
		if user.Password == "" {
			return invalid(FieldPassword, "of %q is empty", user.Name)
		}
		if named[user.Name] {
			return fmt.Errorf("%w: %q is named twice", rest.ErrUserExists, user.Name)
		}
		named[user.Name] = true
	}
	return nil
}

// The fields of a groupkit.FieldError of CreateUsers.
const (
	FieldUsername groupkit.Field = "username"
	FieldPassword groupkit.Field = "password"
)

const maxUserName = 255 // bytes, as the engine has it for IDs

// checkUserName applies the engine's rules for user IDs.
func checkUserName(name groupkit.UserID) error {
	text := string(name)
	switch {
	case text == "":
		return invalid(FieldUsername, "is empty")
	case len(text) > maxUserName:
		return invalid(FieldUsername, "has %d bytes (at most %d)", len(text), maxUserName)
	case !utf8.ValidString(text):
		return invalid(FieldUsername, "%q is not valid UTF-8", text)
	case strings.ContainsFunc(text, unicode.IsControl):
		return invalid(FieldUsername, "%q contains a control character", text)
	case strings.TrimSpace(text) != text:
		return invalid(FieldUsername, "%q begins or ends with a space", text)
	}
	return nil
}

func invalid(field groupkit.Field, format string, args ...any) error {
	return &groupkit.FieldError{Field: field, Why: fmt.Sprintf(format, args...)}
}
