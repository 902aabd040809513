package restkit

import (
	"cmp"
	"context"
	"fmt"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"golang.org/x/crypto/bcrypt"

	"groupkit"
	"groupkit/rest"
	"groupkit/store"
)

// Users is a directory of users that is kept in the store of an engine, with a hash of each
// password. Deleting a user does not change the groups: see groupkit.Engine.ForgetUser.
type Users struct {
	eng       atomic.Pointer[groupkit.Engine]
	passwords *passwords
	clock     func() time.Time
}

// UsersOptions configures Users. Nil options, and each field that is zero, mean the default.
type UsersOptions struct {
	// Cost is the cost of a password hash for bcrypt; 1 more doubles the time. Users who exist
	// keep the cost with which they were created. Default: 10.
	Cost int

	// Hashes is the number of password hashes that are computed at a time. Further calls wait;
	// beyond 100 waiting calls for each they return ErrBusy. Default: half of GOMAXPROCS, at
	// least 1.
	Hashes int

	// Clock returns the current time. Default: time.Now.
	Clock func() time.Time
}

// NewUsers returns a directory that is not bound to an engine yet; see [Users.Bind]. Returns
// groupkit.ErrInvalid if Cost or Hashes is out of range. It computes one hash.
func NewUsers(opts *UsersOptions) (*Users, error) {
	var o UsersOptions
	if opts != nil {
		o = *opts
	}
	o.Cost = cmp.Or(o.Cost, bcrypt.DefaultCost)
	o.Hashes = cmp.Or(o.Hashes, max(1, runtime.GOMAXPROCS(0)/2))
	if o.Cost < bcrypt.MinCost || o.Cost > bcrypt.MaxCost {
		return nil, invalid("UsersOptions.Cost", "is %d (%d to %d)", o.Cost, bcrypt.MinCost, bcrypt.MaxCost)
	}
	if o.Hashes < 1 || o.Hashes > maxHashes {
		return nil, invalid("UsersOptions.Hashes", "is %d (1 to %d)", o.Hashes, maxHashes)
	}
	passwords, err := newPasswords(o.Cost, o.Hashes)
	if err != nil {
		return nil, err
	}
	return &Users{passwords: passwords, clock: orNow(o.Clock)}, nil
}

const maxHashes = 1024

// Bind tells in which engine the users are kept. Until then, the other methods return
// groupkit.ErrClosed. Call it once, after groupkit.Open.
func (u *Users) Bind(eng *groupkit.Engine) { u.eng.Store(eng) }

func (u *Users) bucket() bucket { return bucket{u.eng.Load(), UsersBucket} }

// Exists reports whether there is the user. It is meant for groupkit.Options.UserExists too.
func (u *Users) Exists(ctx context.Context, user groupkit.UserID) (bool, error) {
	_, known, err := u.find(ctx, user)
	return known, err
}

// User returns the user, or rest.ErrUnknownUser.
func (u *Users) User(ctx context.Context, user groupkit.UserID) (rest.User, error) {
	record, known, err := u.find(ctx, user)
	if err == nil && !known {
		err = rest.ErrUnknownUser
	}
	if err != nil {
		return rest.User{}, err
	}
	return record.public(user), nil
}

// Verify returns the user if the password is right, otherwise rest.ErrCredentials. A user who
// does not exist takes as long as one who does. Returns ErrBusy if too many passwords are being
// checked.
func (u *Users) Verify(ctx context.Context, user groupkit.UserID, password string) (rest.User, error) {
	record, _, err := u.find(ctx, user)
	if err == nil {
		err = u.passwords.check(ctx, record.ID, record.Hash, password)
	}
	if err != nil {
		return rest.User{}, err
	}
	return record.public(user), nil
}

// CreateUsers creates all users or none, and returns them in the same order. The hashes of the
// passwords are computed one after another, each needs a good part of a second.
//
// Returns an error that matches rest.ErrUserExists if one of them exists or is named twice, or
// groupkit.ErrInvalid if a name is not valid for a groupkit.UserID or a password is empty.
func (u *Users) CreateUsers(ctx context.Context, users []rest.NewUser) ([]rest.User, error) {
	if err := checkNewUsers(users); err != nil {
		return nil, err
	}
	// Ask before the hashes, which cost much, and again in the transaction that writes.
	if err := u.bucket().view(ctx, func(r store.Reader) error { return refuseTaken(r, users) }); err != nil {
		return nil, err
	}
	records, err := u.records(ctx, users)
	if err != nil {
		return nil, err
	}
	err = u.bucket().update(ctx, func(w store.Writer) error {
		if err := refuseTaken(w, users); err != nil {
			return err
		}
		for i, user := range users {
			if err := records[i].put(w, user.Name); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	created := make([]rest.User, len(users))
	for i, user := range users {
		created[i] = records[i].public(user.Name)
	}
	return created, nil
}

// records makes the records of new users.
func (u *Users) records(ctx context.Context, users []rest.NewUser) ([]userRecord, error) {
	records := make([]userRecord, len(users))
	for i, user := range users {
		id := uuid.NewString()
		hash, err := u.passwords.hash(ctx, id, user.Password)
		if err != nil {
			return nil, err
		}
		now := millis(u.clock())
		records[i] = userRecord{ID: id, Created: now, Modified: now, Hash: hash}
	}
	return records, nil
}

// DeleteUser deletes a user and returns who that was. Returns rest.ErrUnknownUser if there is no
// such user.
func (u *Users) DeleteUser(ctx context.Context, user groupkit.UserID) (deleted rest.User, err error) {
	err = u.bucket().update(ctx, func(w store.Writer) error {
		record, known, err := loadUser(w, user)
		if err == nil && !known {
			err = rest.ErrUnknownUser
		}
		if err != nil {
			return err
		}
		deleted = record.public(user)
		return w.Delete([]byte(user))
	})
	if err != nil {
		return rest.User{}, err
	}
	return deleted, nil
}

// DeleteUsers deletes up to limit users, at most 1000, in the byte order of their names. It
// returns those whom it deleted.
func (u *Users) DeleteUsers(ctx context.Context, limit int) (deleted []rest.User, err error) {
	if limit <= 0 {
		return nil, nil
	}
	err = u.bucket().update(ctx, func(w store.Writer) (err error) {
		deleted, err = deleteFirst(w, min(limit, store.MaxPage))
		return err
	})
	if err != nil {
		return nil, err
	}
	return deleted, nil
}

func (u *Users) find(ctx context.Context, user groupkit.UserID) (record userRecord, known bool, err error) {
	err = u.bucket().view(ctx, func(r store.Reader) (err error) {
		record, known, err = loadUser(r, user)
		return err
	})
	return record, known, err
}

// refuseTaken returns an error if one of the users exists.
func refuseTaken(r store.Reader, users []rest.NewUser) error {
	for _, user := range users {
		if _, known, err := loadUser(r, user.Name); err != nil {
			return err
		} else if known {
			return fmt.Errorf("%w: %q", rest.ErrUserExists, user.Name)
		}
	}
	return nil
}
