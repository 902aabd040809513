package groupkit

import "strings"

// The functions of this file convert between the numbers and names that the API has, and the
// words by which programs know them: in JSON, in configuration files, on command lines. A word
// never changes. String gives the texts that people read.

// A vocabulary contains the words of one type, by its numbers.
type vocabulary struct {
	field Field // that a text of the type mostly is in; for errors
	words []string
}

var (
	kindWords = vocabulary{"kind", []string{
		GroupCreated: "group_created", GroupUpdated: "group_updated", GroupDeleted: "group_deleted",
		OwnerChanged: "owner_changed", AdminAdded: "admin_added", AdminRemoved: "admin_removed",
		MemberJoined: "member_joined", MemberLeft: "member_left",
		JoinRequested: "join_requested", RequestApproved: "request_approved", RequestDeclined: "request_declined",
		RequestCancelled: "request_cancelled", RequestExpired: "request_expired",
		MemberInvited: "member_invited", InvitationAccepted: "invitation_accepted", InvitationDeclined: "invitation_declined",
		InvitationCancelled: "invitation_cancelled", InvitationExpired: "invitation_expired",
		MemberBlocked: "member_blocked", MemberUnblocked: "member_unblocked", BlockExpired: "block_expired",
		MemberMuted: "member_muted", MemberUnmuted: "member_unmuted", MuteExpired: "mute_expired",
		GroupMuted: "group_muted", GroupUnmuted: "group_unmuted",
		MemberAllowed: "member_allowed", MemberDisallowed: "member_disallowed",
		AnnouncementChanged: "announcement_changed", FileAdded: "file_added", FileDeleted: "file_deleted",
		Checkpoint: "checkpoint", Pseudonymized: "pseudonymized", Repaired: "repaired",
	}}
	causeWords = vocabulary{"cause", []string{
		CauseNone: "none", CauseCreated: "created", CauseAdded: "added", CauseJoined: "direct", CauseInvited: "invited",
		CauseApproved: "approved", CauseLeft: "left", CauseRemoved: "removed", CauseBlocked: "blocked", CauseForgotten: "forgotten",
	}}
	roleWords = vocabulary{"role", []string{
		RoleOutsider: "outsider", RoleMember: "member", RoleAdmin: "admin", RoleOwner: "owner",
	}}
	outcomeWords = vocabulary{"outcome", []string{
		OutcomeNone: "none", OutcomeJoined: "joined", OutcomeRequested: "requested", OutcomeInvited: "invited", OutcomeDone: "done",
	}}
	ownedWords      = vocabulary{"owned", []string{OwnedRefuse: "refuse", OwnedSucceed: "succeed", OwnedDelete: "delete"}}
	ownerWords      = vocabulary{"Options.OwnerLeave", []string{OwnerRefuse: "refuse", OwnerSucceed: "succeed"}}
	durabilityWords = vocabulary{"Options.Durability", []string{SyncAlways: "always", SyncInterval: "interval", SyncNever: "never"}}
	invariantWords  = vocabulary{"invariant", []string{
		OneOwner: "one_owner", CountsExact: "counts_exact", ListsDisjoint: "lists_disjoint", MutesInBounds: "mutes_in_bounds",
		UsersAgree: "users_agree", DeletedIsGone: "deleted_is_gone", FilesWhole: "files_whole", LogComplete: "log_complete",
		ViewsAgree: "views_agree", InvitersMayInvite: "inviters_may_invite",
	}}
)

// text returns the word of a number.
func (v *vocabulary) text(number uint8) ([]byte, error) {
	if int(number) >= len(v.words) || v.words[number] == "" {
		return nil, invalid(v.field, "has no word for the number %d", number)
	}
	return []byte(v.words[number]), nil
}

// read is the inverse of text. It leaves the number as it is if it does not know the word.
func (v *vocabulary) read(text []byte, number *uint8) error {
	for i, word := range v.words {
		if word != "" && word == string(text) {
			*number = uint8(i)
			return nil
		}
	}
	return invalid(v.field, "has the unknown word %s", quote(string(text)))
}

// MarshalText returns the word of the kind, such as "member_joined". It returns ErrInvalid for a
// number that is no kind.
func (k EventKind) MarshalText() ([]byte, error) { return kindWords.text(uint8(k)) }

// UnmarshalText is the inverse of MarshalText. It returns ErrInvalid for an unknown word.
func (k *EventKind) UnmarshalText(text []byte) error { return kindWords.read(text, (*uint8)(k)) }

// MarshalText returns the word of the cause, such as "approved". It returns ErrInvalid for a
// number that is no cause.
func (c Cause) MarshalText() ([]byte, error) { return causeWords.text(uint8(c)) }

