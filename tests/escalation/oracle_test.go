package escalation_test

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"groupkit"
)

// A step is one call and what it did to one group.
type step struct {
	verb    string
	actor   groupkit.UserID // "" is the system
	reason  string
	named   []groupkit.UserID // the users in the arguments
	file    groupkit.FileID
	renames bool // ForgetUser replaces the user by a pseudonym

	opts          *groupkit.Options
	now           time.Time
	before, after *state // nil: there is no such group
}

// role is the role that the actor had before the call.
func (s *step) role() groupkit.Role { return s.before.Users[s.actor].Role }

// rank is the order of the roles. The system stands above all of them.
func (s *step) rank(u groupkit.UserID) int {
	if u == "" {
		return 4
	}
	return map[groupkit.Role]int{groupkit.RoleOwner: 3, groupkit.RoleAdmin: 2, groupkit.RoleMember: 1}[s.before.Users[u].Role]
}

// A judge says whether the actor of a step may make a difference. Each cell of the table is one.
type judge func(*step, difference) bool

func yes(*step, difference) bool { return true }

func no(*step, difference) bool { return false }

// self: the difference is about the actor.
func self(s *step, d difference) bool { return d.User == s.actor }

// mine: the actor is the owner or the author of what begins or ends.
func mine(s *step, d difference) bool { return d.By == s.actor || d.By == "" && d.User == s.actor }

// below: the target has a lower role than the actor.
func below(s *step, d difference) bool { return s.rank(d.User) < s.rank(s.actor) }

// belowMember: the target is in the group, with a lower role. The owner is below nobody.
func belowMember(s *step, d difference) bool {
	return below(s, d) && s.rank(d.User) > 0 && s.rank(d.User) < 3
}

// inGroup: the target is in the group.
func inGroup(s *step, d difference) bool { return s.rank(d.User) > 0 }

// blockable: a member with a lower role, or an outsider where the option allows it.
func blockable(s *step, d difference) bool {
	return belowMember(s, d) || s.rank(d.User) == 0 && s.opts.BlockOutsiders
}

// unblocked: the target is not on the blacklist.
func unblocked(s *step, d difference) bool { return s.before.Users[d.User].Block == nil }

// admitted: the target has asked, or nobody needs to confirm an invitation.
func admitted(s *step, d difference) bool {
	return unblocked(s, d) && (s.before.Users[d.User].Request != nil || !s.before.Group.InviteNeedConfirm)
}

// open: members may invite.
func open(s *step, _ difference) bool { return opened(s.before) }

func opened(g *state) bool { return !g.Group.Public && g.Group.AllowInvites }

// brought: a member brings the target in, whom nobody asks.
func brought(s *step, d difference) bool {
	return open(s, d) && unblocked(s, d) && !s.before.Group.InviteNeedConfirm
}

// enters: the actor comes in by an invitation, or into an open group.
func enters(s *step, d difference) bool {
	g := s.before.Group
	return self(s, d) && unblocked(s, d) && (s.before.Users[d.User].Invitation != nil || g.Public && !g.MembersOnly)
}

// asks: the actor asks to be let into a group that takes members on request.
func asks(s *step, d difference) bool {
	g := s.before.Group
	return self(s, d) && unblocked(s, d) && g.Public && g.MembersOnly
}

// invites: the actor invites somebody who is neither in the group nor blocked.
func invites(s *step, d difference) bool {
	return d.By == s.actor && s.rank(d.User) == 0 && unblocked(s, d)
}

func invitesIfOpen(s *step, d difference) bool { return invites(s, d) && open(s, d) }

// takesOver: the inviter has a lower role than the actor.
func takesOver(s *step, d difference) bool {
	return d.By == s.actor && s.rank(s.before.Users[d.User].Invitation.By) < s.rank(s.actor)
}

// resigns: the owner leaves, where the option lets somebody succeed.
func resigns(s *step, d difference) bool {
	return self(s, d) && s.opts.OwnerLeave == groupkit.OwnerSucceed
}

// forgets: the call replaces the name of the user whom it forgets.
func forgets(s *step, d difference) bool {
	return s.renames && isPseudonym(d.By)
}

// A row says who may make one difference.
type row struct{ system, owner, admin, member, outsider judge }

