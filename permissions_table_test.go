package groupkit_test

import (
	"groupkit"
)

// What every role may do, written out. A cell says what the actor of its column
// gets: yes, or the refusal that refusals names. A row with a slash is about a
// target in that state, or in any of those states.

const inPublicGroup = `
                                                  system  owner    admin    member   outsider blacklisted invited requested
see-group                                         yes     yes      yes      yes      yes      black       yes     yes
see-members                                       yes     yes      yes      yes      outside  black       outside outside
see-admins                                        yes     yes      yes      yes      outside  black       outside outside
see-role-of-another                               yes     yes      yes      yes      outside  black       outside outside
see-own-role                                      yes     yes      yes      yes      yes      black       yes     yes
see-announcement                                  yes     yes      yes      yes      outside  black       outside outside
see-blacklist                                     yes     yes      yes      low      outside  black       outside outside
see-mutes                                         yes     yes      yes      low      outside  black       outside outside
see-allow-list                                    yes     yes      yes      low      outside  black       outside outside
see-requests                                      yes     yes      yes      low      outside  black       outside outside
see-invitations                                   yes     yes      yes      low      outside  black       outside outside
see-log                                           yes     yes      yes      low      outside  black       outside outside
speak                                             yes     yes      yes      yes      outside  black       outside outside
describe                                          yes     yes      yes      low      outside  black       outside outside
configure                                         yes     yes      low      low      outside  black       outside outside
set-announcement                                  yes     yes      yes      low      outside  black       outside outside
mute-group                                        yes     yes      yes      low      outside  black       outside outside
unmute-group                                      yes     yes      yes      low      outside  black       outside outside
delete-group                                      yes     yes      low      low      outside  black       outside outside
leave                                             bad     owner    yes      yes      outside  black       outside outside
join                                              bad     member   member   member   yes      black       yes     yes
cancel-request                                    bad     norequest norequest norequest norequest black   norequest yes
accept-invitation                                 bad     member   member   member   uninvited black      yes     uninvited
decline-invitation                                bad     uninvited uninvited uninvited uninvited black   yes     uninvited
list-files                                        yes     yes      yes      yes      outside  black       outside outside
upload-file                                       yes     yes      yes      yes      outside  black       outside outside
download-file                                     yes     yes      yes      yes      outside  black       outside outside
delete-file-of-another                            yes     yes      yes      low      outside  black       outside outside
delete-own-file                                   yes     yes      yes      yes      outside  black       outside outside

add/owner,admin,member                            member  system   system   system   system   black       system  system
add/outsider,invited,requested                    yes     system   system   system   system   black       system  system
add/blacklisted                                   black   system   system   system   system   black       system  system
remove/owner                                      owner   owner    owner    low      outside  black       outside outside
remove/admin                                      yes     yes      low      low      outside  black       outside outside
remove/member                                     yes     yes      yes      low      outside  black       outside outside
remove/outsider,blacklisted,invited,requested     outside outside  outside  low      outside  black       outside outside
mute/owner                                        owner   owner    owner    low      outside  black       outside outside
mute/admin                                        yes     yes      low      low      outside  black       outside outside
mute/member                                       yes     yes      yes      low      outside  black       outside outside
mute/outsider,blacklisted,invited,requested       outside outside  outside  low      outside  black       outside outside
unmute/owner                                      unmuted unmuted  unmuted  low      outside  black       outside outside
unmute/admin                                      yes     yes      low      low      outside  black       outside outside
unmute/member                                     yes     yes      yes      low      outside  black       outside outside
unmute/outsider,blacklisted,invited,requested     unmuted unmuted  unmuted  low      outside  black       outside outside
block/owner                                       owner   owner    owner    low      outside  black       outside outside
block/admin                                       yes     yes      low      low      outside  black       outside outside
block/member                                      yes     yes      yes      low      outside  black       outside outside
block/outsider,invited,requested                  outside outside  outside  low      outside  black       outside outside
block/blacklisted                                 black   black    black    low      outside  black       outside outside
unblock/owner,admin,member                        unblocked unblocked unblocked low  outside  black       outside outside
unblock/outsider,invited,requested                unblocked unblocked unblocked low  outside  black       outside outside
unblock/blacklisted                               yes     yes      yes      low      outside  black       outside outside
allow/owner,admin,member                          yes     yes      yes      low      outside  black       outside outside
allow/outsider,blacklisted,invited,requested      outside outside  outside  low      outside  black       outside outside
disallow/owner,admin,member                       yes     yes      yes      low      outside  black       outside outside
disallow/outsider,blacklisted,invited,requested   unallowed unallowed unallowed low  outside  black       outside outside
appoint/owner                                     owner   owner    low      low      outside  black       outside outside
appoint/admin                                     admin   admin    low      low      outside  black       outside outside
appoint/member                                    yes     yes      low      low      outside  black       outside outside
appoint/outsider,blacklisted,invited,requested    outside outside  low      low      outside  black       outside outside
dismiss/owner                                     owner   owner    low      low      outside  black       outside outside
dismiss/admin                                     yes     yes      low      low      outside  black       outside outside
dismiss/member                                    noadmin noadmin  low      low      outside  black       outside outside
dismiss/outsider,blacklisted,invited,requested    outside outside  low      low      outside  black       outside outside
transfer/owner                                    owner   owner    low      low      outside  black       outside outside
transfer/admin,member                             yes     yes      low      low      outside  black       outside outside
transfer/outsider,blacklisted,invited,requested   outside outside  low      low      outside  black       outside outside
approve/owner,admin,member                        norequest norequest norequest low  outside  black       outside outside
approve/outsider,blacklisted,invited              norequest norequest norequest low  outside  black       outside outside
approve/requested                                 yes     yes      yes      low      outside  black       outside outside
approve-many/owner,admin,member                   norequest norequest norequest low  outside  black       outside outside
approve-many/outsider,blacklisted,invited         norequest norequest norequest low  outside  black       outside outside
approve-many/requested                            yes     yes      yes      low      outside  black       outside outside
decline/owner,admin,member                        norequest norequest norequest low  outside  black       outside outside
decline/outsider,blacklisted,invited              norequest norequest norequest low  outside  black       outside outside
decline/requested                                 yes     yes      yes      low      outside  black       outside outside
decline-many/owner,admin,member                   norequest norequest norequest low  outside  black       outside outside
decline-many/outsider,blacklisted,invited         norequest norequest norequest low  outside  black       outside outside
decline-many/requested                            yes     yes      yes      low      outside  black       outside outside
invite/owner,admin,member                         member  member   member   low      outside  black       outside outside
invite/outsider,invited,requested                 yes     yes      yes      low      outside  black       outside outside
invite/blacklisted                                black   black    black    low      outside  black       outside outside
invite-where-members-may-not/owner,admin,member   member  member   member   low      outside  black       outside outside
invite-where-members-may-not/outsider,invited     yes     yes      yes      low      outside  black       outside outside
invite-where-members-may-not/requested            yes     yes      yes      low      outside  black       outside outside
invite-where-members-may-not/blacklisted          black   black    black    low      outside  black       outside outside
cancel-invitation/owner,admin,member              uninvited uninvited uninvited low  outside  black       outside outside
cancel-invitation/outsider,blacklisted,requested  uninvited uninvited uninvited low  outside  black       outside outside
cancel-invitation/invited                         yes     yes      yes      low      outside  black       outside outside
cancel-many/owner,admin,member                    uninvited uninvited uninvited low  outside  black       outside outside
cancel-many/outsider,blacklisted,requested        uninvited uninvited uninvited low  outside  black       outside outside
cancel-many/invited                               yes     yes      yes      low      outside  black       outside outside
`