// UnmarshalText is the inverse of MarshalText. It returns ErrInvalid for an unknown word.
func (c *Cause) UnmarshalText(text []byte) error { return causeWords.read(text, (*uint8)(c)) }

// MarshalText returns the word of the role, such as "admin". It returns ErrInvalid for a number
// that is no role.
func (r Role) MarshalText() ([]byte, error) { return roleWords.text(uint8(r)) }

// UnmarshalText is the inverse of MarshalText. It returns ErrInvalid for an unknown word.
func (r *Role) UnmarshalText(text []byte) error { return roleWords.read(text, (*uint8)(r)) }

// MarshalText returns the word of the outcome, such as "joined". It returns ErrInvalid for a
// number that is no outcome.
func (o Outcome) MarshalText() ([]byte, error) { return outcomeWords.text(uint8(o)) }

// UnmarshalText is the inverse of MarshalText. It returns ErrInvalid for an unknown word.
func (o *Outcome) UnmarshalText(text []byte) error { return outcomeWords.read(text, (*uint8)(o)) }

// String returns the word of the policy, such as "succeed".
func (p OwnedPolicy) String() string { return name(ownedWords.words, int(p)) }

// MarshalText returns the word of the policy, such as "succeed". It returns ErrInvalid for a
// number that is no policy.
func (p OwnedPolicy) MarshalText() ([]byte, error) { return ownedWords.text(uint8(p)) }

// UnmarshalText is the inverse of MarshalText. It returns ErrInvalid for an unknown word.
func (p *OwnedPolicy) UnmarshalText(text []byte) error { return ownedWords.read(text, (*uint8)(p)) }

// String returns the word of the policy, such as "succeed".
func (p OwnerPolicy) String() string { return name(ownerWords.words, int(p)) }

// MarshalText returns the word of the policy, such as "succeed". It returns ErrInvalid for a
// number that is no policy.
func (p OwnerPolicy) MarshalText() ([]byte, error) { return ownerWords.text(uint8(p)) }

// UnmarshalText is the inverse of MarshalText. It returns ErrInvalid for an unknown word.
func (p *OwnerPolicy) UnmarshalText(text []byte) error { return ownerWords.read(text, (*uint8)(p)) }

// String returns the word of the durability, such as "interval".
func (d Durability) String() string { return name(durabilityWords.words, int(d)) }

// MarshalText returns the word of the durability, such as "interval". It returns ErrInvalid for a
// number that is no durability.
func (d Durability) MarshalText() ([]byte, error) { return durabilityWords.text(uint8(d)) }

// UnmarshalText is the inverse of MarshalText. It returns ErrInvalid for an unknown word.
func (d *Durability) UnmarshalText(text []byte) error {
	return durabilityWords.read(text, (*uint8)(d))
}

// MarshalText returns the word of the invariant, such as "counts_exact". It returns ErrInvalid for
// a number that is no invariant.
func (i Invariant) MarshalText() ([]byte, error) { return invariantWords.text(uint8(i)) }

// UnmarshalText is the inverse of MarshalText. It returns ErrInvalid for an unknown word.
func (i *Invariant) UnmarshalText(text []byte) error { return invariantWords.read(text, (*uint8)(i)) }

// MarshalText returns the operation with underscores instead of spaces, such as "add_member".
func (o Op) MarshalText() ([]byte, error) {
	return []byte(strings.ReplaceAll(string(o), " ", "_")), nil
}

// UnmarshalText is the inverse of MarshalText. It takes any text, because a newer version has more
// operations.
func (o *Op) UnmarshalText(text []byte) error {
	*o = Op(strings.ReplaceAll(string(text), "_", " "))
	return nil
}

// fieldWords are the words of the fields whose names are not words.
var fieldWords = map[Field]string{
	FieldMaxUsers: "max_users", FieldMembersOnly: "members_only", FieldAllowInvites: "allow_invites",
	FieldInviteNeedConfirm: "invite_need_confirm", FieldGroup: "group_id", FieldUser: "user_id",
	FieldFileName: "file_name", FieldKey: "idempotency_key",
}

var wordFields = func() map[string]Field {
	out := make(map[string]Field, len(fieldWords))
	for field, word := range fieldWords {
		out[word] = field
	}
	return out
}()

// MarshalText returns the word of the field, such as "max_users" for FieldMaxUsers.
func (f Field) MarshalText() ([]byte, error) {
	if word, ok := fieldWords[f]; ok {
		return []byte(word), nil
	}
	return []byte(f), nil
}

// UnmarshalText is the inverse of MarshalText. It takes any text, because the application can
// name fields of its own in errors.
func (f *Field) UnmarshalText(text []byte) error {
	*f = Field(text)
	if field, ok := wordFields[string(text)]; ok {
		*f = field
	}
	return nil
}
