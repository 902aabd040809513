package groupkit

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
	isUser  bool   // also where the id is not valid
	mode    mode
	reason  string
	version *uint64 // what IfVersion said
	key     *string // what Once said
	tx      *Tx     // the Atomic that the actor belongs to
}

// A mode says what becomes of an actor's calls.
type mode uint8

const (
	normal   mode = iota
	readOnly      // changes are refused
	dryRun        // changes are decided, and not made
)

// System returns the application itself as an actor: it passes every permission
// check and breaks no invariant.
func (e *Engine) System() Actor { return Actor{eng: e} }

// As returns the user as an actor. A user id that is not valid makes every call
// fail with ErrInvalid.
func (e *Engine) As(user UserID) Actor {
	return Actor{eng: e, user: user, isUser: true}
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
	a.mode = dryRun
	return a
}

// Once returns a copy of the actor with an idempotency key of 1 to 128 bytes: a call
// that is repeated by the same actor with the same key, within Options.KeyLife, does
// nothing and returns what the first one did, also after a restart, and also if the
// actor may not do it any more. Only successes are kept: a refused call is decided anew.
// The same key with another call is refused with ErrKeyReused: with another verb, or
// with other arguments. The reason does not count, nor the content of an upload.
//
// It is meant for one call. Where an answer was lost (ErrUnknownOutcome), the call can
// simply be repeated.
func (a Actor) Once(key string) Actor {
	a.key = &key
	return a
}

// refuseSystem refuses the system where only a user can act.
func (a Actor) refuseSystem() error {
	if a.user == "" {
		return invalid(FieldActor, "is the system, but only a user can do this")
	}
	return nil
}