// In a private group there are no join requests, and outsiders find nothing.
const inPrivateGroup = `
                                                  system  owner    admin    member   outsider blacklisted invited
see-group                                         yes     yes      yes      yes      hidden   black       yes
see-members                                       yes     yes      yes      yes      hidden   black       hidden
see-admins                                        yes     yes      yes      yes      hidden   black       hidden
see-role-of-another                               yes     yes      yes      yes      hidden   black       hidden
see-own-role                                      yes     yes      yes      yes      hidden   black       hidden
see-announcement                                  yes     yes      yes      yes      hidden   black       hidden
see-blacklist                                     yes     yes      yes      low      hidden   black       hidden
see-mutes                                         yes     yes      yes      low      hidden   black       hidden
see-allow-list                                    yes     yes      yes      low      hidden   black       hidden
see-requests                                      yes     yes      yes      low      hidden   black       hidden
see-invitations                                   yes     yes      yes      low      hidden   black       hidden
see-log                                           yes     yes      yes      low      hidden   black       hidden
speak                                             yes     yes      yes      yes      hidden   black       hidden
describe                                          yes     yes      yes      low      hidden   black       hidden
configure                                         yes     yes      low      low      hidden   black       hidden
set-announcement                                  yes     yes      yes      low      hidden   black       hidden
mute-group                                        yes     yes      yes      low      hidden   black       hidden
unmute-group                                      yes     yes      yes      low      hidden   black       hidden
delete-group                                      yes     yes      low      low      hidden   black       hidden
leave                                             bad     owner    yes      yes      hidden   black       hidden
join                                              bad     member   member   member   hidden   black       yes
cancel-request                                    bad     norequest norequest norequest hidden black      hidden
accept-invitation                                 bad     member   member   member   hidden   black       yes
decline-invitation                                bad     uninvited uninvited uninvited hidden black      yes
list-files                                        yes     yes      yes      yes      hidden   black       hidden
upload-file                                       yes     yes      yes      yes      hidden   black       hidden
download-file                                     yes     yes      yes      yes      hidden   black       hidden
delete-file-of-another                            yes     yes      yes      low      hidden   black       hidden
delete-own-file                                   yes     yes      yes      yes      hidden   black       hidden

add/owner,admin,member                            member  system   system   system   hidden   black       hidden
add/outsider,invited                              yes     system   system   system   hidden   black       hidden
add/blacklisted                                   black   system   system   system   hidden   black       hidden
remove/owner                                      owner   owner    owner    low      hidden   black       hidden
remove/admin                                      yes     yes      low      low      hidden   black       hidden
remove/member                                     yes     yes      yes      low      hidden   black       hidden
remove/outsider,blacklisted,invited               outside outside  outside  low      hidden   black       hidden
mute/owner                                        owner   owner    owner    low      hidden   black       hidden
mute/admin                                        yes     yes      low      low      hidden   black       hidden
mute/member                                       yes     yes      yes      low      hidden   black       hidden
mute/outsider,blacklisted,invited                 outside outside  outside  low      hidden   black       hidden
unmute/owner                                      unmuted unmuted  unmuted  low      hidden   black       hidden
unmute/admin                                      yes     yes      low      low      hidden   black       hidden
unmute/member                                     yes     yes      yes      low      hidden   black       hidden
unmute/outsider,blacklisted,invited               unmuted unmuted  unmuted  low      hidden   black       hidden
block/owner                                       owner   owner    owner    low      hidden   black       hidden
block/admin                                       yes     yes      low      low      hidden   black       hidden
block/member                                      yes     yes      yes      low      hidden   black       hidden
block/outsider,invited                            outside outside  outside  low      hidden   black       hidden
block/blacklisted                                 black   black    black    low      hidden   black       hidden
unblock/owner,admin,member,outsider,invited       unblocked unblocked unblocked low  hidden   black       hidden
unblock/blacklisted                               yes     yes      yes      low      hidden   black       hidden
allow/owner,admin,member                          yes     yes      yes      low      hidden   black       hidden
allow/outsider,blacklisted,invited                outside outside  outside  low      hidden   black       hidden
disallow/owner,admin,member                       yes     yes      yes      low      hidden   black       hidden
disallow/outsider,blacklisted,invited             unallowed unallowed unallowed low  hidden   black       hidden
appoint/owner                                     owner   owner    low      low      hidden   black       hidden
appoint/admin                                     admin   admin    low      low      hidden   black       hidden
appoint/member                                    yes     yes      low      low      hidden   black       hidden
appoint/outsider,blacklisted,invited              outside outside  low      low      hidden   black       hidden
dismiss/owner                                     owner   owner    low      low      hidden   black       hidden
dismiss/admin                                     yes     yes      low      low      hidden   black       hidden
dismiss/member                                    noadmin noadmin  low      low      hidden   black       hidden
dismiss/outsider,blacklisted,invited              outside outside  low      low      hidden   black       hidden
transfer/owner                                    owner   owner    low      low      hidden   black       hidden
transfer/admin,member                             yes     yes      low      low      hidden   black       hidden
transfer/outsider,blacklisted,invited             outside outside  low      low      hidden   black       hidden
approve/owner,admin,member                        norequest norequest norequest low  hidden   black       hidden
approve/outsider,blacklisted,invited              norequest norequest norequest low  hidden   black       hidden
approve-many/owner,admin,member                   norequest norequest norequest low  hidden   black       hidden
approve-many/outsider,blacklisted,invited         norequest norequest norequest low  hidden   black       hidden
decline/owner,admin,member                        norequest norequest norequest low  hidden   black       hidden
decline/outsider,blacklisted,invited              norequest norequest norequest low  hidden   black       hidden
decline-many/owner,admin,member                   norequest norequest norequest low  hidden   black       hidden
decline-many/outsider,blacklisted,invited         norequest norequest norequest low  hidden   black       hidden
invite/owner,admin,member                         member  member   member   member   hidden   black       hidden
invite/outsider,invited                           yes     yes      yes      yes      hidden   black       hidden
invite/blacklisted                                black   black    black    black    hidden   black       hidden
invite-where-members-may-not/owner,admin,member   member  member   member   low      hidden   black       hidden
invite-where-members-may-not/outsider,invited     yes     yes      yes      low      hidden   black       hidden
invite-where-members-may-not/blacklisted          black   black    black    low      hidden   black       hidden
cancel-invitation/owner,admin,member              uninvited uninvited uninvited low  hidden   black       hidden
cancel-invitation/outsider,blacklisted            uninvited uninvited uninvited low  hidden   black       hidden
cancel-invitation/invited                         yes     yes      yes      low      hidden   black       hidden
cancel-many/owner,admin,member                    uninvited uninvited uninvited low  hidden   black       hidden
cancel-many/outsider,blacklisted                  uninvited uninvited uninvited low  hidden   black       hidden
cancel-many/invited                               yes     yes      yes      low      hidden   black       hidden
`

// refusals are the words of the tables.
var refusals = map[string]error{
	"yes": nil, "bad": groupkit.ErrInvalid, "hidden": groupkit.ErrGroupNotFound, "black": groupkit.ErrBlacklisted,
	"outside": groupkit.ErrNotMember, "low": groupkit.ErrRoleTooLow, "owner": groupkit.ErrIsOwner, "system": groupkit.ErrSystemOnly,
	"member": groupkit.ErrAlreadyMember, "admin": groupkit.ErrAlreadyAdmin, "noadmin": groupkit.ErrNotAdmin,
	"unmuted": groupkit.ErrNotMuted, "unblocked": groupkit.ErrNotBlacklisted, "unallowed": groupkit.ErrNotAllowed,
	"norequest": groupkit.ErrRequestNotFound, "uninvited": groupkit.ErrInvitationNotFound,
}
