package groupkit

import (
	"context"
	"log/slog"
	"time"
)

// Options say how an engine works. nil, and every field that is zero, stands for
// the default said beside the field.
type Options struct {
	// Limits bound what groups may grow to; see there for the defaults.
	Limits Limits

	// Clock tells the time: time.Now. A change is decided at one reading of it, of which
	// milliseconds are kept.
	Clock func() time.Time

	// UserExists says whether the application knows a user. Where it is given,
	// nobody unknown is brought into a group: such calls refuse with
	// ErrUserNotFound. It runs outside any transaction and may call the engine.
	UserExists func(ctx context.Context, user UserID) (bool, error)

	// BlockOutsiders allows the blocking of users who are not in the group.
	BlockOutsiders bool

	// OwnerLeave says what happens when the owner leaves: OwnerRefuse.
	OwnerLeave OwnerPolicy

	// RequestTTL and InvitationTTL say how long join requests and invitations stay
	// pending: until they are answered.
	RequestTTL, InvitationTTL time.Duration

	// Guard sees every change that is asked for before it is decided, and refuses it by
	// returning an error, which is then the cause of an error that matches ErrVetoed.
	// The scope lets it read, also what an Atomic has changed so far; it must use that
	// and not the engine. It runs outside any transaction, but inside Atomic's. Can and
	// Sweep do not ask it.
	Guard func(ctx context.Context, cmd Command, scope Scope) error

	// Retention says how much of the logs is kept: everything.
	Retention Retention

	// SweepEvery has the engine run Sweep by itself, that often: never. What fails is
	// logged and tried again the next time.
	SweepEvery time.Duration

	// Logger hears of what fails in the background: nobody.
	Logger *slog.Logger

	// Durability says what a change has reached when its call returns nil, in a file
	// that Open opens: SyncAlways. A store given to New has its own.
	Durability Durability

	// SyncWithin is how much of the history SyncInterval puts at risk: 100 ms.
	SyncWithin time.Duration

	// CacheBytes bounds the memory in which answers to MaySpeak are kept ready: 32 MiB,
	// room for about 1,400,000 memberships. Half of it is for what is known of
	// memberships, a quarter for what is known of groups: 8 bytes each, 16 for a mute or a
	// block that ends, in tables that begin small and double when they are three quarters
	// full, so that with the room left free they take 12 to 24 bytes for each. What a table
	// held before it doubled is read from the store again, and its memory is left to the
	// garbage collector. The last quarter is for refusals that are returned again, at 384
	// bytes with the longest ids, 250 with usual ones. Another 40 KiB are taken whatever
	// the bound. A negative number keeps nothing; so does a store that other processes
	// change too.
	CacheBytes int

	// KeyLife is how long the outcome of a call is kept for its idempotency key: 24 h.
	KeyLife time.Duration
}

// A Durability says what a change has reached when its call returns nil.
type Durability uint8

// The durabilities.
const (
	// SyncAlways: the disk.
	SyncAlways Durability = iota

	// SyncInterval: the memory of this process; the disk follows within
	// Options.SyncWithin. A crash loses at most the end of the history: never a gap,
	// never half a call.
	SyncInterval

	// SyncNever: the operating system. A crash of the machine can damage the file: for
	// tests, and for data that can be made anew.
	SyncNever
)

// An OwnerPolicy says what becomes of a group that its owner leaves.
type OwnerPolicy uint8

// The policies.
const (
	// OwnerRefuse: the owner cannot leave; ownership has to be transferred, or the
	// group deleted, first.
	OwnerRefuse OwnerPolicy = iota

	// OwnerSucceed: the longest-serving admin becomes the owner, else the
	// longest-serving member. With the last member the group goes.
	OwnerSucceed
)

const (
	defaultCache = 32 << 20
	maxCache     = 1 << 40
)

func (o *Options) check() error {
	for _, ttl := range []struct {
		field Field
		value time.Duration
	}{{"Options.RequestTTL", o.RequestTTL}, {"Options.InvitationTTL", o.InvitationTTL}, {"Options.KeyLife", o.KeyLife}, {"Options.Retention.MaxAge", o.Retention.MaxAge},
		{"Options.SweepEvery", o.SweepEvery}, {"Options.SyncWithin", o.SyncWithin}} {
		if ttl.value < 0 {
			return invalid(ttl.field, "is %v (0 or more)", ttl.value)
		}
	}
	if o.Retention.MaxEvents < 0 {
		return invalid("Options.Retention.MaxEvents", "is %d (0 or more)", o.Retention.MaxEvents)
	}
	if o.Durability > SyncNever {
		return invalid("Options.Durability", "is %d (0 to %d)", o.Durability, SyncNever)
	}
	if int64(o.CacheBytes) > maxCache {
		return invalid("Options.CacheBytes", "is %d (up to %d)", o.CacheBytes, int64(maxCache))
	}
	if o.OwnerLeave > OwnerSucceed {
		return invalid("Options.OwnerLeave", "is %d (0 or 1)", o.OwnerLeave)
	}
	return nil
}
