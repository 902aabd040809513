package groupkit_test

// repairTable says what comes of each damage that the tests of Verify make: the steps, and the groups that get an event.
const repairTable = `
header/is missing: the header is restored from the log; event in guild
member record/a second owner: records are restored from the log; written: member records (1); event in guild
header/two owners: records are restored from the log; written: member records (1); event in guild
header/no owner: records are restored from the log; written: member records (1); event in guild
header/the owner is no member: records are restored from the log; written: member records (1); event in guild
member record/another is named: the header is restored from the log; event in guild
entry in the admin list/the owner is one: removed: entries of lists (1)
header/members: the counts in the header, and where it says that the log begins, are computed
header/admins: the counts in the header, and where it says that the log begins, are computed
header/mutes: the counts in the header, and where it says that the log begins, are computed
header/blocks: the counts in the header, and where it says that the log begins, are computed
header/allow list: the counts in the header, and where it says that the log begins, are computed
header/requests: the counts in the header, and where it says that the log begins, are computed
header/invitations: the counts in the header, and where it says that the log begins, are computed
header/files: the counts in the header, and where it says that the log begins, are computed
header/a member is missing: records are restored from the log; written: member records (1); event in guild
entry in the admin list/an admin who is none: removed: entries of lists (1)
entry in the admin list/an admin who is no member: removed: entries of lists (1)
entry in the admin list/an admin is not listed: written: entries of lists (1)
number of groups/of the app: the number of groups is computed
number of groups/of the app, unreadable: the number of groups is computed
member record/a member: records are restored from the log; written: member records (1); event in guild
entry in the list of join requests/of a member: records are restored from the log; written: member records (1); event in guild
entry in the list of invitations/of a member: records are restored from the log; written: member records (1); event in guild
entry in the list of join requests/of someone blocked: records are restored from the log; written: outsider records (1); event in guild
entry in the list of invitations/of someone blocked: records are restored from the log; written: outsider records (1); event in guild
entry in the allow list/an outsider: records are restored from the log; written: outsider records (1); event in guild
member record/the owner: records are restored from the log; written: member records (1); event in guild
entry in the mute list/too late: records are restored from the log; written: member records (1); event in guild
entry in the blacklist/too late: records are restored from the log; written: outsider records (1); event in guild
entry in the user's list of groups/of a member is missing: written: entries of users (1)
entry in the user's list of groups/of an outsider is missing: written: entries of users (1)
entry in the user's list of groups/says something else: written: entries of users (1)
entry in the user's list of groups/of a group that is not there: the entry is removed: the group has no record of the user
entry in the user's list of groups/of a member as an outsider: the entry is removed: the group has no record of the user
group count/is too high: the group count is computed
group count/is missing: the group count is computed
group count/is there for no group: the group count is computed
group count/is there and says none: the group count is computed
group count/cannot be read: the group count is computed
entry in the user's list of groups/of a group that never was: the trace is removed: there is no log
trace that leads to the log/of a group that is deleted: written: entries of users (1)
entry in the user's list of groups/of a group whose log is gone: the trace is removed: there is no log
key of a user/belongs to nobody: the record is removed: nobody reads its key
key of a user/is of an unknown kind: the record is removed: nobody reads its key
key of a user/a header with a group: the record is removed: nobody reads its key
header/a member is left: removed: member records (1)
header/its text is left: removed: custom texts (1)
header/is not begun: the header is restored from the log; event in guild
header/is in an unknown state: the header is restored from the log; event in guild
header/says that it is being loaded: the header is restored from the log; event in guild
lease of a load/of a load of a group that lives: the entry is removed: it leads to nothing
pending deletion/of a group that lives: the entry is removed: it leads to nothing
pending deletion/of a group that is gone: the entry is removed: it leads to nothing
pending deletion/of a group that never was: the entry is removed: it leads to nothing
pending deletion/of nothing: the entry is removed: it leads to nothing
pending deletion/of a group and more: the entry is removed: it leads to nothing
content of file "map.png"/is missing: the content is marked as absent, and stays as it is until PutContent brings the right one; event in guild
content of file "map.png"/is longer: the content is marked as absent, and stays as it is until PutContent brings the right one; event in guild
content of file "map.png"/is empty: the content is marked as absent, and stays as it is until PutContent brings the right one; event in guild
content of file "map.png"/is another: the content is marked as absent, and stays as it is until PutContent brings the right one; event in guild
content of file "map.png"/of another size: records are restored from the log; written: file records (1); event in guild
file record/under another id: records are restored from the log; written: file records (1); event in guild
reservation of an upload/cannot be read: the reservation is removed; a content that it was for is listed by Verify as unknown
reservation of an upload/of no content: the reservation is removed; a content that it was for is listed by Verify as unknown
content to be removed/of no content: the record is removed; the content stays, and is listed by Verify as unknown if no file has it
log/goes on after the group: the header is restored from the log; event in guild
log/ends before the group: the log begins anew, with a checkpoint at version 20; what can still be read of the old log is removed: versions 1 to 19, calls: 16; the entry is removed: it leads to no call; event in guild
log/has a gap: the log begins anew, with a checkpoint at version 20; what can still be read of the old log is removed: versions 1 to 20, calls: 16; the entry is removed: it leads to no call; event in guild
log/has no beginning: the log begins anew, with a checkpoint at version 20; what can still be read of the old log is removed: versions 3 to 20, calls: 16; the entry is removed: it leads to no call; event in guild
log/overlaps: the log begins anew, with a checkpoint at version 20; what can still be read of the old log is removed: versions 1 to 20, calls: 17; event in guild
log/goes back in time: the log begins anew, with a checkpoint at version 20; what can still be read of the old log is removed: versions 1 to 20, calls: 17; event in guild
log/of a deleted group ends early: the log begins anew, with a checkpoint at version 5; what can still be read of the old log is removed: versions 1 to 4, calls: 3; the trace is listed; the trace is listed; event in ended
header/has another name: the header is restored from the log; event in guild
header/was made at another time: the header is restored from the log; event in guild
header/a tombstone of another time: the header is restored from the log; event in ended
header/a tombstone that says too much: the header is restored from the log; event in ended
header/a tombstone without a log that says too much: the header becomes a tombstone
header/a tombstone of a group that lives: the header is restored from the log; event in guild
member record/joined at another time: records are restored from the log; written: member records (1); event in guild
member record/is muted for longer: records are restored from the log; written: member records (1); event in guild
outsider record/is blocked by another: records are restored from the log; written: outsider records (1); event in guild
member record/is gone: records are restored from the log; written: member records (1); event in guild
outsider record/says nothing: removed: outsider records (1)
announcement/is another: records are restored from the log; written: announcements (1); event in guild
announcement/is gone: records are restored from the log; written: announcements (1); event in guild
custom text/is another: records are restored from the log; written: custom texts (1); event in guild
custom text/is gone: records are restored from the log; written: custom texts (1); event in guild
checkpoint/is missing: the log begins anew, with a checkpoint at version 9; what can still be read of the old log is removed: versions 9 to 9, calls: 1; event in archive
checkpoint/is of another version: the counts in the header, and where it says that the log begins, are computed
checkpoint/of a log that is whole: removed: records of the checkpoint (1)
member record/knows nothing of a member: the log begins anew, with a checkpoint at version 9; what can still be read of the old log is removed: versions 9 to 9, calls: 1; event in archive
member record/knows of someone else: the log begins anew, with a checkpoint at version 9; what can still be read of the old log is removed: versions 9 to 9, calls: 1; event in archive
list of files/of another name: records are restored from the log; written: file records (1); event in guild
custom text/lost with its place in the checkpoint: beyond repair: the records of the group do not agree, and the log is damaged
entry in the mute list/is missing: written: entries of lists (1)
entry in the mute list/points elsewhere: written: entries of lists (1)
entry in the mute list/of someone who is not: removed: entries of lists (1)
entry in the blacklist/of nobody: removed: entries of lists (1)
entry in the allow list/is missing: written: entries of lists (1)
entry in the list of join requests/is missing: written: entries of lists (1)
entry in the list of invitations/is missing: written: entries of lists (1)
outsider record/twice: records are restored from the log; removed: outsider records (1); event in guild
expiry entry/is missing: written: expiry entries (1)
expiry entry/at another time: the entry is removed: it leads to nothing
expiry entry/on another list: the entry is removed: it leads to nothing
expiry entry/of another user: the entry is removed: it leads to nothing
expiry entry/of a group that is not there: the entry is removed: it leads to nothing
expiry entry/is cut short: the entry is removed: it leads to nothing
entry in the list of groups/is missing: written: entries in the list of groups (1)
entry in the list of groups/at another time: the entry is removed: it leads to nothing
entry in the list of groups/among the private ones: the entry is removed: it leads to nothing
entry in the list of groups/of a group that never was: the entry is removed: it leads to nothing
entry in the list of groups/of a deleted group: the entry is removed: it leads to nothing
entry in the list of groups/is cut short: the entry is removed: it leads to nothing
entry in the list of groups/has no group: the entry is removed: it leads to nothing
header/is garbage: the header is restored from the log; event in guild
member record/is garbage: records are restored from the log; written: member records (1); event in guild
outsider record/is garbage: records are restored from the log; written: outsider records (1); event in guild
entry in the mute list/is garbage: written: entries of lists (1)
file record/is garbage: records are restored from the log; written: file records (1); event in guild
log/is garbage: the log begins anew, with a checkpoint at version 20; what can still be read of the old log is removed: versions 1 to 20, calls: 16; the entry is removed: it leads to no call; event in guild
log/of a deleted group is garbage: the log begins anew, with a checkpoint at version 4; what can still be read of the old log is removed: versions 1 to 4, calls: 2; the entry is removed: it leads to no call; the trace is listed; the trace is listed; event in ended
log/has no version: removed: calls of the log (1)
announcement/is garbage: records are restored from the log; written: announcements (1); event in guild
header/is garbage: the header is restored from the log; event in ended
key of a group/of nothing: the record is removed: no group has its key
key of a group/without a kind: the record is removed: no group has its key
key of a group/with a UUID as text: the record is removed: no group has its key
announcement/of someone: records are restored from the log; removed: announcements (1); event in guild
checkpoint/of someone: removed: records of the checkpoint (1)
record of an unknown kind/of no kind: removed: records of an unknown kind (1)
key/of no family: beyond repair: nothing leads to what the record should contain: remove it, or restore a copy
key/has more behind it: beyond repair: nothing leads to what the record should contain: remove it, or restore a copy
key/has more behind it: beyond repair: nothing leads to what the record should contain: remove it, or restore a copy
recorded result of an idempotency key/is garbage: the recorded result is removed: a call that is repeated with its key runs again; the entry is removed: it leads to no recorded result
expiry entry of a recorded result/is missing: the entry is removed: it leads to no recorded result
recorded result of an idempotency key/lives for ever: the expiry entry is written
expiry entry of a recorded result/ends at another time: the entry is removed: it leads to no recorded result
expiry entry of a recorded result/is cut short: the entry is removed: it leads to no recorded result
expiry entry of a recorded result/is of a group: the entry is removed: it leads to no recorded result
checkpoint/is garbage: the log begins anew, with a checkpoint at version 9; what can still be read of the old log is removed: versions 9 to 9, calls: 1; event in archive
checkpoint/is of no kind: removed: records of the checkpoint (1)
checkpoint/is nothing: removed: records of the checkpoint (1)
checkpoint/of a log that is gone: removed: records of the checkpoint (1)
format version/is missing: the format version is written anew
format version/is another: beyond repair: another version of the program can have written it: close the engine, and open the data with that version
format version/is garbage: the format version is written anew
entry in the list of invitations/by a stranger: records are restored from the log; written: outsider records (1); event in guild
entry in the list of invitations/by a member of a public group: records are restored from the log; written: outsider records (1); event in guild
entry in the list of invitations/by an owner who is none: records are restored from the log; written: member records (1); event in guild
`
