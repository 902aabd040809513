package groupkit

import (
	"time"
)

// An Op is one operation of an Actor, by the name that errors give it.
type Op string

// The operations.
const (
	OpCreateGroup       Op = "create group"
	OpUpdateGroup       Op = "update group"
	OpDeleteGroup       Op = "delete group"
	OpGroup             Op = "read group"
	OpListGroups        Op = "list groups"
	OpJoinedGroups      Op = "list joined groups"
	OpAddAdmin          Op = "add admin"
	OpRemoveAdmin       Op = "remove admin"
	OpListAdmins        Op = "list admins"
	OpTransferGroup     Op = "transfer group"
	OpRole              Op = "read role"
	OpAddMembers        Op = "add member"
	OpRemoveMembers     Op = "remove member"
	OpListMembers       Op = "list members"
	OpLeave             Op = "leave group"
	OpJoin              Op = "join group"
	OpApproveRequest    Op = "approve join request"
	OpDeclineRequest    Op = "decline join request"
	OpCancelRequest     Op = "cancel join request"
	OpListRequests      Op = "list join requests"
	OpInviteUsers       Op = "invite"
	OpAcceptInvitation  Op = "accept invitation"
	OpDeclineInvitation Op = "decline invitation"
	OpCancelInvitation  Op = "cancel invitation"
	OpListInvitations   Op = "list invitations"
	OpBlockUsers        Op = "block"
	OpUnblockUsers      Op = "unblock"
	OpBlacklist         Op = "list blacklist"
	OpMuteUsers         Op = "mute"
	OpUnmuteUsers       Op = "unmute"
	OpListMutes         Op = "list mutes"
	OpMuteGroup         Op = "mute group"
	OpUnmuteGroup       Op = "unmute group"
	OpAllowUsers        Op = "allow"
	OpDisallowUsers     Op = "disallow"
	OpAllowList         Op = "list allow list"
	OpSpeak             Op = "speak"
	OpSetAnnouncement   Op = "set announcement"
	OpReadAnnouncement  Op = "read announcement"
	OpUploadFile        Op = "upload file"
	OpOpenFile          Op = "open file"
	OpDeleteFile        Op = "delete file"
	OpListFiles         Op = "list files"
	OpEvents            Op = "read events"
	OpSweep             Op = "sweep"
	OpVerify            Op = "verify"
	OpOpen              Op = "open"
	OpClose             Op = "close"
	OpBackup            Op = "back up"
	OpAtomic            Op = "atomic"
	OpBucket            Op = "read bucket"
	OpForgetUser        Op = "forget user"
	OpSubscribe         Op = "subscribe"
)

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
