package modeltest

import (
	"fmt"
	"time"

	"groupkit"
)

// A Caller is the actor of a call, with its reason and the version given to IfVersion.
type Caller struct {
	System  bool
	User    groupkit.UserID
	Reason  string
	Version *uint64
}

func (c Caller) String() string {
	s := fmt.Sprintf("%q", c.User)
	if c.System {
		s = "system"
	}
	if c.Reason != "" {
		s += fmt.Sprintf(" because %.20q", c.Reason)
	}
	if c.Version != nil {
		s += fmt.Sprintf(" if version %d", *c.Version)
	}
	return s
}

// Actor is the caller as an actor of an engine, or of a transaction.
func (c Caller) Actor(in groupkit.Scope) groupkit.Actor {
	a := in.System()
	if !c.System {
		a = in.As(c.User)
	}
	if c.Reason != "" {
		a = a.Because(c.Reason)
	}
	if c.Version != nil {
		a = a.IfVersion(*c.Version)
	}
	return a
}

// by is the name under which a caller is remembered.
func (c Caller) by() groupkit.UserID {
	if c.System {
		return ""
	}
	return c.User
}

func (c Caller) valid() bool {
	return (c.System || ValidUser(c.User)) && validText(c.Reason, 512)
}

// The checks that calls have in common.

// wrong refuses bad arguments, before anything is looked at.
func (c Caller) wrong(id groupkit.GroupID, argumentsOK bool) *Refusal {
	if !c.valid() || !validGroup(id) || !argumentsOK {
		return Refuse(groupkit.ErrInvalid)
	}
	return nil
}

// An Entry is what a batch answers for one user.
type Entry struct {
	User    groupkit.UserID
	Outcome groupkit.Outcome
	Until   time.Time
	Refused *Refusal
}

// kept drops what a refused entry would have brought.
func (e Entry) kept() Entry {
	if e.Refused != nil {
		return Entry{Refused: e.Refused}
	}
	return e
}

// A Refusal is the error of a refused call: the sentinel that it must match, and the user that
// it is about, if the rules define one.
type Refusal struct {
	Is    []error // one; of a batch that failed whole, those of its entries
	Batch bool
	User  groupkit.UserID
	Limit int64     // the limit that was reached
	Until time.Time // of a mute or a block
}

// Refuse is a Refusal with one sentinel.
func Refuse(is error) *Refusal { return &Refusal{Is: []error{is}} }

func refuseUser(is error, u groupkit.UserID) *Refusal {
	return &Refusal{Is: []error{is}, User: u}
}

func refuseLimit[N int | int64](is error, limit N) *Refusal {
	return &Refusal{Is: []error{is}, Limit: int64(limit)}
}
