package restkit

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"fmt"

	"groupkit"
	"groupkit/store"
)

// A tokenRecord is what is stored about a token. There are three entries for each:
//
//	t SELECTOR              → rest of the digest, expiry, user and ID of the user
//	u USER 0 SELECTOR       → nothing; finds the tokens of a user
//	e EXPIRY SELECTOR       → nothing; finds the tokens that have expired
//
// The selector is the first half of the token's SHA-256 hash. The other half is compared in
// constant time, so that the time of a search tells nothing about a stored hash as a whole.
type tokenRecord struct {
	user    groupkit.UserID // empty: the token of the application
	id      string          // the ID of the user when the token was issued
	expires uint64          // in milliseconds; from then on the token is refused
}

// The first bytes of the keys of tokens.
const (
	tokenKind  = 't'
	userKind   = 'u'
	expiryKind = 'e'
)

const (
	digestSize   = sha256.Size
	selectorSize = digestSize / 2
)

// A digest is the hash of a token.
type digest [digestSize]byte

func digestOf(token string) digest { return sha256.Sum256([]byte(token)) }

func (d *digest) selector() []byte { return d[:selectorSize] }

func (d *digest) verifier() []byte { return d[selectorSize:] }

func tokenKey(selector []byte) []byte { return append([]byte{tokenKind}, selector...) }

// userPrefix begins the keys of the tokens of a user. No user ID contains a zero byte.
func userPrefix(user groupkit.UserID) []byte {
	return append(append([]byte{userKind}, user...), 0)
}

func expiryPrefix(expires uint64) []byte {
	return binary.BigEndian.AppendUint64([]byte{expiryKind}, expires)
}

// selectorOf returns the selector at the end of any key of a token.
func selectorOf(key []byte) ([]byte, error) {
	if len(key) < 1+selectorSize {
		return nil, corruptToken("a key has %d bytes", len(key))
	}
	return key[len(key)-selectorSize:], nil
}

func (t tokenRecord) put(w store.Writer, d digest) error {
	value := append([]byte(nil), d.verifier()...)
	value = binary.BigEndian.AppendUint64(value, t.expires)
	value = binary.AppendUvarint(value, uint64(len(t.user)))
	value = append(append(value, t.user...), t.id...)
	if err := w.Put(tokenKey(d.selector()), value); err != nil {
		return err
	}
	for _, key := range t.indexKeys(d.selector()) {
		if err := w.Put(key, nil); err != nil {
			return err
		}
	}
	return nil
}

func (t tokenRecord) indexKeys(selector []byte) [2][]byte {
	return [2][]byte{append(userPrefix(t.user), selector...), append(expiryPrefix(t.expires), selector...)}
}

// loadToken returns the record of the token with the digest, and whether there is one.
func loadToken(r store.Reader, d digest) (t tokenRecord, known bool, err error) {
	value, ok, err := r.Get(tokenKey(d.selector()))
	if err != nil || !ok {
		return t, false, err
	}
	t, verifier, err := decodeToken(value)
	if err != nil || subtle.ConstantTimeCompare(verifier, d.verifier()) == 0 {
		return tokenRecord{}, false, err
	}
	return t, true, nil
}

func decodeToken(value []byte) (t tokenRecord, verifier []byte, err error) {
	const fixed = digestSize - selectorSize + 8
	if len(value) < fixed {
		return t, nil, corruptToken("a record has %d bytes", len(value))
	}
	t.expires = binary.BigEndian.Uint64(value[fixed-8:])
	length, size := binary.Uvarint(value[fixed:])
	if size <= 0 || length > uint64(len(value)-fixed-size) {
		return t, nil, corruptToken("the user of a record has %d bytes of %d", length, len(value))
	}
	text := value[fixed+size:]
	t.user, t.id = groupkit.UserID(text[:length]), string(text[length:])
	if t.user == "" && t.id != "" { // else a flipped bit would make it the token of the application
		return t, nil, corruptToken("a record has the ID of a user and no user")
	}
	return t, value[:fixed-8], nil
}

// deleteToken removes the token with the selector, if there is one.
func deleteToken(w store.Writer, selector []byte) error {
	key := tokenKey(selector)
	value, ok, err := w.Get(key)
	if err != nil || !ok {
		return err
	}
	t, _, err := decodeToken(value)
	if err != nil {
		return err
	}
	for _, index := range t.indexKeys(selector) {
		if err := w.Delete(index); err != nil {
			return err
		}
	}
	return w.Delete(key)
}

func corruptToken(format string, args ...any) error {
	return fmt.Errorf("restkit: token: %w: %s", groupkit.ErrCorrupt, fmt.Sprintf(format, args...))
}
