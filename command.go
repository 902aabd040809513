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
	Op       Op
	Actor    UserID // "" is the system
	Reason   string
	Group    GroupID
	Users    []UserID      // the targets, in the order of the call
	Duration time.Duration // of a mute or a block
	Text     string        // the text that the call sets, or the name of an uploaded file
	File     FileID
	New      *NewGroup      // of OpCreateGroup
	Update   *GroupUpdate   // of OpUpdateGroup
	Forget   *ForgetOptions // of OpForgetUser

	content string // the stored content of OpUploadFile; "" before it is stored
}

// A Result is the result of one entry of a batch.
type Result struct {
	User    UserID
	Outcome Outcome   // OutcomeNone if the entry failed
	Until   time.Time // the end of a mute or a block; zero for a permanent block
	Err     error     // nil if the entry succeeded
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
