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
	total        bool      // the number of groups, if Limits.Groups is set
	owner        bool      // the standing of the owner
	inviter      bool      // the standing of the user who invited the actor
	room         *markKind // the expired entries of this list, if it is almost full
	custom       bool      // the custom text
	announcement bool
	file         bool // the file of the command
	reserved     bool // whether the content of the command is reserved

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

// alone makes the each of a verb whose results contain nothing but an error.
func alone(rule func(*change, UserID) error) func(*change, UserID) (Result, error) {
	return func(c *change, user UserID) (Result, error) {
		if err := rule(c, user); err != nil {
			return Result{}, err
		}
		return Result{Outcome: OutcomeDone}, nil
	}
}
