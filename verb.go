package groupkit

import "groupkit/store"

// A verb describes one operation that changes a group: its permission, what must be loaded,
// and its rule. Each verb is declared beside the method that uses it. Actor.change runs every
// verb from this description alone and has no case for a single verb. Exactly one of each and
// rule is set; for each, Actor.one or Actor.batch makes the rule.
type verb struct {
	op     Op
	action action // the line of the permission table; none: the rule checks the permission
	needs  needs

	personal bool                              // for users only, not for the system
	lasts    bool                              // the command has a Duration, which is checked
	check    func(l *Limits, c *Command) error // checks the other arguments; nil: there are none

	each func(*change, UserID) (Result, error) // the rule for one user of the command
	rule func(*change) error                   // the rule for the whole call

	answer func(*change)              // completes the reply after the events got their versions
	also   func(*change) []store.Pair // further pairs to write; a nil value deletes

	clears      bool // removing expired entries counts as a change
	batch       bool // returns a result for each user
	guarded     bool // the Guard was asked before, or is not to be asked
	keepNothing bool // do not record the reply under the idempotency key
}

// needs lists what change.load reads for a rule, besides the group, the actor and the users
// of the command. It must list everything that the rule uses: a rule that uses a standing
// or a group count that was not loaded makes the call fail with ErrCorrupt.
type needs struct {
	creates bool // the group does not have to exist

	known asking // for whom Options.UserExists is asked

	counts       bool      // the group counts of the users, the actor and the heir
	total        bool      // the limit of groups and, if there is one, their number
	owner        bool      // the standing of the owner
	inviters     bool      // the standings of those who invited the users of the command
	losers       losers    // the pending invitations of those who can lose the right to invite
	room         *markKind // the expired entries of this list, if it is almost full
	custom       bool      // the custom text
	announcement bool
	file         bool // the file of the command
	reserved     bool // whether the content of the command is reserved, or recorded as to go
	lease        bool // the lease of whoever loads the group
	trace        bool // whether the user of the command has a trace that leads to the log

	// leaver returns the owner for whom an heir is to be loaded; "" if nobody leaves.
	leaver func(*change) UserID
}

// An asking says for which users of a command Options.UserExists is asked.
type asking uint8

const (
	askNobody    asking = iota
	askUsers            // the users of the command
	askOutsiders        // the users of the command, if Options.BlockOutsiders is set
	askActor
)

// A losers value says who can lose the right to invite in a call. The permission table decides
// who has lost it, after the rule; see change.endInvitations.
type losers uint8

const (
	noLosers    losers = iota
	actorLoses         // the actor
	usersLose          // the users of the command
	ownerLoses         // the owner
	anyoneLoses        // every inviter; in an update only if it changes AllowInvites
)

// alone makes the each of a verb whose results contain nothing but an error.
func alone(rule func(*change, UserID) error) func(*change, UserID) (Result, error) {
	return func(c *change, user UserID) (Result, error) {
		if err := rule(c, user); err != nil {
			return Result{}, err
		}
		return Result{Outcome: OutcomeDone}, nil
	}
}