// mayChange is the whole of what anybody may change, by the role that the actor had before the call.
// What is no row, nobody may change.
var mayChange = map[string]row{
	//                     system       owner        admin        member         outsider
	"name":                {yes, yes, yes, no, no},
	"description":         {yes, yes, yes, no, no},
	"avatar":              {yes, yes, yes, no, no},
	"custom":              {yes, yes, yes, no, no},
	"announcement":        {yes, yes, yes, no, no},
	"max users":           {yes, yes, no, no, no},
	"members only":        {yes, yes, no, no, no},
	"allow invites":       {yes, yes, no, no, no},
	"invite need confirm": {yes, yes, no, no, no},
	"group muted":         {yes, yes, yes, no, no},
	"group deleted":       {yes, yes, no, no, no},

	"outsider → member": {unblocked, admitted, admitted, brought, enters},
	"member → outsider": {yes, below, below, self, no},
	"admin → outsider":  {yes, below, self, no, no},
	"owner → outsider":  {yes, resigns, no, no, no},
	"member → admin":    {yes, yes, no, no, no},
	"admin → member":    {yes, yes, no, no, no},
	"member → owner":    {yes, yes, no, no, no},
	"admin → owner":     {yes, yes, no, no, no},

	"mute begins":   {belowMember, belowMember, belowMember, no, no},
	"mute replaced": {belowMember, belowMember, belowMember, no, no},
	"mute ends":     {yes, below, below, no, no},
	"block begins":  {blockable, blockable, blockable, no, no},
	"block ends":    {yes, yes, yes, no, no},
	"allow begins":  {inGroup, inGroup, inGroup, no, no},
	"allow ends":    {yes, yes, yes, no, no},

	"request begins":      {no, no, no, no, asks},
	"request ends":        {yes, yes, yes, no, self},
	"invitation begins":   {invites, invites, invites, invitesIfOpen, no},
	"invitation replaced": {takesOver, takesOver, takesOver, no, no},
	"invitation ends":     {yes, yes, yes, mine, self},

	"file added":   {mine, mine, mine, mine, no},
	"file deleted": {yes, yes, yes, self, no},

	"announcement renamed by": {forgets, no, no, no, no},
	"file renamed owner":      {forgets, no, no, no, no},
	"mute renamed by":         {forgets, no, no, no, no},
	"block renamed by":        {forgets, no, no, no, no},
	"allow renamed by":        {forgets, no, no, no, no},
}

// cell returns the judge for the actor of a step.
func (r row) cell(s *step) (column string, may judge) {
	if s.actor == "" {
		return "system", r.system
	}
	switch s.role() {
	case groupkit.RoleOwner:
		return "owner", r.owner
	case groupkit.RoleAdmin:
		return "admin", r.admin
	case groupkit.RoleMember:
		return "member", r.member
	}
	return "outsider", r.outsider
}

// An effect is what a verb can do: to the actor, to the users that it names, to anybody, and to the group.
type effect struct{ self, named, anybody, group []string }

func words(text string) []string { return strings.Split(text, ", ") }

var (
	heir    = words("member → owner, admin → owner")
	departs = words("member → outsider, admin → outsider")
	blocks  = words("block begins, member → outsider, admin → outsider")
	mutes   = words("mute begins, mute replaced")
	invited = words("outsider → member, invitation begins, invitation replaced")
	forgot  = words("member → outsider, admin → outsider, owner → outsider, mute ends, block ends, allow ends, request ends, invitation ends")
	renamed = words("mute renamed by, block renamed by, allow renamed by, member → owner, admin → owner")
)

