package groupkit

import "groupkit/store"

// A verb is one thing that actors do to a group. It says where it stands what its rule
// needs, so that what runs every call (see change.go) knows no verb by name.
type verb struct {
	op     Op
	action action // the line of the permission table; none: the rule itself decides
	needs  needs

	personal bool                              // only a user can do it, not the system
	lasts    bool                              // it takes effect for the Duration of the command
	check    func(l *Limits, c *Command) error // refuses arguments that are not valid; nil: there are no others

	each func(*change, UserID) (Result, error) // the rule for one of the users whom the command names
	rule func(*change) error                   // the rule for the call; one and batch make it from each

	answer func(*change)              // completes the reply when the events have their numbers
	also   func(*change) []store.Pair // records that the call writes besides those of the group; nil deletes

	clears      bool // clearing away what has expired is a change by itself
	batch       bool // the reply has a result for each user
	guarded     bool // the Guard has been asked already
	keepNothing bool // the reply is not the one that is kept under the idempotency key
}

// needs is what a rule finds loaded besides the group, the actor and the users whom the
// command names.
type needs struct {
	creates bool // the group need not exist

	known asking // who is to be known to the application

	counts       bool // in how many groups the users, the actor and the heir are
	total        bool // the number of groups in the app, where it is limited
	owner        bool // the standing of the owner
	inviter      bool // the standing of the one who invited the actor
	room         *bounded
	custom       bool // the custom text
	announcement bool
	file         bool // the file that the command names
	reserved     bool // whether the content that the command names is reserved

	// leaver is the owner for whom an heir is to be found; "" if nobody leaves.
	leaver func(*change) UserID
}

// asking says whom of a command the application is asked about.
type asking uint8

const (
	askNobody    asking = iota
	askUsers            // all whom the command names
	askOutsiders        // the same, with Options.BlockOutsiders
	askActor
)

// alone is the rule of a batch whose entries have nothing to tell but an error.
func alone(rule func(*change, UserID) error) func(*change, UserID) (Result, error) {
	return func(c *change, user UserID) (Result, error) { return Result{}, rule(c, user) }
}
