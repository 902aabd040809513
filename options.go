package groupkit

import (
	"context"
	"io"
	"log/slog"
	"time"

	"groupkit/store"
)

// Options configures an engine. Nil options, and each field that is zero, mean the
// default in the comment of the field.
type Options struct {
	// Limits contains the limits of groups, users and calls. Default: see the fields.
	Limits Limits

	// Clock returns the current time. The engine reads it once for each change, with a
	// precision of milliseconds. While it shows a time before 1970 or after the year 4199, calls
	// that read it return ErrClock. Default: time.Now.
	Clock func() time.Time

	// UserExists reports whether the application knows a user. A call returns
	// ErrUserNotFound if it brings an unknown user into a group or lists the groups, join
	// requests or invitations of an unknown user. UserExists runs outside any transaction
	// and can call the engine. Default: none, every user exists.
	UserExists func(ctx context.Context, user UserID) (bool, error)

	// BlockOutsiders allows blocking users who are not members. Default: false.
	BlockOutsiders bool

	// OwnerLeave is what happens if the owner leaves the group. Default: OwnerRefuse.
	OwnerLeave OwnerPolicy

	// RequestTTL and InvitationTTL are the times after which a pending join request and a
	// pending invitation expire. Default: none, they do not expire.
	RequestTTL, InvitationTTL time.Duration

	// Guard is called before the engine decides a change. If Guard returns an error, the
	// change is refused: the call returns an error that matches ErrVetoed and the error
	// of Guard. Guard must read through scope, not through the engine. Within Atomic,
	// scope includes the changes made so far. Guard runs outside any transaction, except
	// within Atomic, where it runs inside the transaction. Can and Sweep do not call it.
	// Default: none.
	Guard func(ctx context.Context, cmd Command, scope Scope) error

	// Retention is how much of the logs is kept. Default: everything.
	Retention Retention

	// SweepEvery is the interval at which the engine calls Sweep. If Sweep fails, the
	// error is logged and the next call tries again. Default: none, Sweep is not called.
	SweepEvery time.Duration

	// MaxSkew is how far the clocks of processes that share a store can be apart. What is removed
	// in the background because it has expired, is removed this much later: expired entries,
	// results of idempotency keys, old events. What a call asks is judged by the clock of its own
	// process. Default: 1 minute if several processes can use the store, otherwise 0. A negative
	// number means 0.
	MaxSkew time.Duration

	// Logger is told of openings and closings (Info: store, path, format, history, number of the
	// opening), of data that is brought up to date (Info), of what was cut off and is finished
	// (Info), of a new history and of contents of another database (Warn), and of background work that
	// fails (Error: task, code, err). The refusals of calls are not logged; see Hooks. Messages and the
	// keys of attributes do not change. IDs of groups are logged, but no names, texts and reasons. IDs
	// of users are in the text of an error only if a record is damaged. Default: none.
	Logger *slog.Logger

	// Hooks tell the application of every call and of background work. Default: none.
	Hooks Hooks

	// Share is called with the store and the contents when they are open, to show them to other
	// processes; stats returns the JSON of [Engine.Stats]. Close closes what it returns, before the
	// store. If it fails, the opening fails. sockstore.At shows them on a local socket. A store that
	// several processes can open has no need of it, and is refused with ErrInvalid. Default: none.
	Share func(s store.Store, blobs store.Blobs, stats func() ([]byte, error)) (io.Closer, error)

	// CountEvery is the interval at which the engine counts groups and memberships for
	// [Stats.Counts]. Counting reads the header of every group, 256 in one transaction. Default:
	// none, nothing is counted.
	CountEvery time.Duration

	// Durability is what a change has reached when its call returns nil. It applies to
	// the bbolt file of Open. A store given to New has its own durability. Default:
	// SyncAlways.
	Durability Durability

	// SyncWithin is the time after which a change is on disk with SyncInterval. A crash
	// can lose the changes of that time. Default: 100 ms.
	SyncWithin time.Duration

	// UpgradeWithoutCopy: Open does not write a copy of a file of an older format before it
	// brings the file up to date. Default: false.
	UpgradeWithoutCopy bool

	// MaxStaleness allows MaySpeak to answer from memory where other processes can change the
	// store: a change that another process commits can be unknown to MaySpeak for this time, and
	// never longer. The engine's own changes are known at once. The time is measured with the
	// monotonic clock of the process. It has no effect where this process alone has the store:
	// there MaySpeak always answers from memory, and always knows every change. Default: 0,
	// MaySpeak reads a shared store in each call.
	MaxStaleness time.Duration

	// ReadOnly opens the data to read it, and writes nothing at all: neither records nor contents, no
	// upgrade, no background work. Can, all reads, Follow, FollowAll, Export, UserData, MaySpeak, Verify and Backup
	// work. Every call that can change something returns ErrReadOnly before it does anything, also one
	// whose result Once has recorded. What another engine has left half done stays as it is. Options for
	// writing have no effect; Limits.Groups is not compared with that of a shared store.
	//
	// The file of Open can lack permission to write. Several processes can have it open read-only at
	// once, but not beside one that writes. Data that does not exist gives ErrReadOnly or fs.ErrNotExist, data
	// of an older format store.ErrOlder. Default: false.
	ReadOnly bool

	// CacheBytes limits the memory for cached answers of MaySpeak. Default: 32 MiB,
	// enough for about 1,400,000 memberships. A negative number means no cache. There is
	// also no cache if other processes can change the store and MaxStaleness is 0.
	//
	// Half of the memory is for memberships and a quarter is for groups. An entry takes 8
	// bytes, or 16 for a mute or a block that ends. The tables start small and double
	// when they are three quarters full, so an entry takes 12 to 24 bytes including free
	// room. After a table has doubled, its entries are read from the store again. The
	// garbage collector frees the old table. The last quarter is for errors that are
	// returned again: 384 bytes for each with the longest IDs, 250 with usual IDs.
	// Another 40 KiB are used in addition to CacheBytes, and 8 KiB more once Stats was called.
	CacheBytes int

	// KeyTTL is the time for which the result of a call with an idempotency key is kept.
	// Default: 24 h.
	KeyTTL time.Duration
}

