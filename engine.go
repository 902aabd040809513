package groupkit

import (
	"cmp"
	"context"
	"errors"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"groupkit/store"
	"groupkit/store/boltstore"
	"groupkit/store/fileblob"
)

const (
	defaultCache = 32 << 20
	maxCache     = 1 << 40
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

// An Engine keeps groups. It is opened once for a file, or a store, and may be
// used by any number of goroutines at once. What can be done with groups are the
// methods of an Actor: System and As make one.
type Engine struct {
	store  store.Store
	blobs  store.Blobs
	limits Limits
	opts   Options
	id     string // of this engine, among all that ever use the store

	background context.Context // ends when the engine closes
	cancel     context.CancelFunc
	tasks      sync.WaitGroup
	closing    sync.Once
	closeErr   error
	closed     atomic.Bool
	cache      *cache // nil where others change the store too
	hub        hub
	atomics    atomics
}

// Open opens the bbolt file at path, which is made if it is not there, and the
// folder path + ".files" for the contents of shared files, which is made with the
// first of them. nil are the default options.
//
// A file that another process has open, that is damaged or no bbolt file, or that
// a newer version wrote gives an error within a second.
func Open(path string, opts *Options) (*Engine, error) {
	if opts == nil {
		opts = &Options{}
	}
	if err := opts.check(); err != nil {
		return nil, wrap(OpOpen, "", err)
	}
	s, err := boltstore.Open(path, &boltstore.Options{Durability: boltstore.Durability(opts.Durability), Every: opts.SyncWithin})
	if err != nil {
		return nil, wrap(OpOpen, "", storage(err))
	}
	e, err := New(s, fileblob.New(path+".files"), opts)
	if err != nil {
		_ = s.Close() // nothing has been written
		return nil, err
	}
	return e, nil
}

// New makes an engine over a store and a place for the contents of shared files.
// Both belong to the engine from then on: Close closes them. If New fails they
// stay open, the caller's.
func New(s store.Store, blobs store.Blobs, opts *Options) (*Engine, error) {
	e := &Engine{store: s, blobs: blobs, id: uuid.NewString()}
	if opts != nil {
		e.opts = *opts
	}
	var err error
	if e.limits, err = e.opts.Limits.orDefaults(); err != nil {
		return nil, wrap(OpOpen, "", err)
	}
	if err := e.opts.check(); err != nil {
		return nil, wrap(OpOpen, "", err)
	}
	if e.opts.Clock == nil {
		e.opts.Clock = time.Now
	}
	if store.Exclusive(s) {
		e.cache = newCache(cmp.Or(e.opts.CacheBytes, defaultCache))
	}
	e.opts.Logger = cmp.Or(e.opts.Logger, slog.New(slog.DiscardHandler))
	e.opts.KeyLife = cmp.Or(e.opts.KeyLife, 24*time.Hour)
	e.hub = hub{
		eng: e, topics: make(map[GroupID]*topic), groups: make(map[GroupID]*underway),
		tokens: make(map[*unit]uint64),
	}
	e.background, e.cancel = context.WithCancel(context.Background())
	dying, err := e.prepare(e.background)
	if err != nil {
		e.cancel()
		return nil, wrap(OpOpen, "", storage(err))
	}
	e.tasks.Go(func() { e.resume(dying) })
	if e.opts.SweepEvery > 0 {
		e.tasks.Go(e.sweepAlways)
	}
	return e, nil
}

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

// Close waits for the transactions under way, stops what runs in the background
// and closes the store. Every later call gives ErrClosed; a second Close returns
// what the first did.
func (e *Engine) Close() error {
	if e.atomics.here() {
		return wrap(OpClose, "", ErrNested)
	}
	e.closing.Do(func() {
		e.closed.Store(true)
		e.cancel()
		e.hub.close()
		e.tasks.Wait()
		e.closeErr = wrap(OpClose, "", errors.Join(e.store.Close(), e.blobs.Close()))
	})
	return e.closeErr
}

// Backup writes a consistent copy of the store to w while it stays in use. What it
// writes of a file of bbolt is a file that Open opens. The contents of shared files
// are not in it: their folder is to be copied afterwards. A store that cannot be
// copied gives ErrStorage.
func (e *Engine) Backup(ctx context.Context, w io.Writer) error {
	if e.atomics.here() {
		return wrap(OpBackup, "", ErrNested)
	}
	return wrap(OpBackup, "", storage(store.Backup(ctx, e.store, w)))
}

// now is the time in milliseconds, held within what the records can express.
func (e *Engine) now() int64 {
	return min(max(millis(e.opts.Clock()), 1), 1<<46)
}

func (e *Engine) view(ctx context.Context, fn func(store.Reader) error) error {
	if e.atomics.here() {
		return ErrNested
	}
	return disown(e.store.View(ctx, func(r store.Reader) error { return own(fn(r)) }))
}

func (e *Engine) update(ctx context.Context, fn func(store.Writer) error) error {
	if e.atomics.here() {
		return ErrNested
	}
	return disown(e.store.Update(ctx, func(w store.Writer) error { return own(fn(w)) }))
}

// An ownError is what a function in a transaction has returned. What else a transaction
// fails with is of the store, even if the function has failed too.
type ownError struct{ err error }

func (e *ownError) Error() string { return e.err.Error() }

func (e *ownError) Unwrap() error { return e.err }

func own(err error) error {
	if err == nil {
		return nil
	}
	return &ownError{err}
}

func disown(err error) error {
	if e, ok := err.(*ownError); ok { //nolint:errorlint // the store returns it unchanged
		return e.err
	}
	return storage(err)
}

// An Actor is someone who acts: the system, or a user. All that can be done with
// groups is done through one, so that no call can forget on whose behalf it runs.
// An Actor is a small value; copies are independent.
//
// Besides what is said at each verb, every verb on a group refuses with ErrInvalid for
// arguments that are not valid, with ErrGroupNotFound, with ErrBlacklisted about the
// actor, and with ErrNotMember or ErrRoleTooLow about an actor who may not; every verb
// that changes a group with ErrVersion after IfVersion.
type Actor struct {
	eng     *Engine
	user    UserID // "" is the system
	named   bool   // a user, even if the id is not valid
	reason  string
	version *uint64 // what IfVersion said
	key     *string // what Once said

	tx      *Tx  // the Atomic that the actor belongs to
	dry     bool // decides, and changes nothing
	still   bool // may only read
	trusted bool // the Guard has been asked
	many    bool // the call is a batch
	unkept  bool // the outcome of the call is not the one to keep under the key
}

// System returns the application itself as an actor: it passes every permission
// check and breaks no invariant.
func (e *Engine) System() Actor { return Actor{eng: e} }

// As returns the user as an actor. A user id that is not valid makes every call
// fail with ErrInvalid.
func (e *Engine) As(user UserID) Actor {
	return Actor{eng: e, user: user, named: true}
}

// Because returns a copy of the actor that gives a reason of 0 to 512 characters,
// which goes into every event of its calls, and into the mutes, blocks, requests,
// invitations and entries of the allow list that they make. A longer one makes the
// calls fail with ErrInvalid.
func (a Actor) Because(reason string) Actor {
	a.reason = reason
	return a
}

// IfVersion returns a copy of the actor whose calls change a group only while its
// Version is n, and refuse with ErrVersion otherwise.
func (a Actor) IfVersion(n uint64) Actor {
	a.version = &n
	return a
}

// Can returns a copy of the actor that changes nothing: its calls decide, by the same
// rules, whether they would succeed at this instant, and return the same errors. What
// they return besides has no meaning. The Guard is not asked, and UploadFile does not
// read the content.
//
//	_, err := eng.As("bob").Can().Mute(ctx, group, time.Minute, "carol")
func (a Actor) Can() Actor {
	a.dry = true
	return a
}

// check refuses what is invalid about the actor or the group id, before anything is
// looked at.
func (a Actor) check(group GroupID) error {
	if err := a.checkActor(); err != nil {
		return err
	}
	return checkGroupID(group)
}

func (a Actor) checkActor() error {
	if a.named {
		if err := checkUserID(FieldActor, a.user); err != nil {
			return err
		}
	}
	return checkText(FieldReason, a.reason, 0, maxReason)
}
