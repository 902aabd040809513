// Package groupkit manages groups of users, as chat, guild and team applications have them:
// roles, membership, join requests, invitations, a blacklist, timed mutes, an announcement,
// shared files, and an audit log of every change. It is a library: the application opens a
// bbolt file, or another store, and calls methods.
//
// The application opens an [Engine] once. Every operation on groups is a method of an
// [Actor]. An actor is either the system or a user:
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
// The application owns the users; the engine knows only their IDs. The engine does not
// authenticate: the application must know who the caller is before it calls the engine.
//
// # Contents
//
//   - Roles: the permission table (role-based access control, RBAC)
//   - Private groups and the blacklist: what outsiders and blocked users see
//   - Errors: sentinels, classes, causes
//   - Order of checks: which error a call returns if several apply
//   - Batches: one call for many users
//   - Time: durations, expiry, TTL, an injected clock
//   - Concurrency: transactions, isolation, cancellation
//   - Dry run, optimistic locking, idempotency, transactions, hooks: Can, IfVersion, Once, Atomic, Guard
//   - Durability: sync, crashes, soft delete, consistency check
//   - Files and backup: the file on disk, the contents of shared files, locking
//   - Lists and pagination: iterators, pages, cursors
//   - Joining and inviting: open groups, join requests, invitations, approval
//   - Speaking: moderation by mutes, one check for each message
//   - The audit log: events, change feed, following, snapshots, replication, retention
//   - Loading groups: import, restore, copies
//   - Forgetting a user: account deletion, erasure, pseudonyms, export of what is stored
//   - Details of the rules: special cases
//
// # Roles
//
// Each call has an actor: the system or a user. The system is the application itself. A
// user is the owner, an admin, a member or an outsider of the group. In results and in the
// log the system has the user ID "". The system passes every permission check. It does not
// bypass the invariants of a group: each group has exactly one owner, for example.
//
//	                                        owner  admin  member  outsider
//	see a public group; list public groups
//	  and one's own                          yes    yes    yes     yes
//	see a private group; members, roles,
//	  announcement and files of any group    yes    yes    yes     no
//	follow the log                           yes    yes    (4)     no
//	change name, description, avatar,
//	  custom, announcement                   yes    yes    no      no
//	change MaxUsers, MembersOnly,
//	  AllowInvites, InviteNeedConfirm        yes    no     no      no
//	delete, transfer, add and remove
//	  admins                                 yes    no     no      no
//	invite                                   yes    yes    (1)     no
//	answer join requests; list requests
//	  and invitations                        yes    yes    no      no
//	remove, block, unblock, mute, unmute     (2)    (2)    no      no
//	list blacklist, mutes and allow list     yes    yes    no      no
//	mute the whole group; change the allow
//	  list; read the log                     yes    yes    no      no
//	upload and read files                    yes    yes    yes     no
//	delete a file                            any    any    own     no
//	leave                                    (3)    yes    yes     –
//
//	(1) only in a private group with AllowInvites
//	(2) only users with a lower role
//	(3) depends on Options.OwnerLeave
//	(4) only what members may see; see [Actor.Follow]
//
// Only the system can add members, and only the system can choose the ID of a new group. A
// user who creates a group becomes its owner. Nobody can remove, block or mute the owner,
// not even the system. No user can remove, block or mute itself.
//
// A role ends with the membership: a user who leaves and comes back is a plain member.
// Mutes and blocks do not end with the membership. Leaving and coming back does not lift a
// mute; a change of role does not; block and unblock do not. There is one exception: a user
// who becomes the owner of the group is no longer muted.
//
// # Private groups and the blacklist
//
// For an outsider a private group does not exist. Every call returns [ErrGroupNotFound],
// lists omit the group, and GroupDetails reports it as missing.
//
// A user with a pending invitation sees the ID, name, description, avatar and number of
// members of the private group, through Group and GroupDetails. The user can call Join,
// AcceptInvitation and DeclineInvitation. For all other calls the user is an outsider, and for
// these three too if they are made with [Actor.IfVersion]: the user does not see the Version.
//
// A user on the blacklist gets [ErrBlacklisted] from every call on the group, whether the
// group is public or private. Lists omit the group, and GroupDetails reports it as missing.
// Nobody can make such a user a member before the block has ended, not even the system.
//
// # Errors
//
// Every error is an [*Error]. It names the operation, the group and the user that the error
// is about: the actor or the target. Test errors with [errors.Is], either for one sentinel
// or for the class of the sentinel:
//
//   - [ErrNotFound]: the group, user, file, request or invitation does not exist, or the
//     actor cannot see it.
//   - [ErrForbidden]: the roles or the state of a user do not allow the call.
//   - [ErrLimit]: a limit is reached. The cause is a [*LimitError] with limit and value.
//   - [ErrInvalid]: an argument is not valid. The cause is a [*FieldError], or several of
//     them joined as by [errors.Join]. [FieldErrors] returns them all.
//   - [ErrConflict]: the group has changed ([ErrVersion]), the group ID is taken
//     ([ErrGroupExists]), or the idempotency key was used for another call
//     ([ErrKeyReused]).
//   - [ErrStorage], [ErrCorrupt], [ErrClosed]: the store failed, its data is damaged, or
//     the engine is closed. The cause is the error of the store.
//   - [ErrUnknownOutcome]: the result of a commit is not known. The change was made or not.
//   - [ErrNested]: the call is not possible inside a transaction or in a Guard.
//   - [ErrClock], [ErrReadOnly]: the clock cannot be right; Options.ReadOnly forbids changes.
//
// Some errors are passed on unchanged as the cause: the error of a context that ended, the
// error of the reader given to UploadFile, and the errors of Options.UserExists and
// Options.Guard. The error of a Guard also matches [ErrVetoed]. [Code] returns a stable
// code for a sentinel, such as "group_full", for logs and network protocols.
//
// # Order of checks
//
// A refused call changes nothing. If several errors apply, the call returns the first in
// this order:
//
//  1. The arguments: the ID of the actor, the reason, the group ID, then the rest. Join,
//     Leave, CancelRequest, AcceptInvitation and DeclineInvitation are for users only: here
//     they return ErrInvalid to the system.
//  2. The key of [Actor.Once]: if a result is recorded for it, the call returns that
//     result, whatever the current state.
//  3. Options.Guard.
//  4. The group: it does not exist or was deleted; the actor is on its blacklist; it is
//     private and the actor is an outsider.
//  5. [Actor.IfVersion].
//  6. Calls reserved for the system ([ErrSystemOnly]). Then the role of the actor: an
//     outsider gets [ErrNotMember], a member or an admin gets [ErrRoleTooLow].
//  7. The target: it is unknown to the application; then the rules of the operation.
//  8. Limits: of the group, then of the user.
//
// CreateGroup checks in this order: the arguments, what is reserved for the system, unknown users,
// a group ID that is taken, the number of groups, MaxUsers, then the owner and each member.
//
// # Batches
//
// A call for many users, such as AddMembers, gives the same results as the single calls in the same
// order, but in one transaction. A batch has 1 to Limits.Batch entries and returns one [Result] for
// each. An entry with an invalid user ID fails alone. A user who is named twice is two entries.
//
// A batch fails as a whole only if every entry fails. It then returns the results and an error that
// matches the error of each entry. If a check of steps 1 to 6 above fails, there are no results.
//
// # Time
//
// Options.Clock is the only clock. Times have a precision of one millisecond and are
// returned in UTC. The duration of a mute or a block is more than 0, or [Forever]. A
// fraction of a millisecond is rounded up. An end is exclusive: a mute until t is in effect
// before t and has ended at t. No end is later than 2116-12-31 16:00 UTC (4638873600000
// ms). A permanent mute ends at that instant; a permanent block has no end.
//
// While the clock shows a time before 1970 or after the year 4199, every call that reads it
// returns [ErrClock] and changes nothing, and work in the background logs that error. All changes
// read the clock, and all reads except JoinedGroups. MaySpeak reads it only if the actor has a mute
// or a block with an end. The first millisecond of 1970 counts as the second.
//
// Expiry needs no background job. From the instant of its expiry on, an entry has no effect, is
// on no list and counts against no limit. The entry is removed from the store by the next call
// that changes something about the user or that needs the room, or by [Engine.Sweep]. The
// removal writes an event of its own, such as "mute expired". This event comes before the other
// events of the call. It is an event of the system: it has no actor and no reason.
//
// If the clock is set back, the times in the log and LastModified do not go back: an event gets
// the time of the event before it until the clock has caught up. Expiry depends on the clock
// alone. A mute that had expired but was not yet removed is therefore in effect again.
//
// # Concurrency
//
// Any number of goroutines can use an Engine and its Actors at once. The functions in
// Options run on those goroutines. Each call is one transaction: its checks and its changes
// see the same state. Calls are serializable: concurrent calls give the results of some
// order of the same calls, one after another. A returned group or user is a copy and does
// not change later; [Actor.IfVersion] makes a change depend on the version that was read.
//
// A context must not be nil. A nil function, reader, writer or store is refused with [ErrInvalid],
// also a nil pointer in one of these interfaces.
//
// No transaction is open while code of the application runs. The body of a loop over an iterator
// can call the engine, and so can UserExists. A Guard must read through the [Scope] that it is
// given. The function of [Engine.Atomic] is the exception: it runs inside the transaction. There
// the calls of the engine's own actors return [ErrNested], also when UserExists makes them.
//
// Some operations use more than one transaction, so that other writers do not wait long. UploadFile
// checks the call, stores the content, and checks again when it adds the file. DeleteGroup makes the
// group disappear for everyone, and then removes its data in steps. Load adds the group in the last step.
//
// If the context ends before the commit begins, the call returns the error of the context.
// Once the commit has begun, the end of the context no longer cancels the call.
//
// # Dry run, optimistic locking, idempotency, transactions, hooks
//
// [Actor.Can] is a dry run: the call checks everything and changes nothing. Its answer is
// the answer of the real call at that instant, except that the Guard is not asked.
//
// [Actor.IfVersion] is optimistic locking: [ErrVersion] if the group is no longer at the version.
//
// [Actor.Once] gives a call an idempotency key. A client that lost the answer can repeat
// the call safely. Options.KeyTTL is the time for which a result is kept.
//
// [Engine.Atomic] runs several calls, on any groups, as one transaction. With [Tx.Bucket]
// the application's own data in the same store can be part of that transaction.
//
// Options.Guard is a hook: it sees each requested change before the group is read, and can refuse it.
// [Hooks] are told of ended calls and of background work. [Engine.Stats] has numbers. For Prometheus and OpenTelemetry see contrib.
//
// # Durability
//
// With a bbolt file, which is what [Open] opens, a change is on disk when the call has
// returned nil. Concurrent calls share one sync (group commit). After a crash each call is
// there as a whole or not at all. With [SyncInterval] in Options.Durability, nil means that
// the change is committed; a crash then loses at most the last changes, those of the last
// Options.SyncWithin. It never loses an earlier change or a part of a call. Followers get
// a change, and the contents of a deleted file go, only when the change is on disk.
//
// A deletion is final; there is no soft delete and no undo. The ID of a deleted group is
// never used again. The log of a deleted group stays, and only the system can read it.
//
// DeleteGroup deletes the group with the commit of its first step, and so does Leave where
// it deletes the group. The call can fail after that step, because its context ended or the
// content of a file could not be removed. It then returns an error although the group is
// deleted. The rest of the data is removed when the engine is opened the next time.
//
// [Engine.Verify] reads the whole store, or with Quick its heads, and reports each invariant that is
// broken. It lists apart unfinished deletions and loads, and contents of files that are absent or
// unknown. [Engine.PlanRepair] says what can be done about damage, and [Engine.Repair] does it.
//
// # Files and backup
//
// The contents of shared files are files in a folder beside the bbolt file, at path + ".files".
// A content is durable before the group lists the file, so a listed file can always be read
// whole. Only contents are removed of which the database itself has recorded that they go: of
// deleted files, and of uploads that were cut off. Reading a content to its end verifies its
// hash (SHA-256). The path is made absolute and its links are resolved when the file is opened,
// for the contents too.
//
// Only one engine can have a file open; a second Open, by any process, fails with [ErrStorage]
// within a second, unless all have Options.ReadOnly. The engine does not replicate: see "The audit log".
//
// [Engine.Backup] writes everything as one stream while the engine is in use, contents included, or
// what has changed since earlier backups. [Restore] and [RestoreFile] make a database of it, and
// [Engine.Copy] copies one into another store.
//
// Among the contents lies a mark. It names the database, and counts the openings.
// An engine that is opened beside the contents of another database, or with an older copy of
// its own, finds that out: it works, but removes no content, so that nothing is lost if the
// right database is put back. [Report.ForeignContents] and the log say so. Call
// [Engine.AdoptContents] to go on with the database and the contents as they are.
// [Engine.RemoveUnknownContents] then removes what no database lists any more.
//
// # Lists and pagination
//
// A list, such as Members, is an iterator. It yields values and ends with the first error. It reads
// about a hundred entries at a time and checks the permission again for each part. An entry that is
// on the list from beginning to end is seen exactly once, even if other entries come and go.
//
// Most lists can also be read in pages ([Page]). Entries that come and go between two pages
// shift the later pages. A page with a high number takes longer: what lies before it is passed over.
//
// Every list of a group, and the groups of a user, can also be entered anywhere ([From]): with a
// cursor, and lists of users after a user ID and at the beginning of user IDs. The time depends on
// the entries returned, not on the place. Nothing is seen twice or missed when the list changes.
// An invitation that was taken over counts as a new one, which comes last.
//
// [Actor.Standing] returns everything about one user in one group: the role, and the mute, block,
// entry on the allow list, join request and invitation. Groups of a user come with the user's role,
// and a group comes with the numbers of pending requests and invitations for those who can list them.
//
// Lists of users are sorted by user ID, byte by byte. Join requests and invitations are in
// the order in which they came. Files are sorted newest first: the one that was added last is
// the first. The log is sorted by version. The groups of a user have a fixed order.
//
// Groups are listed newest first. GroupsPage takes a cursor instead of a page number. The cursor
// is an opaque text. It stays valid when groups come and go: a group that exists throughout is
// seen exactly once. The system sees all groups. A user sees the public groups that do not have
// the user on their blacklist, and the private groups of which the user is a member.
//
// # Joining and inviting
//
// Join makes a user a member of an open public group at once. In a public group with
// MembersOnly it creates a join request, which the owner or an admin approves or declines.
// A user enters a private group by an invitation, or because the system adds the user.
//
// If InviteNeedConfirm is false, an invitation makes the user a member at once. Otherwise
// the invited user accepts or declines. An invited user needs no approval. A user has at
// most one pending request and one pending invitation in a group. Asking again leaves the
// first request unchanged, with its reason and its end. Requests and invitations expire only
// if Options.RequestTTL or Options.InvitationTTL is set. The value at the time of their
// creation counts.
//
// Inviting again takes a pending invitation over if the actor is the system or has a higher
// role than the inviter: the actor becomes its inviter, and the invitation gets a new time,
// end and reason, with an event of the kind MemberInvited. Otherwise the first invitation
// stays unchanged. An invitation by the system is never taken over.
//
// Requests and invitations can meet. If the system, the owner or an admin invites a user
// who has a pending request, the request is approved. If a user with a pending invitation
// calls Join, Join accepts the invitation. Becoming a member in any way ends both.
//
// Limits are checked when a user becomes a member. A request or an invitation can be
// created although the group is full or the user is in too many groups. Approving or
// accepting it then fails, and it stays pending.
//
// The inviter of a pending invitation is always allowed to invite. A user who loses that right
// loses the pending invitations too: the call that ends the right cancels them, with one event
// of the kind InvitationCancelled that has the actor and the reason of the call. The right can
// end because the user leaves, is removed, blocked or forgotten, loses the role of the admin or
// the owner, or because AllowInvites is switched off. If the user is still allowed to invite,
// for example as a member of a private group with AllowInvites, the invitations stay. Regaining
// the right does not bring them back. An invitation by the system does not depend on anybody.
//
// # Speaking
//
// Call [Actor.MaySpeak] for each message. It answers from memory where this process alone has the
// store; see also Options.MaxStaleness. It does not count or throttle messages.
//
// The user's own mute is checked first; it applies to admins too. Then the mute of the
// whole group is checked. The owner, admins and users on the allow list are exempt from it.
// The error contains the end of the mute if the end is known. It is not known if the mute
// of the whole group applies to the user, alone or together with the user's own.
//
// # The audit log
//
// Every change appends events to the log of its group, in the same transaction. An event contains
// the actor, the time, the reason given by [Actor.Because], and all data needed for replay. Version
// numbers the events without gaps, from 1 on. The Version of a group is that of its last event.
//
// A call writes one event of each kind. The event names all users that it is about: users added in
// one batch are one event. (They are two events if some users were invited and some were approved,
// because the cause differs.) A call that changes nothing writes no event. The deletion of a group
// is one event, without an event for each member.
//
// [Actor.Events] reads the log from any version on. It is the audit log, and a change feed.
//
// [Actor.Follow] follows one group, and [Actor.FollowAll] all groups, from any [Position] on: first
// what the log has, then what comes. A [Follower] gives an event when the event is durable,
// whichever process made the change, and the events of each group in the order of their versions.
// It never blocks a writer. Where the log does not lead to the present it gives a checkpoint.
// Members follow too, and get what members may see. A [Replica] is a copy that is built that way.
//
// [Actor.Snapshot] returns the complete state of a group at one Version. [Replay] builds the same
// from the whole log. A copy on another machine (replication) is a snapshot and the events after
// it: go on at [Engine.Position] of its Version.
//
// Logs are kept whole by default. With Options.Retention, [Engine.Sweep] removes the oldest calls
// from a log. The log then begins with a [Checkpoint], which is a snapshot; replay continues from
// there. The remaining events keep their numbers. The checkpoint of a deleted group names no user.
// When the whole log of a deleted group is removed, nothing remains of the group but its ID.
//
// # Loading groups
//
// [Actor.Load] makes a group of a [Snapshot]: of an export, a backup, or data of another system,
// with the ID, times, roles and lists that it had. [Actor.LoadFrom] takes a log instead, or a
// snapshot in parts, in bounded memory; [Actor.SnapshotParts] gives a group of any size that way.
// What breaks a rule is refused, and all of it is named. Nobody sees the group before it is
// complete. A follower of all groups gets its state. The contents of files come one by one, by
// [Actor.PutContent]; until then OpenFile returns [ErrContentAbsent]. [Actor.Export] writes groups as
// lines of JSON, and [Actor.Import] makes the same groups of them.
//
// A user who is forgotten while a group is being loaded is not forgotten in that group: call
// ForgetUser again when the load is complete.
//
// # Forgetting a user
//
// [Actor.ForgetUser] ends everything that a user is in any group, for example when an account is
// deleted. It processes one group after another and can be interrupted; calling it again completes
// the work.
//
// By default blocks stay, because otherwise forgetting a user would be a way around a block. Groups
// that the user owns make the call fail, get a successor as their owner, or are deleted, as
// ForgetOptions.Owned says. With Pseudonymize a pseudonym replaces the user ID in the logs and
// everywhere else; it differs from group to group. The event [Pseudonymized] tells those who keep
// copies. Only a group that still blocks the user keeps the user ID, in the block. Texts that
// people wrote, such as reasons, are not searched for names. [Actor.UserData] reads what there is about a user.
//
// # Details of the rules
//
//   - Block of a user who is already blocked returns [ErrBlacklisted]. To change a block,
//     unblock the user and block again. This needs Options.BlockOutsiders, because the user is
//     not a member.
//   - Mute of a user who is already muted replaces the end, the reason and the author of the
//     mute. The new end can be earlier or later.
//   - Allow of a user on the allow list returns [ErrAlreadyAllowed]. Unmute, Unblock, Disallow
//     and RemoveAdmin of a user who is not muted, blocked, allowed or an admin fail too.
//     MuteGroup of a muted group and UnmuteGroup of a group that is not muted succeed and change
//     nothing.
//   - Any admin can put any member on the allow list, also the owner and other admins. Roles are
//     not compared. Leaving the group removes the user from the list; a transfer of the group
//     does not.
//   - Unmute compares roles: an admin cannot unmute another admin. Unblock does not, because a
//     blocked user has no role.
//   - Setting the announcement to its current text changes nothing, not even its author and
//     time. Clearing an announcement changes both.
//   - An update that contains a field which the actor is not allowed to change changes no field.
//     A value that the group already has is never refused, also if a limit of today does not
//     allow it.
//   - Members whom a user names at creation are invited if InviteNeedConfirm is true, which is
//     the default. They do not count against MaxUsers until they accept.
//   - At creation the owner named among the members counts once; so does a member named twice.
//   - Files stay when their owner leaves. If the user comes back, the user owns them again.
//   - A public group stores AllowInvites as false at creation. An update can set it, without effect.
//   - Options.UserExists is asked about each user who enters a group: who is named at creation,
//     added or invited, who joins or accepts, or who is blocked from outside the group. It is
//     also asked about the user whose groups, requests or invitations are listed. It is not
//     asked when a request is approved, and not about actors and targets of other calls.
//   - IfVersion is checked by calls that change something; a group that is to be created has
//     version 0. Reads ignore IfVersion. A reason that is too long makes reads fail too.
package groupkit
