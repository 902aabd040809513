package restkit

import (
	"context"
	"errors"

	"groupkit"
	"groupkit/store"
)

// revokeStep is the number of tokens that one transaction removes, so that other writers do not
// wait long.
const revokeStep = 256

// Revoke revokes one token: of a user who logs out, for example. A token that is unknown or has
// expired is no error.
func (t *Tokens) Revoke(ctx context.Context, token string) error {
	d := digestOf(token)
	return t.bucket.update(ctx, func(w store.Writer) error {
		if _, known, err := loadToken(w, d); err != nil || !known {
			return err
		}
		return deleteToken(w, d.selector())
	})
}

// RevokeUser revokes all tokens of a user that were issued before the call, and returns their
// number. It can revoke tokens that are issued during the call. It needs several transactions if
// there are many; if it fails, some are revoked, and it can be called again.
//
// Tokens of a user who is deleted are refused without it.
func (t *Tokens) RevokeUser(ctx context.Context, user groupkit.UserID) (int, error) {
	if err := checkUserName(user); err != nil {
		return 0, err
	}
	return t.revoke(ctx, store.Prefix(userPrefix(user)))
}

// RevokeAll revokes all tokens, those of the application too, as RevokeUser does.
func (t *Tokens) RevokeAll(ctx context.Context) (int, error) {
	return t.revoke(ctx, store.Prefix([]byte{tokenKind}))
}

// RemoveExpired removes all expired tokens from the store, in several transactions if there are
// many, and returns their number. It only frees room: an expired token is refused without it.
func (t *Tokens) RemoveExpired(ctx context.Context) (removed int, err error) {
	now := millis(t.opts.Clock())
	for more := true; more; {
		n := 0
		err := t.bucket.update(ctx, func(w store.Writer) (err error) {
			n, more, err = removeExpired(w, now, revokeStep)
			return err
		})
		if err != nil {
			return removed, err
		}
		removed += n
	}
	return removed, nil
}

// removeExpired removes up to limit tokens that have expired, and reports whether there are more.
func removeExpired(w store.Writer, now uint64, limit int) (n int, more bool, err error) {
	due, more, err := w.Scan(store.Range{From: []byte{expiryKind}, To: expiryPrefix(now + 1), Limit: limit})
	if err != nil {
		return 0, false, err
	}
	return len(due), more, deleteTokens(w, due)
}

// revoke goes once through the range, whose keys end with selectors.
func (t *Tokens) revoke(ctx context.Context, all store.Range) (revoked int, err error) {
	all.Limit = revokeStep
	for more := true; more; {
		var page []store.Pair
		err := t.bucket.update(ctx, func(w store.Writer) (err error) {
			if page, more, err = w.Scan(all); err != nil {
				return err
			}
			return deleteTokens(w, page)
		})
		if err != nil {
			return revoked, err
		}
		revoked += len(page)
		if more {
			all.From = append(page[len(page)-1].Key, 0)
		}
	}
	return revoked, nil
}

// deleteTokens removes the tokens whose selectors end the keys of page.
func deleteTokens(w store.Writer, page []store.Pair) error {
	for _, p := range page {
		selector, err := selectorOf(p.Key)
		if err != nil {
			return err
		}
		if err := errors.Join(deleteToken(w, selector), w.Delete(p.Key)); err != nil {
			return err
		}
	}
	return nil
}
