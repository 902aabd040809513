package groupkit

import (
	"time"
)

// An Op is the name of an operation, as errors and commands use it. The constant of each
// operation is declared beside its method.
type Op string

// A Command is a requested change with its actor and arguments. Options.Guard receives a
// deep copy of it.
type Command struct {
	Op       Op             `json:"op"`
	Actor    UserID         `json:"actor,omitzero"` // "" is the system
	Reason   string         `json:"reason,omitzero"`
	Group    GroupID        `json:"group,omitzero"`
	Users    []UserID       `json:"users,omitzero"`    // the targets, in the order of the call
	Duration time.Duration  `json:"duration,omitzero"` // of a mute or a block
	Text     string         `json:"text,omitzero"`     // the text that the call sets, or the name of an uploaded file
	File     FileID         `json:"file,omitzero"`
	New      *NewGroup      `json:"new,omitzero"`    // of OpCreateGroup
	Update   *GroupUpdate   `json:"update,omitzero"` // of OpUpdateGroup
	Forget   *ForgetOptions `json:"forget,omitzero"` // of OpForgetUser

	content string // the stored content of OpUploadFile; "" before it is stored
	load    string // of OpLoad: a hash of the snapshot, if there is an idempotency key
}

// A Result is the result of one entry of a batch.
type Result struct {
	User    UserID    `json:"user"`
	Outcome Outcome   `json:"outcome,omitzero"` // OutcomeNone if the entry failed
	Until   time.Time `json:"until,omitzero"`   // the end of a mute or a block; zero for a permanent block
	Err     error     `json:"error,omitzero"`   // nil if the entry succeeded
}

// Results are the results of a batch: one for each entry, in the order of the entries. A
// batch has the same effect as the single calls one after another, in one transaction.
type Results []Result

// Succeeded returns the users of the entries that succeeded, in order.
func (r Results) Succeeded() []UserID { return r.users(func(x Result) bool { return x.Err == nil }) }

// Failed returns the users of the entries that failed, in order.
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
