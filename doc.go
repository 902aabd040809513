// Package groupkit keeps groups, as chats, guilds and teams have them: roles,
// membership, joining and inviting, a blacklist, timed mutes, an announcement,
// shared files, and a log of everything that happened. It is a library: it opens a
// file, or a store of another kind, and the application calls it.
//
// An [Engine] is opened once. Everything that can be done with groups is a method of
// an [Actor], which is the system or a user:
//
//	eng, err := groupkit.Open("guilds.db", nil)
//	defer eng.Close()
//
//	g, err := eng.System().CreateGroup(ctx, groupkit.NewGroup{
//		Name: "Night Watch", Owner: "alice", Members: []groupkit.UserID{"bob", "carol"},
//	})
//	err = eng.As("alice").AddAdmin(ctx, g.ID, "bob")
//	until, err := eng.As("bob").Because("spam").Mute(ctx, g.ID, 10*time.Minute, "carol")
//	err = eng.As("carol").MaySpeak(ctx, g.ID) // errors.Is(err, groupkit.ErrMuted)
//
// Users are the application's: the engine knows their ids and nothing else. Who a
// caller is has to be settled before the engine is called.
//
// # Roles
//
// Every call is made by an actor: the system, which is the application itself, or a
// user, who is the owner, an admin, a member or an outsider of the group. In results
// and in the log the system is the user "". The system passes every permission
// check, and breaks no rule about what a group is.
//
//	                                        owner  admin  member  outsider
//	see a public group; list public groups
//	  and one's own                          yes    yes    yes     yes
//	see a private group; members, roles,
//	  announcement and files of any group    yes    yes    yes     no
//	change name, description, avatar,
//	  custom, announcement                   yes    yes    no      no
//	change MaxUsers, MembersOnly,
//	  AllowInvites, InviteNeedConfirm        yes    no     no      no
//	delete, transfer, make and dismiss
//	  admins                                 yes    no     no      no
//	invite                                   yes    yes    (1)     no
//	answer join requests; list requests
//	  and invitations                        yes    yes    no      no
//	remove, block, unblock, mute, unmute     (2)    (2)    no      no
//	list blacklist, mutes and allow list     yes    yes    no      no
//	mute the whole group; change the allow
//	  list; read and follow the log          yes    yes    no      no
//	upload and read files                    yes    yes    yes     no
//	delete a file                            any    any    own     no
//	leave                                    (3)    yes    yes     –
//
//	(1) in a private group with AllowInvites
//	(2) users of a lower role than one's own
//	(3) as Options.OwnerLeave says
//
// Adding members is the system's, and so is choosing the id of a new group. A user
// creates groups with itself as the owner. The owner is never removed, blocked or
// muted, not even by the system; and nobody does these things to itself.
//
// A role ends with the membership: who comes back is a plain member. A mute and a
// block do not end with it: neither leaving and coming back, nor a change of role,
// nor block and unblock lifts a mute. The one exception is the new owner of a
// group, whose mute is lifted.
//
// # Private groups and the blacklist
//
// To an outsider a private group does not exist: every call gives [ErrGroupNotFound],
// lists leave it out, and GroupDetails says it is missing. Someone with an invitation
// that holds sees, by Group and GroupDetails, its id, name, description, avatar and
// number of members, may Join, AcceptInvitation and DeclineInvitation, and is an
// outsider to all other calls.
//
// Someone on the blacklist gets [ErrBlacklisted] from every call on the group, be it
// public or private; lists leave the group out, and to GroupDetails it is missing.
// Nobody, the system included, brings such a user in before the block has ended.
//
// # Errors
//
// Every error is an [*Error], which names the operation, the group, and the user whom
// the refusal is about: the actor or the target. Callers branch with [errors.Is] on
// sentinels, on a single one or on the class that it belongs to:
//
//   - [ErrNotFound]: the group, user, file, request or invitation is not there for the actor.
//   - [ErrForbidden]: roles, or the state of a user, do not allow it.
//   - [ErrLimit]: a limit is reached; the cause is a [*LimitError] with the limit and the value.
//   - [ErrInvalid]: an argument is not valid; the cause is a [*FieldError], or several of
//     them joined by [errors.Join].
//   - [ErrConflict]: the group has changed ([ErrVersion]), its id is taken ([ErrGroupExists]), or
//     an idempotency key stands for another call ([ErrKeyReused]).
//   - [ErrStorage], [ErrCorrupt], [ErrClosed]: the store failed, its data is damaged, the
//     engine is closed. The cause is the error of the store.
//   - [ErrUnknownOutcome]: the answer to a commit was lost; the change was made or not.
//   - [ErrNested]: the call cannot be made inside a transaction, or by a Guard.
//   - [ErrMissed]: a subscription was too slow; the cause is a [*MissedError].
//
// [Code] returns the stable code of the sentinel, such as "group_full", for logs, metrics and
// programs in other languages.
//
// The end of a context, an error of the reader given to UploadFile, and the errors of
// Options.UserExists and Options.Guard are causes as they are; those of a Guard match
// [ErrVetoed] too.
//
// A refused call changes nothing. The first refusal is the one that is returned, in
// this order:
//
//  1. The arguments: the actor's id and reason, the group id, the rest. Verbs that only
//     a user can do (Join, Leave, CancelRequest, AcceptInvitation, DeclineInvitation)
//     refuse the system here, with ErrInvalid.
//  2. The key of [Actor.Once]: what was done under it is told again, whatever has become so.
//  3. Options.Guard.
//  4. The group: it does not exist or was deleted, the actor is on its blacklist, it is
//     private and the actor an outsider.
//  5. [Actor.IfVersion].
//  6. What only the system may do ([ErrSystemOnly]), then the actor's role: an outsider
//     gets [ErrNotMember], a member or admin [ErrRoleTooLow].
//  7. The target: unknown to the application, then what the verb says of it.
//  8. Limits: of the group, then of the user.
//
// CreateGroup looks at its arguments, at what only the system may do, for unknown
// users, for a taken id, at the number of groups, at MaxUsers, and then at the owner
// and each member.
//
// # Batches
//
// A call for many users, such as AddMembers, gives what the same single calls would
// give in order, in one transaction. It takes 1 to Limits.Batch entries and returns
// one [Result] an entry; an entry of no valid user id fails for itself. It fails as a
// whole if every entry fails: then the error matches what any entry failed with, and
// the results are returned besides. A refusal of steps 1 to 6 above comes without
// results. A user named twice is two entries.
//
// # Time
//
// The only clock is Options.Clock. Times are kept in milliseconds, and returned in UTC.
// A duration of a mute or a block is more than 0, or [Forever]; a part of a millisecond
// rounds up. Something that lasts until an instant holds before it, and no longer at
// it. No end is later than 2116-12-31 16:00 UTC (4638873600000 ms), which is also the
// end of a mute for good; a block for good has none.
//
// What has expired has no effect, stands in no list, and counts against no limit, from
// that instant on; nothing has to run for that. It is cleared away by the next call that
// changes something about the user, or needs the room, or by [Engine.Sweep], with an event of
// its own. Such events come before the other events of the call, whose actor and reason they carry:
// who acted, not who muted.
//
// If the clock goes back, the times in the log and LastModified do not: an event has the
// time of the one before it until the clock has caught up. Whether something holds is
// judged by the clock alone, so that a mute that had expired, and was not cleared away,
// holds again.
//
// # Concurrency
//
// An Engine and its Actors may be used by any number of goroutines at once; the
// functions in Options are called on all of them. A call is one transaction: what it
// checks is still so when it acts, and all calls give what some order of them, one
// after another, would give. A group or user is only as new as the answer it came in;
// [Actor.IfVersion] makes a change depend on what was read.
//
// No transaction is open while code of the application runs: the body of a loop over
// an iterator, and UserExists, may call the engine; a Guard reads through the scope that
// it is given. The one exception is [Engine.Atomic], whose function runs inside: there the
// engine's own calls, those of UserExists included, refuse with [ErrNested]. Two verbs are more than one
// transaction. UploadFile checks, takes the content in, and checks again when it shares
// the file. DeleteGroup takes the group away at once for everyone, and then what it
// held in steps, so that other calls need not wait.
//
// A call ends with the error of its context if that ends before the commit begins. From
// then on it is no longer cancelled.
//
// # Asking, repeating, combining
//
// [Actor.Can] decides a call and changes nothing: its answer is that of the call itself at
// that instant, but for a Guard, which is not asked. [Actor.Once] gives a call an idempotency
// key, so that it can be repeated when its answer was lost. [Engine.Atomic] makes several
// calls, on any groups, one transaction; with [Tx.Bucket] the application's own data in the
// same store can be part of it. Options.Guard sees each change that is asked for, before
// anything is known of the group, and may refuse it.
//
// # Durability
//
// With a file of bbolt, which is what [Open] opens, a call that returned nil is on disk.
// Calls that come at the same time share a sync. A crash leaves every call done or not
// done, never in part. With [SyncInterval] in Options.Durability nil means committed, and a
// crash loses at most the end of the history, of Options.SyncWithin.
//
// The contents of shared files are files in a folder beside the file, at path +
// ".files". A content is durable before the group names the file, so that a file that
// is listed can be read whole; contents that no group names are removed when the engine
// is opened. Reading a content to its end compares its hash.
//
// A file is open once at a time; a second Open of it, by any process, fails with
// [ErrStorage] within a second. [Engine.Backup] copies the file while it is in use. The
// folder is copied by other means, and after it: what is listed in the copy is then in the
// folder, unless it was deleted in between.
//
// DeleteGroup, and Leave where it deletes the group, have deleted the group once their
// first step is committed. If they fail after it (their context ended, a content could
// not be removed), the group is gone although an error is returned; what it held is
// taken away when the engine is opened the next time. The id of a deleted group is
// never used again. Its log stays, for the system to read.
//
// [Engine.Verify] walks everything and names each rule that is broken; in a sound store
// there is none.
//
// # Lists and pages
//
// A list is an iterator, such as Members, which yields values until its first error. It
// reads some hundred entries at a time, and asks again for each part whether the actor
// may. What is on the list from beginning to end is seen exactly once, whatever else
// comes and goes. In a second form it is read in pages ([Page]); what comes and goes
// between two pages shifts the later ones.
//
// Lists of users are in the order of their ids, byte by byte; files are newest first;
// the log is in the order of versions. The groups of a user come in an order that does
// not change.
//
// Groups are listed newest first, and GroupsPage has a cursor instead of a page number:
// an opaque text that stays valid when groups come and go, so that every group that is
// there throughout is seen exactly once. The system sees all groups; a user the public
// ones that do not blacklist it, and the private ones it is in.
//
// # Joining and inviting
//
// Join makes a user a member of an open public group at once. In a public group with
// MembersOnly it leaves a join request, for the owner or an admin to approve or decline.
// Into a private group one is invited, or added by the system.
//
// An invitation makes a member at once if InviteNeedConfirm is false; otherwise the
// invited user accepts or declines. Whoever is invited needs no approval. A user has at
// most one request and one invitation pending in a group: asking or inviting again
// leaves the first as it is, its reason and its end included. They expire only if
// Options.RequestTTL or Options.InvitationTTL is set, and then by what was set when they
// were made.
//
// Where the two meet: an invitation by the system, the owner or an admin of someone who
// has asked to join is an approval. Join of someone with an invitation accepts it, if it
// can be accepted; otherwise Join goes on as if there were none. To become a member by
// any way ends both.
//
// Room is looked at when someone becomes a member. A request may be left, and an
// invitation made, although the group is full or the user in too many groups; approving
// and accepting then fail, and both stay pending. An invitation can be declined always,
// and accepted while the inviter may still invite; the system's can be accepted always.
// An invitation whose inviter lost that right stays pending, and can be accepted if the
// right comes back.
//
// # Speaking
//
// [Actor.MaySpeak] is to be asked for each message. A mute of one's own comes first and
// binds admins too; then the mute of the whole group, from which the owner, admins and
// users on the allow list are exempt. The error says until when, if that is known: where
// both mutes bind the user, or that of the group alone, it is not.
//
// # The log
//
// Every change appends events to the log of its group, in the same transaction, with
// the actor, the time, the reason that [Actor.Because] gave, and what replaying it needs.
// Version counts them, without gaps: the first is 1, and a group's Version is that of its
// last event. A call writes one event of a kind, which names all users whom it concerns:
// users who are added in one batch are one event. (They are two where users came in by
// different ways, some invited and some approved.) A call that changes nothing writes
// none. The deletion of a group is one event, without one for each member.
//
// [Actor.Events] reads the log from any version on: the audit log, and the way to learn
// what has changed since.
//
// [Actor.Subscribe] follows one group in this process, and SubscribeAll all groups. A
// subscriber hears of an event when it is durable, for each group in the order of Versions.
// It never holds a writer up: one that falls more than 1024 events behind gets a
// [*MissedError], which says from which version to read the log, and goes on with what
// comes. Who was not subscribed compares Versions and reads the log.
//
// [Actor.Snapshot] is everything that is so of a group as of one Version, and [Replay] makes
// one out of a log: from the beginning of the log it is the same.
//
// Logs are kept whole unless Options.Retention says otherwise. [Engine.Sweep] then takes the
// oldest calls off, and the log begins with a [Checkpoint], which is a snapshot: replaying
// goes on from there. The numbers of the events stay.
//
// # Forgetting
//
// [Actor.ForgetUser] ends all that a user is in any group, for instance when an account is
// deleted. It goes group by group and can be cut off: calling it again finishes. Blocks stay
// unless it is told otherwise, as forgetting would launder them; groups that the user owns
// refuse, go to a successor, or are deleted. With Pseudonymize the logs and whatever else
// names the user name a pseudonym instead, another one in each group; texts that people wrote,
// reasons among them, are not searched for names.
//
// # Decisions
//
// Where the rules of such systems are commonly silent, these hold here.
//
//   - Blocking someone who is blocked is refused with [ErrBlacklisted]: to change a block,
//     unblock and block again, which needs Options.BlockOutsiders, as the user is no member.
//   - Muting someone who is muted replaces the end, the reason and who did it, be it later
//     or sooner.
//   - Allow of someone on the allow list is refused ([ErrAlreadyAllowed]), and so are
//     Unmute, Unblock, Disallow and RemoveAdmin of someone who is not so. MuteGroup of a
//     group that is muted, and UnmuteGroup of one that is not, succeed and change nothing.
//   - Any member may be put on the allow list, the owner and admins too, by any admin: there
//     is no comparison of roles. Leaving takes the member off it; a transfer does not.
//   - Lifting a mute compares roles: an admin cannot unmute another admin. Lifting a block
//     does not: who is blocked has no role.
//   - Setting the announcement to the text that it has changes nothing, not even who set it
//     and when. Clearing it does.
//   - A slash in a name or a description is refused in an update, and taken at creation.
//   - An update that names one field the actor may not change changes none.
//   - Members whom a user names at creation are invited where InviteNeedConfirm is true, which
//     is the default. They do not count against MaxUsers before they accept.
//   - The owner named among the first members, and a member named twice, count once.
//   - Files stay when their owner leaves. One who comes back has them as its own again.
//   - A public group stores AllowInvites as false when it is created. An update may set it;
//     it has no effect.
//   - Options.UserExists is asked about who is brought in: named at creation, added, invited,
//     joining or accepting, or blocked from outside; and about the user whose groups,
//     requests or invitations are listed. It is not asked when a request is approved, nor
//     about actors and targets of other calls.
//   - IfVersion is looked at where something is to be changed, a group that is to be created
//     being at version 0; reading ignores it. A reason that is too long makes reading fail too.
package groupkit
