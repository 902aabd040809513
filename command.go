package groupkit

import (
	"slices"
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

// clone is a copy that shares nothing with the command.
func (c *Command) clone() Command {
	out := *c
	out.Users = slices.Clone(c.Users)
	if c.New != nil {
		group := *c.New
		group.Members = slices.Clone(group.Members)
		group.InviteNeedConfirm = clonePointer(group.InviteNeedConfirm)
		out.New = &group
	}
	if g := c.Update; g != nil {
		out.Update = &GroupUpdate{
			Name: clonePointer(g.Name), Description: clonePointer(g.Description), Avatar: clonePointer(g.Avatar), Custom: clonePointer(g.Custom),
			MaxUsers: clonePointer(g.MaxUsers), MembersOnly: clonePointer(g.MembersOnly),
			AllowInvites: clonePointer(g.AllowInvites), InviteNeedConfirm: clonePointer(g.InviteNeedConfirm),
		}
	}
	out.Forget = clonePointer(c.Forget)
	return out
}

func clonePointer[T any](p *T) *T {
	if p == nil {
		return nil
	}
	return new(*p)
}