// A Durability is what a change has reached when its call returns nil.
type Durability uint8

// The values of Options.Durability.
const (
	// SyncAlways: the change is on disk.
	SyncAlways Durability = iota

	// SyncInterval: the change is in the memory of this process. It is on disk within
	// Options.SyncWithin. A crash loses at most the last changes. It never loses an
	// earlier change or a part of a call. Followers get a change when it is on disk.
	// UploadFile waits for the disk.
	SyncInterval

	// SyncNever: the operating system has the change. A crash of the machine can damage
	// the file. Use it for tests and for data that can be created again.
	SyncNever
)

// An OwnerPolicy is what happens if the owner leaves the group.
type OwnerPolicy uint8

// The values of Options.OwnerLeave.
const (
	// OwnerRefuse: Leave returns ErrIsOwner to the owner. The owner must transfer or
	// delete the group first.
	OwnerRefuse OwnerPolicy = iota

	// OwnerSucceed: the admin with the longest membership becomes the owner. Without
	// admins it is the member with the longest membership. If the owner is the only
	// member, the group is deleted.
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
	}{{"Options.RequestTTL", o.RequestTTL}, {"Options.InvitationTTL", o.InvitationTTL}, {"Options.KeyTTL", o.KeyTTL}, {"Options.Retention.MaxAge", o.Retention.MaxAge},
		{"Options.SweepEvery", o.SweepEvery}, {"Options.CountEvery", o.CountEvery}, {"Options.SyncWithin", o.SyncWithin},
		{"Options.MaxStaleness", o.MaxStaleness}} {
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
