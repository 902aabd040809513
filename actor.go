package groupkit

// An Actor is the caller of an operation: the system or a user. Every operation on groups
// is a method of an Actor. An Actor is a small value; copies are independent.
//
// Each method documents its own errors. In addition, every call on a group returns
// ErrInvalid if an argument is not valid, ErrGroupNotFound if the group does not exist or
// the actor cannot see it, ErrBlacklisted if the actor is on its blacklist, ErrNotMember if
// the call is for members and the actor is not one, and ErrRoleTooLow if the role of the
// actor is too low. Every call that changes a group also returns ErrVersion if
// [Actor.IfVersion] does not match, ErrKeyReused if the key of [Actor.Once] was used for
// another call, ErrVetoed if Options.Guard refuses the change, and ErrReadOnly with Options.ReadOnly.
// With the zero Actor every call returns ErrInvalid.
type Actor struct {
	eng     *Engine
	user    UserID // "" is the system
	isUser  bool   // made by As, even if the user ID is not valid
	mode    mode
	reason  string
	version *uint64 // from IfVersion; nil: not set
	key     *string // idempotency key from Once; nil: not set
	tx      *Tx     // the transaction of Atomic; nil outside
	span    *span   // of the call that the actor is making; nil if Hooks.Call is not told of it
}

// A mode controls what the calls of an actor can do.
type mode uint8

const (
	normal   mode = iota
	readOnly      // changes return ErrNested
	dryRun        // changes are checked but not made
)

// System returns the application itself as an actor. The system passes every permission
// check. It does not bypass the invariants of a group.
func (e *Engine) System() Actor { return Actor{eng: e} }

// As returns the user as an actor. If the user ID is not valid, every call of the actor
// returns ErrInvalid.
func (e *Engine) As(user UserID) Actor {
	return Actor{eng: e, user: user, isUser: true}
}

// Because returns a copy of the actor with a reason of 0 to 512 characters. The reason is
// stored in every event of its calls, and in the mutes, blocks, join requests, invitations
// and allow-list entries that they create. If the reason is too long, every call of the
// actor returns ErrInvalid.
func (a Actor) Because(reason string) Actor {
	a.reason = reason
	return a
}

// IfVersion returns a copy of the actor with optimistic locking: its calls change a group
// only if the Version of the group is n. Otherwise they return ErrVersion; the cause is a
// [*VersionError]. Reads ignore IfVersion.
// ForgetUser is about no single group and returns ErrInvalid.
//
// A user who is only invited to a private group does not see its Version. With IfVersion, Join,
// AcceptInvitation and DeclineInvitation of that user return ErrGroupNotFound, whatever n is.
func (a Actor) IfVersion(n uint64) Actor {
	a.version = &n
	return a
}

// Can returns a copy of the actor for dry runs: its calls check everything and change
// nothing. They return the error that the real call would return at this instant, or nil.
// The Results of a batch are those that the real call would return; other return values have no
// meaning. Options.Guard is not asked, and UploadFile does not read the content.
//
//	_, err := eng.As("bob").Can().Mute(ctx, group, time.Minute, "carol")
func (a Actor) Can() Actor {
	a.mode = dryRun
	return a
}

// Once returns a copy of the actor with an idempotency key of 1 to 128 bytes. If the same
// actor repeats a call with the same key within Options.KeyTTL, the call changes nothing
// and returns the recorded result, whatever the current state, also after a restart. Only
// successful calls are recorded; a refused call is checked again when it is repeated.
//
// The calls of the copy return ErrInvalid if the length of the key is not valid, and
// ErrKeyReused if the key was used for another operation or with other arguments. The
// reason and the content of an upload are not compared.
//
// Use a key for one call only. If the answer was lost (ErrUnknownOutcome), repeat the call
// with the same key.
func (a Actor) Once(key string) Actor {
	a.key = &key
	return a
}

// refuseSystem returns ErrInvalid if the actor is the system.
func (a Actor) refuseSystem() error {
	if a.user == "" {
		return invalid(FieldActor, "is the system, but only a user can do this")
	}
	return nil
}

// refuseReadOnly returns ErrReadOnly if the engine writes nothing and the call is to change something.
func (a Actor) refuseReadOnly() error {
	if a.eng.opts.ReadOnly && a.mode != dryRun {
		return ErrReadOnly
	}
	return nil
}
