package groupkit

import (
	"time"
)

// An Op names an operation in errors and in commands. Its constant stands beside its verb.
type Op string

// A Command is one change that an actor asks for, with its arguments. A Guard gets a copy
// of its own.
type Command struct {
	Op       Op
	Actor    UserID // "" is the system
	Reason   string
	Group    GroupID
	Users    []UserID      // the targets, in order
	Duration time.Duration // of a mute or a block
	Text     string        // an announcement, or the name of a file
	File     FileID
	New      *NewGroup      // of OpCreateGroup
	Update   *GroupUpdate   // of OpUpdateGroup
	Forget   *ForgetOptions // of OpForgetUser

	content string // of OpUploadFile, once it is there
}

// A Result is what became of one entry of a batch.
type Result struct {
	User    UserID
	Outcome Outcome   // of an invitation that succeeded
	Until   time.Time // of a mute or a block: when it ends
	Err     error     // nil, or why nothing became of it
}

// Results are what became of a batch, one an entry, in its order. A batch does
// what the same single calls would do one after another, in one transaction.
type Results []Result

// Done returns the users with whom it succeeded.
func (r Results) Done() []UserID { return r.users(func(x Result) bool { return x.Err == nil }) }

// Failed returns the users with whom it failed.
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