// effects are what each verb can do by itself; what follows from it is in follows.
var effects = map[string]effect{
	"UpdateGroup":       {group: words("name, description, avatar, custom, max users, members only, allow invites, invite need confirm")},
	"DeleteGroup":       {group: words("group deleted")},
	"AddAdmin":          {named: words("member → admin")},
	"RemoveAdmin":       {named: words("admin → member")},
	"TransferGroup":     {named: heir},
	"AddMember":         {named: words("outsider → member")},
	"AddMembers":        {named: words("outsider → member")},
	"RemoveMember":      {named: departs},
	"RemoveMembers":     {named: departs},
	"Leave":             {self: words("member → outsider, admin → outsider, owner → outsider"), anybody: heir, group: words("group deleted")},
	"Join":              {self: words("outsider → member, request begins")},
	"ApproveRequest":    {named: words("outsider → member")},
	"ApproveRequests":   {named: words("outsider → member")},
	"DeclineRequest":    {named: words("request ends")},
	"DeclineRequests":   {named: words("request ends")},
	"CancelRequest":     {self: words("request ends")},
	"Invite":            {named: invited},
	"InviteUsers":       {named: invited},
	"AcceptInvitation":  {self: words("outsider → member")},
	"DeclineInvitation": {self: words("invitation ends")},
	"CancelInvitation":  {named: words("invitation ends")},
	"CancelInvitations": {named: words("invitation ends")},
	"Block":             {named: blocks},
	"BlockUsers":        {named: blocks},
	"Unblock":           {named: words("block ends")},
	"UnblockUsers":      {named: words("block ends")},
	"Mute":              {named: mutes},
	"MuteUsers":         {named: mutes},
	"Unmute":            {named: words("mute ends")},
	"UnmuteUsers":       {named: words("mute ends")},
	"MuteGroup":         {group: words("group muted")},
	"UnmuteGroup":       {group: words("group muted")},
	"Allow":             {named: words("allow begins")},
	"AllowUsers":        {named: words("allow begins")},
	"Disallow":          {named: words("allow ends")},
	"DisallowUsers":     {named: words("allow ends")},
	"SetAnnouncement":   {group: words("announcement")},
	"UploadFile":        {group: words("file added")},
	"DeleteFile":        {group: words("file deleted")},
	"ForgetUser":        {named: forgot, anybody: renamed, group: words("group deleted, announcement renamed by, file renamed owner")},
}

// within reports whether the verb can make the difference by itself.
func (s *step) within(d difference) bool {
	e := effects[s.verb]
	switch {
	case slices.Contains(e.group, d.What):
		return d.What != "file deleted" || d.File == s.file
	case slices.Contains(e.anybody, d.What):
		return true
	case slices.Contains(e.self, d.What) && d.User == s.actor:
		return true
	}
	return slices.Contains(e.named, d.What) && slices.Contains(s.named, d.User)
}

// follows reports whether a difference needs no right of its own, because it follows from another one of
// the same call, which is judged by itself.
func (s *step) follows(d difference) bool {
	if s.after == nil {
		return false
	}
	was, is := s.before.Users[d.User], s.after.Users[d.User]
	came := was.Role == groupkit.RoleOutsider && is.Role != groupkit.RoleOutsider
	left := was.Role != groupkit.RoleOutsider && is.Role == groupkit.RoleOutsider
	blocked := was.Block == nil && is.Block != nil
	crowned := s.before.Group.Owner != s.after.Group.Owner && s.after.Group.Owner == d.User
	switch d.What {
	case "request ends":
		return came || blocked
	case "invitation ends":
		return came || blocked || was.Invitation.By != "" && !s.mayInvite(was.Invitation.By)
	case "allow ends":
		return left
	case "mute ends":
		return crowned
	case "owner → member":
		return s.before.Group.Owner != s.after.Group.Owner
	}
	return false
}

// mayInvite reports whether the user may invite after the call.
func (s *step) mayInvite(u groupkit.UserID) bool {
	switch s.after.Users[u].Role {
	case groupkit.RoleOwner, groupkit.RoleAdmin:
		return true
	case groupkit.RoleMember:
		return opened(s.after)
	}
	return false
}

// judge returns what is wrong with the differences of a step, and notes those that were right.
func (s *step) judge(all []difference, seen *coverage) (wrong []string) {
	for _, d := range all {
		column, may := mayChange[d.What].cell(s)
		switch {
		case s.hidden():
			wrong = append(wrong, fmt.Sprintf("%+v: the actor does not see the group", d))
		case s.follows(d):
		case !s.within(d):
			wrong = append(wrong, fmt.Sprintf("%+v: %s does not do that", d, s.verb))
		case may == nil || !may(s, d):
			wrong = append(wrong, fmt.Sprintf("%+v: the %s may not do that", d, column))
		default:
			seen.granted[d.What+" by "+column]++
		}
	}
	return wrong
}

// hidden reports whether nothing of the group is for the actor: it is blocked, or the group is private
// and it is neither in it nor invited.
func (s *step) hidden() bool {
	me := s.before.Users[s.actor]
	return s.actor != "" && (me.Block != nil || me.Role == groupkit.RoleOutsider && !s.before.Group.Public && me.Invitation == nil)
}
