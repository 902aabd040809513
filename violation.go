package groupkit

import "fmt"

// An Invariant is a rule that always holds in a sound store.
type Invariant uint8

// The invariants that Verify checks.
const (
	OneOwner      Invariant = 1 // a group has exactly one owner, who is a member and not an admin
	CountsExact   Invariant = 2 // each count is the number of what it counts; admins are members
	ListsDisjoint Invariant = 3 // no user is on two lists that exclude each other
	MutesInBounds Invariant = 4 // the owner is not muted; no expiry is later than the last instant
	UsersAgree    Invariant = 5 // users and groups agree on memberships; each user's group count is exact
	DeletedIsGone Invariant = 6 // only the tombstone and the log remain of a deleted group
	FilesWhole    Invariant = 7 // each file has its content, of its size and hash
	LogComplete   Invariant = 8 // the log has no gaps and ends at Version; replaying it gives the group
	ViewsAgree    Invariant = 9 // each index entry matches a record; each record can be read

	InvitersMayInvite Invariant = 10 // the inviter of each pending invitation is allowed to invite
)

var invariants = [...]string{
	OneOwner: "one owner", CountsExact: "exact counts", ListsDisjoint: "disjoint lists", MutesInBounds: "mutes in bounds",
	UsersAgree: "users and groups agree", DeletedIsGone: "deleted groups are gone", FilesWhole: "files are whole",
	LogComplete: "log is complete", ViewsAgree: "indexes and records agree",
	InvitersMayInvite: "inviters may invite",
}

// String returns the rule in a few words, such as "exact counts".
func (i Invariant) String() string { return name(invariants[:], int(i)) }

// A Violation is one place in the store where an invariant is broken.
type Violation struct {
	Invariant Invariant `json:"invariant"`
	Group     GroupID   `json:"group,omitzero"` // "" if it is not about one group
	User      UserID    `json:"user,omitzero"`  // "" if it is not about one user
	Record    string    `json:"record"`         // the damaged record, such as "header"
	Problem   string    `json:"problem"`        // what is wrong with it, such as "counts 3 members, but there are 2"
}

// String returns the violation as one sentence, with the rule in parentheses:
//
//	group "guild": the header counts 3 members, but there are 2 (rule: exact counts)
func (v Violation) String() string {
	subject := (&Error{Group: v.Group, User: v.User}).subject()
	return fmt.Sprintf("%sthe %s %s (rule: %s)", subject, v.Record, v.Problem, v.Invariant)
}

// findings collects the violations that one run of Verify has found. The texts of a violation
// form a sentence: the record is its subject, the problem its predicate.
type findings struct {
	report Report
	whole  bool // the list of violations is not cut; see [repairer.lookAtGroup]
}

// found adds a violation.
func (f *findings) found(inv Invariant, group GroupID, user UserID, what, format string, args ...any) {
	v := Violation{inv, group, user, what, fmt.Sprintf(format, args...)}
	if f.whole {
		f.report.Violations = append(f.report.Violations, v)
		return
	}
	list(&f.report.Violations, &f.report.Omitted.Violations, v)
}

// unreadable reports a key or a value that cannot be decoded.
func (f *findings) unreadable(inv Invariant, group GroupID, user UserID, what string, k []byte, err error) {
	f.found(inv, group, user, what, "cannot be read: %v (key %x)", err, k)
}

// The names of records that Verify checks from both sides.
const (
	userEntry     = "entry in the user's list of groups"
	creationEntry = "entry in the list of groups"
	expiryEntry   = "expiry entry"
	fileEntry     = "entry in the index of files"
)
