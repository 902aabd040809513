package groupkit

import (
	"cmp"
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"github.com/google/uuid"

	"groupkit/store"
	"groupkit/store/boltstore"
	"groupkit/store/fileblob"
)

// Options say how an engine works. nil, and every field that is zero, stands for
// the default said beside the field.
type Options struct {
	// Limits bound what groups may grow to; see there for the defaults.
	Limits Limits

	// Clock tells the time: time.Now. The engine reads it once a call and keeps milliseconds.
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

	// KeyLife is how long the outcome of a call is kept for its idempotency key: 24 h.
	KeyLife time.Duration
}

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
	s, err := boltstore.Open(path, nil)
	if err != nil {
		return nil, wrap(OpOpen, "", storage(err))
	}
	e, err := New(s, fileblob.New(path+".files"), opts)
	if err != nil {
		return nil, errors.Join(err, s.Close())
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
	e.opts.KeyLife = cmp.Or(e.opts.KeyLife, 24*time.Hour)
	e.hub = hub{
		eng: e, topics: make(map[GroupID]*topic), groups: make(map[GroupID]*underway),
		tokens: make(map[*unit]uint64), rouse: make(chan struct{}, 1),
	}
	e.background, e.cancel = context.WithCancel(context.Background())
	if err := e.prepare(e.background); err != nil {
		e.cancel()
		return nil, wrap(OpOpen, "", storage(err))
	}
	e.tasks.Go(e.resume)
	e.tasks.Go(e.hub.run)
	return e, nil
}

func (o *Options) check() error {
	for _, ttl := range []struct {
		field Field
		value time.Duration
	}{{"Options.RequestTTL", o.RequestTTL}, {"Options.InvitationTTL", o.InvitationTTL}, {"Options.KeyLife", o.KeyLife}, {"Options.Retention.MaxAge", o.Retention.MaxAge}} {
		if ttl.value < 0 {
			return invalid(ttl.field, "is %v (0 or more)", ttl.value)
		}
	}
	if o.Retention.MaxEvents < 0 {
		return invalid("Options.Retention.MaxEvents", "is %d (0 or more)", o.Retention.MaxEvents)
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
	e.closing.Do(func() {
		e.cancel()
		e.tasks.Wait()
		e.closeErr = wrap(OpClose, "", errors.Join(e.store.Close(), e.blobs.Close()))
	})
	return e.closeErr
}

// Backup writes a consistent copy of the store to w while it stays in use. Open
// reads what it wrote from a bbolt file. The contents of shared files are not in it.
func (e *Engine) Backup(ctx context.Context, w io.Writer) error {
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
	var inner error
	err := e.store.View(ctx, func(r store.Reader) error {
		inner = fn(r)
		return inner
	})
	if inner != nil {
		return err
	}
	return storage(err)
}

func (e *Engine) update(ctx context.Context, fn func(store.Writer) error) error {
	if e.atomics.here() {
		return ErrNested
	}
	var inner error
	err := e.store.Update(ctx, func(w store.Writer) error {
		inner = fn(w)
		return inner
	})
	if inner != nil {
		return err
	}
	return storage(err)
}

// An Actor is someone who acts: the system, or a user. All that can be done with
// groups is done through one, so that no call can forget on whose behalf it runs.
// An Actor is a small value; copies are independent.
type Actor struct {
	eng     *Engine
	user    UserID // "" is the system
	invalid error  // what is wrong with the user id
	reason  string
	version *uint64 // what IfVersion said
	key     *string // what Once said

	tx      *Tx  // the Atomic that the actor belongs to
	dry     bool // decides, and changes nothing
	still   bool // may only read
	trusted bool // the Guard has been asked
	unkept  bool // the outcome of the call is not the one to keep under the key
}

// System returns the application itself as an actor: it passes every permission
// check and breaks no invariant.
func (e *Engine) System() Actor { return Actor{eng: e} }

// As returns the user as an actor. A user id that is not valid makes every call
// fail with ErrInvalid.
func (e *Engine) As(user UserID) Actor {
	return Actor{eng: e, user: user, invalid: checkUserID(FieldActor, user)}
}

// Because returns a copy of the actor that gives a reason of 0 to 512 characters,
// which goes into every event of its calls, and into mutes and blocks. A longer one
// makes the calls fail with ErrInvalid.
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
// rules, whether they would succeed at this instant, and return the same errors. The
// Guard is not asked.
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
	if a.invalid != nil {
		return a.invalid
	}
	return checkText(FieldReason, a.reason, 0, maxReason)
}
