package groupkit

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// digest returns a hash of the operation and its arguments, without the reason. Two calls
// with the same digest are the same call. It reads the arguments to their end, so it is asked
// for only if the key is known or the call has succeeded.
func digest(v *verb, cmd *Command) ([]byte, error) {
	text, err := json.Marshal(digestedOf(cmd))
	if err != nil {
		return nil, err
	}
	if v.batch {
		text = append(text, '+') // a batch with one entry returns results, a single call does not
	}
	sum := sha256.Sum256(text)
	return sum[:16], nil
}

// A digested is a Command as digests read it. Digests are stored, so the bytes of its JSON never
// change: it has nothing to do with the JSON of a Command, and a new field of a Command gets a
// field here that is omitted when it is zero. Actor and Reason are part of the form, but always
// empty.
type digested struct {
	Op, Actor, Reason string
	Group             GroupID
	Users             []UserID
	Duration          time.Duration
	Text              string
	File              FileID
	New               *digestedGroup
	Update            *digestedUpdate
	Forget            *digestedForget
	Load              string `json:",omitempty"`
}

type digestedGroup struct {
	ID                                GroupID
	Name, Description, Avatar, Custom string
	Public, MembersOnly, AllowInvites bool
	InviteNeedConfirm                 *bool
	MaxUsers                          int
	Owner                             UserID
	Members                           []UserID
}

type digestedUpdate struct {
	Name, Description, Avatar, Custom            *string
	MaxUsers                                     *int
	MembersOnly, AllowInvites, InviteNeedConfirm *bool
}

type digestedForget struct {
	Owned                uint8
	Blocks, Pseudonymize bool
}

func digestedOf(cmd *Command) *digested {
	out := &digested{
		Op: string(cmd.Op), Group: cmd.Group, Users: shortened(cmd.Users), Duration: cmd.Duration, Text: cmd.Text, File: cmd.File,
		New: (*digestedGroup)(cmd.New), Update: (*digestedUpdate)(cmd.Update), Load: cmd.load,
	}
	if cmd.New != nil && cmd.New.ID == "" {
		out.Group = "" // the engine chooses a new ID in every call
	}
	if f := cmd.Forget; f != nil {
		out.Forget = &digestedForget{Owned: uint8(f.Owned), Blocks: f.Blocks, Pseudonymize: f.Pseudonymize}
	}
	return out
}

// shortened replaces each user ID that is too long by its beginning and its length.
func shortened(users []UserID) []UserID {
	out := slices.Clone(users)
	for i, user := range out {
		if len(user) > maxID {
			out[i] = UserID(fmt.Sprintf("%s… (%d bytes)", user[:maxID], len(user)))
		}
	}
	return out
}
