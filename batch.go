package groupkit

import (
	"context"
	"time"
)

// one runs a verb on one user.
func (a Actor) one(ctx context.Context, cmd Command, start func(*unit) error, rule func(*unit, UserID) error) error {
	user := cmd.Users[0]
	_, err := a.change(ctx, cmd, checkUserID(FieldUser, user), func(u *unit) error {
		if err := start(u); err != nil {
			return err
		}
		return rule(u, user)
	})
	return err
}

// A Result is what became of one entry of a batch.
type Result struct {
	User    UserID
	Outcome Outcome   // of an invitation that succeeded
	Until   time.Time // of a mute or a block: when it ends
	Err     error     // nil, or why nothing became of it
}

// Results are what became of a batch, one an entry, in its order. A batch does
// what the same single calls would do one after another, in one transaction.
type Results []Result

// Done returns the users with whom it succeeded.
func (r Results) Done() []UserID { return r.users(func(x Result) bool { return x.Err == nil }) }

// Failed returns the users with whom it failed.
func (r Results) Failed() []UserID { return r.users(func(x Result) bool { return x.Err != nil }) }

func (r Results) users(take func(Result) bool) []UserID {
	var users []UserID
	for _, x := range r {
		if take(x) {
			users = append(users, x.User)
		}
	}
	return users
}

// batch runs a verb on many users. It fails as a whole if it fails for every one.
func (a Actor) batch(ctx context.Context, cmd Command, start func(*unit) error, rule func(*unit, UserID) (Result, error)) (Results, error) {
	a.many = true
	out, err := a.change(ctx, cmd, a.eng.checkBatch(cmd.Users), func(u *unit) error {
		if err := start(u); err != nil {
			return err
		}
		results := make(Results, len(cmd.Users))
		u.outcome.results = results
		var causes []error
		for i, user := range cmd.Users {
			err := checkUserID(FieldUser, user)
			if err == nil {
				results[i], err = rule(u, user)
			}
			results[i].User = user
			if err != nil {
				results[i].Err = wrap(cmd.Op, cmd.Group, err)
				causes = append(causes, results[i].Err)
			}
		}
		if len(causes) == len(results) {
			return &batchError{causes}
		}
		return nil
	})
	return out.results, err
}

// starting is the start of a batch that the permission table judges.
func starting(what action) func(*unit) error {
	return func(u *unit) error { return u.start(what) }
}

// plain is the rule of a batch whose entries have nothing to tell but an error.
func plain(rule func(*unit, UserID) error) func(*unit, UserID) (Result, error) {
	return func(u *unit, user UserID) (Result, error) { return Result{}, rule(u, user) }
}

func (e *Engine) checkBatch(users []UserID) error {
	if len(users) == 0 {
		return invalid(FieldUsers, "is empty (1 to %d)", e.limits.Batch)
	}
	if len(users) > e.limits.Batch {
		return limited(ErrBatchTooLarge, e.limits.Batch, len(users))
	}
	return nil
}
